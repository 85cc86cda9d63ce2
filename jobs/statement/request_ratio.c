/* Method request_ratio: good requests over valid requests of the whole period, minute by minute. */
#include "base/check.h"
#include "jobs/statement/method.h"

enum { MINUTE_S = 60 };

struct ratio {
    const struct measure_input *input;
    struct timeline timeline;
    size_t row;                  /* of the timeline, at the minute being looked at */
    size_t cover_index;          /* first covered span that may still matter */
    int64_t total, errors, slow; /* of what counts as measured */
    struct cover taken;          /* minutes taken out or forgiven */
};

static enum grade grade_at(struct ratio *ratio, int64_t time_s)
{
    while (ratio->timeline.rows[ratio->row].to_s <= time_s) {
        ratio->row++;
        CHECK(ratio->row < ratio->timeline.count);
    }
    return ratio->timeline.rows[ratio->row].grade;
}

/* Only a wholly covered minute is excused. */
static bool wholly_covered(struct ratio *ratio, int64_t minute_s)
{
    const struct cover *cover = ratio->input->cover;

    while (ratio->cover_index < cover->count && cover->spans[ratio->cover_index].to_s <= minute_s) {
        ratio->cover_index++;
    }
    return ratio->cover_index < cover->count &&
           cover->spans[ratio->cover_index].from_s <= minute_s &&
           cover->spans[ratio->cover_index].to_s >= minute_s + MINUTE_S;
}

static void take(struct ratio *ratio, int64_t minute_s)
{
    struct cover *taken = &ratio->taken;

    if (taken->count > 0 && taken->spans[taken->count - 1].to_s == minute_s) {
        taken->spans[taken->count - 1].to_s = minute_s + MINUTE_S;
    } else {
        taken->spans[taken->count++] = (struct span){minute_s, minute_s + MINUTE_S};
    }
}

static void add_minute(struct ratio *ratio, const struct count_row *row)
{
    const struct contract *contract = ratio->input->contract;
    const struct availability *availability = &contract->availability;
    enum grade grade = grade_at(ratio, row->minute_s);
    /* An unknown state overrides the counts: rule by rule they are out, all good, or all lost. */
    bool known = grade_row(grade)->known;
    enum effect effect = known ? EFFECT_GOOD : effect_of(availability, grade);
    int64_t errors = known ? row->counts.errors : 0;
    int64_t slow = known && availability->degraded_weight.numerator > 0 ? row->counts.slow : 0;

    if (effect == EFFECT_LOST) {
        errors = row->counts.total;
    }
    if (effect == EFFECT_EXCLUDED) {
        return;
    }
    if (errors + slow > 0 && wholly_covered(ratio, row->minute_s)) {
        take(ratio, row->minute_s);
        if (contract->maintenance.excluded == EXCLUDED_REMOVE) {
            return;
        }
        errors = 0;
        slow = 0;
    }
    ratio->total += row->counts.total;
    ratio->errors += errors;
    ratio->slow += slow;
}

/* The whole minutes of the covered spans. */
static struct cover whole_minutes(const struct cover *cover, struct arena *arena)
{
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

/* Spans that turn time into maintenance; `next` is the first one that may still matter. */
struct excuse {
    const struct cover *cover;
    size_t next;
};

/* Books [at_s, end_s): what the spans excuse as maintenance, the rest as it is. */
static void book_row(struct measure *measure, struct excuse *excuse, int64_t at_s, int64_t end_s,
                     enum time_class class, enum effect effect)
{
    const struct cover *cover = excuse->cover;

    while (at_s < end_s) {
        while (excuse->next < cover->count && cover->spans[excuse->next].to_s <= at_s) {
            excuse->next++;
        }
        bool any = excuse->next < cover->count && cover->spans[excuse->next].from_s < end_s;
        int64_t begin_s = any ? cover->spans[excuse->next].from_s : end_s;
        int64_t stop_s = any && cover->spans[excuse->next].to_s < end_s
                             ? cover->spans[excuse->next].to_s
                             : end_s;

        if (begin_s > at_s) {
            measure_push(measure, at_s, begin_s, class, effect);
            at_s = begin_s;
        } else {
            measure_push(measure, at_s, stop_s, TIME_MAINTENANCE, EFFECT_EXCLUDED);
            at_s = stop_s;
        }
    }
}

/* Time plays no part in the fraction; it is booked so that the month adds up and can be drawn. An outage that was announced is
 * drawn as maintenance also in minutes without a request: a reader would ask why half of it is one and half the other. */
static void book_time(const struct ratio *ratio, struct arena *arena, struct measure *measure)
{
    const struct measure_input *input = ratio->input;
    struct cover whole = whole_minutes(input->cover, arena);
    struct excuse lossy = {&ratio->taken, 0};
    struct excuse troubled = {&whole, 0};

    measure->segments =
        arena_calloc(arena, ratio->timeline.count + 2 * (ratio->taken.count + whole.count) + 2,
                     sizeof(measure->segments[0]));
    measure_push(measure, input->from_s, input->valid_from_s, TIME_UP, EFFECT_GOOD);
    for (size_t i = 0; i < ratio->timeline.count; i++) {
        const struct state_row *row = &ratio->timeline.rows[i];
        bool bad = grade_row(row->grade)->known && row->grade != GRADE_OPERATIONAL;
        int64_t at_s = row->from_s > input->valid_from_s ? row->from_s : input->valid_from_s;
        int64_t end_s = row->to_s < input->valid_to_s ? row->to_s : input->valid_to_s;

        book_row(measure, bad ? &troubled : &lossy, at_s, end_s, time_class_of(row->grade),
                 effect_of(&input->contract->availability, row->grade));
    }
    measure_push(measure, input->valid_to_s, input->to_s, TIME_UP, EFFECT_GOOD);
    measure_sum_seconds(measure);
}

void measure_request_ratio(const struct measure_input *input, struct arena *arena,
                           struct measure *ret_measure)
{
    const struct service_input *service = input->service;
    struct ratio ratio = {
        .input = input,
        .timeline = timeline_build(service, input->valid_from_s, input->valid_to_s, arena)};
    struct measure measure = {0};
    struct rational lost;

    ratio.taken.spans = arena_calloc(arena, service->count_count + 1, sizeof(struct span));
    for (size_t i = 0; i < service->count_count; i++) {
        const struct count_row *row = &service->counts[i];

        CHECK(i == 0 || row->minute_s > service->counts[i - 1].minute_s);
        CHECK(row->counts.errors + row->counts.slow <= row->counts.total);
        if (row->minute_s >= input->valid_from_s && row->minute_s < input->valid_to_s) {
            add_minute(&ratio, row);
        }
    }
    book_time(&ratio, arena, &measure);
    lost = rational_add(rational_make(ratio.errors, 1),
                        rational_multiply(input->contract->availability.degraded_weight,
                                          rational_make(ratio.slow, 1)));
    measure.valid = rational_make(ratio.total, 1);
    measure.good = rational_subtract(measure.valid, lost);
    *ret_measure = measure;
}
