/* Arrow buffers out of blocks of a result page, as Salesforce writes its CSV (fast_arrow.py).

   The layout is that of the Arrow columnar format: a bitmap of validity, values or offsets and
   bytes, all in the byte order of the machine. A block is appended whole, or it is NOT_PLAIN and
   the buffers are as before. */

#include <stdlib.h>

#include "plain_cells.h"

enum { NO_MEMORY = -3 };

enum arrow_type { LEFT_OUT, TEXT, BOOLEAN, INTEGER, DECIMAL, DATE, DATETIME };

/* 10 to this power is the greatest that fits 64 bits; every number below it does. */
enum { MOST_DIGITS = 19, MOST_INTEGER_DIGITS = 18 };

enum { FEWEST_ROWS = 1024, FEWEST_BYTES = 4096 };

struct arrow_column {
    int32_t type;
    int32_t precision, scale; /* of DECIMAL, up to 38 digits */
    int32_t is_replication_key;
    uint64_t nulls;
    uint8_t *validity;
    int32_t *offsets; /* of TEXT */
    uint8_t *values;
    uint64_t text_size, text_capacity; /* the bytes of TEXT */
};

struct arrow_rows {
    struct arrow_column *columns; /* of the CSV, in order */
    uint64_t column_count;
    uint64_t count, capacity;
    uint8_t greatest[DATETIME_SIZE]; /* the greatest replication key, or zeros */
};

static bool resize(void *pointer, uint64_t size)
{
    void *memory;
    memcpy(&memory, pointer, sizeof(memory));
    memory = realloc(memory, (size_t)size);
    if (!memory)
        return false;
    memcpy(pointer, &memory, sizeof(memory));
    return true;
}

static uint64_t width_of(int32_t type)
{
    switch (type) {
    case DATE: return sizeof(int32_t);
    case INTEGER: case DATETIME: return sizeof(int64_t);
    case DECIMAL: return 16;
    default: return 0;
    }
}

/* Makes room for more rows, in none of which a cell is null or true. */
static bool add_rows(struct arrow_rows *rows)
{
    uint64_t before = rows->capacity, capacity = before ? 2 * before : FEWEST_ROWS;

    for (uint64_t number = 0; number < rows->column_count; ++number) {
        struct arrow_column *column = &rows->columns[number];
        if (column->type == LEFT_OUT)
            continue;
        if (!resize(&column->validity, capacity / 8))
            return false;
        memset(column->validity + before / 8, 0xFF, (size_t)(capacity - before) / 8);
        if (column->type == TEXT) {
            if (!resize(&column->offsets, (capacity + 1) * sizeof(int32_t)))
                return false;
            column->offsets[0] = 0;
            continue;
        }
        uint64_t size = column->type == BOOLEAN ? capacity / 8 : capacity * width_of(column->type);
        if (!resize(&column->values, size))
            return false;
        if (column->type == BOOLEAN)
            memset(column->values + before / 8, 0, (size_t)(capacity - before) / 8);
    }
    rows->capacity = capacity;
    return true;
}

/* Makes room for more text, as far as 32-bit offsets reach. */
static bool add_text(struct arrow_column *column)
{
    uint64_t capacity = column->text_capacity ? 2 * column->text_capacity : FEWEST_BYTES;

    if (capacity > INT32_MAX || !resize(&column->values, capacity))
        return false;
    column->text_capacity = capacity;
    return true;
}

static uint8_t bit_of(uint64_t row) { return (uint8_t)(1u << (row % 8)); }

/* Each `append_…` takes a cell from behind its opening quote and moves behind its closing one. */

static int append_text(const uint8_t **in, const uint8_t *end, struct arrow_column *column,
                       uint64_t row)
{
    const uint8_t *at = *in;
    for (;;) {
        if (column->text_capacity - column->text_size < CHUNK && !add_text(column))
            return column->text_capacity > INT32_MAX / 2 ? NOT_PLAIN : NO_MEMORY;
        uint8_t *out = column->values + column->text_size;
        unsigned before = 0;
        if (end - at >= CHUNK) {
            memcpy(out, at, CHUNK);
            before = first_quote(at);
        } else {
            while (before < end - at && at[before] != '"')
                ++before;
            if (before == end - at)
                return NOT_PLAIN;
            memcpy(out, at, before);
        }
        at += before;
        column->text_size += before;
        if (before == CHUNK)
            continue;
        if (++at == end || *at != '"')
            break;
        out[before] = *at++;
        ++column->text_size;
    }
    column->offsets[row + 1] = (int32_t)column->text_size;
    *in = at;
    return 0;
}

static bool read_integer(const uint8_t *at, const uint8_t *end, int64_t *value)
{
    const uint8_t *after = at + integer_size(at, end);
    bool is_negative = after > at && *at == '-';
    at += is_negative;
    if (after <= at || after - at > MOST_INTEGER_DIGITS)
        return false;
    int64_t number = 0;
    for (; at < after; ++at)
        number = 10 * number + (*at - '0');
    *value = is_negative ? -number : number;
    return true;
}

