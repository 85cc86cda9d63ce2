/*
 * Rows of a windows file: the requests of one service in one minute.
 *
 *     service,minute,total,errors,slow[,first_ok,last_ok,first_error,last_error]
 *
 * Rows of services that are not in the contract are read, checked and left out. A time lies within its minute, and is only there if there
 * was such a request; where times are needed, it is there then. The sum of all requests stays below 2^62. Errors as in jobs/evaluate/sheet.h.
 */
#ifndef JOBS_EVALUATE_WINDOWS_H
#define JOBS_EVALUATE_WINDOWS_H

#include "jobs/evaluate/roster.h"
#include "jobs/evaluate/sheet.h"
#include "jobs/statement/engine.h"

struct window_row {
    size_t service; /* its place in the contract */
    int64_t line;
    int64_t minute_s;
    int64_t total, errors, slow;
    struct request_times times;
};

struct windows {
    struct sheet sheet;
    struct roster *roster; /* borrowed */
    bool times;            /* they are needed */
    int64_t sum;           /* of all requests so far */
};

/* times: the method needs them. path is borrowed. Nothing is to be closed after an error. */
enum err_code windows_open(struct windows *windows, const char *path, struct roster *roster,
                           bool times, bool (*stopped)(void), struct err *err);
void windows_close(struct windows *windows);
/* Back to the first row; only of files that csv_is_file. */
enum err_code windows_rewind(struct windows *windows, struct err *err);
enum err_code windows_next(struct windows *windows, struct window_row *ret_row, bool *ret_more,
                           struct err *err);
/* The error of a second row of that service and minute. */
enum err_code windows_duplicate(const struct windows *windows, const struct window_row *row,
                                int64_t line_before, struct err *err);

#endif
