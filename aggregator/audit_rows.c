/* Row checksums of everything that windows and ranges do not cover, and the digests inside of issued documents. */
#include <inttypes.h>

#include "aggregator/audit_parts.h"
#include "base/check.h"
#include "base/hash.h"

struct table_row {
    const char *table;
    const char *sql;  /* all columns in their order, the checksum last; $1 is the book if of_book */
    int column_count; /* without the checksum */
    int key_first, key_last; /* columns that name the row */
    int digest, content;     /* columns: the SHA-256 in hexadecimal, and of what; 0: none */
    bool of_book;
};

static const struct table_row tables[] = {
    {.table = "stream",
     .sql = "SELECT stream_id, cluster, cluster_name, topic, incarnation, kind, closed_ns, "
            "checksum FROM stream ORDER BY stream_id",
     .column_count = 7,
     .key_first = 3,
     .key_last = 4},
    {.table = "partition_offset (completeness)",
     .sql = "SELECT book_id, stream_id, partition_id, drained_ns, drained_checksum "
            "FROM partition_offset WHERE book_id = $1 AND "
            "(drained_ns IS NOT NULL OR drained_checksum IS NOT NULL) "
            "ORDER BY stream_id, partition_id",
     .column_count = 4,
     .key_first = 1,
     .key_last = 2,
     .of_book = true},
    {.table = "complete_until",
     .sql = "SELECT book_id, stream_id, complete_ns, checksum FROM complete_until "
            "WHERE book_id = $1 ORDER BY stream_id",
     .column_count = 3,
     .key_first = 1,
     .key_last = 1,
     .of_book = true},
    {.table = "batch",
     .sql = "SELECT batch_id, book_id, committed_ns, program_version, checksum FROM batch "
            "WHERE book_id = $1 ORDER BY batch_id",
     .column_count = 4,
     .key_first = 2, /* an id of bytes would not be readable */
     .key_last = 2,
     .of_book = true},
    {.table = "archive_file",
     .sql =
         "SELECT book_id, stream_id, partition_id, from_offset, to_offset, batch_id, name, size, "
         "sha256, records, low_time_ns, high_time_ns, low_event_ns, high_event_ns, undated, state, "
         "expired_ns, checksum FROM archive_file WHERE book_id = $1 "
         "ORDER BY stream_id, partition_id, from_offset",
     .column_count = 17,
     .key_first = 1,
     .key_last = 3,
     .of_book = true},
    {.table = "rebuild",
     .sql = "SELECT book_id, month, first_hour, end_hour, rebuild_book, since_book, opened_ns, "
            "checksum FROM rebuild WHERE book_id = $1 ORDER BY month",
     .column_count = 7,
     .key_first = 1,
     .key_last = 1,
     .of_book = true},
    {.table = "rebuild_boundary",
     .sql = "SELECT rebuild_book, stream_id, partition_id, boundary, low_named, high_named, "
            "checksum FROM rebuild_boundary WHERE rebuild_book = $1 "
            "ORDER BY stream_id, partition_id",
     .column_count = 6,
     .key_first = 1,
     .key_last = 2,
     .of_book = true},
    {.table = "rebuild_redrive",
     .sql = "SELECT rebuild_book, batch_id, checksum FROM rebuild_redrive WHERE rebuild_book = $1 "
            "ORDER BY batch_id",
     .column_count = 2,
     .key_first = 0,
     .key_last = 0,
     .of_book = true},
    {.table = "incident",
     .sql = "SELECT book_id, service, first_minute, end_minute, worst, level, detected_ns, "
            "closed_ns, checksum FROM incident WHERE book_id = $1 ORDER BY service, first_minute",
     .column_count = 8,
     .key_first = 1,
     .key_last = 2,
     .of_book = true},
    {.table = "dead_letter",
     .sql = "SELECT book_id, stream_id, partition_id, record_offset, batch_id, reason, detail, "
            "record_time_ns, record_size, content, bytes, resolved_by, schema_header, checksum "
            "FROM dead_letter "
            "WHERE book_id = $1 ORDER BY stream_id, partition_id, record_offset",
     .column_count = 13,
     .key_first = 1,
     .key_last = 3,
     .of_book = true},
    {.table = "duplicate",
     .sql = "SELECT book_id, stream_id, partition_id, record_offset, batch_id, checksum "
            "FROM duplicate WHERE book_id = $1 ORDER BY stream_id, partition_id, record_offset",
     .column_count = 5,
     .key_first = 1,
     .key_last = 3,
     .of_book = true},
    {.table = "exclusion",
     .sql = "SELECT e.batch_id, e.stream_id, e.partition_id, e.reason, e.records, e.checksum "
            "FROM exclusion e JOIN batch b ON b.batch_id = e.batch_id WHERE b.book_id = $1 "
            "ORDER BY e.stream_id, e.partition_id, e.reason",
     .column_count = 5,
     .key_first = 1,
     .key_last = 3,
     .of_book = true},
    {.table = "grade_hour",
     .sql = "SELECT book_id, service, hour, grades, incomplete, carried, checksum FROM grade_hour "
            "WHERE book_id = $1 ORDER BY service, hour",
     .column_count = 6,
     .key_first = 1,
     .key_last = 2,
     .of_book = true},
    {.table = "grade_day",
     .sql = "SELECT book_id, service, day, gradings, checksum FROM grade_day "
            "WHERE book_id = $1 ORDER BY service, day",
     .column_count = 4,
     .key_first = 1,
     .key_last = 2,
     .of_book = true},
    {.table = "service_day",
     .sql = "SELECT book_id, service, day, packed, checksum FROM service_day "
            "WHERE book_id = $1 ORDER BY service, day",
     .column_count = 4,
     .key_first = 1,
     .key_last = 2,
     .of_book = true},
    {.table = "announcement",
     .sql = "SELECT announcement_id, service, from_ns, to_ns, announced_ns, author, reason, "
            "cancels, checksum FROM announcement ORDER BY announcement_id",
     .column_count = 8,
     .key_first = 0,
     .key_last = 1},
    {.table = "reclassification",
     .sql = "SELECT reclassification_id, service, from_ns, to_ns, state, recorded_ns, author, "
            "reason, withdraws, checksum FROM reclassification ORDER BY reclassification_id",
     .column_count = 9,
     .key_first = 0,
     .key_last = 1},
    {.table = "terms",
     .sql = "SELECT contract, digest, text, seen_ns, checksum FROM terms "
            "ORDER BY contract, digest",
     .column_count = 4,
     .key_first = 0,
     .key_last = 1,
     .digest = 1,
     .content = 2},
    {.table = "statement",
     .sql = "SELECT contract, period, revision, issued_ns, sha256, document, journal, checksum "
            "FROM statement ORDER BY contract, period, revision",
     .column_count = 7,
     .key_first = 0,
     .key_last = 2,
     .digest = 4,
     .content = 5},
    {.table = "comparison",
     .sql = "SELECT contract, period, revision, digest, book_id, gradings, announcements, "
            "reclassifications, checksum FROM comparison ORDER BY contract, period",
     .column_count = 8,
     .key_first = 0,
     .key_last = 2},
    {.table = "publication",
     .sql = "SELECT contract, period, revision, format, sha256, program_version, published_ns, "
            "checksum FROM publication ORDER BY contract, period, revision, format, sha256",
     .column_count = 7,
     .key_first = 0,
     .key_last = 3},
    {.table = "claim",
     .sql = "SELECT claim_id, contract, period, claimed, claimed_ns, deadline_ns, author, "
            "reference, recorded_ns, checksum FROM claim ORDER BY claim_id",
     .column_count = 9,
     .key_first = 0,
     .key_last = 2},
    {.table = "credit_note",
     .sql = "SELECT credit_note_id, contract, period, revision, currency, amount_minor, "
            "total_minor, issued_ns, checksum FROM credit_note ORDER BY credit_note_id",
     .column_count = 8,
     .key_first = 0,
     .key_last = 0},
};

