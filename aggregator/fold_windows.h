/*
 * What a fold adds to the windows of a book: one tally of a key after the other, and what follows from each. For fold*.c and rebuild_swap.c
 * only.
 *
 * Keys come in the order of tally_key_compare, each once; their names live until the end. What follows from several of them is kept until
 * the last one: nothing is complete before fold_windows_end.
 */
#ifndef AGGREGATOR_FOLD_WINDOWS_H
#define AGGREGATOR_FOLD_WINDOWS_H

#include "aggregator/fold_derived.h"
#include "aggregator/tally.h"
#include "base/db.h"

struct fold_windows {
    struct db *db; /* borrowed; inside the transaction of the step */
    int64_t book_id;
    bool plain; /* nothing follows from them: they are of a rebuild */
    struct strbuf packed;
    struct fold_derived derived;
};

void fold_windows_init(struct fold_windows *windows, struct db *db, int64_t book_id, bool plain);
void fold_windows_release(struct fold_windows *windows);
/* += delta. ERR_STORE; ERR_MISMATCH: the window is damaged, or the sum of both is none; the message names it. */
enum err_code fold_windows_add(struct fold_windows *windows, const struct tally_key *key,
                               const struct tally *delta, struct err *err);
enum err_code fold_windows_end(struct fold_windows *windows, struct err *err);

/* The row of a key, whatever stood there; a key as parameters 1 to 7. */
enum err_code fold_window_put(struct db *db, int64_t book_id, const struct tally_key *key,
                              struct str packed, struct err *err);
void fold_bind_key(struct db_stmt *stmt, int64_t book_id, const struct tally_key *key);

/* ERR_MISMATCH with the place of a tally. */
enum err_code fold_set_damaged(const struct tally_key *key, const char *table, struct err *err);

#endif
