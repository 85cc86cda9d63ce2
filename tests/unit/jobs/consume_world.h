/*
 * What a test of a consume run needs: a mock cluster, a registry in this process, a store in a folder of its own.
 */
#ifndef TESTS_UNIT_JOBS_CONSUME_WORLD_H
#define TESTS_UNIT_JOBS_CONSUME_WORLD_H

#include <setjmp.h>
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
#include "tests/unit/store_place.h"

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

static inline void open_store(struct world *world)
{
    char path[128];
    struct db_options options = {
        .create = true, .lock_wait_ns = 20 * NS_PER_SECOND, .clock = clock_system()};
    struct err err = ERR_INIT;

    (void)snprintf(path, sizeof(path), "%s/uptally.db", world->folder);
    if (store_place_open(path, options, &world->db, &err) != ERR_OK ||
        store_migrate(world->db, &err) != ERR_OK ||
        store_book(world->db, "live", &world->book_id, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
}

/* At each rebalance the mock cluster waits for a second less than the session's timeout, 44 s by default. And it refuses a member that asks
 * for its partitions after the leader has sent them, which then joins anew: on a busy machine there are several rebalances. Members hear
 * of them by heartbeats. */
#define GROUP_PROPERTIES                                                                           \
    "\n  properties: {session.timeout.ms: \"6000\", heartbeat.interval.ms: \"500\"}"

/* map: the lines behind "map:"; more: further lines of the topic. */
static inline void configure(struct world *world, const char *servers, const char *group,
                             const char *map, const char *more)
{
    struct strbuf text;
    struct err err = ERR_INIT;

    config_free(world->config);
    strbuf_init(&text, 10000);
    strbuf_append_format(&text,
                         "store: {sqlite: x.db}\n"
                         "cluster:\n  name: test\n  bootstrap_servers: \"%s\"\n%s%s%s\n"
                         "registry: {url: \"" FAKE_REGISTRY_URL "\", retry: 1s}\n"
                         "topics:\n  - name: requests\n    kind: requests\n%s    map:\n%s",
                         servers, group != NULL ? "  group: " : "", group != NULL ? group : "",
                         group != NULL ? GROUP_PROPERTIES : "", more, map);
    if (config_parse(strbuf_view(&text), "test.yaml", &world->config, &err) != ERR_OK) {
        fail_msg("%s\n%s", err.text, strbuf_text(&text));
    }
    strbuf_release(&text);
}

#define MAP                                                                                        \
    "      service: service\n      time: ts\n      outcome: status\n      latency: {path: us, "    \
    "unit: us}\n"

static inline void open_world(struct world *world, int partition_count)
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

static inline void close_world(struct world *world)
{
    char command[128];

    db_close(world->db);
    config_free(world->config);
    mock_close(&world->mock);
    (void)snprintf(command, sizeof(command), "rm -r %s", world->folder);
    assert_int_equal(system(command), 0);
}

static inline size_t put_long(uint8_t *at, int64_t value)
{
    uint64_t zigzag = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    size_t size = 0;

    for (; zigzag > 127; zigzag >>= 7) {
        at[size++] = (uint8_t)(zigzag | 128);
    }
    at[size++] = (uint8_t)zigzag;
    return size;
}

static inline size_t encode(uint8_t *at, const char *service, int64_t time_ms, int status,
                            int64_t us)
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
static inline void send_events(struct world *world, int first, int count, int partition_count)
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

static inline struct consume_options options_of(struct world *world)
{
    return (struct consume_options){.config = world->config,
                                    .db = world->db,
                                    .book_id = world->book_id,
                                    .clock = clock_system(),
                                    .random = &world->random,
                                    .http = &world->fake.http};
}

static inline struct consume_result run_through(const struct consume_options *options)
{
    struct consume_result result;
    struct err err = ERR_INIT;

    if (consume_run(options, &result, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    return result;
}

static inline struct consume_result drain(struct world *world)
{
    struct consume_options options = options_of(world);

    return run_through(&options);
}

static inline void expect_failure(struct world *world, enum err_code code, const char *words)
{
    struct consume_options options = options_of(world);
    struct consume_result result;
    struct err err = ERR_INIT;

    assert_int_equal(consume_run(&options, &result, &err), code);
    if (strstr(err.text, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
    }
}

static inline int64_t ask(struct world *world, const char *sql)
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

#define COVERED "SELECT CAST(COALESCE(SUM(to_offset - from_offset), 0) AS BIGINT) FROM batch_range"
#define TALLIED "SELECT CAST(COALESCE(SUM(tallied), 0) AS BIGINT) FROM batch_range"
#define BATCHES "SELECT COUNT(*) FROM batch"
#define DRAINED "SELECT COUNT(*) FROM partition_offset WHERE drained_ns IS NOT NULL"

#endif
