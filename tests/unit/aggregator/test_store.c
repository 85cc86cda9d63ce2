#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <unistd.h>

#include "aggregator/store.h"
#include "schemas/embedded.h"
#include "tests/unit/store_place.h"
#include "tests/unit/temporary.h"

struct fixture {
    struct temporary folder;
    char path[512];
    struct db *db;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct db_options options = {.create = true};
    struct err err = ERR_INIT;

    temporary_make(&f->folder);
    snprintf(f->path, sizeof(f->path), "%s", temporary_file(&f->folder, "store.db"));
    assert_int_equal(store_place_open(f->path, options, &f->db, &err), ERR_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    db_close(f->db);
    temporary_remove(&f->folder);
    free(f);
    return 0;
}

static void test_migrate_creates_the_live_book(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    int64_t book_id = 0;

    assert_int_equal(store_check_version(f->db, &err), ERR_STORE);
    assert_non_null(strstr(err.text, "empty"));
    assert_int_equal(store_migrate(f->db, &err), ERR_OK);
    assert_int_equal(store_migrate(f->db, &err), ERR_OK);
    assert_int_equal(store_check_version(f->db, &err), ERR_OK);
    assert_int_equal(store_book(f->db, "live", &book_id, &err), ERR_OK);
    assert_int_equal(book_id, 1);
    assert_int_equal(store_book(f->db, "other", &book_id, &err), ERR_STORE);
    assert_non_null(strstr(err.text, "other"));
}

/* A newer store is refused and stays as it is. */
static void test_newer_store_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;

    assert_int_equal(store_migrate(f->db, &err), ERR_OK);
    assert_int_equal(db_exec(f->db, "UPDATE store_info SET value = '999'", &err), ERR_OK);
    assert_int_equal(store_migrate(f->db, &err), ERR_STORE);
    assert_non_null(strstr(err.text, "version 999"));
    assert_int_equal(store_check_version(f->db, &err), ERR_STORE);
    assert_int_equal(db_exec(f->db, "UPDATE store_info SET value = 'x'", &err), ERR_OK);
    assert_int_equal(store_migrate(f->db, &err), ERR_STORE);
    assert_non_null(strstr(err.text, "damaged"));
}

static void test_foreign_database_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;

    assert_int_equal(db_exec(f->db, "CREATE TABLE songs (title TEXT)", &err), ERR_OK);
    assert_int_equal(store_migrate(f->db, &err), ERR_STORE);
    assert_non_null(strstr(err.text, "something else"));
}

/* "0001_ledger.sha256" beside the last migration. */
static const struct embedded_file *digest_of_last_migration(void)
{
    char name[64] = "";

    for (size_t i = 0; i < embedded_file_count; i++) {
        const char *end = strstr(embedded_files[i].name, ".sql");

        if (end != NULL) {
            snprintf(name, sizeof(name), "%.*s.sha256", (int)(end - embedded_files[i].name),
                     embedded_files[i].name);
        }
    }
    return embedded_find(name);
}

/* Else each opening makes all tables again to compare them. */
static void test_digest_is_that_of_a_new_store(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    char digest[HASH_HEX_SIZE + 1];
    const struct embedded_file *file = digest_of_last_migration();

    if (store_place_on_server()) {
        skip();
    }
    assert_int_equal(store_migrate(f->db, &err), ERR_OK);
    assert_int_equal(db_schema_digest(f->db, digest, &err), ERR_OK);
    assert_non_null(file);
    assert_string_equal(strcat(digest, "\n"), file->data);
    /* Nor does it depend on the order of the rows. */
    assert_int_equal(db_exec(f->db, "VACUUM", &err), ERR_OK);
    assert_int_equal(db_schema_digest(f->db, digest, &err), ERR_OK);
    assert_string_equal(strcat(digest, "\n"), file->data);
}

/* What somebody did to the tables, and a word of what is said of it; NULL where it is none of our business. */
static const struct {
    const char *sql, *said;
} changes[] = {
    {"CREATE TABLE songs (title TEXT)", NULL},
    {"CREATE VIEW songs AS SELECT 1 AS title", NULL},
    {"CREATE INDEX songs ON book (created_ns)", NULL},
    {"CREATE TRIGGER t AFTER UPDATE ON lease BEGIN DELETE FROM pending; END", "a trigger"},
    {"ALTER TABLE lease ADD COLUMN title TEXT", "table lease is not the one"},
    {"DROP TABLE incident", "table incident is not the one"},
    {"DROP TABLE incident; CREATE VIEW incident AS SELECT 1 AS book_id",
     "table incident is not the one"},
    {"ALTER TABLE incident RENAME TO i; ALTER TABLE i RENAME TO Incident",
     "table incident is not the one"},
    {"UPDATE sqlite_schema SET sql = sql || ' ' WHERE name = 'lease'",
     "table lease is not the one"},
    {"UPDATE sqlite_schema SET sql = sql || char(0) WHERE name = 'lease'",
     "table lease is not the one"},
    {"UPDATE sqlite_schema SET sql = CAST(sql AS BLOB) WHERE name = 'lease'",
     "table lease is not the one"},
};

