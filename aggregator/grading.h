/*
 * Raw grades: what each closed minute of a service was, from its requests and its checks, and the incidents that follow.
 *
 * Rules: docs/decisions/0006-raw-grades.md; the decisions are pure functions in raw_grade.h, check_state.h and grade_hour.h. A regrade starts at the first
 * touched hour and goes on until the carried state equals the stored one. Work is remembered in the store, hour by hour: a
 * run may be killed anywhere and the next one goes on. The result depends on the windows and on until_ns alone, not on when or how often
 * grading ran. A minute that was graded once stays graded, also if complete-until falls behind it (a topic that was added).
 */
#ifndef AGGREGATOR_GRADING_H
#define AGGREGATOR_GRADING_H

#include "aggregator/fold.h"
#include "aggregator/raw_grade.h"
#include "base/db.h"
#include "base/str.h"

struct grading_options {
    struct db *db; /* borrowed */
    int64_t book_id;
    int64_t until_ns; /* minutes that end at or before it are closed: complete-until */
    /* Rules of a service; never NULL. */
    const struct grading_rules *(*rules)(void *context, struct str service);
    void *context;
};

/* Grades every closed and touched hour, under the lease of `fold` (ERR_FENCED if it is lost), and opens, extends and closes incidents.
 * ERR_STORE; ERR_MISMATCH: a damaged row. */
enum err_code grading_run(struct fold *fold, const struct grading_options *options,
                          struct err *err);

#endif
