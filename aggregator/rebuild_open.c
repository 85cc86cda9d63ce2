/* The transactions by which a rebuild begins and ends. */
#include <inttypes.h>
#include <stdio.h>

#include "aggregator/rebuild.h"
#include "base/check.h"
#include "base/fault.h"
#include "base/memory.h"

enum { NAME_ROOM = 40 };

/* What an opening learns before it writes. */
struct opening {
    struct fold *fold;
    struct db *db;
    int64_t book_id, archive_book;
    struct rebuild *rebuild;
    struct rebuild_lane *lanes; /* owned */
    size_t lane_count;
};

/* --- positions --- */

static enum err_code list_lanes(struct opening *opening, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code =
        db_prepare(opening->db,
                   "SELECT stream_id, partition_id, origin, next_offset FROM partition_offset "
                   "WHERE book_id = $1 ORDER BY stream_id, partition_id",
                   &stmt, err);

    opening->lane_count = 0;
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, opening->book_id);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        opening->lanes =
            memory_resize(opening->lanes, opening->lane_count + 1, sizeof(opening->lanes[0]));
        opening->lanes[opening->lane_count++] =
            (struct rebuild_lane){.stream_id = db_column_int64(stmt, 0),
                                  .partition = (int32_t)db_column_int64(stmt, 1),
                                  .origin = db_column_int64(stmt, 2),
                                  .boundary = db_column_int64(stmt, 3),
                                  .low_named = INT64_MAX,
                                  .high_named = INT64_MIN};
    }
    db_reset(stmt);
    return code;
}

/* In sorted order, as commits do. Rows are only added by transactions that are alone, as this one is. */
static enum err_code lock_lanes(struct opening *opening, struct err *err)
{
    enum err_code code = list_lanes(opening, err);

    for (size_t i = 0; i < opening->lane_count && code == ERR_OK; i++) {
        struct db_stmt *stmt;

        code = db_prepare(opening->db,
                          "UPDATE partition_offset SET next_offset = next_offset "
                          "WHERE book_id = $1 AND stream_id = $2 AND partition_id = $3",
                          &stmt, err);
        if (code == ERR_OK) {
            db_bind_int64(stmt, 1, opening->book_id);
            db_bind_int64(stmt, 2, opening->lanes[i].stream_id);
            db_bind_int64(stmt, 3, opening->lanes[i].partition);
            code = db_run(stmt, NULL, err);
        }
    }
    /* Only now nothing moves: the positions once more. */
    return code == ERR_OK ? list_lanes(opening, err) : code;
}

static bool stands_before(const struct rebuild_lane *lane, const struct offset_range *range)
{
    return lane->stream_id < range->stream_id ||
           (lane->stream_id == range->stream_id && lane->partition < range->partition);
}

/* Both are sorted by stream and partition. */
static void widen(const struct opening *opening, const struct window_counts *counts)
{
    size_t at = 0;

    for (size_t i = 0; i < counts->range_count; i++) {
        const struct offset_range *range = &counts->ranges[i];
        struct rebuild_lane *lane;

        while (at < opening->lane_count && stands_before(&opening->lanes[at], range)) {
            at++;
        }
        lane = at < opening->lane_count ? &opening->lanes[at] : NULL;
        if (lane != NULL && lane->stream_id == range->stream_id &&
            lane->partition == range->partition) {
            lane->low_named = range->low < lane->low_named ? range->low : lane->low_named;
            lane->high_named = range->high > lane->high_named ? range->high : lane->high_named;
        }
    }
}

/* Between which offsets windows of the month have their events. A window that cannot be unpacked says nothing; the difference will name it. */
static enum err_code note_named(struct opening *opening, struct err *err)
{
    struct window_counts counts = {.range_count = 0};
    struct db_stmt *stmt;
    bool row;
    enum err_code code = db_prepare(opening->db,
                                    "SELECT kind, tally FROM window_hour WHERE book_id = $1 AND "
                                    "kind IN ('window', 'check') AND hour >= $2 AND hour < $3",
                                    &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, opening->book_id);
    db_bind_int64(stmt, 2, opening->rebuild->first_hour);
    db_bind_int64(stmt, 3, opening->rebuild->end_hour);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        struct err damage = ERR_INIT;
        enum tally_kind kind;

