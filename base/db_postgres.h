/*
 * Inside of the PostgreSQL driver: what its files share. Nobody else includes this.
 *
 * db_postgres.c keeps transactions and the pipeline, db_postgres_stmt.c statements, db_postgres_rows.c the rows of a result,
 * db_postgres_link.c the connection and what its errors mean. One statement at a time streams its rows; when another one wants the
 * connection, the rest of its rows is taken into memory. Changes that nobody waits for are sent as a pipeline.
 */
#ifndef BASE_DB_POSTGRES_H
#define BASE_DB_POSTGRES_H

#include "base/db_driver.h"
#include "base/db_postgres_library.h"

enum {
    POSTGRES_COLUMNS_MAX = 32,
    POSTGRES_QUEUE_MAX = 256, /* changes under way before their answers are read */
    POSTGRES_TEXT_SIZE = 24   /* of a number */
};

/* Types of pg_type.dat; they never change. */
enum postgres_type {
    POSTGRES_BOOL = 16,
    POSTGRES_BYTEA = 17,
    POSTGRES_INT8 = 20,
    POSTGRES_INT2 = 21,
    POSTGRES_INT4 = 23
};

struct postgres_cell {
    enum db_type type;
    int64_t number;
    struct str bytes; /* of text and blobs; borrowed from the result or from the statement's rest */
    char text[POSTGRES_TEXT_SIZE];
};

struct postgres_db {
    struct db db;         /* first */
    PGconn *link;         /* NULL while there is none */
    struct strbuf words;  /* owned: keywords and values of the connection, each with its NUL */
    struct strbuf set_up; /* owned: statements for a new session */
    char name[200];       /* for messages */
    struct clock *clock;  /* the store's; NULL: the server's */
    struct clock *waiting;
    bool (*stopped)(void);
    int64_t lock_wait_ns;
    uint32_t session; /* counts connections: statements of an older one are gone */
    uint32_t statement_count;
    struct postgres_stmt *streaming;             /* its rows are still under way */
    struct db_awaited queue[POSTGRES_QUEUE_MAX]; /* of the changes in the pipeline */
    size_t queue_count;
};

struct postgres_stmt {
    struct db_stmt stmt; /* first */
    char name[POSTGRES_TEXT_SIZE];
    uint32_t session; /* in which it was prepared; 0: never */
    int parameter_count;
    Oid types[DB_PARAMETERS_MAX];
    const char *values[DB_PARAMETERS_MAX];
    int sizes[DB_PARAMETERS_MAX];
    char numbers[DB_PARAMETERS_MAX][8];
    bool running; /* rows may come */
    int64_t changes;
    PGresult *row; /* owned; the current row, if it is streamed */
    int column_count;
    struct postgres_cell cells[POSTGRES_COLUMNS_MAX];
    struct strbuf rest; /* owned: rows that were taken into memory */
    size_t rest_read;   /* bytes of it that were handed out */
    struct err failure; /* met while the rest was taken; told behind its last row */
};

static inline struct postgres_db *postgres_of(struct db *db)
{
    return (struct postgres_db *)db;
}
static inline struct postgres_stmt *postgres_stmt_of(struct db_stmt *stmt)
{
    return (struct postgres_stmt *)stmt;
}

/* db_postgres_link.c */

/* Keeps what is needed to connect, now and again. ERR_CONFIG: a text is too long. */
enum err_code postgres_describe(struct postgres_db *db, const struct db_options *options,
                                struct err *err);
/* A connection, a new one if the old one is broken: one attempt. ERR_STORE. */
enum err_code postgres_connect(struct postgres_db *db, struct err *err);
/* Whether to connect and try again after this error: waits a little. *since_ns begins at INT64_MIN. ERR_INTERRUPTED in err if we were
 * asked to stop. */
bool postgres_try_again(struct postgres_db *db, int64_t *since_ns, struct err *err);
/* "NAME", quoted. */
void postgres_add_identifier(struct strbuf *text, const char *name);
bool postgres_broken(const struct postgres_db *db);
/* What the server, or libpq without a result, complains about. ERR_STORE, ERR_FENCED. */
enum err_code postgres_fail(struct postgres_db *db, const PGresult *result, struct err *err);
/* Whether a COMMIT that was answered so may have happened nevertheless. */
bool postgres_outcome_unknown(const struct postgres_db *db, const PGresult *result);

/* db_postgres.c */

bool postgres_is_good(const PGresult *result);
/* Sends what is queued and reads all answers: the pipeline is left. The error of the first change that failed. */
enum err_code postgres_drain_pipeline(struct postgres_db *db, struct err *err);
/* Nothing of anybody is under way then. */
enum err_code postgres_free_link(struct postgres_db *db, struct err *err);

/* db_postgres_stmt.c: see struct db_ops. */

enum err_code postgres_prepare(struct db *db, const char *sql, struct db_stmt **ret_stmt,
                               struct err *err);
void postgres_finalize(struct db_stmt *stmt);
void postgres_bind(struct db_stmt *stmt, int index, enum db_type type, int64_t number,
                   struct str value);
enum err_code postgres_step(struct db_stmt *stmt, bool *ret_row, struct err *err);
enum err_code postgres_defer(struct db_stmt *stmt, const struct db_awaited *awaited,
                             struct err *err);
int64_t postgres_changes(struct db_stmt *stmt);
void postgres_reset(struct db_stmt *stmt);
void postgres_unbind(struct db_stmt *stmt);
enum db_type postgres_column_type(struct db_stmt *stmt, int column);
int64_t postgres_column_int64(struct db_stmt *stmt, int column);
struct str postgres_column_bytes(struct db_stmt *stmt, int column);

/* db_postgres_rows.c */

/* Takes the cells of the result's only row. ERR_STORE: more columns than there is room for. */
enum err_code postgres_take_row(struct postgres_stmt *stmt, PGresult *row, struct err *err);
/* Takes what is left of the streaming statement into memory, so that the connection is free. Errors are told by its own next step. */
void postgres_put_aside(struct postgres_db *db);
/* The next row of the rest; false behind the last one. */
bool postgres_rest_row(struct postgres_stmt *stmt);
void postgres_forget_rows(struct postgres_stmt *stmt);

#endif
