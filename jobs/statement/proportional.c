/* Method proportional: every minute in which too many requests failed is lost with its error ratio. */
#include "base/clock.h"
#include "jobs/statement/loss.h"

void measure_proportional(const struct measure_input *input, struct arena *arena,
                          struct measure *ret_measure)
{
    const struct availability *terms = &input->contract->availability;
    const struct rational nothing = {0, 1};
    struct rational limit = terms->max_error_ratio.present ? terms->max_error_ratio.value : nothing;
    const struct service_input *service = input->service;
    struct losses losses = {0};

    /* Only known time is booked by it, so minutes whose counts are void need no asking. */
    for (size_t i = 0; i < service->count_count; i++) {
        const struct count_row *row = &service->counts[i];

        if (counted_exceeds(row->counts.errors, row->counts.total, limit)) {
            losses_add(&losses, (struct loss){.from_ns = row->minute_s * NS_PER_SECOND,
                                              .to_ns = (row->minute_s + MINUTE_S) * NS_PER_SECOND,
                                              .part = row->counts.errors,
                                              .whole = row->counts.total});
        }
    }
    losses_lay(input, &losses, arena, ret_measure);
    losses_release(&losses);
}
