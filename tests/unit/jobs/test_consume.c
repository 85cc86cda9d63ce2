/* A consume run from mock broker to ledger: what is counted, where it goes on, and how it ends when something is wrong. */
#include "tests/unit/jobs/consume_world.h"

static void a_drain_counts_every_record_once_and_the_next_one_goes_on(void **state)
{
    struct world world;
    struct consume_result result;

    (void)state;
    open_world(&world, 3);
    send_events(&world, 0, 1000, 2); /* partition 2 stays empty */
    result = drain(&world);
    assert_int_equal(result.records, 1000);
    assert_int_equal(result.tallied, 1000);
    assert_int_equal(result.absent, 0);
    assert_int_equal(ask(&world, TALLIED), 1000);
    assert_int_equal(ask(&world, DRAINED), 3);
    result = drain(&world);
    assert_int_equal(result.records, 0);
    send_events(&world, 1000, 500, 3);
    result = drain(&world);
    assert_int_equal(result.records, 500);
    assert_int_equal(ask(&world, TALLIED), 1500);
    assert_int_equal(ask(&world, COVERED), 1500);
    assert_int_equal(world.fake.request_count,
                     2); /* one schema, asked for by the two runs that saw records */
    close_world(&world);
}

static void small_batches_cover_the_same(void **state)
{
    struct world world;
    struct consume_options options;
    struct consume_result result;
    struct err err = ERR_INIT;

    (void)state;
    open_world(&world, 2);
    send_events(&world, 0, 5000, 2);
    options = options_of(&world);
    options.batch_records_max = 300;
    assert_int_equal(consume_run(&options, &result, &err), ERR_OK);
    assert_int_equal(result.records, 5000);
    /* The first 1,000 are held back, then one batch for each 300 records, and the rest. */
    assert_in_range(result.batches, 14, 15);
    assert_int_equal(ask(&world, TALLIED), 5000);
    assert_int_equal(
        ask(&world,
            "SELECT CAST(MAX(n) AS BIGINT) FROM (SELECT SUM(delivered) AS n FROM batch_range"
            " GROUP BY batch_id) AS sums"),
        1000);
    close_world(&world);
}

static void shards_share_the_partitions(void **state)
{
    struct world world;
    struct consume_result result;
    struct err err = ERR_INIT;
    int64_t records = 0;

    (void)state;
    open_world(&world, 5);
    send_events(&world, 0, 1000, 5);
    for (int32_t shard = 0; shard < 2; shard++) {
        struct consume_options options = options_of(&world);

        options.shard = shard;
        options.shard_count = 2;
        assert_int_equal(consume_run(&options, &result, &err), ERR_OK);
        assert_int_equal(result.records, shard == 0 ? 600 : 400);
        records += result.records;
    }
    assert_int_equal(records, 1000);
    assert_int_equal(ask(&world, TALLIED), 1000);
    assert_int_equal(ask(&world, DRAINED), 5);
    close_world(&world);
}

static void bad_records_are_dead_letters_and_tombstones_are_excluded(void **state)
{
    struct world world;
    struct consume_result result;
    uint8_t value[64];
    size_t size;

    (void)state;
    open_world(&world, 1);
    send_events(&world, 0, 10, 1);
    mock_send(&world.mock, "requests", 0, NULL, 0, TIME_MS);
    mock_send(&world.mock, "requests", 0, "\1bad", 4, TIME_MS);
    size = encode(value, "api", INT64_C(253370764800000), 200, 1); /* year 9999 */
    mock_send(&world.mock, "requests", 0, value, size, TIME_MS);
    size = encode(value, "api", 0, 200, 1); /* January 1970 */
    mock_send(&world.mock, "requests", 0, value, size, TIME_MS);
    size = encode(value, "api", TIME_MS, 200, -1);
    mock_send(&world.mock, "requests", 0, value, size, TIME_MS);
    memcpy(value, "\0\0\0\0\7x", 6); /* a schema nobody knows */
    mock_send(&world.mock, "requests", 0, value, 6, TIME_MS);
    mock_flush(&world.mock);
    result = drain(&world);
    assert_int_equal(result.tallied, 10);
    assert_int_equal(result.excluded, 1);
    assert_int_equal(result.dead_lettered, 5);
    assert_int_equal(ask(&world, "SELECT record_offset FROM dead_letter WHERE reason = "
                                 "'bad_framing' AND length(bytes) = 4"),
                     11);
    assert_int_equal(ask(&world, "SELECT COUNT(*) FROM dead_letter WHERE reason = "
                                 "'time_out_of_range' AND record_offset IN (12, 13)"),
                     2);
    assert_int_equal(ask(&world, "SELECT record_offset FROM dead_letter WHERE reason = "
                                 "'bad_latency'"),
                     14);
    assert_int_equal(ask(&world, "SELECT record_offset FROM dead_letter WHERE reason = "
                                 "'unknown_schema'"),
                     15);
    assert_int_equal(
        ask(&world,
            "SELECT CAST(SUM(records) AS BIGINT) FROM exclusion WHERE reason = 'tombstone'"),
        1);
    close_world(&world);
}

