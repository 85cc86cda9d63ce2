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

struct catalog_service {
    int64_t latency_threshold_ns;
    const struct particulars_wanted *wanted; /* NULL: nothing */
    bool plain;                              /* its name is (plain_name.h) */
};

struct catalog {
    struct intern names;
    struct catalog_service *services; /* by number */
    struct intern wanting;            /* names of which particulars are wanted, known or not yet */
    const struct particulars_wanted **wanted; /* by number of wanting */
    bool discover;
    uint32_t service_count_max;
    int64_t
        latency_threshold_default_ns; /* of discovered services; LATENCY_THRESHOLD_NONE: nothing is slow */
};

void catalog_init(struct catalog *catalog, bool discover, uint32_t service_count_max,
                  int64_t latency_threshold_default_ns);
void catalog_release(struct catalog *catalog);
/* Of that service particulars are wanted, should it turn up; before any is declared. wanted is borrowed, and events carry it on. */
void catalog_want(struct catalog *catalog, struct str service,
                  const struct particulars_wanted *wanted);
void catalog_declare(struct catalog *catalog, struct str service, int64_t latency_threshold_ns);
/* Sets the event's number, its threshold and what is wanted of it, or *ret_verdict to VERDICT_UNDECLARED_SERVICE. ERR_DATA: too many services. */
enum err_code catalog_resolve(struct catalog *catalog, struct event *event,
                              enum verdict *ret_verdict, struct err *err);

/* The same in two steps, for a service that is known already and has a plain name: its number, and what is known of it. */
bool catalog_find_plain(const struct catalog *catalog, struct str service, uint32_t *ret_number);
void catalog_tell(const struct catalog *catalog, uint32_t number, struct event *event);

#endif
