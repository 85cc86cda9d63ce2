/*
 * The demo: a month of a small company, through an embedded broker and the very same code as in earnest, to its statements.
 *
 * Everything that reaches a statement follows from month and seed; the number of consumers and the size of batches do not. The clock is
 * simulated. Errors: ERR_USAGE (the folder is not a demo's), ERR_FAILED, ERR_BROKER, ERR_STORE, ERR_DELIVERY, ERR_INTERRUPTED.
 */
#ifndef JOBS_DEMO_DEMO_H
#define JOBS_DEMO_DEMO_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "jobs/pipeline/consume.h"

struct demo_options {
    uint64_t seed;
    int32_t year, month;
    const char *path; /* output folder */
    int consumers;
    int64_t batch_records_max; /* 0: as configured */
    void (*progress)(void *context, const char *what, int64_t done, int64_t total,
                     const char *unit);
    void *context;
};

struct demo_result {
    struct consume_result consumed;
    struct strbuf places;    /* one path per line: statements and credit notes */
    struct strbuf sentences; /* one line per contract */
    int64_t credit_notes;
};

void demo_result_init(struct demo_result *result);
void demo_result_release(struct demo_result *result);
/* ret_result is initialised by the caller. */
enum err_code demo_run(const struct demo_options *options, struct demo_result *ret_result,
                       struct err *err);

#endif
