#include "jobs/statement/ruler.h"

#include "base/check.h"
#include "base/clock.h"

struct mark {
    int64_t from_ns, to_ns;
    int64_t before_s; /* of all pieces before it */
};

struct ruler ruler_new(struct arena *arena, size_t room)
{
    return (struct ruler){.marks = arena_calloc(arena, room + 1, sizeof(struct mark)),
                          .room = room};
}

/* Of a mark up to a moment that is not before it. */
static int64_t reach_s(const struct mark *mark, int64_t at_ns)
{
    int64_t end_ns = at_ns < mark->to_ns ? at_ns : mark->to_ns;

    return end_ns / NS_PER_SECOND - mark->from_ns / NS_PER_SECOND;
}

void ruler_add(struct ruler *ruler, int64_t from_ns, int64_t to_ns)
{
    const struct mark *last = ruler->count > 0 ? &ruler->marks[ruler->count - 1] : NULL;

    CHECK(from_ns < to_ns);
    CHECK(ruler->count < ruler->room);
    CHECK(last == NULL || last->to_ns <= from_ns);
    ruler->marks[ruler->count++] =
        (struct mark){.from_ns = from_ns,
                      .to_ns = to_ns,
                      .before_s = last != NULL ? last->before_s + reach_s(last, last->to_ns) : 0};
}

/* Seconds before a moment. */
static int64_t seconds_before(const struct ruler *ruler, int64_t at_ns)
{
    size_t low = 0, high = ruler->count;

    while (low < high) { /* the first mark that begins at the moment or later */
        size_t middle = low + (high - low) / 2;

        if (ruler->marks[middle].from_ns < at_ns) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 ? ruler->marks[low - 1].before_s + reach_s(&ruler->marks[low - 1], at_ns) : 0;
}

int64_t ruler_seconds(const struct ruler *ruler, int64_t from_ns, int64_t to_ns)
{
    return from_ns < to_ns ? seconds_before(ruler, to_ns) - seconds_before(ruler, from_ns) : 0;
}
