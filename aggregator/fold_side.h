/*
 * What a fold step does beside its book: open rebuilds of that book get what is added to their month, and the book of a rebuild has windows only.
 *
 * Read once a step, inside its transaction: the opening of a rebuild holds the same lease. For fold_merge.c only.
 */
#ifndef AGGREGATOR_FOLD_SIDE_H
#define AGGREGATOR_FOLD_SIDE_H

#include "aggregator/fold_windows.h"
#include "aggregator/rebuild.h"

struct fold_side {
    bool plain; /* the book is that of a rebuild: nothing is derived from its windows */
    struct rebuild months[REBUILDS_MAX];     /* that are open of the book */
    struct fold_windows since[REBUILDS_MAX]; /* what came since they were opened */
    size_t count;
};

enum err_code fold_side_open(struct fold_side *side, struct db *db, int64_t book_id,
                             struct err *err);
void fold_side_release(struct fold_side *side);
/* delta: what is being added to the window of that key; as fold_windows_add. */
enum err_code fold_side_add(struct fold_side *side, const struct tally_key *key,
                            const struct tally *delta, struct err *err);

#endif
