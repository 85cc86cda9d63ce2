/*
 * Grading in the store: whatever the order of batches, the size of steps and the moments of grading, the rows end up the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "aggregator/grading.h"
#include "aggregator/windows.h"
#include "tests/unit/aggregator/world.h"

#define END_NS (BOOK_START_NS + (WORLD_MINUTES + 90) * NS_PER_MINUTE)

static const struct grading_rules *rules_of(void *context, struct str service)
{
    static const struct grading_rules sharp = {1, {1, 2}, {1, 20}, {1, 10}, 0};
    static const struct grading_rules one_is_enough = {2, {1, 2}, {1, 20}, {1, 10}, 1};

    (void)context;
    return str_equal(service, STR("shop")) ? &one_is_enough : &sharp;
}

static enum err_code grade(struct fold *fold, int64_t until_ns, struct err *err)
{
    struct grading_options options = {
        .db = fold->options.db, .book_id = 1, .until_ns = until_ns, .rules = rules_of};

    return grading_run(fold, &options, err);
}

static void must(enum err_code code, const struct err *err)
{
    if (code != ERR_OK) {
        fail_msg("%s", err->text);
    }
}

/* Grades, carried state and incidents. Times of detection follow the clock and are left out. */
static void dump(struct db *db, struct strbuf *out)
{
    strbuf_init(out, 1 << 22);
    world_dump_rows(db, "SELECT * FROM grade_hour ORDER BY book_id, service, hour", 7, out);
    world_dump_rows(db,
                    "SELECT service, first_minute, end_minute, worst, level FROM incident "
                    "ORDER BY service, first_minute",
                    5, out);
    world_dump_rows(db, "SELECT count(*) FROM regrade", 1, out);
    assert_false(out->overflow);
}

static void assert_same(struct db *db, const struct strbuf *expected)
{
    struct strbuf actual;

    dump(db, &actual);
    assert_string_equal(strbuf_text(&actual), strbuf_text(expected));
    strbuf_release(&actual);
}

/* One commit, one fold, one grading. */
static void undisturbed(const struct world *world, struct strbuf *ret_dump)
{
    struct book book;
    struct fold fold;
    struct err err = ERR_INIT;

    book_open(&book);
    world_consume(world, &book, book.db, WORLD_RECORDS);
    fold = world_fold(book.db, "undisturbed", 1 << 20);
    must(fold_acquire(&fold, &err), &err);
    must(fold_run(&fold, NULL, NULL, &err), &err);
    must(grade(&fold, END_NS, &err), &err);
    dump(book.db, ret_dump);
    assert_true(book_number(book.db, "SELECT count(*) FROM grade_hour") > 100);
    assert_true(book_number(book.db, "SELECT count(*) FROM incident") > 10);
    assert_int_equal(book_number(book.db, "SELECT count(*) FROM regrade"), 0);
    book_close(&book);
}

static uint64_t test_seed(void)
{
    const char *given = getenv("UPTALLY_TEST_SEED");

    return given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
}

/* Consumes the world in random pieces; now and then folds a few rows and grades up to a random time, which may lie before the last one. */
static void disturbed(const struct world *world, struct book *book, struct fold *fold,
                      struct random *random)
{
    struct batch *batch = book_batch(book, book->db);
    struct err err = ERR_INIT;
    bool done;

    for (bool more = true; more;) {
        more = false;
        for (int s = 0; s < 2; s++) {
            for (int p = 0; p < BOOK_PARTITIONS; p++) {
                int count = (int)random_below(random, 12);

                more = world_feed(world, book, batch, s, p, count) || more;
            }
        }
        must(ledger_commit(&book->ledger, batch, &err), &err);
        for (uint64_t steps = random_below(random, 4); steps > 0; steps--) {
            must(fold_step(fold, &done, &err), &err);
        }
        if (random_below(random, 3) == 0) {
            int64_t minutes = (int64_t)random_below(random, WORLD_MINUTES + 90);

            must(grade(fold, BOOK_START_NS + minutes * NS_PER_MINUTE, &err), &err);
        }
    }
    batch_free(batch);
}

