#include "jobs/demo/traffic.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"

enum {
    RING_MINUTES = 512, /* more than the longest way of an event */
    BAD_RECORDS_MAX = 128,
    FIRST_BAD_DAY = 2, /* the breaker looks at the first 1,000 records of a topic */
    LAST_BAD_DAY = 27
};

/* Events that are published in the same minute. */
struct bucket {
    struct traffic_event *events; /* owned */
    size_t count, capacity;
};

struct planned_bad {
    int64_t minute_ns;
    enum bad_kind kind;
};

struct traffic {
    const struct world *world; /* borrowed */
    struct random random;
    int64_t minute_ns;
    int64_t made; /* events so far */
    struct bucket ring[RING_MINUTES];
    struct planned_bad bad[BAD_RECORDS_MAX];
    size_t bad_count;
};

static const char *const paths[] = {"/healthz", "/v1/devices", "/v1/devices/{id}/readings",
                                    "/v1/sites", "/v1/session"};

const char *traffic_path(uint8_t path)
{
    CHECK(path < ARRAY_COUNT(paths));
    return paths[path];
}

/* A number in [low, high]. */
static int64_t draw(struct traffic *traffic, int64_t low, int64_t high)
{
    return low + (int64_t)random_below(&traffic->random, (uint64_t)(high - low + 1));
}

static bool chance(struct traffic *traffic, int64_t part, int64_t whole)
{
    return draw(traffic, 0, whole - 1) < part;
}

static void plan_bad_records(struct traffic *traffic)
{
    for (int kind = BAD_NONE + 1; kind < BAD_KIND_COUNT; kind++) {
        for (int i = 0; i < bad_row((enum bad_kind)kind)->count; i++) {
            struct planned_bad *bad = &traffic->bad[traffic->bad_count++];

            CHECK(traffic->bad_count <= BAD_RECORDS_MAX);
            bad->kind = (enum bad_kind)kind;
            bad->minute_ns =
                traffic->world->month_start_ns + (FIRST_BAD_DAY - 1) * NS_PER_DAY +
                draw(traffic, 0, (LAST_BAD_DAY - FIRST_BAD_DAY) * 1440) * NS_PER_MINUTE;
        }
    }
}

struct traffic *traffic_new(const struct world *world, uint64_t seed)
{
    struct traffic *traffic = memory_calloc(1, sizeof(*traffic));

    traffic->world = world;
    traffic->minute_ns = world->from_ns;
    random_init_seed(&traffic->random, seed);
    plan_bad_records(traffic);
    return traffic;
}

void traffic_free(struct traffic *traffic)
{
    if (traffic == NULL) {
        return;
    }
    for (size_t i = 0; i < RING_MINUTES; i++) {
        memory_free(traffic->ring[i].events);
    }
    memory_free(traffic);
}

int64_t traffic_minute_ns(const struct traffic *traffic)
{
    return traffic->minute_ns;
}

static struct bucket *bucket_of(struct traffic *traffic, int64_t time_ns)
{
    return &traffic->ring[time_ns / NS_PER_MINUTE % RING_MINUTES];
}

static void publish(struct traffic *traffic, struct traffic_event event)
{
    struct bucket *bucket = bucket_of(traffic, event.publish_ns);

    CHECK(event.publish_ns >= traffic->minute_ns);
    CHECK(event.publish_ns < traffic->minute_ns + RING_MINUTES * NS_PER_MINUTE);
    if (bucket->count == bucket->capacity) {
        bucket->capacity = bucket->capacity == 0 ? 64 : 2 * bucket->capacity;
        bucket->events = memory_resize(bucket->events, bucket->capacity, sizeof(bucket->events[0]));
    }
    event.number = traffic->made++;
    bucket->events[bucket->count++] = event;
}

