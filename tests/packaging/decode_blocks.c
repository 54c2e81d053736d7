/* Decodes blocks of result pages with the compiled code, and prints everything that it returns.

   For machines without Python: test_wheels.py compiles this for each, runs it in an emulator and
   compares what it prints. Nothing printed depends on the byte order. Each argument is a file, a block
   of the columns in `columns`. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef _WIN32
#include <fcntl.h>
#include <io.h>
#endif

enum { COLUMNS = 6, DATETIME_SIZE = 24 };

/* As in marks.c. */
struct marks {
    uint64_t size, record_end, line_ends, delimiters, nul_characters;
    uint8_t is_in_quotes, lacking, lowest, highest;
};

int sfbulk_marks(struct marks *marks, const uint8_t *piece, size_t size, uint8_t delimiter);

/* As in fast_lines.c. */
struct column {
    const uint8_t *key;
    size_t key_size;
    int32_t type, is_replication_key;
};

int64_t sfbulk_lines(const uint8_t *text, size_t text_size, uint8_t delimiter,
                     const struct column *columns, size_t column_count, const uint8_t *before,
                     size_t before_size, const uint8_t *behind, size_t behind_size,
                     const void *additions, uint8_t *lines, size_t *lines_size, uint8_t *greatest);

/* As in fast_arrow.c. */
struct arrow_column {
    int32_t type, precision, scale, is_replication_key;
    uint64_t nulls;
    uint8_t *validity;
    int32_t *offsets;
    uint8_t *values;
    uint64_t text_size, text_capacity;
};

struct arrow_rows {
    struct arrow_column *columns;
    uint64_t column_count, count, capacity;
    uint8_t greatest[DATETIME_SIZE];
};

int64_t sfbulk_append(struct arrow_rows *rows, const uint8_t *text, size_t text_size,
                      uint8_t delimiter);
void sfbulk_free(struct arrow_rows *rows);

/* Text, boolean, integer, number or decimal, date, datetime. */
static const int32_t line_types[COLUMNS] = {1, 2, 3, 4, 1, 1};
static const int32_t arrow_types[COLUMNS] = {1, 2, 3, 4, 5, 6};
static const char *const keys[COLUMNS] = {
    "\"Text\":", ",\"Flag\":", ",\"Count\":", ",\"Amount\":", ",\"Day\":", ",\"Moment\":",
};

static void print_marks(const uint8_t *text, size_t size, size_t piece)
{
    struct marks marks = {0};
    int problem = 0;
    for (size_t at = 0; at < size && !problem; at += piece)
        problem = sfbulk_marks(&marks, text + at, size - at < piece ? size - at : piece, ',');
    printf("marks %d: %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %d %d\n", problem,
           marks.size, marks.record_end, marks.line_ends, marks.delimiters, marks.nul_characters,
           marks.is_in_quotes, marks.lacking);
}

static void print_lines(const uint8_t *text, size_t size)
{
    struct column columns[COLUMNS];
    size_t lines_size = 16 * size + 1000;
    uint8_t *lines = malloc(lines_size), greatest[DATETIME_SIZE];

    for (int number = 0; number < COLUMNS; ++number)
        columns[number] = (struct column){(const uint8_t *)keys[number], strlen(keys[number]),
                                          line_types[number], number == COLUMNS - 1};
    int64_t records = sfbulk_lines(text, size, ',', columns, COLUMNS, (const uint8_t *)"{", 1,
                                   (const uint8_t *)"}\n", 2, NULL, lines, &lines_size, greatest);
    printf("lines %" PRId64 " %.*s\n", records, DATETIME_SIZE, (const char *)greatest);
    if (records >= 0)
        fwrite(lines, 1, lines_size, stdout);
    free(lines);
}

static void print_value(const struct arrow_column *column, uint64_t row)
{
    int32_t days;
    int64_t number;
    unsigned __int128 decimal;
    switch (column->type) {
    case 1:
        printf(" %.*s", (int)(column->offsets[row + 1] - column->offsets[row]),
               (const char *)column->values + column->offsets[row]);
        break;
    case 2:
        printf(" %d", column->values[row / 8] >> (row % 8) & 1);
        break;
    case 4:
        memcpy(&decimal, column->values + row * sizeof(decimal), sizeof(decimal));
        printf(" %" PRIx64 ":%" PRIx64, (uint64_t)(decimal >> 64), (uint64_t)decimal);
        break;
    case 5:
        memcpy(&days, column->values + row * sizeof(days), sizeof(days));
        printf(" %" PRId32, days);
        break;
    default:
        memcpy(&number, column->values + row * sizeof(number), sizeof(number));
        printf(" %" PRId64, number);
    }
}

static void print_arrow(const uint8_t *text, size_t size)
{
    struct arrow_column columns[COLUMNS] = {0};
    struct arrow_rows rows = {columns, COLUMNS, 0, 0, {0}};

    for (int number = 0; number < COLUMNS; ++number) {
        columns[number].type = arrow_types[number];
        columns[number].is_replication_key = number == COLUMNS - 1;
    }
    columns[3].precision = 38;
    columns[3].scale = 18;
    /* Twice, so that a block follows another. */
    for (int time = 0; time < 2; ++time)
        printf("append %" PRId64 "\n", sfbulk_append(&rows, text, size, ','));
    printf("greatest %.*s\n", DATETIME_SIZE, (const char *)rows.greatest);
    for (int number = 0; number < COLUMNS; ++number) {
        printf("column %d, %" PRIu64 " nulls:", number, columns[number].nulls);
        for (uint64_t row = 0; row < rows.count; ++row)
            if (columns[number].validity[row / 8] >> (row % 8) & 1)
                print_value(&columns[number], row);
            else
                printf(" -");
        printf("\n");
    }
    sfbulk_free(&rows);
}

int main(int count, char **files)
{
#ifdef _WIN32
    _setmode(_fileno(stdout), _O_BINARY);
#endif
    for (int number = 1; number < count; ++number) {
        static uint8_t text[1 << 20];
        FILE *file = fopen(files[number], "rb");
        if (!file)
            return 1;
        size_t size = fread(text, 1, sizeof(text), file);
        fclose(file);
        print_marks(text, size, 7);
        print_marks(text, size, 64);
        print_marks(text, size, 1000);
        print_lines(text, size);
        print_arrow(text, size);
    }
    return 0;
}
