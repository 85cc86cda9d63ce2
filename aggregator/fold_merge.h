/*
 * The merge of one fold step: pending rows of the open round become windows. For fold.c only.
 *
 * Everything happens inside the caller's transaction, under its lease.
 */
#ifndef AGGREGATOR_FOLD_MERGE_H
#define AGGREGATOR_FOLD_MERGE_H

#include "aggregator/fold_take.h"

/* Merges pending rows of the round's batches, as many as the bounds let it take, into window_hour and what is derived from it (rollups,
 * services, hours to grade again), and deletes them. *ret_tallies: how many they held. ERR_STORE; ERR_MISMATCH if a row is damaged, with its
 * place. */
enum err_code fold_merge(struct db *db, int64_t book_id, const struct fold_bounds *bounds,
                         int64_t *ret_tallies, struct err *err);

#endif
