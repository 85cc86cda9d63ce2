/*
 * A contract: one customer's SLA as the configuration states it. Field by field as docs/sla-methods.md has it.
 *
 * Immutable after reading; texts live in the configuration's arena. Ratios and percents are exact. A percent of 99.5 is the
 * rational 199/200: divided by 100 when it is read.
 */
#ifndef JOBS_CONFIG_CONTRACT_H
#define JOBS_CONFIG_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/money.h"
#include "base/rational.h"
#include "base/str.h"
#include "base/zone.h"
#include "schemas/grade.h"

/* Rows in the tables of jobs/config/availability_table.c and jobs/statement/method.c. */
enum sla_method {
    METHOD_STATE_TIME,
    METHOD_REQUEST_RATIO,
    METHOD_TIME_SLICES,
    METHOD_RATIO_TIME_SLICES,
    METHOD_BAD_MINUTE_RUNS,
    METHOD_TOTAL_FAILURE_RUNS,
    METHOD_MEAN_INTERVAL_ERRORS,
    METHOD_PROPORTIONAL,
    METHOD_COUNT
};
enum pool {
    POOL_NONE,
    POOL_PER_SERVICE,
    POOL_SUM,
    POOL_ALL_REQUIRED,
    POOL_ANY_ENOUGH
}; /* NONE: one service */
enum unknown_rule { UNKNOWN_EXCLUDE, UNKNOWN_UP, UNKNOWN_DOWN };
enum excluded_rule { EXCLUDED_NONE, EXCLUDED_REMOVE, EXCLUDED_FORGIVE };
enum partial_period { PARTIAL_PRO_RATA, PARTIAL_DEEMED_UP };
enum period_kind { PERIOD_MONTH, PERIOD_QUARTER, PERIOD_YEAR, PERIOD_ROLLING };
enum min_requests_per { MIN_REQUESTS_PER_MINUTE, MIN_REQUESTS_PER_RUN, MIN_REQUESTS_PER_PERIOD };

/* A limit that may be there; it is exceeded strictly. */
struct limit {
    bool present;
    struct rational value; /* 0..1 */
};

/* Fields that belong to one method only are 0, or their default, for the others. */
struct availability {
    struct rational target; /* 0..1 */
    enum sla_method method;
    struct rational weights[GRADE_MAJOR + 1]; /* state_time; [GRADE_OPERATIONAL] is 0 */
    int64_t min_outage_ns;
    int64_t absorb_ns;
    struct rational degraded_weight; /* request_ratio: 0: slow requests are good */
    int64_t slice_s;                 /* of slices and intervals: whole minutes */
    struct limit max_error_ratio;    /* time_slices, bad_minute_runs; proportional: 0 if absent */
    struct limit max_slow_ratio;     /* time_slices */
    struct limit
        percentile;       /* time_slices: this share of requests, 0..1, takes no longer than ... */
    int64_t below_ns;     /* ... this */
    int percentile_line;  /* in the configuration file */
    bool all_failed;      /* bad_minute_runs: a minute is bad if every request failed */
    int64_t min_run_ns;   /* bad_minute_runs, total_failure_runs */
    int64_t min_requests; /* bad_minute_runs; 0: none */
    enum min_requests_per min_requests_per;
    enum pool pool;
    enum unknown_rule unknown[GRADE_COUNT]; /* by the four unknown grades */
};

struct maintenance_terms {
    int64_t notice_ns;
    enum excluded_rule excluded; /* NONE without a maintenance section */
    int64_t quota_windows;       /* per period; -1: no limit */
    int64_t quota_ns;            /* -1: no limit */
};

/* A second level: the share of slices that are fast enough. */
struct latency_terms {
    bool present;
    struct rational target;         /* 0..1 */
    struct rational max_slow_ratio; /* 0..1 */
    int64_t slice_s;
};

enum credit_kind {
    CREDIT_PERCENT, /* of the fee */
    CREDIT_DAYS,    /* of service: fee / days of the period */
    CREDIT_AMOUNT   /* in major units */
};

struct credit_tier {
    struct rational below; /* strictly less than; 0..1 */
    enum credit_kind kind;
    struct rational value; /* a percent as 0..1; days; major units */
};

struct credit_terms {
    bool present;
    struct credit_tier *tiers; /* best first: descending `below`; none if proportional */
    size_t tier_count;
    bool proportional;          /* fee x (1 - uptime) x multiplier instead of tiers */
    struct rational multiplier; /* of proportional */
    bool has_minimum;
    struct rational
        minimum_more_than; /* major units; strict, on the exact amount, before the cap */
    bool has_cap;
    struct rational cap; /* of the fee; 0..1 */
    enum rounding rounding;
    int64_t claim_within_ns; /* 0: no deadline */
};

struct service_hours; /* jobs/config/hours.h */

struct contract {
    struct str id;
    struct str customer;
    struct str *services;
    size_t service_count;
    const struct zone *zone;
    int digits;                      /* of displayed percents; default 3 */
    const struct currency *currency; /* NULL if there is neither fee nor credits */
    bool has_fee;                    /* false: fee is 0 */
    struct rational fee;             /* per period, major units */
    enum period_kind period;
    int32_t rolling_days;              /* PERIOD_ROLLING: local days */
    const struct service_hours *hours; /* NULL: always */
    int64_t valid_from_s;              /* UTC seconds of the local midnight; INT64_MIN: open */
    int64_t valid_until_s;             /* exclusive; INT64_MAX: open */
    int64_t grace_ns;
    enum partial_period partial_period;
    struct availability availability;
    struct maintenance_terms maintenance;
    struct latency_terms latency;
    struct credit_terms credits;
    struct str
        terms; /* canonical JSON of everything above: what a statement prints and the store keeps */
    char digest[65]; /* SHA-256 of terms */
    int line;        /* in the configuration file */
};

/* What statements of this contract need of each minute beyond its counts: windows keep it for those who ask. Borrows from the contract. */
struct particulars_wanted;
struct particulars_wanted contract_wanted(const struct contract *contract);

/* Writes the terms as a member of a larger document; key is NULL for a document of its own. */
struct json_writer;
void contract_write_terms(struct json_writer *json, const char *key,
                          const struct contract *contract);

#endif
