#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "aggregator/store.h"
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
        cmocka_unit_test_setup_teardown(test_streams, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
