/* What stands outside of the quotes in the CSV of a result page (marks.py), eight bytes at once.

   A word holds eight bytes, the first one lowest; marks are the highest bits of its bytes. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { WORD = 8, NOT_UTF_8 = -1 };

#define EACH(byte) (0x0101010101010101u * (uint64_t)(byte))
#define HIGHEST EACH(0x80)

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

static uint64_t load(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, WORD);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* Fills a word that is not full with what marks nothing. */
static uint64_t load_rest(const uint8_t *bytes, size_t size)
{
    uint8_t rest[WORD];
    memset(rest, 'a', WORD);
    memcpy(rest, bytes, size);
    return load(rest);
}

static uint64_t equal_to(uint64_t word, uint8_t byte)
{
    uint64_t difference = word ^ EACH(byte);
    return ~(((difference & ~HIGHEST) + ~HIGHEST) | difference | ~HIGHEST);
}

/* How many bytes are marked. */
static uint64_t count(uint64_t marks) { return ((marks >> 7) * EACH(1)) >> 56; }

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

static bool is_utf_8(struct marks *marks, const uint8_t *bytes, size_t size)
{
    for (size_t at = 0; at < size; ++at)
        if (!takes(marks, bytes[at]))
            return false;
    return true;
}

/* Takes the next piece of a text. Returns 0, or NOT_UTF_8, and then the marks are as before. */
int sfbulk_marks(struct marks *marks, const uint8_t *piece, size_t size, uint8_t delimiter)
{
    struct marks found = *marks;
    /* All of its bits are set inside of quotes. */
    uint64_t carried = found.is_in_quotes ? ~(uint64_t)0 : 0;

    for (size_t at = 0; at < size; at += WORD) {
        size_t length = size - at < WORD ? size - at : WORD;
        uint64_t word = length == WORD ? load(piece + at) : load_rest(piece + at, length);
        if (((word & HIGHEST) || found.lacking) && !is_utf_8(&found, piece + at, length))
            return NOT_UTF_8;

        /* A byte is inside if an odd number of quotes stands before it. */
        uint64_t inside = equal_to(word, '"');
        inside ^= inside << 8;
        inside ^= inside << 16;
        inside ^= inside << 32;
        inside ^= carried;
        carried = 0 - (inside >> 63);

        uint64_t line_ends = equal_to(word, '\n') & ~inside;
        found.line_ends += count(line_ends);
        found.delimiters += count(equal_to(word, delimiter) & ~inside);
        found.nul_characters += count(equal_to(word, 0));
        if (line_ends)
            found.record_end = found.size + at + WORD - (uint64_t)__builtin_clzll(line_ends) / 8;
    }
    found.size += size;
    found.is_in_quotes = carried != 0;
    *marks = found;
    return 0;
}
