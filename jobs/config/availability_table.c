/*
 * contracts[].availability and latency: the levels that a contract measures. Which fields belong to which method: method_fields.c.
 */
#include "base/check.h"
#include "base/clock.h"
#include "jobs/config/tables.h"

const struct conf_choice method_choices[] = {
    {"state_time", METHOD_STATE_TIME, false},
    {"request_ratio", METHOD_REQUEST_RATIO, false},
    {"time_slices", METHOD_TIME_SLICES, false},
    {"ratio_time_slices", METHOD_RATIO_TIME_SLICES, false},
    {"bad_minute_runs", METHOD_BAD_MINUTE_RUNS, false},
    {"total_failure_runs", METHOD_TOTAL_FAILURE_RUNS, false},
    {"mean_interval_errors", METHOD_MEAN_INTERVAL_ERRORS, false},
    {"proportional", METHOD_PROPORTIONAL, false},
    {NULL, 0, false}};
const struct conf_choice pool_choices[] = {{"per_service", POOL_PER_SERVICE, false},
                                           {"sum", POOL_SUM, false},
                                           {"all_required", POOL_ALL_REQUIRED, false},
                                           {"any_enough", POOL_ANY_ENOUGH, false},
                                           {NULL, 0, false}};
const struct conf_choice unknown_choices[] = {{"exclude", UNKNOWN_EXCLUDE, false},
                                              {"up", UNKNOWN_UP, false},
                                              {"down", UNKNOWN_DOWN, false},
                                              {NULL, 0, false}};
const struct conf_choice requests_per_choices[] = {{"minute", MIN_REQUESTS_PER_MINUTE, false},
                                                   {"run", MIN_REQUESTS_PER_RUN, false},
                                                   {"period", MIN_REQUESTS_PER_PERIOD, false},
                                                   {NULL, 0, false}};

const char *conf_choice_name(const struct conf_choice *choices, int64_t value)
{
    while (choices->value != value) {
        choices++;
        CHECK(choices->name != NULL);
    }
    return choices->name;
}

/* Durations that are counted in minutes, because counts are kept by the minute. Into an int64_t of seconds. */

static enum err_code read_whole_minutes(struct conf_reader *reader, const struct conf_row *row,
                                        const struct conf_node *node, void *target, struct err *err)
{
    int64_t duration_ns, seconds;
    struct conf_row duration = {.key = row->key,
                                .type = CONF_DURATION,
                                .size = sizeof(duration_ns),
                                .maximum = 31 * NS_PER_DAY};
    enum err_code code = conf_row_read(reader, &duration, node, &duration_ns, err);

    if (code != ERR_OK) {
        return code;
    }
    if (duration_ns == 0 || duration_ns % NS_PER_MINUTE != 0) {
        return conf_error(reader, node, err, "%s: %.*s is not a number of whole minutes", row->key,
                          STR_ARGS(node->text));
    }
    seconds = duration_ns / NS_PER_SECOND;
    memcpy((char *)target + row->offset, &seconds, sizeof(seconds));
    return ERR_OK;
}

/* The two intervals that published terms use. */
static enum err_code read_interval(struct conf_reader *reader, const struct conf_row *row,
                                   const struct conf_node *node, void *target, struct err *err)
{
    int64_t seconds;
    enum err_code code = read_whole_minutes(reader, row, node, target, err);

    if (code != ERR_OK) {
        return code;
    }
    memcpy(&seconds, (char *)target + row->offset, sizeof(seconds));
    if (seconds != 300 && seconds != 3600) {
        return conf_error(reader, node, err, "%s: %.*s is neither 5m nor 1h", row->key,
                          STR_ARGS(node->text));
    }
    return ERR_OK;
}

static void duration_schema(struct json_writer *json)
{
    json_text(json, "pattern", "^[0-9]+(ns|us|ms|s|m|h|d)$");
    json_text(json, "type", "string");
}

static const struct conf_custom whole_minutes = {
    .read = read_whole_minutes, .schema = duration_schema, .form = "duration, whole minutes"};
static const struct conf_custom interval = {
    .read = read_interval, .schema = duration_schema, .form = "`5m`, `1h`"};

/* Parts of availability. */

static const struct conf_row weight_rows[] = {
    {.key = "degraded",
     .type = CONF_RATIO,
     .required = true,
     CONF_FIELD(struct availability, weights[GRADE_DEGRADED], struct rational),
     .help = "share of the time of degraded performance that is lost"},
    {.key = "partial",
     .type = CONF_RATIO,
     .required = true,
     CONF_FIELD(struct availability, weights[GRADE_PARTIAL], struct rational),
     .help = "of partial outages"},
    {.key = "major",
     .type = CONF_RATIO,
     .required = true,
     CONF_FIELD(struct availability, weights[GRADE_MAJOR], struct rational),
     .help = "of major outages"},
};
static const struct conf_table weight_table = {.name = "weights", CONF_ROWS(weight_rows)};

