#include "jobs/statement/journal.h"

#include <string.h>

#include "base/check.h"
#include "base/civil.h"
#include "base/json.h"

enum { JOURNAL_SIZE_MAX = 1024 * 1024 };

static void write_time(struct json_writer *json, const char *key, int64_t time_ns)
{
    char text[CIVIL_TEXT_SIZE];

    if (time_ns == INT64_MIN) {
        json_nothing(json, key);
    } else {
        json_text(json, key, civil_format_rfc3339(time_ns, text));
    }
}

/* The one row of a question about a book; INT64_MIN for NULL. */
static enum err_code ask(struct db *db, const char *sql, int64_t book_id, int64_t *ret_values,
                         int value_count, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code = db_prepare(db, sql, &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    code = db_step(stmt, &row, err);
    CHECK(code != ERR_OK || row); /* aggregates */
    for (int i = 0; i < value_count && code == ERR_OK; i++) {
        ret_values[i] = db_column_null(stmt, i) ? INT64_MIN : db_column_int64(stmt, i);
    }
    db_reset(stmt);
    return code;
}

/* A commit advances partitions, a redrive moves letters of ranges. Offsets are added up in halves: a store may hold any number. */
static enum err_code read_batches(struct db *db, int64_t book_id, struct journal_batches *batches,
                                  struct err *err)
{
    struct journal_batches now = {.counted = true, .book_id = book_id};
    int64_t counts[3];
    enum err_code code = ask(db,
                             "SELECT CAST(SUM(next_offset / 4294967296) AS BIGINT),"
                             " CAST(SUM(next_offset % 4294967296) AS BIGINT),"
                             " (SELECT COUNT(*) FROM moved WHERE book_id = $1)"
                             " FROM partition_offset WHERE book_id = $1",
                             book_id, now.ledger, (int)ARRAY_COUNT(now.ledger), err);

    if (code != ERR_OK || (batches->counted && batches->book_id == book_id &&
                           memcmp(batches->ledger, now.ledger, sizeof(now.ledger)) == 0)) {
        return code;
    }
    code = ask(db,
               "SELECT COUNT(*), MIN(committed_ns), MAX(committed_ns) FROM batch"
               " WHERE book_id = $1",
               book_id, counts, (int)ARRAY_COUNT(counts), err);
    if (code == ERR_OK) {
        now.count = counts[0];
        now.first_ns = counts[1];
        now.last_ns = counts[2];
        *batches = now;
    }
    return code;
}

static enum err_code write_batches(struct db *db, const struct journal_facts *facts,
                                   struct json_writer *json, struct err *err)
{
    struct journal_batches own = {.counted = false};
    struct journal_batches *batches = facts->batches != NULL ? facts->batches : &own;
    enum err_code code = read_batches(db, facts->book_id, batches, err);

    if (code == ERR_OK) {
        json_open_object(json, "batches");
        json_int64(json, "count", batches->count);
        write_time(json, "first_committed", batches->first_ns);
        write_time(json, "last_committed", batches->last_ns);
        json_close(json);
    }
    return code;
}

static enum err_code write_fences(struct db *db, struct json_writer *json, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code = db_prepare(db, "SELECT name, fence FROM lease ORDER BY name", &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    json_open_array(json, "fences");
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        json_open_object(json, NULL);
        json_int64(json, "fence", db_column_int64(stmt, 1));
        json_str(json, "lease", db_column_text(stmt, 0));
        json_close(json);
    }
    json_close(json);
    db_reset(stmt);
    return code;
}

enum err_code journal_write(struct db *db, const struct journal_facts *facts,
                            struct strbuf *ret_journal, struct err *err)
{
    struct json_writer json;
    enum err_code code;

    strbuf_init(ret_journal, JOURNAL_SIZE_MAX);
    json_init(&json, ret_journal, true);
    json_open_object(&json, NULL);
    code = write_batches(db, facts, &json, err);
    if (code == ERR_OK) {
        json_int64(&json, "book", facts->book_id);
        write_time(&json, "clock", facts->now_ns);
        write_time(&json, "complete_until", facts->complete_ns);
        code = write_fences(db, &json, err);
    }
    if (code == ERR_OK) {
        json_bool(&json, "forced", facts->forced);
        json_text(&json, "program_version", facts->program_version);
        json_close(&json);
        json_finish(&json);
    } else {
        strbuf_release(ret_journal);
    }
    return code;
}
