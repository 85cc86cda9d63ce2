#include "jobs/statement/counted.h"

#include "base/check.h"
#include "base/memory.h"

static void check_counts(const struct service_input *service)
{
    for (size_t i = 0; i < service->count_count; i++) {
        const struct request_counts *counts = &service->counts[i].counts;

        CHECK(i == 0 || service->counts[i].minute_s > service->counts[i - 1].minute_s);
        CHECK(service->counts[i].minute_s % MINUTE_S == 0);
        CHECK(counts->errors >= 0);
        CHECK(counts->slow >= 0);
        CHECK(counts->errors <= counts->total - counts->slow);
    }
}

void counted_init(struct counted *counted, const struct measure_input *input, struct arena *arena)
{
    const struct service_input *service = input->service;

    check_counts(service);
    *counted = (struct counted){.input = input,
                                .states = service->states,
                                .state_count = service->state_count,
                                .excused = cover_whole_minutes(input->cover, arena)};
    counted->span.busy_from_s = INT64_MIN;
    counted->span.busy_to_s = INT64_MIN;
    if (service->state_count == 0 && service->count_count == 0) {
        /* Nothing was ever heard of it. */
        struct state_row *nothing = arena_calloc(arena, 1, sizeof(*nothing));

        *nothing = (struct state_row){
            .from_s = input->from_s, .to_s = input->to_s, .grade = GRADE_NOT_PROVISIONED};
        counted->states = nothing;
        counted->state_count = 1;
    }
}

/* Whether at_s is in a span; *border_s is lowered to where that changes. */
static bool inside(const struct cover *cover, struct counted_place *place, int64_t at_s,
                   int64_t *border_s)
{
    while (place->next < cover->count && cover->spans[place->next].to_s <= at_s) {
        place->next++;
    }
    if (place->next == cover->count) {
        return false;
    }
    bool in = cover->spans[place->next].from_s <= at_s;
    int64_t change_s = in ? cover->spans[place->next].to_s : cover->spans[place->next].from_s;

    *border_s = change_s < *border_s ? change_s : *border_s;
    return in;
}

static enum grade grade_at(const struct counted *counted, struct counted_place *place, int64_t at_s,
                           int64_t *border_s)
{
    while (place->next < counted->state_count && counted->states[place->next].to_s <= at_s) {
        place->next++;
    }
    if (place->next == counted->state_count) {
        return GRADE_OPERATIONAL;
    }
    const struct state_row *row = &counted->states[place->next];
    int64_t change_s = row->from_s <= at_s ? row->to_s : row->from_s;

    *border_s = change_s < *border_s ? change_s : *border_s;
    return row->from_s <= at_s ? row->grade : GRADE_OPERATIONAL;
}

enum grade counted_grade(struct counted *counted, int64_t minute_s)
{
    int64_t border_s = INT64_MAX;

    return grade_at(counted, &counted->void_at, minute_s, &border_s);
}

bool counted_void(struct counted *counted, int64_t minute_s)
{
    int64_t end_s = minute_s + MINUTE_S;
    int64_t border_s = end_s;
    enum grade grade = grade_at(counted, &counted->void_at, minute_s, &border_s);
    /* Within the minute a place of its own: the next minute may begin in the same row. */
    struct counted_place place = counted->void_at;

    while (!grade_row(grade)->known && border_s < end_s) {
        int64_t at_s = border_s;

        border_s = end_s;
        grade = grade_at(counted, &place, at_s, &border_s);
    }
    return !grade_row(grade)->known;
}

bool counted_measured(struct counted *counted, int64_t minute_s)
{
    const struct measure_input *input = counted->input;
    int64_t border_s = INT64_MAX;

    return minute_s >= input->from_s && minute_s < input->to_s && minute_s >= input->valid_from_s &&
           minute_s < input->valid_to_s &&
           inside(input->hours, &counted->open_at, minute_s, &border_s);
}

