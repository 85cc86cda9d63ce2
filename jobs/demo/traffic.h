/*
 * The demo's traffic: what the world's services and probes send, in the order in which it reaches the broker.
 *
 * Each event has a time at which it happened and a later one at which it is published: most within seconds, some after minutes,
 * a few after hours. traffic_next hands out one minute of publications at a time, sorted, until the world ends; what is on its way
 * then is never published. The sequence depends on world and seed only.
 */
#ifndef JOBS_DEMO_TRAFFIC_H
#define JOBS_DEMO_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"
#include "jobs/demo/bad_record.h"
#include "jobs/demo/world.h"
#include "schemas/event.h"

enum traffic_kind { TRAFFIC_REQUEST, TRAFFIC_CHECK, TRAFFIC_TOMBSTONE, TRAFFIC_BAD };

struct traffic_event {
    int64_t publish_ns;
    int64_t number; /* of its making: decides among equal times */
    int64_t time_us;
    int64_t duration_us; /* of requests; -1: unknown */
    int32_t status;      /* of requests */
    enum traffic_kind kind;
    enum outcome outcome; /* of checks */
    enum bad_kind bad;
    uint8_t service;
    uint8_t instance;
    uint8_t path; /* of requests, see traffic_path */
    bool synthetic;
};

struct traffic;

struct traffic *traffic_new(const struct world *world, uint64_t seed);
void traffic_free(struct traffic *traffic);
/* The minute that traffic_next will hand out. */
int64_t traffic_minute_ns(const struct traffic *traffic);
/* Events published in the next minute; valid until the next call. False at the end of the world. */
bool traffic_next(struct traffic *traffic, const struct traffic_event **ret_events,
                  size_t *ret_count);
/* The URL path with that number. */
const char *traffic_path(uint8_t path);

#endif
