/*
 * A lane: one partition of a topic during one consume run.
 *
 * Invariant: committed <= next; the open batch covers [committed, next) of every lane that is ours. A lane that is not ours is left alone:
 * its partition belongs to another shard or another member of the group.
 */
#ifndef JOBS_PIPELINE_LANE_H
#define JOBS_PIPELINE_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregator/ledger.h"
#include "base/err.h"
#include "consumers/source.h"

enum lane_state {
    LANE_FOREIGN, /* not ours */
    LANE_RUNNING, /* being read */
    LANE_DONE,    /* a drain has reached its aim */
    LANE_PARKED   /* records expired before they were read: it waits for a person */
};

struct lane {
    enum lane_state state;
    int64_t start;     /* where this run began */
    int64_t next;      /* behind the last offset that the open batch covers */
    int64_t committed; /* as the ledger has it, as far as we know */
    int64_t target;    /* the last stable offset at the start of the run */
    int restarts; /* after notices that the broker has no such offset, in a row at `restarted_at` */
    int64_t restarted_at;
    /* The last record that the ledger has seen; it is read again when the lane starts, to notice a topic that was deleted and created
     * again and has grown past the old end since. -1: none, or expired. */
    int64_t guard_offset;
    int64_t guard_time_ns;
    /* A drained note that waits for its commit: once committed >= note_high, everything written before note_time_ns is in. */
    bool noted;
    int64_t note_high;
    int64_t note_time_ns;
};

/* What the ledger and the broker say together about where to go on. */
enum lane_place {
    PLACE_READ,    /* there is something, or something may come */
    PLACE_EXPIRED, /* the log begins behind the ledger: park it */
    PLACE_REPLACED /* the log ends before the ledger: the topic was created again, or cut */
};
enum lane_place lane_place(int64_t next_offset, const struct source_watermarks *watermarks);

static inline bool lane_ours(const struct lane *lane)
{
    return lane->state != LANE_FOREIGN;
}

#endif
