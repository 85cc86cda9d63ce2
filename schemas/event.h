/*
 * The event: what consumers/ makes of a record and what aggregator/ counts. The one place where both meet.
 *
 * An event borrows its names from the record or from the decoder; it is valid until the next record is
 * decoded. Times are UTC nanoseconds. A name that is absent has size 0.
 */
#ifndef SCHEMAS_EVENT_H
#define SCHEMAS_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum event_kind { EVENT_REQUEST, EVENT_CHECK };

enum outcome {
    OUTCOME_SUCCESS, /* of a request */
    OUTCOME_ERROR,
    OUTCOME_PASS, /* of a health check, ordered from good to bad ... */
    OUTCOME_WARN,
    OUTCOME_FAIL,
    OUTCOME_UNKNOWN, /* the checker could not tell */
    OUTCOME_REMOVED  /* the instance was taken out of service on purpose */
};

enum { NAME_SIZE_MAX = 255 };       /* bytes of a service, instance, customer ... */
#define LATENCY_UNKNOWN INT64_C(-1) /* the request counts, but neither as slow nor as fast */
#define LATENCY_NS_MAX (INT64_C(24) * 3600 * 1000000000)
#define LATENCY_THRESHOLD_NONE INT64_MAX /* nothing is slow */

/* What the windows of a service keep beyond counts, because contracts ask for it (aggregator/particulars.h). */
struct particulars_wanted {
    bool times;               /* first and last success and failure of each minute */
    const int64_t *limits_ns; /* how many requests took longer than these; ascending */
    size_t limit_count;
};

struct event {
    enum event_kind kind;
    enum outcome outcome;
    int64_t time_ns;
    struct str service;      /* never empty */
    uint32_t service_number; /* of the service among those of its topic, from 1; 0: nobody looked */
    struct str customer; /* empty unless the mapping has the role: it makes windows of its own */
    /* requests */
    int64_t latency_ns; /* or LATENCY_UNKNOWN */
    int64_t
        latency_threshold_ns; /* of the service: slow is strictly above it, and only if it succeeded */
    int64_t weight; /* requests that this record stands for; 1 unless the source samples */
    const struct particulars_wanted *wanted; /* NULL: nothing; outlives all batches */
    struct str id;                           /* event id, for topics whose producers retry */
    /* checks */
    struct str instance; /* requests may carry it too */
    struct str region;
    struct str checker;  /* who checked; empty for an instance that reports itself */
    int64_t interval_ns; /* until the next result is expected; 0: published on change only */
};

static inline bool event_slow(const struct event *event)
{
    return event->outcome == OUTCOME_SUCCESS && event->latency_ns > event->latency_threshold_ns;
}

#endif
