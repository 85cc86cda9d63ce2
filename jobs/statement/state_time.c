/* Method state_time: every grade loses its weight for as long as it lasts. */
#include "base/check.h"
#include "jobs/statement/method.h"

/* Books one stretch of one grade; where an announced window covers it, what would be lost becomes maintenance. */
static void book(const struct measure_input *input, int64_t from_s, int64_t to_s, enum grade grade,
                 struct measure *measure)
{
    const struct availability *availability = &input->contract->availability;
    enum effect effect = effect_of(availability, grade);
    bool lost = effect == EFFECT_LOST ||
                (effect == EFFECT_WEIGHTED && availability->weights[grade].numerator > 0);
    /* `forgive` keeps the time in the denominator, so it counts as good there. */
    enum effect excused =
        input->contract->maintenance.excluded == EXCLUDED_FORGIVE ? EFFECT_GOOD : EFFECT_EXCLUDED;

    for (size_t i = 0; lost && i < input->cover->count && from_s < to_s; i++) {
        const struct span *span = &input->cover->spans[i];
        int64_t begin_s = span->from_s > from_s ? span->from_s : from_s;
        int64_t end_s = span->to_s < to_s ? span->to_s : to_s;

        if (begin_s < end_s) {
            measure_push(measure, from_s, begin_s, time_class_of(grade), effect);
            measure_push(measure, begin_s, end_s, TIME_MAINTENANCE, excused);
            from_s = end_s;
        }
    }
    measure_push(measure, from_s, to_s, time_class_of(grade), effect);
}

void measure_state_time(const struct measure_input *input, struct arena *arena,
                        struct measure *ret_measure)
{
    const struct availability *availability = &input->contract->availability;
    struct timeline timeline =
        timeline_build(input->service, input->valid_from_s, input->valid_to_s, arena);
    struct measure measure = {0};

    timeline_absorb(&timeline, availability->absorb_ns);
    timeline_forgive_short(&timeline, availability->weights, availability->min_outage_ns);
    timeline_check(&timeline, input->valid_from_s, input->valid_to_s);
    /* Each border of a covered span can split one row into three; two more for what is deemed up. */
    measure.segments = arena_calloc(arena, timeline.count + 2 * input->cover->count + 2,
                                    sizeof(measure.segments[0]));
    measure_push(&measure, input->from_s, input->valid_from_s, TIME_UP, EFFECT_GOOD);
    for (size_t i = 0; i < timeline.count; i++) {
        const struct state_row *row = &timeline.rows[i];
        int64_t begin_s = row->from_s > input->valid_from_s ? row->from_s : input->valid_from_s;
        int64_t end_s = row->to_s < input->valid_to_s ? row->to_s : input->valid_to_s;

        if (begin_s < end_s) {
            book(input, begin_s, end_s, row->grade, &measure);
        }
    }
    measure_push(&measure, input->valid_to_s, input->to_s, TIME_UP, EFFECT_GOOD);
    measure_sum_time(&measure, availability->weights);
    *ret_measure = measure;
}
