#include "jobs/statement/measure.h"

#include "base/check.h"
#include "base/clock.h"

static const struct rational all_good = {1, 1};
static const struct rational all_lost = {0, 1};
static const struct rational nothing = {0, 1};

struct segment measure_segment_of(const struct availability *availability, enum grade grade)
{
    struct segment segment = {.class = time_class_of(grade), .share = all_lost};

    if (grade_row(grade)->known) {
        segment.share = rational_subtract(all_good, availability->weights[grade]);
        return segment;
    }
    switch (availability->unknown[grade]) {
    case UNKNOWN_EXCLUDE:
        segment.excluded = true;
        break;
    case UNKNOWN_UP:
        segment.share = all_good;
        break;
    case UNKNOWN_DOWN:
        break;
    }
    return segment;
}

static bool same_share(struct rational a, struct rational b)
{
    /* Shares are reduced, or 0 in any form. */
    return a.numerator == b.numerator && (a.numerator == 0 || a.denominator == b.denominator);
}

void measure_push(struct measure *measure, struct segment segment)
{
    struct segment *last =
        measure->segment_count > 0 ? &measure->segments[measure->segment_count - 1] : NULL;

    if (segment.from_ns >= segment.to_ns) {
        return;
    }
    CHECK(last == NULL || last->to_ns == segment.from_ns);
    if (last != NULL && last->class == segment.class && last->excluded == segment.excluded &&
        same_share(last->share, segment.share)) {
        last->to_ns = segment.to_ns;
        return;
    }
    measure->segments[measure->segment_count++] = segment;
}

/* Spans of seconds along which time moves forward. */
struct walk {
    const struct span *spans;
    size_t count, next;
};

/* Whether at_ns is in a span; *border_ns is lowered to where that changes. */
static bool inside(struct walk *walk, int64_t at_ns, int64_t *border_ns)
{
    while (walk->next < walk->count && walk->spans[walk->next].to_s * NS_PER_SECOND <= at_ns) {
        walk->next++;
    }
    if (walk->next == walk->count) {
        return false;
    }
    bool in = walk->spans[walk->next].from_s * NS_PER_SECOND <= at_ns;
    int64_t change_ns =
        (in ? walk->spans[walk->next].to_s : walk->spans[walk->next].from_s) * NS_PER_SECOND;

    *border_ns = change_ns < *border_ns ? change_ns : *border_ns;
    return in;
}

/* `remove` takes excused time out, `forgive` keeps it in the denominator as good. */
static struct segment excuse(const struct contract *contract, struct segment segment)
{
    bool lost = !segment.excluded && rational_compare(segment.share, all_good) < 0;

    if (lost) {
        segment.class = TIME_MAINTENANCE;
        segment.excluded = contract->maintenance.excluded == EXCLUDED_REMOVE;
        segment.share = segment.excluded ? all_lost : all_good;
    }
    return segment;
}

void measure_sum_seconds(struct measure *measure)
{
    for (int k = 0; k < TIME_CLASS_COUNT; k++) {
        measure->seconds[k] = 0;
    }
    for (size_t i = 0; i < measure->segment_count; i++) {
        const struct segment *segment = &measure->segments[i];

        measure->seconds[segment->class] +=
            segment->to_ns / NS_PER_SECOND - segment->from_ns / NS_PER_SECOND;
    }
}

struct layers {
    const struct measure_input *input;
    const struct segment *raw;
    size_t raw_count, next;
    struct walk hours, cover;
};

/* What stands at at_ns when all layers lie over each other, up to where the first of them changes. */
static struct segment at(struct layers *layers, int64_t at_ns, int64_t end_ns)
{
    const struct measure_input *input = layers->input;
    const struct span valid = {input->valid_from_s, input->valid_to_s};
    struct segment segment = {.class = TIME_UP, .share = all_good};
    bool open, covered, holds;

    open = inside(&layers->hours, at_ns, &end_ns);
    covered = inside(&layers->cover, at_ns, &end_ns);
    holds = inside(&(struct walk){&valid, 1, 0}, at_ns, &end_ns);
    if (!open) {
        segment =
            (struct segment){.class = TIME_OUTSIDE_HOURS, .excluded = true, .share = all_lost};
    } else if (holds) {
        while (layers->raw[layers->next].to_ns <= at_ns) {
            layers->next++;
            CHECK(layers->next < layers->raw_count);
        }
        segment = layers->raw[layers->next];
        CHECK(segment.from_ns <= at_ns);
        end_ns = segment.to_ns < end_ns ? segment.to_ns : end_ns;
        segment = covered ? excuse(input->contract, segment) : segment;
    }
    segment.from_ns = at_ns;
    segment.to_ns = end_ns;
    return segment;
}

void measure_lay(const struct measure_input *input, const struct cover *cover,
                 const struct segment *raw, size_t raw_count, struct arena *arena,
                 struct measure *ret_measure)
{
    struct layers layers = {.input = input,
                            .raw = raw,
                            .raw_count = raw_count,
                            .hours = {input->hours->spans, input->hours->count, 0},
                            .cover = {cover->spans, cover->count, 0}};
    struct measure measure = {.good = FRACTION_ZERO, .valid = FRACTION_ZERO};
    int64_t now_ns = input->from_s * NS_PER_SECOND;
    int64_t end_ns = input->to_s * NS_PER_SECOND;

