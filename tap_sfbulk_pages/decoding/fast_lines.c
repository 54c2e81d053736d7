/* Lines of JSON out of a block of a result page, as Salesforce writes its CSV (fast_lines.py).

   Whatever is not written so makes the whole block NOT_PLAIN: no value is corrected here, and
   nothing is refused. */

#include "plain_cells.h"

/* What is answered where the lines do not fit. */
enum { TOO_SMALL = -2 };

enum cell_type { LEFT_OUT, TEXT, BOOLEAN, INTEGER, NUMBER, DECIMAL };

struct column {
    const uint8_t *key; /* `"Name":`, with a comma before it unless it is the first */
    size_t key_size;
    int32_t type;
    int32_t is_replication_key;
};

/* What is known of each record beside its cells. */
struct additions {
    uint64_t count;          /* of the records */
    const uint8_t *kept;     /* whether a record has a line; NULL if each has one */
    const uint8_t *members;  /* more members of its object, each with a comma before it */
    const uint64_t *offsets; /* where those of each record begin, and where the last ones end */
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
        memcpy(out->at, in, 8);
        uint64_t special = special_bytes(load_word(in));
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

static int put_bare(const uint8_t **in, const uint8_t *end, struct output *out, int32_t type)
{
    const uint8_t *cell = *in, *after = find_quote(cell, end);
    if (!after)
        return NOT_PLAIN;
    size_t size = (size_t)(after - cell);
    switch (type) {
    case BOOLEAN:
        if (!equals(cell, size, "true") && !equals(cell, size, "false"))
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
    if (type == DECIMAL) /* with the quotes on both of its sides */
        return put(out, cell - 1, size + 2) ? 0 : TOO_SMALL;
    return put(out, cell, size) ? 0 : TOO_SMALL;
}

static int put_cell(const uint8_t **in, const uint8_t *end, struct output *out,
                    const struct column *column, uint8_t *greatest)
{
    bool is_quoted, is_empty;
    open_cell(in, end, &is_quoted, &is_empty);
    if (column->is_replication_key && !is_empty && keep_greatest(*in, end, greatest) != 0)
        return NOT_PLAIN;
    if (column->type == LEFT_OUT)
        return is_quoted && !is_empty ? skip_cell(in, end) : 0;
    if (!put(out, column->key, column->key_size))
        return TOO_SMALL;
    if (is_empty)
        return PUT(out, "null") ? 0 : TOO_SMALL;
    return column->type == TEXT ? put_text(in, end, out) : put_bare(in, end, out, column->type);
}

static bool put_members(struct output *out, const struct additions *additions, uint64_t record)
{
    const uint64_t *offsets = additions->offsets + record;
    return put(out, additions->members + offsets[0], (size_t)(offsets[1] - offsets[0]));
}

/* Makes a line of each record: `before`, the record's values without braces, `behind`.

   text, text_size       UTF-8, whole records; the last one may lack its line end
   columns               of the CSV, in order; those that are LEFT_OUT have no key
   additions             NULL if there are none
   lines, *lines_size    where lines go, and how much fits; then how much there is
   greatest              DATETIME_SIZE bytes: the greatest replication key, or zeros

   Returns the number of records, or NOT_PLAIN, or TOO_SMALL if the lines do not fit. */
EXPORTED int64_t sfbulk_lines(const uint8_t *text, size_t text_size, uint8_t delimiter,
                              const struct column *columns, size_t column_count,
                              const uint8_t *before, size_t before_size,
                              const uint8_t *behind, size_t behind_size,
                              const struct additions *additions,
                              uint8_t *lines, size_t *lines_size, uint8_t *greatest)
{
    const uint8_t *in = text, *end = text + text_size;
    struct output out = {lines, lines + *lines_size};
    int64_t records = 0;

    clear_upper_halves();
    memset(greatest, 0, DATETIME_SIZE);
    for (; in < end; ++records) {
        uint8_t *line = out.at;
        if (additions && (uint64_t)records == additions->count)
            return NOT_PLAIN;
        if (!put(&out, before, before_size))
            return TOO_SMALL;
        for (size_t number = 0; number < column_count; ++number) {
            if (!begins_cell(&in, end, delimiter, number, column_count))
                return NOT_PLAIN;
            int problem = put_cell(&in, end, &out, &columns[number], greatest);
            if (problem)
                return problem;
        }
        if (!ends_line(&in, end))
            return NOT_PLAIN;
        if (additions && additions->kept && !additions->kept[records]) {
            out.at = line;
            continue;
        }
        if (additions && !put_members(&out, additions, (uint64_t)records))
            return TOO_SMALL;
        if (!put(&out, behind, behind_size))
            return TOO_SMALL;
    }
    *lines_size = (size_t)(out.at - lines);
    return records;
}
