/* Cells of a result page as Salesforce writes them: what fast_lines.c and fast_arrow.c both read.

   Whatever is written otherwise is NOT_PLAIN: no value is corrected here, and nothing is refused. */

#ifndef SFBULK_PLAIN_CELLS_H
#define SFBULK_PLAIN_CELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <cpuid.h>
#include <emmintrin.h>
#endif

/* What Python calls; all else stays inside the library. */
#ifdef _WIN32
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

enum { NOT_PLAIN = -1 };

/* How Bulk API 2.0 writes a datetime: 2026-01-31T12:30:45.000Z. */
enum { DATETIME_SIZE = 24 };

/* Longer ones, which keep their fraction at some length, are left to Python. */
enum { LONGEST_INTEGER = 30 };

#define EACH(byte) (0x0101010101010101u * (uint64_t)(byte))

#ifdef __SSE2__
/* Whether processor and system know AVX: Intel's manual, volume 1, "Detection of AVX". */
static inline bool has_avx(void)
{
    enum { OSXSAVE_AND_AVX = 3 << 27, SAVED_REGISTERS = 6 };
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & OSXSAVE_AND_AVX) != OSXSAVE_AND_AVX)
        return false;
    __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    return (a & SAVED_REGISTERS) == SAVED_REGISTERS;
}

/* Clears the upper halves of vector registers. igzip leaves something in them, and while it is
   there, SSE code takes twice its time on Intel's processors. */
static inline void clear_upper_halves(void)
{
    static int known; /* 0: not yet, 1: no AVX, 2: AVX; every thread finds the same */
    if (!known)
        known = 1 + has_avx();
    if (known == 2)
        __asm__ volatile("vzeroupper");
}
#else
static inline void clear_upper_halves(void) {}
#endif

static inline uint64_t load_word(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* The place of the first quote in a chunk; its size if there is none. */
#ifdef __SSE2__
enum { CHUNK = 16 };

static inline unsigned first_quote(const uint8_t *chunk)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)chunk);
    int quotes = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')));
    return quotes ? (unsigned)__builtin_ctz((unsigned)quotes) : CHUNK;
}
#else
enum { CHUNK = 8 };

static inline unsigned first_quote(const uint8_t *chunk)
{
    uint64_t other = load_word(chunk) ^ EACH('"');
    uint64_t quotes = (other - EACH(1)) & ~other & EACH(0x80);
    return quotes ? (unsigned)__builtin_ctzll(quotes) / 8 : CHUNK;
}
#endif

/* The next quote; NULL if there is none. */
static inline const uint8_t *find_quote(const uint8_t *at, const uint8_t *end)
{
    while (end - at >= CHUNK) {
        unsigned before = first_quote(at);
        at += before;
        if (before < CHUNK)
            return at;
    }
    for (; at < end; ++at)
        if (*at == '"')
            return at;
    return NULL;
}

static inline bool is_digit(uint8_t byte) { return byte >= '0' && byte <= '9'; }

static inline const uint8_t *skip_digits(const uint8_t *at, const uint8_t *end)
{
    while (at < end && is_digit(*at))
        ++at;
    return at;
}

/* The end of a JSON integer; NULL if there is none. */
static inline const uint8_t *skip_integer(const uint8_t *at, const uint8_t *end)
{
    if (at < end && *at == '-')
        ++at;
    const uint8_t *after = skip_digits(at, end);
    return after == at || (*at == '0' && after - at > 1) ? NULL : after;
}

static inline bool is_number(const uint8_t *at, const uint8_t *end)
{
    at = skip_integer(at, end);
    if (at && at < end && *at == '.') {
        const uint8_t *fraction = at + 1;
        at = skip_digits(fraction, end);
        if (at == fraction)
            return false;
    }
    if (at && at < end && (*at == 'e' || *at == 'E')) {
        ++at;
        if (at < end && (*at == '+' || *at == '-'))
            ++at;
        const uint8_t *exponent = at;
        at = skip_digits(exponent, end);
        if (at == exponent)
            return false;
    }
    return at == end;
}

