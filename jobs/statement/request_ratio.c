/* Method request_ratio: good requests over valid requests of the whole period, minute by minute. */
#include "base/check.h"
#include "jobs/statement/counted.h"

struct ratio {
    const struct contract *contract;
    struct counted counted;
    int64_t total, errors, slow; /* of what counts as measured */
    struct cover lossy;          /* excused minutes that lost something */
};

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
    const struct contract *contract = ratio->contract;
    const struct availability *availability = &contract->availability;
    enum grade grade = counted_grade(&ratio->counted, row->minute_s);
    int64_t errors = row->counts.errors;
    int64_t slow = availability->degraded_weight.numerator > 0 ? row->counts.slow : 0;

    /* Void counts follow the rule of the state: they are out, all good, or all lost. */
    if (counted_void(&ratio->counted, row->minute_s)) {
        enum unknown_rule rule = availability->unknown[grade];

        if (rule == UNKNOWN_EXCLUDE) {
            return;
        }
        errors = rule == UNKNOWN_DOWN ? row->counts.total : 0;
        slow = 0;
    }
    if (errors + slow > 0 && counted_excused(&ratio->counted, row->minute_s)) {
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

/* Here time without a state row is unknown, too: of whole minutes, for the first and the last may be cut by the validity. */
static struct timeline whole_minutes(const struct measure_input *input, struct arena *arena)
{
    int64_t from_s = input->valid_from_s / MINUTE_S * MINUTE_S;
    int64_t to_s = (input->valid_to_s + MINUTE_S - 1) / MINUTE_S * MINUTE_S;

    return timeline_build(input->service, from_s, to_s, arena);
}

void measure_request_ratio(const struct measure_input *input, struct arena *arena,
                           struct measure *ret_measure)
{
    struct timeline timeline = whole_minutes(input, arena);
    struct service_input service = *input->service;
    struct measure_input filled = *input;
    struct ratio ratio = {.contract = input->contract};
    struct rational lost;

    service.states = timeline.rows;
    service.state_count = timeline.count;
    filled.service = &service;
    counted_init(&ratio.counted, &filled, arena);
    ratio.lossy.spans = arena_calloc(arena, service.count_count + 1, sizeof(struct span));
    for (size_t i = 0; i < service.count_count; i++) {
        const struct count_row *row = &service.counts[i];

        if (row->minute_s + MINUTE_S > input->valid_from_s && row->minute_s < input->valid_to_s) {
            add_minute(&ratio, row, counted_measured(&ratio.counted, row->minute_s));
        }
    }
    measure_lay_counts(input, &timeline, &ratio.counted.excused, &ratio.lossy, arena, ret_measure);
    lost = rational_add(rational_make(ratio.errors, 1),
                        rational_multiply(input->contract->availability.degraded_weight,
                                          rational_make(ratio.slow, 1)));
    ret_measure->valid = fraction_of_int(arena, ratio.total);
    ret_measure->good = fraction_subtract(arena, ret_measure->valid, fraction_of(arena, lost));
}