#ifdef __SIZEOF_INT128__
static const uint64_t POWERS_OF_TEN[MOST_DIGITS + 1] = {
    1u, 10u, 100u, 1000u, 10000u, 100000u, 1000000u, 10000000u, 100000000u, 1000000000u,
    10000000000u, 100000000000u, 1000000000000u, 10000000000000u, 100000000000000u,
    1000000000000000u, 10000000000000000u, 100000000000000000u, 1000000000000000000u,
    10000000000000000000u,
};

static const uint8_t *read_digits(const uint8_t *at, const uint8_t *end, uint64_t *digits)
{
    for (; at < end && is_digit(*at); ++at)
        *digits = 10 * *digits + (uint64_t)(*at - '0');
    return at;
}

/* Reads what fits exactly; whatever would be rounded is left to Python. */
static bool read_decimal(const uint8_t *at, const uint8_t *end,
                         const struct arrow_column *column, uint8_t *value)
{
    bool is_negative = *at == '-';
    uint64_t digits = 0;
    const uint8_t *whole = at + is_negative, *after = read_digits(whole, end, &digits);
    ptrdiff_t digit_count = after - whole, exponent = column->scale;
    if (digit_count == 0)
        return false;
    if (after < end && *after == '.') {
        const uint8_t *fraction = after + 1;
        after = read_digits(fraction, end, &digits);
        if (after == fraction)
            return false;
        digit_count += after - fraction;
        exponent -= after - fraction;
    }
    /* Beyond that the digits have overflown. */
    if (digit_count > MOST_DIGITS)
        return false;
    if (after < end) {
        uint64_t power = 0;
        if (*after != 'e' && *after != 'E')
            return false;
        ++after;
        bool is_below_one = after < end && *after == '-';
        after += is_below_one || (after < end && *after == '+');
        if (after == end || end - after > 3 || read_digits(after, end, &power) != end)
            return false;
        exponent += is_below_one ? -(ptrdiff_t)power : (ptrdiff_t)power;
    }
    if (digits == 0)
        exponent = 0;
    for (; exponent < 0; ++exponent, --digit_count) {
        if (digits % 10)
            return false;
        digits /= 10;
    }
    if (digit_count + exponent > column->precision)
        return false;
    unsigned __int128 number = digits;
    if (exponent > MOST_DIGITS) {
        number *= POWERS_OF_TEN[MOST_DIGITS];
        exponent -= MOST_DIGITS;
    }
    number *= POWERS_OF_TEN[exponent];
    if (is_negative)
        number = -number;
    memcpy(value, &number, sizeof(number));
    return true;
}
#else
static bool read_decimal(const uint8_t *at, const uint8_t *end,
                         const struct arrow_column *column, uint8_t *value)
{
    (void)at, (void)end, (void)column, (void)value;
    return false;
}
#endif

static int32_t two_digits(const uint8_t *at) { return 10 * (at[0] - '0') + (at[1] - '0'); }

/* Days since 1970-01-01 in the Gregorian calendar, which is extended to the year 1. */
static bool read_date(const uint8_t *at, int32_t *days)
{
    static const uint8_t month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    static const int32_t days_before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};

    int32_t year = 100 * two_digits(at) + two_digits(at + 2);
    int32_t month = two_digits(at + 5), day = two_digits(at + 8);
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (year < 1 || month < 1 || month > 12 || day < 1 ||
        day > month_days[month - 1] + (month == 2 && is_leap))
        return false;
    int32_t last = year - 1;
    *days = 365 * last + last / 4 - last / 100 + last / 400 + days_before[month - 1] +
            (month > 2 && is_leap) + day - 1 - 719162;
    return true;
}

static bool read_datetime(const uint8_t *at, int64_t *microseconds)
{
    int32_t days, hours = two_digits(at + 11), minutes = two_digits(at + 14);
    int32_t seconds = two_digits(at + 17), thousandths = 10 * two_digits(at + 20) + at[22] - '0';
    if (!read_date(at, &days) || hours > 23 || minutes > 59 || seconds > 59)
        return false;
    int64_t of_day = 3600 * hours + 60 * minutes + seconds;
    *microseconds = ((86400 * (int64_t)days + of_day) * 1000 + thousandths) * 1000;
    return true;
}

/* Reads a cell that ends at its closing quote. */
static bool read_value(const uint8_t *cell, const uint8_t *after, struct arrow_column *column,
                       uint64_t row)
{
    static const char date[] = "dddd-dd-dd", datetime[] = "dddd-dd-ddTdd:dd:dd.dddZ";

    size_t size = (size_t)(after - cell);
    uint8_t *value = column->values + row * width_of(column->type);
    int64_t number;
    int32_t days;
    switch (column->type) {
    case BOOLEAN:
        if (equals(cell, size, "true")) {
            column->values[row / 8] |= bit_of(row);
            return true;
        }
        return equals(cell, size, "false");
    case DECIMAL:
        return read_decimal(cell, after, column, value);
    case DATE:
        if (size != sizeof(date) - 1 || !has_form(cell, date, size) || !read_date(cell, &days))
            return false;
        memcpy(value, &days, sizeof(days));
        return true;
    case DATETIME:
        if (size != DATETIME_SIZE || !has_form(cell, datetime, size) ||
            !read_datetime(cell, &number))
            return false;
        break;
    default:
        if (!read_integer(cell, after, &number))
            return false;
    }
    memcpy(value, &number, sizeof(number));
    return true;
}

