/*
 * Rows of a machine-readable table on a stream: CSV (RFC 4180, with a header) or NDJSON.
 *
 * Columns have stable names and one type each. A row is a cell per column, in their order. In NDJSON the keys of an object
 * stand in byte order, and a cell without a value is null (empty in CSV). Cells borrow their text until the row is written.
 */
#ifndef JOBS_COMMANDS_TABLE_H
#define JOBS_COMMANDS_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/str.h"

enum { TABLE_COLUMNS_MAX = 16 };

enum table_format { TABLE_CSV, TABLE_NDJSON };

enum table_type {
    TABLE_TEXT,
    TABLE_INTEGER,
    TABLE_MINUTE, /* minutes since 1970, written as RFC 3339 */
    TABLE_GRADE   /* enum grade, written as its name */
};

struct table_column {
    const char *name;
    enum table_type type;
};

struct table_cell {
    bool null;
    int64_t number;  /* of all types but text */
    struct str text; /* of text */
};

struct table {
    FILE *out; /* borrowed */
    enum table_format format;
    const struct table_column *columns; /* borrowed */
    int column_count;
    int by_name[TABLE_COLUMNS_MAX]; /* columns in byte order of their names */
    struct strbuf line;
};

/* columns ends with a row whose name is NULL. Writes the header. */
void table_init(struct table *table, FILE *out, enum table_format format,
                const struct table_column *columns);
void table_release(struct table *table);
/* ERR_FAILED: the stream cannot be written; ERR_MISMATCH: a number that is no grade. */
enum err_code table_row(struct table *table, const struct table_cell *cells, struct err *err);

#endif
