#include "jobs/statement/bars.h"

#include "base/check.h"

/* From the top of the bar down; what is left below is up. */
static const enum time_class stack[] = {
    TIME_MAJOR,      TIME_PARTIAL,    TIME_DEGRADED,        TIME_MAINTENANCE,   TIME_PIPELINE_GAP,
    TIME_PROBE_DOWN, TIME_NO_TRAFFIC, TIME_NOT_PROVISIONED, TIME_OUTSIDE_HOURS,
};

_Static_assert(ARRAY_COUNT(stack) == TIME_CLASS_COUNT - 1, "every class is drawn");

size_t bars_of_day(const struct tree *day, struct bars_piece ret_pieces[TIME_CLASS_COUNT])
{
    const struct tree *seconds = tree_at(day, "seconds");
    int64_t length = tree_integer(day, "length_seconds");
    size_t count = 0;
    int y = 0;

    for (size_t i = 0; i < ARRAY_COUNT(stack) && length > 0; i++) {
        int64_t value = tree_integer(seconds, time_class_name(stack[i]));
        int height = value > 0 && value <= length ? (int)((int128)value * BARS_HEIGHT / length) : 0;

        height = value > 0 && height < BARS_LEAST ? BARS_LEAST : height;
        height = height > BARS_HEIGHT - y ? BARS_HEIGHT - y : height;
        if (height > 0) {
            ret_pieces[count++] = (struct bars_piece){stack[i], y, height};
            y += height;
        }
    }
    if (y < BARS_HEIGHT) {
        ret_pieces[count++] = (struct bars_piece){TIME_UP, y, BARS_HEIGHT - y};
    }
    return count;
}

bool bars_wholly_up(const struct tree *day)
{
    return tree_integer(day, "seconds.up") == tree_integer(day, "length_seconds");
}
