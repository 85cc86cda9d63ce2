/* Moves: what redrives counted, against the letters that they resolved and the ranges that those stand in. */
#include <inttypes.h>

#include "aggregator/audit_parts.h"
#include "base/check.h"

struct move {
    int64_t from, to;    /* of the range; to is INT64_MIN without one */
    struct str batch_id; /* borrowed from the row */
    int64_t letters, tallied, excluded, duplicate;
};

#define PLACE "topic %.*s partition %" PRId32 " range from %" PRId64 ": "
#define PLACE_ARGS(p, move) STR_ARGS((p)->topic), (p)->partition, (move)->from

static void check_counts(struct audit *audit, const struct audit_partition *p,
                         const struct move *move)
{
    bool negative = move->tallied < 0 || move->excluded < 0 || move->duplicate < 0;

    if (negative || move->letters <= 0 ||
        (__int128)move->letters != (__int128)move->tallied + move->excluded + move->duplicate) {
        audit_find(audit,
                   PLACE "%" PRId64 " letters moved, but tallied %" PRId64 ", excluded %" PRId64
                         " and duplicate %" PRId64 " make another sum",
                   PLACE_ARGS(p, move), move->letters, move->tallied, move->excluded,
                   move->duplicate);
    }
}

static enum err_code check_explained(struct audit *audit, const struct audit_partition *p,
                                     const struct move *move, int64_t *letters, int64_t *duplicates,
                                     struct err *err)
{
    int64_t resolved = 0;
    int64_t copies = 0;
    enum err_code code = audit_count_rows(audit, p, move->from, move->to, move->batch_id,
                                          AUDIT_ROWS("dead_letter", "resolved_by"), &resolved, err);

