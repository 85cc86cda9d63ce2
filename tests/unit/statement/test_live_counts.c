/* Live statements by methods on counts: from requests in the books to the issued document. */
#include "tests/unit/statement/publish_world.h"

#include "jobs/statement/input.h"
#include "jobs/statement/method.h"

enum { WITH_REQUESTS = 60, A_MINUTE = 20 };

/*
 * An hour with 20 requests a minute, beside the ten hours of checks: minutes 10 to 14 fail as a whole, minute 30 by half, and 4 requests of minute 40 are slow.
 * The checks fail in minutes 100 to 119, where there are no requests: that is for methods that look at states.
 */
static void consume_requests(struct world *world)
{
    struct book *book = &world->book;
    struct batch *batch = book_batch(book, book->db);
    struct err err = ERR_INIT;

    for (int i = 0; i < WITH_REQUESTS * A_MINUTE; i++) {
        int minute = i / A_MINUTE;
        int which = i % A_MINUTE;
        bool fails = (minute >= 10 && minute < 15) || (minute == 30 && which < A_MINUTE / 2);
        struct coordinate at =
            book_at(book->requests, 0, batch_next_offset(batch, book->requests, 0), BOOK_START_NS);
        struct event event = {.kind = EVENT_REQUEST,
                              .outcome = fails ? OUTCOME_ERROR : OUTCOME_SUCCESS,
                              .time_ns = BOOK_START_NS + minute * NS_PER_MINUTE,
                              .service = STR("api"),
                              .latency_ns = minute == 40 && which < 4 ? NS_PER_SECOND : NS_PER_MS,
                              .latency_threshold_ns = 100 * NS_PER_MS,
                              .weight = 1};

        batch_add_event(batch, &at, &event);
    }
    assert_int_equal(ledger_commit(&book->ledger, batch, &err), ERR_OK);
    batch_free(batch);
}

static void bad_minute_runs(struct contract *contract)
{
    contract->availability.max_error_ratio = (struct limit){true, {1, 100}};
    contract->availability.min_run_ns = 5 * NS_PER_MINUTE;
}

static void five_minutes(struct contract *contract)
{
    contract->availability.slice_s = 300;
    contract->availability.max_error_ratio = (struct limit){true, {1, 100}};
}

static void latency(struct contract *contract)
{
    contract->latency = (struct latency_terms){.present = true,
                                               .target = contract->availability.target,
                                               .max_slow_ratio = {3, 100},
                                               .slice_s = 300};
}

/* What is lost. Of the whole month only the ten hours are measured; the rest is a gap, and excluded. */
static void test_each_method(void **state)
{
    static const struct {
        enum sla_method method;
        void (*terms)(struct contract *contract);
        const char *path, *lost;
    } rows[] = {
        {METHOD_STATE_TIME, NULL, "budget.lost",
         "1575"}, /* 5 + 1 + 20 minutes of major, a quarter of minute 40 */
        {METHOD_REQUEST_RATIO, NULL, "budget.lost", "110"}, /* 5 x 20 + 10 */
        {METHOD_BAD_MINUTE_RUNS, bad_minute_runs, "budget.lost",
         "300"},                                                /* minute 30 is no run of five */
        {METHOD_PROPORTIONAL, NULL, "budget.lost", "330"},      /* 5 x 60 + 60 / 2 */
        {METHOD_TIME_SLICES, five_minutes, "budget.lost", "2"}, /* [10, 15) and [30, 35) */
        {METHOD_RATIO_TIME_SLICES, five_minutes, "budget.lost", "1.1"}, /* 1 + 10/100 */
        {METHOD_MEAN_INTERVAL_ERRORS, five_minutes, "budget.lost", "1.1"},
        {METHOD_REQUEST_RATIO, latency, "latency.budget.lost", "1"}, /* 4 of 100 in [40, 45) */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct world world;
        struct statement_outcome first, second;
        struct contract *contract;
        struct err err = ERR_INIT;

        world_open(&world, 1000);
        consume_requests(&world);
        contract = &world.config->contracts[0];
        contract->availability.method = rows[i].method;
        if (rows[i].terms != NULL) {
            rows[i].terms(contract);
        }
        month_over(&world);
        if (publish(&world, false, &first, &err) != ERR_OK) {
            fail_msg("%s", err.text);
        }
        print_message("%s\n", method_row(rows[i].method)->name);
        assert_false(first.provisional);
        expect_text(&first, rows[i].path, rows[i].lost);
        assert_int_equal(publish(&world, false, &second, &err), ERR_OK);
        assert_string_equal(strbuf_text(&second.document), strbuf_text(&first.document));
        assert_string_equal(world.warnings, "");
        statement_outcome_release(&first);
        statement_outcome_release(&second);
        world_close(&world);
    }
}

