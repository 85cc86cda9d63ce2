#include "jobs/statement/engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/civil.h"
#include "base/clock.h"
#include "base/memory.h"
#include "jobs/config/hours.h"
#include "jobs/statement/credit.h"
#include "jobs/statement/days.h"
#include "jobs/statement/explain.h"
#include "jobs/statement/incidents.h"
#include "jobs/statement/maintenance.h"
#include "jobs/statement/measure.h"
#include "jobs/statement/period.h"
#include "jobs/statement/pool.h"
#include "jobs/statement/ruler.h"

/* An outage is followed back for a day, far enough for the true start of what matters; earlier it begins where the context does. */
enum { CONTEXT_S = 24 * 3600, CONTEXT_STEP_S = 60 };

/*
 * Behind the period too, what is open at its end is judged whole. A run of bad minutes is long enough, or not, after min_run; where its requests are
 * summed, or it ends with a success, nothing bounds it, and a day is as far as it is followed: a longer outage is an outage by then.
 */
void engine_context_s(const struct contract *contract, int64_t *ret_before_s, int64_t *ret_after_s)
{
    const struct availability *terms = &contract->availability;
    bool runs = terms->method == METHOD_BAD_MINUTE_RUNS;
    bool failures = terms->method == METHOD_TOTAL_FAILURE_RUNS;
    int64_t longest_ns =
        runs || failures ? terms->min_run_ns : terms->absorb_ns + terms->min_outage_ns;
    int64_t longest_s = (longest_ns + NS_PER_SECOND - 1) / NS_PER_SECOND;
    bool unbounded = failures || (runs && terms->min_requests_per == MIN_REQUESTS_PER_RUN);

    *ret_before_s = CONTEXT_S + 2 * longest_s;
    *ret_after_s = longest_s > 0 ? longest_s + 2 * CONTEXT_STEP_S : 0;
    *ret_after_s += unbounded ? CONTEXT_S : 0;
}

static struct request_counts add_counts(const struct service_input *service,
                                        const struct measure_input *input)
{
    struct request_counts sum = {0};
    size_t at = 0;

    for (size_t i = 0; i < service->count_count; i++) {
        const struct request_counts *counts = &service->counts[i].counts;
        int64_t minute_s = service->counts[i].minute_s;

        while (at < input->hours->count && input->hours->spans[at].to_s <= minute_s) {
            at++;
        }
        if (minute_s >= input->valid_from_s && minute_s < input->valid_to_s &&
            at < input->hours->count && input->hours->spans[at].from_s <= minute_s) {
            sum.records += counts->records;
            sum.total += counts->total;
            sum.errors += counts->errors;
            sum.slow += counts->slow;
            sum.no_latency += counts->no_latency;
        }
    }
    return sum;
}

/* What each granted announcement excused: the maintenance booked within it. */
static void note_excused(const struct measure *measure, struct arena *scratch,
                         struct exclusion *exclusions, size_t count)
{
    struct ruler ruler = ruler_new(scratch, measure->segment_count);

    for (size_t i = 0; i < measure->segment_count; i++) {
        if (measure->segments[i].class == TIME_MAINTENANCE) {
            ruler_add(&ruler, measure->segments[i].from_ns, measure->segments[i].to_ns);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (exclusions[i].granted_s > 0) {
            exclusions[i].excused_s =
                ruler_seconds(&ruler, exclusions[i].from_ns, exclusions[i].to_ns);
        }
    }
}

static int by_start(const void *a, const void *b)
{
    const struct exclusion *x = a;
    const struct exclusion *y = b;
    int order;

    if (x->from_ns != y->from_ns) {
        return x->from_ns < y->from_ns ? -1 : 1;
    }
    order = str_compare(x->service, y->service);
    if (order != 0) {
        return order;
    }
    if (x->announcement_id != y->announcement_id) {
        return x->announcement_id < y->announcement_id ? -1 : 1;
    }
    return (x->state > y->state) - (x->state < y->state);
}

struct engine {
    struct engine_input input;
    struct arena *arena;
    struct arena scratch; /* of one service */
    int64_t valid_from_s, valid_to_s;
    struct cover hours;
    struct pool_run *pools[LEVELS_MAX];
    struct result result;
    struct agenda agenda;
    struct exclusion *exclusions; /* owned; what was used of it goes into the result */
    size_t exclusion_room;
    size_t *
        folded; /* by announcement and state: 1 + the exclusion that stands for all services; NULL: each has its own */
    struct service_input *services; /* what incidents are derived from; not if brief */
};

/* Copies what a service leaves behind out of the scratch memory. */
static struct measure keep_measure(const struct engine *engine, const struct measure *measure)
{
    struct measure kept = *measure;
    size_t size = measure->segment_count * sizeof(kept.segments[0]);

