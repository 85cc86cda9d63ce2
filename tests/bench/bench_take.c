/*
 * What an event costs from its bytes to the open batch, without Kafka and without commits: nanoseconds of CPU per event, on one thread.
 * The batch is emptied about every 200,000 events, as a commit does it. usage: bench_take SCHEMA [EVENTS [FOLDER_OF_SCHEMAS]]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "aggregator/batch.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"
#include "consumers/decoder.h"
#include "tests/bench/events.h"

enum {
    KEPT = 8192,
    CHUNK = 256,
    BATCH = 200000,
    PARTITIONS = 4,
    SERVICES = 200,
    TEXT_SIZE_MAX = 1 << 16
};

#define START_MS INT64_C(1767225600000)

struct kept {
    char *bytes; /* owned; prefix and body */
    size_t size;
    int64_t time_ms;
    int32_t partition;
};

static struct role role_of(const char *path)
{
    return (struct role){.paths = {STR(path)}, .path_count = 1};
}

static struct mapping mapping_of(const char *schema)
{
    bool wide = strcmp(schema, "wide") == 0;
    struct mapping mapping = {
        .kind = EVENT_REQUEST,
        .service = {role_of(wide ? "resource.service" : "service")},
        .service_part_count = 1,
        .time = role_of("ts"),
        .outcome = role_of(wide ? "http.status" : "status"),
        .latency = role_of(wide ? "timing.latency_us" : "latency_us"),
        .latency_unit_ns = 1000,
        .outcome_rules = {.use_defaults = true},
        .max_age_ns = 400 * NS_PER_DAY,
        .max_ahead_ns = NS_PER_DAY,
        .record_size_max = 16 << 20,
    };

    return mapping;
}

static struct kept *keep(const char *schema)
{
    struct kept *kept = memory_calloc(KEPT, sizeof(*kept));
    struct events events;

    /* As if there were more of them: a batch holds some minutes, not an hour. */
    CHECK(events_init(&events, schema, SERVICES, INT64_C(500) * KEPT, START_MS, 1));
    for (int i = 0; i < KEPT; i++) {
        struct event_draw draw = events_next(&events);

        kept[i].size = events.body_size;
        kept[i].bytes = memory_alloc(events.body_size);
        memcpy(kept[i].bytes, events.body, events.body_size);
        kept[i].time_ms = draw.time_ms;
        kept[i].partition = (int32_t)(draw.service % PARTITIONS);
    }
    events_release(&events);
    return kept;
}

static void add_schema(struct schema_finder *finder, const char *folder, const char *name)
{
    static char text[TEXT_SIZE_MAX];
    struct err err = ERR_INIT;
    char path[1024];
    FILE *file;
    size_t size;

    (void)snprintf(path, sizeof(path), "%s/%s.avsc", folder, name);
    file = fopen(path, "r");
    if (file == NULL) {
        (void)fprintf(stderr, "bench_take: %s cannot be read\n", path);
        exit(2);
    }
    size = fread(text, 1, sizeof(text), file);
    CHECK(fclose(file) == 0);
    CHECK(schema_finder_add(finder, SCHEMA_KEY_FILE, str_of(text, size), &err) == ERR_OK);
}

static void take_all(struct decoder *decoder, struct batch *batch, const struct kept *kept,
                     int64_t count)
{
    static struct record records[CHUNK];
    int64_t offsets[PARTITIONS] = {0};
    struct err err = ERR_INIT;

    /* Records come some hundreds at a time, as from Kafka. */
    for (int64_t i = 0; i < count; i += CHUNK) {
        for (int64_t j = 0; j < CHUNK; j++) {
            const struct kept *k = &kept[(i + j) % KEPT];

            records[j] = (struct record){.partition = k->partition,
                                         .offset = offsets[k->partition]++,
                                         .time_ns = k->time_ms * NS_PER_MS,
                                         .value = str_of(k->bytes, k->size)};
        }
        for (int64_t j = 0; j < CHUNK; j++) {
            struct coordinate at = {1, records[j].partition, records[j].offset, records[j].time_ns};
            const struct decoded *decoded;

            CHECK(decoder_run(decoder, &records[j], &decoded, &err) == ERR_OK);
            CHECK(decoded->verdict == VERDICT_TALLIED);
            batch_add_event(batch, &at, &decoded->event);
        }
        if (batch_records(batch) >= BATCH) {
            batch_clear(batch);
        }
    }
}

static int64_t cpu_ns(void)
{
    struct timespec now;

    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0);
    return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "request";
    int64_t count = argc > 2 ? atoll(argv[2]) : 5000000;
    struct mapping mapping = mapping_of(name);
    struct schema_finder finder = {.registry = NULL};
    struct catalog catalog;
    struct decoder_options options = {.framing = FRAMING_AVRO,
                                      .mapping = &mapping,
                                      .finder = &finder,
                                      .catalog = &catalog,
                                      .clock = clock_system()};
    struct batch *batch = batch_new(0);
    struct kept *kept = keep(name);
    struct decoder *decoder;
    struct err err = ERR_INIT;
    int64_t start_ns;

    catalog_init(&catalog, true, SERVICES, EVENTS_SLOW_US * INT64_C(1000));
    add_schema(&finder, argc > 3 ? argv[3] : "tests/bench/schemas", name);
    CHECK(decoder_open(&options, &decoder, &err) == ERR_OK);
    for (int32_t p = 0; p < PARTITIONS; p++) {
        batch_begin_partition(batch, 1, STR("bench"), STR(""), p, 0);
    }
    start_ns = cpu_ns();
    take_all(decoder, batch, kept, count);
    (void)printf("%s: %.1f ns of CPU per event\n", name,
                 (double)(cpu_ns() - start_ns) / (double)count);
    return 0;
}
