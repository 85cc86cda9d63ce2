/* Statements of PostgreSQL: prepared once a session, sent one by one or in a pipeline, their rows one after the other. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/db_postgres.h"
#include "base/memory.h"

enum err_code postgres_prepare(struct db *base, const char *sql, struct db_stmt **ret_stmt,
                               struct err *err)
{
    struct postgres_db *db = postgres_of(base);
    struct postgres_stmt *stmt = memory_calloc(1, sizeof(*stmt));

    (void)sql;
    (void)err;
    (void)snprintf(stmt->name, sizeof(stmt->name), "s%" PRIu32, ++db->statement_count);
    postgres_forget_rows(stmt);
    *ret_stmt = &stmt->stmt;
    return ERR_OK;
}

void postgres_reset(struct db_stmt *base)
{
    struct postgres_stmt *stmt = postgres_stmt_of(base);
    struct postgres_db *db = postgres_of(base->db);

    if (db->streaming == stmt) {
        PGresult *row;

        db->streaming = NULL;
        while ((row = PQgetResult(db->link)) != NULL) {
            PQclear(row);
        }
    }
    if (stmt->running) {
        postgres_forget_rows(stmt);
    }
    stmt->running = false;
}

void postgres_finalize(struct db_stmt *base)
{
    struct postgres_stmt *stmt = postgres_stmt_of(base);

    /* Its name on the server goes with the session, which is about to end. */
    postgres_reset(base);
    PQclear(stmt->row);
    strbuf_release(&stmt->rest);
    memory_free(stmt);
}

void postgres_unbind(struct db_stmt *base)
{
    struct postgres_stmt *stmt = postgres_stmt_of(base);

    memset(stmt->values, 0, sizeof(stmt->values));
}

static void put_number(char ret_bytes[8], int64_t number)
{
    for (int i = 0; i < 8; i++) {
        ret_bytes[i] = (char)((uint64_t)number >> (56 - 8 * i));
    }
}

void postgres_bind(struct db_stmt *base, int index, enum db_type type, int64_t number,
                   struct str value)
{
    static const Oid types[] = {
        [DB_TYPE_INT64] = POSTGRES_INT8, [DB_TYPE_TEXT] = 25, [DB_TYPE_BLOB] = POSTGRES_BYTEA};
    struct postgres_stmt *stmt = postgres_stmt_of(base);
    int i = index - 1;

    stmt->parameter_count = index > stmt->parameter_count ? index : stmt->parameter_count;
    if (type == DB_TYPE_NULL) {
        stmt->values[i] = NULL;
        return;
    }
    if (stmt->session == 0) {
        stmt->types[i] = types[type];
    }
    CHECK(stmt->types[i] == types[type] || stmt->types[i] == 0);
    if (type == DB_TYPE_INT64) {
        put_number(stmt->numbers[i], number);
        value = str_of(stmt->numbers[i], sizeof(stmt->numbers[i]));
    }
    CHECK(value.size <= INT32_MAX);
    stmt->values[i] = value.data;
    stmt->sizes[i] = (int)value.size;
}

/* The types are those of the first values; a NULL leaves its type to the server. */
static enum err_code ensure_prepared(struct postgres_db *db, struct postgres_stmt *stmt,
                                     struct err *err)
{
    enum err_code code = ERR_OK;
    PGresult *result;

    if (stmt->session == db->session) {
        return ERR_OK;
    }
    code = postgres_free_link(db, err);
    if (code != ERR_OK) {
        return code;
    }
    result = PQprepare(db->link, stmt->name, stmt->stmt.sql, stmt->parameter_count, stmt->types);
    if (postgres_is_good(result)) {
        stmt->session = db->session;
    } else {
        code = postgres_fail(db, result, err);
    }
    PQclear(result);
    return code;
}

static enum err_code send_statement(struct postgres_db *db, struct postgres_stmt *stmt,
                                    struct err *err)
{
    static const int binary[DB_PARAMETERS_MAX] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                                  1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

    if (PQsendQueryPrepared(db->link, stmt->name, stmt->parameter_count, stmt->values, stmt->sizes,
                            binary, 1) == 0) {
        return postgres_fail(db, NULL, err);
    }
    return ERR_OK;
}

static enum err_code start_once(struct postgres_db *db, struct postgres_stmt *stmt, struct err *err)
{
    enum err_code code = stmt->stmt.db->in_transaction ? ERR_OK : postgres_connect(db, err);

    if (code == ERR_OK && postgres_broken(db)) {
        code = postgres_fail(db, NULL, err);
    }
    if (code == ERR_OK) {
        code = postgres_free_link(db, err);
    }
    if (code == ERR_OK) {
        code = ensure_prepared(db, stmt, err);
    }
    if (code == ERR_OK) {
        code = send_statement(db, stmt, err);
    }
    if (code == ERR_OK) {
        CHECK(PQsetSingleRowMode(db->link) == 1);
        postgres_forget_rows(stmt);
        stmt->running = true;
        db->streaming = stmt;
    }
    return code;
}