#define UNKNOWN_ROW(name, grade, text)                                                             \
    {                                                                                              \
        .key = name, .type = CONF_ENUM, .required = true,                                          \
        CONF_FIELD(struct availability, unknown[grade], enum unknown_rule),                        \
        .choices = unknown_choices, .help = text                                                   \
    }

static const struct conf_row unknown_rows[] = {
    UNKNOWN_ROW("no_traffic", GRADE_NO_TRAFFIC, "minutes without events of this service"),
    UNKNOWN_ROW("probe_down", GRADE_PROBE_DOWN, "minutes in which the checker was silent"),
    UNKNOWN_ROW("pipeline_gap", GRADE_PIPELINE_GAP, "minutes whose events are missing"),
    UNKNOWN_ROW("not_provisioned", GRADE_NOT_PROVISIONED, "time before the first event"),
};
static const struct conf_table unknown_table = {.name = "unknown", CONF_ROWS(unknown_rows)};

static const struct conf_row percentile_rows[] = {
    {.key = "percentile",
     .type = CONF_PERCENT,
     .required = true,
     CONF_FIELD(struct availability, percentile.value, struct rational),
     .help = "percent of the slice's good requests that are to take no longer: 95"},
    {.key = "below",
     .type = CONF_DURATION,
     .required = true,
     CONF_FIELD(struct availability, below_ns, int64_t),
     .maximum = NS_PER_DAY,
     .help = "than this"},
};

/* 0.95 is how others write the 95th percentile; read as it stands it would be a limit that nothing exceeds. */
static enum err_code check_percentile(struct conf_reader *reader, const struct conf_node *node,
                                      void *target, struct err *err)
{
    struct availability *availability = target;
    const struct conf_node *percentile = conf_child(node, "percentile");

    availability->percentile_line = percentile->line;
    if (rational_compare(availability->percentile.value, rational_make(1, 100)) < 0) {
        return conf_error(reader, percentile, err,
                          "percentile: %.*s is less than 1; the 95th percentile is 95",
                          STR_ARGS(percentile->text));
    }
    if (availability->below_ns == 0) {
        return conf_error(reader, conf_child(node, "below"), err, "below: nothing is faster");
    }
    return ERR_OK;
}

static const struct conf_table percentile_table = {
    .name = "latency_limit", CONF_ROWS(percentile_rows), .check = check_percentile};

