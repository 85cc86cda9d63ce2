/*
 * The time that an objective looks at, in minutes since 1970: its period, its days, its slices.
 *
 * `now` is the first minute that is not complete. Slices lie on a grid: from the start of the period for calendar windows, from 1970 for rolling ones. What is
 * measured ends at the last border of a slice that is not after now. A calendar window is that of the minute before now. Intervals are half-open; a minute belongs to what its first second belongs to.
 */
#ifndef JOBS_SLO_SPAN_H
#define JOBS_SLO_SPAN_H

#include "jobs/config/slo.h"

struct slo_span {
    int64_t from, to;   /* the whole period; to may lie in the future */
    int64_t until;      /* from <= until <= to: measured so far */
    int64_t slice;      /* minutes; 1 for request_ratio */
    int64_t slice_from; /* a border of the grid */
};

void slo_span_init(struct slo_span *span, const struct slo *slo, int64_t now);
/* The local day of a minute, as days since 1970-01-01, and the first minute of a day: it ends where the next one begins. */
int64_t slo_day(const struct slo *slo, int64_t minute);
int64_t slo_midnight(const struct slo *slo, int64_t day);

#endif
