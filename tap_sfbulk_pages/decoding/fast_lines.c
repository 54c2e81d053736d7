/* Lines of JSON out of a block of a result page, as Salesforce writes its CSV (fast_lines.py).

   Whatever is not written so makes the whole block NOT_PLAIN: no value is corrected here, and
   nothing is refused. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What is answered where no lines are made. */
enum { NOT_PLAIN = -1, TOO_SMALL = -2 };

enum cell_type { LEFT_OUT, TEXT, BOOLEAN, INTEGER, NUMBER };

/* How Bulk API 2.0 writes a datetime: 2026-01-31T12:30:45.000Z. */
enum { DATETIME_SIZE = 24 };

/* Longer ones, which keep their fraction at some length, are left to Python. */
enum { LONGEST_INTEGER = 30 };

struct column {
    const uint8_t *key; /* `"Name":`, with a comma before it unless it is the first */
    size_t key_size;
    int32_t type;
    int32_t is_replication_key;
};

struct output {
    uint8_t *at;
    const uint8_t *end;
};

static bool put(struct output *out, const uint8_t *bytes, size_t size)
{
    if ((size_t)(out->end - out->at) < size)
        return false;
    memcpy(out->at, bytes, size);
    out->at += size;
    return true;
}

#define PUT(out, text) put(out, (const uint8_t *)(text), sizeof(text) - 1)

static bool put_escaped(struct output *out, uint8_t byte)
{
    static const uint8_t hexadecimal[] = "0123456789abcdef";

    switch (byte) {
    case '"': return PUT(out, "\\\"");
    case '\\': return PUT(out, "\\\\");
    case '\n': return PUT(out, "\\n");
    case '\r': return PUT(out, "\\r");
    case '\t': return PUT(out, "\\t");
    }
    const uint8_t escape[] = {'\\', 'u', '0', '0', hexadecimal[byte >> 4], hexadecimal[byte & 15]};
    return put(out, escape, sizeof(escape));
}

static bool is_special(uint8_t byte) { return byte < 0x20 || byte == '"' || byte == '\\'; }

#define EACH(byte) (0x0101010101010101u * (uint64_t)(byte))

/* Marks the highest bit of each byte that is special; above the first one marks can be wrong. */
static uint64_t special_bytes(uint64_t word)
{
    uint64_t quotes = word ^ EACH('"'), backslashes = word ^ EACH('\\');
    return (((word - EACH(0x20)) & ~word) | ((quotes - EACH(1)) & ~quotes) |
            ((backslashes - EACH(1)) & ~backslashes)) & EACH(0x80);
}

