/* What stands outside of the quotes in the CSV of a result page (marks.py), 64 bytes at once.

   Marks are bits, one a byte, the first byte's lowest. */

#include "plain_cells.h"

enum { WIDTH = 64, NOT_UTF_8 = -1 };

/* As in marks.py. */
struct marks {
    uint64_t size;           /* bytes seen */
    uint64_t record_end;     /* behind the last line end outside of quotes; 0 if there was none */
    uint64_t line_ends;      /* outside of quotes */
    uint64_t delimiters;     /* outside of quotes */
    uint64_t nul_characters; /* anywhere */
    uint8_t is_in_quotes;
    /* Of a character that is not whole yet: how many bytes it lacks, and what the next may be. */
    uint8_t lacking, lowest, highest;
};

#ifdef __SSE2__
static uint64_t equal_to(const uint8_t *bytes, uint8_t byte)
{
    uint64_t marks = 0;
    for (int at = 0; at < WIDTH; at += 16) {
        __m128i part = _mm_loadu_si128((const __m128i *)(const void *)(bytes + at));
        int equal = _mm_movemask_epi8(_mm_cmpeq_epi8(part, _mm_set1_epi8((char)byte)));
        marks |= (uint64_t)(unsigned)equal << at;
    }
    return marks;
}

static uint64_t not_ascii(const uint8_t *bytes)
{
    uint64_t marks = 0;
    for (int at = 0; at < WIDTH; at += 16) {
        __m128i part = _mm_loadu_si128((const __m128i *)(const void *)(bytes + at));
        marks |= (uint64_t)(unsigned)_mm_movemask_epi8(part) << at;
    }
    return marks;
}
#else
/* The highest bits of eight bytes. */
static uint64_t highest_bits(uint64_t word)
{
    return (((word & EACH(0x80)) >> 7) * 0x0102040810204080u) >> 56;
}

static uint64_t equal_to(const uint8_t *bytes, uint8_t byte)
{
    uint64_t marks = 0;
    for (int at = 0; at < WIDTH; at += 8) {
        uint64_t other = load_word(bytes + at) ^ EACH(byte);
        uint64_t equal = ~(((other & EACH(0x7F)) + EACH(0x7F)) | other);
        marks |= highest_bits(equal) << at;
    }
    return marks;
}

static uint64_t not_ascii(const uint8_t *bytes)
{
    uint64_t marks = 0;
    for (int at = 0; at < WIDTH; at += 8)
        marks |= highest_bits(load_word(bytes + at)) << at;
    return marks;
}
#endif

static uint64_t count(uint64_t marks)
{
    marks -= (marks >> 1) & EACH(0x55);
    marks = (marks & EACH(0x33)) + ((marks >> 2) & EACH(0x33));
    return (((marks + (marks >> 4)) & EACH(0x0F)) * EACH(1)) >> 56;
}

/* The Unicode Standard, table 3-7, "Well-Formed UTF-8 Byte Sequences". */
static bool takes(struct marks *marks, uint8_t byte)
{
    if (marks->lacking) {
        if (byte < marks->lowest || byte > marks->highest)
            return false;
        --marks->lacking;
        marks->lowest = 0x80;
        marks->highest = 0xBF;
        return true;
    }
    if (byte < 0x80)
        return true;
    if (byte < 0xC2 || byte > 0xF4)
        return false;
    marks->lacking = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
    marks->lowest = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
    marks->highest = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
    return true;
}

static bool continues(uint8_t byte) { return (byte & 0xC0) == 0x80; }

/* The size of a character that is not ASCII, four bytes being readable; 0 if it is not one. */
static size_t character_size(const uint8_t *bytes)
{
    struct marks marks = {0};
    if (!takes(&marks, bytes[0]))
        return 0;
    size_t size = 1u + marks.lacking;
    bool is_whole = bytes[1] >= marks.lowest && bytes[1] <= marks.highest &&
                    (size < 3 || continues(bytes[2])) && (size < 4 || continues(bytes[3]));
    return is_whole ? size : 0;
}

/* Takes 64 bytes, of which so many count; from one byte that is not ASCII to the next. */
static bool is_utf_8(struct marks *marks, const uint8_t *bytes, size_t size)
{
    uint64_t others = not_ascii(bytes);
    for (size_t at = 0; at < size;) {
        if (!marks->lacking) {
            if (!(others >> at))
                return true;
            at += (size_t)__builtin_ctzll(others >> at);
            if (size - at >= 4) {
                size_t character = character_size(bytes + at);
                if (!character)
                    return false;
                at += character;
                continue;
            }
        }
        if (!takes(marks, bytes[at++]))
            return false;
    }
    return true;
}

/* Takes the next piece of a text. Returns 0, or NOT_UTF_8, and then the marks are as before. */
EXPORTED int sfbulk_marks(struct marks *marks, const uint8_t *piece, size_t size, uint8_t delimiter)
{
    struct marks found = *marks;
    /* All of its bits are set inside of quotes. */
    uint64_t carried = found.is_in_quotes ? ~(uint64_t)0 : 0;

    clear_upper_halves();
    for (size_t at = 0; at < size; at += WIDTH) {
        uint8_t rest[WIDTH];
        const uint8_t *bytes = piece + at;
        size_t length = size - at < WIDTH ? size - at : WIDTH;
        if (length < WIDTH) {
            /* Filled up with what marks nothing. */
            memset(rest, 'a', WIDTH);
            memcpy(rest, bytes, length);
            bytes = rest;
        }
        if (!is_utf_8(&found, bytes, length))
            return NOT_UTF_8;

        /* A byte is inside if an odd number of quotes stands before it. */
        uint64_t inside = equal_to(bytes, '"');
        for (int shift = 1; shift < WIDTH; shift *= 2)
            inside ^= inside << shift;
        inside ^= carried;
        carried = 0 - (inside >> (WIDTH - 1));

        uint64_t line_ends = equal_to(bytes, '\n') & ~inside;
        uint64_t nul_characters = equal_to(bytes, 0);
        found.delimiters += count(equal_to(bytes, delimiter) & ~inside);
        if (nul_characters)
            found.nul_characters += count(nul_characters);
        if (line_ends) {
            found.line_ends += count(line_ends);
            found.record_end = found.size + at + WIDTH - (uint64_t)__builtin_clzll(line_ends);
        }
    }
    found.size += size;
    found.is_in_quotes = carried != 0;
    *marks = found;
    return 0;
}
