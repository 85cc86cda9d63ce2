/*
 * Local days of a period and what was booked in each: the daily bars.
 */
#ifndef JOBS_STATEMENT_DAYS_H
#define JOBS_STATEMENT_DAYS_H

#include "base/arena.h"
#include "base/zone.h"
#include "jobs/statement/model.h"

/* Days of 23 or 25 hours are what they are; the first and last may be cut by the period. */
void days_split(const struct zone *zone, const struct measure *measure, int64_t from_s,
                int64_t to_s, struct arena *arena, struct day **ret_days, size_t *ret_count);

#endif