    kept.good = fraction_add(engine->arena, measure->good, FRACTION_ZERO);
    kept.valid = fraction_add(engine->arena, measure->valid, FRACTION_ZERO);
    kept.segments = NULL;
    kept.segment_count = 0;
    if (!engine->input.brief && size > 0) {
        kept.segments = memcpy(arena_alloc(engine->arena, size), measure->segments, size);
        kept.segment_count = measure->segment_count;
    }
    return kept;
}

static struct level level_of(const struct contract *contract, size_t index)
{
    if (index == LEVEL_LATENCY) {
        return (struct level){
            .name = "latency", .unit = "slices", .target = contract->latency.target};
    }
    return (struct level){.name = "availability",
                          .unit = method_row(contract->availability.method)->unit,
                          .target = contract->availability.target};
}

static struct pool_terms pool_terms_of(const struct engine *engine, size_t level)
{
    const struct contract *contract = engine->input.contract;
    const struct method_row *method = method_row(contract->availability.method);
    bool latency = level == LEVEL_LATENCY;

    return (struct pool_terms){
        .kind = contract->availability.pool,
        .unit = latency || method->sliced ? POOL_UNIT_SLICES
                : method->judges_time     ? POOL_UNIT_TIME
                                          : POOL_UNIT_NONE,
        .from_s = engine->result.from_s,
        .to_s = engine->result.to_s,
        .slice_s = latency ? contract->latency.slice_s : contract->availability.slice_s,
    };
}

static void find_hours(struct engine *engine)
{
    const struct contract *contract = engine->input.contract;

    hours_spans(contract->hours, contract->zone, engine->result.from_s, engine->result.to_s,
                engine->arena, &engine->hours.spans, &engine->hours.count);
}

/* Of the whole period. */
static int32_t count_days(const struct engine_input *input)
{
    bool whole = input->period_from_s < input->period_to_s;

    return period_days(input->contract->zone, whole ? input->period_from_s : input->from_s,
                       whole ? input->period_to_s : input->to_s);
}

struct engine *engine_begin(const struct engine_input *input, struct arena *arena)
{
    const struct contract *contract = input->contract;
    bool pro_rata = contract->partial_period == PARTIAL_PRO_RATA;
    struct engine *engine = arena_calloc(arena, 1, sizeof(*engine));
    struct result *result = &engine->result;

