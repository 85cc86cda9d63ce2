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

/* The announcements that reach into a period: those for all services first, then by the service that they name; each by start and id. */
struct agenda {
    const struct announcement_input **rows; /* in an arena */
    size_t count, all_count;                /* all_count: for all services */
};

struct agenda agenda_make(const struct engine_input *input, int64_t from_s, int64_t to_s,
                          struct arena *arena);
/* What is covered for that service within [from_s, to_s), of which the agenda is, and one exclusion for each announcement that concerns it there, by start
 * and id. Takes time and memory for these only. */
void maintenance_decide(const struct maintenance_terms *terms, const struct agenda *agenda,
                        struct str service, int64_t from_s, int64_t to_s, struct arena *arena,
                        struct cover *ret_cover, struct exclusion **ret_exclusions,
                        size_t *ret_count);

#endif
