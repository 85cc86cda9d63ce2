/*
 * Service hours: the weekly calendar outside of which nothing is measured.
 *
 * Local wall time: a second is inside if its local wall time is, so clock changes make a day's hours longer or shorter, and an hour that
 * occurs twice may be inside twice. A holiday has no hours.
 */
#ifndef JOBS_CONFIG_HOURS_H
#define JOBS_CONFIG_HOURS_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/zone.h"

enum { HOURS_RANGES_MAX = 8 }; /* of one weekday */

/* Seconds after local midnight as the clock shows them, from < to <= 86400. */
struct hours_range {
    int32_t from_s, to_s;
};

struct service_hours {
    struct {
        struct hours_range ranges[HOURS_RANGES_MAX]; /* ascending, apart from each other */
        size_t count;
    } weekdays[7];     /* 0: Monday */
    int64_t *holidays; /* days since 1970-01-01, ascending */
    size_t holiday_count;
};

struct span {
    int64_t from_s, to_s; /* UTC, half-open */
};

/* What of [from_s, to_s) is inside: ascending, apart from each other; in arena. hours NULL: all of it. */
void hours_spans(const struct service_hours *hours, const struct zone *zone, int64_t from_s,
                 int64_t to_s, struct arena *arena, struct span **ret_spans, size_t *ret_count);

#endif
