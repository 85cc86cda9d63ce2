#include "jobs/statement/moment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

const char *moment_text_ns(struct arena *arena, const struct zone *zone, int64_t time_ns)
{
    int64_t seconds = time_ns / NS_PER_SECOND - (time_ns % NS_PER_SECOND < 0);
    int64_t rest_ns = time_ns - seconds * NS_PER_SECOND;
    const char *whole = moment_text(arena, zone, seconds);

    if (rest_ns == 0) {
        return whole;
    }
    /* "YYYY-MM-DDTHH:MM:SS" is 19 characters long. */
    return arena_format(arena, "%.19s.%09" PRId64 "%s", whole, rest_ns, whole + 19);
}

const char *moment_text(struct arena *arena, const struct zone *zone, int64_t seconds)
{
    int32_t offset = zone_offset(zone, seconds);
    bool whole_minutes = offset % 60 == 0;
    struct civil civil = civil_from_seconds(seconds + (whole_minutes ? offset : 0));
    char text[CIVIL_TEXT_SIZE + 16];
    size_t size = civil_format(&civil, text);

    if (whole_minutes && offset != 0) {
        (void)snprintf(text + size, sizeof(text) - size, "%c%02d:%02d", offset < 0 ? '-' : '+',
                       abs((int)offset) / 3600, abs((int)offset) / 60 % 60);
    } else {
        (void)snprintf(text + size, sizeof(text) - size, "Z");
    }
    return arena_text(arena, STR(text));
}
