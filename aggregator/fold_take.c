#include "aggregator/fold_take.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"

enum {
    SLOTS_MIN = 1024,
    KEY_COST = 1024,                /* bytes of a window and what follows from it, about */
    ROW_SIZE_MAX = 32 * 1024 * 1024 /* with the largest tally as its last */
};

struct row_name {
    struct str batch_id; /* in the arena */
    int64_t part;
};

void fold_taken_init(struct fold_taken *taken)
{
    *taken = (struct fold_taken){.slot_count = SLOTS_MIN};
    pending_reader_init(&taken->reader);
    taken->slots = memory_calloc(taken->slot_count, sizeof(taken->slots[0]));
}

void fold_taken_release(struct fold_taken *taken)
{
    pending_reader_release(&taken->reader);
    arena_release(&taken->arena);
    memory_free(taken->tallies);
    memory_free(taken->keys);
    memory_free(taken->slots);
    *taken = (struct fold_taken){.slot_count = 0};
}

static uint32_t key_hash(const struct pending_entry *entry)
{
    const uint64_t k = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t hash = ((uint64_t)entry->hour * 4 + (uint64_t)entry->kind) * k;

    for (size_t i = 0; i < PENDING_NAMES_MAX; i++) {
        hash = (hash ^ (hash >> 29) ^ entry->names[i]) * k;
    }
    return (uint32_t)(hash >> 32);
}

static bool key_is(const struct fold_key *key, const struct pending_entry *entry)
{
    return key->key.hour == entry->hour && key->key.kind == entry->kind &&
           memcmp(key->names, entry->names, sizeof(key->names)) == 0;
}

static void grow_slots(struct fold_taken *taken)
{
    size_t mask;

    memory_free(taken->slots);
    taken->slot_count *= 2;
    taken->slots = memory_calloc(taken->slot_count, sizeof(taken->slots[0]));
    mask = taken->slot_count - 1;
    for (size_t i = 0; i < taken->key_count; i++) {
        size_t slot = taken->keys[i].hash & mask;

        while (taken->slots[slot] != 0) {
            slot = (slot + 1) & mask;
        }
        taken->slots[slot] = (uint32_t)(i + 1);
    }
}

static struct fold_key *add_key(struct fold_taken *taken, const struct pending_entry *entry,
                                uint32_t hash)
{
    struct fold_key *key;

    if (taken->key_count == taken->key_capacity) {
        taken->key_capacity = taken->key_capacity == 0 ? 256 : taken->key_capacity * 2;
        taken->keys = memory_resize(taken->keys, taken->key_capacity, sizeof(taken->keys[0]));
    }
    key = &taken->keys[taken->key_count++];
    *key = (struct fold_key){.key = pending_key(&taken->reader, entry),
                             .hash = hash,
                             .first = FOLD_NONE,
                             .last = FOLD_NONE};
    memcpy(key->names, entry->names, sizeof(key->names));
    return key;
}

static struct fold_key *find_key(struct fold_taken *taken, const struct pending_entry *entry)
{
    size_t mask = taken->slot_count - 1;
    struct fold_key *key;
    uint32_t hash;
    size_t slot;

    /* Rows that follow each other mostly have the same keys in the same order. */
    if (taken->guess < taken->key_count && key_is(&taken->keys[taken->guess], entry)) {
        return &taken->keys[taken->guess++];
    }
    hash = key_hash(entry);
    slot = hash & mask;

    while (taken->slots[slot] != 0) {
        key = &taken->keys[taken->slots[slot] - 1];
        if (key->hash == hash && key_is(key, entry)) {
            taken->guess = taken->slots[slot];
            return key;
        }
        slot = (slot + 1) & mask;
    }
    key = add_key(taken, entry, hash);
    taken->slots[slot] = (uint32_t)taken->key_count;
    if (taken->key_count > taken->slot_count / 2) {
        grow_slots(taken);
    }
    return key;
}

static void add_tally(struct fold_taken *taken, const struct pending_entry *entry)
{
    struct fold_key *key = find_key(taken, entry);
    uint32_t number = (uint32_t)taken->tally_count;

    CHECK(taken->tally_count < FOLD_NONE);
    if (taken->tally_count == taken->tally_capacity) {
        taken->tally_capacity = taken->tally_capacity == 0 ? 1024 : taken->tally_capacity * 2;
        taken->tallies =
            memory_resize(taken->tallies, taken->tally_capacity, sizeof(taken->tallies[0]));
    }
    taken->tallies[taken->tally_count++] =
        (struct fold_tally){.packed = entry->tally, .next = FOLD_NONE};
    if (key->first == FOLD_NONE) {
        key->first = number;
    } else {
        taken->tallies[key->last].next = number;
    }
    key->last = number;
}

