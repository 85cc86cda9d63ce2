/* Method time_slices, and the second level of a contract, latency: the share of slices that are good. */
#include "base/check.h"
#include "jobs/statement/slices.h"

void measure_time_slices(const struct measure_input *input, struct arena *arena,
                         struct measure *ret_measure)
{
    const struct availability *availability = &input->contract->availability;
    struct limit over = availability->percentile;

    CHECK(availability->max_error_ratio.present || availability->max_slow_ratio.present ||
          over.present);
    if (over.present) {
        /* What is above the limit may be as much as the percentile leaves. */
        over.value = rational_subtract(rational_make(1, 1), over.value);
    }
    slices_measure(input,
                   &(struct slice_terms){.slice_s = availability->slice_s,
                                         .max_error_ratio = availability->max_error_ratio,
                                         .max_slow_ratio = availability->max_slow_ratio,
                                         .max_over_ratio = over,
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