/* Reads up to the next row or the end of the streaming statement. */
static enum err_code receive(struct postgres_db *db, struct postgres_stmt *stmt, bool *ret_row,
                             struct err *err)
{
    PGresult *result = PQgetResult(db->link);
    enum err_code code = ERR_OK;

    if (PQresultStatus(result) == PGRES_SINGLE_TUPLE) {
        *ret_row = true;
        return postgres_take_row(stmt, result, err);
    }
    db->streaming = NULL;
    if (postgres_is_good(result)) {
        stmt->changes = strtoll(PQcmdTuples(result), NULL, 10);
    } else {
        code = postgres_fail(db, result, err);
    }
    PQclear(result);
    while (result != NULL && (result = PQgetResult(db->link)) != NULL) {
        PQclear(result);
    }
    return code;
}

/* Outside of a transaction a question may be asked again; nothing of its answer was handed out yet. */
static enum err_code start(struct postgres_db *db, struct postgres_stmt *stmt, bool *ret_row,
                           struct err *err)
{
    int64_t since_ns = INT64_MIN;
    struct err cause;
    enum err_code code;

    do {
        cause = ERR_INIT;
        code = start_once(db, stmt, &cause);
        if (code == ERR_OK) {
            code = receive(db, stmt, ret_row, &cause);
        }
    } while (code != ERR_OK && !stmt->stmt.db->in_transaction &&
             postgres_try_again(db, &since_ns, &cause));
    if (cause.code != ERR_OK) {
        *err = cause;
    }
    return cause.code;
}

enum err_code postgres_step(struct db_stmt *base, bool *ret_row, struct err *err)
{
    struct postgres_stmt *stmt = postgres_stmt_of(base);
    struct postgres_db *db = postgres_of(base->db);

    *ret_row = false;
    if (!stmt->running) {
        return start(db, stmt, ret_row, err);
    }
    if (db->streaming == stmt) {
        return receive(db, stmt, ret_row, err);
    }
    *ret_row = postgres_rest_row(stmt);
    if (!*ret_row && stmt->failure.code != ERR_OK) {
        *err = stmt->failure;
        return err->code;
    }
    return ERR_OK;
}

static enum err_code postgres_enter_pipeline(struct postgres_db *db, struct err *err)
{
    if (PQpipelineStatus(db->link) == PQ_PIPELINE_OFF && PQenterPipelineMode(db->link) == 0) {
        return postgres_fail(db, NULL, err);
    }
    return ERR_OK;
}

enum err_code postgres_defer(struct db_stmt *base, const struct db_awaited *awaited,
                             struct err *err)
{
    struct postgres_stmt *stmt = postgres_stmt_of(base);
    struct postgres_db *db = postgres_of(base->db);
    enum err_code code = ensure_prepared(db, stmt, err);

    postgres_put_aside(db);
    if (code == ERR_OK && db->queue_count == POSTGRES_QUEUE_MAX) {
        code = postgres_drain_pipeline(db, err);
    }
    if (code == ERR_OK) {
        code = postgres_enter_pipeline(db, err);
    }
    if (code == ERR_OK) {
        code = send_statement(db, stmt, err);
    }
    /* A sync behind each: without one the server takes a worker that is stopped here for one that is still speaking, and
     * never ends its session. */
    if (code == ERR_OK && PQpipelineSync(db->link) == 0) {
        code = postgres_fail(db, NULL, err);
    }
    if (code == ERR_OK) {
        db->queue[db->queue_count++] = *awaited;
    }
    return code;
}

int64_t postgres_changes(struct db_stmt *base)
{
    return postgres_stmt_of(base)->changes;
}

static struct postgres_cell *cell_of(struct db_stmt *base, int column)
{
    struct postgres_stmt *stmt = postgres_stmt_of(base);

    CHECK(column >= 0);
    CHECK(column < stmt->column_count);
    return &stmt->cells[column];
}

enum db_type postgres_column_type(struct db_stmt *base, int column)
{
    return cell_of(base, column)->type;
}

int64_t postgres_column_int64(struct db_stmt *base, int column)
{
    return cell_of(base, column)->number;
}

/* A number as its text, as SQLite has it. */
struct str postgres_column_bytes(struct db_stmt *base, int column)
{
    struct postgres_cell *cell = cell_of(base, column);

    if (cell->type == DB_TYPE_INT64) {
        (void)snprintf(cell->text, sizeof(cell->text), "%" PRId64, cell->number);
        return STR(cell->text);
    }
    return cell->bytes;
}
