/* The book of the archive: its ranges like those of any book, and the row of a file for each that holds a record. What the files hold is not the store's
 * to know: uptally archive --verify reads them. */
#include <inttypes.h>

#include "aggregator/archive_file.h"
#include "aggregator/audit_parts.h"
#include "base/check.h"

/* A finding about the row in which these stand: stream, partition, from, to. */
static void find_at(struct audit *audit, struct db_stmt *stmt, const char *what)
{
    const struct audit_partition *p =
        audit_partition(audit, db_column_int64(stmt, 0), (int32_t)db_column_int64(stmt, 1));

    audit_find(audit, "topic %.*s partition %" PRId64 " offsets [%" PRId64 ", %" PRId64 "): %s",
               STR_ARGS(p != NULL ? p->topic : STR("?")), db_column_int64(stmt, 1),
               db_column_int64(stmt, 2), db_column_int64(stmt, 3), what);
}

/* Rows by which something is wrong: stream, partition, from, to in the first columns. */
static const struct {
    const char *what;
    const char *sql;
} questions[] = {
    {"records that are not archived, in the book of the archive",
     "SELECT stream_id, partition_id, from_offset, to_offset FROM batch_range WHERE book_id = $1 "
     "AND (tallied <> 0 OR duplicate <> 0 OR dead_lettered <> 0 OR excluded <> delivered) "
     "ORDER BY stream_id, partition_id, from_offset"},
    {"records of a range without a file",
     "SELECT r.stream_id, r.partition_id, r.from_offset, r.to_offset FROM batch_range r "
     "WHERE r.book_id = $1 AND r.delivered > 0 AND NOT EXISTS (SELECT 1 FROM archive_file f WHERE "
     "f.book_id = r.book_id AND f.stream_id = r.stream_id AND f.partition_id = r.partition_id AND "
     "f.from_offset = r.from_offset AND f.to_offset = r.to_offset AND f.batch_id = r.batch_id AND "
     "f.records = r.delivered) ORDER BY r.stream_id, r.partition_id, r.from_offset"},
    {"a file that cannot be",
     "SELECT stream_id, partition_id, from_offset, to_offset FROM archive_file WHERE book_id = $1 "
     "AND (size <= 0 OR state NOT IN ('kept', 'expiring', 'expired') OR "
     "(state = 'kept') <> (expired_ns IS NULL)) ORDER BY stream_id, partition_id, from_offset"},
    {"a file of a range that has none",
     "SELECT f.stream_id, f.partition_id, f.from_offset, f.to_offset FROM archive_file f "
     "WHERE f.book_id = $1 AND NOT EXISTS (SELECT 1 FROM batch_range r WHERE "
     "r.book_id = f.book_id AND r.stream_id = f.stream_id AND r.partition_id = f.partition_id AND "
     "r.from_offset = f.from_offset AND r.delivered > 0) "
     "ORDER BY f.stream_id, f.partition_id, f.from_offset"},
};

static enum err_code ask(struct audit *audit, size_t question, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code = audit_prepare(audit, questions[question].sql, &stmt, err);

    while (code == ERR_OK && (code = db_step(stmt, &row, err)) == ERR_OK && row) {
        find_at(audit, stmt, questions[question].what);
    }
    return code;
}

static enum err_code count_files(struct audit *audit, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code =
        audit_prepare(audit, "SELECT count(*) FROM archive_file WHERE book_id = $1", &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    code = db_step(stmt, &row, err);
    audit->report.archive_files = code == ERR_OK && row ? db_column_int64(stmt, 0) : 0;
    db_reset(stmt);
    return code;
}

enum err_code audit_archive(struct audit *audit, struct err *err)
{
    enum err_code code = audit_coverage(audit, err);

    if (code == ERR_OK) {
        code = audit_book_rows(audit, err);
    }
    if (code == ERR_OK) {
        code = audit_ledger_rules(audit, err);
    }
    for (size_t i = 0; i < ARRAY_COUNT(questions) && code == ERR_OK; i++) {
        code = ask(audit, i, err);
    }
    return code == ERR_OK ? count_files(audit, err) : code;
}
