/* What the methods share: segments and their sums. */
#include "base/check.h"
#include "jobs/statement/method.h"

enum effect effect_of(const struct availability *availability, enum grade grade)
{
    if (grade == GRADE_OPERATIONAL) {
        return EFFECT_GOOD;
    }
    if (grade_row(grade)->known) {
        return EFFECT_WEIGHTED;
    }
    switch (availability->unknown[grade]) {
    case UNKNOWN_EXCLUDE:
        return EFFECT_EXCLUDED;
    case UNKNOWN_UP:
        return EFFECT_GOOD;
    case UNKNOWN_DOWN:
        return EFFECT_LOST;
    }
    CHECK(!"a rule for unknown time");
    return EFFECT_LOST;
}

void measure_push(struct measure *measure, int64_t from_s, int64_t to_s, enum time_class class,
                  enum effect effect)
{
    struct segment *last =
        measure->segment_count > 0 ? &measure->segments[measure->segment_count - 1] : NULL;

    if (from_s >= to_s) {
        return;
    }
    CHECK(last == NULL || last->to_s == from_s);
    if (last != NULL && last->class == class && last->effect == effect) {
        last->to_s = to_s;
        return;
    }
    measure->segments[measure->segment_count++] = (struct segment){from_s, to_s, class, effect};
}

void measure_sum_seconds(struct measure *measure)
{
    for (int k = 0; k < TIME_CLASS_COUNT; k++) {
        measure->seconds[k] = 0;
    }
    for (size_t i = 0; i < measure->segment_count; i++) {
        const struct segment *segment = &measure->segments[i];

        measure->seconds[segment->class] += segment->to_s - segment->from_s;
    }
}

struct rational segment_share(const struct segment *segment, const struct rational *weights)
{
    const struct rational one = {1, 1};

    CHECK(segment->effect != EFFECT_EXCLUDED);
    switch (segment->effect) {
    case EFFECT_GOOD:
        return one;
    case EFFECT_WEIGHTED:
        CHECK(segment->class <= TIME_MAJOR);
        return rational_subtract(one, weights[segment->class]);
    case EFFECT_LOST:
    case EFFECT_EXCLUDED:
        break;
    }
    return (struct rational){0, 1};
}

void measure_sum_time(struct measure *measure, const struct rational *weights)
{
    /* Whole seconds are added as integers first: one multiplication per class instead of one per segment. */
    int64_t weighted_s[TIME_MAJOR + 1] = {0};
    int64_t lost_s = 0;
    int64_t valid_s = 0;
    struct rational lost;

    for (size_t i = 0; i < measure->segment_count; i++) {
        const struct segment *segment = &measure->segments[i];
        int64_t length_s = segment->to_s - segment->from_s;

        valid_s += segment->effect != EFFECT_EXCLUDED ? length_s : 0;
        lost_s += segment->effect == EFFECT_LOST ? length_s : 0;
        if (segment->effect == EFFECT_WEIGHTED) {
            CHECK(segment->class <= TIME_MAJOR);
            weighted_s[segment->class] += length_s;
        }
    }
    lost = rational_make(lost_s, 1);
    for (int k = TIME_DEGRADED; k <= TIME_MAJOR; k++) {
        lost = rational_add(lost, rational_multiply(weights[k], rational_make(weighted_s[k], 1)));
    }
    measure->valid = rational_make(valid_s, 1);
    measure->good = rational_subtract(measure->valid, lost);
    measure_sum_seconds(measure);
}
