#include "jobs/statement/engine.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "jobs/statement/credit.h"
#include "jobs/statement/days.h"
#include "jobs/statement/explain.h"
#include "jobs/statement/incidents.h"
#include "jobs/statement/maintenance.h"
#include "jobs/statement/method.h"
#include "jobs/statement/pool.h"

/* An outage is followed back for a day, far enough for the true start of what matters; earlier it begins where the context does. */
enum { CONTEXT_BEFORE_S = 24 * 3600, CONTEXT_STEP_S = 60 };

void engine_context_s(const struct contract *contract, int64_t *ret_before_s, int64_t *ret_after_s)
{
    const struct availability *availability = &contract->availability;
    int64_t longest_s =
        availability->absorb_ns / NS_PER_SECOND + availability->min_outage_ns / NS_PER_SECOND;

    *ret_before_s = CONTEXT_BEFORE_S + 2 * longest_s;
    *ret_after_s = longest_s > 0 ? longest_s + 2 * CONTEXT_STEP_S : 0;
}

static struct request_counts add_counts(const struct service_input *service, int64_t from_s,
                                        int64_t to_s)
{
    struct request_counts sum = {0};

    for (size_t i = 0; i < service->count_count; i++) {
        const struct request_counts *counts = &service->counts[i].counts;

        if (service->counts[i].minute_s >= from_s && service->counts[i].minute_s < to_s) {
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
static void note_excused(const struct measure *measure, struct exclusion *exclusions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct exclusion *exclusion = &exclusions[i];

        for (size_t k = 0; exclusion->granted_s > 0 && k < measure->segment_count; k++) {
            const struct segment *segment = &measure->segments[k];
            int128 begin_ns = (int128)segment->from_s * NS_PER_SECOND;
            int128 end_ns = (int128)segment->to_s * NS_PER_SECOND;

            if (segment->class != TIME_MAINTENANCE) {
                continue;
            }
            begin_ns = begin_ns > exclusion->from_ns ? begin_ns : exclusion->from_ns;
            end_ns = end_ns < exclusion->to_ns ? end_ns : exclusion->to_ns;
            exclusion->excused_s +=
                end_ns > begin_ns ? (int64_t)((end_ns - begin_ns) / NS_PER_SECOND) : 0;
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
    return (x->announcement_id > y->announcement_id) - (x->announcement_id < y->announcement_id);
}

static void compute_service(const struct engine_input *input, size_t index, int64_t valid_from_s,
                            int64_t valid_to_s, struct arena *arena, struct result *result)
{
    const struct service_input *service = &input->services[index];
    struct service_result *ret = &result->services[index];
    struct cover cover;
    struct exclusion *exclusions;
    size_t count;

    maintenance_decide(input, service->service, valid_from_s, valid_to_s, arena, &cover,
                       &exclusions, &count);
    ret->service = service->service;
    method_row(input->contract->availability.method)
        ->measure(
            &(struct measure_input){
                .contract = input->contract,
                .service = service,
                .cover = &cover,
                .from_s = result->from_s,
                .to_s = result->to_s,
                .valid_from_s = valid_from_s,
                .valid_to_s = valid_to_s,
            },
            arena, &ret->measure);
    ret->requests = add_counts(service, valid_from_s, valid_to_s);
    note_excused(&ret->measure, exclusions, count);
    for (size_t i = 0; i < count; i++) {
        result->exclusions[result->exclusion_count++] = exclusions[i];
    }
}

/* The month adds up, to the second; and nothing is better than good or worse than lost. */
static void result_check(const struct result *result)
{
    const struct rational zero = {0, 1};

    for (size_t i = 0; i < result->service_count; i++) {
        const struct measure *measure = &result->services[i].measure;
        int64_t sum_s = 0;

        CHECK(measure->segment_count > 0);
        CHECK(measure->segments[0].from_s == result->from_s);
        CHECK(measure->segments[measure->segment_count - 1].to_s == result->to_s);
        for (int k = 0; k < TIME_CLASS_COUNT; k++) {
            sum_s += measure->seconds[k];
        }
        CHECK(sum_s == result->to_s - result->from_s);
        CHECK(rational_compare(measure->good, zero) >= 0);
        CHECK(rational_compare(measure->good, measure->valid) <= 0);
    }
    CHECK(rational_compare(result->pooled.good, zero) >= 0);
    CHECK(rational_compare(result->pooled.good, result->pooled.valid) <= 0);
}

bool engine_compute(const struct engine_input *input, struct arena *arena,
                    struct result *ret_result)
{
    const struct contract *contract = input->contract;
    int64_t valid_from_s =
        contract->valid_from_s > input->from_s ? contract->valid_from_s : input->from_s;
    int64_t valid_to_s =
        contract->valid_until_s < input->to_s ? contract->valid_until_s : input->to_s;
    bool pro_rata = contract->partial_period == PARTIAL_PRO_RATA;
    struct result result = {.contract = contract, .service_count = input->service_count};

    CHECK(input->from_s < input->to_s);
    CHECK(input->service_count > 0);
    if (valid_from_s >= valid_to_s) {
        return false;
    }
    result.from_s = pro_rata ? valid_from_s : input->from_s;
    result.to_s = pro_rata ? valid_to_s : input->to_s;
    result.services = arena_calloc(arena, input->service_count, sizeof(result.services[0]));
    result.exclusions = arena_calloc(arena, input->service_count * input->announcement_count + 1,
                                     sizeof(result.exclusions[0]));
    for (size_t i = 0; i < input->service_count; i++) {
        compute_service(input, i, valid_from_s, valid_to_s, arena, &result);
        days_split(contract->zone, &result.services[i].measure, result.from_s, result.to_s, arena,
                   &result.services[i].days, &result.services[i].day_count);
    }
    qsort(result.exclusions, result.exclusion_count, sizeof(result.exclusions[0]), by_start);
    pool_combine(arena, &result);
    credit_decide(arena, input->period_to_s != 0 ? input->period_to_s : input->to_s, &result);
    incidents_derive(input, valid_from_s, valid_to_s, arena, &result);
    result_check(&result);
    explain_result(arena, &result);
    *ret_result = result;
    return true;
}
