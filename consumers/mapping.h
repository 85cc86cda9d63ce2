/*
 * How a topic's own schema is read: which field plays which role, in which unit, by which rules.
 *
 * Filled by jobs/config from the topic's entry; borrowed by decoders for as long as they live. A path is dotted
 * ("http.request.status"): it goes through records, unions (the branch that has the field; null is absent) and maps
 * (by key), never through arrays. A role lists alternative paths: the first that exists in the writer's schema is
 * used, decided when the plan is compiled. The rules: docs/ingest.md.
 */
#ifndef CONSUMERS_MAPPING_H
#define CONSUMERS_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "schemas/event.h"

enum { MAPPING_PATHS_MAX = 8, MAPPING_SERVICE_PARTS_MAX = 4, MAPPING_DEPTH_MAX = 64 };

struct role {
    struct str paths[MAPPING_PATHS_MAX]; /* alternatives, first one wins */
    size_t path_count;                   /* 0: the role is not mapped */
};

/* How a value is compared in a rule. */
enum rule_match {
    RULE_EQUALS, /* text equal to `text` */
    RULE_PREFIX, /* text starts with `text` */
    RULE_RANGE   /* integer in [low, high]; text that is an integer is one */
};

struct rule_value {
    enum rule_match match;
    struct str text;
    int64_t low, high;
};

/* Rules over the outcome's value, in order: exclude, error, success. */
struct outcome_rules {
    struct rule_value *exclude; /* counted as rule:outcome */
    size_t exclude_count;
    struct rule_value *error;
    size_t error_count;
    struct rule_value *success;
    size_t success_count;
    bool
        use_defaults; /* numbers: 100..499 success, 500..599 error; only if error and success are empty */
};

/* The symbols of a health check; each list may be empty. Compared exactly. */
struct check_symbols {
    struct rule_value *values;
    enum outcome *outcomes; /* parallel to values */
    size_t count;
};

/* Records that are no business of any SLA: synthetic traffic, /healthz. */
struct exclusion_rule {
    struct str name; /* reported as rule:NAME */
    struct role field;
    struct rule_value *values; /* any of them matches */
    size_t value_count;
};

struct mapping {
    enum event_kind kind;
    struct role service[MAPPING_SERVICE_PARTS_MAX]; /* joined by '/' */
    size_t service_part_count;
    struct str service_default; /* if the first part is absent; may be empty */
    struct role time;
    int64_t time_unit_ns; /* of plain numbers; 0: only logical types and RFC 3339 text */
    struct role outcome;
    struct outcome_rules outcome_rules; /* requests */
    struct check_symbols check_symbols; /* checks */
    struct role latency;
    int64_t latency_unit_ns; /* of numbers; 0: only text like "0.123s" */
    struct role instance, customer, region, checker, event_id;
    struct role weight;   /* integer from 1 to 10^9 */
    struct role interval; /* checks; 0 to 400 days */
    int64_t interval_unit_ns;
    int64_t interval_default_ns; /* if the role is absent; 0: published on change only */
    struct exclusion_rule *exclusions;
    size_t exclusion_count;
    struct role *redactions; /* fields whose bytes dead letters must not keep; one path each */
    size_t redaction_count;
    int64_t max_age_ns;     /* default 400 days */
    int64_t max_ahead_ns;   /* 24 h */
    size_t record_size_max; /* bytes; default 16 MiB */
};

#endif
