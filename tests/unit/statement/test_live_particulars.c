/*
 * Live statements by methods that need more of a minute than its counts: what the books kept makes the figure, and what they did not keep is said.
 *
 * Requests of service api on October 1st 2026, beside ten hours of checks (publish_world.h): one a second, at half of it, in minutes 0 to 29.
 */
#include "tests/unit/statement/publish_world.h"

#include "base/civil.h"

enum { WITH_REQUESTS = 30 };

static const int64_t half_second_ns[] = {500 * NS_PER_MS};
static const struct particulars_wanted everything = {
    .times = true, .limits_ns = half_second_ns, .limit_count = 1};

/* Seconds 330 to 449 fail; in minute 10 three of 60 take exactly half a second, in minute 20 four take longer. */
static struct event request(int second)
{
    int minute = second / 60;
    bool slow = minute == 20 && second % 60 < 4;

    return (struct event){.kind = EVENT_REQUEST,
                          .outcome =
                              second >= 330 && second < 450 ? OUTCOME_ERROR : OUTCOME_SUCCESS,
                          .time_ns = BOOK_START_NS + second * NS_PER_SECOND + 500 * NS_PER_MS,
                          .service = STR("api"),
                          .latency_ns = slow                               ? 500 * NS_PER_MS + 1
                                        : minute == 10 && second % 20 == 0 ? 500 * NS_PER_MS
                                                                           : NS_PER_MS,
                          .latency_threshold_ns = LATENCY_THRESHOLD_NONE,
                          .weight = 1,
                          .wanted = &everything};
}

/* Minutes [from, to); every `step`-th second, from `first` on; wanted: what the consumer that read them knew. */
static void consume_requests(struct world *world, int from, int to, int first, int step,
                             const struct particulars_wanted *wanted)
{
    struct book *book = &world->book;
    struct batch *batch = book_batch(book, book->db);
    struct err err = ERR_INIT;

    for (int second = from * 60 + first; second < to * 60; second += step) {
        struct coordinate at =
            book_at(book->requests, 0, batch_next_offset(batch, book->requests, 0), BOOK_START_NS);
        struct event event = request(second);

        event.wanted = wanted;
        batch_add_event(batch, &at, &event);
    }
    assert_int_equal(ledger_commit(&book->ledger, batch, &err), ERR_OK);
    batch_free(batch);
}

/* One more success, read late. */
static void send_late(struct world *world, int second)
{
    struct book *book = &world->book;
    struct batch *batch = book_batch(book, book->db);
    struct event event = request(second);
    struct err err = ERR_INIT;
    struct coordinate at =
        book_at(book->requests, 1, batch_next_offset(batch, book->requests, 1), BOOK_START_NS);

    event.outcome = OUTCOME_SUCCESS;
    batch_add_event(batch, &at, &event);
    assert_int_equal(ledger_commit(&book->ledger, batch, &err), ERR_OK);
    batch_free(batch);
    aggregate(world);
}

static void total_failure(struct contract *contract)
{
    contract->availability.method = METHOD_TOTAL_FAILURE_RUNS;
    contract->availability.min_run_ns = NS_PER_MINUTE;
}

static void percentile(struct contract *contract)
{
    contract->availability.method = METHOD_TIME_SLICES;
    contract->availability.slice_s = 60;
    contract->availability.percentile = (struct limit){true, {95, 100}};
    contract->availability.below_ns = half_second_ns[0];
}

static void open(struct world *world, void (*terms)(struct contract *contract))
{
    world_open(world, 1000);
    terms(&world->config->contracts[0]);
}

