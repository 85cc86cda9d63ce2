/*
 * A CSV file with named columns: what a row is read from, and how its faults are told.
 *
 * The header, line 1, names the columns in any order; each once, all required ones, and no other. A row has as many fields as the header. Errors:
 * ERR_DATA "FILE:LINE: COLUMN: reason"; ERR_INTERRUPTED.
 */
#ifndef JOBS_EVALUATE_SHEET_H
#define JOBS_EVALUATE_SHEET_H

#include "base/clock.h"
#include "jobs/evaluate/csv.h"

enum { SHEET_COLUMNS_MAX = 12, SHEET_DATE_SIZE = 11 };
/* Counts are so bounded that sums and differences of them fit; whole sums are checked by who adds them. */
#define SHEET_COUNT_MAX ((INT64_C(1) << 62) - 1)

/* Nanoseconds before and behind 1970. So far from what 64 bits hold that a period's length may be added. */
#define SHEET_TIME_NS_MAX (INT64_C(9000000000) * NS_PER_SECOND)

struct sheet_column {
    const char *name;
    bool required;
};

/* The date of the time that a column had last, for most rows have the one of the row before. */
struct sheet_date {
    char text[SHEET_DATE_SIZE]; /* "2026-10-01T" */
    int64_t start_s;
};

struct sheet {
    struct csv csv;
    const struct sheet_column *columns; /* borrowed */
    size_t column_count;
    int place
        [SHEET_COLUMNS_MAX]; /* of each column among the fields; -1: the file does not have it */
    size_t field_count;      /* of the header */
    struct sheet_date dates[SHEET_COLUMNS_MAX];
};

/* Opens the file and reads its header. path "-" is standard input; it is borrowed. Nothing is to be closed after an error. */
enum err_code sheet_open(struct sheet *sheet, const char *path, const struct sheet_column *columns,
                         size_t column_count, bool (*stopped)(void), struct err *err);
void sheet_close(struct sheet *sheet);
/* Back to the first row; only if csv_is_file. */
enum err_code sheet_rewind(struct sheet *sheet, struct err *err);
enum err_code sheet_next(struct sheet *sheet, bool *ret_more, struct err *err);
bool sheet_has(const struct sheet *sheet, size_t column);

/* Fields of the row; empty if the file does not have the column. */
struct str sheet_text(const struct sheet *sheet, size_t column);
/* Decimal digits, 0 to SHEET_COUNT_MAX. */
enum err_code sheet_count(const struct sheet *sheet, size_t column, int64_t *ret_count,
                          struct err *err);
/* RFC 3339, of nanoseconds; and of whole seconds, where a fraction is an error. */
enum err_code sheet_time_ns(struct sheet *sheet, size_t column, int64_t *ret_time_ns,
                            struct err *err);
enum err_code sheet_time_s(struct sheet *sheet, size_t column, int64_t *ret_time_s,
                           struct err *err);
/* The error of that column in this row, or in that line. */
enum err_code sheet_error(const struct sheet *sheet, size_t column, struct err *err,
                          const char *format, ...) __attribute__((format(printf, 4, 5)));
enum err_code sheet_error_at(const struct sheet *sheet, int64_t line, size_t column,
                             struct err *err, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif
