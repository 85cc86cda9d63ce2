/*
 * Runs of sorted rows in a temporary file.
 *
 * The file is in TMPDIR, or in /tmp, and has no name: it goes with the process, however that ends. Rows are written one run after the
 * other, packed as differences (some seven bytes a row); any number of runs is read at the same time, each from its own place. What is read is
 * what was written, so a row that cannot be is a bug.
 *
 * Errors: ERR_FAILED (the folder, a full disk), with advice.
 */
#ifndef JOBS_EVALUATE_SPOOL_H
#define JOBS_EVALUATE_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { SPOOL_VALUES_MAX = 7 };

/* Rows of one run ascend by key. Values are not negative. */
struct spool_row {
    uint64_t key;
    int64_t line;
    int64_t values[SPOOL_VALUES_MAX];
};

struct spool_run {
    int64_t begin, end; /* in the file */
};

struct spool {
    int fd; /* owned */
    size_t value_count;
    unsigned char *buffer; /* owned: what is not written yet */
    size_t used;
    int64_t size;          /* written or in the buffer */
    struct spool_row last; /* of the run that is being written */
    struct spool_run run;  /* that one */
};

/* Reads one run. */
struct spool_cursor {
    const struct spool *spool; /* borrowed */
    int64_t at, end;           /* of the file: what is not in the buffer yet */
    unsigned char *buffer;     /* borrowed, of size_max bytes */
    size_t size_max, begin, size;
    struct spool_row row; /* the current one */
};

enum { SPOOL_ROW_SIZE_MAX = 10 * (2 + SPOOL_VALUES_MAX) };

enum err_code spool_open(struct spool *spool, size_t value_count, struct err *err);
void spool_close(struct spool *spool);
/* Rows up to spool_end_run form a run. */
void spool_begin_run(struct spool *spool);
enum err_code spool_write(struct spool *spool, const struct spool_row *row, struct err *err);
/* It may be read from now on. */
enum err_code spool_end_run(struct spool *spool, struct spool_run *ret_run, struct err *err);

/* size_max: at least SPOOL_ROW_SIZE_MAX. */
void spool_cursor_init(struct spool_cursor *cursor, const struct spool *spool,
                       const struct spool_run *run, unsigned char *buffer, size_t size_max);
/* Moves on to the next row; *ret_more false: there is none. */
enum err_code spool_cursor_next(struct spool_cursor *cursor, bool *ret_more, struct err *err);

#endif
