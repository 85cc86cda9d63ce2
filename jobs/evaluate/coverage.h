/*
 * From the rows of files to the states of a service, as the engine wants them.
 *
 * For state_time they are the rows of the states file. For the other methods a minute with requests is operational, one without has no
 * traffic, and the four unknown states of the states file override that by the second; its other rows say nothing. They cover the period and
 * everything that there is a row of. A service without any row has no states: the engine takes it as not provisioned.
 */
#ifndef JOBS_EVALUATE_COVERAGE_H
#define JOBS_EVALUATE_COVERAGE_H

#include "jobs/evaluate/minutes.h"
#include "jobs/evaluate/states.h"

struct coverage {
    struct state_row *rows; /* owned; sorted, apart from each other */
    size_t count, room;
};

void coverage_release(struct coverage *coverage);
void coverage_of_states(struct coverage *coverage, const struct stated *states, size_t count);
/* minutes: NULL if there is no row. */
void coverage_of_minutes(struct coverage *coverage, const struct minutes_of_service *minutes,
                         const struct stated *states, size_t count, int64_t from_s, int64_t to_s);

#endif