static const struct conf_row availability_rows[] = {
    {.key = "target",
     .type = CONF_PERCENT,
     .required = true,
     CONF_FIELD(struct availability, target, struct rational),
     .help = "uptime that was agreed"},
    {.key = "method",
     .type = CONF_ENUM,
     .required = true,
     CONF_FIELD(struct availability, method, enum sla_method),
     .choices = method_choices,
     .help = "how uptime is measured"},
    {.key = "weights",
     .type = CONF_TABLE,
     CONF_SELF,
     .table = &weight_table,
     .help = "state_time: required there"},
    {.key = "min_outage",
     .situational = true,
     .type = CONF_DURATION,
     CONF_FIELD(struct availability, min_outage_ns, int64_t),
     .fallback = "0s",
     .maximum = 31 * NS_PER_DAY,
     .help = "state_time: shorter outages count as up"},
    {.key = "absorb",
     .situational = true,
     .type = CONF_DURATION,
     CONF_FIELD(struct availability, absorb_ns, int64_t),
     .fallback = "0s",
     .maximum = 31 * NS_PER_DAY,
     .help = "state_time: intervals as short as this take the state that stands on both sides"},
    {.key = "degraded_weight",
     .situational = true,
     .type = CONF_RATIO,
     CONF_FIELD(struct availability, degraded_weight, struct rational),
     .fallback = "0",
     .help = "request_ratio: share of a slow request that is lost"},
    {.key = "slice",
     .type = CONF_CUSTOM,
     CONF_FIELD(struct availability, slice_s, int64_t),
     .custom = &whole_minutes,
     .help = "time_slices, ratio_time_slices: length of a slice; required there"},
    {.key = "interval",
     .type = CONF_CUSTOM,
     CONF_FIELD(struct availability, slice_s, int64_t),
     .custom = &interval,
     .help = "mean_interval_errors: length of an interval; required there"},
    {.key = "max_error_ratio",
     .type = CONF_RATIO,
     CONF_FIELD(struct availability, max_error_ratio.value, struct rational),
     CONF_PRESENT(struct availability, max_error_ratio.present),
     .help = "time_slices, bad_minute_runs, proportional: a slice or minute is bad if a greater "
             "part of its requests failed; proportional: 0 without it"},
    {.key = "max_slow_ratio",
     .type = CONF_RATIO,
     CONF_FIELD(struct availability, max_slow_ratio.value, struct rational),
     CONF_PRESENT(struct availability, max_slow_ratio.present),
     .help = "time_slices: a slice is bad if a greater part of its requests was slow"},
    {.key = "latency",
     .type = CONF_TABLE,
     CONF_SELF,
     .table = &percentile_table,
     CONF_PRESENT(struct availability, percentile.present),
     .help = "time_slices: a slice is bad if that percentile of its latency is above the limit"},
    {.key = "all_failed",
     .situational = true,
     .type = CONF_BOOL,
     CONF_FIELD(struct availability, all_failed, bool),
     .fallback = "false",
     .help =
         "bad_minute_runs: a minute is bad if every request failed; instead of max_error_ratio"},
    {.key = "min_run",
     .situational = true,
     .type = CONF_DURATION,
     CONF_FIELD(struct availability, min_run_ns, int64_t),
     .fallback = "1m",
     .maximum = 31 * NS_PER_DAY,
     .help = "bad_minute_runs: shorter runs count as up; total_failure_runs: required there, at "
             "least 60s"},
    {.key = "min_requests",
     .situational = true,
     .type = CONF_INTEGER,
     CONF_FIELD(struct availability, min_requests, int64_t),
     .fallback = "0",
     .minimum = 0,
     .maximum = INT64_C(1000000000000),
     .help = "bad_minute_runs: with fewer requests nothing is bad"},
    {.key = "min_requests_per",
     .situational = true,
     .type = CONF_ENUM,
     CONF_FIELD(struct availability, min_requests_per, enum min_requests_per),
     .choices = requests_per_choices,
     .fallback = "minute",
     .help = "bad_minute_runs: in what min_requests are counted"},
    {.key = "pool",
     .type = CONF_ENUM,
     CONF_FIELD(struct availability, pool, enum pool),
     .choices = pool_choices,
     .help = "how several services become one figure; required with several"},
    {.key = "unknown",
     .type = CONF_TABLE,
     .required = true,
     CONF_SELF,
     .table = &unknown_table,
     .help = "what unknown time counts as"},
};

static void init_availability(struct conf_reader *reader, void *target)
{
    struct availability *availability = target;

    (void)reader;
    for (int i = 0; i <= GRADE_MAJOR; i++) {
        availability->weights[i] = rational_make(0, 1);
    }
    availability->max_error_ratio.value = rational_make(0, 1);
    availability->max_slow_ratio.value = rational_make(0, 1);
    availability->percentile.value = rational_make(0, 1);
}

static enum err_code check_availability(struct conf_reader *reader, const struct conf_node *node,
                                        void *target, struct err *err)
{
    struct availability *availability = target;

    if (availability->method == METHOD_PROPORTIONAL) {
        availability->max_error_ratio.present = true; /* 0, if it was absent */
    }
    return method_fields_check(reader, node, availability, err);
}

const struct conf_table availability_table = {
    .name = "availability",
    CONF_ROWS(availability_rows),
    .init = init_availability,
    .check = check_availability,
};

/* The second level. */

static const struct conf_row latency_rows[] = {
    {.key = "target",
     .type = CONF_PERCENT,
     .required = true,
     CONF_FIELD(struct latency_terms, target, struct rational),
     .help = "share of the slices that are to be fast enough"},
    {.key = "max_slow_ratio",
     .type = CONF_RATIO,
     .required = true,
     CONF_FIELD(struct latency_terms, max_slow_ratio, struct rational),
     .help = "a slice is too slow if a greater part of its requests was"},
    {.key = "slice",
     .type = CONF_CUSTOM,
     .required = true,
     CONF_FIELD(struct latency_terms, slice_s, int64_t),
     .custom = &whole_minutes,
     .help = "length of a slice"},
};

static void init_latency(struct conf_reader *reader, void *target)
{
    struct latency_terms *latency = target;

    (void)reader;
    latency->target = rational_make(0, 1);
    latency->max_slow_ratio = rational_make(0, 1);
}

const struct conf_table latency_level_table = {
    .name = "latency_level", CONF_ROWS(latency_rows), .init = init_latency};
