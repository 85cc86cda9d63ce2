/*
 * Where a test's store is: in the file that the test names, or, if UPTALLY_TEST_POSTGRESQL="HOST PORT" is set, in a schema of a
 * real PostgreSQL that is named after that file. So one test shows both back ends the same.
 */
#ifndef TESTS_UNIT_STORE_PLACE_H
#define TESTS_UNIT_STORE_PLACE_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/db.h"
#include "base/hash.h"

struct store_place {
    struct db_server server;
    char host[200], schema[32];
};

static inline bool store_place_on_server(void)
{
    return getenv("UPTALLY_TEST_POSTGRESQL") != NULL;
}

/* Fills path or server of the options; place and path must outlive the opening. */
static inline void store_place_set(struct store_place *place, const char *path,
                                   struct db_options *options)
{
    const char *words = getenv("UPTALLY_TEST_POSTGRESQL");

    options->path = path;
    if (words == NULL) {
        return;
    }
    *place = (struct store_place){.server = {.user = "postgres", .database = "tests"}};
    if (sscanf(words, "%199s %d", place->host, &place->server.port) != 2) {
        abort();
    }
    snprintf(place->schema, sizeof(place->schema), "t%08" PRIx32 "%04zx", hash_crc32(0, STR(path)),
             strlen(path));
    place->server.host = place->host;
    place->server.schema = place->schema;
    options->server = &place->server;
}

static inline enum err_code store_place_open(const char *path, struct db_options options,
                                             struct db **ret_db, struct err *err)
{
    struct store_place place;

    store_place_set(&place, path, &options);
    return db_open(&options, ret_db, err);
}

/* What a test writes by hand, in the words of the back end that it runs on; ret_sql has room for size bytes. */
static inline void store_place_sql(const char *sql, char *ret_sql, size_t size)
{
    static const char *const words[][2] = {
        {"PRAGMA foreign_keys = OFF", "SET session_replication_role = replica"},
        {"AS BLOB", "AS BYTEA"},
    };
    size_t used = 0;

    while (*sql != '\0' && used + 100 < size) {
        const char *word = NULL;

        for (size_t i = 0; store_place_on_server() && i < sizeof(words) / sizeof(words[0]); i++) {
            if (strncmp(sql, words[i][0], strlen(words[i][0])) == 0) {
                word = words[i][1];
                sql += strlen(words[i][0]);
            }
        }
        if (word != NULL) {
            used += (size_t)snprintf(ret_sql + used, size - used, "%s", word);
        } else if (store_place_on_server() && (*sql == 'x' || *sql == 'X') && sql[1] == '\'' &&
                   used > 0 && ret_sql[used - 1] == ' ') {
            int length = (int)strcspn(sql + 2, "'");

            used += (size_t)snprintf(ret_sql + used, size - used, "CAST('\\x%.*s' AS BYTEA)",
                                     length, sql + 2);
            sql += length + 3;
        } else {
            ret_sql[used++] = *sql++;
        }
    }
    if (*sql != '\0') {
        abort();
    }
    ret_sql[used] = '\0';
}

#endif
