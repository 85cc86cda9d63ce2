/* Methods ratio_time_slices and mean_interval_errors: the mean of the good ratios of slices. */
#include "jobs/statement/slices.h"

static void mean_of_ratios(const struct measure_input *input, enum unknown_rule no_traffic,
                           struct arena *arena, struct measure *ret_measure)
{
    slices_measure(input,
                   &(struct slice_terms){.slice_s = input->contract->availability.slice_s,
                                         .by_ratio = true,
                                         .no_traffic = no_traffic},
                   arena, ret_measure);
}

void measure_ratio_time_slices(const struct measure_input *input, struct arena *arena,
                               struct measure *ret_measure)
{
    mean_of_ratios(input, input->contract->availability.unknown[GRADE_NO_TRAFFIC], arena,
                   ret_measure);
}

/* An interval without requests has no errors, whatever the contract says of time without traffic. */
void measure_mean_interval_errors(const struct measure_input *input, struct arena *arena,
                                  struct measure *ret_measure)
{
    mean_of_ratios(input, UNKNOWN_UP, arena, ret_measure);
}
