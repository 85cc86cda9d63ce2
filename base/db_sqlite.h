/*
 * What the files of the SQLite driver share. For db_sqlite*.c only.
 */
#ifndef BASE_DB_SQLITE_H
#define BASE_DB_SQLITE_H

#include <sqlite3.h>

#include "base/db_driver.h"

struct sqlite_db {
    struct db db; /* first */
    sqlite3 *handle;
    char *path;
    struct clock *clock;
    struct clock *wait_clock;
    int64_t lock_wait_ns;
    int64_t busy_since_ns; /* monotonic */
};

static inline struct sqlite_db *sqlite_of(struct db *db)
{
    return (struct sqlite_db *)db;
}

/* What SQLite says, as one line that a person can act on. */
enum err_code sqlite_set_error(struct sqlite_db *db, int result, struct err *err);

/* Of struct db_ops. */
enum err_code sqlite_verify(struct db *base, struct err *err);
enum err_code sqlite_check_schema(struct db *base, const char *sql, struct err *err);
enum err_code sqlite_schema_digest(struct db *base, char ret_digest[HASH_HEX_SIZE],
                                   struct err *err);

#endif
