/*
 * The seam for the store: one interface, a driver per database: SQLite and PostgreSQL.
 *
 * SQL is written once, in the words that both databases share: types BIGINT, TEXT, BYTEA; parameters $1, $2, ...;
 * INSERT ... ON CONFLICT; no implicit rowid; CAST(sum(x) AS BIGINT), for a bare sum is no BIGINT everywhere. Text is compared byte by
 * byte. Errors are ERR_STORE (a constraint, a full disk, a lost connection, a deadlock: retriable when a new transaction may
 * succeed) or ERR_FENCED (locked by another run for longer than lock_wait_ns). Lost answers: db_commit may fail with *ret_unknown
 * set; then the caller must look whether its rows are there before it does anything else.
 *
 * A lost connection is made again where nothing can be lost by it: before a transaction begins and before the first row of a
 * query outside of one. That is tried for as long as lock_wait_ns, or until options.stopped says so (ERR_INTERRUPTED).
 *
 * After the first error inside a transaction everything but db_rollback fails with ERR_STORE, so that half a transaction is
 * never committed. A change whose count nobody asks for may be sent later, together with others: its error then comes from a later call, at the
 * latest from db_commit. Statements that were left open are reset when a transaction begins or ends. Row checksums: each value is
 * a tag (n, i, t, b), then 8 bytes little-endian (the integer, or the size), then the bytes. One thread at a time per struct db.
 */
#ifndef BASE_DB_H
#define BASE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"

struct db;
struct db_stmt;

enum { DB_PARAMETERS_MAX = 32 };

/* How a connection over a network is protected. There is no unverified one. */
enum db_tls {
    DB_TLS_OFF,       /* for sockets and this machine */
    DB_TLS_VERIFY_CA, /* the certificate is of an authority in ca_file, whatever name it bears */
    DB_TLS_VERIFY_FULL
};

/* A PostgreSQL database that is there already. NULL: libpq's own default. */
struct db_server {
    const char *host; /* name, address, or the folder of the socket */
    int port;         /* 0: 5432 */
    const char *database, *user, *password;
    const char *schema; /* where our tables are; made if it is not there */
    enum db_tls tls;
    const char *ca_file, *cert_file, *key_file;
};

struct db_options {
    const char *path;               /* SQLite: file; created if create is set */
    const struct db_server *server; /* PostgreSQL, if not NULL; copied */
    bool create;                    /* create file and tables */
    bool read_only;                 /* no writes; works in a read-only folder */
    int64_t lock_wait_ns;           /* how long to wait for another writer before ERR_FENCED */
    struct clock *clock;      /* the store's clock; NULL: the database's own, or the system's */
    struct clock *wait_clock; /* on which it waits for other writers; NULL: clock_system() */
    bool (*stopped)(void);    /* may be NULL: asked while a server is waited for */
};

/* Opens the store. It does not touch the schema: see store_migrate in aggregator/store.h. */
enum err_code db_open(const struct db_options *options, struct db **ret_db, struct err *err);
/* Rolls back an open transaction. NULL is allowed. */
void db_close(struct db *db);

/* The store's clock, the one that leases and complete-until are measured on. It stands still inside a transaction. */
enum err_code db_now_ns(struct db *db, int64_t *ret_now_ns, struct err *err);

/* A transaction that writes, and is the only one of its kind in the whole store: what it reads stays true until it ends. */
enum err_code db_begin(struct db *db, struct err *err);
/* A transaction that writes beside others: each statement sees what was committed before it began. Whoever uses it locks what it
 * decides on by changing it first, in an order that all share. On SQLite the same as db_begin. */
enum err_code db_begin_concurrent(struct db *db, struct err *err);
/* A transaction that only reads, all of one snapshot. Ended by db_commit or db_rollback. */
enum err_code db_begin_snapshot(struct db *db, struct err *err);
/* On failure the transaction is over; *ret_unknown tells that it may have been committed nevertheless. */
enum err_code db_commit(struct db *db, bool *ret_unknown, struct err *err);
/* Never fails: what cannot be rolled back was never there. Harmless without a transaction. */
void db_rollback(struct db *db);
bool db_in_transaction(const struct db *db);

