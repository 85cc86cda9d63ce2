#include "base/db.h"

#include <endian.h>
#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/db_driver.h"
#include "base/memory.h"

enum { AGAIN_TRIES_MAX = 6, AGAIN_PAUSE_MS = 50 };

static void row_bytes_flush(struct row_bytes *row)
{
    row->sum = hash_crc32(row->sum, str_of(row->bytes, row->size));
    row->size = 0;
}

static void row_bytes_add(struct row_bytes *row, enum db_type type, int64_t number,
                          struct str bytes)
{
    static const char tags[] = {
        [DB_TYPE_NULL] = 'n', [DB_TYPE_INT64] = 'i', [DB_TYPE_TEXT] = 't', [DB_TYPE_BLOB] = 'b'};
    uint64_t head = htole64(type == DB_TYPE_INT64 ? (uint64_t)number : (uint64_t)bytes.size);

    if (sizeof(row->bytes) - row->size < 1 + sizeof(head)) {
        row_bytes_flush(row);
    }
    row->bytes[row->size] = tags[type];
    memcpy(row->bytes + row->size + 1, &head, sizeof(head));
    row->size += (uint32_t)(1 + sizeof(head));
    if (bytes.size > sizeof(row->bytes) - row->size) {
        row_bytes_flush(row);
        row->sum = hash_crc32(row->sum, bytes);
    } else if (bytes.size > 0) {
        memcpy(row->bytes + row->size, bytes.data, bytes.size);
        row->size += (uint32_t)bytes.size;
    }
}

static uint32_t statement_slot(const struct db *db, const char *sql)
{
    uint32_t mask = db->slot_count - 1;
    uint32_t slot = (uint32_t)(((uintptr_t)sql * UINT64_C(0x9e3779b97f4a7c15)) >> 40) & mask;

    while (db->statements[slot] != NULL && db->statements[slot]->sql != sql) {
        slot = (slot + 1) & mask;
    }
    return slot;
}

static void statements_grow(struct db *db)
{
    struct db_stmt **old = db->statements;
    uint32_t old_count = db->slot_count;

    db->slot_count = old_count > 0 ? old_count * 2 : 64;
    db->statements = memory_calloc(db->slot_count, sizeof(struct db_stmt *));
    for (uint32_t i = 0; i < old_count; i++) {
        if (old[i] != NULL) {
            db->statements[statement_slot(db, old[i]->sql)] = old[i];
        }
    }
    memory_free(old);
}

/* A statement that was not read to its end would keep its snapshot, and with it a later write lock, from us. */
static void statements_reset(struct db *db)
{
    for (uint32_t i = 0; i < db->slot_count; i++) {
        if (db->statements[i] != NULL) {
            db->ops->reset(db->statements[i]);
        }
    }
}

enum err_code db_open(const struct db_options *options, struct db **ret_db, struct err *err)
{
    return options->server != NULL ? db_postgres_open(options, ret_db, err)
                                   : db_sqlite_open(options, ret_db, err);
}

void db_close(struct db *db)
{
    if (db == NULL) {
        return;
    }
    db_rollback(db);
    for (uint32_t i = 0; i < db->slot_count; i++) {
        if (db->statements[i] != NULL) {
            db->ops->finalize(db->statements[i]);
        }
    }
    memory_free(db->statements);
    db->ops->close(db);
}

/* Keeps in mind that the transaction has failed. */
static enum err_code note(struct db *db, enum err_code code)
{
    if (code != ERR_OK && db->in_transaction) {
        db->failed = true;
    }
    return code;
}

static enum err_code refuse_failed(struct err *err)
{
    return err_set(err, ERR_STORE, "the transaction has failed before");
}

enum err_code db_now_ns(struct db *db, int64_t *ret_now_ns, struct err *err)
{
    enum err_code code = ERR_OK;

    if (db->in_transaction && db->failed) {
        return refuse_failed(err);
    }
    if (!db->in_transaction || !db->told_time) {
        code = note(db, db->ops->now_ns(db, &db->now_ns, err));
    }
    if (code == ERR_OK) {
        db->told_time = db->in_transaction;
        *ret_now_ns = db->now_ns;
    }
    return code;
}

enum err_code db_table_count(struct db *db, const char *name, int64_t *ret_count, struct err *err)
{
    return note(db, db->ops->table_count(db, name, ret_count, err));
}

enum err_code db_verify(struct db *db, struct err *err)
{
    return db->ops->verify(db, err);
}

enum err_code db_check_schema(struct db *db, const char *sql, struct err *err)
{
    return db->ops->check_schema != NULL ? note(db, db->ops->check_schema(db, sql, err)) : ERR_OK;
}

