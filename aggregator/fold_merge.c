#include "aggregator/fold_merge.h"

#include <inttypes.h>
#include <stdlib.h>

#include "aggregator/fold_derived.h"
#include "aggregator/tally.h"
#include "base/arena.h"
#include "base/check.h"
#include "base/memory.h"

enum { PACKED_SIZE_MAX = 16 * 1024 * 1024 };

struct pending_row {
    struct str batch_id;
    struct tally_key key;
    struct str packed;
};

struct pending_rows {
    struct pending_row *rows; /* owned */
    size_t count, capacity;
    struct arena arena; /* what the rows point to */
};

/* Batches of one step: as many ids are read at once, and no step takes more. */
enum { BATCHES_MAX = 1024 };

static void rows_release(struct pending_rows *rows)
{
    memory_free(rows->rows);
    arena_release(&rows->arena);
}

static enum err_code set_damaged(const struct tally_key *key, const char *table, struct err *err)
{
    return err_set(err, ERR_MISMATCH,
                   "%s %s %.*s/%.*s/%.*s/%.*s hour %" PRId64 ": the row is damaged (run the audit)",
                   table, tally_kind_name(key->kind), STR_ARGS(key->a), STR_ARGS(key->b),
                   STR_ARGS(key->c), STR_ARGS(key->d), key->hour);
}

static enum err_code read_row(struct db_stmt *stmt, struct str batch_id, struct pending_rows *rows,
                              struct err *err)
{
    struct pending_row row = {.batch_id = batch_id,
                              .key = {.a = arena_str(&rows->arena, db_column_text(stmt, 3)),
                                      .b = arena_str(&rows->arena, db_column_text(stmt, 4)),
                                      .c = arena_str(&rows->arena, db_column_text(stmt, 5)),
                                      .d = arena_str(&rows->arena, db_column_text(stmt, 6)),
                                      .hour = db_column_int64(stmt, 7)},
                              .packed = arena_str(&rows->arena, db_column_blob(stmt, 8))};

    if (!tally_kind_find(db_column_text(stmt, 2), &row.key.kind) ||
        db_column_checksum(stmt, 9) != db_column_int64(stmt, 9)) {
        return set_damaged(&row.key, "pending", err);
    }
    if (rows->count == rows->capacity) {
        rows->capacity = rows->capacity == 0 ? 256 : rows->capacity * 2;
        rows->rows = memory_resize(rows->rows, rows->capacity, sizeof(rows->rows[0]));
    }
    rows->rows[rows->count++] = row;
    return ERR_OK;
}

/* In the order of their commits: neighbours are mostly of the same hours, and each window is written once a step. */
static enum err_code read_batches(struct db *db, int64_t book_id, struct pending_rows *rows,
                                  struct str *ret_ids, size_t *ret_count, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code = db_prepare(
        db,
        "SELECT r.batch_id FROM fold_round_batch r JOIN batch b ON b.batch_id = r.batch_id "
        "WHERE r.book_id = $1 ORDER BY b.committed_ns, r.batch_id LIMIT $2",
        &stmt, err);

    *ret_count = 0;
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    db_bind_int64(stmt, 2, BATCHES_MAX);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        ret_ids[(*ret_count)++] = arena_str(&rows->arena, db_column_blob(stmt, 0));
    }
    db_reset(stmt);
    return code;
}

static enum err_code read_batch(struct db *db, int64_t book_id, struct str batch_id,
                                int64_t rows_max, struct pending_rows *rows, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code =
        db_prepare(db,
                   "SELECT batch_id, book_id, kind, a, b, c, d, hour, tally, checksum FROM pending "
                   "WHERE book_id = $1 AND batch_id = $2 LIMIT $3",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    db_bind_blob(stmt, 2, batch_id);
    db_bind_int64(stmt, 3, rows_max);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        code = read_row(stmt, batch_id, rows, err);
        if (code != ERR_OK) {
            break;
        }
    }
    db_reset(stmt);
    return code;
}

