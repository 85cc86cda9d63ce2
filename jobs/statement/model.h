/*
 * What a period of a contract comes to: the model that the engine computes and all documents are made of.
 *
 * Invariant ("the month adds up"): the segments of a service cover the period without gap or overlap, so the seconds of all classes
 * add up to its length; a pooled sum adds up to the length times the number of services. Everything is exact: seconds and counts are
 * integers, uptime is a fraction of integers. Times are UTC seconds, half-open. All memory belongs to the arena of the computation.
 */
#ifndef JOBS_STATEMENT_MODEL_H
#define JOBS_STATEMENT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fraction.h"
#include "base/str.h"
#include "jobs/config/contract.h"
#include "schemas/grade.h"

/* The columns in which a statement books time, after all rules of the contract. */
enum time_class {
    TIME_UP,
    TIME_DEGRADED,
    TIME_PARTIAL,
    TIME_MAJOR,
    TIME_MAINTENANCE, /* what would have counted as lost, had it not been announced */
    TIME_NO_TRAFFIC,  /* the four names of unknown time, whatever the contract's rule for them */
    TIME_PROBE_DOWN,
    TIME_PIPELINE_GAP,
    TIME_NOT_PROVISIONED,
    TIME_OUTSIDE_HOURS, /* outside the contract's service hours */
    TIME_CLASS_COUNT
};

/* A stretch of time: the column it is booked in, and what it does to the fraction of methods that judge time. */
struct segment {
    int64_t from_ns, to_ns;
    enum time_class class;
    bool excluded; /* in neither numerator nor denominator */
    struct rational
        share; /* of it that is good, 0..1; 0 if excluded. In slice methods that of the slice, whatever the class */
};

/* good / valid, in the method's unit: seconds, requests or slices. valid 0: nothing was measured. */
struct measure {
    struct segment *segments;
    size_t segment_count;
    int64_t
        seconds[TIME_CLASS_COUNT]; /* borders rounded down to whole seconds, so that they add up */
    struct fraction good;          /* 0 <= good <= valid */
    struct fraction valid;
};

/* Requests of the period, as counted; all zero for services that are only checked. */
struct request_counts {
    int64_t records, total, errors, slow, no_latency;
};

struct day {
    int32_t year, month, day; /* local */
    int64_t from_s, to_s;
    int64_t seconds[TIME_CLASS_COUNT];
};

/* A run of time in which a service was known not to be operational, on raw minutes: before absorb, min_outage and maintenance. */
struct incident {
    struct str service;
    int64_t from_s; /* with the service it is the incident's id */
    int64_t to_s;   /* not after the end of the period */
    bool open_end;  /* it lasts up to the end of the period, perhaps longer */
    enum grade worst;
    int64_t seconds[TIME_CLASS_COUNT]; /* as booked, of the part within the period */
    struct fraction lost_s; /* seconds x (1 - share); 0 for methods that do not judge time */
};

enum announcement_state {
    ANNOUNCEMENT_APPLIED,
    ANNOUNCEMENT_CUT,        /* by the quota */
    ANNOUNCEMENT_OVER_QUOTA, /* wholly beyond the quota */
    ANNOUNCEMENT_SHORT_NOTICE,
    ANNOUNCEMENT_AFTER_THE_FACT,
    ANNOUNCEMENT_CANCELLED,
    ANNOUNCEMENT_NOT_AGREED, /* the contract excludes no maintenance */
    ANNOUNCEMENT_STATE_COUNT
};

struct announcement_input;

struct exclusion {
    struct str service; /* of the contract; "*": of service_count of them */
    const struct announcement_input *announcement; /* of the engine's input */
    int64_t announcement_id;
    bool all_services;    /* it was announced for "*" */
    size_t service_count; /* for which it stands: 1, or more of a brief result's */
    int64_t from_ns, to_ns, announced_ns;
    struct str author, reason;
    enum announcement_state state;
    int64_t granted_s; /* covered seconds within the period; of all services that it stands for */
    int64_t excused_s; /* of them booked as maintenance */
};

/* One border that decides something: the target, or a tier. */
struct border {
    struct rational below;
    const struct credit_tier *tier; /* what is credited below it; NULL: the target */
    struct fraction allowed;        /* loss at which uptime is exactly at the border */
    bool missed;                    /* strictly below */
};

struct credit_step {
    const char *name; /* "fee", "tier", "minimum", "cap", "rounding" */
    const char *text;
    struct fraction amount; /* exact, after this step */
};

struct credit {
    bool present; /* the contract has credits */
    struct credit_step steps[6];
    size_t step_count;
    int64_t amount_minor;
    int64_t claim_until_s; /* 0: no deadline */
};

/* One level of the agreement, availability or latency: a measure held against its target and the tiers. */
struct level {
    const char *name; /* "availability", "latency" */
    const char *unit; /* of its measure: "s", "requests", "slices", "intervals" */
    struct rational target;
    struct measure measure;
    bool known;             /* valid > 0 */
    struct fraction uptime; /* good / valid */
    struct fraction lost;   /* valid - good */
    bool met;               /* of a known one */
    struct border *borders; /* the target first, then the tiers, best first */
    size_t border_count;
    const struct credit_tier *tier; /* NULL: none */
    struct credit credit;           /* what this level alone comes to */
};

enum { LEVEL_AVAILABILITY, LEVEL_LATENCY, LEVELS_MAX };

/* What the contract agrees on, of one service or of all: one level, or two. */
struct verdicts {
    struct level levels[LEVELS_MAX];
    size_t level_count;
    size_t
        paying; /* index of the level whose tier and credit hold: the one that credits most, availability on a tie */
    bool known; /* of availability */
    bool met;   /* every level that is known is met, and availability is known */
};

struct service_result {
    struct str service;
    struct verdicts verdicts; /* as if it stood alone; without segments once the pool has them */
    struct request_counts requests;
    struct day *days;
    size_t day_count;
};

struct result {
    const struct contract *contract;
    int64_t from_s, to_s; /* what was measured; with pro_rata only the valid part */
    int32_t period_days;  /* local days of the whole period */
    struct service_result *services;
    size_t service_count;
    struct verdicts
        verdicts; /* pooled; measures without segments when the pool has none of its own */
    const char *worst_service;  /* per_service: whose availability stands above; else NULL */
    struct incident *incidents; /* by start, then service */
    size_t incident_count;
    struct exclusion *exclusions; /* by start, service, id */
    size_t exclusion_count;
    const char **explanation;
    size_t explanation_count;
};

/* "up", "degraded" ... as in JSON; "Up", "Degraded" ... as on pages. */
const char *time_class_name(enum time_class class);
const char *time_class_title(enum time_class class);
/* The class in which a grade is booked when no rule changes it. */
enum time_class time_class_of(enum grade grade);
const char *announcement_state_name(enum announcement_state state);
/* In words, for people: "announced 2 days before the start, 5 days are required". */
const char *announcement_state_text(enum announcement_state state);

#endif
