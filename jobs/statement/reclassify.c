#include "jobs/statement/reclassify.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/memory.h"
#include "jobs/statement/entry.h"

enum { RECLASSIFICATIONS_MAX = 100000 };

/* Of a row of reclassification and, from 9 on, the one that withdraws it. */
#define SELECT_ROWS                                                                                \
    "SELECT r.reclassification_id, r.service, r.from_ns, r.to_ns, r.state, r.recorded_ns,"         \
    " r.author, r.reason, r.withdraws, r.checksum, w.recorded_ns, w.author, w.reason"              \
    " FROM reclassification r LEFT JOIN reclassification w"                                        \
    " ON w.withdraws = r.reclassification_id"

static enum err_code next_id(struct db *db, int64_t *ret_id, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code = db_prepare(
        db, "SELECT COALESCE(MAX(reclassification_id), 0) + 1 FROM reclassification", &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    code = db_step(stmt, &row, err);
    *ret_id = code == ERR_OK && row ? db_column_int64(stmt, 0) : 0;
    db_reset(stmt);
    return code;
}

/* withdraws 0: none. */
static enum err_code insert(struct db *db, const struct reclassification *row, int64_t withdraws,
                            struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(db,
                   "INSERT INTO reclassification (reclassification_id, service, from_ns, to_ns,"
                   " state, recorded_ns, author, reason, withdraws, checksum)"
                   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, row->id);
    db_bind_text(stmt, 2, row->service);
    db_bind_int64(stmt, 3, row->from_s * NS_PER_SECOND);
    db_bind_int64(stmt, 4, row->to_s * NS_PER_SECOND);
    db_bind_text(stmt, 5, STR(grade_row(row->state)->name));
    db_bind_int64(stmt, 6, row->recorded_ns);
    db_bind_text(stmt, 7, row->author);
    db_bind_text(stmt, 8, row->reason);
    if (withdraws != 0) {
        db_bind_int64(stmt, 9, withdraws);
    } else {
        db_bind_null(stmt, 9);
    }
    db_bind_checksum(stmt, 10);
    return db_run(stmt, NULL, err);
}

/* Number, row, commit, inside a transaction that has begun. */
static enum err_code store(struct db *db, struct reclassification *row, int64_t withdraws,
                           struct err *err)
{
    bool unknown;
    enum err_code code = next_id(db, &row->id, err);

    if (code == ERR_OK) {
        code = insert(db, row, withdraws, err);
    }
    if (code == ERR_OK && FAULT("reclassify.commit.before")) {
        code = err_set(err, ERR_FAILED, "fault reclassify.commit.before");
    }
    if (code == ERR_OK) {
        code = db_commit(db, &unknown, err);
        if (code != ERR_OK && unknown) {
            err_context(err, "the answer was lost; look with reclassify --list");
        }
    }
    (void)FAULT("reclassify.commit.after");
    return code;
}

/* The future is planned by `announce`; here is only what was. */
static enum err_code check_times(const struct reclassification *row, struct err *err)
{
    if (row->from_s >= row->to_s) {
        return err_set(err, ERR_USAGE, "--to must be later than --from");
    }
    if (row->from_s < 0 || (int128)row->to_s * NS_PER_SECOND > row->recorded_ns) {
        return err_set(err, ERR_USAGE,
                       "only time that is over can be reclassified; planned maintenance is for "
                       "announce");
    }
    return ERR_OK;
}

enum err_code reclassify_add(struct db *db, struct reclassification *reclassification,
                             struct err *err)
{
    enum err_code code = entry_check("the service", reclassification->service, ENTRY_NAME_MAX, err);

    if (code == ERR_OK) {
        code = entry_check("the reason", reclassification->reason, ENTRY_TEXT_MAX, err);
    }
    if (code == ERR_OK) {
        code = entry_check("the author", reclassification->author, ENTRY_NAME_MAX, err);
    }
    if (code == ERR_OK) {
        code = db_begin(db, err);
    }
    if (code == ERR_OK) {
        code = db_now_ns(db, &reclassification->recorded_ns, err);
    }
    if (code == ERR_OK) {
        code = check_times(reclassification, err);
    }
    if (code == ERR_OK) {
        code = store(db, reclassification, 0, err);
    }
    db_rollback(db);
    return code;
}

/* Steps to the next row and holds it against its checksum. */
static enum err_code step(struct db_stmt *stmt, bool *ret_row, struct err *err)
{
    enum err_code code = db_step(stmt, ret_row, err);

    if (code == ERR_OK && *ret_row && db_column_checksum(stmt, 9) != db_column_int64(stmt, 9)) {
        code = err_set(err, ERR_MISMATCH,
                       "reclassification %" PRId64 ": the row's checksum does not match",
                       db_column_int64(stmt, 0));
    }
    return code;
}

static enum err_code take_row(struct db_stmt *stmt, struct arena *arena,
                              struct reclassification *ret, struct err *err)
{
    *ret = (struct reclassification){
        .id = db_column_int64(stmt, 0),
        .service = arena_str(arena, db_column_text(stmt, 1)),
        .from_s = db_column_int64(stmt, 2) / NS_PER_SECOND,
        .to_s = db_column_int64(stmt, 3) / NS_PER_SECOND,
        .recorded_ns = db_column_int64(stmt, 5),
        .author = arena_str(arena, db_column_text(stmt, 6)),
        .reason = arena_str(arena, db_column_text(stmt, 7)),
        .withdrawn = !db_column_null(stmt, 10),
        .withdrawn_ns = db_column_int64(stmt, 10),
        .withdrawn_author = arena_str(arena, db_column_text(stmt, 11)),
        .withdrawn_reason = arena_str(arena, db_column_text(stmt, 12)),
    };
    if (!grade_find(db_column_text(stmt, 4), &ret->state) || ret->from_s >= ret->to_s) {
        return err_set(err, ERR_MISMATCH, "reclassification %" PRId64 ": the row is damaged",
                       ret->id);
    }
    return ERR_OK;
}

static enum err_code find(struct db *db, int64_t id, struct arena *arena,
                          struct reclassification *ret_row, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code = db_prepare(
        db, SELECT_ROWS " WHERE r.reclassification_id = $1 AND r.withdraws IS NULL", &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, id);
    code = step(stmt, &row, err);
    if (code == ERR_OK && !row) {
        code = err_set(err, ERR_USAGE, "there is no reclassification %" PRId64, id);
    }
    if (code == ERR_OK) {
        code = take_row(stmt, arena, ret_row, err);
    }
    db_reset(stmt);
    return code;
}

static enum err_code withdraw_inside(struct db *db, int64_t id, struct str reason,
                                     struct str author, struct arena *arena, int64_t *ret_id,
                                     struct err *err)
{
    struct reclassification row;
    enum err_code code = find(db, id, arena, &row, err);

    if (code == ERR_OK && row.withdrawn) {
        code = err_set(err, ERR_USAGE, "reclassification %" PRId64 " is withdrawn already", id);
    }
    if (code == ERR_OK) {
        row.reason = reason;
        row.author = author;
        code = db_now_ns(db, &row.recorded_ns, err);
    }
    if (code == ERR_OK) {
        code = store(db, &row, id, err);
    }
    if (code == ERR_OK) {
        *ret_id = row.id;
    }
    return code;
}

enum err_code reclassify_withdraw(struct db *db, int64_t id, struct str reason, struct str author,
                                  int64_t *ret_id, struct err *err)
{
    struct arena scratch = ARENA_INIT;
    enum err_code code = entry_check("the reason", reason, ENTRY_TEXT_MAX, err);

    if (code == ERR_OK) {
        code = entry_check("the author", author, ENTRY_NAME_MAX, err);
    }
    if (code == ERR_OK) {
        code = db_begin(db, err);
    }
    if (code == ERR_OK) {
        code = withdraw_inside(db, id, reason, author, &scratch, ret_id, err);
    }
    db_rollback(db);
    arena_release(&scratch);
    return code;
}

/* Bounds of a question: a caller's "always" is further out than nanoseconds reach. */
static int64_t to_ns(int64_t seconds)
{
    int64_t most_s = INT64_MAX / NS_PER_SECOND;

    return (seconds > most_s ? most_s : seconds < -most_s ? -most_s : seconds) * NS_PER_SECOND;
}

enum err_code reclassify_list(struct db *db, struct str service, int64_t from_s, int64_t to_s,
                              struct arena *arena, struct reclassification **ret_list,
                              size_t *ret_count, struct err *err)
{
    struct reclassification *list = NULL;
    struct db_stmt *stmt;
    size_t count = 0;
    bool row = false;
    enum err_code code =
        db_prepare(db,
                   SELECT_ROWS " WHERE r.withdraws IS NULL AND r.from_ns < $2 AND r.to_ns > $1"
                               " AND (r.service = $3 OR $3 = '') ORDER BY r.reclassification_id",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, to_ns(from_s));
    db_bind_int64(stmt, 2, to_ns(to_s));
    db_bind_text(stmt, 3, service);
    while (code == ERR_OK && (code = step(stmt, &row, err)) == ERR_OK && row) {
        if (count == RECLASSIFICATIONS_MAX) {
            code = err_set(err, ERR_STORE, "more than %d reclassifications", RECLASSIFICATIONS_MAX);
            break;
        }
        if ((count & (count - 1)) == 0) {
            list = memory_resize(list, count == 0 ? 1 : count * 2, sizeof(list[0]));
        }
        code = take_row(stmt, arena, &list[count++], err);
        if (code == ERR_OK && count > 1 && list[count - 1].id == list[count - 2].id) {
            code = err_set(err, ERR_MISMATCH, "reclassification %" PRId64 " is withdrawn twice",
                           list[count - 1].id);
        }
    }
    db_reset(stmt);
    if (code == ERR_OK) {
        *ret_list = arena_calloc(arena, count + 1, sizeof(list[0]));
        *ret_count = count;
        if (count > 0) {
            memcpy(*ret_list, list, count * sizeof(list[0]));
        }
    }
    memory_free(list);
    return code;
}