static void append_null(struct arrow_column *column, uint64_t row)
{
    ++column->nulls;
    column->validity[row / 8] &= (uint8_t)~bit_of(row);
    if (column->type == TEXT)
        column->offsets[row + 1] = (int32_t)column->text_size;
    else
        memset(column->values + row * width_of(column->type), 0, width_of(column->type));
}

static int append_cell(const uint8_t **in, const uint8_t *end, struct arrow_column *column,
                       uint64_t row, uint8_t *greatest)
{
    bool is_quoted, is_empty;
    open_cell(in, end, &is_quoted, &is_empty);
    if (column->type == LEFT_OUT)
        return is_quoted && !is_empty ? skip_cell(in, end) : 0;
    if (is_empty) {
        append_null(column, row);
        return 0;
    }
    if (column->is_replication_key && keep_greatest(*in, end, greatest) != 0)
        return NOT_PLAIN;
    if (column->type == TEXT)
        return append_text(in, end, column, row);
    const uint8_t *after = find_quote(*in, end);
    if (!after || !read_value(*in, after, column, row))
        return NOT_PLAIN;
    *in = after + 1;
    return 0;
}

static int append_records(struct arrow_rows *rows, const uint8_t *in, const uint8_t *end,
                          uint8_t delimiter)
{
    for (; in < end; ++rows->count) {
        if (rows->count == rows->capacity && !add_rows(rows))
            return NO_MEMORY;
        for (uint64_t number = 0; number < rows->column_count; ++number) {
            if (!begins_cell(&in, end, delimiter, number, rows->column_count))
                return NOT_PLAIN;
            int problem =
                append_cell(&in, end, &rows->columns[number], rows->count, rows->greatest);
            if (problem)
                return problem;
        }
        if (!ends_line(&in, end))
            return NOT_PLAIN;
    }
    return 0;
}

/* Makes the bits of some rows, the last one included, as `add_rows` leaves them. */
static void reset_bits(uint8_t *bitmap, uint64_t row, uint64_t last, uint8_t value)
{
    uint8_t kept = (uint8_t)(bit_of(row) - 1);
    bitmap[row / 8] = (uint8_t)((bitmap[row / 8] & kept) | (value & ~kept));
    memset(bitmap + row / 8 + 1, value, (size_t)(last / 8 - row / 8));
}

/* Makes the columns end where they did, and counts again what a part of a block has added. */
static void forget_records(struct arrow_rows *rows, uint64_t count)
{
    /* The record behind those that are whole has begun, if there is room for it. */
    uint64_t last = rows->count < rows->capacity ? rows->count : rows->capacity - 1;

    for (uint64_t number = 0; number < rows->column_count && count < rows->capacity; ++number) {
        struct arrow_column *column = &rows->columns[number];
        if (column->type == LEFT_OUT)
            continue;
        if (column->type == TEXT)
            column->text_size = (uint64_t)column->offsets[count];
        if (column->type == BOOLEAN)
            reset_bits(column->values, count, last, 0);
        reset_bits(column->validity, count, last, 0xFF);
        column->nulls = 0;
        for (uint64_t byte = 0; byte <= count / 8; ++byte)
            column->nulls += 8u - (uint64_t)__builtin_popcount(column->validity[byte]);
    }
    rows->count = count;
}

/* Forgets all records, but keeps the memory. */
EXPORTED void sfbulk_clear(struct arrow_rows *rows)
{
    forget_records(rows, 0);
    memset(rows->greatest, 0, DATETIME_SIZE);
}

/* Appends a block.

   text, text_size   UTF-8, whole records; the last one may lack its line end

   Returns the number of its records, or NOT_PLAIN or NO_MEMORY, and then nothing is appended. */
EXPORTED int64_t sfbulk_append(struct arrow_rows *rows, const uint8_t *text, size_t text_size,
                               uint8_t delimiter)
{
    uint64_t before = rows->count;
    uint8_t greatest[DATETIME_SIZE];

    clear_upper_halves();
    memcpy(greatest, rows->greatest, DATETIME_SIZE);
    int problem = append_records(rows, text, text + text_size, delimiter);
    if (!problem)
        return (int64_t)(rows->count - before);
    forget_records(rows, before);
    memcpy(rows->greatest, greatest, DATETIME_SIZE);
    return problem;
}

/* Frees the buffers. */
EXPORTED void sfbulk_free(struct arrow_rows *rows)
{
    for (uint64_t number = 0; number < rows->column_count; ++number) {
        free(rows->columns[number].validity);
        free(rows->columns[number].offsets);
        free(rows->columns[number].values);
    }
}
