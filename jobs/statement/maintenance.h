/*
 * Maintenance: which announced windows excuse anything, by the terms of a contract.
 *
 * Decided per service: an announcement is timely if it was first seen `notice` before its start; timely ones are united, then cut by the
 * quota in order of start. Whole seconds that an announcement covers only in part are not covered.
 */
#ifndef JOBS_STATEMENT_MAINTENANCE_H
#define JOBS_STATEMENT_MAINTENANCE_H

#include "base/arena.h"
#include "jobs/config/hours.h"
#include "jobs/statement/engine.h"

/* Of maintenance: windows as a whole, also where they reach beyond the period. */
struct cover {
    struct span *spans; /* sorted, apart from each other */
    size_t count;
};

/* What is covered for that service within [from_s, to_s), and one exclusion for each announcement that concerns it there, by start and id. */
void maintenance_decide(const struct engine_input *input, struct str service, int64_t from_s,
                        int64_t to_s, struct arena *arena, struct cover *ret_cover,
                        struct exclusion **ret_exclusions, size_t *ret_count);
/* Seconds of [from_s, to_s) that are covered. */
int64_t cover_seconds(const struct cover *cover, int64_t from_s, int64_t to_s);

#endif
