/*
 * The fold: pending tallies become windows, by one writer at a time.
 *
 * Under a lease (aggregator/lease.h): every fold transaction locks the lease row, checks the number, takes a bounded set of pending rows,
 * merges and deletes them, and marks the touched hours for grading. There is no position cursor: commits become visible out of order. A
 * round notes, in one snapshot, complete-until per stream and the ids of all batches with pending rows; it is published by the
 * transaction that deletes the last of them. Event time never moves complete-until. Activity in a minute that had none of that topic
 * or checker marks the hour for all services of the book: it tells their silence from a silent pipeline.
 */
#ifndef AGGREGATOR_FOLD_H
#define AGGREGATOR_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/lease.h"
#include "base/db.h"

struct fold_options {
    struct db *db; /* borrowed */
    int64_t book_id;
    const char *holder;    /* as in aggregator/lease.h */
    int64_t lease_ns;      /* default 60 s */
    int64_t lateness_ns;   /* subtracted from the smallest drained_ns; default 5 min */
    int64_t rows_per_step; /* pending rows of one transaction; default 1024 */
    size_t bytes_per_step; /* of them and of the windows that they change, about; default 16 MiB */
    /* May be NULL: the lease of a larger job that this fold is part of. Each transaction checks and extends it too. */
    struct lease *outer;
    /* May be NULL: asked between transactions; true ends fold_run and grading_run with ERR_INTERRUPTED. What is committed stays. */
    bool (*stopped)(void);
};

struct fold {
    struct fold_options options;
    struct lease lease;
};

void fold_init(struct fold *fold, const struct fold_options *options);
/* ERR_FENCED if another holder's lease is still running; the text says whose and how long. */
enum err_code fold_acquire(struct fold *fold, struct err *err);
/* Between transactions: ERR_INTERRUPTED if options.stopped says so. */
enum err_code fold_check_stopped(const struct fold *fold, struct err *err);
/* Gives the lease back; best effort. */
void fold_release(struct fold *fold);
/* Inside a write transaction of fold->options.db: locks the lease row, checks the fence, extends the lease. ERR_FENCED if another holder
 * took over. Everything that writes windows or grades begins with it. */
enum err_code fold_lock_lease(struct fold *fold, struct err *err);
/* One transaction: starts a round if none is open, folds up to rows_per_step rows, at least one. *ret_done: the round is published, nothing of
 * it is pending. ERR_FENCED: the lease was taken over; nothing of this step was written. */
enum err_code fold_step(struct fold *fold, bool *ret_done, struct err *err);
/* Steps until done; a kill in between loses nothing. progress may be NULL; it counts tallies. */
enum err_code fold_run(struct fold *fold,
                       void (*progress)(void *context, int64_t folded, int64_t total),
                       void *context, struct err *err);
/* Inside the caller's transaction, after fold_lock_lease: folds what is pending until nothing is. Whoever needs that to stay so has locked the positions of
 * the book. */
enum err_code fold_drain(struct fold *fold, struct err *err);
/* Smallest published complete-until over the book's open streams; INT64_MIN if one has none. */
enum err_code fold_complete_until(struct db *db, int64_t book_id, int64_t *ret_complete_ns,
                                  struct err *err);

#endif
