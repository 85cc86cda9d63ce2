/*
 * What one fold step takes: pending rows of the open round, read, deleted, and put in order by what they count. For fold*.c only.
 *
 * Rows are taken part by part and in the order of the commits: parts of the same number are of about the same services and hours, so that
 * each window is written once for many batches. Tallies stay packed. What is taken is bounded by bytes, where each window counts with what
 * writing it costs; the last row may pass the bound by its own size.
 */
#ifndef AGGREGATOR_FOLD_TAKE_H
#define AGGREGATOR_FOLD_TAKE_H

#include "aggregator/pending.h"
#include "base/arena.h"
#include "base/db.h"

#define FOLD_NONE UINT32_MAX

struct fold_tally {
    struct str packed; /* in the arena */
    uint32_t next;     /* of the same key, as they were taken; FOLD_NONE: it is the last */
};

struct fold_key {
    struct tally_key key;                    /* its names live until the release */
    uint32_t names[PENDING_NAMES_MAX], hash; /* numbers of the reader */
    uint32_t first, last;                    /* of its tallies */
};

struct fold_taken {
    struct pending_reader reader;
    struct arena arena;
    struct fold_tally *tallies; /* owned */
    size_t tally_count, tally_capacity;
    struct fold_key *keys; /* owned; sorted once everything is taken */
    size_t key_count, key_capacity;
    size_t guess;    /* the key that followed the last one in rows before */
    uint32_t *slots; /* owned; key + 1, 0 if free; a power of two. Wrong once the keys are sorted */
    size_t slot_count;
};

struct fold_bounds {
    int64_t rows;
    size_t bytes;
};

void fold_taken_init(struct fold_taken *taken);
void fold_taken_release(struct fold_taken *taken);
/* Inside the transaction of the step. ERR_STORE; ERR_MISMATCH if a row is damaged, with its place. */
enum err_code fold_take(struct fold_taken *taken, struct db *db, int64_t book_id,
                        const struct fold_bounds *bounds, struct err *err);

#endif