static void test_any_order_gives_the_same_rows(void **state)
{
    uint64_t seed = test_seed();

    (void)state;
    for (uint64_t n = 0; n < 6; n++) {
        static struct world world;
        struct strbuf expected;
        struct random random;
        struct book book;
        struct fold fold;
        struct err err = ERR_INIT;

        world_make(&world, seed + n);
        undisturbed(&world, &expected);
        random_init_seed(&random, seed + n);
        book_open(&book);
        fold = world_fold(book.db, "disturbed", 1 + (int64_t)random_below(&random, 40));
        must(fold_acquire(&fold, &err), &err);
        disturbed(&world, &book, &fold, &random);
        must(fold_run(&fold, NULL, NULL, &err), &err);
        must(grade(&fold, END_NS, &err), &err);
        assert_same(book.db, &expected);
        /* Once more changes nothing. */
        must(grade(&fold, END_NS, &err), &err);
        assert_same(book.db, &expected);
        book_close(&book);
        strbuf_release(&expected);
    }
}

/* Fails at the count-th passage of a grading fault point. */
static bool fail_grading(const char *name, void *context)
{
    int *count = context;

    return strncmp(name, "grading.", 8) == 0 && --*count == 0;
}

static void test_stopped_anywhere(void **state)
{
    static struct world world;
    struct strbuf expected;

    (void)state;
    world_make(&world, 3);
    undisturbed(&world, &expected);
    for (int stop = 1, stopped = 1; stopped != 0; stop += 9) {
        struct book book;
        struct fold fold;
        struct err err = ERR_INIT;
        int count = stop;

        book_open(&book);
        world_consume(&world, &book, book.db, WORLD_RECORDS);
        fold = world_fold(book.db, "stopped", 1 << 20);
        must(fold_acquire(&fold, &err), &err);
        must(fold_run(&fold, NULL, NULL, &err), &err);
        fault_set_hook(fail_grading, &count);
        stopped = grade(&fold, END_NS, &err) != ERR_OK;
        fault_set_hook(NULL, NULL);
        assert_int_equal(stopped, stop < 100 ? 1 : stopped);
        must(grade(&fold, END_NS, &err), &err);
        assert_same(book.db, &expected);
        book_close(&book);
    }
    strbuf_release(&expected);
}

static void test_fenced(void **state)
{
    static struct world world;
    struct book book;
    struct fold paused, other;
    struct err err = ERR_INIT;

    (void)state;
    world_make(&world, 4);
    book_open(&book);
    world_consume(&world, &book, book.db, WORLD_RECORDS);
    paused = world_fold(book.db, "paused", 1 << 20);
    other = world_fold(book.db, "other", 1 << 20);
    must(fold_acquire(&paused, &err), &err);
    must(fold_run(&paused, NULL, NULL, &err), &err);
    book.clock.time_ns += 61 * NS_PER_SECOND;
    must(fold_acquire(&other, &err), &err);
    assert_int_equal(grade(&paused, END_NS, &err), ERR_FENCED);
    assert_int_equal(book_number(book.db, "SELECT count(*) FROM grade_hour"), 0);
    must(grade(&other, END_NS, &err), &err);
    assert_true(book_number(book.db, "SELECT count(*) FROM grade_hour") > 100);
    book_close(&book);
}

static void commit_and_fold(struct book *book, struct batch *batch, struct fold *fold)
{
    struct err err = ERR_INIT;

    must(ledger_commit(&book->ledger, batch, &err), &err);
    must(fold_run(fold, NULL, NULL, &err), &err);
}

