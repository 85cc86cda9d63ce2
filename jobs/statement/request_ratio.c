/* Method request_ratio: good requests over valid requests of the whole period, minute by minute. */
#include "base/check.h"
#include "jobs/statement/measure.h"

enum { MINUTE_S = 60 };

struct ratio {
    const struct measure_input *input;
    struct timeline timeline;
    size_t row;                  /* of the timeline, at the minute being looked at */
    struct cover whole;          /* minutes that are wholly excused */
    size_t cover_index;          /* first of them that may still matter */
    size_t hours_index;          /* the same of service hours */
    int64_t total, errors, slow; /* of what counts as measured */
    struct cover lossy;          /* excused minutes that lost something */
};

/* Whether at_s is in a span; *index only moves forward. */
static bool within(const struct cover *cover, size_t *index, int64_t at_s)
{
    while (*index < cover->count && cover->spans[*index].to_s <= at_s) {
        (*index)++;
    }
    return *index < cover->count && cover->spans[*index].from_s <= at_s;
}

/* No second of the minute is known: its counts are void. *ret_grade: the state at its first second. */
static bool is_void(struct ratio *ratio, int64_t minute_s, enum grade *ret_grade)
{
    const struct timeline *timeline = &ratio->timeline;

    while (timeline->rows[ratio->row].to_s <= minute_s) {
        ratio->row++;
        CHECK(ratio->row < timeline->count);
    }
    *ret_grade = timeline->rows[ratio->row].grade;
    for (size_t i = ratio->row;
         i < timeline->count && timeline->rows[i].from_s < minute_s + MINUTE_S; i++) {
        if (grade_row(timeline->rows[i].grade)->known) {
            return false;
        }
    }
    return true;
}

static void note_lossy(struct ratio *ratio, int64_t minute_s)
{
    struct cover *lossy = &ratio->lossy;

    if (lossy->count > 0 && lossy->spans[lossy->count - 1].to_s == minute_s) {
        lossy->spans[lossy->count - 1].to_s = minute_s + MINUTE_S;
    } else {
        lossy->spans[lossy->count++] = (struct span){minute_s, minute_s + MINUTE_S};
    }
}

/* counted: its first second is measured. Of other minutes that reach into the period only the time is booked. */
static void add_minute(struct ratio *ratio, const struct count_row *row, bool counted)
{
    const struct contract *contract = ratio->input->contract;
    const struct availability *availability = &contract->availability;
    int64_t errors = row->counts.errors;
    int64_t slow = availability->degraded_weight.numerator > 0 ? row->counts.slow : 0;
    enum grade grade;

    /* Void counts follow the rule of the state: they are out, all good, or all lost. */
    if (is_void(ratio, row->minute_s, &grade)) {
        enum unknown_rule rule = availability->unknown[grade];

        if (rule == UNKNOWN_EXCLUDE) {
            return;
        }
        errors = rule == UNKNOWN_DOWN ? row->counts.total : 0;
        slow = 0;
    }
    if (errors + slow > 0 && within(&ratio->whole, &ratio->cover_index, row->minute_s)) {
        note_lossy(ratio, row->minute_s);
        if (contract->maintenance.excluded == EXCLUDED_REMOVE) {
            return;
        }
        errors = 0;
        slow = 0;
    }
    ratio->total += counted ? row->counts.total : 0;
    ratio->errors += counted ? errors : 0;
    ratio->slow += counted ? slow : 0;
}

void measure_request_ratio(const struct measure_input *input, struct arena *arena,
                           struct measure *ret_measure)
{
    const struct service_input *service = input->service;
    struct ratio ratio = {
        .input = input,
        .timeline = timeline_build(service, input->valid_from_s, input->valid_to_s, arena),
        .whole = cover_whole_minutes(input->cover, arena)};
    struct rational lost;

    ratio.lossy.spans = arena_calloc(arena, service->count_count + 1, sizeof(struct span));
    for (size_t i = 0; i < service->count_count; i++) {
        const struct count_row *row = &service->counts[i];

        CHECK(i == 0 || row->minute_s > service->counts[i - 1].minute_s);
        CHECK(row->counts.errors + row->counts.slow <= row->counts.total);
        if (row->minute_s + MINUTE_S > input->valid_from_s && row->minute_s < input->valid_to_s) {
            add_minute(&ratio, row,
                       row->minute_s >= input->valid_from_s &&
                           within(input->hours, &ratio.hours_index, row->minute_s));
        }
    }
    measure_lay_counts(input, &ratio.lossy, arena, ret_measure);
    lost = rational_add(rational_make(ratio.errors, 1),
                        rational_multiply(input->contract->availability.degraded_weight,
                                          rational_make(ratio.slow, 1)));
    ret_measure->valid = fraction_of_int(arena, ratio.total);
    ret_measure->good = fraction_subtract(arena, ret_measure->valid, fraction_of(arena, lost));
}
