/*
 * The walk over several payloads of one plan at once, column by column: one instruction for all of them, then the next one. A loop is about one kind of
 * value, and no payload waits for the length of another one's. Only for plain plans (plan_plain.c) whose code goes straight on. Nothing is refused
 * here: what is not as it should be stays open, and plan_run decides.
 */
#ifndef CONSUMERS_PLAN_LANES_H
#define CONSUMERS_PLAN_LANES_H

#include "consumers/plan_code.h"

enum {
    PLAN_LANES_MAX = 32,
    PLAN_LANE_SLOTS_MAX = 4,
    PLAN_LANES_SIZE_MAX = (1 << 30) - 1,
    PLAN_LANES_BEHIND = 16 /* bytes behind a payload that may be looked at */
};

struct plan_lanes {
    size_t count; /* up to PLAN_LANES_MAX */
    /* Given: payloads of at most mapping.record_size_max and PLAN_LANES_SIZE_MAX bytes, and the time stamps of their records; INT64_MIN, of one
     * that has none, is too far from any time for a plain record. */
    const uint8_t *end[PLAN_LANES_MAX];
    int64_t at
        [PLAN_LANES_MAX]; /* where the payload begins, counted from its end; then where the walk has come to */
    int64_t record_times_ns[PLAN_LANES_MAX];
    /* Found. */
    bool open[PLAN_LANES_MAX]; /* nothing is known of this one */
    /* Of the others: what a record comes to that is plain if the name of its service is (plain_name.h), which who keeps names knows without a look. */
    struct str services[PLAN_LANES_MAX];
    struct plan_plain plains[PLAN_LANES_MAX];
    /* On the way. */
    int64_t numbers[PLAN_LANE_SLOTS_MAX]
                   [PLAN_LANES_MAX]; /* by slots, but for that of the service */
};

/* Sets by_lanes and time_unit of a plan that is otherwise complete. */
void plan_lanes_prepare(struct plan *plan);
/* Of a plan with by_lanes. What is not open afterwards, and has a plain name, is as plan_run would have found. */
void plan_lanes_run(const struct plan *plan, struct plan_lanes *lanes);
/* The last step of it: judges what was read. */
void plan_plain_lanes(const struct plan *plan, struct plan_lanes *lanes);

#endif
