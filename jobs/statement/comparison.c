#include "jobs/statement/comparison.h"

#include "aggregator/grade_rows.h"
#include "base/clock.h"
#include "jobs/statement/engine.h"

enum { DAY_S = 24 * 3600 };

static int64_t floor_day(int64_t seconds)
{
    return seconds / DAY_S - (seconds % DAY_S < 0);
}

/* sql: a literal with $1 and $2, the time in nanoseconds. */
static enum err_code count_rows(struct db *db, const char *sql, int64_t from_s, int64_t to_s,
                                int64_t *ret_count, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code = db_prepare(db, sql, &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, from_s * NS_PER_SECOND);
    db_bind_int64(stmt, 2, to_s * NS_PER_SECOND);
    code = db_step(stmt, &row, err);
    *ret_count = code == ERR_OK && row ? db_column_int64(stmt, 0) : 0;
    db_reset(stmt);
    return code;
}

enum err_code comparison_now(struct db *db, int64_t book_id, const struct contract *contract,
                             int64_t from_s, int64_t to_s, struct comparison *ret_now,
                             struct err *err)
{
    const struct grade_rows rows = {.db = db, .book_id = book_id};
    struct comparison now = {.digest = STR(contract->digest), .book_id = book_id};
    int64_t before_s, after_s;
    enum err_code code = ERR_OK;

    engine_context_s(contract, &before_s, &after_s);
    from_s -= before_s;
    to_s += after_s;
    for (size_t i = 0; i < contract->service_count && code == ERR_OK; i++) {
        int64_t gradings;

        code = grade_rows_gradings(&rows, contract->services[i], floor_day(from_s),
                                   floor_day(to_s - 1) + 1, &gradings, err);
        now.gradings = (int64_t)((uint64_t)now.gradings + (uint64_t)gradings);
    }
    if (code == ERR_OK) {
        code = count_rows(db, "SELECT COUNT(*) FROM announcement WHERE to_ns > $1 AND from_ns < $2",
                          from_s, to_s, &now.announcements, err);
    }
    if (code == ERR_OK) {
        code = count_rows(db,
                          "SELECT COUNT(*) FROM reclassification WHERE to_ns > $1 AND from_ns < $2",
                          from_s, to_s, &now.reclassifications, err);
    }
    if (code == ERR_OK) {
        *ret_now = now;
    }
    return code;
}

/* The note of a period, if there is one that is not damaged; the caller resets. */
static enum err_code open_note(struct db *db, struct str contract, struct str period,
                               struct db_stmt **ret_stmt, bool *ret_found, struct err *err)
{
    enum err_code code =
        db_prepare(db,
                   "SELECT contract, period, revision, digest, book_id, gradings, announcements,"
                   " reclassifications, checksum FROM comparison"
                   " WHERE contract = $1 AND period = $2",
                   ret_stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(*ret_stmt, 1, contract);
    db_bind_text(*ret_stmt, 2, period);
    code = db_step(*ret_stmt, ret_found, err);
    *ret_found = code == ERR_OK && *ret_found &&
                 db_column_checksum(*ret_stmt, 8) == db_column_int64(*ret_stmt, 8);
    return code;
}

enum err_code comparison_digest(struct db *db, struct str contract, struct str period,
                                struct arena *arena, struct str *ret_digest, struct err *err)
{
    struct db_stmt *stmt;
    bool found = false;
    enum err_code code = open_note(db, contract, period, &stmt, &found, err);

    *ret_digest = (struct str){0};
    if (code == ERR_OK) {
        if (found) {
            *ret_digest = arena_str(arena, db_column_text(stmt, 3));
        }
        db_reset(stmt);
    }
    return code;
}

enum err_code comparison_holds(struct db *db, struct str contract, struct str period,
                               int64_t revision, const struct comparison *now, bool *ret_holds,
                               bool *ret_graded, struct err *err)
{
    struct db_stmt *stmt;
    bool found = false;
    enum err_code code = open_note(db, contract, period, &stmt, &found, err);

    if (code != ERR_OK) {
        return code;
    }
    *ret_graded = found && (db_column_int64(stmt, 4) != now->book_id ||
                            db_column_int64(stmt, 5) != now->gradings);
    *ret_holds = found && !*ret_graded && db_column_int64(stmt, 2) == revision &&
                 str_equal(db_column_text(stmt, 3), now->digest) &&
                 db_column_int64(stmt, 6) == now->announcements &&
                 db_column_int64(stmt, 7) == now->reclassifications;
    db_reset(stmt);
    return code;
}

enum err_code comparison_write(struct db *db, struct str contract, struct str period,
                               int64_t revision, const struct comparison *now, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(
        db,
        "INSERT INTO comparison (contract, period, revision, digest, book_id, gradings,"
        " announcements, reclassifications, checksum) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT (contract, period) DO UPDATE SET revision = excluded.revision,"
        " digest = excluded.digest, book_id = excluded.book_id, gradings = excluded.gradings,"
        " announcements = excluded.announcements, reclassifications = excluded.reclassifications,"
        " checksum = excluded.checksum",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 1, contract);
    db_bind_text(stmt, 2, period);
    db_bind_int64(stmt, 3, revision);
    db_bind_text(stmt, 4, now->digest);
    db_bind_int64(stmt, 5, now->book_id);
    db_bind_int64(stmt, 6, now->gradings);
    db_bind_int64(stmt, 7, now->announcements);
    db_bind_int64(stmt, 8, now->reclassifications);
    db_bind_checksum(stmt, 9);
    return db_run(stmt, NULL, err);
}