    CHECK(input->from_s < input->to_s);
    CHECK(input->service_count > 0);
    engine->input = *input;
    engine->arena = arena;
    engine->valid_from_s =
        contract->valid_from_s > input->from_s ? contract->valid_from_s : input->from_s;
    engine->valid_to_s =
        contract->valid_until_s < input->to_s ? contract->valid_until_s : input->to_s;
    if (engine->valid_from_s >= engine->valid_to_s) {
        return NULL;
    }
    *result = (struct result){.contract = contract,
                              .from_s = pro_rata ? engine->valid_from_s : input->from_s,
                              .to_s = pro_rata ? engine->valid_to_s : input->to_s,
                              .period_days = count_days(input),
                              .service_count = input->service_count};
    result->services = arena_calloc(arena, input->service_count, sizeof(result->services[0]));
    engine->services = arena_calloc(arena, input->service_count, sizeof(engine->services[0]));
    engine->agenda = agenda_make(input, result->from_s, result->to_s, arena);
    if (input->brief && engine->agenda.all_count > EXCLUSIONS_EACH_MAX / input->service_count) {
        engine->folded =
            arena_calloc(arena, input->announcement_count * ANNOUNCEMENT_STATE_COUNT + 1,
                         sizeof(engine->folded[0]));
    }
    result->verdicts.level_count = contract->latency.present ? LEVELS_MAX : 1;
    find_hours(engine);
    for (size_t i = 0; i < result->verdicts.level_count; i++) {
        struct pool_terms terms = pool_terms_of(engine, i);

        engine->pools[i] = pool_begin(&terms, arena);
    }
    return engine;
}

/* The month adds up, to the second; and nothing is better than good or worse than lost. */
static void check_measure(const struct result *result, const struct measure *measure)
{
    int64_t sum_s = 0;

    CHECK(measure->segment_count > 0);
    CHECK(measure->segments[0].from_ns == result->from_s * NS_PER_SECOND);
    CHECK(measure->segments[measure->segment_count - 1].to_ns == result->to_s * NS_PER_SECOND);
    for (int k = 0; k < TIME_CLASS_COUNT; k++) {
        sum_s += measure->seconds[k];
    }
    CHECK(sum_s == result->to_s - result->from_s);
    CHECK(fraction_sign(measure->good) >= 0);
    CHECK(fraction_compare(measure->good, measure->valid) <= 0);
}

static void decide(const struct engine *engine, struct verdicts *verdicts)
{
    const struct engine_input *input = &engine->input;

    credit_decide(
        &(struct credit_input){.contract = input->contract,
                               .period_days = engine->result.period_days,
                               .end_s = input->period_to_s != 0 ? input->period_to_s : input->to_s},
        engine->arena, verdicts);
}

static void measure_levels(struct engine *engine, size_t index,
                           const struct measure_input *measured, struct exclusion *exclusions,
                           size_t exclusion_count)
{
    const struct contract *contract = engine->input.contract;
    struct service_result *ret = &engine->result.services[index];

    ret->verdicts.level_count = engine->result.verdicts.level_count;
    for (size_t i = 0; i < ret->verdicts.level_count; i++) {
        struct level *level = &ret->verdicts.levels[i];
        struct measure measure;

        *level = level_of(contract, i);
        if (i == LEVEL_LATENCY) {
            measure_latency(measured, &engine->scratch, &measure);
        } else {
            method_row(contract->availability.method)
                ->measure(measured, &engine->scratch, &measure);
            note_excused(&measure, &engine->scratch, exclusions, exclusion_count);
        }
        check_measure(&engine->result, &measure);
        pool_add(engine->pools[i], index, &measure);
        level->measure = keep_measure(engine, &measure);
    }
    decide(engine, &ret->verdicts);
}

static void push_exclusion(struct engine *engine, const struct exclusion *exclusion)
{
    size_t *count = &engine->result.exclusion_count;

    if (*count == engine->exclusion_room) {
        engine->exclusion_room = engine->exclusion_room > 0 ? 2 * engine->exclusion_room : 16;
        engine->exclusions = memory_resize(engine->exclusions, engine->exclusion_room,
                                           sizeof(engine->exclusions[0]));
    }
    engine->exclusions[(*count)++] = *exclusion;
}

/* Announcements times services may be too many to keep each. What is folded does not depend on the order of services. */
static void keep_exclusion(struct engine *engine, const struct exclusion *exclusion)
{
    struct exclusion *all;
    size_t announcement;
    size_t *folded;

    if (engine->folded == NULL || !exclusion->all_services) {
        push_exclusion(engine, exclusion);
        return;
    }
    announcement = (size_t)(exclusion->announcement - engine->input.announcements);
    folded = &engine->folded[announcement * ANNOUNCEMENT_STATE_COUNT + exclusion->state];
    if (*folded == 0) {
        push_exclusion(engine, exclusion);
        *folded = engine->result.exclusion_count;
        engine->exclusions[*folded - 1].service = STR("*");
        return;
    }
    all = &engine->exclusions[*folded - 1];
    all->service_count++;
    all->granted_s += exclusion->granted_s;
    all->excused_s += exclusion->excused_s;
}

void engine_service(struct engine *engine, size_t index, const struct service_input *service)
{
    struct result *result = &engine->result;
    struct service_result *ret = &result->services[index];
    struct cover cover;
    struct exclusion *exclusions;
    size_t count;

    CHECK(index < result->service_count);
    maintenance_decide(&engine->input.contract->maintenance, &engine->agenda, service->service,
                       result->from_s, result->to_s, &engine->scratch, &cover, &exclusions, &count);
    struct measure_input measured = {.contract = engine->input.contract,
                                     .service = service,
                                     .cover = &cover,
                                     .from_s = result->from_s,
                                     .to_s = result->to_s,
                                     .valid_from_s = engine->valid_from_s,
                                     .valid_to_s = engine->valid_to_s,
                                     .hours = &engine->hours};

    ret->service = service->service;
    ret->requests = add_counts(service, &measured);
    measure_levels(engine, index, &measured, exclusions, count);
    for (size_t i = 0; i < count; i++) {
        keep_exclusion(engine, &exclusions[i]);
    }
    arena_clear(&engine->scratch);
    engine->services[index] = *service;
    if (!engine->input.brief) {
        days_split(engine->input.contract->zone, &ret->verdicts.levels[LEVEL_AVAILABILITY].measure,
                   result->from_s, result->to_s, engine->arena, &ret->days, &ret->day_count);
    }
}

static void finish_pools(struct engine *engine)
{
    struct result *result = &engine->result;
    bool single = engine->input.contract->availability.pool == POOL_PER_SERVICE;

    for (size_t i = 0; i < result->verdicts.level_count; i++) {
        struct level *level = &result->verdicts.levels[i];
        size_t worst = 0;

        *level = level_of(engine->input.contract, i);
        pool_finish(engine->pools[i], &level->measure, &worst);
        CHECK(fraction_sign(level->measure.good) >= 0);
        CHECK(fraction_compare(level->measure.good, level->measure.valid) <= 0);
        if (single && i == LEVEL_AVAILABILITY) {
            result->worst_service = arena_text(engine->arena, result->services[worst].service);
        }
    }
    decide(engine, &result->verdicts);
}

void engine_abandon(struct engine *engine)
{
    memory_free(engine->exclusions);
    for (size_t i = 0; i < engine->result.verdicts.level_count; i++) {
        pool_abandon(engine->pools[i]);
    }
    arena_release(&engine->scratch);
}

static void finish_exclusions(struct engine *engine)
{
    struct result *result = &engine->result;
    size_t size = result->exclusion_count * sizeof(result->exclusions[0]);

    result->exclusions = arena_alloc(engine->arena, size + 1);
    if (size > 0) {
        qsort(engine->exclusions, result->exclusion_count, sizeof(result->exclusions[0]), by_start);
        memcpy(result->exclusions, engine->exclusions, size);
    }
    memory_free(engine->exclusions);
    engine->exclusions = NULL;
}

void engine_finish(struct engine *engine, struct result *ret_result)
{
    struct result *result = &engine->result;

    finish_exclusions(engine);
    finish_pools(engine);
    if (!engine->input.brief) {
        incidents_derive(engine->services, engine->valid_from_s, engine->valid_to_s, engine->arena,
                         result);
    }
    explain_result(engine->arena, result);
    arena_release(&engine->scratch);
    *ret_result = *result;
}

bool engine_compute(const struct engine_input *input, struct arena *arena,
                    struct result *ret_result)
{
    struct engine *engine = engine_begin(input, arena);

    if (engine == NULL) {
        return false;
    }
    for (size_t i = 0; i < input->service_count; i++) {
        engine_service(engine, i, &input->services[i]);
    }
    engine_finish(engine, ret_result);
    return true;
}
