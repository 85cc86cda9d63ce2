/* What a rebuild is made of: its row, its books, its lanes. */
#include "aggregator/rebuild.h"

#include <inttypes.h>
#include <stdio.h>

#include "aggregator/service_day.h"
#include "base/check.h"
#include "base/civil.h"
#include "base/memory.h"

bool rebuild_month(const char *text, struct rebuild *ret_rebuild)
{
    int32_t year, month;
    int64_t first;

    if (!civil_parse_month(STR(text), &year, &month)) {
        return false;
    }
    first = civil_days(year, month, 1) * DAY_HOURS;
    *ret_rebuild = (struct rebuild){.first_hour = first,
                                    .end_hour = first + civil_month_days(year, month) * DAY_HOURS};
    (void)snprintf(ret_rebuild->month, sizeof(ret_rebuild->month), "%04" PRId32 "-%02" PRId32, year,
                   month);
    return true;
}

/* The columns of read_row. */
#define SELECT_REBUILD                                                                             \
    "SELECT book_id, month, first_hour, end_hour, rebuild_book, since_book, opened_ns, checksum "  \
    "FROM rebuild WHERE book_id = $1"

static enum err_code read_row(struct db_stmt *stmt, struct rebuild *ret_rebuild, struct err *err)
{
    *ret_rebuild = (struct rebuild){.book_id = db_column_int64(stmt, 0),
                                    .first_hour = db_column_int64(stmt, 2),
                                    .end_hour = db_column_int64(stmt, 3),
                                    .rebuild_book = db_column_int64(stmt, 4),
                                    .since_book = db_column_int64(stmt, 5),
                                    .opened_ns = db_column_int64(stmt, 6)};
    (void)snprintf(ret_rebuild->month, sizeof(ret_rebuild->month), "%.*s",
                   STR_ARGS(db_column_text(stmt, 1)));
    if (db_column_checksum(stmt, 7) != db_column_int64(stmt, 7)) {
        return err_set(err, ERR_MISMATCH, "rebuild of %s: the row was changed (checksum)",
                       ret_rebuild->month);
    }
    return ERR_OK;
}

