/* What windows keep beyond counts: which requests count in it, what cannot be true of it, and its way through the store. */
#include "tests/unit/aggregator/world.h"

#include "aggregator/windows.h"

static const int64_t limits_ns[] = {100 * NS_PER_MS, 250 * NS_PER_MS};
static const struct particulars_wanted both = {
    .times = true, .limits_ns = limits_ns, .limit_count = 2};

static struct event request(int64_t time_ns, enum outcome outcome, int64_t latency_ns)
{
    return (struct event){.kind = EVENT_REQUEST,
                          .outcome = outcome,
                          .time_ns = time_ns,
                          .service = STR("shop"),
                          .latency_ns = latency_ns,
                          .latency_threshold_ns = LATENCY_THRESHOLD_NONE,
                          .weight = 1,
                          .wanted = &both};
}

static void add(struct tally *tally, struct event event)
{
    window_tally_add(&tally->window, &event);
}

/* Exactly the limit is not above it; failures, however fast, say nothing of latency; nor does an unknown one. */
static void test_limits(void **state)
{
    struct tally tally;
    struct event sampled = request(0, OUTCOME_SUCCESS, 250 * NS_PER_MS + 1);
    const struct limit_minute *low, *high;

    (void)state;
    tally_init(&tally);
    sampled.weight = 5;
    add(&tally, request(0, OUTCOME_SUCCESS, 100 * NS_PER_MS));
    add(&tally, request(NS_PER_MINUTE - 1, OUTCOME_SUCCESS, 100 * NS_PER_MS + 1));
    add(&tally, sampled);
    add(&tally, request(7, OUTCOME_ERROR, 1));
    add(&tally, request(7, OUTCOME_ERROR, NS_PER_SECOND));
    add(&tally, request(7, OUTCOME_SUCCESS, LATENCY_UNKNOWN));
    low = &particulars_limit(&tally.window.particulars, 100 * NS_PER_MS)->minutes[0];
    high = &particulars_limit(&tally.window.particulars, 250 * NS_PER_MS)->minutes[0];
    assert_int_equal(low->records, 6);
    assert_int_equal(low->known, 7);
    assert_int_equal(low->over, 6);
    assert_int_equal(high->records, 6);
    assert_int_equal(high->known, 7);
    assert_int_equal(high->over, 5);
    assert_null(particulars_limit(&tally.window.particulars, 100 * NS_PER_MS + 1));
    tally_check(TALLY_WINDOW, &tally);
    tally_release(TALLY_WINDOW, &tally);
}

/* Times in any order, at the first and the last nanosecond of a minute, and before 1970. */
static void test_times(void **state)
{
    static const int64_t starts_ns[] = {0, 59 * NS_PER_MINUTE, -NS_PER_HOUR, -NS_PER_MINUTE};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(starts_ns); i++) {
        int64_t start_ns = starts_ns[i];
        struct tally tally;
        const struct times_minute *times;

        tally_init(&tally);
        add(&tally, request(start_ns + 500, OUTCOME_SUCCESS, 1));
        add(&tally, request(start_ns, OUTCOME_SUCCESS, 1));
        add(&tally, request(start_ns + NS_PER_MINUTE - 1, OUTCOME_ERROR, 1));
        add(&tally, request(start_ns + 300, OUTCOME_SUCCESS, 1));
        times = &tally.window.particulars.times[tally_minute(start_ns)];
        assert_int_equal(times->ok, 3);
        assert_int_equal(times->failed, 1);
        assert_int_equal(times->first_ok_ns, 0);
        assert_int_equal(times->last_ok_ns, 500);
        assert_int_equal(times->first_failed_ns, NS_PER_MINUTE - 1);
        assert_int_equal(times->last_failed_ns, NS_PER_MINUTE - 1);
        tally_check(TALLY_WINDOW, &tally);
        tally_release(TALLY_WINDOW, &tally);
    }
}

