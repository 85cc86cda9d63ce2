/*
 * The services that a topic's events may name, and what each needs while events are decoded.
 *
 * In declared mode others are VERDICT_UNDECLARED_SERVICE. In discover mode others join up to service_count_max; past it
 * the run stops with ERR_DATA, for a verdict must not depend on the order of events.
 */
#ifndef CONSUMERS_CATALOG_H
#define CONSUMERS_CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/intern.h"
#include "schemas/event.h"
#include "schemas/verdict.h"

struct catalog {
    struct intern names;
    int64_t *latency_threshold_ns; /* by number */
    bool discover;
    uint32_t service_count_max;
    int64_t
        latency_threshold_default_ns; /* of discovered services; LATENCY_THRESHOLD_NONE: nothing is slow */
};

void catalog_init(struct catalog *catalog, bool discover, uint32_t service_count_max,
                  int64_t latency_threshold_default_ns);
void catalog_release(struct catalog *catalog);
void catalog_declare(struct catalog *catalog, struct str service, int64_t latency_threshold_ns);
/* Sets the event's number and threshold, or *ret_verdict to VERDICT_UNDECLARED_SERVICE. ERR_DATA: too many services. */
enum err_code catalog_resolve(struct catalog *catalog, struct event *event,
                              enum verdict *ret_verdict, struct err *err);

#endif
