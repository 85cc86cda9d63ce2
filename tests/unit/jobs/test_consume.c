/* A consume run from mock broker to ledger: what is counted, where it goes on, and how it ends when something is wrong. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "aggregator/store.h"
#include "jobs/pipeline/consume.h"
#include "jobs/stop.h"
#include "tests/unit/fake_registry.h"
#include "tests/unit/mock_broker.h"

#define TIME_MS INT64_C(1790000000000)

/* A cluster with the topic "requests", a registry with its schema as id 1, and a store. */
struct world {
    struct mock_broker mock;
    struct fake_registry fake;
    char folder[64];
    struct config *config;
    struct db *db;
    int64_t book_id;
    struct random random;
};

static void open_store(struct world *world)
{
    char path[128];
    struct db_options options = {
        .path = path, .create = true, .lock_wait_ns = NS_PER_SECOND, .clock = clock_system()};
    struct err err = ERR_INIT;

    (void)snprintf(path, sizeof(path), "%s/uptally.db", world->folder);
    if (db_open(&options, &world->db, &err) != ERR_OK || store_migrate(world->db, &err) != ERR_OK ||
        store_book(world->db, "live", &world->book_id, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
}

/* map: the lines behind "map:"; more: further lines of the topic. */
static void configure(struct world *world, const char *servers, const char *group, const char *map,
                      const char *more)
{
    struct strbuf text;
    struct err err = ERR_INIT;

    config_free(world->config);
    strbuf_init(&text, 10000);
    strbuf_append_format(&text,
                         "store: {sqlite: x.db}\n"
                         "cluster:\n  name: test\n  bootstrap_servers: \"%s\"\n%s%s\n"
                         "registry: {url: \"" FAKE_REGISTRY_URL "\", retry: 1s}\n"
                         "topics:\n  - name: requests\n    kind: requests\n%s    map:\n%s",
                         servers, group != NULL ? "  group: " : "", group != NULL ? group : "",
                         more, map);
    if (config_parse(strbuf_view(&text), "test.yaml", &world->config, &err) != ERR_OK) {
        fail_msg("%s\n%s", err.text, strbuf_text(&text));
    }
    strbuf_release(&text);
}

#define MAP                                                                                        \
    "      service: service\n      time: ts\n      outcome: status\n      latency: {path: us, "    \
    "unit: us}\n"

static void open_world(struct world *world, int partition_count)
{
    *world = (struct world){.fake = FAKE_REGISTRY_INIT, .folder = "/tmp/uptally-consume-XXXXXX"};
    assert_non_null(mkdtemp(world->folder));
    world->fake.answers[0].path = "/schemas/ids/1";
    world->fake.answers[0].status = 200;
    world->fake.answers[0].body =
        "{\"schema\":\"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"R\\\",\\\"fields\\\":["
        "{\\\"name\\\":\\\"service\\\",\\\"type\\\":\\\"string\\\"},"
        "{\\\"name\\\":\\\"ts\\\",\\\"type\\\":{\\\"type\\\":\\\"long\\\",\\\"logicalType\\\":"
        "\\\"timestamp-millis\\\"}},"
        "{\\\"name\\\":\\\"status\\\",\\\"type\\\":\\\"int\\\"},"
        "{\\\"name\\\":\\\"us\\\",\\\"type\\\":\\\"long\\\"}]}\"}";
    mock_open(&world->mock);
    mock_topic(&world->mock, "requests", partition_count);
    random_init_seed(&world->random, 1);
    open_store(world);
    configure(world, world->mock.servers, NULL, MAP, "");
    stop_set(0);
}

static void close_world(struct world *world)
{
    char command[128];

    db_close(world->db);
    config_free(world->config);
    mock_close(&world->mock);
    (void)snprintf(command, sizeof(command), "rm -r %s", world->folder);
    assert_int_equal(system(command), 0);
}

static size_t put_long(uint8_t *at, int64_t value)
{
    uint64_t zigzag = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    size_t size = 0;

    for (; zigzag > 127; zigzag >>= 7) {
        at[size++] = (uint8_t)(zigzag | 128);
    }
    at[size++] = (uint8_t)zigzag;
    return size;
}

static size_t encode(uint8_t *at, const char *service, int64_t time_ms, int status, int64_t us)
{
    size_t size = 5, length = strlen(service);

    memcpy(at, "\0\0\0\0\1", 5);
    size += put_long(at + size, (int64_t)length);
    memcpy(at + size, service, length);
    size += length;
    size += put_long(at + size, time_ms);
    size += put_long(at + size, status);
    return size + put_long(at + size, us);
}

/* `count` good events from number `first` on, round robin over partitions: five services, every 10th an error, one per second. */
static void send_events(struct world *world, int first, int count, int partition_count)
{
    for (int i = first; i < first + count; i++) {
        uint8_t value[64];
        char service[] = "service-0";
        int64_t time_ms = TIME_MS + 1000 * (int64_t)i;
        size_t size;

        service[8] = (char)('0' + i % 5);
        size = encode(value, service, time_ms, i % 10 == 0 ? 503 : 200, 1000);
        mock_send(&world->mock, "requests", i % partition_count, value, size, time_ms);
    }
    mock_flush(&world->mock);
}

static struct consume_options options_of(struct world *world)
{
    return (struct consume_options){.config = world->config,
                                    .db = world->db,
                                    .book_id = world->book_id,
                                    .clock = clock_system(),
                                    .random = &world->random,
                                    .http = &world->fake.http};
}

static struct consume_result drain(struct world *world)
{
    struct consume_options options = options_of(world);
    struct consume_result result;
    struct err err = ERR_INIT;

    if (consume_run(&options, &result, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    return result;
}

static void expect_failure(struct world *world, enum err_code code, const char *words)
{
    struct consume_options options = options_of(world);
    struct consume_result result;
    struct err err = ERR_INIT;

    assert_int_equal(consume_run(&options, &result, &err), code);
    if (strstr(err.text, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
    }
}

static int64_t ask(struct world *world, const char *sql)
{
    struct db_stmt *stmt;
    struct err err = ERR_INIT;
    bool row;
    int64_t value;

    if (db_prepare(world->db, sql, &stmt, &err) != ERR_OK || db_step(stmt, &row, &err) != ERR_OK ||
        !row) {
        fail_msg("%s: %s", sql, err.text);
    }
    value = db_column_int64(stmt, 0);
    db_reset(stmt);
    return value;
}

#define COVERED "SELECT COALESCE(SUM(to_offset - from_offset), 0) FROM batch_range"
#define TALLIED "SELECT COALESCE(SUM(tallied), 0) FROM batch_range"
#define BATCHES "SELECT COUNT(*) FROM batch"
#define DRAINED "SELECT COUNT(*) FROM partition_offset WHERE drained_ns IS NOT NULL"

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
    assert_int_equal(ask(&world, "SELECT MAX(n) FROM (SELECT SUM(delivered) AS n FROM batch_range"
                                 " GROUP BY batch_id)"),
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
                                 "'bad_framing' AND bytes = X'01626164'"),
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
    assert_int_equal(ask(&world, "SELECT SUM(records) FROM exclusion WHERE reason = 'tombstone'"),
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

struct interruption {
    int64_t after;
    int signal_number;
};

static void interrupt(void *context, int64_t done, int64_t total)
{
    struct interruption *interruption = context;

    (void)total;
    if (done >= interruption->after) {
        stop_set(interruption->signal_number);
    }
}

static void a_signal_ends_a_drain_with_a_commit(void **state)
{
    struct interruption interruption = {1, SIGTERM};
    struct world world;
    struct consume_options options;
    struct consume_result result;
    struct err err = ERR_INIT;

    (void)state;
    open_world(&world, 1);
    send_events(&world, 0, 20000, 1);
    options = options_of(&world);
    options.progress = interrupt;
    options.context = &interruption;
    assert_int_equal(consume_run(&options, &result, &err), ERR_OK);
    assert_true(result.interrupted);
    assert_in_range(result.records, 1000, 19999);
    assert_int_equal(ask(&world, COVERED), result.records);
    assert_int_equal(ask(&world, DRAINED), 0);
    stop_set(0);
    assert_int_equal(drain(&world).records, 20000 - result.records);
    assert_int_equal(ask(&world, TALLIED), 20000);
    close_world(&world);
}

static void following_goes_on_until_it_is_told_to_stop(void **state)
{
    struct interruption interruption = {30, SIGTERM};
    struct world world;
    struct consume_options options;
    struct consume_result result;
    struct err err = ERR_INIT;

    (void)state;
    open_world(&world, 2);
    send_events(&world, 0, 30, 2);
    options = options_of(&world);
    options.follow = true;
    options.progress = interrupt;
    options.context = &interruption;
    assert_int_equal(consume_run(&options, &result, &err), ERR_OK);
    assert_true(result.interrupted);
    assert_int_equal(result.records, 30);
    assert_int_equal(ask(&world, TALLIED), 30);
    stop_set(0);
    close_world(&world);
}

/* While this run reads, another one of the same shard commits the same partition: the second commit is fenced. */
struct rival {
    struct world *world;
    bool done;
};

static void let_the_rival_run(void *context, int64_t done, int64_t total)
{
    struct rival *rival = context;

    (void)total;
    if (done > 0 && !rival->done) {
        rival->done = true;
        assert_int_equal(drain(rival->world).records, 2000);
    }
}

static void two_runs_on_one_partition_count_it_once(void **state)
{
    struct world world;
    struct rival rival = {.world = &world};
    struct consume_options options;
    struct consume_result result;
    struct err err = ERR_INIT;

    (void)state;
    open_world(&world, 1);
    send_events(&world, 0, 2000, 1);
    options = options_of(&world);
    options.progress = let_the_rival_run;
    options.context = &rival;
    if (consume_run(&options, &result, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    assert_true(rival.done);
    assert_int_equal(result.records, 0); /* all of it was the other's */
    assert_int_equal(ask(&world, TALLIED), 2000);
    assert_int_equal(ask(&world, COVERED), 2000);
    close_world(&world);
}

/* The rival takes the partition a second time: two schedulers are at work, one has to go. */
static void push_the_offset(void *context, int64_t done, int64_t total)
{
    struct world *world = context;
    struct err err = ERR_INIT;

    (void)total;
    if (done > 0) {
        assert_int_equal(
            db_exec(world->db, "UPDATE partition_offset SET next_offset = next_offset + 1", &err),
            ERR_OK);
    }
}

static void a_shard_that_is_fenced_twice_gives_up(void **state)
{
    struct world world;
    struct consume_options options;
    struct consume_result result;
    struct err err = ERR_INIT;

    (void)state;
    open_world(&world, 1);
    send_events(&world, 0, 20000, 1);
    options = options_of(&world);
    options.progress = push_the_offset;
    options.context = &world;
    options.batch_records_max = 2500;
    assert_int_equal(consume_run(&options, &result, &err), ERR_FENCED);
    assert_int_equal(ask(&world, BATCHES), 0);
    close_world(&world);
}

static void a_group_member_drains_what_the_group_gives_it(void **state)
{
    struct world world;
    struct consume_result result;

    (void)state;
    open_world(&world, 4);
    configure(&world, world.mock.servers, "members", MAP, "");
    send_events(&world, 0, 2000, 4);
    result = drain(&world);
    assert_int_equal(result.records, 2000);
    assert_int_equal(ask(&world, TALLIED), 2000);
    assert_int_equal(ask(&world, DRAINED), 4);
    close_world(&world);
}

/* A second member joins while the first one reads, in a thread with a store connection of its own. */
struct member {
    struct world *world;
    pthread_t thread;
    bool started;
    struct consume_result result;
    struct err err;
    enum err_code code;
};

static void *run_member(void *argument)
{
    struct member *member = argument;
    struct world world = *member->world;
    struct consume_options options;

    random_init_seed(&world.random, 2);
    open_store(&world);
    options = options_of(&world);
    options.batch_records_max = 1000;
    member->code = consume_run(&options, &member->result, &member->err);
    db_close(world.db);
    return NULL;
}

static void start_member(void *context, int64_t done, int64_t total)
{
    struct member *member = context;

    (void)total;
    if (done > 0 && !member->started) {
        member->started = true;
        assert_int_equal(pthread_create(&member->thread, NULL, run_member, member), 0);
    }
    if (done > 0) {
        clock_sleep_ns(clock_system(),
                       20 * NS_PER_MS); /* slow enough for the rebalance to come in between */
    }
}

static void members_that_come_and_go_count_every_record_once(void **state)
{
    enum { RECORDS = 60000 };
    struct world world;
    struct member second = {.world = &world, .err = ERR_INIT};
    struct consume_options options;
    struct consume_result result;
    struct err err = ERR_INIT;

    (void)state;
    open_world(&world, 4);
    configure(&world, world.mock.servers, "members", MAP, "");
    send_events(&world, 0, RECORDS, 4);
    options = options_of(&world);
    options.batch_records_max = 1000;
    options.progress = start_member;
    options.context = &second;
    if (consume_run(&options, &result, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    assert_true(second.started);
    assert_int_equal(pthread_join(second.thread, NULL), 0);
    if (second.code != ERR_OK) {
        fail_msg("%s", second.err.text);
    }
    assert_int_equal(result.records + second.result.records, RECORDS);
    assert_int_equal(result.absent + second.result.absent, 0);
    assert_int_equal(ask(&world, TALLIED), RECORDS);
    assert_int_equal(ask(&world, COVERED), RECORDS);
    assert_int_equal(ask(&world, DRAINED), 4);
    close_world(&world);
}

static void a_partition_that_was_added_later_begins_at_zero(void **state)
{
    struct world world;

    (void)state;
    open_world(&world, 1);
    send_events(&world, 0, 10, 1);
    (void)drain(&world);
    /* The mock cannot add partitions: take one away from the ledger instead. */
    close_world(&world);
    open_world(&world, 2);
    configure(&world, world.mock.servers, NULL, MAP, "    start: latest\n");
    send_events(&world, 0, 10, 2);
    assert_int_equal(drain(&world).records, 0);
    {
        struct err err = ERR_INIT;

        assert_int_equal(
            db_exec(world.db, "DELETE FROM partition_offset WHERE partition_id = 1", &err), ERR_OK);
    }
    assert_int_equal(drain(&world).records, 5);
    assert_int_equal(ask(&world, "SELECT origin FROM partition_offset WHERE partition_id = 1"), 0);
    close_world(&world);
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
        cmocka_unit_test(a_signal_ends_a_drain_with_a_commit),
        cmocka_unit_test(following_goes_on_until_it_is_told_to_stop),
        cmocka_unit_test(two_runs_on_one_partition_count_it_once),
        cmocka_unit_test(a_shard_that_is_fenced_twice_gives_up),
        cmocka_unit_test(a_group_member_drains_what_the_group_gives_it),
        cmocka_unit_test(members_that_come_and_go_count_every_record_once),
        cmocka_unit_test(a_partition_that_was_added_later_begins_at_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
