/* Groups of stretches: those of one incident belong together. */
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "jobs/statement/stretch.h"

/* The incidents of all services, by service and start. */
struct incident_list {
    const struct incident **items;
    size_t count;
};

static int by_service(const void *a, const void *b)
{
    const struct incident *x = *(const struct incident *const *)a;
    const struct incident *y = *(const struct incident *const *)b;
    int order = str_compare(x->service, y->service);

    return order != 0 ? order : (x->from_s > y->from_s) - (x->from_s < y->from_s);
}

static struct incident_list list_incidents(const struct result *result, struct arena *arena)
{
    struct incident_list list = {
        .items = arena_calloc(arena, result->incident_count + 1, sizeof(list.items[0])),
        .count = result->incident_count};

    for (size_t i = 0; i < list.count; i++) {
        list.items[i] = &result->incidents[i];
    }
    if (list.count > 0) {
        qsort(list.items, list.count, sizeof(list.items[0]), by_service);
    }
    return list;
}

/* The first incident of that service, or where it would stand. */
static size_t find_service(const struct incident_list *list, struct str service)
{
    size_t low = 0, high = list->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (str_compare(list->items[middle]->service, service) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The incident of the service that a stretch of trouble lies in. *at only moves on. */
static const struct incident *incident_of(const struct incident_list *list, struct str service,
                                          size_t *at, const struct stretch *stretch)
{
    while (*at < list->count && str_equal(list->items[*at]->service, service) &&
           list->items[*at]->to_s * NS_PER_SECOND <= stretch->from_ns) {
        (*at)++;
    }
    if (*at == list->count || !str_equal(list->items[*at]->service, service) ||
        list->items[*at]->from_s * NS_PER_SECOND >= stretch->to_ns ||
        stretch->raw == GRADE_OPERATIONAL || !grade_row(stretch->raw)->known) {
        return NULL;
    }
    return list->items[*at];
}

static void add_stretch(struct stretches *stretches, size_t index, const struct incident *incident)
{
    const struct stretch *stretch = &stretches->items[index];
    struct stretch_group *last =
        stretches->group_count > 0 ? &stretches->groups[stretches->group_count - 1] : NULL;

    if (last == NULL || incident == NULL || last->incident != incident) {
        last = &stretches->groups[stretches->group_count++];
        *last = (struct stretch_group){.first = index,
                                       .service = stretch->service,
                                       .from_ns = stretch->from_ns,
                                       .incident = incident};
    }
    last->count++;
    last->to_ns = stretch->to_ns;
}

static int by_cost(const void *a, const void *b)
{
    const struct stretch_group *x = a;
    const struct stretch_group *y = b;
    int order = fraction_compare(y->cost, x->cost);

    order = order != 0 ? order : fraction_compare(y->lost, x->lost);
    if (order != 0) {
        return order;
    }
    if (x->to_ns - x->from_ns != y->to_ns - y->from_ns) {
        return x->to_ns - x->from_ns > y->to_ns - y->from_ns ? -1 : 1;
    }
    if (x->from_ns != y->from_ns) {
        return x->from_ns < y->from_ns ? -1 : 1;
    }
    return (x->service > y->service) - (x->service < y->service);
}

/* A flapping incident has many stretches, with many denominators. */
static void add_up(const struct stretches *stretches, struct arena *arena,
                   struct stretch_group *group)
{
    struct arena scratch = ARENA_INIT;
    struct fraction_sum *lost = fraction_sum_new(&scratch);
    struct fraction_sum *cost = fraction_sum_new(&scratch);

    for (size_t i = group->first; i < group->first + group->count; i++) {
        fraction_sum_add(lost, 1, stretches->items[i].lost);
        fraction_sum_add(cost, 1, stretches->items[i].cost);
    }
    group->lost = fraction_sum_total(arena, lost);
    group->cost = fraction_sum_total(arena, cost);
    arena_release(&scratch);
}

void stretches_group(const struct result *result, struct arena *arena, struct stretches *stretches)
{
    struct incident_list list = list_incidents(result, arena);
    size_t service = SIZE_MAX;
    size_t at = 0;

    stretches->groups = arena_calloc(arena, stretches->count + 1, sizeof(stretches->groups[0]));
    for (size_t i = 0; i < stretches->count; i++) {
        const struct stretch *stretch = &stretches->items[i];
        struct str name = result->services[stretch->service].service;

        if (stretch->service != service) {
            service = stretch->service;
            at = find_service(&list, name);
        }
        add_stretch(stretches, i, incident_of(&list, name, &at, stretch));
    }
    for (size_t i = 0; i < stretches->group_count; i++) {
        add_up(stretches, arena, &stretches->groups[i]);
    }
    if (stretches->group_count > 0) {
        qsort(stretches->groups, stretches->group_count, sizeof(stretches->groups[0]), by_cost);
    }
}
