/*
 * An aggregate run: fold what is pending, grade what is closed, under one lease.
 */
#ifndef JOBS_PIPELINE_AGGREGATE_H
#define JOBS_PIPELINE_AGGREGATE_H

#include "base/db.h"
#include "jobs/config/config.h"

/* ERR_FENCED if another aggregator holds the lease, ERR_STORE. *ret_complete_ns as fold_complete_until. */
enum err_code aggregate_run(const struct config *config, struct db *db, int64_t book_id,
                            void (*progress)(void *context, int64_t done, int64_t total),
                            void *context, int64_t *ret_complete_ns, struct err *err);

#endif