    if (code == ERR_OK) {
        code = audit_count_rows(audit, p, move->from, move->to, move->batch_id,
                                AUDIT_ROWS("duplicate", "batch_id"), &copies, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    *letters += resolved;
    *duplicates += copies;
    if (resolved != move->letters) {
        audit_find(audit,
                   PLACE "a redrive moved %" PRId64 " letters, the store holds %" PRId64
                         " that it resolved",
                   PLACE_ARGS(p, move), move->letters, resolved);
    }
    if (copies != move->duplicate) {
        audit_find(audit, PLACE "a redrive counts %" PRId64 " duplicates, the store holds %" PRId64,
                   PLACE_ARGS(p, move), move->duplicate, copies);
    }
    return ERR_OK;
}

static enum err_code check_move(struct audit *audit, const struct audit_partition *p,
                                struct db_stmt *stmt, int64_t *letters, int64_t *duplicates,
                                struct err *err)
{
    struct move move = {.batch_id = db_column_blob(stmt, 0),
                        .from = db_column_int64(stmt, 4),
                        .letters = db_column_int64(stmt, 6),
                        .tallied = db_column_int64(stmt, 7),
                        .excluded = db_column_int64(stmt, 8),
                        .duplicate = db_column_int64(stmt, 9),
                        .to = db_column_null(stmt, 12) ? INT64_MIN : db_column_int64(stmt, 12)};

    if (db_column_checksum(stmt, 10) != db_column_int64(stmt, 10)) {
        audit_find(audit, PLACE "the row of moved counts was changed (checksum)",
                   PLACE_ARGS(p, &move));
    }
    if (db_column_null(stmt, 11) || db_column_int64(stmt, 11) != audit->book_id) {
        audit_find(audit, PLACE "moved counts whose batch is not in this book",
                   PLACE_ARGS(p, &move));
    }
    if (move.to == INT64_MIN) {
        audit_find(audit, PLACE "moved counts of a range that is not there", PLACE_ARGS(p, &move));
    }
    check_counts(audit, p, &move);
    audit_add(&audit->tallied[p->checks], move.tallied);
    audit_add(&audit->report.redriven, move.letters);
    audit_add(&audit->report.dead_letters, move.letters > INT64_MIN ? -move.letters : 0);
    return check_explained(audit, p, &move, letters, duplicates, err);
}

/* letters: resolved ones that stand in moves. Each is in one move, for it has one batch and one coordinate. */
static enum err_code check_resolved(struct audit *audit, const struct audit_partition *p,
                                    int64_t letters, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code =
        audit_prepare(audit,
                      "SELECT count(*) FROM dead_letter WHERE book_id = $1 AND stream_id = $2 AND "
                      "partition_id = $3 AND resolved_by IS NOT NULL",
                      &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 2, p->stream_id);
    db_bind_int64(stmt, 3, p->partition);
    code = db_step(stmt, &row, err);
    if (code == ERR_OK && row && db_column_int64(stmt, 0) != letters) {
        audit_find(audit,
                   "topic %.*s partition %" PRId32 ": %" PRId64
                   " dead letters count as redriven, the moved counts explain %" PRId64,
                   STR_ARGS(p->topic), p->partition, db_column_int64(stmt, 0), letters);
    }
    db_reset(stmt);
    return code;
}

/* The reasons of a batch's exclusions, which are kept per partition, against its moves there. */
static enum err_code check_exclusions(struct audit *audit, const struct audit_partition *p,
                                      struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code = audit_prepare(
        audit,
        "SELECT m.excluded, coalesce(e.records, 0) FROM "
        "(SELECT batch_id, CAST(sum(excluded) AS BIGINT) AS excluded FROM moved "
        "WHERE book_id = $1 AND stream_id = $2 AND partition_id = $3 GROUP BY batch_id) m "
        "LEFT JOIN (SELECT batch_id, CAST(sum(records) AS BIGINT) AS records FROM exclusion "
        "WHERE stream_id = $2 AND partition_id = $3 GROUP BY batch_id) e "
        "ON e.batch_id = m.batch_id WHERE m.excluded <> coalesce(e.records, 0)",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 2, p->stream_id);
    db_bind_int64(stmt, 3, p->partition);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        audit_find(audit,
                   "topic %.*s partition %" PRId32 ": a redrive counts %" PRId64
                   " excluded records, their reasons add up to %" PRId64,
                   STR_ARGS(p->topic), p->partition, db_column_int64(stmt, 0),
                   db_column_int64(stmt, 1));
    }
    return code;
}

enum err_code audit_moved(struct audit *audit, const struct audit_partition *partition,
                          int64_t *ret_duplicates, struct err *err)
{
    int64_t letters = 0;
    struct db_stmt *stmt;
    bool row;
    enum err_code code = audit_prepare(
        audit,
        "SELECT m.batch_id, m.book_id, m.stream_id, m.partition_id, m.from_offset, "
        "m.config_digest, m.letters, m.tallied, m.excluded, m.duplicate, m.checksum, b.book_id, "
        "r.to_offset FROM moved m LEFT JOIN batch b ON b.batch_id = m.batch_id "
        "LEFT JOIN batch_range r ON r.book_id = m.book_id AND r.stream_id = m.stream_id AND "
        "r.partition_id = m.partition_id AND r.from_offset = m.from_offset "
        "WHERE m.book_id = $1 AND m.stream_id = $2 AND m.partition_id = $3 "
        "ORDER BY m.from_offset, m.batch_id",
        &stmt, err);

    *ret_duplicates = 0;
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 2, partition->stream_id);
    db_bind_int64(stmt, 3, partition->partition);
    while (code == ERR_OK && (code = db_step(stmt, &row, err)) == ERR_OK && row) {
        code = check_move(audit, partition, stmt, &letters, ret_duplicates, err);
    }
    db_reset(stmt);
    if (code == ERR_OK) {
        code = check_resolved(audit, partition, letters, err);
    }
    return code == ERR_OK ? check_exclusions(audit, partition, err) : code;
}
