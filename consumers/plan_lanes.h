/*
 * The walk over several payloads of one plan at once, column by column: one instruction for all of them, then the next one. A loop is about one kind of
 * value, and no payload waits for the length of another one's. Only for plain plans (plan_plain.c) whose code goes straight on. Nothing is refused
 * here: what is not as it should be stays open, and plan_run decides.
 */
#ifndef CONSUMERS_PLAN_LANES_H
#define CONSUMERS_PLAN_LANES_H

#include "consumers/plan_code.h"

enum { PLAN_LANES_MAX = 32, PLAN_LANE_SLOTS_MAX = 4 };

struct plan_lanes {
    size_t count; /* up to PLAN_LANES_MAX */
    /* Given: payloads of at most mapping.record_size_max and 2^32 - 1 bytes, and the time stamps of their records; INT64_MIN, of one
     * that has none, is too far from any time for a plain record. */
    const uint8_t *begin[PLAN_LANES_MAX], *end[PLAN_LANES_MAX];
    int64_t record_times_ns[PLAN_LANES_MAX];
    /* Found. */
    bool open[PLAN_LANES_MAX];           /* nothing is known of this one */
    struct str services[PLAN_LANES_MAX]; /* of the others: what a plain record comes to */
    struct plan_plain plains[PLAN_LANES_MAX];
    /* On the way. */
    const uint8_t *at[PLAN_LANES_MAX];
    int64_t numbers[PLAN_LANE_SLOTS_MAX]
                   [PLAN_LANES_MAX]; /* by slots, but for that of the service */
};

/* Sets by_lanes and time_unit of a plan that is otherwise complete. */
void plan_lanes_prepare(struct plan *plan);
/* Of a plan with by_lanes. What is not open afterwards is a plain record, as plan_run would have found. */
void plan_lanes_run(const struct plan *plan, struct plan_lanes *lanes);
/* The last step of it: judges what was read. */
void plan_plain_lanes(const struct plan *plan, struct plan_lanes *lanes);

#endif
