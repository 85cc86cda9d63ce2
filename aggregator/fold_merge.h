/*
 * The merge of one fold step: pending rows of the open round become windows. For fold.c only.
 *
 * Everything happens inside the caller's transaction, under its lease.
 */
#ifndef AGGREGATOR_FOLD_MERGE_H
#define AGGREGATOR_FOLD_MERGE_H

#include <stdint.h>

#include "base/db.h"

/* Merges up to rows_max pending rows of the round's batches into window_hour and what is derived from it (rollups, services, hours to
 * grade again), and deletes them. *ret_rows: how many. ERR_STORE; ERR_MISMATCH if a row is damaged, with its key. */
enum err_code fold_merge(struct db *db, int64_t book_id, int64_t rows_max, int64_t *ret_rows,
                         struct err *err);

#endif
