/*
 * Request events for measurements: the same numbers give the same bytes on every machine, whatever they are written to.
 *
 * An hour of traffic of many services: Zipf weights, 1 % server errors, latencies that are about lognormal, event times
 * disordered by two seconds. Bodies are Avro by one of the schemas in schemas/. The generator also says what each event counts
 * as, so a run can be held against it. No floating point but in fields that nobody reads. Not for threads.
 */
#ifndef BENCH_EVENTS_H
#define BENCH_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "base/str.h"

enum {
    EVENTS_SIZE_MAX = 4096, /* bytes of a body */
    EVENTS_SPAN_MS = 3600 * 1000,
    EVENTS_SLOW_US = 300000 /* slow is above it, and not an error */
};

/* One event before it is bytes. */
struct event_draw {
    uint32_t service;
    int64_t time_ms;
    int32_t status;
    int64_t latency_us;
};

struct event_shape;

struct events {
    struct random random;
    const struct event_shape *shape;
    uint32_t service_count;
    char (*services)[24]; /* owned; names */
    uint64_t *weights;    /* owned; cumulated */
    uint32_t *median_us;  /* owned; of the latency */
    int64_t start_ms;
    int64_t count, drawn;       /* events in all, and so far */
    char body[EVENTS_SIZE_MAX]; /* of the last event */
    uint32_t body_size;
};

/* The hour begins at start_ms since 1970. False if there is no schema of that name: narrow, request, wide. */
bool events_init(struct events *events, const char *schema, uint32_t service_count, int64_t count,
                 int64_t start_ms, uint64_t seed);
void events_release(struct events *events);
/* The next event; its Avro body is in events->body until the next call. */
struct event_draw events_next(struct events *events);

static inline bool event_draw_error(const struct event_draw *draw)
{
    return draw->status >= 500;
}

static inline bool event_draw_slow(const struct event_draw *draw)
{
    return draw->status < 500 && draw->latency_us > EVENTS_SLOW_US;
}

/* events_shape.c: writes the body of one event by one schema. */
struct event_shape {
    const char *name;
    void (*write)(struct events *events, const struct event_draw *draw);
};
const struct event_shape *event_shape_find(const char *name);

#endif
