/* Is the file what our migrations made, and is it whole? It may come from a failing disk or from somebody else's hand. */
#include <endian.h>
#include <string.h>

#include "base/check.h"
#include "base/db_sqlite.h"

static enum err_code check_integrity(struct sqlite_db *db, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int result = sqlite3_prepare_v2(db->handle, "PRAGMA integrity_check(1)", -1, &stmt, NULL);
    enum err_code code = ERR_OK;

    if (result == SQLITE_OK) {
        result = sqlite3_step(stmt);
    }
    if (result == SQLITE_ROW) {
        const char *answer = (const char *)sqlite3_column_text(stmt, 0);

        if (answer == NULL || strcmp(answer, "ok") != 0) {
            code = err_set(err, ERR_STORE, "store %s is damaged: %s", db->path,
                           answer != NULL ? answer : "no answer");
        }
    } else {
        code = sqlite_set_error(db, result, err);
    }
    (void)sqlite3_finalize(stmt);
    return code;
}

/* One query a table: has it a row with a value that the declared types do not allow? SQLite itself would take any value anywhere,
 * and hand out an empty blob as the number 0. */
static const char type_queries[] =
    "SELECT t.name, 'SELECT 1 FROM \"' || replace(t.name, '\"', '\"\"') || '\" WHERE ' || "
    "(SELECT group_concat('typeof(\"' || replace(c.name, '\"', '\"\"') || '\") NOT IN (' || "
    "CASE c.\"notnull\" WHEN 0 THEN '''null'', ' ELSE '' END || CASE c.type "
    "WHEN 'BIGINT' THEN '''integer''' WHEN 'TEXT' THEN '''text''' ELSE '''blob''' END || ')', "
    "' OR ') FROM pragma_table_info(t.name) c) || ' LIMIT 1' "
    "FROM sqlite_schema t WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
    "ORDER BY t.name";

static enum err_code check_types_of(struct sqlite_db *db, const char *table, const char *query,
                                    struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int result = sqlite3_prepare_v2(db->handle, query, -1, &stmt, NULL);
    enum err_code code = ERR_OK;

    if (result == SQLITE_OK) {
        result = sqlite3_step(stmt);
    }
    if (result == SQLITE_ROW) {
        code = err_set(err, ERR_STORE,
                       "store %s is damaged: table %s holds a value of another type than it may",
                       db->path, table);
    } else if (result != SQLITE_DONE) {
        code = sqlite_set_error(db, result, err);
    }
    (void)sqlite3_finalize(stmt);
    return code;
}

static enum err_code check_types(struct sqlite_db *db, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int result = sqlite3_prepare_v2(db->handle, type_queries, -1, &stmt, NULL);
    enum err_code code = ERR_OK;

    while (code == ERR_OK && result == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        code = check_types_of(db, (const char *)sqlite3_column_text(stmt, 0),
                              (const char *)sqlite3_column_text(stmt, 1), err);
    }
    if (sqlite3_finalize(stmt) != SQLITE_OK && code == ERR_OK) {
        code = sqlite_set_error(db, sqlite3_errcode(db->handle), err);
    }
    return code;
}

enum err_code sqlite_verify(struct db *base, struct err *err)
{
    enum err_code code = check_integrity(sqlite_of(base), err);

    return code == ERR_OK ? check_types(sqlite_of(base), err) : code;
}

/* Names in SQLite do not care for case, so another spelling is another object of the same name. */
static const char schema_query[] =
    "SELECT count(*), sum(type = ?1 AND tbl_name = ?3 AND sql IS ?4) FROM sqlite_schema "
    "WHERE name = ?2 COLLATE NOCASE";

/* The row of `expected` stands in the store exactly once, and nothing else has its name. */
static enum err_code check_object(struct sqlite_db *db, sqlite3_stmt *expected, sqlite3_stmt *stmt,
                                  struct err *err)
{
    enum err_code code = ERR_OK;

    for (int i = 0; i < 4; i++) {
        (void)sqlite3_bind_value(stmt, i + 1, sqlite3_column_value(expected, i));
    }
    if (sqlite3_step(stmt) != SQLITE_ROW) {
        code = sqlite_set_error(db, sqlite3_errcode(db->handle), err);
    } else if (sqlite3_column_int64(stmt, 0) != 1 || sqlite3_column_int64(stmt, 1) != 1) {
        code = err_set(err, ERR_STORE,
                       "store %s: %s %s is not the one that this program made: the file is damaged "
                       "or somebody changed it",
                       db->path, (const char *)sqlite3_column_text(expected, 0),
                       (const char *)sqlite3_column_text(expected, 1));
    }
    (void)sqlite3_reset(stmt);
    return code;
}

