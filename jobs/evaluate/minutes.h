/*
 * The minutes of a windows file, one service after the other and in order of time, whatever the order of its rows.
 *
 * Rows that stand by service and ascend by minute are handed out as they are read. At the first row that does not fit, everything
 * handed out is void (restart), and the file is read again through a sorter; standard input goes through the sorter from the start, because it
 * cannot be read again. Only one service is in memory, at most MINUTES_ROWS_MAX rows of it.
 *
 * Errors: those of jobs/evaluate/windows.h and spool.h; ERR_DATA also for a minute that occurs twice, in the later of its lines.
 */
#ifndef JOBS_EVALUATE_MINUTES_H
#define JOBS_EVALUATE_MINUTES_H

#include "jobs/evaluate/sorter.h"
#include "jobs/evaluate/windows.h"

/* Thirty years. */
enum { MINUTES_ROWS_MAX = 1 << 24 };

/* Borrowed until the function returns. */
struct minutes_of_service {
    size_t service;                    /* its place in the contract */
    const struct count_row *rows;      /* those with requests; there may be none */
    const struct request_times *times; /* NULL unless they are needed */
    size_t count;
};

struct minutes_sink {
    void (*give)(void *context, const struct minutes_of_service *minutes);
    void (*restart)(void *context);
    void *context;
};

/* How much memory and disk sorting takes; value_count is filled in. */
extern const struct sorter_options minutes_sorting;

/* Every service that has a row is given once; after an error what was given means nothing. */
enum err_code minutes_read(struct windows *windows, const struct sorter_options *sorting,
                           const struct minutes_sink *sink, struct err *err);

#endif