        if (tally_kind_find(db_column_text(stmt, 0), &kind) &&
            tally_unpack_ranges(kind, db_column_blob(stmt, 1), &counts, &damage) == ERR_OK) {
            widen(opening, &counts);
        }
    }
    db_reset(stmt);
    window_counts_release(&counts);
    return code;
}

/* What was never archived cannot be read again, and need not be where no window of the month has an event. */
static enum err_code skip_unarchived(const struct opening *opening, struct rebuild_lane *lane,
                                     struct err *err)
{
    struct db_stmt *stmt;
    int64_t origin = lane->boundary;
    bool row;
    enum err_code code = db_prepare(opening->db,
                                    "SELECT origin FROM partition_offset WHERE book_id = $1 AND "
                                    "stream_id = $2 AND partition_id = $3",
                                    &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, opening->archive_book);
    db_bind_int64(stmt, 2, lane->stream_id);
    db_bind_int64(stmt, 3, lane->partition);
    code = db_step(stmt, &row, err);
    if (code == ERR_OK && row) {
        origin = db_column_int64(stmt, 0);
    }
    db_reset(stmt);
    origin = origin < lane->boundary ? origin : lane->boundary;
    if (code == ERR_OK && origin > lane->origin && lane->low_named >= origin) {
        lane->origin = origin;
    }
    return code;
}

/* --- rows --- */

static enum err_code insert_book(struct db *db, const char *what, const struct rebuild *rebuild,
                                 int64_t *ret_book_id, struct err *err)
{
    char name[NAME_ROOM];
    struct db_stmt *stmt;
    bool row;
    enum err_code code =
        db_prepare(db, "SELECT coalesce(max(book_id), 0) + 1 FROM book", &stmt, err);

    if (code != ERR_OK || (code = db_step(stmt, &row, err)) != ERR_OK) {
        return code;
    }
    *ret_book_id = db_column_int64(stmt, 0);
    db_reset(stmt);
    code = db_prepare(db, "INSERT INTO book (book_id, name, created_ns) VALUES ($1, $2, $3)", &stmt,
                      err);
    if (code != ERR_OK) {
        return code;
    }
    (void)snprintf(name, sizeof(name), "%s/%" PRId64 "/%s", what, rebuild->book_id, rebuild->month);
    db_bind_int64(stmt, 1, *ret_book_id);
    db_bind_text(stmt, 2, STR(name));
    db_bind_int64(stmt, 3, rebuild->opened_ns);
    return db_run(stmt, NULL, err);
}

