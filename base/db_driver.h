/*
 * What a database driver gives to base/db.c: a table of functions over structs that begin with struct db and struct db_stmt.
 *
 * db.c keeps what all drivers share: the statement cache, the state of the transaction, row checksums. Only db.c and the
 * drivers include this header.
 */
#ifndef BASE_DB_DRIVER_H
#define BASE_DB_DRIVER_H

#include "base/db.h"

enum db_type { DB_TYPE_NULL, DB_TYPE_INT64, DB_TYPE_TEXT, DB_TYPE_BLOB };

enum db_mode {
    DB_SERIAL,     /* db_begin */
    DB_CONCURRENT, /* db_begin_concurrent */
    DB_SNAPSHOT    /* db_begin_snapshot */
};

/* What the caller of a change wants to know about it. */
struct db_awaited {
    bool one;             /* exactly one row has to change */
    int64_t *ret_changed; /* may be NULL */
};

struct db_ops {
    void (*close)(struct db *db); /* no statement is left; rolls back, frees db */
    enum err_code (*now_ns)(struct db *db, int64_t *ret_now_ns, struct err *err);
    enum err_code (*table_count)(struct db *db, const char *name, int64_t *ret_count,
                                 struct err *err);
    enum err_code (*verify)(struct db *db, struct err *err);
    /* Both may be NULL where the tables are not a file that anybody can hand us. */
    enum err_code (*check_schema)(struct db *db, const char *sql, struct err *err);
    enum err_code (*schema_digest)(struct db *db, char ret_digest[HASH_HEX_SIZE], struct err *err);
    enum err_code (*begin)(struct db *db, enum db_mode mode, struct err *err);
    enum err_code (*commit)(struct db *db, bool *ret_unknown, struct err *err);
    void (*rollback)(struct db *db);
    enum err_code (*exec)(struct db *db, const char *sql, struct err *err);
    enum err_code (*define)(struct db *db, const char *sql, struct err *err);
    enum err_code (*prepare)(struct db *db, const char *sql, struct db_stmt **ret_stmt,
                             struct err *err);
    void (*finalize)(struct db_stmt *stmt);
    /* value.data is never NULL. */
    void (*bind)(struct db_stmt *stmt, int index, enum db_type type, int64_t number,
                 struct str value);
    enum err_code (*step)(struct db_stmt *stmt, bool *ret_row, struct err *err);
    int64_t (*changes)(struct db_stmt *stmt); /* rows of the last step */
    /* Both may be NULL: step is good enough. A change inside a transaction that is only sent; what is awaited of it is known when it is settled. */
    enum err_code (*defer)(struct db_stmt *stmt, const struct db_awaited *awaited, struct err *err);
    enum err_code (*settle)(struct db *db, struct err *err);
    void (*pause)(struct db *db, int64_t duration_ns);
    /* May be NULL where nobody sees the files. Whether what is deleted is overwritten. */
    void (*erase)(struct db *db, bool erase);
    void (*reset)(struct db_stmt *stmt);
    void (*unbind)(struct db_stmt *stmt);
    enum db_type (*column_type)(struct db_stmt *stmt, int column);
    int64_t (*column_int64)(struct db_stmt *stmt, int column);
    struct str (*column_bytes)(struct db_stmt *stmt, int column);
};

struct db {
    const struct db_ops *ops;
    struct db_stmt **statements; /* owned; open addressing by the address of the text */
    uint32_t statement_count;
    uint32_t slot_count; /* power of two */
    bool in_transaction;
    bool failed;    /* an error happened inside the transaction */
    bool told_time; /* now_ns was asked for inside the transaction */
    bool careless;  /* what the transaction deletes is not overwritten */
    int64_t now_ns;
};

/* What a row checksum goes over: parts are put together first, for a CRC over few bytes costs as much as one over hundreds. */
struct row_bytes {
    uint32_t sum; /* of what went before */
    uint32_t size;
    char bytes[240];
};

struct db_stmt {
    struct db *db;
    const char *sql;      /* borrowed: the literal */
    struct row_bytes row; /* parameters 1 .. bound */
    int bound;            /* how many were bound in order; -1 once the order was broken */
};

enum err_code db_sqlite_open(const struct db_options *options, struct db **ret_db, struct err *err);
enum err_code db_postgres_open(const struct db_options *options, struct db **ret_db,
                               struct err *err);
/* Tells the count to whom it concerns. ERR_MISMATCH if it had to be one and is not. */
enum err_code db_compare_changes(const struct db_awaited *awaited, int64_t changed,
                                 struct err *err);

#endif
