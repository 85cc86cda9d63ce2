#include "aggregator/fold_windows.h"

#include <inttypes.h>

#include "base/check.h"

enum { PACKED_SIZE_MAX = 16 * 1024 * 1024 };

void fold_windows_init(struct fold_windows *windows, struct db *db, int64_t book_id, bool plain)
{
    *windows = (struct fold_windows){.db = db, .book_id = book_id, .plain = plain};
    strbuf_init(&windows->packed, PACKED_SIZE_MAX);
    fold_derived_init(&windows->derived, db, book_id);
}

void fold_windows_release(struct fold_windows *windows)
{
    strbuf_release(&windows->packed);
}

enum err_code fold_set_damaged(const struct tally_key *key, const char *table, struct err *err)
{
    return err_set(err, ERR_MISMATCH,
                   "%s %s %.*s/%.*s/%.*s/%.*s hour %" PRId64 ": the row is damaged (run the audit)",
                   table, tally_kind_name(key->kind), STR_ARGS(key->a), STR_ARGS(key->b),
                   STR_ARGS(key->c), STR_ARGS(key->d), key->hour);
}

void fold_bind_key(struct db_stmt *stmt, int64_t book_id, const struct tally_key *key)
{
    db_bind_int64(stmt, 1, book_id);
    db_bind_text(stmt, 2, STR(tally_kind_name(key->kind)));
    db_bind_text(stmt, 3, key->a);
    db_bind_text(stmt, 4, key->b);
    db_bind_text(stmt, 5, key->c);
    db_bind_text(stmt, 6, key->d);
    db_bind_int64(stmt, 7, key->hour);
}

/* What the store holds of this key is added to an empty tally. */
static enum err_code read_window(struct fold_windows *windows, const struct tally_key *key,
                                 struct tally *tally, bool *ret_found, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(
        windows->db,
        "SELECT book_id, kind, a, b, c, d, hour, tally, checksum FROM window_hour WHERE "
        "book_id = $1 AND kind = $2 AND a = $3 AND b = $4 AND c = $5 AND d = $6 AND hour = $7",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    fold_bind_key(stmt, windows->book_id, key);
    code = db_step(stmt, ret_found, err);
    if (code != ERR_OK || !*ret_found) {
        return code;
    }
    if (db_column_checksum(stmt, 8) != db_column_int64(stmt, 8) ||
        tally_merge_packed(key->kind, tally, db_column_blob(stmt, 7), err) != ERR_OK) {
        code = fold_set_damaged(key, "window_hour", err);
    }
    db_reset(stmt);
    return code;
}

enum err_code fold_window_put(struct db *db, int64_t book_id, const struct tally_key *key,
                              struct str packed, struct err *err)
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
    fold_bind_key(stmt, book_id, key);
    db_bind_blob(stmt, 8, packed);
    db_bind_checksum(stmt, 9);
    return db_run(stmt, NULL, err);
}

static enum err_code write_window(struct fold_windows *windows, const struct tally_key *key,
                                  const struct tally *tally, struct err *err)
{
    strbuf_clear(&windows->packed);
    tally_pack(key->kind, tally, &windows->packed);
    CHECK(!windows->packed.overflow);
    return fold_window_put(windows->db, windows->book_id, key, strbuf_view(&windows->packed), err);
}

/* A window whose delta and merged tally are known. */
static enum err_code put_window(struct fold_windows *windows, const struct fold_change *change,
                                struct err *err)
{
    enum err_code code;

    /* Only of a store that somebody else wrote. */
    if (!tally_valid(change->key->kind, change->merged)) {
        return fold_set_damaged(change->key, "window_hour", err);
    }
    code = write_window(windows, change->key, change->merged, err);
    return code == ERR_OK && !windows->plain ? fold_derive(&windows->derived, change, err) : code;
}

enum err_code fold_windows_add(struct fold_windows *windows, const struct tally_key *key,
                               const struct tally *delta, struct err *err)
{
    struct fold_change change = {.key = key, .delta = delta, .merged = delta};
    struct tally merged;
    bool found;
    enum err_code code;

    tally_init(&merged);
    code = read_window(windows, key, &merged, &found, err);
    if (code == ERR_OK && found) {
        change.old_activity = key->kind == TALLY_ACTIVITY ? merged.activity.minutes : UINT64_C(0);
        tally_merge(key->kind, &merged, delta);
        change.merged = &merged;
    }
    if (code == ERR_OK) {
        code = put_window(windows, &change, err);
    }
    tally_release(key->kind, &merged);
    return code;
}

enum err_code fold_windows_end(struct fold_windows *windows, struct err *err)
{
    return fold_derived_end(&windows->derived, err);
}