/* The same minutes, read for all services at once. */
static void assert_grades(struct db *db, const char *service, int64_t from, const char *expected)
{
    struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct service_grades *services;
    size_t found = 0, count;

    must(windows_grades(db, 1, from, from + (int64_t)strlen(expected), &arena, &services, &count,
                        &err),
         &err);
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || str_compare(services[i - 1].service, services[i].service) < 0);
        if (!str_equal(services[i].service, STR(service))) {
            continue;
        }
        found++;
        for (size_t k = 0; k < strlen(expected); k++) {
            assert_int_equal(grade_row((enum grade)services[i].grades[k])->symbol[0], expected[k]);
        }
    }
    assert_int_equal(found, 1);
    arena_release(&arena);
}

static void assert_minutes(struct db *db, const char *service, int64_t from, const char *expected)
{
    int64_t start = BOOK_START_NS / NS_PER_MINUTE + from;
    struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct minute *minutes;
    char symbols[128];
    size_t count = strlen(expected);

    assert_true(count < sizeof(symbols));
    must(
        windows_minutes(db, 1, STR(service), start, start + (int64_t)count, &arena, &minutes, &err),
        &err);
    for (size_t i = 0; i < count; i++) {
        symbols[i] = grade_row(minutes[i].grade)->symbol[0];
    }
    symbols[count] = '\0';
    assert_string_equal(symbols, expected);
    arena_release(&arena);
    assert_grades(db, service, start, expected);
}

/* A story of single minutes: what is open, what closes, what a late event changes. */
static void test_late_events(void **state)
{
    struct book book;
    struct fold fold;
    struct err err = ERR_INIT;
    struct batch *batch;

    (void)state;
    book_open(&book);
    batch = book_batch(&book, book.db);
    fold = world_fold(book.db, "late", 1 << 20);
    must(fold_acquire(&fold, &err), &err);
    book_request(&book, batch, 0, "a", 58, false);
    book_request(&book, batch, 0, "a", 62, true);
    commit_and_fold(&book, batch, &fold);
    must(grade(&fold, BOOK_START_NS + 62 * NS_PER_MINUTE + 59 * NS_PER_SECOND, &err), &err);
    assert_minutes(book.db, "a", 57, " .!!!!!"); /* minute 62 is not closed */
    must(grade(&fold, BOOK_START_NS + 63 * NS_PER_MINUTE, &err), &err);
    assert_minutes(book.db, "a", 57, " .!!!M!");
    assert_int_equal(book_number(book.db, "SELECT count(*) FROM incident WHERE end_minute IS NULL"),
                     1);
    /* Another service's late request proves that the topic was alive in minute 60. */
    book_request(&book, batch, 1, "b", 60, false);
    commit_and_fold(&book, batch, &fold);
    must(grade(&fold, BOOK_START_NS + 64 * NS_PER_MINUTE, &err), &err);
    assert_minutes(book.db, "a", 57, " .!-!M!");
    assert_minutes(book.db, "b", 57, "   .!-!");
    assert_int_equal(book_number(book.db, "SELECT count(*) FROM incident WHERE end_minute IS NULL"),
                     0);
    /* Later than its first event by hours, earlier in time: the service begins there. */
    book_request(&book, batch, 1, "b", 1, true);
    commit_and_fold(&book, batch, &fold);
    must(grade(&fold, BOOK_START_NS + 64 * NS_PER_MINUTE, &err), &err);
    assert_minutes(book.db, "b", 0, " M!!");
    assert_minutes(book.db, "b", 56, "!!-!.!-!");
    /* Complete-until falls back, as it does when a topic is added: what was graded stays. */
    must(grade(&fold, BOOK_START_NS + 30 * NS_PER_MINUTE, &err), &err);
    must(grade(&fold, INT64_MIN, &err), &err);
    assert_minutes(book.db, "b", 56, "!!-!.!-!");
    batch_free(batch);
    book_close(&book);
}

