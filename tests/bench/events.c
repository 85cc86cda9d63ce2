#include "tests/bench/events.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"

enum { MEDIAN_US_MIN = 8000, MEDIAN_US_SPAN = 72000, DISORDER_MS = 2000 };

static const char *const subjects[] = {"auth",     "billing",  "catalog", "checkout", "device",
                                       "energy",   "forecast", "gateway", "identity", "meter",
                                       "inverter", "ledger",   "notify",  "orders",   "pricing",
                                       "report",   "search",   "session", "tariff",   "telemetry"};
static const char *const roles[] = {"api",   "core",  "edge", "grpc", "ingest",
                                    "proxy", "query", "svc",  "sync", "worker"};

static void name_service(char ret_name[24], uint32_t number)
{
    uint32_t of = (uint32_t)(ARRAY_COUNT(subjects) * ARRAY_COUNT(roles));
    int size = snprintf(ret_name, 24, "%s-%s", subjects[number % ARRAY_COUNT(subjects)],
                        roles[number / ARRAY_COUNT(subjects) % ARRAY_COUNT(roles)]);

    if (number >= of) {
        (void)snprintf(ret_name + size, 24 - (size_t)size, "-%u", number / of);
    }
}

bool events_init(struct events *events, const char *schema, uint32_t service_count, int64_t count,
                 int64_t start_ms, uint64_t seed)
{
    uint64_t sum = 0;

    *events = (struct events){.shape = event_shape_find(schema),
                              .service_count = service_count,
                              .start_ms = start_ms,
                              .count = count};
    CHECK(service_count > 0);
    CHECK(count > 0);
    if (events->shape == NULL) {
        return false;
    }
    random_init_seed(&events->random, seed);
    events->services = memory_calloc(service_count, sizeof(events->services[0]));
    events->weights = memory_calloc(service_count, sizeof(events->weights[0]));
    events->median_us = memory_calloc(service_count, sizeof(events->median_us[0]));
    for (uint32_t i = 0; i < service_count; i++) {
        name_service(events->services[i], i);
        sum += UINT64_C(1000000000) / (i + 1);
        events->weights[i] = sum;
        events->median_us[i] =
            MEDIAN_US_MIN + (uint32_t)random_below(&events->random, MEDIAN_US_SPAN);
    }
    return true;
}

void events_release(struct events *events)
{
    memory_free(events->services);
    memory_free(events->weights);
    memory_free(events->median_us);
    *events = (struct events){.shape = NULL};
}

static uint32_t draw_service(struct events *events)
{
    uint64_t at = random_below(&events->random, events->weights[events->service_count - 1]);
    uint32_t low = 0;
    uint32_t high = events->service_count - 1;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (events->weights[middle] <= at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Median times 2^x, where x is about normal with standard deviation 1.15 (a sum of four dice): a sigma of 0.8 in e's terms. */
static int64_t draw_latency_us(struct events *events, int64_t median_us)
{
    uint64_t dice = random_next(&events->random);
    int64_t sum =
        (int64_t)((dice & 0xffff) + (dice >> 16 & 0xffff) + (dice >> 32 & 0xffff) + (dice >> 48)) -
        131072;
    int64_t exponent = sum * 2 + (INT64_C(16) << 16); /* 16 bits of fraction, never negative */
    int64_t scaled = (median_us << 16) + median_us * (exponent & 0xffff);

    return (scaled << (exponent >> 16)) >> 32;
}

static int64_t draw_time_ms(struct events *events)
{
    int64_t offset = events->drawn * EVENTS_SPAN_MS / events->count +
                     (int64_t)random_below(&events->random, 2 * DISORDER_MS) - DISORDER_MS;

    offset = offset < 0 ? 0 : offset;
    return events->start_ms + (offset < EVENTS_SPAN_MS ? offset : EVENTS_SPAN_MS - 1);
}

static int32_t draw_status(struct events *events)
{
    static const int32_t broken[] = {500, 502, 503, 504};
    static const int32_t wrong[] = {400, 401, 404, 429};
    uint64_t dice = random_next(&events->random);
    uint64_t kind = dice % 1000;

    if (kind < 10) {
        return broken[dice >> 32 & 3];
    }
    if (kind < 40) {
        return wrong[dice >> 32 & 3];
    }
    return kind < 100 ? 204 : 200;
}

struct event_draw events_next(struct events *events)
{
    struct event_draw draw;

    draw.service = draw_service(events);
    draw.time_ms = draw_time_ms(events);
    draw.status = draw_status(events);
    draw.latency_us = draw_latency_us(events, events->median_us[draw.service]);
    events->drawn++;
    events->body_size = 0;
    events->shape->write(events, &draw);
    return draw;
}