enum err_code db_schema_digest(struct db *db, char ret_digest[HASH_HEX_SIZE], struct err *err)
{
    ret_digest[0] = '\0';
    return db->ops->schema_digest != NULL ? note(db, db->ops->schema_digest(db, ret_digest, err))
                                          : ERR_OK;
}

static enum err_code begin(struct db *db, enum db_mode mode, struct err *err)
{
    enum err_code code;

    CHECK(!db->in_transaction);
    statements_reset(db);
    code = db->ops->begin(db, mode, err);
    db->in_transaction = code == ERR_OK;
    db->failed = false;
    db->told_time = false;
    return code;
}

void db_delete_carelessly(struct db *db)
{
    CHECK(db->in_transaction);
    if (db->ops->erase != NULL && !db->careless) {
        db->careless = true;
        db->ops->erase(db, false);
    }
}

static void end(struct db *db)
{
    db->in_transaction = false;
    if (db->careless) {
        db->careless = false;
        db->ops->erase(db, true);
    }
}

enum err_code db_begin(struct db *db, struct err *err)
{
    return begin(db, DB_SERIAL, err);
}

enum err_code db_begin_concurrent(struct db *db, struct err *err)
{
    return begin(db, DB_CONCURRENT, err);
}

enum err_code db_begin_snapshot(struct db *db, struct err *err)
{
    return begin(db, DB_SNAPSHOT, err);
}

bool db_again(struct db *db, int *tries, const struct err *err)
{
    if (err->code != ERR_STORE || !err->retriable || *tries >= AGAIN_TRIES_MAX) {
        return false;
    }
    db->ops->pause(db, AGAIN_PAUSE_MS * NS_PER_MS << *tries);
    ++*tries;
    return true;
}

enum err_code db_commit(struct db *db, bool *ret_unknown, struct err *err)
{
    enum err_code code;

    CHECK(db->in_transaction);
    *ret_unknown = false;
    if (db->failed) {
        db_rollback(db);
        return refuse_failed(err);
    }
    statements_reset(db);
    code = db->ops->commit(db, ret_unknown, err);
    if (code != ERR_OK) {
        db->ops->rollback(db);
    }
    end(db);
    return code;
}

void db_rollback(struct db *db)
{
    if (!db->in_transaction) {
        return;
    }
    statements_reset(db);
    db->ops->rollback(db);
    end(db);
    db->failed = false;
}

bool db_in_transaction(const struct db *db)
{
    return db->in_transaction;
}

enum err_code db_exec(struct db *db, const char *sql, struct err *err)
{
    if (db->in_transaction && db->failed) {
        return refuse_failed(err);
    }
    return note(db, db->ops->exec(db, sql, err));
}

enum err_code db_define(struct db *db, const char *sql, struct err *err)
{
    if (db->in_transaction && db->failed) {
        return refuse_failed(err);
    }
    return note(db, db->ops->define(db, sql, err));
}

enum err_code db_prepare(struct db *db, const char *sql, struct db_stmt **ret_stmt, struct err *err)
{
    struct db_stmt *stmt;
    uint32_t slot;
    enum err_code code;

    if (db->statement_count >= db->slot_count / 2) {
        statements_grow(db);
    }
    slot = statement_slot(db, sql);
    stmt = db->statements[slot];
    if (stmt == NULL) {
        code = db->ops->prepare(db, sql, &stmt, err);
        if (code != ERR_OK) {
            return note(db, code);
        }
        stmt->db = db;
        stmt->sql = sql;
        db->statements[slot] = stmt;
        db->statement_count++;
    } else {
        db->ops->reset(stmt);
        db->ops->unbind(stmt);
    }
    stmt->row.sum = 0;
    stmt->row.size = 0;
    stmt->bound = 0;
    *ret_stmt = stmt;
    return ERR_OK;
}

static void bind(struct db_stmt *stmt, int index, enum db_type type, int64_t number,
                 struct str value)
{
    CHECK(index >= 1);
    CHECK(index <= DB_PARAMETERS_MAX);
    /* A NULL pointer would become SQL's NULL, which an empty text is not. */
    if (value.data == NULL) {
        value = str_of("", 0);
    }
    if (stmt->bound == index - 1) {
        row_bytes_add(&stmt->row, type, number, value);
        stmt->bound = index;
    } else {
        stmt->bound = -1;
    }
    stmt->db->ops->bind(stmt, index, type, number, value);
}

void db_bind_int64(struct db_stmt *stmt, int index, int64_t value)
{
    bind(stmt, index, DB_TYPE_INT64, value, str_of("", 0));
}

