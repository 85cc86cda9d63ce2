/* A consume run whose world does not stand still: records that arrive between two questions, signals and rivals at bad moments. */
#include <signal.h>

#include "aggregator/fold.h"
#include "consumers/source.h"
#include "jobs/pipeline/consume_state.h"
#include "tests/unit/jobs/consume_world.h"

/* The broker's source with one answer replaced; the calls of a source are its own copy. */
struct meddled {
    struct world *world;
    struct source *source;
    enum err_code (*watermarks)(struct source *source, const struct source_partition *partitions,
                                size_t count, struct source_watermarks *ret_watermarks,
                                struct err *err);
    int calls;
};

static struct meddled meddled;

static void meddle(struct world *world,
                   enum err_code (*watermarks)(struct source *, const struct source_partition *,
                                               size_t, struct source_watermarks *, struct err *))
{
    static const char *const topics[] = {"requests"};
    struct source_options options = {.bootstrap_servers = world->mock.servers,
                                     .topics = topics,
                                     .topic_count = 1,
                                     .request_timeout_ns = 2 * NS_PER_SECOND,
                                     .clock = clock_system()};
    struct err err = ERR_INIT;

    meddled = (struct meddled){.world = world};
    if (source_kafka_open(&options, &meddled.source, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    meddled.watermarks = meddled.source->watermarks;
    if (watermarks != NULL) {
        meddled.source->watermarks = watermarks;
    }
}

/* Behind every answer about the ends of logs somebody writes on. */
static enum err_code answer_then_write(struct source *source,
                                       const struct source_partition *partitions, size_t count,
                                       struct source_watermarks *ret_watermarks, struct err *err)
{
    enum err_code code = meddled.watermarks(source, partitions, count, ret_watermarks, err);

    send_events(meddled.world, 1000 + 2 * meddled.calls++, 2, 2);
    return code;
}

/* A topic that is written to all the time: each drain ends where the log ended at its start, and everything written before that start
 * is in. If the note aimed behind the drain's own aim, complete-until would stand still for ever. */
static void a_drain_of_a_busy_topic_notes_how_far_it_came(void **state)
{
    struct world world;
    struct consume_options options;
    struct consume_result result;
    int64_t start_ns;

    (void)state;
    open_world(&world, 2);
    send_events(&world, 0, 100, 2);
    meddle(&world, answer_then_write);
    options = options_of(&world);
    options.source = meddled.source;
    start_ns = clock_now_ns(clock_system());
    result = run_through(&options);
    assert_true(meddled.calls > 0);
    assert_int_equal(result.records, 100);
    assert_int_equal(ask(&world, DRAINED), 2);
    assert_true(ask(&world, "SELECT MIN(drained_ns) FROM partition_offset") >= start_ns);
    meddled.source->close(meddled.source);
    close_world(&world);
}

/* The registry knows schema 1, has trouble with every other one, and while we wait for it the platform wants us gone. */
static enum err_code trouble_and_sigterm(struct http *http, const struct http_request *request,
                                         int *ret_status, struct strbuf *body, struct err *err)
{
    if (strstr(request->url, "/schemas/ids/1") != NULL) {
        return fake_perform(http, request, ret_status, body, err);
    }
    stop_set(SIGTERM);
    *ret_status = 503;
    return ERR_OK;
}

static void a_signal_while_the_registry_is_waited_for_ends_with_a_commit(void **state)
{
    struct world world;
    struct consume_options options;
    struct consume_result result;

    (void)state;
    open_world(&world, 1);
    send_events(&world, 0, 1500, 1);
    mock_send(&world.mock, "requests", 0, "\0\0\0\0\2x", 6, TIME_MS);
    mock_flush(&world.mock);
    world.fake.http.perform = trouble_and_sigterm;
    options = options_of(&world);
    result = run_through(&options);
    assert_true(result.interrupted);
    assert_int_equal(result.records, 1500);
    assert_int_equal(ask(&world, COVERED), 1500);
    stop_set(0);
    close_world(&world);
}

static void a_signal_before_the_broker_has_answered_is_no_failure(void **state)
{
    struct world world;
    struct consume_options options;
    struct consume_result result;

    (void)state;
    open_world(&world, 1);
    configure(&world, "127.0.0.1:1", NULL, MAP, "");
    options = options_of(&world);
    stop_set(SIGTERM);
    result = run_through(&options);
    assert_true(result.interrupted);
    stop_set(0);
    close_world(&world);
}

/* Between our question for the end of the log and our look at the ledger another run reads and commits what was written since. */
static enum err_code answer_then_be_overtaken(struct source *source,
                                              const struct source_partition *partitions,
                                              size_t count,
                                              struct source_watermarks *ret_watermarks,
                                              struct err *err)
{
    enum err_code code = meddled.watermarks(source, partitions, count, ret_watermarks, err);

    if (meddled.calls++ == 0) {
        send_events(meddled.world, 100, 50, 1);
        assert_int_equal(drain(meddled.world).records, 150);
    }
    return code;
}

static void a_ledger_that_is_ahead_of_an_old_answer_is_no_replaced_topic(void **state)
{
    struct world world;
    struct consume_options options;
    struct consume_result result;

    (void)state;
    open_world(&world, 1);
    send_events(&world, 0, 100, 1);
    meddle(&world, answer_then_be_overtaken);
    options = options_of(&world);
    options.source = meddled.source;
    result = run_through(&options);
    assert_int_equal(result.records, 0);
    assert_int_equal(ask(&world, COVERED), 150);
    meddled.source->close(meddled.source);
    close_world(&world);
}

/* A minute is over in a second, for those who ask this clock. */
static int64_t hurried_ns(struct clock *clock)
{
    (void)clock;
    return 60 * clock_monotonic_ns(clock_system());
}

static enum err_code (*start_partition)(struct source *source, struct source_partition partition,
                                        int64_t offset, struct err *err);

static enum err_code start_without_leader(struct source *source, struct source_partition partition,
                                          int64_t offset, struct err *err)
{
    /* Its last record is looked at first: is it the same topic? */
    if (partition.partition == 0 && ++meddled.calls == 2) {
        assert_int_equal(rd_kafka_mock_partition_set_leader(meddled.world->mock.cluster, "requests",
                                                            0, RD_KAFKA_PARTITION_UA),
                         0);
    }
    return start_partition(source, partition, offset, err);
}

/* All brokers are up, so nobody complains. What the other partitions have is committed. */
static void a_drain_does_not_wait_for_ever_for_a_partition_without_a_leader(void **state)
{
    struct clock hurried = *clock_system();
    struct world world;
    struct consume_options options;
    struct consume_result result;
    struct err err = ERR_INIT;

    (void)state;
    open_world(&world, 2);
    send_events(&world, 0, 100, 2);
    (void)drain(&world);
    send_events(&world, 100, 100, 2);
    meddle(&world, NULL);
    start_partition = meddled.source->start;
    meddled.source->start = start_without_leader;
    hurried.monotonic_ns = hurried_ns;
    options = options_of(&world);
    options.clock = &hurried;
    options.source = meddled.source;
    assert_int_equal(consume_run(&options, &result, &err), ERR_BROKER);
    assert_non_null(strstr(err.text, "offsets of partitions"));
    assert_int_equal(ask(&world, TALLIED), 150);
    meddled.source->close(meddled.source);
    close_world(&world);
}

static enum err_code (*give_items)(struct source *source, int64_t timeout_ns,
                                   const struct source_taker *taker, size_t *ret_count,
                                   struct err *err);

/* Before each giving a notice that the offset is not there, and a record of which that is not true. */
static enum err_code give_behind_a_notice(struct source *source, int64_t timeout_ns,
                                          const struct source_taker *taker, size_t *ret_count,
                                          struct err *err)
{
    enum { NOTICES = 8, SEEN = 2 }; /* of a giving with something in it: the record and the end */
    const struct source_item notice = {.kind = SOURCE_EXPIRED};
    size_t seen = 0;

    if (meddled.calls == NOTICES) {
        stop_set(SIGTERM);
        return give_items(source, timeout_ns, taker, ret_count, err);
    }
    if (taker->take(taker->context, &notice, err) != ERR_OK) {
        return err->code;
    }
    send_events(meddled.world, 10 + meddled.calls++, 1, 1);
    for (int i = 0; i < 50 && seen < SEEN; i++) {
        if (give_items(source, timeout_ns, taker, ret_count, err) != ERR_OK) {
            return err->code;
        }
        seen += *ret_count;
    }
    return ERR_OK;
}

/* A leader that did not know better is asked again, a few times in a row: not a few times in the life of a run. */
static void a_run_outlives_any_number_of_wrong_notices(void **state)
{
    struct world world;
    struct consume_options options;
    struct consume_result result;

    (void)state;
    open_world(&world, 1);
    send_events(&world, 0, 10, 1);
    meddle(&world, NULL);
    give_items = meddled.source->give;
    meddled.source->give = give_behind_a_notice;
    options = options_of(&world);
    options.follow = true;
    options.source = meddled.source;
    result = run_through(&options);
    assert_int_equal(result.records, 18);
    stop_set(0);
    meddled.source->close(meddled.source);
    close_world(&world);
}

static enum err_code stop_nothing(struct source *source, struct source_partition partition,
                                  struct err *err)
{
    (void)source, (void)partition, (void)err;
    return ERR_OK;
}

/* The limit for an assignment is one for each wait, not for the run: a drain that has taken longer than that would fail at the next
 * member that comes or goes. */
static void the_wait_for_an_assignment_begins_anew_with_each_rebalance(void **state)
{
    struct world world;
    struct consume_options options;
    struct consume_result result = {0};
    struct source source = {.stop = stop_nothing};
    struct lane lane = {.state = LANE_DONE};
    struct intake intake = {.proven = true, .lanes = &lane, .lane_count = 1};
    const struct source_item item = {.kind = SOURCE_REVOKED};
    struct consume run = {.source = &source, .intakes = &intake, .intake_count = 1};
    struct err err = ERR_INIT;
    int64_t now_ns = clock_monotonic_ns(clock_system());

    (void)state;
    open_world(&world, 1);
    options = options_of(&world);
    run.options = &options;
    run.config = world.config;
    run.result = &result;
    run.batch = batch_new(DEAD_LETTER_BYTES_MAX);
    run.grouped = run.assigned = true;
    run.joined_ns = now_ns - NS_PER_HOUR;
    assert_int_equal(consume_revoked(&run, &item, &err), ERR_OK);
    assert_false(run.assigned);
    assert_true(run.joined_ns >= now_ns);
    batch_free(run.batch);
    close_world(&world);
}

static void fold_all(struct world *world)
{
    struct fold_options options = {.db = world->db, .book_id = 1, .holder = "test"};
    struct err err = ERR_INIT;
    struct fold fold;

    fold_init(&fold, &options);
    if (fold_acquire(&fold, &err) != ERR_OK || fold_run(&fold, NULL, NULL, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    fold_release(&fold);
}

/* A producer without a clock stamps its records with 1970. Its events may be near them in time, and still no window holds what was before
 * 1970: hours and minutes of the books are not negative. */
static void an_event_before_1970_is_a_dead_letter(void **state)
{
    struct world world;
    struct consume_result result;
    uint8_t value[64];

    (void)state;
    open_world(&world, 1);
    mock_send(&world.mock, "requests", 0, value, encode(value, "api", -1, 200, 1), 1);
    mock_send(&world.mock, "requests", 0, value, encode(value, "api", 0, 200, 1), 1);
    mock_flush(&world.mock);
    result = drain(&world);
    assert_int_equal(result.tallied, 1);
    assert_int_equal(result.dead_lettered, 1);
    assert_int_equal(ask(&world, "SELECT COUNT(*) FROM dead_letter WHERE reason = "
                                 "'time_out_of_range' AND record_offset = 0"),
                     1);
    fold_all(&world);
    assert_int_equal(ask(&world, "SELECT MIN(hour) FROM window_hour"), 0);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_drain_of_a_busy_topic_notes_how_far_it_came),
        cmocka_unit_test(a_ledger_that_is_ahead_of_an_old_answer_is_no_replaced_topic),
        cmocka_unit_test(a_drain_does_not_wait_for_ever_for_a_partition_without_a_leader),
        cmocka_unit_test(a_run_outlives_any_number_of_wrong_notices),
        cmocka_unit_test(the_wait_for_an_assignment_begins_anew_with_each_rebalance),
        cmocka_unit_test(an_event_before_1970_is_a_dead_letter),
        cmocka_unit_test(a_signal_while_the_registry_is_waited_for_ends_with_a_commit),
        cmocka_unit_test(a_signal_before_the_broker_has_answered_is_no_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