/* packed: in the arena. */
static bool add_row(struct fold_taken *taken, struct str packed, int64_t tallies)
{
    struct pending_entry entry;
    enum pending_result result;

    pending_begin(&taken->reader, packed);
    while ((result = pending_next(&taken->reader, &entry)) == PENDING_ENTRY) {
        add_tally(taken, &entry);
        tallies--;
    }
    return result == PENDING_END && tallies == 0;
}

static enum err_code read_row(struct fold_taken *taken, struct db *db, int64_t book_id,
                              const struct row_name *name, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    bool good = false;
    enum err_code code =
        db_prepare(db,
                   "SELECT book_id, batch_id, part, tallies, packed, checksum FROM pending "
                   "WHERE book_id = $1 AND batch_id = $2 AND part = $3",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    db_bind_blob(stmt, 2, name->batch_id);
    db_bind_int64(stmt, 3, name->part);
    code = db_step(stmt, &row, err);
    if (code != ERR_OK) {
        return code;
    }
    if (row && db_column_checksum(stmt, 5) == db_column_int64(stmt, 5) &&
        db_column_blob(stmt, 4).size <= ROW_SIZE_MAX) {
        good = add_row(taken, arena_str(&taken->arena, db_column_blob(stmt, 4)),
                       db_column_int64(stmt, 3));
    }
    db_reset(stmt);
    return good ? ERR_OK : pending_set_damaged(name->batch_id, name->part, err);
}

/* A row that another writer had taken would be counted twice. */
static enum err_code delete_row(struct db *db, int64_t book_id, const struct row_name *name,
                                struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(
        db, "DELETE FROM pending WHERE book_id = $1 AND batch_id = $2 AND part = $3", &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    db_bind_blob(stmt, 2, name->batch_id);
    db_bind_int64(stmt, 3, name->part);
    return db_run_one(stmt, err);
}

static enum err_code list_rows(struct fold_taken *taken, struct db *db, int64_t book_id,
                               int64_t rows_max, struct row_name **ret_names, size_t *ret_count,
                               struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code =
        db_prepare(db,
                   "SELECT p.batch_id, p.part FROM fold_round_batch r "
                   "JOIN batch b ON b.batch_id = r.batch_id "
                   "JOIN pending p ON p.book_id = r.book_id AND p.batch_id = r.batch_id "
                   "WHERE r.book_id = $1 ORDER BY p.part, b.committed_ns, p.batch_id LIMIT $2",
                   &stmt, err);

    *ret_count = 0;
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    db_bind_int64(stmt, 2, rows_max);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        if ((*ret_count & (*ret_count - 1)) == 0) {
            *ret_names = memory_resize(*ret_names, *ret_count == 0 ? 1 : *ret_count * 2,
                                       sizeof((*ret_names)[0]));
        }
        (*ret_names)[(*ret_count)++] =
            (struct row_name){.batch_id = arena_str(&taken->arena, db_column_blob(stmt, 0)),
                              .part = db_column_int64(stmt, 1)};
    }
    db_reset(stmt);
    return code;
}

static size_t size_of(const struct fold_taken *taken)
{
    return taken->arena.size + taken->tally_count * sizeof(taken->tallies[0]) +
           taken->key_count * KEY_COST;
}

static int compare_keys(const void *a, const void *b)
{
    const struct fold_key *x = a;
    const struct fold_key *y = b;

    return tally_key_compare(&x->key, &y->key);
}

enum err_code fold_take(struct fold_taken *taken, struct db *db, int64_t book_id,
                        const struct fold_bounds *bounds, struct err *err)
{
    struct row_name *names = NULL;
    size_t count = 0;
    enum err_code code = list_rows(taken, db, book_id, bounds->rows, &names, &count, err);

    db_delete_carelessly(db); /* what goes stands in the windows from now on */
    /* Each row goes as soon as it was read, while the database has its pages at hand. */
    for (size_t i = 0; i < count && code == ERR_OK && (i == 0 || size_of(taken) < bounds->bytes);
         i++) {
        code = read_row(taken, db, book_id, &names[i], err);
        if (code == ERR_OK) {
            code = delete_row(db, book_id, &names[i], err);
        }
    }
    if (taken->key_count > 0) {
        qsort(taken->keys, taken->key_count, sizeof(taken->keys[0]), compare_keys);
    }
    memory_free(names);
    return code;
}
