/* The PostgreSQL driver on libpq: transactions and statements. Parameters and results are binary; statements are prepared once a session. */
#include "base/db_postgres.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"

/* The lock that serial transactions take: one per store, that is per schema. "upta" in ASCII, then the schema's number; 0 while there is none. */
#define SERIAL_LOCK                                                                                \
    "SELECT pg_advisory_xact_lock(8462391659789811712 + coalesce((SELECT CAST(oid AS BIGINT) "     \
    "FROM pg_catalog.pg_namespace WHERE nspname = current_schema()), 0))"

static const char *const begin_words[] = {
    [DB_SERIAL] = "BEGIN; " SERIAL_LOCK,
    [DB_CONCURRENT] = "BEGIN",
    [DB_SNAPSHOT] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
};

bool postgres_is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* The pipeline of changes. */

/* The answer to one change of the queue. *code keeps the first failure; the others only say that the pipeline was aborted. */
static void take_answer(struct postgres_db *db, const struct db_awaited *awaited,
                        enum err_code *code, struct err *err)
{
    PGresult *result = PQgetResult(db->link);

    if (*code == ERR_OK && !postgres_is_good(result)) {
        *code = postgres_fail(db, result, err);
    } else if (*code == ERR_OK) {
        *code = db_compare_changes(awaited, strtoll(PQcmdTuples(result), NULL, 10), err);
    }
    PQclear(result);
    if (result != NULL) {
        CHECK(PQgetResult(db->link) == NULL);
        PQclear(PQgetResult(db->link)); /* the sync behind it */
    }
}

/* Reads the answers to all that was sent, so that the connection is free again. */
enum err_code postgres_drain_pipeline(struct postgres_db *db, struct err *err)
{
    enum err_code code = ERR_OK;

    if (db->link == NULL || PQpipelineStatus(db->link) == PQ_PIPELINE_OFF) {
        return ERR_OK;
    }
    for (size_t i = 0; i < db->queue_count && !postgres_broken(db); i++) {
        take_answer(db, &db->queue[i], &code, err);
    }
    db->queue_count = 0;
    if (code == ERR_OK && (postgres_broken(db) || PQexitPipelineMode(db->link) == 0)) {
        code = postgres_fail(db, NULL, err);
    } else if (code != ERR_OK && !postgres_broken(db)) {
        (void)PQexitPipelineMode(db->link);
    }
    return code;
}

/* Nothing of anybody is under way then. */
enum err_code postgres_free_link(struct postgres_db *db, struct err *err)
{
    postgres_put_aside(db);
    return postgres_drain_pipeline(db, err);
}

/* Transactions. */

/* One round trip, without parameters. */
static enum err_code send_plain(struct postgres_db *db, const char *sql, struct err *err)
{
    enum err_code code = postgres_free_link(db, err);
    PGresult *result;

    if (code != ERR_OK) {
        return code;
    }
    result = PQexec(db->link, sql);
    if (!postgres_is_good(result)) {
        code = postgres_fail(db, result, err);
    }
    PQclear(result);
    return code;
}

static void postgres_rollback(struct db *base)
{
    struct postgres_db *db = postgres_of(base);
    struct err ignored = ERR_INIT;

    /* The server rolls back what a broken connection had begun. */
    if (postgres_broken(db)) {
        return;
    }
    (void)postgres_free_link(db, &ignored);
    if (!postgres_broken(db) && PQtransactionStatus(db->link) != PQTRANS_IDLE) {
        PQclear(PQexec(db->link, "ROLLBACK"));
    }
}

static enum err_code postgres_begin(struct db *base, enum db_mode mode, struct err *err)
{
    struct postgres_db *db = postgres_of(base);
    int64_t since_ns = INT64_MIN;
    struct err cause;
    enum err_code code;

    do {
        cause = ERR_INIT;
        code = postgres_connect(db, &cause);
        if (code == ERR_OK) {
            code = send_plain(db, begin_words[mode], &cause);
        }
    } while (code != ERR_OK && postgres_try_again(db, &since_ns, &cause));
    if (code != ERR_OK) {
        postgres_rollback(base);
        *err = cause;
    }
    return cause.code;
}

