/* Relations between rows that no checksum can show: each rule is a query for the rows that break it. */
#include "aggregator/archive_file.h"
#include "aggregator/audit_parts.h"
#include "base/check.h"

enum { PLACE_SIZE = 1500 };

struct rule {
    const char *what; /* a finding: this, and the columns of the row behind it */
    const char *sql;  /* $1 is the book */
    int column_count;
    bool of_ledger; /* holds of every book, also of one without windows */
};

static const struct rule rules[] = {
    {.what = "stream is neither of requests nor of checks: topic",
     .sql = "SELECT topic, incarnation FROM stream WHERE CAST($1 AS BIGINT) >= 0 AND "
            "kind NOT IN ('requests', 'checks') ORDER BY topic",
     .column_count = 2},
    /* Not than each: a partition that was added since may have been drained first by a clock that stepped back, or by a run that had
      * read the time long before. */
    {.what = "complete_until: later than any partition of its stream was drained: stream",
     .sql = "SELECT c.stream_id, c.complete_ns FROM complete_until c JOIN stream s "
            "ON s.stream_id = c.stream_id JOIN partition_offset p ON p.book_id = c.book_id AND "
            "p.stream_id = c.stream_id WHERE c.book_id = $1 AND s.closed_ns IS NULL "
            "GROUP BY c.stream_id, c.complete_ns "
            "HAVING coalesce(max(p.drained_ns), c.complete_ns) < c.complete_ns",
     .column_count = 2},
    /* The guard is the last record of the last range that has any; one that was behind a loss is forgotten. */
    {.what = "partition_offset: its guard is not the last record read: stream, partition",
     .sql =
         "SELECT p.stream_id, p.partition_id FROM partition_offset p LEFT JOIN batch_range r "
         "ON r.book_id = p.book_id AND r.stream_id = p.stream_id AND "
         "r.partition_id = p.partition_id AND r.from_offset = (SELECT max(m.from_offset) "
         "FROM batch_range m WHERE m.book_id = p.book_id AND m.stream_id = p.stream_id AND "
         "m.partition_id = p.partition_id AND m.kind = 'read' AND m.delivered > 0 AND NOT EXISTS "
         "(SELECT 1 FROM batch_range l WHERE l.book_id = p.book_id AND l.kind = 'lost' AND "
         "l.stream_id = p.stream_id AND l.partition_id = p.partition_id AND "
         "l.from_offset > m.from_offset)) "
         "WHERE p.book_id = $1 AND (coalesce(p.guard_offset, -1) < coalesce(r.from_offset, -1) "
         "OR coalesce(p.guard_offset, -1) >= coalesce(r.to_offset, 0) OR "
         "coalesce(p.guard_time_ns, -1) <> coalesce(r.last_time_ns, -1)) "
         "ORDER BY p.stream_id, p.partition_id",
     .column_count = 2,
     .of_ledger = true},
    {.what = "rollup_day is missing: service, customer, day since 1970",
     .sql = "SELECT h.service, h.customer, h.day FROM (SELECT DISTINCT service, customer, "
            "hour / 24 AS day FROM rollup_hour WHERE book_id = $1 AND hour >= 0) h WHERE "
            "NOT EXISTS (SELECT 1 FROM rollup_day d WHERE d.book_id = $1 AND "
            "d.service = h.service AND d.customer = h.customer AND d.day = h.day) "
            "ORDER BY h.service, h.customer, h.day",
     .column_count = 3},
    {.what = "regrade: the book has no such service or hour: service, hour since 1970",
     .sql = "SELECT r.service, r.hour FROM regrade r WHERE r.book_id = $1 AND (NOT EXISTS "
            "(SELECT 1 FROM service s WHERE s.book_id = r.book_id AND s.service = r.service AND "
            "s.first_minute / 60 <= r.hour) OR (r.hour > (SELECT coalesce(max(w.hour), -1) FROM "
            "window_hour w WHERE w.book_id = $1 AND w.kind IN ('window', 'check', 'activity')) "
            "AND NOT EXISTS (SELECT 1 FROM grade_hour g WHERE "
            "g.book_id = r.book_id AND g.service = r.service AND g.hour >= r.hour))) "
            "ORDER BY r.service, r.hour",
     .column_count = 2},
    {.what = "incident that cannot be: service, first minute since 1970",
     .sql = "SELECT i.service, i.first_minute FROM incident i WHERE i.book_id = $1 AND "
            "(i.end_minute <= i.first_minute OR i.first_minute < 0 OR (i.end_minute IS NULL) <> "
            "(i.closed_ns IS NULL) OR NOT EXISTS (SELECT 1 FROM grade_hour g WHERE "
            "g.book_id = i.book_id AND g.service = i.service AND g.hour = i.first_minute / 60)) "
            "ORDER BY i.service, i.first_minute",
     .column_count = 2},
    {.what = "rows of a book that the store does not have: book",
     .sql = "SELECT r.book_id FROM (SELECT book_id FROM partition_offset UNION SELECT book_id FROM "
            "batch UNION SELECT book_id FROM window_hour UNION SELECT book_id FROM grade_hour "
            "UNION SELECT book_id FROM service_day UNION SELECT book_id FROM archive_file) "
            "r WHERE CAST($1 AS BIGINT) >= 0 AND NOT EXISTS "
            "(SELECT 1 FROM book b WHERE b.book_id = r.book_id) ORDER BY r.book_id",
     .column_count = 1},
    /* A book of another name would be looked at by nobody. */
    {.what = "archive_file: of a book that is not the archive's: book",
     .sql = "SELECT DISTINCT f.book_id FROM archive_file f WHERE CAST($1 AS BIGINT) >= 0 AND "
            "NOT EXISTS (SELECT 1 FROM book b WHERE b.book_id = f.book_id AND "
            "b.name = '" ARCHIVE_BOOK "') ORDER BY f.book_id",
     .column_count = 1},
    /* From the first event on, every hour has its grades, unless the work list says where grading goes on. */
    {.what = "grade_hour: hours without grades, and none marked in regrade: service, first, "
             "last, graded",
     .sql = "SELECT s.service, g.low, g.high, g.hours FROM service s JOIN (SELECT service, "
            "min(hour) AS low, max(hour) AS high, count(*) AS hours FROM grade_hour "
            "WHERE book_id = $1 GROUP BY service) g ON g.service = s.service "
            "WHERE s.book_id = $1 AND (g.hours <> g.high - g.low + 1 OR "
            "g.low <> s.first_minute / 60) AND NOT EXISTS "
            "(SELECT 1 FROM regrade r WHERE r.book_id = $1 AND r.service = s.service AND "
            "r.hour <= g.high) ORDER BY s.service",
     .column_count = 4},
    /* A day that counts fewer gradings than it has graded hours would hide that a statement is to be compared again. */
    {.what = "grade_day: fewer gradings than graded hours: service, day since 1970",
     .sql = "SELECT g.service, g.day FROM (SELECT service, hour / 24 AS day, count(*) AS hours "
            "FROM grade_hour WHERE book_id = $1 AND hour >= 0 GROUP BY service, hour / 24) g "
            "LEFT JOIN grade_day d ON d.book_id = $1 AND d.service = g.service AND d.day = g.day "
            "WHERE coalesce(d.gradings, 0) < g.hours ORDER BY g.service, g.day",
     .column_count = 2},
    /* Revisions are numbered from 1 on; the notes up to one add up to what is owed by it. */
    {.what = "statement: a revision is missing before: contract, period, revision",
     .sql = "SELECT s.contract, s.period, s.revision FROM statement s WHERE "
            "CAST($1 AS BIGINT) >= 0 AND s.revision <> 1 AND NOT EXISTS (SELECT 1 FROM statement b "
            "WHERE b.contract = s.contract AND b.period = s.period AND "
            "b.revision = s.revision - 1) ORDER BY s.contract, s.period, s.revision",
     .column_count = 3},
    {.what = "credit_note: the notes up to it are not what is owed in all: note",
     .sql = "SELECT n.credit_note_id, n.total_minor FROM credit_note n JOIN credit_note b "
            "ON b.contract = n.contract AND b.period = n.period AND b.revision <= n.revision "
            "WHERE CAST($1 AS BIGINT) >= 0 GROUP BY n.credit_note_id, n.total_minor "
            "HAVING sum(b.amount_minor) <> n.total_minor ORDER BY n.credit_note_id",
     .column_count = 1},
    {.what = "withdraws what is not there, or is another time: reclassification",
     .sql = "SELECT w.reclassification_id, w.withdraws FROM reclassification w WHERE "
            "CAST($1 AS BIGINT) >= 0 AND w.withdraws IS NOT NULL AND NOT EXISTS "
            "(SELECT 1 FROM reclassification r WHERE r.reclassification_id = w.withdraws AND "
            "r.withdraws IS NULL AND r.service = w.service AND r.from_ns = w.from_ns AND "
            "r.to_ns = w.to_ns AND r.reclassification_id < w.reclassification_id) "
            "ORDER BY w.reclassification_id",
     .column_count = 2},
    {.what = "comparison: of a revision that was not issued: contract, period, revision",
     .sql = "SELECT c.contract, c.period, c.revision FROM comparison c WHERE "
            "CAST($1 AS BIGINT) >= 0 AND NOT EXISTS (SELECT 1 FROM statement s WHERE "
            "s.contract = c.contract AND s.period = c.period AND s.revision = c.revision) "
            "ORDER BY c.contract, c.period",
     .column_count = 3},
    {.what = "grade_hour: the book has no such service: service, hour since 1970",
     .sql = "SELECT g.service, g.hour FROM grade_hour g WHERE g.book_id = $1 AND NOT EXISTS "
            "(SELECT 1 FROM service s WHERE s.book_id = g.book_id AND s.service = g.service) "
            "ORDER BY g.service, g.hour",
     .column_count = 2},
    {.what = "service_day: the book has no such service: service, day since 1970",
     .sql = "SELECT d.service, d.day FROM service_day d WHERE d.book_id = $1 AND NOT EXISTS "
            "(SELECT 1 FROM service s WHERE s.book_id = d.book_id AND s.service = d.service) "
            "ORDER BY d.service, d.day",
     .column_count = 2},
};

static void find(struct audit *audit, const struct rule *rule, struct db_stmt *stmt)
{
    struct strbuf place;

    strbuf_init(&place, PLACE_SIZE);
    for (int i = 0; i < rule->column_count; i++) {
        strbuf_append_format(&place, "%s%.*s", i == 0 ? "" : " ",
                             STR_ARGS(db_column_text(stmt, i)));
    }
    audit_find(audit, "%s %s", rule->what, strbuf_text(&place));
    strbuf_release(&place);
}

static enum err_code keep_rules(struct audit *audit, bool of_ledger_only, struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < ARRAY_COUNT(rules) && code == ERR_OK; i++) {
        struct db_stmt *stmt;
        bool row;

        if (of_ledger_only && !rules[i].of_ledger) {
            continue;
        }
        code = audit_prepare(audit, rules[i].sql, &stmt, err);
        while (code == ERR_OK && (code = db_step(stmt, &row, err)) == ERR_OK && row) {
            find(audit, &rules[i], stmt);
        }
    }
    return code;
}

enum err_code audit_rules(struct audit *audit, struct err *err)
{
    return keep_rules(audit, false, err);
}

enum err_code audit_ledger_rules(struct audit *audit, struct err *err)
{
    return keep_rules(audit, true, err);
}
