/*
 * A ruler: pieces of time, and how many of their seconds lie between two moments. Takes logarithmic time, however many pieces there are: outages and
 * announcements come from outside, and each of one kind is held against all of the other.
 *
 * Pieces ascend and are apart from each other. Their borders, and the moments, are rounded down to whole seconds, so that parts add up. In an arena.
 */
#ifndef JOBS_STATEMENT_RULER_H
#define JOBS_STATEMENT_RULER_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct ruler {
    struct mark *marks;
    size_t count, room;
};

struct ruler ruler_new(struct arena *arena, size_t room);
/* Behind all others, and at most `room` of them. */
void ruler_add(struct ruler *ruler, int64_t from_ns, int64_t to_ns);
int64_t ruler_seconds(const struct ruler *ruler, int64_t from_ns, int64_t to_ns);

#endif