/* How long an event is on its way: seconds as a rule, minutes for one of 300, hours for one of 20,000. */
static int64_t draw_delay_ns(struct traffic *traffic)
{
    if (chance(traffic, 1, 20000)) {
        return draw(traffic, 60, 359) * NS_PER_MINUTE;
    }
    if (chance(traffic, 1, 300)) {
        return draw(traffic, 60, 45 * 60) * NS_PER_SECOND;
    }
    return draw(traffic, 50, 4000) * NS_PER_MS;
}

/* How many of something happen, given the expected number times 1000: a sum of draws, four for each that is expected. */
static int64_t draw_count(struct traffic *traffic, int64_t expected_milli)
{
    int64_t trials = expected_milli / 250 + 1;
    int64_t count = 0;

    for (int64_t i = 0; i < trials; i++) {
        count += chance(traffic, expected_milli, trials * 1000);
    }
    return count;
}

/* Latency in thousandths of the median at 64 steps of probability: a log-normal distribution with sigma 0.5. */
static int64_t draw_latency_us(struct traffic *traffic, int64_t median_us)
{
    static const int64_t quantiles[65] = {
        237,  341,  394,  433,  464,  492,  517,  541,  563,  583,  604,  623,  642,
        660,  678,  696,  714,  731,  749,  766,  783,  800,  818,  835,  853,  870,
        888,  906,  924,  943,  962,  981,  1000, 1020, 1040, 1061, 1082, 1104, 1126,
        1149, 1173, 1197, 1223, 1249, 1277, 1306, 1336, 1368, 1401, 1437, 1474, 1515,
        1558, 1605, 1657, 1714, 1777, 1850, 1933, 2032, 2153, 2312, 2538, 2936, 4217};
    int64_t at = draw(traffic, 0, 64 * 1000 - 1);
    int64_t low = quantiles[at / 1000];
    int64_t high = quantiles[at / 1000 + 1];
    int64_t latency_us = median_us * (low + (high - low) * (at % 1000) / 1000) / 1000;

    return chance(traffic, 1, 1000) ? 12 * latency_us : latency_us; /* a stall */
}

static int32_t draw_status(struct traffic *traffic, int64_t errors_per_million)
{
    static const int32_t errors[] = {500, 502, 503, 503, 504};

    if (chance(traffic, errors_per_million, 1000000)) {
        return errors[draw(traffic, 0, (int64_t)ARRAY_COUNT(errors) - 1)];
    }
    return chance(traffic, 3, 100) ? 404 : 200;
}

/* One of the instances that serve. */
static int draw_instance(struct traffic *traffic, unsigned instances)
{
    int64_t choice = draw(traffic, 0, __builtin_popcount(instances) - 1);

    for (int i = 0;; i++) {
        if ((instances >> i & 1) != 0 && choice-- == 0) {
            return i;
        }
    }
}

static void make_request(struct traffic *traffic, int service, const struct world_load *load)
{
    int64_t time_us = traffic->minute_ns / 1000 + draw(traffic, 0, 59999999);
    struct traffic_event event = {.kind = TRAFFIC_REQUEST,
                                  .time_us = time_us,
                                  .service = (uint8_t)service,
                                  .instance = (uint8_t)draw_instance(traffic, load->instances),
                                  .path = (uint8_t)draw(traffic, 1, ARRAY_COUNT(paths) - 1)};

    event.status = draw_status(traffic, load->errors_per_million);
    event.duration_us = chance(traffic, 1, 100) ? -1 : draw_latency_us(traffic, load->latency_us);
    if (chance(traffic, 15, 1000)) {
        event.path = 0;
    } else {
        event.synthetic = chance(traffic, 7, 1000);
    }
    event.publish_ns = time_us * 1000 + draw_delay_ns(traffic);
    if ((load->held >> event.instance & 1) != 0) {
        event.publish_ns = load->held_until_ns + draw(traffic, 0, 60000) * NS_PER_MS;
    }
    publish(traffic, event);
}

