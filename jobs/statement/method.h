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
    const struct cover *cover; /* announced maintenance, by the second */
    int64_t from_s, to_s;      /* the period as measured */
    int64_t valid_from_s,
        valid_to_s; /* the part of it in which the contract holds; the rest is deemed up */
    const struct cover *hours; /* service hours within the period */
};

struct method_row {
    const char *name;    /* as in the configuration */
    const char *title;   /* for people */
    const char *formula; /* one sentence */
    const char *unit;    /* of good, valid and lost: "s", "requests", "slices", "intervals" */
    bool judges_time;    /* shares of segments make the fraction, so pools may judge each moment */
    bool sliced;         /* the unit is the slice: all seconds of one have one share */
    /* Segments cover [from_s, to_s). */
    void (*measure)(const struct measure_input *input, struct arena *arena,
                    struct measure *ret_measure);
};

const struct method_row *method_row(enum sla_method method);
void measure_state_time(const struct measure_input *input, struct arena *arena,
                        struct measure *ret_measure);
void measure_request_ratio(const struct measure_input *input, struct arena *arena,
                           struct measure *ret_measure);
void measure_time_slices(const struct measure_input *input, struct arena *arena,
                         struct measure *ret_measure);
void measure_ratio_time_slices(const struct measure_input *input, struct arena *arena,
                               struct measure *ret_measure);
void measure_bad_minute_runs(const struct measure_input *input, struct arena *arena,
                             struct measure *ret_measure);
void measure_total_failure_runs(const struct measure_input *input, struct arena *arena,
                                struct measure *ret_measure);
void measure_mean_interval_errors(const struct measure_input *input, struct arena *arena,
                                  struct measure *ret_measure);
void measure_proportional(const struct measure_input *input, struct arena *arena,
                          struct measure *ret_measure);
/* The second level of the agreement: the share of slices that are fast enough, by contract->latency. */
void measure_latency(const struct measure_input *input, struct arena *arena,
                     struct measure *ret_measure);
const char *pool_name(enum pool pool);

#endif
