/*
 * Rows in any order, given back by key: in memory as far as they fit, then on disk, by merging sorted runs.
 *
 * Rows of one key come in the order of their lines. Bounded: rows_max rows in memory (seventy bytes each, more with more values), and a
 * buffer of read_size bytes for each of at most runs_max runs; when there are so many, they are merged into one.
 *
 * Errors: those of jobs/evaluate/spool.h.
 */
#ifndef JOBS_EVALUATE_SORTER_H
#define JOBS_EVALUATE_SORTER_H

#include "jobs/evaluate/spool.h"

struct sorter_options {
    size_t value_count; /* of the rows: at most SPOOL_VALUES_MAX */
    size_t rows_max;
    size_t runs_max;  /* at least 2 */
    size_t read_size; /* at least SPOOL_ROW_SIZE_MAX */
};

struct sorter;

struct sorter *sorter_new(const struct sorter_options *options);
void sorter_free(struct sorter *sorter);
/* Lines ascend. */
enum err_code sorter_add(struct sorter *sorter, const struct spool_row *row, struct err *err);
/* After the last row. */
enum err_code sorter_finish(struct sorter *sorter, struct err *err);
/* After sorter_finish: the next row; *ret_more false: there is none. */
enum err_code sorter_next(struct sorter *sorter, struct spool_row *ret_row, bool *ret_more,
                          struct err *err);
/* Bytes in temporary files. */
int64_t sorter_disk_size(const struct sorter *sorter);

#endif
