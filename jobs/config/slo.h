/*
 * A service level objective: a target that we set ourselves, as the configuration states it. docs/slo.md.
 *
 * Immutable after reading; texts live in the configuration's arena. Ratios are exact: a target of 99.9 is the rational 999/1000.
 */
#ifndef JOBS_CONFIG_SLO_H
#define JOBS_CONFIG_SLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rational.h"
#include "base/str.h"
#include "base/zone.h"
#include "jobs/config/contract.h"
#include "schemas/grade.h"

enum slo_method { SLO_REQUEST_RATIO, SLO_TIME_SLICES, SLO_RATIO_TIME_SLICES };
enum slo_period { SLO_ROLLING, SLO_MONTH, SLO_QUARTER, SLO_YEAR };
enum slo_severity { SLO_PAGE, SLO_TICKET };

/* Fires while the budget burns so fast, in both windows, that `budget` of it would be gone after the long one. */
struct slo_rule {
    struct rational budget; /* share of the period's budget; greater than 0 */
    int64_t long_ns, short_ns;
    enum slo_severity severity;
};

struct slo {
    struct str id;
    struct str service;     /* the only one; empty: see services */
    struct str *services;   /* their requests are added up */
    size_t service_count;   /* at least 1 */
    struct rational target; /* 0..1, less than 1 */
    enum slo_method method;
    enum slo_period period;
    int64_t rolling_ns; /* SLO_ROLLING */
    const struct zone *zone;
    int digits; /* of displayed percents */

    int64_t slice_ns; /* of the slice methods */
    bool has_max_error_ratio, has_max_slow_ratio;
    struct rational max_error_ratio,
        max_slow_ratio;                     /* SLO_TIME_SLICES; a slice is bad above them */
    struct rational degraded_weight;        /* SLO_REQUEST_RATIO */
    enum unknown_rule unknown[GRADE_COUNT]; /* of slices without requests */

    int64_t forecast_ns; /* at whose rate the budget is taken to burn on */
    struct slo_rule *rules;
    size_t rule_count;
    int line; /* in the configuration file */
};

#endif