/* Copies what needs no escape, up to the first byte that does. */
static const uint8_t *copy_plain(const uint8_t *in, const uint8_t *end, struct output *out)
{
    while (end - in >= 8 && out->end - out->at >= 8) {
        uint64_t word;
        memcpy(&word, in, 8);
        memcpy(out->at, &word, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
#endif
        uint64_t special = special_bytes(word);
        ptrdiff_t plain = special ? __builtin_ctzll(special) / 8 : 8;
        in += plain;
        out->at += plain;
        if (special)
            return in;
    }
    while (in < end && out->at < out->end && !is_special(*in))
        *out->at++ = *in++;
    return in;
}

/* Each `put_…` takes a cell from behind its opening quote and moves behind its closing one. */

static int put_text(const uint8_t **in, const uint8_t *end, struct output *out)
{
    if (!PUT(out, "\""))
        return TOO_SMALL;
    for (;;) {
        *in = copy_plain(*in, end, out);
        if (*in == end)
            return NOT_PLAIN;
        if (!is_special(**in))
            return TOO_SMALL;
        uint8_t byte = *(*in)++;
        if (byte == '"') {
            if (*in == end || **in != '"')
                return PUT(out, "\"") ? 0 : TOO_SMALL;
            ++*in;
        }
        if (!put_escaped(out, byte))
            return TOO_SMALL;
    }
}

static const uint8_t *digits(const uint8_t *at, const uint8_t *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        ++at;
    return at;
}

/* The end of a JSON integer; NULL if there is none. */
static const uint8_t *integer(const uint8_t *at, const uint8_t *end)
{
    if (at < end && *at == '-')
        ++at;
    const uint8_t *after = digits(at, end);
    return after == at || (*at == '0' && after - at > 1) ? NULL : after;
}

static bool is_number(const uint8_t *at, const uint8_t *end)
{
    at = integer(at, end);
    if (at && at < end && *at == '.') {
        const uint8_t *fraction = at + 1;
        at = digits(fraction, end);
        if (at == fraction)
            return false;
    }
    if (at && at < end && (*at == 'e' || *at == 'E')) {
        ++at;
        if (at < end && (*at == '+' || *at == '-'))
            ++at;
        const uint8_t *exponent = at;
        at = digits(exponent, end);
        if (at == exponent)
            return false;
    }
    return at == end;
}

/* How much of an integer is written: `47.0` is 47. 0 if the cell holds anything else. */
static size_t integer_size(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *whole = integer(at, end);
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

static bool is(const uint8_t *cell, size_t size, const char *text)
{
    return strlen(text) == size && memcmp(cell, text, size) == 0;
}

static int put_bare(const uint8_t **in, const uint8_t *end, struct output *out, int32_t type)
{
    const uint8_t *cell = *in, *after = memchr(cell, '"', (size_t)(end - cell));
    if (!after)
        return NOT_PLAIN;
    size_t size = (size_t)(after - cell);
    switch (type) {
    case BOOLEAN:
        if (!is(cell, size, "true") && !is(cell, size, "false"))
            return NOT_PLAIN;
        break;
    case INTEGER:
        size = integer_size(cell, after);
        if (!size)
            return NOT_PLAIN;
        break;
    default:
        if (!is_number(cell, after))
            return NOT_PLAIN;
    }
    *in = after + 1;
    return put(out, cell, size) ? 0 : TOO_SMALL;
}

static int skip(const uint8_t **in, const uint8_t *end)
{
    const uint8_t *at = *in;
    while ((at = memchr(at, '"', (size_t)(end - at)))) {
        if (++at == end || *at != '"') {
            *in = at;
            return 0;
        }
        ++at;
    }
    return NOT_PLAIN;
}

/* Keeps the greatest of texts that sort as their moments do. */
static int keep_greatest(const uint8_t *cell, const uint8_t *end, uint8_t *greatest)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ\"";

    size_t size = sizeof(form) - 1;
    if ((size_t)(end - cell) < size || ((size_t)(end - cell) > size && cell[size] == '"'))
        return NOT_PLAIN;
    for (size_t at = 0; at < size; ++at)
        if (form[at] == 'd' ? cell[at] < '0' || cell[at] > '9' : cell[at] != form[at])
            return NOT_PLAIN;
    if (memcmp(cell, greatest, DATETIME_SIZE) > 0)
        memcpy(greatest, cell, DATETIME_SIZE);
    return 0;
}

static int put_cell(const uint8_t **in, const uint8_t *end, struct output *out,
                    const struct column *column, uint8_t *greatest)
{
    bool is_quoted = **in == '"';
    bool is_empty = !is_quoted || (end - *in >= 2 && (*in)[1] == '"' &&
                                   (end - *in == 2 || (*in)[2] != '"'));
    if (is_quoted)
        ++*in;
    if (column->type == LEFT_OUT)
        return is_quoted ? skip(in, end) : 0;
    if (!put(out, column->key, column->key_size))
        return TOO_SMALL;
    if (is_empty) {
        *in += is_quoted;
        return PUT(out, "null") ? 0 : TOO_SMALL;
    }
    if (column->is_replication_key) {
        int problem = keep_greatest(*in, end, greatest);
        if (problem)
            return problem;
    }
    return column->type == TEXT ? put_text(in, end, out) : put_bare(in, end, out, column->type);
}

/* Moves behind a line end, if there is one or the block ends; a cell stands before it. */
static bool ends_line(const uint8_t **in, const uint8_t *end)
{
    if (*in < end && **in == '\r')
        ++*in;
    if (*in == end)
        return (*in)[-1] != '\r';
    return *(*in)++ == '\n';
}

/* Makes a line of each record: `before`, the record's values without braces, `behind`.

   text, text_size       UTF-8, whole records; the last one may lack its line end
   columns               of the CSV, in order; those that are LEFT_OUT have no key
   lines, *lines_size    where lines go, and how much fits; then how much there is
   greatest              DATETIME_SIZE bytes: the greatest replication key, or zeros

   Returns the number of records, or NOT_PLAIN, or TOO_SMALL if the lines do not fit. */
int64_t sfbulk_lines(const uint8_t *text, size_t text_size, uint8_t delimiter,
                     const struct column *columns, size_t column_count,
                     const uint8_t *before, size_t before_size,
                     const uint8_t *behind, size_t behind_size,
                     uint8_t *lines, size_t *lines_size, uint8_t *greatest)
{
    const uint8_t *in = text, *end = text + text_size;
    struct output out = {lines, lines + *lines_size};
    int64_t records = 0;

    memset(greatest, 0, DATETIME_SIZE);
    for (; in < end; ++records) {
        if (!put(&out, before, before_size))
            return TOO_SMALL;
        for (size_t number = 0; number < column_count; ++number) {
            if (number && (in == end || *in++ != delimiter))
                return NOT_PLAIN;
            /* A single cell without quotes could be an empty line. */
            if (in == end || (*in != '"' && column_count == 1))
                return NOT_PLAIN;
            int problem = put_cell(&in, end, &out, &columns[number], greatest);
            if (problem)
                return problem;
        }
        if (!ends_line(&in, end))
            return NOT_PLAIN;
        if (!put(&out, behind, behind_size))
            return TOO_SMALL;
    }
    *lines_size = (size_t)(out.at - lines);
    return records;
}