/* From second 329.5, the last success, to 450.5. One of four in minute 20 is too slow, 4 of 60 where 3 may. */
static void test_figures(void **state)
{
    static const struct {
        void (*terms)(struct contract *contract);
        const char *lost, *said;
    } rows[] = {{total_failure, "121", "Method total_failure_runs: "},
                {percentile, "1",
                 "A slice is bad if percentile 95 of the latency of its good requests is above "
                 "500 ms"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct world world;
        struct statement_outcome outcome;
        struct err err = ERR_INIT;

        open(&world, rows[i].terms);
        /* Two consumers, each second one: their batches overlap in every minute. */
        consume_requests(&world, 0, WITH_REQUESTS, 0, 2, &everything);
        consume_requests(&world, 0, WITH_REQUESTS, 1, 2, &everything);
        month_over(&world);
        if (publish(&world, false, &outcome, &err) != ERR_OK) {
            fail_msg("%s", err.text);
        }
        assert_false(outcome.provisional);
        expect_text(&outcome, "budget.lost", rows[i].lost);
        assert_non_null(strstr(strbuf_text(&outcome.document), rows[i].said));
        statement_outcome_release(&outcome);
        world_close(&world);
    }
}

static void refused(struct world *world, const char *words)
{
    struct statement_outcome outcome;
    struct err err = ERR_INIT;

    assert_int_equal(publish(world, false, &outcome, &err), ERR_CONFIG);
    assert_false(outcome.present);
    assert_string_equal(err.text, words);
    assert_int_equal(book_number(world->book.db, "SELECT COUNT(*) FROM statement"), 0);
    statement_outcome_release(&outcome);
}

/* Nobody is told a figure that the books cannot give: of no minute, of some, or of some requests of one. */
static void test_what_was_not_kept(void **state)
{
    struct world world;

    (void)state;
    open(&world, total_failure);
    consume_requests(&world, 0, 5, 0, 1, NULL);
    consume_requests(&world, 5, WITH_REQUESTS, 0, 1, &everything);
    consume_requests(&world, 7, 8, 59, 1, NULL);
    month_over(&world);
    refused(&world, "acme: service api: of requests from 2026-10-01T00:00:00Z to "
                    "2026-10-01T00:08:00Z the store did not keep what method total_failure_runs "
                    "needs, because they were read before a contract asked for it; let valid_from "
                    "lie behind them, or measure with evaluate and times from elsewhere");
    world_close(&world);
}

/* Another limit is another question. */
static void test_another_limit(void **state)
{
    struct world world;

    (void)state;
    open(&world, percentile);
    world.config->contracts[0].availability.below_ns++;
    consume_requests(&world, 3, 5, 0, 1, &everything);
    month_over(&world);
    refused(&world, "acme: service api: of requests from 2026-10-01T00:03:00Z to "
                    "2026-10-01T00:05:00Z the store did not keep what availability.latency needs, "
                    "because they were read before a contract asked for it; let valid_from lie "
                    "behind them");
    world_close(&world);
}

/* A contract that begins behind what was not kept is measured. What lies before is not looked at: the run of failures, whose start is not known,
 * begins with the contract. */
static void test_a_contract_that_begins_later(void **state)
{
    struct world world;
    struct statement_outcome outcome;
    struct err err = ERR_INIT;

    (void)state;
    open(&world, total_failure);
    world.config->contracts[0].valid_from_s = BOOK_START_NS / NS_PER_SECOND + 6 * 60;
    consume_requests(&world, 0, 6, 0, 1, NULL);
    consume_requests(&world, 6, WITH_REQUESTS, 0, 1, &everything);
    month_over(&world);
    assert_int_equal(publish(&world, false, &outcome, &err), ERR_OK);
    expect_text(&outcome, "budget.lost", "90.5");
    statement_outcome_release(&outcome);
    world_close(&world);
}

/* Nor what lies behind its end. */
static void test_a_contract_that_ended(void **state)
{
    struct world world;
    struct statement_outcome outcome;
    struct err err = ERR_INIT;

    (void)state;
    open(&world, total_failure);
    world.config->contracts[0].valid_until_s = BOOK_START_NS / NS_PER_SECOND + 7 * 60;
    consume_requests(&world, 0, 7, 0, 1, &everything);
    consume_requests(&world, 7, WITH_REQUESTS, 0, 1, NULL);
    month_over(&world);
    assert_int_equal(publish(&world, false, &outcome, &err), ERR_OK);
    expect_text(&outcome, "budget.lost", "90.5"); /* from 329.5 to 420 */
    statement_outcome_release(&outcome);
    world_close(&world);
}

/* Late events change an issued statement like any other; of one whose consumer did not know the contract it is said that nothing can be told. */
static void test_late_events(void **state)
{
    struct world world;
    struct statement_outcome outcome;
    struct err err = ERR_INIT;

    (void)state;
    open(&world, total_failure);
    consume_requests(&world, 0, WITH_REQUESTS, 0, 1, &everything);
    month_over(&world);
    assert_int_equal(publish(&world, false, &outcome, &err), ERR_OK);
    statement_outcome_release(&outcome);
    send_late(&world, 390);
    assert_int_equal(publish(&world, false, &outcome, &err), ERR_OK);
    expect_text(&outcome, "budget.lost", "121"); /* 61 and 60 */
    assert_int_equal(book_number(world.book.db, "SELECT COUNT(*) FROM statement"), 1);
    statement_outcome_release(&outcome);
    send_late(&world, 391);
    assert_int_equal(publish(&world, false, &outcome, &err), ERR_OK);
    expect_text(&outcome, "budget.lost", "61");
    statement_outcome_release(&outcome);
    consume_requests(&world, 41, 42, 0, 60, NULL);
    aggregate(&world);
    assert_int_equal(publish(&world, false, &outcome, &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "from 2026-10-01T00:41:00Z to 2026-10-01T00:42:00Z"));
    assert_int_equal(book_number(world.book.db, "SELECT COUNT(*) FROM statement"), 2);
    statement_outcome_release(&outcome);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_what_was_not_kept),
        cmocka_unit_test(test_another_limit),
        cmocka_unit_test(test_a_contract_that_begins_later),
        cmocka_unit_test(test_a_contract_that_ended),
        cmocka_unit_test(test_late_events),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
