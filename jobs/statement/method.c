#include "jobs/statement/method.h"

#include "base/check.h"

static const struct method_row rows[] = {
    [METHOD_STATE_TIME] =
        {
            .name = "state_time",
            .title = "Time by state",
            .formula = "1 - (sum of weight(grade) x duration) / measured duration of the period",
            .unit = "s",
            .judges_time = true,
            .measure = measure_state_time,
        },
    [METHOD_REQUEST_RATIO] =
        {
            .name = "request_ratio",
            .title = "Share of good requests",
            .formula = "good requests / valid requests over the whole period; a slow request "
                       "counts 1 - degraded_weight",
            .unit = "requests",
            .measure = measure_request_ratio,
        },
};

const struct method_row *method_row(enum sla_method method)
{
    CHECK((unsigned)method < ARRAY_COUNT(rows));
    return &rows[method];
}

const char *pool_name(enum pool pool)
{
    static const char *const names[] = {
        [POOL_NONE] = "none",
        [POOL_PER_SERVICE] = "per_service",
        [POOL_SUM] = "sum",
        [POOL_ALL_REQUIRED] = "all_required",
        [POOL_ANY_ENOUGH] = "any_enough",
    };

    CHECK((unsigned)pool < ARRAY_COUNT(names));
    return names[pool];
}
