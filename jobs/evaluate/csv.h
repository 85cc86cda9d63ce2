/*
 * Records of a CSV file (RFC 4180), one after the other, in bounded memory.
 *
 * Lines end with LF or CRLF, the last one also without. Fields may be quoted; a quoted one may hold commas, quotes (doubled) and line breaks. A
 * UTF-8 byte order mark at the start is skipped, lines without any byte are, too. Everything else is refused: quotes inside an unquoted
 * field, text behind a closing quote, a carriage return alone, NUL, text that is not UTF-8, more than CSV_FIELDS_MAX fields, a record of
 * more than CSV_RECORD_SIZE_MAX bytes.
 *
 * Errors: ERR_DATA "FILE:LINE: reason", with the line that the record begins in, counted from 1; ERR_INTERRUPTED.
 */
#ifndef JOBS_EVALUATE_CSV_H
#define JOBS_EVALUATE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum { CSV_FIELDS_MAX = 64, CSV_RECORD_SIZE_MAX = 64 * 1024 };

/* A field as it stands in the buffer. */
struct csv_field {
    size_t begin, end; /* counted from the record's first byte, without the quotes */
    bool doubled;      /* it holds doubled quotes */
};

struct csv {
    const char *name;        /* of the file, in messages; borrowed */
    int fd;                  /* owned, unless it is standard input */
    bool (*stopped)(void);   /* asked at every read; may be NULL */
    int64_t start;           /* where it began, in the file; negative: it cannot be read again */
    char *buffer;            /* owned */
    size_t begin, end;       /* what was read and not handed out yet */
    bool at_end;             /* of the file: nothing is left to read */
    int64_t line, next_line; /* of the record handed out last, and behind it */
    bool plain;              /* the record is ASCII */
    struct csv_field places[CSV_FIELDS_MAX];
    struct str fields[CSV_FIELDS_MAX]; /* of the record handed out last; borrowed until the next */
    size_t field_count;
};

/* path "-" is standard input; it is borrowed. Nothing is to be closed after an error. */
enum err_code csv_open(struct csv *csv, const char *path, bool (*stopped)(void), struct err *err);
void csv_close(struct csv *csv);
/* Whether it can be read a second time. */
bool csv_is_file(const struct csv *csv);
/* Back to the first record; only of files. */
enum err_code csv_rewind(struct csv *csv, struct err *err);
/* The next record into fields; *ret_more false: there is none. */
enum err_code csv_next(struct csv *csv, bool *ret_more, struct err *err);

#endif
