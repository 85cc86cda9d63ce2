#include "jobs/config/hours.h"

#include "base/check.h"
#include "base/civil.h"

enum { DAY_S = 86400 };

struct walk {
    const struct service_hours *hours;
    struct arena *arena;
    struct span *spans;
    size_t count, capacity;
};

static bool is_holiday(const struct service_hours *hours, int64_t day)
{
    size_t low = 0;
    size_t high = hours->holiday_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (hours->holidays[middle] == day) {
            return true;
        }
        if (hours->holidays[middle] < day) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

/* Spans that touch are one: hours to 24:00 and from 00:00 on, or on both sides of a change of clocks. */
static void push(struct walk *walk, int64_t from_s, int64_t to_s)
{
    if (from_s >= to_s) {
        return;
    }
    if (walk->count > 0 && walk->spans[walk->count - 1].to_s == from_s) {
        walk->spans[walk->count - 1].to_s = to_s;
        return;
    }
    if (walk->count == walk->capacity) {
        struct span *grown;

        walk->capacity = walk->capacity == 0 ? 64 : walk->capacity * 2;
        grown = arena_calloc(walk->arena, walk->capacity, sizeof(grown[0]));
        if (walk->count > 0) {
            memcpy(grown, walk->spans, walk->count * sizeof(grown[0]));
        }
        walk->spans = grown;
    }
    walk->spans[walk->count++] = (struct span){from_s, to_s};
}

/* [from_s, to_s) of one offset, in which wall time runs evenly. */
static void walk_stretch(struct walk *walk, int64_t from_s, int64_t to_s, int32_t offset)
{
    int64_t wall_from = from_s + offset;
    int64_t wall_to = to_s + offset;
    int64_t day = wall_from / DAY_S - (wall_from % DAY_S < 0);

    for (; day * DAY_S < wall_to; day++) {
        int weekday = civil_weekday(day);

        for (size_t i = 0; i < walk->hours->weekdays[weekday].count; i++) {
            const struct hours_range *range = &walk->hours->weekdays[weekday].ranges[i];
            int64_t from = day * DAY_S + range->from_s;
            int64_t to = day * DAY_S + range->to_s;

            if (!is_holiday(walk->hours, day)) {
                push(walk, (from > wall_from ? from : wall_from) - offset,
                     (to < wall_to ? to : wall_to) - offset);
            }
        }
    }
}

void hours_spans(const struct service_hours *hours, const struct zone *zone, int64_t from_s,
                 int64_t to_s, struct arena *arena, struct span **ret_spans, size_t *ret_count)
{
    struct walk walk = {.hours = hours, .arena = arena};

    if (hours == NULL) {
        push(&walk, from_s, to_s);
    }
    while (hours != NULL && from_s < to_s) {
        int64_t change_s = zone_next_change(zone, from_s);
        int64_t end_s = change_s < to_s ? change_s : to_s;

        walk_stretch(&walk, from_s, end_s, zone_offset(zone, from_s));
        from_s = end_s;
    }
    *ret_spans = walk.spans;
    *ret_count = walk.count;
}