void db_bind_text(struct db_stmt *stmt, int index, struct str value)
{
    bind(stmt, index, DB_TYPE_TEXT, 0, value);
}

void db_bind_blob(struct db_stmt *stmt, int index, struct str value)
{
    bind(stmt, index, DB_TYPE_BLOB, 0, value);
}

void db_bind_null(struct db_stmt *stmt, int index)
{
    bind(stmt, index, DB_TYPE_NULL, 0, str_of("", 0));
}

void db_bind_checksum(struct db_stmt *stmt, int index)
{
    CHECK(stmt->bound == index - 1);
    row_bytes_flush(&stmt->row);
    bind(stmt, index, DB_TYPE_INT64, stmt->row.sum, str_of("", 0));
}

enum err_code db_step(struct db_stmt *stmt, bool *ret_row, struct err *err)
{
    struct db *db = stmt->db;
    enum err_code code;

    *ret_row = false;
    if (db->in_transaction && db->failed) {
        return refuse_failed(err);
    }
    code = db->ops->step(stmt, ret_row, err);
    if (!*ret_row) {
        db->ops->reset(stmt);
    }
    return note(db, code);
}

enum err_code db_compare_changes(const struct db_awaited *awaited, int64_t changed, struct err *err)
{
    if (awaited->ret_changed != NULL) {
        *awaited->ret_changed = changed;
    }
    if (!awaited->one || changed == 1) {
        return ERR_OK;
    }
    return err_set(err, ERR_MISMATCH,
                   "a change met %" PRId64 " rows of the store where one should be: run the audit",
                   changed);
}

/* In a transaction a change may be sent together with those that follow, if the driver can: the commit tells of its failure. */
static enum err_code change(struct db_stmt *stmt, const struct db_awaited *awaited, struct err *err)
{
    struct db *db = stmt->db;
    bool row;
    enum err_code code;

    if (db->in_transaction && db->failed) {
        return refuse_failed(err);
    }
    if (db->in_transaction && db->ops->defer != NULL) {
        return note(db, db->ops->defer(stmt, awaited, err));
    }
    code = db_step(stmt, &row, err);
    if (code != ERR_OK) {
        return code;
    }
    CHECK(!row);
    return note(db, db_compare_changes(awaited, db->ops->changes(stmt), err));
}

enum err_code db_run(struct db_stmt *stmt, int64_t *ret_changed, struct err *err)
{
    struct db_awaited awaited = {.ret_changed = ret_changed};
    enum err_code code = change(stmt, &awaited, err);

    return code == ERR_OK && ret_changed != NULL ? db_settle(stmt->db, err) : code;
}

enum err_code db_run_one(struct db_stmt *stmt, struct err *err)
{
    return change(stmt, &(struct db_awaited){.one = true}, err);
}

enum err_code db_run_later(struct db_stmt *stmt, int64_t *ret_changed, struct err *err)
{
    return change(stmt, &(struct db_awaited){.ret_changed = ret_changed}, err);
}

enum err_code db_settle(struct db *db, struct err *err)
{
    if (!db->in_transaction || db->ops->settle == NULL) {
        return ERR_OK;
    }
    if (db->failed) {
        return refuse_failed(err);
    }
    return note(db, db->ops->settle(db, err));
}

void db_reset(struct db_stmt *stmt)
{
    stmt->db->ops->reset(stmt);
}

bool db_column_null(struct db_stmt *stmt, int column)
{
    return stmt->db->ops->column_type(stmt, column) == DB_TYPE_NULL;
}

int64_t db_column_int64(struct db_stmt *stmt, int column)
{
    return stmt->db->ops->column_int64(stmt, column);
}

struct str db_column_text(struct db_stmt *stmt, int column)
{
    return stmt->db->ops->column_bytes(stmt, column);
}

struct str db_column_blob(struct db_stmt *stmt, int column)
{
    return stmt->db->ops->column_bytes(stmt, column);
}

int64_t db_column_checksum(struct db_stmt *stmt, int column)
{
    const struct db_ops *ops = stmt->db->ops;
    struct row_bytes row;

    row.sum = 0;
    row.size = 0;
    for (int i = 0; i < column; i++) {
        enum db_type type = ops->column_type(stmt, i);
        bool bytes = type == DB_TYPE_TEXT || type == DB_TYPE_BLOB;

        row_bytes_add(&row, type, type == DB_TYPE_INT64 ? ops->column_int64(stmt, i) : 0,
                      bytes ? ops->column_bytes(stmt, i) : str_of("", 0));
    }
    row_bytes_flush(&row);
    return row.sum;
}