enum err_code rebuild_find(struct db *db, int64_t book_id, const char *month, bool *ret_found,
                           struct rebuild *ret_rebuild, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(db, SELECT_REBUILD " AND month = $2", &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    db_bind_text(stmt, 2, STR(month));
    code = db_step(stmt, ret_found, err);
    if (code == ERR_OK && *ret_found) {
        code = read_row(stmt, ret_rebuild, err);
    }
    db_reset(stmt);
    return code;
}

enum err_code rebuild_list(struct db *db, int64_t book_id,
                           struct rebuild ret_rebuilds[REBUILDS_MAX], size_t *ret_count,
                           struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code = db_prepare(db, SELECT_REBUILD " ORDER BY month", &stmt, err);

    *ret_count = 0;
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    while (*ret_count < REBUILDS_MAX && (code = db_step(stmt, &row, err)) == ERR_OK && row) {
        code = read_row(stmt, &ret_rebuilds[*ret_count], err);
        if (code != ERR_OK) {
            break;
        }
        ++*ret_count;
    }
    db_reset(stmt);
    return code;
}

static enum err_code read_lane(struct db_stmt *stmt, struct rebuild_lane *ret_lane, struct err *err)
{
    *ret_lane = (struct rebuild_lane){
        .stream_id = db_column_int64(stmt, 1),
        .partition = (int32_t)db_column_int64(stmt, 2),
        .boundary = db_column_int64(stmt, 3),
        .low_named = db_column_null(stmt, 4) ? INT64_MAX : db_column_int64(stmt, 4),
        .high_named = db_column_null(stmt, 5) ? INT64_MIN : db_column_int64(stmt, 5),
        .origin = db_column_int64(stmt, 7),
        .next = db_column_int64(stmt, 8)};
    if (db_column_checksum(stmt, 6) != db_column_int64(stmt, 6)) {
        return err_set(err, ERR_MISMATCH,
                       "rebuild_boundary %" PRId64 " %" PRId32 ": the row was changed (checksum)",
                       ret_lane->stream_id, ret_lane->partition);
    }
    return ERR_OK;
}

enum err_code rebuild_lanes(struct db *db, const struct rebuild *rebuild, struct arena *arena,
                            struct rebuild_lane **ret_lanes, size_t *ret_count, struct err *err)
{
    struct rebuild_lane *list = NULL;
    struct db_stmt *stmt;
    size_t count = 0;
    bool row;
    enum err_code code = db_prepare(
        db,
        "SELECT b.rebuild_book, b.stream_id, b.partition_id, b.boundary, b.low_named, "
        "b.high_named, b.checksum, p.origin, p.next_offset FROM rebuild_boundary b "
        "JOIN partition_offset p ON p.book_id = b.rebuild_book AND p.stream_id = b.stream_id AND "
        "p.partition_id = b.partition_id WHERE b.rebuild_book = $1 "
        "ORDER BY b.stream_id, b.partition_id",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, rebuild->rebuild_book);
    while (code == ERR_OK && (code = db_step(stmt, &row, err)) == ERR_OK && row) {
        list = memory_resize(list, count + 1, sizeof(list[0]));
        code = read_lane(stmt, &list[count++], err);
    }
    db_reset(stmt);
    *ret_count = count;
    *ret_lanes = arena_calloc(arena, count, sizeof(list[0]));
    if (count > 0) {
        memcpy(*ret_lanes, list, count * sizeof(list[0]));
    }
    memory_free(list);
    return code;
}

enum err_code rebuild_complete(struct db *db, const struct rebuild *rebuild, bool *ret_complete,
                               struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code =
        db_prepare(db,
                   "SELECT (SELECT count(*) FROM rebuild_boundary b JOIN partition_offset p "
                   "ON p.book_id = b.rebuild_book AND p.stream_id = b.stream_id AND "
                   "p.partition_id = b.partition_id WHERE b.rebuild_book = $1 AND "
                   "p.next_offset <> b.boundary), "
                   "(SELECT count(*) FROM batch WHERE book_id = $1 AND folded = 0)",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, rebuild->rebuild_book);
    code = db_step(stmt, &row, err);
    *ret_complete =
        code == ERR_OK && row && db_column_int64(stmt, 0) == 0 && db_column_int64(stmt, 1) == 0;
    db_reset(stmt);
    return code;
}

static void bind_hour(struct db_stmt *stmt, int index, int64_t time_ns)
{
    if (time_ns == ARCHIVE_NO_TIME) {
        db_bind_null(stmt, index);
    } else {
        db_bind_int64(stmt, index, tally_hour(time_ns));
    }
}

enum err_code rebuild_needs(struct db *db, const struct archive_file *file, bool *ret_needed,
                            char *ret_month, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(
        db,
        "SELECT r.month FROM rebuild r JOIN rebuild_boundary b ON b.rebuild_book = r.rebuild_book "
        "JOIN partition_offset p ON p.book_id = b.rebuild_book AND p.stream_id = b.stream_id AND "
        "p.partition_id = b.partition_id WHERE b.stream_id = $1 AND b.partition_id = $2 AND "
        "b.boundary > $3 AND p.origin < $4 AND (CAST($5 AS BIGINT) > 0 OR "
        "(b.low_named < $4 AND b.high_named >= $3) OR "
        "(r.first_hour <= CAST($7 AS BIGINT) AND r.end_hour > CAST($6 AS BIGINT))) "
        "ORDER BY r.month LIMIT 1",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, file->stream_id);
    db_bind_int64(stmt, 2, file->partition);
    db_bind_int64(stmt, 3, file->from);
    db_bind_int64(stmt, 4, file->to);
    db_bind_int64(stmt, 5, file->undated);
    bind_hour(stmt, 6, file->low_event_ns);
    bind_hour(stmt, 7, file->high_event_ns);
    code = db_step(stmt, ret_needed, err);
    if (code == ERR_OK && *ret_needed) {
        (void)snprintf(ret_month, REBUILD_MONTH_SIZE, "%.*s", STR_ARGS(db_column_text(stmt, 0)));
    }
    db_reset(stmt);
    return code;
}