static enum err_code postgres_commit(struct db *base, bool *ret_unknown, struct err *err)
{
    struct postgres_db *db = postgres_of(base);
    enum err_code code = postgres_free_link(db, err);
    PGresult *result;

    if (code != ERR_OK) {
        return code;
    }
    result = PQexec(db->link, "COMMIT");
    if (!postgres_is_good(result)) {
        *ret_unknown = postgres_outcome_unknown(db, result);
        code = postgres_fail(db, result, err);
        err->retriable = err->retriable || *ret_unknown;
    } else if (strcmp(PQcmdStatus(result), "COMMIT") != 0) {
        code = err_set(err, ERR_STORE, "store %s: the transaction was rolled back", db->name);
    }
    PQclear(result);
    return code;
}

static enum err_code postgres_exec(struct db *base, const char *sql, struct err *err)
{
    struct postgres_db *db = postgres_of(base);
    enum err_code code = base->in_transaction ? ERR_OK : postgres_connect(db, err);

    return code == ERR_OK ? send_plain(db, sql, err) : code;
}

#define WITHOUT_ROWID " WITHOUT ROWID"

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* Text is compared byte by byte in every database, also in one whose own order is that of a language. In what order rows are kept is not for us to
 * say here. */
static enum err_code postgres_define(struct db *base, const char *sql, struct err *err)
{
    enum { SIZE_MAX_DEFINED = 1 << 20 };
    struct strbuf text;
    enum err_code code;

    strbuf_init(&text, SIZE_MAX_DEFINED);
    for (const char *c = sql; *c != '\0'; c++) {
        bool word =
            (c == sql || !is_letter(c[-1])) && strncmp(c, "TEXT", 4) == 0 && !is_letter(c[4]);

        if (word) {
            strbuf_append_text(&text, "TEXT COLLATE \"C\"");
            c += 3;
        } else if (strncmp(c, WITHOUT_ROWID, sizeof(WITHOUT_ROWID) - 1) == 0) {
            c += sizeof(WITHOUT_ROWID) - 2;
        } else {
            strbuf_append_char(&text, *c);
        }
    }
    CHECK(!text.overflow);
    code = postgres_exec(base, strbuf_text(&text), err);
    strbuf_release(&text);
    return code;
}

static enum err_code postgres_settle(struct db *base, struct err *err)
{
    return postgres_drain_pipeline(postgres_of(base), err);
}

static void postgres_pause(struct db *base, int64_t duration_ns)
{
    clock_sleep_ns(postgres_of(base)->waiting, duration_ns);
}

/* Questions of our own, outside of the statement cache. */

