#include "tests/unit/aggregator/book.h"
#include "tests/unit/config_text.h"

#include "aggregator/grading.h"
#include "jobs/slo/read.h"

enum { START_MINUTE = BOOK_START_NS / NS_PER_MINUTE };

static struct book book;

static const struct grading_rules *rules_of(void *context, struct str service)
{
    static const struct grading_rules rules = {1, {1, 2}, {1, 20}, {1, 10}, 0};

    (void)context;
    (void)service;
    return &rules;
}

/* Requests of two services; portal comes into being an hour later, and has checks when nobody asks for it. */
static void fill(void)
{
    struct fold_options options = {.db = book.db,
                                   .book_id = 1,
                                   .holder = "test",
                                   .lease_ns = NS_PER_HOUR,
                                   .rows_per_step = 1000};
    struct grading_options grading = {.db = book.db, .book_id = 1, .rules = rules_of};
    struct batch *batch = book_batch(&book, book.db);
    const int64_t streams[] = {book.requests, book.checks};
    struct err err = ERR_INIT;
    struct fold fold;

    book_request(&book, batch, 0, "auth", 0, false);
    book_request(&book, batch, 0, "auth", 61, true);
    book_request(&book, batch, 1, "portal", 61, false);
    book_request(&book, batch, 1, "portal", 61, true);
    book_request(&book, batch, 1, "portal", 64, false);
    book_request(&book, batch, 2, "other", 62, false);
    book_check(&book, batch, 0, "portal", 62, OUTCOME_FAIL);
    assert_int_equal(ledger_commit(&book.ledger, batch, &err), ERR_OK);
    for (size_t s = 0; s < ARRAY_COUNT(streams); s++) {
        for (int32_t p = 0; p < BOOK_PARTITIONS; p++) {
            assert_int_equal(ledger_note_drained(&book.ledger, streams[s], p,
                                                 batch_next_offset(batch, streams[s], p),
                                                 BOOK_START_NS + 70 * NS_PER_MINUTE, &err),
                             ERR_OK);
        }
    }
    batch_free(batch);
    fold_init(&fold, &options);
    assert_int_equal(fold_acquire(&fold, &err), ERR_OK);
    assert_int_equal(fold_run(&fold, NULL, NULL, &err), ERR_OK);
    assert_int_equal(fold_complete_until(book.db, 1, &grading.until_ns, &err), ERR_OK);
    assert_int_equal(grading_run(&fold, &grading, &err), ERR_OK);
}

static struct slo_series read_series(const char *services, int64_t from, int64_t to,
                                     struct arena *arena)
{
    struct err err = ERR_INIT;
    struct slo_series series;
    struct config *config;
    struct strbuf text;

    strbuf_init(&text, 1000);
    strbuf_append_format(&text,
                         "slos: [{id: a, services: [%s], target: 99, method: occurrences, window: "
                         "{rolling: 30d}}]",
                         services);
    config = config_of("f", strbuf_text(&text));
    assert_int_equal(db_begin_snapshot(book.db, &err), ERR_OK);
    if (slo_read(book.db, 1, &config->slos[0], from, to, arena, &series, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    db_rollback(book.db);
    assert_int_equal(series.from, from);
    assert_int_equal(series.count, to - from);
    config_free(config);
    strbuf_release(&text);
    return series;
}

static void assert_minute(const struct slo_series *series, int64_t minute, int64_t total,
                          int64_t errors)
{
    const struct slo_minute *found = &series->minutes[START_MINUTE + minute - series->from];

    assert_int_equal(found->total, total);
    assert_int_equal(found->errors, errors);
}

static enum grade silence(const struct slo_series *series, int64_t minute)
{
    return series->minutes[START_MINUTE + minute - series->from].silence;
}

static void test_services_are_added_up(void **state)
{
    struct arena arena = ARENA_INIT;
    struct slo_series series;

    (void)state;
    fill();
    /* Over three weeks, so that several steps of reading meet. */
    series = read_series("auth, portal", START_MINUTE - 20 * 1440, START_MINUTE + 70, &arena);
    assert_minute(&series, 0, 1, 0);
    assert_minute(&series, 61, 3, 2);
    assert_minute(&series, 64, 1, 0);
    for (int64_t m = -20 * 1440; m < 70; m++) {
        if (m != 0 && m != 61 && m != 64) {
            assert_minute(&series, m, 0, 0);
        }
    }
    arena_release(&arena);
}

/* What silence is: known grades speak first, whatever the order of the services. */
static void test_silence(void **state)
{
    struct arena arena = ARENA_INIT;
    struct slo_series series;

    (void)state;
    fill();
    series = read_series("portal", START_MINUTE, START_MINUTE + 70, &arena);
    assert_int_equal(silence(&series, 60), GRADE_NOT_PROVISIONED);
    assert_int_equal(silence(&series, 62), GRADE_NO_TRAFFIC); /* failing checks are no requests */
    series = read_series("nobody", START_MINUTE, START_MINUTE + 70, &arena);
    assert_int_equal(silence(&series, 62), GRADE_NOT_PROVISIONED);
    for (int order = 0; order < 2; order++) {
        series = read_series(order == 0 ? "nobody, portal" : "portal, nobody", START_MINUTE,
                             START_MINUTE + 70, &arena);
        assert_int_equal(silence(&series, 62), GRADE_NO_TRAFFIC);
    }
    /* Before 1970 there was nothing. */
    series = read_series("portal", -3, 2, &arena);
    for (size_t i = 0; i < series.count; i++) {
        assert_int_equal(series.minutes[i].silence, GRADE_NOT_PROVISIONED);
    }
    arena_release(&arena);
}

static int set_up(void **state)
{
    (void)state;
    book_open(&book);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    book_close(&book);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_services_are_added_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_silence, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