static void make_requests(struct traffic *traffic, int service)
{
    struct world_load load = world_service_load(traffic->world, service, traffic->minute_ns);
    int64_t count = draw_count(traffic, load.requests_milli);

    for (int64_t i = 0; i < count; i++) {
        make_request(traffic, service, &load);
    }
}

static enum outcome outcome_of(enum world_checks checks)
{
    switch (checks) {
    case CHECKS_FAIL:
        return OUTCOME_FAIL;
    case CHECKS_WARN:
        return OUTCOME_WARN;
    case CHECKS_UNKNOWN:
        return OUTCOME_UNKNOWN;
    case CHECKS_REMOVED:
        return OUTCOME_REMOVED;
    case CHECKS_AS_USUAL:
    case CHECKS_SILENT:
        break;
    }
    return OUTCOME_PASS;
}

/* One check per instance and minute, each at a second of its own. */
static void make_check(struct traffic *traffic, int service, int instance)
{
    struct world_state state =
        world_instance_state(traffic->world, service, instance, traffic->minute_ns);
    int64_t second = (service * 17 + instance * 29) % 59;
    int64_t time_us = traffic->minute_ns / 1000 + second * 1000000 + draw(traffic, 0, 900000);

    if (state.checker_silent || state.checks == CHECKS_SILENT ||
        (state.checks == CHECKS_REMOVED && !state.removed_now)) {
        return;
    }
    publish(traffic, (struct traffic_event){.kind = TRAFFIC_CHECK,
                                            .time_us = time_us,
                                            .publish_ns = time_us * 1000 + draw_delay_ns(traffic),
                                            .outcome = outcome_of(state.checks),
                                            .service = (uint8_t)service,
                                            .instance = (uint8_t)instance});
}

/* Rare guests: a tombstone about every six hours, and the bad records that were planned for this minute. */
static void make_oddities(struct traffic *traffic)
{
    struct traffic_event event = {.kind = TRAFFIC_TOMBSTONE,
                                  .publish_ns = traffic->minute_ns + 30 * NS_PER_SECOND,
                                  .time_us = traffic->minute_ns / 1000,
                                  .status = 200,
                                  .duration_us = 50000,
                                  .path = 1};

    if (chance(traffic, 1, 360)) {
        publish(traffic, event);
    }
    event.kind = TRAFFIC_BAD;
    for (size_t i = 0; i < traffic->bad_count; i++) {
        if (traffic->bad[i].minute_ns == traffic->minute_ns) {
            event.bad = traffic->bad[i].kind;
            event.instance = (uint8_t)draw(traffic, 0, WORLD_INSTANCES_MAX - 1);
            publish(traffic, event);
        }
    }
}

static void make_minute(struct traffic *traffic)
{
    for (int service = 0; service < WORLD_SERVICES; service++) {
        make_requests(traffic, service);
        for (int i = 0; i < traffic->world->services[service].instance_count; i++) {
            make_check(traffic, service, i);
        }
    }
    make_oddities(traffic);
}

static int compare_events(const void *a, const void *b)
{
    const struct traffic_event *left = a;
    const struct traffic_event *right = b;

    if (left->publish_ns != right->publish_ns) {
        return left->publish_ns < right->publish_ns ? -1 : 1;
    }
    return (left->number > right->number) - (left->number < right->number);
}

bool traffic_next(struct traffic *traffic, const struct traffic_event **ret_events,
                  size_t *ret_count)
{
    struct bucket *bucket = bucket_of(traffic, traffic->minute_ns - NS_PER_MINUTE);

    bucket->count = 0; /* what the last call handed out */
    if (traffic->minute_ns >= traffic->world->to_ns) {
        return false;
    }
    make_minute(traffic);
    bucket = bucket_of(traffic, traffic->minute_ns);
    if (bucket->count > 1) {
        qsort(bucket->events, bucket->count, sizeof(bucket->events[0]), compare_events);
    }
    *ret_events = bucket->events;
    *ret_count = bucket->count;
    traffic->minute_ns += NS_PER_MINUTE;
    return true;
}
