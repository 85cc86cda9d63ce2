/* Method time_slices, and the second level of a contract, latency: the share of slices that are good. */
#include "base/check.h"
#include "jobs/statement/slices.h"

void measure_time_slices(const struct measure_input *input, struct arena *arena,
                         struct measure *ret_measure)
{
    const struct availability *availability = &input->contract->availability;

    /* Counts of minutes hold no percentile: who reads them refuses such a contract. */
    CHECK(!availability->percentile.present);
    CHECK(availability->max_error_ratio.present || availability->max_slow_ratio.present);
    slices_measure(input,
                   &(struct slice_terms){.slice_s = availability->slice_s,
                                         .max_error_ratio = availability->max_error_ratio,
                                         .max_slow_ratio = availability->max_slow_ratio,
                                         .no_traffic = availability->unknown[GRADE_NO_TRAFFIC]},
                   arena, ret_measure);
}

void measure_latency(const struct measure_input *input, struct arena *arena,
                     struct measure *ret_measure)
{
    const struct latency_terms *latency = &input->contract->latency;

    CHECK(latency->present);
    slices_measure(input,
                   &(struct slice_terms){
                       .slice_s = latency->slice_s,
                       .max_slow_ratio = {.present = true, .value = latency->max_slow_ratio},
                       .no_traffic = input->contract->availability.unknown[GRADE_NO_TRAFFIC]},
                   arena, ret_measure);
}
