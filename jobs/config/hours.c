#include "jobs/config/hours.h"

#include "base/check.h"

void hours_spans(const struct service_hours *hours, const struct zone *zone, int64_t from_s,
                 int64_t to_s, struct arena *arena, struct hours_span **ret_spans,
                 size_t *ret_count)
{
    (void)zone;
    CHECK(hours == NULL);
    *ret_spans = arena_calloc(arena, 1, sizeof(**ret_spans));
    (*ret_spans)[0] = (struct hours_span){from_s, to_s};
    *ret_count = 1;
}