/* What this transaction deletes from here on need not be overwritten, which costs as much as writing it did: nobody minds who finds it in the
 * free space of a file, nor what else is in the tables that it changes. All else that is deleted is overwritten, where the database is a file
 * of ours. */
void db_delete_carelessly(struct db *db);

/* Number of tables of that name (0 or 1), or of all tables if name is NULL. */
enum err_code db_table_count(struct db *db, const char *name, int64_t *ret_count, struct err *err);

/* Lets the database check its own structures, and that each column holds values of its type: ERR_STORE with the first thing that it finds.
 * Reads everything. */
enum err_code db_verify(struct db *db, struct err *err);
/* ERR_STORE unless every table and index that this SQL makes in an empty database stands here exactly so, without any trigger. Other
 * objects are somebody's own and do not matter. */
enum err_code db_check_schema(struct db *db, const char *sql, struct err *err);
/* SHA-256 of all that db_check_schema looks at, whoever made it: two databases of one digest pass or fail together. Empty where it
 * looks at nothing. */
enum err_code db_schema_digest(struct db *db, char ret_digest[HASH_HEX_SIZE], struct err *err);

/* For a whole transaction that failed: true, after a pause that grows, if another attempt may help and *tries, which begins at 0, is
 * not used up. */
bool db_again(struct db *db, int *tries, const struct err *err);

/* One or more statements without parameters and results. */
enum err_code db_exec(struct db *db, const char *sql, struct err *err);
/* The same for CREATE and ALTER: types are translated where a database compares text in an order of its own, and WITHOUT ROWID is left out
 * where it does not know it. */
enum err_code db_define(struct db *db, const char *sql, struct err *err);

/* The prepared statement of that text: a literal, for it is cached by address. Reset and without bindings.
 * Borrowed; valid until db_close, but only one use at a time. */
enum err_code db_prepare(struct db *db, const char *sql, struct db_stmt **ret_stmt,
                         struct err *err);
/* Parameters count from 1. Text and blobs are borrowed until db_reset or the next db_prepare of this text. */
void db_bind_int64(struct db_stmt *stmt, int index, int64_t value);
void db_bind_text(struct db_stmt *stmt, int index, struct str value);
void db_bind_blob(struct db_stmt *stmt, int index, struct str value);
void db_bind_null(struct db_stmt *stmt, int index);
/* Binds the row checksum: the CRC-32 over parameters 1 to index - 1, which must have been bound in that order. So an INSERT
 * that names all columns of a table, the checksum last, writes what db_column_checksum finds when it reads them. */
void db_bind_checksum(struct db_stmt *stmt, int index);
/* Next row: *ret_row is false behind the last one. Insert, update and delete have no rows. */
enum err_code db_step(struct db_stmt *stmt, bool *ret_row, struct err *err);
/* For statements without rows: step once and reset; *ret_changed (may be NULL: nobody waits for it) is the number of changed rows. */
enum err_code db_run(struct db_stmt *stmt, int64_t *ret_changed, struct err *err);
/* The same where exactly one row has to change: ERR_MISMATCH otherwise. */
enum err_code db_run_one(struct db_stmt *stmt, struct err *err);
/* The same without waiting: *ret_changed is set by the next db_settle at the latest, and borrowed until then. */
enum err_code db_run_later(struct db_stmt *stmt, int64_t *ret_changed, struct err *err);
/* Waits for all changes that were sent and not answered yet. */
enum err_code db_settle(struct db *db, struct err *err);
void db_reset(struct db_stmt *stmt);
/* Columns count from 0 and are borrowed until the next step or reset. A NULL is 0 or an empty str. */
bool db_column_null(struct db_stmt *stmt, int column);
int64_t db_column_int64(struct db_stmt *stmt, int column);
struct str db_column_text(struct db_stmt *stmt, int column);
struct str db_column_blob(struct db_stmt *stmt, int column);
/* The row checksum over columns 0 to column - 1, to be compared with the stored one in `column`. */
int64_t db_column_checksum(struct db_stmt *stmt, int column);

#endif