static enum err_code delete_row(struct db *db, int64_t book_id, const struct pending_row *row,
                                struct err *err)
{
    const struct tally_key *key = &row->key;
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(db,
                   "DELETE FROM pending WHERE book_id = $8 AND batch_id = $1 AND kind = $2 AND "
                   "a = $3 AND b = $4 AND c = $5 AND d = $6 AND hour = $7",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_blob(stmt, 1, row->batch_id);
    db_bind_text(stmt, 2, STR(tally_kind_name(key->kind)));
    db_bind_text(stmt, 3, key->a);
    db_bind_text(stmt, 4, key->b);
    db_bind_text(stmt, 5, key->c);
    db_bind_text(stmt, 6, key->d);
    db_bind_int64(stmt, 7, key->hour);
    db_bind_int64(stmt, 8, book_id);
    /* A row that another writer had taken would be counted twice. */
    return db_run_one(stmt, err);
}

/* All rows of a batch, which are so many. */
static enum err_code delete_batch(struct db *db, int64_t book_id, struct str batch_id,
                                  int64_t count, struct err *err)
{
    struct db_stmt *stmt;
    int64_t changed;
    enum err_code code =
        db_prepare(db, "DELETE FROM pending WHERE book_id = $1 AND batch_id = $2", &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    db_bind_blob(stmt, 2, batch_id);
    code = db_run(stmt, &changed, err);
    return code == ERR_OK && changed != count
               ? err_set(err, ERR_MISMATCH, "another writer took pending rows of this fold")
               : code;
}

/* Reads the rows of the step and takes them away: whoever gave them another time would count them twice. */
static enum err_code take_batches(struct db *db, int64_t book_id, int64_t rows_max,
                                  struct pending_rows *rows, struct err *err)
{
    struct str ids[BATCHES_MAX];
    size_t count;
    enum err_code code = read_batches(db, book_id, rows, ids, &count, err);

    for (size_t i = 0; i < count && code == ERR_OK && (int64_t)rows->count < rows_max; i++) {
        size_t first = rows->count;
        int64_t left = rows_max - (int64_t)first;

        code = read_batch(db, book_id, ids[i], left, rows, err);
        if (code == ERR_OK && (int64_t)(rows->count - first) < left) {
            code = delete_batch(db, book_id, ids[i], (int64_t)(rows->count - first), err);
        }
        for (size_t k = first;
             k < rows->count && code == ERR_OK && (int64_t)(rows->count - first) == left; k++) {
            code = delete_row(db, book_id, &rows->rows[k], err);
        }
    }
    return code;
}

static int compare_rows(const void *a, const void *b)
{
    const struct pending_row *x = a;
    const struct pending_row *y = b;
    int order = tally_key_compare(&x->key, &y->key);

    return order != 0 ? order : str_compare(x->batch_id, y->batch_id);
}

/* What the store holds of this key; an empty tally if nothing. */
static enum err_code read_window(struct db *db, int64_t book_id, const struct tally_key *key,
                                 struct tally *ret_tally, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code = db_prepare(
        db,
        "SELECT book_id, kind, a, b, c, d, hour, tally, checksum FROM window_hour WHERE "
        "book_id = $1 AND kind = $2 AND a = $3 AND b = $4 AND c = $5 AND d = $6 AND hour = $7",
        &stmt, err);

    tally_init(ret_tally);
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    db_bind_text(stmt, 2, STR(tally_kind_name(key->kind)));
    db_bind_text(stmt, 3, key->a);
    db_bind_text(stmt, 4, key->b);
    db_bind_text(stmt, 5, key->c);
    db_bind_text(stmt, 6, key->d);
    db_bind_int64(stmt, 7, key->hour);
    code = db_step(stmt, &row, err);
    if (code != ERR_OK || !row) {
        return code;
    }
    if (db_column_checksum(stmt, 8) != db_column_int64(stmt, 8) ||
        tally_unpack(key->kind, db_column_blob(stmt, 7), ret_tally, err) != ERR_OK) {
        code = set_damaged(key, "window_hour", err);
    }
    db_reset(stmt);
    return code;
}

static enum err_code write_window(struct db *db, int64_t book_id, const struct tally_key *key,
                                  const struct tally *tally, struct strbuf *packed, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(db,
                   "INSERT INTO window_hour (book_id, kind, a, b, c, d, hour, tally, checksum) "
                   "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
                   "ON CONFLICT (book_id, kind, a, b, c, d, hour) DO UPDATE "
                   "SET tally = excluded.tally, checksum = excluded.checksum",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    strbuf_clear(packed);
    tally_pack(key->kind, tally, packed);
    CHECK(!packed->overflow);
    db_bind_int64(stmt, 1, book_id);
    db_bind_text(stmt, 2, STR(tally_kind_name(key->kind)));
    db_bind_text(stmt, 3, key->a);
    db_bind_text(stmt, 4, key->b);
    db_bind_text(stmt, 5, key->c);
    db_bind_text(stmt, 6, key->d);
    db_bind_int64(stmt, 7, key->hour);
    db_bind_blob(stmt, 8, strbuf_view(packed));
    db_bind_checksum(stmt, 9);
    return db_run(stmt, NULL, err);
}

/* Adds up the rows of one key. */
static enum err_code add_rows(const struct pending_row *rows, size_t count, struct tally *delta,
                              struct err *err)
{
    enum tally_kind kind = rows[0].key.kind;

    tally_init(delta);
    for (size_t i = 0; i < count; i++) {
        struct tally one;

        if (tally_unpack(kind, rows[i].packed, &one, err) != ERR_OK) {
            return set_damaged(&rows[i].key, "pending", err);
        }
        tally_merge(kind, delta, &one);
        tally_release(kind, &one);
    }
    return ERR_OK;
}

static enum err_code merge_key(struct db *db, int64_t book_id, const struct pending_row *rows,
                               size_t count, struct strbuf *packed, struct err *err)
{
    const struct tally_key *key = &rows[0].key;
    struct fold_change change = {.book_id = book_id, .key = key};
    enum err_code code = add_rows(rows, count, &change.delta, err);

    tally_init(&change.merged);
    if (code == ERR_OK) {
        code = read_window(db, book_id, key, &change.merged, err);
    }
    if (code == ERR_OK) {
        change.old_activity =
            key->kind == TALLY_ACTIVITY ? change.merged.activity.minutes : UINT64_C(0);
        tally_merge(key->kind, &change.merged, &change.delta);
        code = write_window(db, book_id, key, &change.merged, packed, err);
    }
    if (code == ERR_OK) {
        code = fold_derive(db, &change, err);
    }
    tally_release(key->kind, &change.delta);
    tally_release(key->kind, &change.merged);
    return code;
}

enum err_code fold_merge(struct db *db, int64_t book_id, int64_t rows_max, int64_t *ret_rows,
                         struct err *err)
{
    struct pending_rows rows = {.arena = ARENA_INIT};
    struct strbuf packed;
    enum err_code code = take_batches(db, book_id, rows_max, &rows, err);
    size_t begin = 0;

    strbuf_init(&packed, PACKED_SIZE_MAX);
    /* By key, so that each window is read and written once; windows and checks come before activity, which marks
     * hours of services that must be known by then. */
    if (rows.count > 0) {
        qsort(rows.rows, rows.count, sizeof(rows.rows[0]), compare_rows);
    }
    while (begin < rows.count && code == ERR_OK) {
        size_t end = begin + 1;

        while (end < rows.count &&
               tally_key_compare(&rows.rows[begin].key, &rows.rows[end].key) == 0) {
            end++;
        }
        code = merge_key(db, book_id, &rows.rows[begin], end - begin, &packed, err);
        begin = end;
    }
    if (code == ERR_OK) {
        *ret_rows = (int64_t)rows.count;
    }
    strbuf_release(&packed);
    rows_release(&rows);
    return code;
}
