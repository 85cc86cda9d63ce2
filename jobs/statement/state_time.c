/* Method state_time: every grade loses its weight for as long as it lasts. */
#include "base/check.h"
#include "base/clock.h"
#include "jobs/statement/measure.h"

void measure_state_time(const struct measure_input *input, struct arena *arena,
                        struct measure *ret_measure)
{
    const struct availability *availability = &input->contract->availability;
    struct timeline timeline =
        timeline_build(input->service, input->valid_from_s, input->valid_to_s, arena);
    struct measure raw = {.segments = arena_calloc(arena, timeline.count, sizeof(struct segment))};

    timeline_absorb(&timeline, availability->absorb_ns);
    timeline_forgive_short(&timeline, availability->weights, availability->min_outage_ns);
    timeline_check(&timeline, input->valid_from_s, input->valid_to_s);
    for (size_t i = 0; i < timeline.count; i++) {
        struct segment segment = measure_segment_of(availability, timeline.rows[i].grade);

        segment.from_ns = timeline.rows[i].from_s * NS_PER_SECOND;
        segment.to_ns = timeline.rows[i].to_s * NS_PER_SECOND;
        measure_push(&raw, segment);
    }
    measure_lay(input, input->cover, raw.segments, raw.segment_count, arena, ret_measure);
    measure_sum_time(ret_measure, arena);
}
