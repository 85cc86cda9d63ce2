/*
 * The period of a statement: a calendar month, quarter or year in the contract's zone, or a number of local days that end with a month; and its name.
 *
 * Periods are asked for by a month: with quarter and year any month of it, with rolling the month with which the days end. Errors: ERR_CONFIG
 * "FILE:LINE: what".
 */
#ifndef JOBS_STATEMENT_PERIOD_H
#define JOBS_STATEMENT_PERIOD_H

#include "base/arena.h"
#include "base/err.h"
#include "jobs/config/contract.h"

struct config; /* jobs/config/config.h */

struct period {
    int64_t from_s, to_s; /* the whole period, whatever part of it the contract holds in */
    /* "2026-10", "2026-Q4", "2026", "2026-10-30d". A version of the terms that follows another within the period is named after its first
     * day: "2026-10-15", or "2026-10-30d-from-2026-10-15" as that day lies in several of them. So every version has a statement of
     * its own. In arena. */
    const char *name;
};

/* The period that goes with that month, 1..12. False: this version of the contract does not hold in it. contracts: all versions of all
 * contracts. */
bool period_find(const struct contract *contracts, size_t count, const struct contract *contract,
                 int32_t year, int32_t month, struct arena *arena, struct period *ret_period);
/* The whole period around that time, by the contract's kind of period alone: rolling, the days ending with the month. */
void period_at(const struct contract *contract, int64_t time_s, struct arena *arena,
               struct period *ret_period);
/* The whole period that has that name, as stored: of any version of the contract with its kind of period. False: it is no such name. */
bool period_named(const struct contract *contract, struct str name, struct arena *arena,
                  struct period *ret_period);
/* Whether a period ends with that month, 1..12. */
bool period_ends(const struct contract *contract, int32_t month);
/* The last month with which a period has ended in the contract's zone at that time. */
void period_last(const struct contract *contract, int64_t time_ns, int32_t *ret_year,
                 int32_t *ret_month);
/* Local days of that time, whole or in part: 31 for October, also where a clock change makes it 745 hours. A day that a zone skipped is
 * none. */
int32_t period_days(const struct zone *zone, int64_t from_s, int64_t to_s);

/* The one version of the contract that holds in the period of that month, or in any time: where live statements are split, figures that are
 * asked for must not mix terms. ERR_CONFIG if there are two, or none: names the border; ERR_USAGE: there is no such contract. */
enum err_code period_terms(const struct config *config, struct str id, int32_t year, int32_t month,
                           struct arena *arena, const struct contract **ret_contract,
                           struct period *ret_period, struct err *err);
enum err_code period_terms_between(const struct config *config, struct str id, int64_t from_s,
                                   int64_t to_s, const struct contract **ret_contract,
                                   struct err *err);

#endif