static void the_breaker_stops_a_wrong_mapping_before_anything_is_committed(void **state)
{
    struct world world;
    struct consume_options options;
    struct consume_result result;
    struct err err = ERR_INIT;

    (void)state;
    open_world(&world, 1);
    send_events(&world, 0, 400, 1);
    for (int i = 0; i < 101; i++) {
        mock_send(&world.mock, "requests", 0, "\1bad", 4, TIME_MS);
    }
    send_events(&world, 400, 2000, 1);
    options = options_of(&world);
    options.batch_records_max = 100;
    assert_int_equal(consume_run(&options, &result, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "topic requests: 101 of the first 501 records are bad"));
    assert_non_null(strstr(err.text, "bad_framing"));
    assert_int_equal(ask(&world, BATCHES), 0);
    assert_int_equal(result.records, 0);
    close_world(&world);
}

static void a_hundred_bad_records_are_just_bad_records(void **state)
{
    struct world world;
    struct consume_result result;

    (void)state;
    open_world(&world, 1);
    for (int i = 0; i < 100; i++) {
        mock_send(&world.mock, "requests", 0, "\1bad", 4, TIME_MS);
    }
    send_events(&world, 0, 10, 1);
    result = drain(&world);
    assert_int_equal(result.dead_lettered, 100);
    /* The topic is proven now: from here on bad records never stop a run. */
    for (int i = 0; i < 150; i++) {
        mock_send(&world.mock, "requests", 0, "\1bad", 4, TIME_MS);
    }
    mock_flush(&world.mock);
    result = drain(&world);
    assert_int_equal(result.dead_lettered, 150);
    close_world(&world);
}

static void a_mapping_that_fits_nothing_is_a_configuration_error(void **state)
{
    struct world world;

    (void)state;
    open_world(&world, 1);
    configure(&world, world.mock.servers, NULL,
              "      service: team\n      time: ts\n      outcome: status\n", "");
    send_events(&world, 0, 10, 1);
    expect_failure(&world, ERR_CONFIG, "topic requests, partition 0, offset 0: schema id 1");
    assert_int_equal(ask(&world, BATCHES), 0);
    close_world(&world);
}

static void a_broker_that_cannot_be_reached_ends_the_run(void **state)
{
    struct world world;

    (void)state;
    open_world(&world, 1);
    configure(&world, "127.0.0.1:1", NULL, MAP, "");
    expect_failure(&world, ERR_BROKER, "Connection refused");
    close_world(&world);
}

static void a_registry_that_is_down_ends_the_run_and_nothing_is_lost(void **state)
{
    struct world world;
    struct consume_result result;

    (void)state;
    open_world(&world, 1);
    send_events(&world, 0, 10, 1);
    world.fake.down = true;
    expect_failure(&world, ERR_BROKER, "Connection refused");
    world.fake.down = false;
    result = drain(&world);
    assert_int_equal(result.tallied, 10);
    close_world(&world);
}

static void expired_records_park_their_partition_and_the_others_finish(void **state)
{
    struct world world;
    struct consume_options options;
    struct consume_result result;
    struct err err = ERR_INIT;

    (void)state;
    open_world(&world, 2);
    send_events(&world, 0, 20, 2);
    (void)drain(&world);
    send_events(&world, 20, 20, 2);
    (void)mock_expire(&world.mock, "requests", 1);
    options = options_of(&world);
    assert_int_equal(consume_run(&options, &result, &err), ERR_BROKER);
    assert_non_null(strstr(err.text, "topic requests, partition 1: offsets 10 to "));
    assert_int_equal(result.parked_partitions, 1);
    assert_int_equal(ask(&world, TALLIED), 30);
    assert_int_equal(ask(&world, "SELECT next_offset FROM partition_offset WHERE partition_id = 1"),
                     10);
    close_world(&world);
}

/* Expired before anybody looked is no loss: the ledger begins where the log does. */
static void a_first_start_begins_at_the_lowest_offset_there_is(void **state)
{
    struct world world;
    int64_t origin;

    (void)state;
    open_world(&world, 1);
    send_events(&world, 0, 10, 1);
    (void)mock_expire(&world.mock, "requests", 0);
    (void)drain(&world);
    origin = ask(&world, "SELECT origin FROM partition_offset");
    assert_true(origin > 0);
    assert_int_equal(ask(&world, COVERED), 22 - origin);
    close_world(&world);
}

