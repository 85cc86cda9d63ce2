#include "jobs/statement/timeline.h"

#include "base/check.h"
#include "base/clock.h"

static bool graded(const struct state_row *row)
{
    return grade_row(row->grade)->known && !row->claimed;
}

/* Appends and merges with the last row if that has the same state. */
static void push(struct timeline *timeline, int64_t from_s, int64_t to_s, enum grade grade,
                 bool claimed)
{
    struct state_row *last = timeline->count > 0 ? &timeline->rows[timeline->count - 1] : NULL;

    if (from_s >= to_s) {
        return;
    }
    if (last != NULL && last->grade == grade && last->claimed == claimed) {
        last->to_s = to_s;
        return;
    }
    timeline->rows[timeline->count++] = (struct state_row){from_s, to_s, grade, claimed};
}

void timeline_check(const struct timeline *timeline, int64_t from_s, int64_t to_s)
{
    CHECK(timeline->count > 0);
    CHECK(timeline->rows[0].from_s <= from_s);
    CHECK(timeline->rows[timeline->count - 1].to_s >= to_s);
    for (size_t i = 0; i < timeline->count; i++) {
        CHECK(timeline->rows[i].from_s < timeline->rows[i].to_s);
        if (i > 0) {
            CHECK(timeline->rows[i].from_s == timeline->rows[i - 1].to_s);
            CHECK(timeline->rows[i].grade != timeline->rows[i - 1].grade ||
                  timeline->rows[i].claimed != timeline->rows[i - 1].claimed);
        }
    }
}

struct timeline timeline_build(const struct service_input *service, int64_t from_s, int64_t to_s,
                               struct arena *arena)
{
    struct timeline timeline = {0};
    int64_t end_s = from_s;

    CHECK(from_s < to_s);
    /* Every row may be followed by a filled gap; one more before the first and one behind the last. */
    timeline.rows = arena_calloc(arena, 2 * service->state_count + 2, sizeof(timeline.rows[0]));
    for (size_t i = 0; i < service->state_count; i++) {
        const struct state_row *row = &service->states[i];

        CHECK(row->from_s < row->to_s);
        if (i == 0) {
            push(&timeline, from_s, row->from_s, GRADE_NOT_PROVISIONED, false);
        } else {
            CHECK(row->from_s >= end_s);
            push(&timeline, end_s, row->from_s, GRADE_PIPELINE_GAP, false);
        }
        push(&timeline, row->from_s, row->to_s, row->grade, row->claimed);
        end_s = row->to_s;
    }
    push(&timeline, end_s, to_s,
         service->state_count == 0 ? GRADE_NOT_PROVISIONED : GRADE_PIPELINE_GAP, false);
    timeline_check(&timeline, from_s, to_s);
    return timeline;
}

void timeline_absorb(struct timeline *timeline, int64_t absorb_ns)
{
    struct state_row *rows = timeline->rows;
    size_t kept =
        0; /* rows[0..kept) are decided; the next one is judged against the last of them */

    for (size_t i = 0; i < timeline->count; i++) {
        const struct state_row row = rows[i];
        bool inner = kept > 0 && i + 1 < timeline->count;

        if (inner && graded(&row) && graded(&rows[kept - 1]) && graded(&rows[i + 1]) &&
            rows[kept - 1].grade == rows[i + 1].grade &&
            (int128)(row.to_s - row.from_s) * NS_PER_SECOND <= absorb_ns) {
            rows[kept - 1].to_s = rows[i + 1].to_s;
            i++;
            continue;
        }
        rows[kept++] = row;
    }
    timeline->count = kept;
}

static bool in_outage(const struct state_row *row, const struct rational *weights)
{
    return grade_row(row->grade)->known && weights[row->grade].numerator > 0;
}

void timeline_forgive_short(struct timeline *timeline, const struct rational *weights,
                            int64_t min_outage_ns)
{
    struct timeline merged = {timeline->rows, 0};
    size_t i = 0;

    while (i < timeline->count) {
        size_t end = i;
        enum grade as = GRADE_OPERATIONAL;
        bool forgiven;

        while (end < timeline->count && in_outage(&timeline->rows[end], weights)) {
            end++;
        }
        forgiven = end > i && (int128)(timeline->rows[end - 1].to_s - timeline->rows[i].from_s) *
                                      NS_PER_SECOND <
                                  min_outage_ns;
        end = end > i ? end : i + 1;
        /* push writes at most at the place it reads from, so the rows can be rewritten where they stand. */
        for (; i < end; i++) {
            const struct state_row row = timeline->rows[i];

            push(&merged, row.from_s, row.to_s, forgiven ? as : row.grade,
                 !forgiven && row.claimed);
        }
    }
    timeline->count = merged.count;
}