static int64_t requests_of(struct world *world, bool summed, size_t *ret_rows)
{
    const struct contract *contract = &world->config->contracts[0];
    int64_t from_s = BOOK_START_NS / NS_PER_SECOND / 86400 * 86400;
    struct arena arena = ARENA_INIT;
    struct statement_input input;
    struct result result;
    struct err err = ERR_INIT;
    int64_t requests;

    assert_int_equal(db_begin_snapshot(world->book.db, &err), ERR_OK);
    assert_int_equal((summed ? input_read_summed : input_read)(
                         world->book.db, 1, contract, from_s, from_s + 86400, &arena, &input, &err),
                     ERR_OK);
    db_rollback(world->book.db);
    assert_true(engine_compute(&input.engine, &arena, &result));
    requests = result.services[0].requests.total;
    *ret_rows = input.engine.services[0].count_count;
    arena_release(&arena);
    return requests;
}

/* Where a method knows no requests they are added up by the hour, but not across a border that lies within it. */
static void test_sums_end_at_borders(void **state)
{
    static const struct {
        int64_t from_s, until_s; /* since the hour began */
        int64_t requests;
        bool few; /* rows */
    } rows[] = {
        {-86400, 86400, 60 * A_MINUTE, true},          {0, 3600, 60 * A_MINUTE, true},
        {17 * 60 + 30, 50 * 60, 32 * A_MINUTE, false}, /* minutes 18 to 49 begin in it */
        {17 * 60, 50 * 60 + 1, 34 * A_MINUTE, false},  {3599, 86400, 0, false},
    };
    struct world world;
    size_t each, summed;

    (void)state;
    world_open(&world, 1000);
    consume_requests(&world);
    month_over(&world);
    world.config->contracts[0].availability.method = METHOD_STATE_TIME;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        world.config->contracts[0].valid_from_s = BOOK_START_NS / NS_PER_SECOND + rows[i].from_s;
        world.config->contracts[0].valid_until_s = BOOK_START_NS / NS_PER_SECOND + rows[i].until_s;
        assert_int_equal(requests_of(&world, false, &each), rows[i].requests);
        assert_int_equal(requests_of(&world, true, &summed), rows[i].requests);
        assert_int_equal(each, WITH_REQUESTS);
        assert_int_equal(summed, rows[i].few ? 1 : WITH_REQUESTS);
    }
    world_close(&world);
}

/* Requests of minutes 200 to 209 that expired before they were read; the loss is accepted. */
static void lose_requests(struct world *world)
{
    struct book *book = &world->book;
    struct batch *batch = batch_new(0);
    struct err err = ERR_INIT;

    batch_begin_partition(batch, book->requests, STR("requests"), STR(""), 2, 5);
    batch_lose(batch, book->requests, 2, 6, BOOK_START_NS + 200 * NS_PER_MINUTE,
               BOOK_START_NS + 210 * NS_PER_MINUTE - 1);
    assert_int_equal(ledger_commit(&book->ledger, batch, &err), ERR_OK);
    batch_free(batch);
}

static int64_t silent_seconds(bool lost)
{
    struct world world;
    struct statement_outcome outcome;
    struct arena arena = ARENA_INIT;
    const struct tree *tree;
    struct err err = ERR_INIT;
    int64_t silent_s;

    world_open(&world, 1000);
    consume_requests(&world);
    if (lost) {
        lose_requests(&world);
    }
    world.config->contracts[0].availability.method = METHOD_BAD_MINUTE_RUNS;
    bad_minute_runs(&world.config->contracts[0]);
    month_over(&world);
    assert_int_equal(publish(&world, false, &outcome, &err), ERR_OK);
    expect_text(&outcome, "budget.lost", "300");
    assert_int_equal(tree_parse(strbuf_view(&outcome.document), &arena, &tree, &err), ERR_OK);
    silent_s = tree_integer(tree, "seconds.no_traffic");
    arena_release(&arena);
    statement_outcome_release(&outcome);
    world_close(&world);
    return silent_s;
}

/* Ten minutes without requests, of which requests were lost: a gap, though the checks of these minutes were fine. */
static void test_lost_requests_are_no_silence(void **state)
{
    (void)state;
    assert_int_equal(silent_seconds(false) - silent_seconds(true), 600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_method),
        cmocka_unit_test(test_sums_end_at_borders),
        cmocka_unit_test(test_lost_requests_are_no_silence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