static void test_reading(void **state)
{
    int64_t start = BOOK_START_NS / NS_PER_MINUTE;
    const struct str services[] = {STR("a"), STR("nobody"), STR("b")};
    struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct offset_range *ranges;
    struct minute *minutes;
    struct batch *batch;
    struct book book;
    struct fold fold;
    struct str *names;
    size_t count;

    (void)state;
    book_open(&book);
    batch = book_batch(&book, book.db);
    fold = world_fold(book.db, "reading", 1 << 20);
    must(fold_acquire(&fold, &err), &err);
    book_request(&book, batch, 0, "b", 59, true);  /* offset 0 */
    book_request(&book, batch, 0, "a", 59, false); /* 1 */
    book_request(&book, batch, 0, "a", 59, true);  /* 2 */
    book_request(&book, batch, 1, "a", 60, false); /* 100 */
    book_request(&book, batch, 0, "a", 180, true); /* 3 */
    commit_and_fold(&book, batch, &fold);
    must(windows_services(book.db, 1, &arena, &names, &count, &err), &err);
    assert_int_equal(count, 2);
    assert_true(str_equal(names[0], STR("a")));
    must(windows_minutes(book.db, 1, STR("a"), start + 58, start + 62, &arena, &minutes, &err),
         &err);
    assert_false(minutes[0].counted);
    assert_int_equal(minutes[0].grade, GRADE_NOT_PROVISIONED);
    assert_true(minutes[1].counted);
    assert_int_equal(minutes[1].counts.total, 2);
    assert_int_equal(minutes[1].counts.errors, 1);
    assert_int_equal(minutes[1].grade, GRADE_PIPELINE_GAP); /* not graded yet */
    assert_int_equal(minutes[2].counts.total, 1);
    assert_false(minutes[3].counted);
    must(windows_ranges(book.db, 1, services, 3, start, start + 60, &arena, &ranges, &count, &err),
         &err);
    assert_int_equal(count, 1);
    assert_int_equal(ranges[0].low, 0);
    assert_int_equal(ranges[0].high, 2);
    must(windows_ranges(book.db, 1, services, 1, start + 59, start + 61, &arena, &ranges, &count,
                        &err),
         &err);
    assert_int_equal(count, 2);
    assert_int_equal(ranges[0].low, 1);
    assert_int_equal(ranges[0].high, 2);
    assert_int_equal(ranges[1].partition, 1);
    assert_int_equal(ranges[1].low, 100);
    must(db_exec(book.db, "UPDATE window_hour SET checksum = checksum + 1 WHERE a = 'a'", &err),
         &err);
    assert_int_equal(
        windows_minutes(book.db, 1, STR("a"), start + 58, start + 62, &arena, &minutes, &err),
        ERR_MISMATCH);
    arena_release(&arena);
    batch_free(batch);
    book_close(&book);
}

/* A flipped byte of what is carried on is refused, never graded upon. */
static void test_damaged_row(void **state)
{
    struct book book;
    struct fold fold;
    struct err err = ERR_INIT;
    struct batch *batch;

    (void)state;
    book_open(&book);
    batch = book_batch(&book, book.db);
    fold = world_fold(book.db, "damaged", 1 << 20);
    must(fold_acquire(&fold, &err), &err);
    book_check(&book, batch, 0, "a", 59, OUTCOME_PASS);
    commit_and_fold(&book, batch, &fold);
    must(grade(&fold, BOOK_START_NS + 60 * NS_PER_MINUTE, &err), &err);
    book_exec(book.db, "UPDATE grade_hour SET carried = CAST(carried || 'x' AS BLOB)");
    assert_int_equal(grade(&fold, BOOK_START_NS + 61 * NS_PER_MINUTE, &err), ERR_MISMATCH);
    assert_string_equal(err.text,
                        "grade_hour \"a\" hour 497448: the row is damaged (run the audit)");
    batch_free(batch);
    book_close(&book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_late_events),
        cmocka_unit_test(test_any_order_gives_the_same_rows),
        cmocka_unit_test(test_stopped_anywhere),
        cmocka_unit_test(test_fenced),
        cmocka_unit_test(test_damaged_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