static enum err_code insert_rebuild(struct db *db, const struct rebuild *rebuild, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(
        db,
        "INSERT INTO rebuild (book_id, month, first_hour, end_hour, rebuild_book, since_book, "
        "opened_ns, checksum) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, rebuild->book_id);
    db_bind_text(stmt, 2, STR(rebuild->month));
    db_bind_int64(stmt, 3, rebuild->first_hour);
    db_bind_int64(stmt, 4, rebuild->end_hour);
    db_bind_int64(stmt, 5, rebuild->rebuild_book);
    db_bind_int64(stmt, 6, rebuild->since_book);
    db_bind_int64(stmt, 7, rebuild->opened_ns);
    db_bind_checksum(stmt, 8);
    return db_run(stmt, NULL, err);
}

static enum err_code insert_boundary(struct db *db, const struct rebuild *rebuild,
                                     const struct rebuild_lane *lane, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(
        db,
        "INSERT INTO rebuild_boundary (rebuild_book, stream_id, partition_id, boundary, low_named, "
        "high_named, checksum) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, rebuild->rebuild_book);
    db_bind_int64(stmt, 2, lane->stream_id);
    db_bind_int64(stmt, 3, lane->partition);
    db_bind_int64(stmt, 4, lane->boundary);
    if (lane->low_named <= lane->high_named) {
        db_bind_int64(stmt, 5, lane->low_named);
        db_bind_int64(stmt, 6, lane->high_named);
    } else {
        db_bind_null(stmt, 5);
        db_bind_null(stmt, 6);
    }
    db_bind_checksum(stmt, 7);
    return db_run(stmt, NULL, err);
}

static enum err_code insert_position(struct db *db, const struct rebuild *rebuild,
                                     const struct rebuild_lane *lane, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(
        db,
        "INSERT INTO partition_offset (book_id, stream_id, partition_id, origin, next_offset) "
        "VALUES ($1, $2, $3, $4, $4)",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, rebuild->rebuild_book);
    db_bind_int64(stmt, 2, lane->stream_id);
    db_bind_int64(stmt, 3, lane->partition);
    db_bind_int64(stmt, 4, lane->origin);
    return db_run(stmt, NULL, err);
}

static enum err_code insert_redrive(struct db *db, const struct rebuild *rebuild,
                                    struct str batch_id, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(
        db, "INSERT INTO rebuild_redrive (rebuild_book, batch_id, checksum) VALUES ($1, $2, $3)",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, rebuild->rebuild_book);
    db_bind_blob(stmt, 2, batch_id);
    db_bind_checksum(stmt, 3);
    return db_run(stmt, NULL, err);
}

static enum err_code note_redrives(const struct opening *opening, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code = db_prepare(
        opening->db, "SELECT DISTINCT batch_id FROM moved WHERE book_id = $1 ORDER BY batch_id",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, opening->book_id);
    while (code == ERR_OK && (code = db_step(stmt, &row, err)) == ERR_OK && row) {
        code = insert_redrive(opening->db, opening->rebuild, db_column_blob(stmt, 0), err);
    }
    db_reset(stmt);
    return code;
}

static enum err_code insert_lanes(const struct opening *opening, struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < opening->lane_count && code == ERR_OK; i++) {
        struct rebuild_lane *lane = &opening->lanes[i];

        code = skip_unarchived(opening, lane, err);
        if (code == ERR_OK) {
            code = insert_position(opening->db, opening->rebuild, lane, err);
        }
        if (code == ERR_OK) {
            code = insert_boundary(opening->db, opening->rebuild, lane, err);
        }
    }
    return code;
}

static enum err_code insert_all(struct opening *opening, struct err *err)
{
    struct rebuild *rebuild = opening->rebuild;
    struct db *db = opening->db;
    enum err_code code = db_now_ns(db, &rebuild->opened_ns, err);

    rebuild->book_id = opening->book_id;
    if (code == ERR_OK) {
        code = insert_book(db, "rebuild", rebuild, &rebuild->rebuild_book, err);
    }
    if (code == ERR_OK) {
        code = insert_book(db, "since", rebuild, &rebuild->since_book, err);
    }
    if (code == ERR_OK) {
        code = insert_rebuild(db, rebuild, err);
    }
    if (code == ERR_OK) {
        code = insert_lanes(opening, err);
    }
    return code == ERR_OK ? note_redrives(opening, err) : code;
}

/* --- the opening --- */

static enum err_code check_room(const struct opening *opening, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code =
        db_prepare(opening->db, "SELECT count(*) FROM rebuild WHERE book_id = $1", &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, opening->book_id);
    code = db_step(stmt, &row, err);
    if (code == ERR_OK && db_column_int64(stmt, 0) >= REBUILDS_MAX) {
        code = err_set(err, ERR_USAGE,
                       "%d months are being rebuilt already: end one by --swap or "
                       "--drop",
                       REBUILDS_MAX);
    }
    db_reset(stmt);
    return code;
}

static enum err_code open_inside(struct opening *opening, bool *ret_opened, struct err *err)
{
    bool found = false;
    enum err_code code = fold_lock_lease(opening->fold, err);

    *ret_opened = false;
    if (code == ERR_OK) {
        char month[REBUILD_MONTH_SIZE];

        memcpy(month, opening->rebuild->month, sizeof(month));
        code = rebuild_find(opening->db, opening->book_id, month, &found, opening->rebuild, err);
    }
    if (code != ERR_OK || found) {
        return code;
    }
    code = check_room(opening, err);
    if (code == ERR_OK) {
        code = lock_lanes(opening, err);
    }
    if (code == ERR_OK) {
        code = fold_drain(opening->fold, err);
    }
    if (code == ERR_OK && FAULT("rebuild.open.folded")) {
        code = fault_error("rebuild.open.folded", err);
    }
    if (code == ERR_OK) {
        code = note_named(opening, err);
    }
    if (code == ERR_OK) {
        code = insert_all(opening, err);
    }
    *ret_opened = code == ERR_OK;
    return code;
}

static enum err_code try_open(struct opening *opening, bool *ret_opened, struct err *err)
{
    struct db *db = opening->db;
    bool unknown;
    enum err_code code =
        FAULT("rebuild.open.begin") ? fault_error("rebuild.open.begin", err) : db_begin(db, err);

    if (code == ERR_OK) {
        code = open_inside(opening, ret_opened, err);
    }
    if (code == ERR_OK && FAULT("rebuild.open.before")) {
        code = fault_error("rebuild.open.before", err);
    }
    if (code == ERR_OK) {
        /* A lost answer needs no care: the next attempt finds the row. */
        code = db_commit(db, &unknown, err);
    }
    db_rollback(db);
    if (code == ERR_OK && FAULT("rebuild.open.after")) {
        code = fault_error("rebuild.open.after", err);
    }
    return code;
}

enum err_code rebuild_open(struct fold *fold, int64_t archive_book, struct rebuild *rebuild,
                           bool *ret_opened, struct err *err)
{
    struct opening opening = {.fold = fold,
                              .db = fold->options.db,
                              .book_id = fold->options.book_id,
                              .archive_book = archive_book,
                              .rebuild = rebuild};
    struct err cause = ERR_INIT;
    bool opened = false;
    int tries = 0;

    *ret_opened = false;
    while (try_open(&opening, &opened, &cause) != ERR_OK && db_again(opening.db, &tries, &cause)) {
        cause = ERR_INIT;
    }
    *ret_opened = opened;
    memory_free(opening.lanes);
    if (cause.code != ERR_OK) {
        *err = cause;
    }
    return cause.code;
}

/* --- the end --- */

static enum err_code run_for(struct db *db, int64_t book_id, const char *sql, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(db, sql, &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    return db_run(stmt, NULL, err);
}

/* The positions first: whoever is committing has them locked, and whoever comes later finds none. Rows of batches stay, as a few bytes that say that there was a rebuild: too many
 * tables refer to them for their removal to be cheap. */
static const char *const removals[] = {
    "DELETE FROM partition_offset WHERE book_id = $1",
    "DELETE FROM pending WHERE book_id = $1",
    "DELETE FROM window_hour WHERE book_id = $1",
    "DELETE FROM exclusion WHERE batch_id IN (SELECT batch_id FROM batch WHERE book_id = $1)",
    "DELETE FROM batch_range WHERE book_id = $1",
    "DELETE FROM fold_round_batch WHERE book_id = $1",
    "DELETE FROM fold_round_complete WHERE book_id = $1",
    "DELETE FROM fold_round WHERE book_id = $1",
    "DELETE FROM complete_until WHERE book_id = $1",
    "UPDATE batch SET folded = 1 WHERE book_id = $1 AND folded = 0",
    "DELETE FROM rebuild_boundary WHERE rebuild_book = $1",
    "DELETE FROM rebuild_redrive WHERE rebuild_book = $1",
    /* Their numbers are never used again. */
    "UPDATE book SET name = NULL WHERE book_id = $1",
};

static enum err_code remove_book(struct db *db, int64_t book_id, struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < ARRAY_COUNT(removals) && code == ERR_OK; i++) {
        code = run_for(db, book_id, removals[i], err);
    }
    return code;
}

enum err_code rebuild_close(struct db *db, const struct rebuild *rebuild, struct err *err)
{
    enum err_code code = remove_book(db, rebuild->rebuild_book, err);

    CHECK(db_in_transaction(db));
    if (code == ERR_OK) {
        code = remove_book(db, rebuild->since_book, err);
    }
    if (code == ERR_OK) {
        code =
            run_for(db, rebuild->rebuild_book, "DELETE FROM rebuild WHERE rebuild_book = $1", err);
    }
    if (code == ERR_OK && FAULT("rebuild.close.removed")) {
        code = fault_error("rebuild.close.removed", err);
    }
    return code;
}

static enum err_code try_drop(struct fold *fold, const struct rebuild *rebuild, struct err *err)
{
    struct db *db = fold->options.db;
    bool unknown;
    enum err_code code = db_begin(db, err);

    if (code == ERR_OK) {
        code = fold_lock_lease(fold, err);
    }
    if (code == ERR_OK) {
        code = rebuild_close(db, rebuild, err);
    }
    if (code == ERR_OK) {
        code = db_commit(db, &unknown, err); /* a second attempt removes nothing */
    }
    db_rollback(db);
    return code;
}

enum err_code rebuild_drop(struct fold *fold, const struct rebuild *rebuild, struct err *err)
{
    struct err cause = ERR_INIT;
    int tries = 0;

    while (try_drop(fold, rebuild, &cause) != ERR_OK &&
           db_again(fold->options.db, &tries, &cause)) {
        cause = ERR_INIT;
    }
    if (cause.code != ERR_OK) {
        *err = cause;
    }
    return cause.code;
}
