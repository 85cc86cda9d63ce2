/*
 * An aggregate run: fold what is pending, grade what is closed, under one lease.
 */
#ifndef JOBS_PIPELINE_AGGREGATE_H
#define JOBS_PIPELINE_AGGREGATE_H

#include "aggregator/lease.h"
#include "base/db.h"
#include "jobs/config/config.h"

struct aggregate_options {
    const struct config *config; /* borrowed */
    struct db *db;               /* borrowed */
    int64_t book_id;
    const char *holder;       /* of the lease; NULL: this process */
    struct lease *outer;      /* of a larger job; may be NULL */
    struct clock *wait_clock; /* on which it waits for the lease; NULL: clock_system() */
    int64_t rows_per_step;    /* pending rows of one transaction; 0: those of fold.h */
    void (*progress)(void *context, int64_t done, int64_t total); /* may be NULL */
    void *context;
};

/* ERR_FENCED if another aggregator holds the lease for longer than --lock-wait or took it over, ERR_STORE. *ret_complete_ns as fold_complete_until. */
enum err_code aggregate_run_with(const struct aggregate_options *options, int64_t *ret_complete_ns,
                                 struct err *err);
/* The same with what a program needs. */
enum err_code aggregate_run(const struct config *config, struct db *db, int64_t book_id,
                            void (*progress)(void *context, int64_t done, int64_t total),
                            void *context, int64_t *ret_complete_ns, struct err *err);

#endif