static void name_row(const struct table_row *table, struct db_stmt *stmt, struct strbuf *name)
{
    strbuf_clear(name);
    strbuf_append_text(name, table->table);
    for (int i = table->key_first; i <= table->key_last; i++) {
        /* Numbers come as their text as well. */
        strbuf_append_format(name, " %.*s", STR_ARGS(db_column_text(stmt, i)));
    }
}

static void check_row(struct audit *audit, const struct table_row *table, struct db_stmt *stmt)
{
    char hex[HASH_HEX_SIZE];
    struct strbuf name;

    strbuf_init(&name, 1500);
    if (db_column_checksum(stmt, table->column_count) !=
        db_column_int64(stmt, table->column_count)) {
        name_row(table, stmt, &name);
        audit_find(audit, "%s: the row was changed (checksum)", strbuf_text(&name));
    }
    if (table->digest > 0) {
        hash_sha256_hex(db_column_text(stmt, table->content), hex);
        if (!str_equal(db_column_text(stmt, table->digest), STR(hex))) {
            name_row(table, stmt, &name);
            audit_find(audit, "%s: the content is not what its SHA-256 says", strbuf_text(&name));
        }
    }
    strbuf_release(&name);
}

/* A wrong count would forget ids too late, or refuse new ones too early. */
static enum err_code check_id_counts(struct audit *audit, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code = audit_prepare(
        audit,
        "SELECT n.group_name, coalesce(g.ids, 0), n.ids FROM (SELECT group_name, count(*) AS ids "
        "FROM event_id WHERE book_id = $1 GROUP BY group_name) n LEFT JOIN event_group g "
        "ON g.book_id = $1 AND g.group_name = n.group_name UNION ALL "
        "SELECT g.group_name, g.ids, 0 FROM event_group g WHERE g.book_id = $1 AND g.ids <> 0 AND "
        "NOT EXISTS (SELECT 1 FROM event_id i WHERE i.book_id = $1 AND "
        "i.group_name = g.group_name)",
        &stmt, err);

    while (code == ERR_OK && (code = db_step(stmt, &row, err)) == ERR_OK && row) {
        if (db_column_int64(stmt, 1) != db_column_int64(stmt, 2)) {
            audit_find(audit,
                       "event_group %.*s: counts %" PRId64 " event ids, the store holds %" PRId64,
                       STR_ARGS(db_column_text(stmt, 0)), db_column_int64(stmt, 1),
                       db_column_int64(stmt, 2));
        }
    }
    return code;
}

static enum err_code check_tables(struct audit *audit, bool of_book_only, struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < ARRAY_COUNT(tables) && code == ERR_OK; i++) {
        struct db_stmt *stmt;
        bool row;

        if (of_book_only && !tables[i].of_book) {
            continue;
        }
        code = tables[i].of_book ? audit_prepare(audit, tables[i].sql, &stmt, err)
                                 : db_prepare(audit->db, tables[i].sql, &stmt, err);
        while (code == ERR_OK && (code = db_step(stmt, &row, err)) == ERR_OK && row) {
            check_row(audit, &tables[i], stmt);
        }
    }
    return code == ERR_OK ? check_id_counts(audit, err) : code;
}

enum err_code audit_rows(struct audit *audit, struct err *err)
{
    return check_tables(audit, false, err);
}

enum err_code audit_book_rows(struct audit *audit, struct err *err)
{
    return check_tables(audit, true, err);
}
