#include "aggregator/audit.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "aggregator/archive_file.h"
#include "aggregator/audit_parts.h"
#include "aggregator/store.h"
#include "base/check.h"
#include "base/memory.h"

enum { FINDINGS_SHOWN_MAX = 100, LINE_SIZE = 2048 };

void audit_find(struct audit *audit, const char *format, ...)
{
    char line[LINE_SIZE];
    int used;
    va_list arguments;

    if (audit->report.findings++ >= FINDINGS_SHOWN_MAX) {
        return;
    }
    used = snprintf(line, sizeof(line), "%s", audit->prefix != NULL ? audit->prefix : "");
    va_start(arguments, format);
    (void)vsnprintf(line + used, sizeof(line) - (size_t)used, format, arguments);
    va_end(arguments);
    for (char *c = line; *c != '\0'; c++) {
        /* Names come from a store that may have been tampered with. */
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = '?';
        }
    }
    audit->finding(audit->context, line);
}

void audit_add(int64_t *sum, int64_t value)
{
    if (__builtin_add_overflow(*sum, value, sum)) {
        *sum = value > 0 ? INT64_MAX : INT64_MIN;
    }
}

enum err_code audit_prepare(struct audit *audit, const char *sql, struct db_stmt **ret_stmt,
                            struct err *err)
{
    enum err_code code = db_prepare(audit->db, sql, ret_stmt, err);

    if (code == ERR_OK) {
        db_bind_int64(*ret_stmt, 1, audit->book_id);
    }
    return code;
}

enum err_code audit_count_rows(struct audit *audit, const struct audit_partition *partition,
                               int64_t from, int64_t to, struct str batch_id, const char *sql,
                               int64_t *ret_count, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code = audit_prepare(audit, sql, &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 2, partition->stream_id);
    db_bind_int64(stmt, 3, partition->partition);
    db_bind_int64(stmt, 4, from);
    db_bind_int64(stmt, 5, to);
    db_bind_blob(stmt, 6, batch_id);
    code = db_step(stmt, &row, err);
    *ret_count = code == ERR_OK && row ? db_column_int64(stmt, 0) : 0;
    db_reset(stmt);
    return code;
}

