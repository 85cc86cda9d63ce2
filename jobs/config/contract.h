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

enum sla_method {
    METHOD_STATE_TIME,
    METHOD_REQUEST_RATIO
}; /* rows in the table of jobs/statement/method.c */
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

struct availability {
    struct rational target; /* 0..1 */
    enum sla_method method;
    struct rational weights[GRADE_MAJOR + 1]; /* state_time; [GRADE_OPERATIONAL] is 0 */
    int64_t min_outage_ns;
    int64_t absorb_ns;
    struct rational degraded_weight; /* request_ratio: 0: slow requests are good */
    enum pool pool;
    enum unknown_rule unknown[GRADE_COUNT]; /* by the four unknown grades */
};

struct maintenance_terms {
    int64_t notice_ns;
    enum excluded_rule excluded; /* NONE without a maintenance section */
    int64_t quota_windows;       /* per period; -1: no limit */
    int64_t quota_ns;            /* -1: no limit */
};

struct credit_tier {
    struct rational below;   /* strictly less than; 0..1 */
    struct rational percent; /* of the fee; 0..1 */
};

struct credit_terms {
    bool present;
    struct credit_tier *tiers; /* best first: descending `below` */
    size_t tier_count;
    bool has_minimum;
    struct rational
        minimum_more_than; /* major units; strict, on the exact amount, before the cap */
    bool has_cap;
    struct rational cap; /* of the fee; 0..1 */
    enum rounding rounding;
    int64_t claim_within_ns; /* 0: no deadline */
};

struct contract {
    struct str id;
    struct str customer;
    struct str *services;
    size_t service_count;
    const struct zone *zone;
    int digits;                      /* of displayed percents; default 3 */
    const struct currency *currency; /* NULL if there is no fee */
    struct rational fee;             /* per period, major units */
    int64_t valid_from_s;            /* UTC seconds of the local midnight; INT64_MIN: open */
    int64_t valid_until_s;           /* exclusive; INT64_MAX: open */
    int64_t grace_ns;
    enum partial_period partial_period;
    struct availability availability;
    struct maintenance_terms maintenance;
    struct credit_terms credits;
    struct str
        terms; /* canonical JSON of everything above: what a statement prints and the store keeps */
    char digest[65]; /* SHA-256 of terms */
    int line;        /* in the configuration file */
};

/* Writes the terms as a member of a larger document; key is NULL for a document of its own. */
struct json_writer;
void contract_write_terms(struct json_writer *json, const char *key,
                          const struct contract *contract);

#endif