/* A trigger would run with our statements, whatever it does. */
static enum err_code refuse_triggers(struct sqlite_db *db, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int result = sqlite3_prepare_v2(
        db->handle, "SELECT 1 FROM sqlite_schema WHERE type = 'trigger'", -1, &stmt, NULL);
    enum err_code code = ERR_OK;

    if (result == SQLITE_OK) {
        result = sqlite3_step(stmt);
    }
    if (result == SQLITE_ROW) {
        code = err_set(err, ERR_STORE,
                       "store %s has a trigger: somebody changed it; drop it to use the store",
                       db->path);
    } else if (result != SQLITE_DONE) {
        code = sqlite_set_error(db, result, err);
    }
    (void)sqlite3_finalize(stmt);
    return code;
}

static enum err_code compare(struct sqlite_db *db, sqlite3 *made, struct err *err)
{
    sqlite3_stmt *expected = NULL;
    sqlite3_stmt *stmt = NULL;
    int result = sqlite3_prepare_v2(db->handle, schema_query, -1, &stmt, NULL);
    enum err_code code = ERR_OK;

    if (result != SQLITE_OK) {
        return sqlite_set_error(db, result, err);
    }
    result = sqlite3_prepare_v2(made, "SELECT type, name, tbl_name, sql FROM sqlite_schema", -1,
                                &expected, NULL);
    CHECK(result == SQLITE_OK);
    while (code == ERR_OK && sqlite3_step(expected) == SQLITE_ROW) {
        code = check_object(db, expected, stmt, err);
    }
    (void)sqlite3_finalize(expected);
    (void)sqlite3_finalize(stmt);
    return code;
}

/* What the SQL makes is asked of SQLite itself, in memory; it takes a few milliseconds. */
enum err_code sqlite_check_schema(struct db *base, const char *sql, struct err *err)
{
    struct sqlite_db *db = sqlite_of(base);
    sqlite3 *made = NULL;
    enum err_code code = refuse_triggers(db, err);

    if (code != ERR_OK) {
        return code;
    }
    if (sqlite3_open(":memory:", &made) != SQLITE_OK ||
        sqlite3_exec(made, sql, NULL, NULL, NULL) != SQLITE_OK) {
        code = err_set(err, ERR_STORE, "SQLite: %s", sqlite3_errmsg(made));
    } else {
        code = compare(db, made, err);
    }
    (void)sqlite3_close(made);
    return code;
}

/* Its type and its size stand before its bytes, so that no other row of values reads the same. */
static void add_value(struct hash_sha256 *hash, sqlite3_stmt *stmt, int column)
{
    const char type = (char)sqlite3_column_type(stmt, column);
    const char *data = sqlite3_column_blob(stmt, column);
    uint64_t size = (uint64_t)sqlite3_column_bytes(stmt, column);
    uint64_t size_le = htole64(size);

    hash_sha256_add(hash, str_of(&type, 1));
    hash_sha256_add(hash, str_of((const char *)&size_le, sizeof(size_le)));
    hash_sha256_add(hash, str_of(data, size));
}

/* By name: VACUUM puts the rows into another order. */
enum err_code sqlite_schema_digest(struct db *base, char ret_digest[HASH_HEX_SIZE], struct err *err)
{
    struct sqlite_db *db = sqlite_of(base);
    struct hash_sha256 hash;
    sqlite3_stmt *stmt = NULL;
    int result = sqlite3_prepare_v2(
        db->handle, "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name", -1, &stmt,
        NULL);

    hash_sha256_init(&hash);
    while (result == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        for (int i = 0; i < 4; i++) {
            add_value(&hash, stmt, i);
        }
    }
    if (result == SQLITE_OK) {
        result = sqlite3_reset(stmt);
    }
    (void)sqlite3_finalize(stmt);
    if (result != SQLITE_OK) {
        return sqlite_set_error(db, result, err);
    }
    hash_sha256_end(&hash, ret_digest);
    return ERR_OK;
}
