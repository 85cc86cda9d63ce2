/*
 * What follows from a changed window: roll-ups, known services, hours to grade again. For fold_merge.c only.
 */
#ifndef AGGREGATOR_FOLD_DERIVED_H
#define AGGREGATOR_FOLD_DERIVED_H

#include "aggregator/tally.h"
#include "base/db.h"

struct fold_change {
    int64_t book_id;
    const struct tally_key *key; /* borrowed */
    struct tally delta;          /* what was added */
    struct tally merged;         /* what stands now */
    uint64_t old_activity;       /* of an activity: the mask before */
};

/* Inside the fold's transaction. ERR_STORE. */
enum err_code fold_derive(struct db *db, const struct fold_change *change, struct err *err);

#endif