/* Past our own driver, which does not let anybody write to sqlite_schema. */
static void change(const char *path, const char *sql)
{
    sqlite3 *handle = NULL;

    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, "PRAGMA writable_schema = ON", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}

/* A store of its own for each change, looked at by both ways of opening. */
static void check_changed(const char *path, const char *sql, const char *said)
{
    const struct db_options options = {.path = path, .create = true};
    struct err err = ERR_INIT;
    struct db *db;

    assert_int_equal(db_open(&options, &db, &err), ERR_OK);
    assert_int_equal(store_migrate(db, &err), ERR_OK);
    db_close(db);
    change(path, sql);
    assert_int_equal(db_open(&options, &db, &err), ERR_OK);
    assert_int_equal(store_check_version(db, &err), said != NULL ? ERR_STORE : ERR_OK);
    assert_int_equal(store_migrate(db, &err), said != NULL ? ERR_STORE : ERR_OK);
    if (said != NULL) {
        assert_non_null(strstr(err.text, said));
    }
    db_close(db);
    assert_int_equal(unlink(path), 0);
}

static void test_changed_tables_are_refused(void **state)
{
    struct fixture *f = *state;
    char path[512];

    if (store_place_on_server()) {
        skip();
    }
    snprintf(path, sizeof(path), "%s", temporary_file(&f->folder, "changed.db"));
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        check_changed(path, changes[i].sql, changes[i].said);
    }
}

static void test_streams(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    enum stream_state opened;
    struct stream a;
    struct stream b;
    struct stream again;

    assert_int_equal(store_migrate(f->db, &err), ERR_OK);
    assert_int_equal(store_stream(f->db, STR("id1"), STR("prod"), STR("requests"), EVENT_REQUEST,
                                  &a, &opened, &err),
                     ERR_OK);
    assert_int_equal(a.incarnation, 1);
    assert_int_equal(
        store_stream(f->db, STR("id1"), STR("prod"), STR("checks"), EVENT_CHECK, &b, &opened, &err),
        ERR_OK);
    assert_int_not_equal(a.stream_id, b.stream_id);
    assert_int_equal(store_stream(f->db, STR("id1"), STR("renamed"), STR("requests"), EVENT_REQUEST,
                                  &again, &opened, &err),
                     ERR_OK);
    assert_int_equal(again.stream_id, a.stream_id);
    /* The same topic of another cluster of another name is another stream; of the same name, it has moved: nothing is made. */
    assert_int_equal(store_stream(f->db, STR("id2"), STR("prod"), STR("requests"), EVENT_REQUEST,
                                  &again, &opened, &err),
                     ERR_OK);
    assert_int_equal(opened, STREAM_OPEN);
    assert_int_not_equal(again.stream_id, a.stream_id);
    assert_int_equal(store_stream(f->db, STR("id3"), STR("prod"), STR("requests"), EVENT_REQUEST,
                                  &again, &opened, &err),
                     ERR_OK);
    assert_int_equal(opened, STREAM_MOVED);
    assert_int_equal(again.stream_id, 0);
    /* Requests do not turn into checks. */
    assert_int_equal(store_stream(f->db, STR("id1"), STR("renamed"), STR("requests"), EVENT_CHECK,
                                  &again, &opened, &err),
                     ERR_CONFIG);
    assert_non_null(strstr(err.text, "topic requests"));
    /* A closed incarnation is not opened again by itself. */
    assert_int_equal(db_exec(f->db, "UPDATE stream SET closed_ns = 1 WHERE topic = 'checks'", &err),
                     ERR_OK);
    assert_int_equal(store_stream(f->db, STR("id1"), STR("prod"), STR("checks"), EVENT_CHECK,
                                  &again, &opened, &err),
                     ERR_OK);
    assert_int_equal(opened, STREAM_CLOSED);
    assert_int_equal(again.stream_id, b.stream_id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_migrate_creates_the_live_book, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_newer_store_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_foreign_database_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_digest_is_that_of_a_new_store, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_changed_tables_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_streams, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
