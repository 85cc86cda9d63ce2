#include "jobs/statement/incidents.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "jobs/statement/measure.h"
#include "jobs/statement/timeline.h"

static bool troubled(const struct state_row *row)
{
    return grade_row(row->grade)->known && row->grade != GRADE_OPERATIONAL;
}

/* How the part of the incident within the period was booked. *at only moves forward: both lists ascend. */
static void book(const struct result *result, const struct measure *measure, size_t *at,
                 int64_t from_s, struct arena *arena, struct incident *incident)
{
    bool judged = method_row(result->contract->availability.method)->judges_time;
    int64_t from_ns = from_s * NS_PER_SECOND;
    struct arena scratch = ARENA_INIT;
    struct fraction_sum *lost = fraction_sum_new(&scratch);

    while (*at < measure->segment_count && measure->segments[*at].to_ns <= from_ns) {
        (*at)++;
    }
    for (size_t i = *at; i < measure->segment_count; i++) {
        const struct segment *segment = &measure->segments[i];
        int64_t begin_ns = segment->from_ns > from_ns ? segment->from_ns : from_ns;
        int64_t end_ns = incident->to_s * NS_PER_SECOND;

        end_ns = segment->to_ns < end_ns ? segment->to_ns : end_ns;
        if (begin_ns >= end_ns) {
            break;
        }
        incident->seconds[segment->class] += end_ns / NS_PER_SECOND - begin_ns / NS_PER_SECOND;
        if (judged && !segment->excluded) {
            fraction_sum_add(lost, end_ns - begin_ns, segment_loss(segment));
        }
    }
    incident->lost_s = fraction_divide(arena, fraction_sum_total(&scratch, lost),
                                       fraction_of_int(&scratch, NS_PER_SECOND));
    arena_release(&scratch);
}

static size_t derive(const struct result *result, size_t service, const struct timeline *timeline,
                     int64_t from_s, int64_t to_s, struct arena *arena,
                     struct incident *ret_incidents)
{
    const struct measure *measure =
        &result->services[service].verdicts.levels[LEVEL_AVAILABILITY].measure;
    size_t count = 0;
    size_t at = 0;

    for (size_t i = 0; i < timeline->count;) {
        struct incident incident = {.service = result->services[service].service,
                                    .from_s = timeline->rows[i].from_s,
                                    .worst = timeline->rows[i].grade};

        if (!troubled(&timeline->rows[i])) {
            i++;
            continue;
        }
        for (; i < timeline->count && troubled(&timeline->rows[i]); i++) {
            incident.worst = grade_worse(incident.worst, timeline->rows[i].grade);
            incident.to_s = timeline->rows[i].to_s;
        }
        if (incident.to_s <= from_s || incident.from_s >= to_s) {
            continue;
        }
        incident.open_end = incident.to_s >= to_s;
        incident.to_s = incident.open_end ? to_s : incident.to_s;
        book(result, measure, &at, incident.from_s > from_s ? incident.from_s : from_s, arena,
             &incident);
        ret_incidents[count++] = incident;
    }
    return count;
}

static int by_start(const void *a, const void *b)
{
    const struct incident *x = a;
    const struct incident *y = b;

    if (x->from_s != y->from_s) {
        return x->from_s < y->from_s ? -1 : 1;
    }
    return str_compare(x->service, y->service);
}

/* No more than there can be incidents: most rows of a service are of times that were well or unknown. */
static size_t count_troubled(const struct service_input *service)
{
    size_t count = 0;

    for (size_t i = 0; i < service->state_count; i++) {
        count += troubled(&service->states[i]) ? 1 : 0;
    }
    return count;
}

void incidents_derive(const struct service_input *services, int64_t from_s, int64_t to_s,
                      struct arena *arena, struct result *result)
{
    size_t room = 1;

    for (size_t i = 0; i < result->service_count; i++) {
        room += count_troubled(&services[i]);
    }
    result->incidents = arena_calloc(arena, room, sizeof(result->incidents[0]));
    result->incident_count = 0;
    for (size_t i = 0; i < result->service_count; i++) {
        struct timeline timeline = timeline_build(&services[i], from_s, to_s, arena);

        result->incident_count += derive(result, i, &timeline, from_s, to_s, arena,
                                         result->incidents + result->incident_count);
        CHECK(result->incident_count < room);
    }
    qsort(result->incidents, result->incident_count, sizeof(result->incidents[0]), by_start);
}
