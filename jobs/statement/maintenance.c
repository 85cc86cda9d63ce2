#include "jobs/statement/maintenance.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The whole seconds that [from_ns, to_ns) covers. */
static struct span whole_seconds(int64_t from_ns, int64_t to_ns)
{
    int64_t from_s = from_ns / NS_PER_SECOND;
    int64_t to_s = to_ns / NS_PER_SECOND;

    /* Division truncates toward zero: up for negative times, down for positive ones. */
    from_s += from_ns > 0 && from_ns % NS_PER_SECOND != 0;
    to_s -= to_ns < 0 && to_ns % NS_PER_SECOND != 0;
    return (struct span){from_s, to_s};
}

static enum announcement_state first_state(const struct announcement_input *announcement,
                                           const struct maintenance_terms *terms)
{
    if (terms->excluded == EXCLUDED_NONE) {
        return ANNOUNCEMENT_NOT_AGREED;
    }
    if (announcement->cancelled) {
        return ANNOUNCEMENT_CANCELLED;
    }
    if (announcement->announced_ns > announcement->from_ns) {
        return ANNOUNCEMENT_AFTER_THE_FACT;
    }
    if ((int128)announcement->announced_ns + terms->notice_ns > announcement->from_ns) {
        return ANNOUNCEMENT_SHORT_NOTICE;
    }
    return ANNOUNCEMENT_APPLIED;
}

static int by_start(const void *a, const void *b)
{
    const struct exclusion *x = a;
    const struct exclusion *y = b;

    if (x->from_ns != y->from_ns) {
        return x->from_ns < y->from_ns ? -1 : 1;
    }
    return (x->announcement_id > y->announcement_id) - (x->announcement_id < y->announcement_id);
}

static size_t collect(const struct engine_input *input, struct str service, int64_t from_s,
                      int64_t to_s, struct exclusion *ret_exclusions)
{
    size_t count = 0;

    for (size_t i = 0; i < input->announcement_count; i++) {
        const struct announcement_input *a = &input->announcements[i];
        bool all = str_equal(a->service, STR("*"));
        struct span whole = whole_seconds(a->from_ns, a->to_ns);

        if ((!all && !str_equal(a->service, service)) || whole.from_s >= to_s ||
            whole.to_s <= from_s || a->from_ns >= a->to_ns) {
            continue;
        }
        ret_exclusions[count++] = (struct exclusion){
            .service = service,
            .announcement_id = a->id,
            .all_services = all,
            .from_ns = a->from_ns,
            .to_ns = a->to_ns,
            .announced_ns = a->announced_ns,
            .author = a->author,
            .reason = a->reason,
            .state = first_state(a, &input->contract->maintenance),
        };
    }
    qsort(ret_exclusions, count, sizeof(ret_exclusions[0]), by_start);
    return count;
}

/* Windows that overlap or touch are one. They are not cut to the period: a minute on its border is covered wholly, or not, by all of the window. */
static void unite(const struct exclusion *exclusions, size_t count, struct cover *cover)
{
    for (size_t i = 0; i < count; i++) {
        struct span whole = whole_seconds(exclusions[i].from_ns, exclusions[i].to_ns);
        struct span *last = cover->count > 0 ? &cover->spans[cover->count - 1] : NULL;

        if (exclusions[i].state != ANNOUNCEMENT_APPLIED || whole.from_s >= whole.to_s) {
            continue;
        }
        if (last != NULL && whole.from_s <= last->to_s) {
            last->to_s = larger(last->to_s, whole.to_s);
        } else {
            cover->spans[cover->count++] = whole;
        }
    }
}

/* The quota counts announced length within the period, used or not; the window that crosses the minutes is cut. */
static void apply_quota(const struct maintenance_terms *terms, int64_t from_s, int64_t to_s,
                        struct cover *cover)
{
    int64_t left_s = terms->quota_ns < 0 ? INT64_MAX : terms->quota_ns / NS_PER_SECOND;

    if (terms->quota_windows >= 0 && (uint64_t)cover->count > (uint64_t)terms->quota_windows) {
        cover->count = (size_t)terms->quota_windows;
    }
    for (size_t i = 0; i < cover->count; i++) {
        struct span *span = &cover->spans[i];
        int64_t begin_s = larger(span->from_s, from_s);
        int64_t length_s = smaller(span->to_s, to_s) - begin_s;

        if (left_s == 0) {
            cover->count = i;
            return;
        }
        if (length_s > left_s) {
            span->to_s = begin_s + left_s;
        }
        left_s -= smaller(length_s, left_s);
    }
}

int64_t cover_seconds(const struct cover *cover, int64_t from_s, int64_t to_s)
{
    int64_t seconds = 0;

    for (size_t i = 0; i < cover->count; i++) {
        int64_t begin_s = larger(cover->spans[i].from_s, from_s);
        int64_t end_s = smaller(cover->spans[i].to_s, to_s);

        seconds += end_s > begin_s ? end_s - begin_s : 0;
    }
    return seconds;
}

static void note_granted(const struct cover *cover, int64_t from_s, int64_t to_s,
                         struct exclusion *exclusion)
{
    struct span whole = whole_seconds(exclusion->from_ns, exclusion->to_ns);
    int64_t begin_s = larger(whole.from_s, from_s);
    int64_t end_s = smaller(whole.to_s, to_s);

    exclusion->granted_s = cover_seconds(cover, begin_s, end_s);
    if (exclusion->granted_s == 0) {
        exclusion->state = ANNOUNCEMENT_OVER_QUOTA;
    } else if (exclusion->granted_s < end_s - begin_s) {
        exclusion->state = ANNOUNCEMENT_CUT;
    }
}

void maintenance_decide(const struct engine_input *input, struct str service, int64_t from_s,
                        int64_t to_s, struct arena *arena, struct cover *ret_cover,
                        struct exclusion **ret_exclusions, size_t *ret_count)
{
    struct exclusion *exclusions =
        arena_calloc(arena, input->announcement_count + 1, sizeof(exclusions[0]));
    struct cover cover = {
        .spans = arena_calloc(arena, input->announcement_count + 1, sizeof(cover.spans[0]))};
    size_t count = collect(input, service, from_s, to_s, exclusions);

    unite(exclusions, count, &cover);
    apply_quota(&input->contract->maintenance, from_s, to_s, &cover);
    for (size_t i = 0; i < count; i++) {
        if (exclusions[i].state == ANNOUNCEMENT_APPLIED) {
            note_granted(&cover, from_s, to_s, &exclusions[i]);
        }
    }
    for (size_t i = 0; i < cover.count; i++) {
        CHECK(cover.spans[i].from_s < cover.spans[i].to_s);
        CHECK(cover.spans[i].from_s < to_s);
        CHECK(cover.spans[i].to_s > from_s);
    }
    *ret_cover = cover;
    *ret_exclusions = exclusions;
    *ret_count = count;
}