const struct audit_partition *audit_partition(const struct audit *audit, int64_t stream_id,
                                              int32_t partition)
{
    size_t low = 0;
    size_t high = audit->partition_count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct audit_partition *p = &audit->partitions[middle];

        if (p->stream_id == stream_id && p->partition == partition) {
            return p;
        }
        if (p->stream_id < stream_id || (p->stream_id == stream_id && p->partition < partition)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

enum err_code audit_partitions(struct audit *audit, struct err *err)
{
    struct audit_partition *list = NULL;
    struct db_stmt *stmt;
    size_t count = 0;
    bool row;
    enum err_code code = audit_prepare(
        audit,
        "SELECT p.stream_id, p.partition_id, s.topic, s.kind, p.origin, p.next_offset "
        "FROM partition_offset p JOIN stream s ON s.stream_id = p.stream_id "
        "WHERE p.book_id = $1 ORDER BY p.stream_id, p.partition_id",
        &stmt, err);

    while (code == ERR_OK && (code = db_step(stmt, &row, err)) == ERR_OK && row) {
        if ((count & (count - 1)) == 0) {
            list = memory_resize(list, count == 0 ? 1 : count * 2, sizeof(list[0]));
        }
        list[count++] =
            (struct audit_partition){.stream_id = db_column_int64(stmt, 0),
                                     .partition = (int32_t)db_column_int64(stmt, 1),
                                     .topic = arena_str(&audit->arena, db_column_text(stmt, 2)),
                                     .checks = str_equal(db_column_text(stmt, 3), STR("checks")),
                                     .origin = db_column_int64(stmt, 4),
                                     .next_offset = db_column_int64(stmt, 5)};
    }
    audit->partitions = arena_calloc(&audit->arena, count, sizeof(list[0]));
    audit->partition_count = count;
    audit->report.partitions = (int64_t)count;
    if (count > 0) {
        memcpy(audit->partitions, list, count * sizeof(list[0]));
    }
    memory_free(list);
    return code;
}

/* Conservation over the whole book: what the ledger says was tallied stands in windows or is pending. */
void audit_totals(struct audit *audit)
{
    static const char *const kinds[2] = {"requests", "checks"};

    for (int i = 0; i < 2; i++) {
        if (audit->tallied[i] != audit->in_windows[i]) {
            audit_find(audit,
                       "%s: the ledger counts %" PRId64
                       " tallied records, windows and pending rows hold %" PRId64,
                       kinds[i], audit->tallied[i], audit->in_windows[i]);
        }
    }
}

/* The rows may be right and an index wrong: then the same question has two answers. */
static void verify_store(struct audit *audit)
{
    struct err damage = ERR_INIT;

    if (db_verify(audit->db, &damage) != ERR_OK) {
        audit_find(audit, "%s", damage.text);
    }
}

static enum err_code run_parts(struct audit *audit, struct err *err)
{
    enum err_code code;

    verify_store(audit);
    code = audit_partitions(audit, err);

    if (code == ERR_OK) {
        code = audit_coverage(audit, err);
    }
    if (code == ERR_OK) {
        code = audit_windows(audit, err);
    }
    if (code == ERR_OK) {
        code = audit_services(audit, err);
    }
    if (code == ERR_OK) {
        audit_totals(audit);
        code = audit_rows(audit, err);
    }
    if (code == ERR_OK) {
        code = audit_grades(audit, err);
    }
    if (code == ERR_OK) {
        code = audit_days(audit, err);
    }
    if (code == ERR_OK) {
        code = audit_rules(audit, err);
    }
    return code;
}

/* The book of the archive, as an account of its own: what it covers has nothing to do with windows. */
static enum err_code run_archive(struct audit *audit, struct err *err)
{
    struct audit other = {.db = audit->db,
                          .prefix = "archive: ",
                          .allow_absent = audit->allow_absent,
                          .finding = audit->finding,
                          .context = audit->context,
                          .report = {.findings = audit->report.findings},
                          .arena = ARENA_INIT};
    bool found;
    enum err_code code = store_book_find(audit->db, ARCHIVE_BOOK, &found, &other.book_id, err);

    if (code != ERR_OK || !found || other.book_id == audit->book_id) {
        return code;
    }
    code = audit_partitions(&other, err);
    if (code == ERR_OK) {
        code = audit_archive(&other, err);
    }
    audit->report.findings = other.report.findings;
    audit->report.archive_files = other.report.archive_files;
    audit->report.archive_records = other.report.records;
    arena_release(&other.arena);
    return code;
}

enum err_code audit_run(struct db *db, int64_t book_id,
                        bool (*allow_absent)(void *context, struct str topic),
                        void (*finding)(void *context, const char *line), void *context,
                        struct audit_report *ret_report, struct err *err)
{
    struct audit audit = {.db = db,
                          .book_id = book_id,
                          .allow_absent = allow_absent,
                          .finding = finding,
                          .context = context,
                          .arena = ARENA_INIT};
    enum err_code code = db_begin_snapshot(db, err);

    if (code != ERR_OK) {
        return code;
    }
    code = run_parts(&audit, err);
    if (code == ERR_OK) {
        code = run_archive(&audit, err);
    }
    if (code == ERR_OK) {
        code = audit_rebuilds(&audit, err);
    }
    db_rollback(db);
    arena_release(&audit.arena);
    memory_free(audit.services);
    *ret_report = audit.report;
    if (code == ERR_OK && audit.report.findings > 0) {
        code = err_set(err, ERR_MISMATCH, "the books do not add up: %" PRId64 " finding%s",
                       audit.report.findings, audit.report.findings == 1 ? "" : "s");
    }
    return code;
}
