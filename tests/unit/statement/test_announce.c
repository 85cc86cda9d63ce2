/* Announcements: rows that are only added, with the time at which the store first saw them. */
#include "tests/unit/aggregator/book.h"

#include "jobs/statement/announce.h"

static int64_t at(int64_t minute)
{
    return BOOK_START_NS + minute * NS_PER_MINUTE;
}

static enum err_code add(struct book *book, const char *service, int64_t from, int64_t to,
                         const char *reason, int64_t *ret_id, bool *ret_late, struct err *err)
{
    return announce_add(book->db, STR(service), at(from), at(to), STR(reason), STR("ops"), ret_id,
                        ret_late, err);
}

static void test_the_store_says_when(void **state)
{
    struct book book;
    struct arena arena = ARENA_INIT;
    struct announcement *rows;
    struct err err = ERR_INIT;
    size_t count;
    int64_t first, second;
    bool late;

    (void)state;
    book_open(&book);
    assert_int_equal(add(&book, "api", 60, 120, "upgrade", &first, &late, &err), ERR_OK);
    assert_false(late);
    book.clock.time_ns = at(61);
    assert_int_equal(add(&book, "*", 60, 90, "too late", &second, &late, &err), ERR_OK);
    assert_true(late); /* kept all the same */
    assert_int_equal(announce_list(book.db, INT64_MIN, INT64_MAX, &arena, &rows, &count, &err),
                     ERR_OK);
    assert_int_equal(count, 2);
    assert_int_equal(rows[0].id, first);
    assert_int_equal(rows[0].announced_ns, at(0));
    assert_int_equal(rows[1].announced_ns, at(61));
    assert_string_equal(arena_text(&arena, rows[1].reason), "too late");
    arena_release(&arena);
    book_close(&book);
}

static void test_a_list_has_what_overlaps(void **state)
{
    static const struct {
        int64_t from, to;
        size_t count;
    } rows[] = {{0, 60, 0}, {0, 61, 1}, {119, 500, 1}, {120, 500, 0}};
    struct book book;
    struct err err = ERR_INIT;
    int64_t id;
    bool late;

    (void)state;
    book_open(&book);
    assert_int_equal(add(&book, "api", 60, 120, "upgrade", &id, &late, &err), ERR_OK);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct arena arena = ARENA_INIT;
        struct announcement *found;
        size_t count;

        assert_int_equal(
            announce_list(book.db, at(rows[i].from), at(rows[i].to), &arena, &found, &count, &err),
            ERR_OK);
        assert_int_equal(count, rows[i].count);
        arena_release(&arena);
    }
    book_close(&book);
}

static void test_cancelling_adds_a_row(void **state)
{
    struct book book;
    struct arena arena = ARENA_INIT;
    struct announcement *rows;
    struct err err = ERR_INIT;
    size_t count;
    int64_t id, cancelling;
    bool late;

    (void)state;
    book_open(&book);
    assert_int_equal(add(&book, "api", 60, 120, "upgrade", &id, &late, &err), ERR_OK);
    assert_int_equal(announce_cancel(book.db, id, STR("not needed"), STR("ops"), &cancelling, &err),
                     ERR_OK);
    assert_int_equal(announce_list(book.db, INT64_MIN, INT64_MAX, &arena, &rows, &count, &err),
                     ERR_OK);
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].cancelled_by, cancelling);
    assert_int_equal(book_number(book.db, "SELECT COUNT(*) FROM announcement"), 2);
    assert_int_equal(announce_cancel(book.db, id, STR("again"), STR("ops"), &cancelling, &err),
                     ERR_USAGE);
    assert_int_equal(announce_cancel(book.db, cancelling, STR("undo"), STR("ops"), &id, &err),
                     ERR_USAGE);
    assert_int_equal(announce_cancel(book.db, 99, STR("what"), STR("ops"), &id, &err), ERR_USAGE);
    assert_int_equal(book_number(book.db, "SELECT COUNT(*) FROM announcement"), 2);
    arena_release(&arena);
    book_close(&book);
}

static void test_what_is_refused(void **state)
{
    static const struct {
        const char *what, *service, *reason;
        int64_t from, to;
    } rows[] = {
        {"no service", "", "upgrade", 60, 120},
        {"no reason", "api", "", 60, 120},
        {"a second line", "api", "one\ntwo", 60, 120},
        {"no UTF-8", "a\xff", "upgrade", 60, 120},
        {"it ends when it starts", "api", "upgrade", 60, 60},
        {"it ends before", "api", "upgrade", 60, 59},
    };
    struct book book;

    (void)state;
    book_open(&book);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct err err = ERR_INIT;
        int64_t id;
        bool late;

        print_message("%s\n", rows[i].what);
        assert_int_equal(
            add(&book, rows[i].service, rows[i].from, rows[i].to, rows[i].reason, &id, &late, &err),
            ERR_USAGE);
    }
    assert_int_equal(book_number(book.db, "SELECT COUNT(*) FROM announcement"), 0);
    book_close(&book);
}

static void test_a_damaged_row_excuses_nothing(void **state)
{
    struct book book;
    struct arena arena = ARENA_INIT;
    struct announcement *rows;
    struct err err = ERR_INIT;
    size_t count;
    int64_t id;
    bool late;

    (void)state;
    book_open(&book);
    assert_int_equal(add(&book, "api", 60, 120, "upgrade", &id, &late, &err), ERR_OK);
    book_exec(book.db, "UPDATE announcement SET announced_ns = announced_ns - 1000000000");
    assert_int_equal(announce_list(book.db, INT64_MIN, INT64_MAX, &arena, &rows, &count, &err),
                     ERR_MISMATCH);
    assert_non_null(strstr(err.text, "announcement 1"));
    arena_release(&arena);
    book_close(&book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_store_says_when),
        cmocka_unit_test(test_a_list_has_what_overlaps),
        cmocka_unit_test(test_cancelling_adds_a_row),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_a_damaged_row_excuses_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
