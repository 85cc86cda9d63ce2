#include "aggregator/fold_merge.h"

#include "aggregator/fold_side.h"
#include "aggregator/fold_windows.h"

/* Adds up what was taken of one key. */
static enum err_code add_up(const struct fold_taken *taken, const struct fold_key *key,
                            struct tally *delta, struct err *err)
{
    for (uint32_t i = key->first, next; i != FOLD_NONE; i = next) {
        next = taken->tallies[i].next;
        if (next != FOLD_NONE) {
            /* It is of another row, far from this one. */
            __builtin_prefetch(taken->tallies[next].packed.data);
            __builtin_prefetch(taken->tallies[next].packed.data + 64);
        }
        if (tally_merge_packed(key->key.kind, delta, taken->tallies[i].packed, err) != ERR_OK) {
            return fold_set_damaged(&key->key, "pending", err);
        }
    }
    return ERR_OK;
}

/* The one place where a book's windows grow. */
static enum err_code merge_key(const struct fold_taken *taken, const struct fold_key *key,
                               struct fold_windows *windows, struct fold_side *side,
                               struct err *err)
{
    struct tally delta;
    enum err_code code;

    tally_init(&delta);
    code = add_up(taken, key, &delta, err);
    if (code == ERR_OK) {
        code = fold_windows_add(windows, &key->key, &delta, err);
    }
    if (code == ERR_OK) {
        code = fold_side_add(side, &key->key, &delta, err);
    }
    tally_release(key->key.kind, &delta);
    return code;
}

/* Key by key, so that each window is read and written once. Windows and checks come before activity, which marks hours of services that
 * must be known by then. */
static enum err_code merge_taken(const struct fold_taken *taken, struct db *db, int64_t book_id,
                                 struct err *err)
{
    struct fold_windows windows;
    struct fold_side side;
    enum err_code code = fold_side_open(&side, db, book_id, err);

    fold_windows_init(&windows, db, book_id, side.plain);
    for (size_t i = 0; i < taken->key_count && code == ERR_OK; i++) {
        code = merge_key(taken, &taken->keys[i], &windows, &side, err);
    }
    if (code == ERR_OK) {
        code = fold_windows_end(&windows, err);
    }
    fold_windows_release(&windows);
    fold_side_release(&side);
    return code;
}

enum err_code fold_merge(struct db *db, int64_t book_id, const struct fold_bounds *bounds,
                         int64_t *ret_tallies, struct err *err)
{
    struct fold_taken taken;
    enum err_code code;

    fold_taken_init(&taken);
    code = fold_take(&taken, db, book_id, bounds, err);
    if (code == ERR_OK) {
        code = merge_taken(&taken, db, book_id, err);
    }
    if (code == ERR_OK) {
        *ret_tallies = (int64_t)taken.tally_count;
    }
    fold_taken_release(&taken);
    return code;
}
