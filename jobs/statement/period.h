/*
 * The period of a statement: a calendar month in the contract's zone, and its name.
 */
#ifndef JOBS_STATEMENT_PERIOD_H
#define JOBS_STATEMENT_PERIOD_H

#include "base/arena.h"
#include "jobs/config/contract.h"

struct period {
    int64_t from_s, to_s; /* the whole month */
    /* "2026-10"; a version of the terms that follows another within the month is named after its first day, "2026-10-15": each
     * version has a statement of its own. In arena. */
    const char *name;
};

/* False: this version of the contract does not hold in that month. contracts: all versions of all contracts. month 1..12. */
bool period_find(const struct contract *contracts, size_t count, const struct contract *contract,
                 int32_t year, int32_t month, struct arena *arena, struct period *ret_period);
/* The last month that has ended in the contract's zone at that time. */
void period_last(const struct contract *contract, int64_t time_ns, int32_t *ret_year,
                 int32_t *ret_month);

#endif
