/*
 * Measuring methods: each is a row of this table and a pure function from a service's timeline and counts to an exact fraction.
 */
#ifndef JOBS_STATEMENT_METHOD_H
#define JOBS_STATEMENT_METHOD_H

#include "jobs/statement/maintenance.h"
#include "jobs/statement/model.h"
#include "jobs/statement/timeline.h"

/* One service of one period; borrowed. */
struct measure_input {
    const struct contract *contract;
    const struct service_input *service;
    const struct cover *cover;
    int64_t from_s, to_s; /* the period as measured */
    int64_t valid_from_s,
        valid_to_s; /* the part of it in which the contract holds; the rest is deemed up */
};

struct method_row {
    const char *name;    /* as in the configuration */
    const char *title;   /* for people */
    const char *formula; /* one sentence */
    const char *unit;    /* of good, valid and lost: "s" or "requests" */
    bool time_based;     /* pools may judge each moment */
    /* Segments cover [from_s, to_s). */
    void (*measure)(const struct measure_input *input, struct arena *arena,
                    struct measure *ret_measure);
};

const struct method_row *method_row(enum sla_method method);
void measure_state_time(const struct measure_input *input, struct arena *arena,
                        struct measure *ret_measure);
void measure_request_ratio(const struct measure_input *input, struct arena *arena,
                           struct measure *ret_measure);
const char *pool_name(enum pool pool);

/* For methods: what a grade does by the contract, before maintenance. */
enum effect effect_of(const struct availability *availability, enum grade grade);
/* Appends [from_s, to_s) and merges with an equal neighbour. The array has room. */
void measure_push(struct measure *measure, int64_t from_s, int64_t to_s, enum time_class class,
                  enum effect effect);
/* Sums the segments into seconds and, for time-based methods, good and valid. */
void measure_sum_seconds(struct measure *measure);
void measure_sum_time(struct measure *measure, const struct rational *weights);
/* Share of the time that was good: 1 - weight, 1 or 0. Not for EFFECT_EXCLUDED. */
struct rational segment_share(const struct segment *segment, const struct rational *weights);

#endif