/* Answers one number. value may be NULL: no parameter. */
static enum err_code ask_once(struct postgres_db *db, const char *sql, const char *value,
                              int64_t *ret_number, struct err *err)
{
    enum err_code code = db->db.in_transaction ? ERR_OK : postgres_connect(db, err);
    PGresult *result;

    if (code == ERR_OK) {
        code = postgres_free_link(db, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    result = PQexecParams(db->link, sql, value != NULL ? 1 : 0, NULL, &value, NULL, NULL, 0);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        code = postgres_fail(db, result, err);
    } else {
        CHECK(str_to_int64(STR(PQgetvalue(result, 0, 0)), ret_number));
    }
    PQclear(result);
    return code;
}

static enum err_code ask(struct postgres_db *db, const char *sql, const char *value,
                         int64_t *ret_number, struct err *err)
{
    int64_t since_ns = INT64_MIN;
    struct err cause;
    enum err_code code;

    do {
        cause = ERR_INIT;
        code = ask_once(db, sql, value, ret_number, &cause);
    } while (code != ERR_OK && !db->db.in_transaction && postgres_try_again(db, &since_ns, &cause));
    if (cause.code != ERR_OK) {
        *err = cause;
    }
    return cause.code;
}

static enum err_code postgres_now_ns(struct db *base, int64_t *ret_now_ns, struct err *err)
{
    struct postgres_db *db = postgres_of(base);

    if (db->clock != NULL) {
        *ret_now_ns = clock_now_ns(db->clock);
        return ERR_OK;
    }
    return ask(db, "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000000 AS BIGINT)",
               NULL, ret_now_ns, err);
}

static enum err_code postgres_table_count(struct db *base, const char *name, int64_t *ret_count,
                                          struct err *err)
{
#define OUR_TABLES                                                                                 \
    "SELECT count(*) FROM pg_catalog.pg_class c "                                                  \
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "                                    \
    "WHERE c.relkind IN ('r', 'p') AND n.nspname = current_schema()"
    return ask(postgres_of(base), name != NULL ? OUR_TABLES " AND c.relname = $1" : OUR_TABLES,
               name, ret_count, err);
}

/* PostgreSQL checks its pages as it reads them, if the cluster has checksums; everything that we count on has a checksum of ours. */
static enum err_code postgres_verify(struct db *base, struct err *err)
{
    (void)base;
    (void)err;
    return ERR_OK;
}

static void postgres_close(struct db *base)
{
    struct postgres_db *db = postgres_of(base);

    PQfinish(db->link);
    strbuf_release(&db->words);
    strbuf_release(&db->set_up);
    memory_free(db);
}

static const struct db_ops postgres_ops = {.close = postgres_close,
                                           .now_ns = postgres_now_ns,
                                           .table_count = postgres_table_count,
                                           .verify = postgres_verify,
                                           .begin = postgres_begin,
                                           .commit = postgres_commit,
                                           .rollback = postgres_rollback,
                                           .exec = postgres_exec,
                                           .define = postgres_define,
                                           .prepare = postgres_prepare,
                                           .finalize = postgres_finalize,
                                           .bind = postgres_bind,
                                           .step = postgres_step,
                                           .changes = postgres_changes,
                                           .defer = postgres_defer,
                                           .settle = postgres_settle,
                                           .pause = postgres_pause,
                                           .reset = postgres_reset,
                                           .unbind = postgres_unbind,
                                           .column_type = postgres_column_type,
                                           .column_int64 = postgres_column_int64,
                                           .column_bytes = postgres_column_bytes};

static enum err_code create_schema(struct postgres_db *db, const char *name, struct err *err)
{
    struct strbuf sql;
    enum err_code code;

    strbuf_init(&sql, 1024);
    strbuf_append_text(&sql, "CREATE SCHEMA ");
    postgres_add_identifier(&sql, name);
    code = postgres_exec(&db->db, strbuf_text(&sql), err);
    strbuf_release(&sql);
    return code;
}

static enum err_code schema_missing(struct postgres_db *db, const char *name, bool *ret_missing,
                                    struct err *err)
{
    int64_t count = 0;
    enum err_code code = ask(db, "SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = $1",
                             name, &count, err);

    *ret_missing = code == ERR_OK && count == 0;
    return code;
}

/* Only where it is missing: making it needs a right that a careful administrator does not give. */
static enum err_code ensure_schema(struct postgres_db *db, const char *name, struct err *err)
{
    bool missing, unknown;
    enum err_code code = schema_missing(db, name, &missing, err);

    if (code != ERR_OK || !missing) {
        return code;
    }
    code = db_begin(&db->db, err);
    if (code == ERR_OK) {
        code = schema_missing(db, name, &missing, err); /* another run may have been faster */
    }
    if (code == ERR_OK && missing) {
        code = create_schema(db, name, err);
    }
    if (code == ERR_OK) {
        code =
            db_commit(&db->db, &unknown, err); /* a lost answer: whoever comes next looks again */
    }
    db_rollback(&db->db);
    return code;
}

enum err_code db_postgres_open(const struct db_options *options, struct db **ret_db,
                               struct err *err)
{
    struct postgres_db *db = memory_calloc(1, sizeof(*db));
    enum err_code code;

    db->db.ops = &postgres_ops;
    db->clock = options->clock;
    db->waiting = options->wait_clock != NULL ? options->wait_clock : clock_system();
    db->stopped = options->stopped;
    db->lock_wait_ns = options->lock_wait_ns;
    code = postgres_describe(db, options, err);
    if (code == ERR_OK) {
        code = postgres_connect(db, err);
    }
    if (code == ERR_OK && options->create && options->server->schema != NULL) {
        code = ensure_schema(db, options->server->schema, err);
    }
    if (code != ERR_OK) {
        postgres_close(&db->db);
        return code;
    }
    *ret_db = &db->db;
    return ERR_OK;
}
