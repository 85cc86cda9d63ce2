/*
 * Rows of a states file: what a service was, by somebody's word.
 *
 *     service,from,to,state
 *
 * Whole seconds, half-open, in any order; rows of one service do not overlap. `maintenance` is a claim: it is a major outage unless an
 * announcement covers it. Rows of services that are not in the contract are read, checked and left out. A row that goes on where the row before
 * ended, in the same state, becomes one with it, so a row a minute is fine; more than STATES_ROWS_MAX are refused. Errors as in
 * jobs/evaluate/sheet.h; for rows that overlap, in the later line.
 */
#ifndef JOBS_EVALUATE_STATES_H
#define JOBS_EVALUATE_STATES_H

#include "jobs/evaluate/roster.h"
#include "jobs/evaluate/sheet.h"
#include "jobs/statement/engine.h"

enum { STATES_ROWS_MAX = 1 << 21 };

struct stated {
    struct state_row row;
    int64_t line; /* of the first row that became this one */
    uint32_t service;
};

struct states {
    struct stated *rows; /* owned; by service, then time */
    size_t count, room;
};

/* The caller releases *ret_states. */
enum err_code states_read(const char *path, struct roster *roster, bool (*stopped)(void),
                          struct states *ret_states, struct err *err);
void states_release(struct states *states);
/* Rows of that service: the first of *ret_count, in order of time. */
const struct stated *states_of(const struct states *states, size_t service, size_t *ret_count);

#endif
