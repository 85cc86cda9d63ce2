/* The lease of aggregator/fold.h: one writer of windows and grades at a time, told apart by a number. */
#include <inttypes.h>
#include <stdio.h>

#include "aggregator/fold.h"
#include "base/check.h"
#include "base/clock.h"

enum { LEASE_NAME_SIZE = 40 };

static void bind_lease_name(struct db_stmt *stmt, int index, const struct fold *fold,
                            char text[LEASE_NAME_SIZE])
{
    int size = snprintf(text, LEASE_NAME_SIZE, "fold/%" PRId64, fold->options.book_id);

    db_bind_text(stmt, index, str_of(text, (size_t)size));
}

/* *ret_fence is 0 if nobody ever held it. ERR_FENCED if somebody else holds it now. */
static enum err_code read_lease(struct fold *fold, int64_t now_ns, int64_t *ret_fence,
                                struct err *err)
{
    char name[LEASE_NAME_SIZE];
    struct db_stmt *stmt;
    int64_t left_ns;
    bool row;
    enum err_code code =
        db_prepare(fold->options.db, "SELECT holder, fence, expires_ns FROM lease WHERE name = $1",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    bind_lease_name(stmt, 1, fold, name);
    code = db_step(stmt, &row, err);
    *ret_fence = 0;
    if (code != ERR_OK || !row) {
        return code;
    }
    *ret_fence = db_column_int64(stmt, 1);
    left_ns = db_column_int64(stmt, 2) - now_ns;
    if (left_ns > 0 && !str_equal(db_column_text(stmt, 0), STR(fold->options.holder))) {
        code = err_set_retriable(
            err, ERR_FENCED,
            "another aggregator, %.*s, holds the lease for %" PRId64 " more seconds",
            STR_ARGS(db_column_text(stmt, 0)), (left_ns + NS_PER_SECOND - 1) / NS_PER_SECOND);
    }
    db_reset(stmt);
    return code;
}

static enum err_code write_lease(struct fold *fold, int64_t fence, int64_t expires_ns,
                                 struct err *err)
{
    char name[LEASE_NAME_SIZE];
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(fold->options.db,
                   "INSERT INTO lease (name, holder, fence, expires_ns) VALUES ($1, $2, $3, $4) "
                   "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, "
                   "fence = excluded.fence, expires_ns = excluded.expires_ns",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    bind_lease_name(stmt, 1, fold, name);
    db_bind_text(stmt, 2, STR(fold->options.holder));
    db_bind_int64(stmt, 3, fence);
    db_bind_int64(stmt, 4, expires_ns);
    return db_run(stmt, NULL, err);
}

enum err_code fold_acquire(struct fold *fold, struct err *err)
{
    struct db *db = fold->options.db;
    int64_t now_ns;
    int64_t fence = 0;
    bool unknown;
    enum err_code code = db_begin(db, err);

    if (code != ERR_OK) {
        return code;
    }
    code = db_now_ns(db, &now_ns, err);
    if (code == ERR_OK) {
        code = read_lease(fold, now_ns, &fence, err);
    }
    if (code == ERR_OK) {
        code = write_lease(fold, fence + 1, now_ns + fold->options.lease_ns, err);
    }
    if (code == ERR_OK) {
        /* If the answer is lost the lease may be ours without our knowing: another acquire as the same holder takes it. */
        code = db_commit(db, &unknown, err);
    }
    db_rollback(db);
    if (code == ERR_OK) {
        fold->fence = fence + 1;
    }
    return code;
}

/* Moves the end of the lease, if it still is ours. */
static enum err_code extend_lease(struct fold *fold, int64_t expires_ns, int64_t *ret_changed,
                                  struct err *err)
{
    char name[LEASE_NAME_SIZE];
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(fold->options.db,
                   "UPDATE lease SET expires_ns = $1 WHERE name = $2 AND fence = $3", &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, expires_ns);
    bind_lease_name(stmt, 2, fold, name);
    db_bind_int64(stmt, 3, fold->fence);
    return db_run(stmt, ret_changed, err);
}

enum err_code fold_lock_lease(struct fold *fold, struct err *err)
{
    int64_t now_ns;
    int64_t changed = 0;
    enum err_code code;

    CHECK(db_in_transaction(fold->options.db));
    CHECK(fold->fence > 0);
    code = db_now_ns(fold->options.db, &now_ns, err);
    if (code == ERR_OK) {
        code = extend_lease(fold, now_ns + fold->options.lease_ns, &changed, err);
    }
    /* An expired lease that nobody took is still ours: only the number decides. */
    if (code == ERR_OK && changed == 0) {
        code = err_set(err, ERR_FENCED,
                       "another aggregator took over the lease (fence %" PRId64
                       " is no longer the last)",
                       fold->fence);
    }
    return code;
}

void fold_release(struct fold *fold)
{
    struct err ignored = ERR_INIT;
    int64_t changed;
    bool unknown;

    if (fold->fence == 0) {
        return;
    }
    db_rollback(fold->options.db);
    /* Best effort: what is not given back expires. */
    if (db_begin(fold->options.db, &ignored) == ERR_OK) {
        if (extend_lease(fold, 0, &changed, &ignored) == ERR_OK) {
            (void)db_commit(fold->options.db, &unknown, &ignored);
        }
        db_rollback(fold->options.db);
    }
    fold->fence = 0;
}
