/* Open rebuilds: the ledger that counts a month again, and the windows of what the fold has added since. */
#include <inttypes.h>
#include <stdio.h>

#include "aggregator/audit_parts.h"
#include "aggregator/rebuild.h"
#include "base/check.h"
#include "base/memory.h"

enum { PREFIX_SIZE = 40 };

/* Rows by which something is wrong: their first column, and what. $1: the book of the rebuild. */
static const struct {
    const char *what;
    const char *sql;
} questions[] = {
    {"a position that is no boundary's, or behind it: stream",
     "SELECT p.stream_id FROM partition_offset p LEFT JOIN rebuild_boundary b ON "
     "b.rebuild_book = p.book_id AND b.stream_id = p.stream_id AND "
     "b.partition_id = p.partition_id WHERE p.book_id = $1 AND "
     "(b.boundary IS NULL OR p.next_offset > b.boundary) ORDER BY p.stream_id"},
    {"a boundary that the book has not reached: stream",
     "SELECT b.stream_id FROM rebuild_boundary b JOIN rebuild r ON "
     "r.rebuild_book = b.rebuild_book LEFT JOIN partition_offset p ON p.book_id = r.book_id AND "
     "p.stream_id = b.stream_id AND p.partition_id = b.partition_id WHERE b.rebuild_book = $1 AND "
     "(p.next_offset IS NULL OR p.next_offset < b.boundary) ORDER BY b.stream_id"},
    {"a boundary without a position: stream",
     "SELECT b.stream_id FROM rebuild_boundary b WHERE b.rebuild_book = $1 AND NOT EXISTS "
     "(SELECT 1 FROM partition_offset p WHERE p.book_id = b.rebuild_book AND "
     "p.stream_id = b.stream_id AND p.partition_id = b.partition_id) ORDER BY b.stream_id"},
    {"a redrive that the book does not have: rebuild",
     "SELECT d.rebuild_book FROM rebuild_redrive d JOIN rebuild r ON "
     "r.rebuild_book = d.rebuild_book WHERE d.rebuild_book = $1 AND NOT EXISTS "
     "(SELECT 1 FROM moved m WHERE m.book_id = r.book_id AND m.batch_id = d.batch_id) "
     "ORDER BY d.rebuild_book"},
    {"windows of another month: hour since 1970",
     "SELECT w.hour FROM window_hour w JOIN rebuild r ON w.book_id = r.rebuild_book OR "
     "w.book_id = r.since_book WHERE r.rebuild_book = $1 AND "
     "(w.hour < r.first_hour OR w.hour >= r.end_hour) ORDER BY w.hour"},
};

static struct audit audit_of(const struct audit *audit, int64_t book_id, const char *prefix)
{
    return (struct audit){.db = audit->db,
                          .prefix = prefix,
                          .book_id = book_id,
                          .plain = true,
                          .allow_absent = audit->allow_absent,
                          .finding = audit->finding,
                          .context = audit->context,
                          .report = {.findings = audit->report.findings},
                          .arena = ARENA_INIT};
}

static void take_back(struct audit *audit, struct audit *other)
{
    audit->report.findings = other->report.findings;
    memory_free(other->services);
    arena_release(&other->arena);
}

static enum err_code ask(struct audit *audit, size_t question, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code = audit_prepare(audit, questions[question].sql, &stmt, err);

    while (code == ERR_OK && (code = db_step(stmt, &row, err)) == ERR_OK && row) {
        audit_find(audit, "%s %" PRId64, questions[question].what, db_column_int64(stmt, 0));
    }
    return code;
}

static enum err_code audit_again(struct audit *audit, const struct rebuild *rebuild,
                                 struct err *err)
{
    char prefix[PREFIX_SIZE] = "";
    struct audit other = audit_of(audit, rebuild->rebuild_book, prefix);
    enum err_code code = audit_partitions(&other, err);

    (void)snprintf(prefix, sizeof(prefix), "rebuild %s: ", rebuild->month);
    if (code == ERR_OK) {
        code = audit_coverage(&other, err);
    }
    if (code == ERR_OK) {
        code = audit_windows(&other, err);
    }
    if (code == ERR_OK) {
        audit_totals(&other);
        code = audit_book_rows(&other, err);
    }
    for (size_t i = 0; i < ARRAY_COUNT(questions) && code == ERR_OK; i++) {
        code = ask(&other, i, err);
    }
    take_back(audit, &other);
    return code;
}

/* It has windows only, of offsets that the book itself has read. */
static enum err_code audit_since(struct audit *audit, const struct rebuild *rebuild,
                                 struct err *err)
{
    char prefix[PREFIX_SIZE] = "";
    struct audit other = audit_of(audit, rebuild->since_book, prefix);
    enum err_code code;

    (void)snprintf(prefix, sizeof(prefix), "since %s: ", rebuild->month);
    other.partitions = audit->partitions;
    other.partition_count = audit->partition_count;
    code = audit_windows(&other, err);
    take_back(audit, &other);
    return code;
}

static enum err_code list(struct audit *audit, struct rebuild ret_rebuilds[REBUILDS_MAX],
                          size_t *ret_count, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code =
        audit_prepare(audit,
                      "SELECT month, rebuild_book, since_book FROM rebuild WHERE book_id = $1 "
                      "ORDER BY month",
                      &stmt, err);

    *ret_count = 0;
    while (code == ERR_OK && *ret_count < REBUILDS_MAX &&
           (code = db_step(stmt, &row, err)) == ERR_OK && row) {
        struct rebuild *rebuild = &ret_rebuilds[(*ret_count)++];

        *rebuild = (struct rebuild){.book_id = audit->book_id,
                                    .rebuild_book = db_column_int64(stmt, 1),
                                    .since_book = db_column_int64(stmt, 2)};
        (void)snprintf(rebuild->month, sizeof(rebuild->month), "%.*s",
                       STR_ARGS(db_column_text(stmt, 0)));
    }
    if (code == ERR_OK) {
        db_reset(stmt);
    }
    return code;
}

enum err_code audit_rebuilds(struct audit *audit, struct err *err)
{
    struct rebuild rebuilds[REBUILDS_MAX];
    size_t count;
    enum err_code code = list(audit, rebuilds, &count, err);

    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        code = audit_again(audit, &rebuilds[i], err);
        if (code == ERR_OK) {
            code = audit_since(audit, &rebuilds[i], err);
        }
    }
    return code;
}
