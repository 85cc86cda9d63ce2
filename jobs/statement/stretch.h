/*
 * Stretches: the period of a result, cut wherever what the books say of a service or what the contract makes of it changes, each with what
 * it takes from the fraction. Time in which all is well and nothing is lost is no stretch.
 *
 * Invariant ("the stretches add up"): what the stretches of a service lost is what its measure lost, and their costs together are what the
 * level lost, both exactly; what could not be told apart stands in `rest`, which is 0 for every method of the table. A lost slice is lost where its
 * first measured moment is. Pure. Times are UTC nanoseconds, half-open; losses are in the unit of the level. All memory is in the arena.
 */
#ifndef JOBS_STATEMENT_STRETCH_H
#define JOBS_STATEMENT_STRETCH_H

#include "base/arena.h"
#include "jobs/statement/engine.h"

/* What became of a stretch. */
enum stretch_fate {
    STRETCH_COUNTED,    /* it lowers the result */
    STRETCH_OUTVOTED,   /* it lowers its service's figure, but the pool let another one speak */
    STRETCH_EXCLUDED,   /* in neither numerator nor denominator */
    STRETCH_NOT_COUNTED /* the terms count it as good */
};

/* Which rule decided it. */
enum stretch_rule {
    RULE_WEIGHT,       /* a grade with a weight */
    RULE_NO_WEIGHT,    /* a grade whose weight is 0 */
    RULE_REQUESTS,     /* failed and slow requests count, time does not */
    RULE_MAINTENANCE,  /* announced in time */
    RULE_UNKNOWN_DOWN, /* unknown time, by the contract's rule for it */
    RULE_UNKNOWN_UP,
    RULE_UNKNOWN_EXCLUDE,
    RULE_TOO_SHORT, /* absorb or min_outage */
    RULE_ABSORBED,  /* short, between two times of the same trouble */
    RULE_OUTSIDE,   /* outside of the contract's validity */
    RULE_HOURS,     /* outside of its service hours */
    RULE_SLICE,     /* the slice is lost where it begins */
    RULE_METHOD     /* the method judged it as part of something longer */
};

struct stretch {
    size_t service; /* of the result */
    int64_t from_ns, to_ns;
    enum grade raw;        /* as the books have it */
    enum time_class class; /* as the statement books it */
    enum stretch_fate fate;
    enum stretch_rule rule;
    struct rational lost; /* of its service's measure */
    struct rational cost; /* of the result */
    int64_t
        loss_minutes; /* minutes with a request that lost something; methods that count requests only */
};

/* Neighbouring stretches of one incident, or a stretch alone. */
struct stretch_group {
    size_t first, count; /* in items */
    size_t service;
    int64_t from_ns, to_ns;
    const struct incident *incident; /* of the result; NULL: none */
    struct fraction lost, cost;
};

struct stretches {
    struct stretch *items; /* group by group, by start within */
    size_t count;
    struct stretch_group *
        groups; /* what costs most first, then what lost most, then the longest, then by start and service */
    size_t group_count;
    struct fraction *lost; /* of each service */
    struct fraction cost;  /* of all stretches */
    struct fraction rest;  /* what the result lost beyond it */
};

/* Of one level of the result. input: what the result was computed from. */
void stretches_find(const struct engine_input *input, const struct result *result, size_t level,
                    struct arena *arena, struct stretches *ret_stretches);
/* What the stretches of a service lost together. */
struct fraction stretches_lost(const struct stretches *stretches, size_t service);

/* For stretch.c: fills groups from items, which are there by service and start. */
void stretches_group(const struct result *result, struct arena *arena, struct stretches *stretches);

const char *stretch_fate_name(enum stretch_fate fate); /* "counted", ...: as in JSON */
const char *stretch_rule_name(enum stretch_rule rule);
/* In a sentence, with the figures of the terms. In arena. */
const char *stretch_rule_text(struct arena *arena, const struct result *result,
                              const struct stretch *stretch);

#endif
