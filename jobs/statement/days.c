#include "jobs/statement/days.h"

#include "base/check.h"
#include "base/clock.h"

enum {
    DAY_SHORTEST_S = 12 * 3600
}; /* no zone drops more than a day, and then the date is missing as a whole */

static void book(const struct measure *measure, size_t *at, struct day *day)
{
    while (*at < measure->segment_count &&
           measure->segments[*at].to_ns <= day->from_s * NS_PER_SECOND) {
        (*at)++;
    }
    for (size_t i = *at; i < measure->segment_count; i++) {
        const struct segment *segment = &measure->segments[i];
        int64_t from_s = segment->from_ns / NS_PER_SECOND;
        int64_t to_s = segment->to_ns / NS_PER_SECOND;
        int64_t begin_s = from_s > day->from_s ? from_s : day->from_s;
        int64_t end_s = to_s < day->to_s ? to_s : day->to_s;

        if (from_s >= day->to_s) {
            break;
        }
        day->seconds[segment->class] += end_s > begin_s ? end_s - begin_s : 0;
    }
}

/* Where the local day that holds `at_s` ends. */
static int64_t day_end(const struct zone *zone, const struct civil *today, int64_t at_s)
{
    int64_t days = civil_days(today->year, today->month, today->day);
    int64_t end_s = at_s;

    /* A date that a zone leaves out ends where it began; the next one then follows. */
    for (int ahead = 1; ahead <= 2 && end_s <= at_s; ahead++) {
        struct civil midnight = civil_from_seconds((days + ahead) * 86400);

        end_s = zone_from_local(zone, &midnight);
    }
    CHECK(end_s > at_s);
    return end_s;
}

void days_split(const struct zone *zone, const struct measure *measure, int64_t from_s,
                int64_t to_s, struct arena *arena, struct day **ret_days, size_t *ret_count)
{
    struct day *days =
        arena_calloc(arena, (size_t)((to_s - from_s) / DAY_SHORTEST_S) + 2, sizeof(days[0]));
    size_t count = 0;
    size_t at = 0;

    for (int64_t now_s = from_s; now_s < to_s; count++) {
        struct civil today = zone_to_local(zone, now_s);
        int64_t end_s = day_end(zone, &today, now_s);
        struct day *day = &days[count];

        *day = (struct day){.year = today.year,
                            .month = today.month,
                            .day = today.day,
                            .from_s = now_s,
                            .to_s = end_s < to_s ? end_s : to_s};
        book(measure, &at, day);
        now_s = day->to_s;
    }
    *ret_days = days;
    *ret_count = count;
}