static void a_start_at_the_latest_offset_leaves_the_past_alone(void **state)
{
    struct world world;
    struct consume_result result;

    (void)state;
    open_world(&world, 1);
    configure(&world, world.mock.servers, NULL, MAP, "    start: latest\n");
    send_events(&world, 0, 10, 1);
    result = drain(&world);
    assert_int_equal(result.records, 0);
    send_events(&world, 10, 5, 1);
    result = drain(&world);
    assert_int_equal(result.records, 5);
    assert_int_equal(ask(&world, "SELECT origin FROM partition_offset"), 10);
    close_world(&world);
}

static void a_topic_that_is_shorter_than_the_ledger_was_replaced(void **state)
{
    struct world world;

    (void)state;
    open_world(&world, 1);
    send_events(&world, 0, 10, 1);
    (void)drain(&world);
    (void)ask(&world, "SELECT COUNT(*) FROM partition_offset");
    {
        struct err err = ERR_INIT;

        assert_int_equal(db_exec(world.db, "UPDATE partition_offset SET next_offset = 50", &err),
                         ERR_OK);
    }
    expect_failure(&world, ERR_BROKER,
                   "the ledger stands at offset 50 but the broker's log ends at 10");
    close_world(&world);
}

/* A hundred events from number `first` on over all partitions, each of them again on the next partition: the retries of a producer whose first attempt had
 * gone through. The id is the latency, so that the schema stays as it is. */
static void send_copies(struct world *world, int first, int partition_count)
{
    for (int copy = 0; copy < 2; copy++) {
        for (int i = first; i < first + 100; i++) {
            uint8_t value[64];
            int64_t time_ms = TIME_MS + 1000 * (int64_t)i;
            size_t size = encode(value, "api", time_ms, 200, i);

            mock_send(&world->mock, "requests", (i + copy) % partition_count, value, size,
                      time_ms + copy);
        }
    }
    mock_flush(&world->mock);
}

static void copies_count_once_in_batches_of_any_size(void **state)
{
    static const int64_t sizes[] = {1000000, 1, 30};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct world world;
        struct consume_options options;
        struct consume_result result;
        struct err err = ERR_INIT;

        open_world(&world, 3);
        configure(&world, world.mock.servers, NULL, MAP "      event_id: us\n",
                  "    duplicates: {group: edge, horizon: 1h, count: 1000}\n");
        send_copies(&world, 0, 3);
        assert_int_equal(drain(&world).duplicate, 100);
        /* The topic is proven now, so that batches are as small as they are asked to be. The first hundred come once more. */
        send_copies(&world, 0, 3);
        send_copies(&world, 100, 3);
        options = options_of(&world);
        options.batch_records_max = sizes[i];
        assert_int_equal(consume_run(&options, &result, &err), ERR_OK);
        assert_int_equal(result.records, 400);
        assert_int_equal(result.tallied, 100);
        assert_int_equal(result.duplicate, 300);
        assert_int_equal(result.without_id, 0);
        assert_int_equal(ask(&world, TALLIED), 200);
        assert_int_equal(ask(&world, "SELECT COUNT(*) FROM duplicate"), 400);
        close_world(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_drain_counts_every_record_once_and_the_next_one_goes_on),
        cmocka_unit_test(small_batches_cover_the_same),
        cmocka_unit_test(shards_share_the_partitions),
        cmocka_unit_test(bad_records_are_dead_letters_and_tombstones_are_excluded),
        cmocka_unit_test(the_breaker_stops_a_wrong_mapping_before_anything_is_committed),
        cmocka_unit_test(a_hundred_bad_records_are_just_bad_records),
        cmocka_unit_test(a_mapping_that_fits_nothing_is_a_configuration_error),
        cmocka_unit_test(a_broker_that_cannot_be_reached_ends_the_run),
        cmocka_unit_test(a_registry_that_is_down_ends_the_run_and_nothing_is_lost),
        cmocka_unit_test(expired_records_park_their_partition_and_the_others_finish),
        cmocka_unit_test(a_first_start_begins_at_the_lowest_offset_there_is),
        cmocka_unit_test(a_start_at_the_latest_offset_leaves_the_past_alone),
        cmocka_unit_test(a_topic_that_is_shorter_than_the_ledger_was_replaced),
        cmocka_unit_test(copies_count_once_in_batches_of_any_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
