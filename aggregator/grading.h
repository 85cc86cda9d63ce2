/*
 * Raw grades: what each closed minute of a service was, from its requests and its checks, and the incidents that follow.
 *
 * Rules (docs/architecture.md, grades): requests speak from min_requests on: major if >= major_errors fail, partial if >=
 * partial_errors, degraded if >= degraded_slow are slow. Checks: instance states against the quorum. The stored grade is the worse of
 * both; if neither speaks, one of the four names of unknown time. Comparisons are exact. A regrade starts at the first touched
 * minute and goes on until the carried state equals the stored one.
 */
#ifndef AGGREGATOR_GRADING_H
#define AGGREGATOR_GRADING_H

#include "aggregator/fold.h"
#include "aggregator/raw_grade.h"
#include "base/db.h"
#include "base/str.h"

struct grading_options {
    struct db *db;
    int64_t book_id;
    int64_t until_ns; /* minutes that end at or before it are closed: complete-until */
    /* Rules of a service; never NULL. */
    const struct grading_rules *(*rules)(void *context, struct str service);
    void *context;
};

/* Grades every closed and touched hour, under the lease of `fold` (ERR_FENCED if it is lost), and opens, extends and closes incidents. */
enum err_code grading_run(struct fold *fold, const struct grading_options *options,
                          struct err *err);

#endif
