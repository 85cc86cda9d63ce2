#include "jobs/evaluate/coverage.h"

#include "base/check.h"
#include "base/memory.h"

enum { ROWS_FIRST = 256, SECONDS_PER_MINUTE = 60 };

void coverage_release(struct coverage *coverage)
{
    memory_free(coverage->rows);
    *coverage = (struct coverage){0};
}

/* Appends, as one with a neighbour of the same state. */
static void push(struct coverage *coverage, struct state_row row)
{
    struct state_row *last = coverage->count > 0 ? &coverage->rows[coverage->count - 1] : NULL;

    CHECK(row.from_s < row.to_s);
    if (last != NULL && last->to_s == row.from_s && last->grade == row.grade &&
        last->claimed == row.claimed) {
        last->to_s = row.to_s;
        return;
    }
    CHECK(last == NULL || last->to_s <= row.from_s);
    if (coverage->count == coverage->room) {
        coverage->room = coverage->room > 0 ? 2 * coverage->room : ROWS_FIRST;
        coverage->rows = memory_resize(coverage->rows, coverage->room, sizeof(coverage->rows[0]));
    }
    coverage->rows[coverage->count++] = row;
}

void coverage_of_states(struct coverage *coverage, const struct stated *states, size_t count)
{
    coverage->count = 0;
    for (size_t i = 0; i < count; i++) {
        push(coverage, states[i].row);
    }
}

/* A walk along the time line. */
struct walk {
    const struct minutes_of_service *minutes;
    const struct stated *states;
    size_t state_count;
    size_t minute, state; /* the first of each that does not end before now */
};

/* The next unknown state that does not end before that time; NULL: there is none. */
static const struct state_row *unknown_from(struct walk *walk, int64_t now_s)
{
    while (walk->state < walk->state_count &&
           (walk->states[walk->state].row.to_s <= now_s ||
            grade_row(walk->states[walk->state].row.grade)->known)) {
        walk->state++;
    }
    return walk->state < walk->state_count ? &walk->states[walk->state].row : NULL;
}

/* What the counts say from that time on, up to end_s at the latest. */
static struct state_row counted_from(struct walk *walk, int64_t now_s, int64_t end_s)
{
    const struct count_row *rows = walk->minutes != NULL ? walk->minutes->rows : NULL;
    size_t count = walk->minutes != NULL ? walk->minutes->count : 0;
    struct state_row row = {.from_s = now_s, .to_s = end_s, .grade = GRADE_NO_TRAFFIC};
    int64_t until_s = end_s;

    while (walk->minute < count && rows[walk->minute].minute_s + SECONDS_PER_MINUTE <= now_s) {
        walk->minute++;
    }
    if (walk->minute < count && rows[walk->minute].minute_s <= now_s) {
        row.grade = GRADE_OPERATIONAL;
        until_s = rows[walk->minute].minute_s + SECONDS_PER_MINUTE;
    } else if (walk->minute < count) {
        until_s = rows[walk->minute].minute_s;
    }
    row.to_s = until_s < end_s ? until_s : end_s;
    return row;
}

/* Widens the interval to everything that there is a row of. */
static void widen(const struct walk *walk, int64_t *from_s, int64_t *to_s)
{
    const struct minutes_of_service *minutes = walk->minutes;

    if (minutes != NULL && minutes->count > 0) {
        int64_t first_s = minutes->rows[0].minute_s;
        int64_t last_s = minutes->rows[minutes->count - 1].minute_s + SECONDS_PER_MINUTE;

        *from_s = first_s < *from_s ? first_s : *from_s;
        *to_s = last_s > *to_s ? last_s : *to_s;
    }
    if (walk->state_count > 0) {
        int64_t first_s = walk->states[0].row.from_s;
        int64_t last_s = walk->states[walk->state_count - 1].row.to_s;

        *from_s = first_s < *from_s ? first_s : *from_s;
        *to_s = last_s > *to_s ? last_s : *to_s;
    }
}

void coverage_of_minutes(struct coverage *coverage, const struct minutes_of_service *minutes,
                         const struct stated *states, size_t count, int64_t from_s, int64_t to_s)
{
    struct walk walk = {.minutes = minutes, .states = states, .state_count = count};

    coverage->count = 0;
    if (minutes == NULL && count == 0) {
        return;
    }
    widen(&walk, &from_s, &to_s);
    while (from_s < to_s) {
        const struct state_row *unknown = unknown_from(&walk, from_s);
        struct state_row row;

        if (unknown != NULL && unknown->from_s <= from_s) {
            row = *unknown;
            row.from_s = from_s;
        } else {
            row = counted_from(&walk, from_s, unknown != NULL ? unknown->from_s : to_s);
        }
        push(coverage, row);
        from_s = row.to_s;
    }
}
