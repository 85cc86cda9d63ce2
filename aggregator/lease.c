#include "aggregator/lease.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "base/clock.h"

void lease_name(const char *kind, int64_t book_id, char ret_name[LEASE_NAME_SIZE])
{
    int size = snprintf(ret_name, LEASE_NAME_SIZE, "%s/%" PRId64, kind, book_id);

    CHECK(size > 0);
    CHECK(size < LEASE_NAME_SIZE);
}

void lease_init(struct lease *lease, const struct lease_options *options)
{
    CHECK(options->duration_ns > 0);
    *lease = (struct lease){.options = *options};
    lease_name(options->kind, options->book_id, lease->name);
}

/* *ret_fence is 0 if nobody ever held it. ERR_FENCED if somebody else holds it now. */
static enum err_code read_row(struct lease *lease, int64_t now_ns, int64_t *ret_fence,
                              struct err *err)
{
    struct db_stmt *stmt;
    int64_t left_ns;
    bool row;
    enum err_code code =
        db_prepare(lease->options.db, "SELECT holder, fence, expires_ns FROM lease WHERE name = $1",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 1, STR(lease->name));
    code = db_step(stmt, &row, err);
    *ret_fence = 0;
    if (code != ERR_OK || !row) {
        return code;
    }
    *ret_fence = db_column_int64(stmt, 1);
    left_ns = db_column_int64(stmt, 2) - now_ns;
    if (left_ns > 0 && !str_equal(db_column_text(stmt, 0), STR(lease->options.holder))) {
        code = err_set_retriable(err, ERR_FENCED,
                                 "another %s, %.*s, holds the lease for %" PRId64 " more seconds",
                                 lease->options.who, STR_ARGS(db_column_text(stmt, 0)),
                                 (left_ns + NS_PER_SECOND - 1) / NS_PER_SECOND);
    }
    db_reset(stmt);
    return code;
}

static enum err_code write_row(struct lease *lease, int64_t fence, int64_t expires_ns,
                               struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(lease->options.db,
                   "INSERT INTO lease (name, holder, fence, expires_ns) VALUES ($1, $2, $3, $4) "
                   "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, "
                   "fence = excluded.fence, expires_ns = excluded.expires_ns",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 1, STR(lease->name));
    db_bind_text(stmt, 2, STR(lease->options.holder));
    db_bind_int64(stmt, 3, fence);
    db_bind_int64(stmt, 4, expires_ns);
    return db_run(stmt, NULL, err);
}

static enum err_code try_to_acquire(struct lease *lease, struct err *err)
{
    struct db *db = lease->options.db;
    int64_t now_ns;
    int64_t fence = 0;
    bool unknown;
    enum err_code code = db_begin(db, err);

    if (code != ERR_OK) {
        return code;
    }
    code = db_now_ns(db, &now_ns, err);
    if (code == ERR_OK) {
        code = read_row(lease, now_ns, &fence, err);
    }
    if (code == ERR_OK) {
        code = write_row(lease, fence + 1, now_ns + lease->options.duration_ns, err);
    }
    if (code == ERR_OK) {
        code = db_commit(db, &unknown, err);
    }
    db_rollback(db);
    if (code == ERR_OK) {
        lease->fence = fence + 1;
    }
    return code;
}

enum err_code lease_acquire(struct lease *lease, struct err *err)
{
    struct err failure = ERR_INIT;
    int tries = 0;

    /* After a lost answer it may be ours without our knowing; the same holder takes it once more. */
    while (try_to_acquire(lease, &failure) != ERR_OK &&
           db_again(lease->options.db, &tries, &failure)) {
        failure = ERR_INIT;
    }
    if (failure.code != ERR_OK) {
        *err = failure;
    }
    return failure.code;
}

/* Moves the end of the lease, if it still is ours. */
static enum err_code move_end(struct lease *lease, int64_t expires_ns, int64_t *ret_changed,
                              struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(lease->options.db,
                   "UPDATE lease SET expires_ns = $1 WHERE name = $2 AND fence = $3", &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, expires_ns);
    db_bind_text(stmt, 2, STR(lease->name));
    db_bind_int64(stmt, 3, lease->fence);
    return db_run(stmt, ret_changed, err);
}

enum err_code lease_lock(struct lease *lease, struct err *err)
{
    struct db *db = lease->options.db;
    int64_t now_ns;
    int64_t changed = 0;
    enum err_code code;

    CHECK(db_in_transaction(db));
    CHECK(lease->fence > 0);
    code = db_now_ns(db, &now_ns, err);
    if (code == ERR_OK) {
        code = move_end(lease, now_ns + lease->options.duration_ns, &changed, err);
    }
    /* An expired lease that nobody took is still ours: only the number decides. */
    if (code == ERR_OK && changed == 0) {
        code = err_set(err, ERR_FENCED,
                       "another %s took over the lease (fence %" PRId64 " is no longer the last)",
                       lease->options.who, lease->fence);
    }
    return code;
}

static enum err_code try_to_extend(struct lease *lease, struct err *err)
{
    struct db *db = lease->options.db;
    bool unknown;
    enum err_code code = db_begin(db, err);

    if (code == ERR_OK) {
        code = lease_lock(lease, err);
    }
    if (code == ERR_OK) {
        code = db_commit(db, &unknown, err);
    }
    db_rollback(db);
    return code;
}

enum err_code lease_extend(struct lease *lease, struct err *err)
{
    struct err failure = ERR_INIT;
    int tries = 0;

    while (try_to_extend(lease, &failure) != ERR_OK &&
           db_again(lease->options.db, &tries, &failure)) {
        failure = ERR_INIT;
    }
    if (failure.code != ERR_OK) {
        *err = failure;
    }
    return failure.code;
}

void lease_release(struct lease *lease)
{
    struct db *db = lease->options.db;
    struct err ignored = ERR_INIT;
    int64_t changed;
    bool unknown;

    if (lease->fence == 0) {
        return;
    }
    db_rollback(db);
    if (db_begin(db, &ignored) == ERR_OK) {
        if (move_end(lease, 0, &changed, &ignored) == ERR_OK) {
            (void)db_commit(db, &unknown, &ignored);
        }
        db_rollback(db);
    }
    lease->fence = 0;
}
