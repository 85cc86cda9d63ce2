#include "jobs/statement/pool.h"

#include "base/check.h"
#include "jobs/statement/method.h"

bool measure_uptime(const struct measure *measure, struct rational *ret_uptime)
{
    if (measure->valid.numerator == 0) {
        return false;
    }
    *ret_uptime = rational_divide(measure->good, measure->valid);
    return true;
}

/* The service with the lowest uptime; the first of equals; the first of all if none was measured. */
static size_t worst_of(const struct result *result)
{
    struct rational worst_uptime = {0, 1};
    size_t worst = 0;
    bool any = false;

    for (size_t i = 0; i < result->service_count; i++) {
        struct rational uptime;

        if (measure_uptime(&result->services[i].measure, &uptime) &&
            (!any || rational_compare(uptime, worst_uptime) < 0)) {
            worst = i;
            worst_uptime = uptime;
            any = true;
        }
    }
    return worst;
}

static void sum(struct result *result)
{
    struct measure pooled = {.good = {0, 1}, .valid = {0, 1}};

    for (size_t i = 0; i < result->service_count; i++) {
        const struct measure *measure = &result->services[i].measure;

        pooled.good = rational_add(pooled.good, measure->good);
        pooled.valid = rational_add(pooled.valid, measure->valid);
        for (int k = 0; k < TIME_CLASS_COUNT; k++) {
            pooled.seconds[k] += measure->seconds[k];
        }
    }
    result->pooled = pooled;
}

/* Whether b takes the place of a. Of equal shares a known state speaks before an unknown one, then the order of the contract. */
static bool takes_over(const struct segment *a, const struct segment *b, enum pool pool,
                       const struct rational *weights)
{
    int order;

    if (b->effect == EFFECT_EXCLUDED) {
        /* Nothing is measured so far: announced maintenance is the better name for it than unknown time. */
        return a->effect == EFFECT_EXCLUDED && a->class != TIME_MAINTENANCE &&
               b->class == TIME_MAINTENANCE;
    }
    if (a->effect == EFFECT_EXCLUDED) {
        return true;
    }
    order = rational_compare(segment_share(b, weights), segment_share(a, weights));
    if (order != 0) {
        return pool == POOL_ALL_REQUIRED ? order < 0 : order > 0;
    }
    return b->class <= TIME_MAINTENANCE && a->class > TIME_MAINTENANCE;
}

/* Each moment is judged on the services measured then: between two borders of any service nothing changes. */
static void sweep(struct arena *arena, struct result *result)
{
    const struct availability *availability = &result->contract->availability;
    size_t *at = arena_calloc(arena, result->service_count, sizeof(at[0]));
    struct measure pooled = {0};
    size_t room = 0;
    int64_t now_s = result->from_s;

    for (size_t i = 0; i < result->service_count; i++) {
        room += result->services[i].measure.segment_count;
    }
    pooled.segments = arena_calloc(arena, room, sizeof(pooled.segments[0]));
    while (now_s < result->to_s) {
        const struct segment *speaks = NULL;
        int64_t until_s = result->to_s;

        for (size_t i = 0; i < result->service_count; i++) {
            const struct measure *measure = &result->services[i].measure;
            const struct segment *segment = &measure->segments[at[i]];

            if (segment->to_s <= now_s) {
                at[i]++;
                CHECK(at[i] < measure->segment_count);
                segment = &measure->segments[at[i]];
            }
            until_s = segment->to_s < until_s ? segment->to_s : until_s;
            if (speaks == NULL ||
                takes_over(speaks, segment, availability->pool, availability->weights)) {
                speaks = segment;
            }
        }
        measure_push(&pooled, now_s, until_s, speaks->class, speaks->effect);
        now_s = until_s;
    }
    measure_sum_time(&pooled, availability->weights);
    result->pooled = pooled;
}

void pool_combine(struct arena *arena, struct result *result)
{
    const struct availability *availability = &result->contract->availability;
    size_t worst = 0;

    CHECK(result->service_count > 0);
    switch (availability->pool) {
    case POOL_NONE:
        CHECK(result->service_count == 1);
        result->pooled = result->services[0].measure;
        break;
    case POOL_PER_SERVICE:
        worst = worst_of(result);
        result->pooled = result->services[worst].measure;
        result->worst_service = arena_text(arena, result->services[worst].service);
        break;
    case POOL_SUM:
        sum(result);
        break;
    case POOL_ALL_REQUIRED:
    case POOL_ANY_ENOUGH:
        CHECK(method_row(availability->method)->time_based);
        sweep(arena, result);
        break;
    }
    result->lost = rational_subtract(result->pooled.valid, result->pooled.good);
    result->known = measure_uptime(&result->pooled, &result->uptime);
}
