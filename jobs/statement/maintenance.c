#include "jobs/statement/maintenance.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "jobs/statement/ruler.h"

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

static bool is_for_all(const struct announcement_input *announcement)
{
    return str_equal(announcement->service, STR("*"));
}

static int by_time(const struct announcement_input *a, const struct announcement_input *b)
{
    if (a->from_ns != b->from_ns) {
        return a->from_ns < b->from_ns ? -1 : 1;
    }
    return (a->id > b->id) - (a->id < b->id);
}

static int by_service(const void *a, const void *b)
{
    const struct announcement_input *x = *(const struct announcement_input *const *)a;
    const struct announcement_input *y = *(const struct announcement_input *const *)b;
    int order = (int)is_for_all(y) - (int)is_for_all(x);

    order = order != 0 ? order : str_compare(x->service, y->service);
    return order != 0 ? order : by_time(x, y);
}

struct agenda agenda_make(const struct engine_input *input, int64_t from_s, int64_t to_s,
                          struct arena *arena)
{
    struct agenda agenda = {
        .rows = arena_calloc(arena, input->announcement_count + 1, sizeof(agenda.rows[0]))};

    for (size_t i = 0; i < input->announcement_count; i++) {
        const struct announcement_input *row = &input->announcements[i];
        struct span whole = whole_seconds(row->from_ns, row->to_ns);

        if (whole.from_s < to_s && whole.to_s > from_s && row->from_ns < row->to_ns) {
            agenda.rows[agenda.count++] = row;
            agenda.all_count += is_for_all(row);
        }
    }
    if (agenda.count > 0) {
        qsort(agenda.rows, agenda.count, sizeof(agenda.rows[0]), by_service);
    }
    return agenda;
}

/* The first row behind those for all that names the service or a later one. */
static size_t find_service(const struct agenda *agenda, struct str service)
{
    size_t low = agenda->all_count, high = agenda->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (str_compare(agenda->rows[middle]->service, service) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Those for all and those for the service, by start and id. */
static size_t collect(const struct maintenance_terms *terms, const struct agenda *agenda,
                      struct str service, struct arena *arena, struct exclusion **ret_exclusions)
{
    size_t first = find_service(agenda, service);
    size_t end = first, all = 0, count = 0;
    struct exclusion *exclusions;

    while (end < agenda->count && str_equal(agenda->rows[end]->service, service)) {
        end++;
    }
    exclusions = arena_calloc(arena, agenda->all_count + (end - first) + 1, sizeof(exclusions[0]));
    while (all < agenda->all_count || first < end) {
        bool for_all = all < agenda->all_count &&
                       (first == end || by_time(agenda->rows[all], agenda->rows[first]) < 0);
        const struct announcement_input *row = agenda->rows[for_all ? all++ : first++];

        exclusions[count++] = (struct exclusion){
            .service = service,
            .announcement = row,
            .announcement_id = row->id,
            .all_services = for_all,
            .service_count = 1,
            .from_ns = row->from_ns,
            .to_ns = row->to_ns,
            .announced_ns = row->announced_ns,
            .author = row->author,
            .reason = row->reason,
            .state = first_state(row, terms),
        };
    }
    *ret_exclusions = exclusions;
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

static void note_granted(const struct ruler *ruler, int64_t from_s, int64_t to_s,
                         struct exclusion *exclusion)
{
    struct span whole = whole_seconds(exclusion->from_ns, exclusion->to_ns);
    int64_t begin_s = larger(whole.from_s, from_s);
    int64_t end_s = smaller(whole.to_s, to_s);

    exclusion->granted_s = ruler_seconds(ruler, begin_s * NS_PER_SECOND, end_s * NS_PER_SECOND);
    if (exclusion->granted_s == 0) {
        exclusion->state = ANNOUNCEMENT_OVER_QUOTA;
    } else if (exclusion->granted_s < end_s - begin_s) {
        exclusion->state = ANNOUNCEMENT_CUT;
    }
}

void maintenance_decide(const struct maintenance_terms *terms, const struct agenda *agenda,
                        struct str service, int64_t from_s, int64_t to_s, struct arena *arena,
                        struct cover *ret_cover, struct exclusion **ret_exclusions,
                        size_t *ret_count)
{
    struct exclusion *exclusions;
    size_t count = collect(terms, agenda, service, arena, &exclusions);
    struct cover cover = {.spans = arena_calloc(arena, count + 1, sizeof(cover.spans[0]))};
    struct ruler ruler = ruler_new(arena, count);

    unite(exclusions, count, &cover);
    apply_quota(terms, from_s, to_s, &cover);
    for (size_t i = 0; i < cover.count; i++) {
        CHECK(cover.spans[i].from_s < cover.spans[i].to_s);
        CHECK(cover.spans[i].from_s < to_s);
        CHECK(cover.spans[i].to_s > from_s);
        ruler_add(&ruler, cover.spans[i].from_s * NS_PER_SECOND,
                  cover.spans[i].to_s * NS_PER_SECOND);
    }
    for (size_t i = 0; i < count; i++) {
        if (exclusions[i].state == ANNOUNCEMENT_APPLIED) {
            note_granted(&ruler, from_s, to_s, &exclusions[i]);
        }
    }
    *ret_cover = cover;
    *ret_exclusions = exclusions;
    *ret_count = count;
}