/* Nothing is kept of those who ask for nothing: the very bytes of before. */
static void test_nothing_wanted(void **state)
{
    struct event event = request(5, OUTCOME_SUCCESS, 1);
    struct tally tally;
    struct strbuf packed;

    (void)state;
    event.wanted = NULL;
    tally_init(&tally);
    add(&tally, event);
    assert_true(particulars_empty(&tally.window.particulars));
    strbuf_init(&packed, 1000);
    tally_pack(TALLY_WINDOW, &tally, &packed);
    assert_int_equal(packed.data[0], 1);
    strbuf_release(&packed);
    tally_release(TALLY_WINDOW, &tally);
}

/* Two successes, one of them slow, and a failure; and what somebody may have written over it. Each would be a wrong figure, or a crash of a method that
 * trusts it. */
static void test_what_cannot_be(void **state)
{
    static const struct {
        const char *what;
        size_t offset; /* of a number in minute 0 of `which` */
        char which;    /* times, limit, hour of the limit */
        int64_t value;
    } rows[] = {
        {"more records than the window", offsetof(struct limit_minute, records), 'l', 4},
        {"none, but a known latency", offsetof(struct limit_minute, records), 'l', 0},
        {"negative records", offsetof(struct limit_minute, records), 'l', -1},
        {"more latencies than successes", offsetof(struct limit_minute, known), 'l', 3},
        {"all records, but not their latencies", offsetof(struct limit_minute, known), 'l', 1},
        {"more above than known", offsetof(struct limit_minute, over), 'l', 3},
        {"negative above", offsetof(struct limit_minute, over), 'l', -1},
        {"no limit", offsetof(struct limit_hour, limit_ns), 'h', 0},
        {"a limit like the next", offsetof(struct limit_hour, limit_ns), 'h', 250 * NS_PER_MS},
        {"more successes than counted", offsetof(struct times_minute, ok), 't', 3},
        {"negative successes", offsetof(struct times_minute, ok), 't', -1},
        {"more failures than counted", offsetof(struct times_minute, failed), 't', 2},
        {"the last before the first", offsetof(struct times_minute, last_ok_ns), 't', 1},
        {"not of this minute", offsetof(struct times_minute, last_failed_ns), 't', NS_PER_MINUTE},
        {"before this minute", offsetof(struct times_minute, first_ok_ns), 't', -1},
        {"times without a failure", offsetof(struct times_minute, failed), 't', 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct tally tally;
        const struct window_tally *window = &tally.window;
        char *base;

        tally_init(&tally);
        add(&tally, request(10, OUTCOME_SUCCESS, 1));
        add(&tally, request(20, OUTCOME_SUCCESS, NS_PER_SECOND));
        add(&tally, request(30, OUTCOME_ERROR, 1));
        assert_true(particulars_valid(&window->particulars, window->minutes));
        base = rows[i].which == 't'   ? (char *)window->particulars.times
               : rows[i].which == 'h' ? (char *)window->particulars.limits
                                      : (char *)window->particulars.limits[0].minutes;
        print_message("%s\n", rows[i].what);
        memcpy(base + rows[i].offset, &rows[i].value, sizeof(int64_t));
        assert_false(particulars_valid(&window->particulars, window->minutes));
        tally_release(TALLY_WINDOW, &tally);
    }
}

/* All failed: a window that counts every record here has no times of a success. */
static void test_failure_without_times(void **state)
{
    struct tally tally;

    (void)state;
    tally_init(&tally);
    add(&tally, request(10, OUTCOME_ERROR, 1));
    assert_true(particulars_valid(&tally.window.particulars, tally.window.minutes));
    tally.window.particulars.times[0] = (struct times_minute){.ok = 1};
    assert_false(particulars_valid(&tally.window.particulars, tally.window.minutes));
    tally_release(TALLY_WINDOW, &tally);
}

static void send(struct book *book, struct batch *batch, const char *customer, int64_t time_ns,
                 enum outcome outcome, const char *id)
{
    struct coordinate at = book_at(book->requests, 0, batch_next_offset(batch, book->requests, 0),
                                   BOOK_START_NS + time_ns);
    struct event event = request(BOOK_START_NS + time_ns, outcome, 200 * NS_PER_MS);

    event.customer = STR(customer);
    event.id = STR(id);
    batch_add_event(batch, &at, &event);
}

static void commit(struct book *book, struct batch *batch)
{
    struct err err = ERR_INIT;

    if (ledger_commit(&book->ledger, batch, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    batch_clear(batch);
}

/* A batch is committed when it is large, and what it keeps of particulars is a good part of it. */
static void test_batches_know_their_size(void **state)
{
    struct batch *batches[2];
    struct book book;

    (void)state;
    book_open(&book);
    for (int i = 0; i < 2; i++) {
        struct event event = request(BOOK_START_NS, OUTCOME_SUCCESS, 1);
        struct coordinate at = book_at(book.requests, 0, 0, BOOK_START_NS);

        batches[i] = book_batch(&book, book.db);
        event.wanted = i == 0 ? NULL : &both;
        batch_add_event(batches[i], &at, &event);
    }
    assert_int_equal(batch_size(batches[1]) - batch_size(batches[0]),
                     TALLY_MINUTES * sizeof(struct times_minute) + 2 * sizeof(struct limit_hour));
    for (int i = 0; i < 2; i++) {
        batch_free(batches[i]);
    }
    book_close(&book);
}

/* Two batches, two customers, a copy of an event in each of them, folded row by row: once each, all added up. */
static void test_through_the_store(void **state)
{
    struct minute_particulars *particulars;
    struct minute *minutes;
    struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct id_group group = {.name = STR("ids"), .horizon_ns = NS_PER_HOUR, .count_max = 100};
    struct book book;
    struct batch *batch;
    int64_t start = BOOK_START_NS / NS_PER_MINUTE;

    (void)state;
    book_open(&book);
    group.stream_ids = &book.requests;
    group.stream_count = 1;
    book.ledger.groups = &group;
    book.ledger.group_count = 1;
    batch = book_batch(&book, book.db);
    batch_set_group(batch, book.requests, 0, STR("ids"));
    send(&book, batch, "acme", 5 * NS_PER_SECOND, OUTCOME_SUCCESS, "a");
    send(&book, batch, "acme", 5 * NS_PER_SECOND, OUTCOME_SUCCESS, "a");
    send(&book, batch, "globex", 9 * NS_PER_SECOND, OUTCOME_ERROR, "");
    commit(&book, batch);
    send(&book, batch, "acme", 5 * NS_PER_SECOND, OUTCOME_SUCCESS, "a");
    send(&book, batch, "globex", 2 * NS_PER_SECOND, OUTCOME_SUCCESS, "b");
    send(&book, batch, "", NS_PER_MINUTE, OUTCOME_ERROR, "c");
    commit(&book, batch);
    batch_free(batch);
    world_fold_all(book.db, "a", 1);
    assert_int_equal(
        windows_minutes(book.db, 1, STR("shop"), start, start + 2, &arena, &minutes, &err), ERR_OK);
    assert_int_equal(windows_particulars(book.db, 1, STR("shop"), start, start + 2, 250 * NS_PER_MS,
                                         &arena, &particulars, &err),
                     ERR_OK);
    assert_int_equal(minutes[0].counts.records, 3);
    assert_int_equal(particulars[0].times.ok, 2);
    assert_int_equal(particulars[0].times.failed, 1);
    assert_int_equal(particulars[0].times.first_ok_ns, 2 * NS_PER_SECOND);
    assert_int_equal(particulars[0].times.last_ok_ns, 5 * NS_PER_SECOND);
    assert_int_equal(particulars[0].times.first_failed_ns, 9 * NS_PER_SECOND);
    assert_int_equal(particulars[0].limit.records, 3);
    assert_int_equal(particulars[0].limit.known, 2);
    assert_int_equal(particulars[0].limit.over, 0);
    assert_int_equal(particulars[1].times.failed, 1);
    assert_int_equal(particulars[1].limit.known, 0);
    /* Nobody asked for that limit, so nothing of it is there. */
    assert_int_equal(windows_particulars(book.db, 1, STR("shop"), start, start + 2, 1, &arena,
                                         &particulars, &err),
                     ERR_OK);
    assert_int_equal(particulars[0].limit.records, 0);
    arena_release(&arena);
    book_close(&book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_nothing_wanted),
        cmocka_unit_test(test_what_cannot_be),
        cmocka_unit_test(test_failure_without_times),
        cmocka_unit_test(test_batches_know_their_size),
        cmocka_unit_test(test_through_the_store),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