bool counted_excused(struct counted *counted, int64_t minute_s)
{
    int64_t border_s = INT64_MAX;

    return inside(&counted->excused, &counted->excused_at, minute_s, &border_s);
}

/* Whether at_s is in a minute with requests. */
static bool busy_at(struct counted *counted, int64_t at_s, int64_t *border_s)
{
    const struct service_input *service = counted->input->service;
    const struct count_row *rows = service->counts;
    size_t row = counted->span.row;

    while (counted->span.busy_to_s <= at_s) {
        while (row < service->count_count &&
               (rows[row].counts.total == 0 || rows[row].minute_s + MINUTE_S <= at_s)) {
            row++;
        }
        if (row == service->count_count) {
            counted->span.busy_from_s = INT64_MAX;
            counted->span.busy_to_s = INT64_MAX;
            break;
        }
        counted->span.busy_from_s = rows[row].minute_s;
        counted->span.busy_to_s = rows[row++].minute_s + MINUTE_S;
        while (row < service->count_count && rows[row].counts.total > 0 &&
               rows[row].minute_s == counted->span.busy_to_s) {
            counted->span.busy_to_s = rows[row++].minute_s + MINUTE_S;
        }
    }
    counted->span.row = row;

    bool busy = counted->span.busy_from_s <= at_s;
    int64_t change_s = busy ? counted->span.busy_to_s : counted->span.busy_from_s;

    *border_s = change_s < *border_s ? change_s : *border_s;
    return busy;
}

struct counted_span counted_span(struct counted *counted, int64_t from_s, int64_t to_s)
{
    const struct measure_input *input = counted->input;
    struct counted_span span = {.from_s = from_s, .to_s = to_s};

    CHECK(from_s < to_s);
    span.busy = busy_at(counted, from_s, &span.to_s);
    span.grade = grade_at(counted, &counted->span.state, from_s, &span.to_s);
    span.unknown = !grade_row(span.grade)->known && (span.busy || span.grade != GRADE_NO_TRAFFIC);
    span.open = inside(input->hours, &counted->span.hours, from_s, &span.to_s);
    span.excused = inside(&counted->excused, &counted->span.excused, from_s, &span.to_s);
    span.valid = from_s >= input->valid_from_s && from_s < input->valid_to_s;
    if (from_s < input->valid_from_s && input->valid_from_s < span.to_s) {
        span.to_s = input->valid_from_s;
    } else if (span.valid && input->valid_to_s < span.to_s) {
        span.to_s = input->valid_to_s;
    }
    return span;
}

bool counted_exceeds(int64_t part, int64_t whole, struct rational limit)
{
    /* Limits have at most 19 decimals, as ratios, and counts 63 bits: no product reaches 127. */
    return (int128)part * limit.denominator > limit.numerator * (int128)whole;
}

struct rational counted_share(int64_t part, int64_t whole)
{
    uint64_t a = (uint64_t)whole;
    uint64_t b = (uint64_t)part;

    CHECK(part >= 0);
    CHECK(part <= whole);
    CHECK(whole > 0);
    while (b != 0) {
        uint64_t rest = a % b;

        a = b;
        b = rest;
    }
    return (struct rational){part / (int64_t)a, whole / (int64_t)a};
}

int64_t counted_add(int64_t a, int64_t b)
{
    int64_t sum;

    CHECK(!__builtin_add_overflow(a, b, &sum));
    return sum;
}

void raw_time_push(struct raw_time *raw, struct segment segment)
{
    if (raw->measure.segment_count == raw->capacity) {
        raw->capacity = raw->capacity > 0 ? 2 * raw->capacity : 64;
        raw->measure.segments =
            memory_resize(raw->measure.segments, raw->capacity, sizeof(raw->measure.segments[0]));
    }
    measure_push(&raw->measure, segment);
}

void raw_time_release(struct raw_time *raw)
{
    memory_free(raw->measure.segments);
    *raw = (struct raw_time){0};
}