/* How much of an integer counts: `47.0` is 47. 0 if the cell holds anything else. */
static inline size_t integer_size(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *whole = skip_integer(at, end);
    if (!whole || whole == end)
        return whole ? (size_t)(end - at) : 0;
    if (*whole != '.' || whole + 1 == end || (at[0] == '-' && at[1] == '0') ||
        whole - at > LONGEST_INTEGER)
        return 0;
    for (const uint8_t *zero = whole + 1; zero < end; ++zero)
        if (*zero != '0')
            return 0;
    return (size_t)(whole - at);
}

static inline bool equals(const uint8_t *cell, size_t size, const char *text)
{
    return strlen(text) == size && memcmp(cell, text, size) == 0;
}

/* The bytes of a word that are equal to another, as bytes of ones. */
static inline uint64_t equal_bytes(uint64_t word, uint8_t byte)
{
    uint64_t other = word ^ EACH(byte);
    return ((~(((other & EACH(0x7F)) + EACH(0x7F)) | other) & EACH(0x80)) >> 7) * 0xFF;
}

/* Whether a word has digits where its form has `d`, and the form's byte everywhere else. */
static inline bool has_word_form(uint64_t word, uint64_t form)
{
    uint64_t digits = equal_bytes(form, 'd');
    /* Both halves of a digit, and of the sum, are 3. Only what is no digit carries into the next. */
    uint64_t wrong = ((word & EACH(0xF0)) | ((word + EACH(6)) >> 4 & EACH(0x0F))) ^ EACH(0x33);
    return ((wrong & digits) | ((word ^ form) & ~digits)) == 0;
}

/* Whether `dd…` stands for digits and the rest for itself; `size` bytes, at least 8, are readable. */
static inline bool has_form(const uint8_t *cell, const char *form, size_t size)
{
    const uint8_t *bytes = (const uint8_t *)form;
    for (size_t at = 0; at + 8 < size; at += 8)
        if (!has_word_form(load_word(cell + at), load_word(bytes + at)))
            return false;
    return has_word_form(load_word(cell + size - 8), load_word(bytes + size - 8));
}

/* Keeps the greatest of texts that sort as their moments do; the cell ends at its quote. */
static inline int keep_greatest(const uint8_t *cell, const uint8_t *end, uint8_t *greatest)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ\"";

    size_t size = sizeof(form) - 1;
    if ((size_t)(end - cell) < size || ((size_t)(end - cell) > size && cell[size] == '"') ||
        !has_form(cell, form, size))
        return NOT_PLAIN;
    if (memcmp(cell, greatest, DATETIME_SIZE) > 0)
        memcpy(greatest, cell, DATETIME_SIZE);
    return 0;
}

/* Moves from behind a cell's opening quote to behind its closing one. */
static inline int skip_cell(const uint8_t **in, const uint8_t *end)
{
    const uint8_t *at = *in;
    while ((at = find_quote(at, end))) {
        if (++at == end || *at != '"') {
            *in = at;
            return 0;
        }
        ++at;
    }
    return NOT_PLAIN;
}

/* Begins a cell: moves behind its opening quote, and behind its closing one if it is empty. */
static inline void open_cell(const uint8_t **in, const uint8_t *end, bool *is_quoted,
                             bool *is_empty)
{
    const uint8_t *at = *in;
    *is_quoted = *at == '"';
    *is_empty = !*is_quoted ||
                (end - at >= 2 && at[1] == '"' && (end - at == 2 || at[2] != '"'));
    *in += *is_quoted + (*is_quoted && *is_empty);
}

/* Moves to the next cell of a record. A single cell without quotes could be an empty line. */
static inline bool begins_cell(const uint8_t **in, const uint8_t *end, uint8_t delimiter,
                               size_t number, size_t column_count)
{
    if (number && (*in == end || *(*in)++ != delimiter))
        return false;
    return *in < end && (**in == '"' || column_count > 1);
}

/* Moves behind a line end, if there is one or the block ends; a cell stands before it. */
static inline bool ends_line(const uint8_t **in, const uint8_t *end)
{
    if (*in < end && **in == '\r')
        ++*in;
    if (*in == end)
        return (*in)[-1] != '\r';
    return *(*in)++ == '\n';
}

#endif
