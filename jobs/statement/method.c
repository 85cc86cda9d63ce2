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
    [METHOD_TIME_SLICES] =
        {
            .name = "time_slices",
            .title = "Share of good slices",
            .formula = "good slices / measured slices; a slice is bad if too many of its requests "
                       "failed or were slow",
            .unit = "slices",
            .judges_time = true,
            .sliced = true,
            .measure = measure_time_slices,
        },
    [METHOD_RATIO_TIME_SLICES] =
        {
            .name = "ratio_time_slices",
            .title = "Mean good ratio of slices",
            .formula = "(sum of good requests / requests of each slice) / measured slices",
            .unit = "slices",
            .measure = measure_ratio_time_slices,
        },
    [METHOD_BAD_MINUTE_RUNS] =
        {
            .name = "bad_minute_runs",
            .title = "Runs of bad minutes",
            .formula = "(measured time - bad minutes) / measured time; a minute is bad if too many "
                       "of its requests failed, and counts if enough bad minutes follow each other",
            .unit = "s",
            .judges_time = true,
            .measure = measure_bad_minute_runs,
        },
    [METHOD_TOTAL_FAILURE_RUNS] =
        {
            .name = "total_failure_runs",
            .title = "Time without a success",
            .formula = "(measured time - runs in which requests failed and none succeeded) / "
                       "measured time; a run lasts from the last success to the next one",
            .unit = "s",
            .judges_time = true,
            .measure = measure_total_failure_runs,
        },
    [METHOD_MEAN_INTERVAL_ERRORS] =
        {
            .name = "mean_interval_errors",
            .title = "Mean error ratio of intervals",
            .formula = "1 - (sum of failed requests / requests of each interval) / measured "
                       "intervals; an interval without requests has no errors",
            .unit = "intervals",
            .measure = measure_mean_interval_errors,
        },
    [METHOD_PROPORTIONAL] =
        {
            .name = "proportional",
            .title = "Outage minutes by affected ratio",
            .formula = "1 - (sum of outage minutes x their error ratio) / measured time",
            .unit = "s",
            .judges_time = true,
            .measure = measure_proportional,
        },
};

_Static_assert(ARRAY_COUNT(rows) == METHOD_COUNT, "a row for each method");

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