    CHECK(raw_count > 0);
    /* Every piece ends where one of the layers changes: two changes a span, one a segment, two of the validity. */
    measure.segments = arena_calloc(arena, raw_count + 2 * (cover->count + input->hours->count) + 4,
                                    sizeof(measure.segments[0]));
    while (now_ns < end_ns) {
        struct segment segment = at(&layers, now_ns, end_ns);

        measure_push(&measure, segment);
        now_ns = segment.to_ns;
    }
    measure_sum_seconds(&measure);
    *ret_measure = measure;
}

/* What a grade looks like in methods of requests: trouble counts as lost where it may be excused, and is drawn as it is. */
static struct segment drawn(const struct availability *availability, enum grade grade)
{
    struct segment segment = measure_segment_of(availability, grade);

    if (grade_row(grade)->known) {
        segment.share = grade == GRADE_OPERATIONAL ? all_good : all_lost;
    }
    return segment;
}

void measure_lay_counts(const struct measure_input *input, const struct timeline *timeline,
                        const struct cover *excused, const struct cover *lossy, struct arena *arena,
                        struct measure *ret_measure)
{
    const struct availability *availability = &input->contract->availability;
    struct walk walk = {lossy->spans, lossy->count, 0};
    struct measure raw = {.segments = arena_calloc(arena, timeline->count + 2 * lossy->count + 1,
                                                   sizeof(struct segment))};

    for (size_t i = 0; i < timeline->count; i++) {
        int64_t row_end_ns = timeline->rows[i].to_s * NS_PER_SECOND;
        int64_t now_ns = timeline->rows[i].from_s * NS_PER_SECOND;

        while (now_ns < row_end_ns) {
            struct segment segment = drawn(availability, timeline->rows[i].grade);

            segment.from_ns = now_ns;
            segment.to_ns = row_end_ns;
            if (inside(&walk, now_ns, &segment.to_ns) &&
                grade_row(timeline->rows[i].grade)->known) {
                segment.share = all_lost;
            }
            measure_push(&raw, segment);
            now_ns = segment.to_ns;
        }
    }
    measure_lay(input, excused, raw.segments, raw.segment_count, arena, ret_measure);
}

struct cover cover_whole_minutes(const struct cover *cover, struct arena *arena)
{
    enum { MINUTE_S = 60 };
    struct cover whole = {.spans = arena_calloc(arena, cover->count + 1, sizeof(whole.spans[0]))};

    for (size_t i = 0; i < cover->count; i++) {
        int64_t from_s = (cover->spans[i].from_s + MINUTE_S - 1) / MINUTE_S * MINUTE_S;
        int64_t to_s = cover->spans[i].to_s / MINUTE_S * MINUTE_S;

        if (from_s < to_s) {
            whole.spans[whole.count++] = (struct span){from_s, to_s};
        }
    }
    return whole;
}

void measure_sum_time(struct measure *measure, struct arena *arena)
{
    struct arena scratch = ARENA_INIT;
    struct fraction_sum *good = fraction_sum_new(&scratch);
    struct fraction second = fraction_of(&scratch, (struct rational){1, NS_PER_SECOND});
    int64_t valid_ns = 0;

    for (size_t i = 0; i < measure->segment_count; i++) {
        const struct segment *segment = &measure->segments[i];

        if (!segment->excluded) {
            valid_ns += segment->to_ns - segment->from_ns;
            fraction_sum_add(good, segment->to_ns - segment->from_ns, segment->share);
        }
    }
    measure->valid = fraction_multiply(arena, fraction_of_int(&scratch, valid_ns), second);
    measure->good = fraction_multiply(arena, fraction_sum_total(&scratch, good), second);
    arena_release(&scratch);
}

struct rational segment_loss(const struct segment *segment)
{
    return segment->excluded ? nothing : rational_subtract(all_good, segment->share);
}

/* The first moment of [from_ns, to_ns) that is within service hours; NULL: there is none. *at is the first segment that may overlap. */
static const struct segment *first_inside(const struct measure *measure, size_t *at,
                                          int64_t from_ns, int64_t to_ns)
{
    while (*at < measure->segment_count && measure->segments[*at].to_ns <= from_ns) {
        (*at)++;
    }
    for (size_t i = *at; i < measure->segment_count && measure->segments[i].from_ns < to_ns; i++) {
        if (measure->segments[i].class != TIME_OUTSIDE_HOURS) {
            return &measure->segments[i];
        }
    }
    return NULL;
}

void measure_sum_slices(struct measure *measure, int64_t from_s, int64_t to_s, int64_t slice_s,
                        struct arena *arena)
{
    struct arena scratch = ARENA_INIT;
    struct fraction_sum *good = fraction_sum_new(&scratch);
    int64_t valid = 0;
    size_t at = 0;

    CHECK(slice_s > 0);
    for (int64_t now_s = from_s; now_s < to_s; now_s += slice_s) {
        int64_t end_s = now_s + slice_s < to_s ? now_s + slice_s : to_s;
        const struct segment *segment =
            first_inside(measure, &at, now_s * NS_PER_SECOND, end_s * NS_PER_SECOND);

        if (segment != NULL && !segment->excluded) {
            valid++;
            fraction_sum_add(good, 1, segment->share);
        }
    }
    measure->valid = fraction_of_int(arena, valid);
    measure->good = fraction_add(arena, fraction_sum_total(&scratch, good), FRACTION_ZERO);
    arena_release(&scratch);
}

bool measure_uptime(const struct measure *measure, struct arena *arena, struct fraction *ret_uptime)
{
    if (fraction_sign(measure->valid) == 0) {
        return false;
    }
    *ret_uptime = fraction_divide(arena, measure->good, measure->valid);
    return true;
}
