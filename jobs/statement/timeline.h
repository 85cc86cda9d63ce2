/*
 * Timelines: rows of states made whole, and the two rules that look at whole intervals, absorb and min_outage.
 *
 * Invariant: a timeline is sorted, without gaps or overlaps, and neighbours differ in state.
 */
#ifndef JOBS_STATEMENT_TIMELINE_H
#define JOBS_STATEMENT_TIMELINE_H

#include "base/arena.h"
#include "jobs/statement/engine.h"

struct timeline {
    struct state_row *rows; /* in an arena */
    size_t count;
};

/* Fills what is not covered and merges equal neighbours; covers at least [from_s, to_s). */
struct timeline timeline_build(const struct service_input *service, int64_t from_s, int64_t to_s,
                               struct arena *arena);
/* Intervals of at most absorb_ns take the state on both sides; one pass from left to right, each interval judged once. */
void timeline_absorb(struct timeline *timeline, int64_t absorb_ns);
/* Adjoining states with weight > 0 form one outage; one that is shorter than min_outage_ns becomes operational. */
void timeline_forgive_short(struct timeline *timeline, const struct rational *weights,
                            int64_t min_outage_ns);
void timeline_check(const struct timeline *timeline, int64_t from_s, int64_t to_s);

#endif
