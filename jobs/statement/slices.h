/*
 * Slices: equal parts of the period that are judged as a whole, by the requests of their minutes.
 *
 * Slices begin where the period does; the last may be shorter. Their reading of service hours, validity, unknown time and announced maintenance is
 * that of decision 21. All measured seconds of a slice get one share, whatever column they are booked in.
 */
#ifndef JOBS_STATEMENT_SLICES_H
#define JOBS_STATEMENT_SLICES_H

#include "jobs/statement/measure.h"

struct slice_terms {
    int64_t slice_s;
    bool
        by_ratio; /* a slice is worth its good ratio, not 1 or 0; there is no bad time then, only the grades of minutes */
    /* Unless by_ratio: a slice above one of them is bad. */
    struct limit max_error_ratio, max_slow_ratio;
    struct limit max_over_ratio;  /* over / known of the service's latencies */
    enum unknown_rule no_traffic; /* instead of the contract's */
};

/* Fills segments, seconds, good and valid: good slices, or the sum of their ratios, of those that are measured. */
void slices_measure(const struct measure_input *input, const struct slice_terms *terms,
                    struct arena *arena, struct measure *ret_measure);

#endif
