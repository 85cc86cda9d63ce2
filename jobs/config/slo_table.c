/*
 * slos[]: targets that we set ourselves. docs/slo.md, field by field.
 */
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "jobs/config/tables.h"

/* The words of contracts, and OpenSLO's for the same. */
static const struct conf_choice methods[] = {{"request_ratio", SLO_REQUEST_RATIO, false},
                                             {"time_slices", SLO_TIME_SLICES, false},
                                             {"ratio_time_slices", SLO_RATIO_TIME_SLICES, false},
                                             {"occurrences", SLO_REQUEST_RATIO, false},
                                             {"timeslices", SLO_TIME_SLICES, false},
                                             {"ratio_timeslices", SLO_RATIO_TIME_SLICES, false},
                                             {NULL, 0, false}};
static const struct conf_choice severities[] = {
    {"page", SLO_PAGE, false}, {"ticket", SLO_TICKET, false}, {NULL, 0, false}};

/* The table of the SRE workbook: 2 % in an hour and 5 % in six hours wake somebody, 10 % in three days can wait for the morning. */
static const struct slo_rule default_rules[] = {
    {{1, 50}, NS_PER_HOUR, 5 * NS_PER_MINUTE, SLO_PAGE},
    {{1, 20}, 6 * NS_PER_HOUR, 30 * NS_PER_MINUTE, SLO_PAGE},
    {{1, 10}, 3 * NS_PER_DAY, 6 * NS_PER_HOUR, SLO_TICKET},
};

static enum err_code check_whole_minutes(struct conf_reader *reader, const struct conf_node *table,
                                         const char *key, int64_t duration_ns, struct err *err)
{
    if (duration_ns % NS_PER_MINUTE != 0) {
        return conf_error(reader, conf_child(table, key), err, "%s: whole minutes are wanted", key);
    }
    return ERR_OK;
}

/* unknown */

#define UNKNOWN_ROW(name, grade, text)                                                             \
    {                                                                                              \
        .key = name, .type = CONF_ENUM, CONF_FIELD(struct slo, unknown[grade], enum unknown_rule), \
        .choices = unknown_choices, .fallback = "exclude", .help = text                            \
    }

static const struct conf_row unknown_rows[] = {
    UNKNOWN_ROW("no_traffic", GRADE_NO_TRAFFIC, "minutes without requests"),
    UNKNOWN_ROW("probe_down", GRADE_PROBE_DOWN, "those in which the checker was silent"),
    UNKNOWN_ROW("pipeline_gap", GRADE_PIPELINE_GAP, "those whose events are missing"),
    UNKNOWN_ROW("not_provisioned", GRADE_NOT_PROVISIONED, "those before the first event"),
};
static const struct conf_table unknown_table = {.name = "slo_unknown", CONF_ROWS(unknown_rows)};

/* alerts */

static const struct conf_row rule_rows[] = {
    {.key = "budget",
     .type = CONF_PERCENT,
     .required = true,
     CONF_FIELD(struct slo_rule, budget, struct rational),
     .help = "of the period's budget, gone after the long window at this rate"},
    {.key = "long",
     .type = CONF_DURATION,
     .required = true,
     CONF_FIELD(struct slo_rule, long_ns, int64_t),
     .minimum = NS_PER_MINUTE,
     .maximum = 31 * NS_PER_DAY,
     .help = "both windows must burn faster: this one, so that a short spike is no alert"},
    {.key = "short",
     .type = CONF_DURATION,
     .required = true,
     CONF_FIELD(struct slo_rule, short_ns, int64_t),
     .minimum = NS_PER_MINUTE,
     .maximum = 31 * NS_PER_DAY,
     .help = "and this one, so that the alert ends soon after the trouble"},
    {.key = "severity",
     .type = CONF_ENUM,
     CONF_FIELD(struct slo_rule, severity, enum slo_severity),
     .choices = severities,
     .fallback = "page",
     .help = "who is told: somebody is woken, or somebody reads it in the morning"},
};

static enum err_code check_rule(struct conf_reader *reader, const struct conf_node *node,
                                void *target, struct err *err)
{
    const struct slo_rule *rule = target;
    const struct conf_node *budget = conf_child(node, "budget");
    enum err_code code = check_whole_minutes(reader, node, "long", rule->long_ns, err);

    if (rule->budget.numerator == 0) {
        return conf_error(reader, budget, err, "budget: 0 is not greater than 0");
    }
    if (code == ERR_OK) {
        code = check_whole_minutes(reader, node, "short", rule->short_ns, err);
    }
    if (code == ERR_OK && rule->short_ns >= rule->long_ns) {
        code = conf_error(reader, conf_child(node, "short"), err,
                          "short: the short window must be shorter than the long one");
    }
    return code;
}

static const struct conf_table rule_table = {.name = "slo_alert",
                                             CONF_ROWS(rule_rows),
                                             .size = sizeof(struct slo_rule),
                                             .check = check_rule};

/* window */

static const struct conf_row rolling_rows[] = {
    {.key = "rolling",
     .type = CONF_DURATION,
     .required = true,
     CONF_FIELD(struct slo, rolling_ns, int64_t),
     .minimum = NS_PER_HOUR,
     .maximum = 366 * NS_PER_DAY,
     .help = "the last so many days"},
};
static const struct conf_table rolling_table = {.name = "window", CONF_ROWS(rolling_rows)};

static enum err_code read_window(struct conf_reader *reader, const struct conf_row *row,
                                 const struct conf_node *node, void *target, struct err *err)
{
    static const struct conf_choice periods[] = {{"month", SLO_MONTH, false},
                                                 {"quarter", SLO_QUARTER, false},
                                                 {"year", SLO_YEAR, false},
                                                 {NULL, 0, false}};
    struct conf_row word = {
        .key = row->key, .type = CONF_ENUM, .choices = periods, .size = sizeof(enum slo_period)};
    struct slo *slo = target;

    if (node->kind == CONF_MAP) {
        slo->period = SLO_ROLLING;
        return conf_table_read(reader, &rolling_table, node, slo, err);
    }
    return conf_row_read(reader, &word, node, &slo->period, err);
}

static void window_schema(struct json_writer *json)
{
    period_schema(json, "^[0-9]+(m|h|d)$");
}

static const struct conf_custom window = {
    .read = read_window, .schema = window_schema, .form = "month, quarter, year or {rolling: 30d}"};

/* The objective. */

static const struct conf_row slo_rows[] = {
    {.key = "id",
     .type = CONF_NAME,
     .required = true,
     CONF_FIELD(struct slo, id, struct str),
     .help = "name of the objective"},
    {.key = "service",
     .situational = true,
     .type = CONF_NAME,
     CONF_FIELD(struct slo, service, struct str),
     .help = "service that is measured; this or services"},
    {.key = "services",
     .situational = true,
     .type = CONF_ARRAY,
     CONF_FIELD(struct slo, services, struct str *),
     .count_offset = CONF_OFFSET(struct slo, service_count, size_t),
     .element = CONF_NAME,
     .minimum = 1,
     .maximum = 1000,
     .help = "several services: their requests are added up"},
    {.key = "target",
     .type = CONF_PERCENT,
     .required = true,
     CONF_FIELD(struct slo, target, struct rational),
     .help = "what should be good; the rest is the error budget"},
    {.key = "method",
     .type = CONF_ENUM,
     .required = true,
     CONF_FIELD(struct slo, method, enum slo_method),
     .choices = methods,
     .help = "how it is measured; occurrences, timeslices and ratio_timeslices are OpenSLO's words "
             "for the same"},
    {.key = "window",
     .type = CONF_CUSTOM,
     .required = true,
     CONF_SELF,
     .custom = &window,
     .help = "the period that has the budget"},
    {.key = "time_zone",
     .type = CONF_ZONE,
     CONF_FIELD(struct slo, zone, const struct zone *),
     .fallback = "UTC",
     .help = "whose months and days are meant; required for month, quarter and year"},
    {.key = "digits",
     .type = CONF_INTEGER,
     CONF_FIELD(struct slo, digits, int),
     .fallback = "3",
     .minimum = 0,
     .maximum = 9,
     .help = "of displayed percents"},
    {.key = "slice",
     .situational = true,
     .type = CONF_DURATION,
     CONF_FIELD(struct slo, slice_ns, int64_t),
     .fallback = "1m",
     .minimum = NS_PER_MINUTE,
     .maximum = NS_PER_DAY,
     .help = "time_slices, ratio_time_slices: length of a slice"},
    {.key = "max_error_ratio",
     .situational = true,
     .type = CONF_RATIO,
     CONF_FIELD(struct slo, max_error_ratio, struct rational),
     CONF_PRESENT(struct slo, has_max_error_ratio),
     .help = "time_slices: a slice with a greater ratio of errors is bad"},
    {.key = "max_slow_ratio",
     .situational = true,
     .type = CONF_RATIO,
     CONF_FIELD(struct slo, max_slow_ratio, struct rational),
     CONF_PRESENT(struct slo, has_max_slow_ratio),
     .help = "time_slices: a slice with a greater ratio of slow requests is bad"},
    {.key = "degraded_weight",
     .situational = true,
     .type = CONF_RATIO,
     CONF_FIELD(struct slo, degraded_weight, struct rational),
     .fallback = "0",
     .help = "request_ratio: share of a slow request that is lost"},
    {.key = "unknown",
     .situational = true,
     .type = CONF_TABLE,
     CONF_SELF,
     .table = &unknown_table,
     .help = "time_slices, ratio_time_slices: what slices without requests count as"},
    {.key = "forecast",
     .type = CONF_DURATION,
     CONF_FIELD(struct slo, forecast_ns, int64_t),
     .fallback = "1d",
     .minimum = NS_PER_MINUTE,
     .maximum = 31 * NS_PER_DAY,
     .help = "the forecast takes the budget to burn on as it did in this time"},
    {.key = "alerts",
     .type = CONF_ARRAY,
     CONF_FIELD(struct slo, rules, struct slo_rule *),
     .count_offset = CONF_OFFSET(struct slo, rule_count, size_t),
     .element = CONF_TABLE,
     .table = &rule_table,
     .maximum = 8,
     .help = "default: {budget: 2, long: 1h, short: 5m}, {budget: 5, long: 6h, short: 30m}, "
             "{budget: 10, long: 3d, short: 6h, severity: ticket}"},
};

static void init_slo(struct conf_reader *reader, void *target)
{
    struct slo *slo = target;

    (void)reader;
    slo->max_error_ratio = slo->max_slow_ratio = rational_make(1, 1);
}

/* Fields that belong to some methods only, one bit each. */
static const struct {
    const char *key;
    unsigned methods;
    const char *names;
} method_keys[] = {
    {"slice", 1u << SLO_TIME_SLICES | 1u << SLO_RATIO_TIME_SLICES,
     "time_slices and ratio_time_slices"},
    {"unknown", 1u << SLO_TIME_SLICES | 1u << SLO_RATIO_TIME_SLICES,
     "time_slices and ratio_time_slices"},
    {"max_error_ratio", 1u << SLO_TIME_SLICES, "time_slices"},
    {"max_slow_ratio", 1u << SLO_TIME_SLICES, "time_slices"},
    {"degraded_weight", 1u << SLO_REQUEST_RATIO, "request_ratio"},
};

static enum err_code check_method(struct conf_reader *reader, const struct conf_node *node,
                                  const struct slo *slo, struct err *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(method_keys); i++) {
        const struct conf_node *child = conf_child(node, method_keys[i].key);
        struct conf_node place;

        if (child == NULL || (method_keys[i].methods & 1u << slo->method) != 0) {
            continue;
        }
        place = (struct conf_node){.line = child->key_line, .column = child->key_column};
        return conf_error(reader, &place, err, "\"%s\" is only for method %s", method_keys[i].key,
                          method_keys[i].names);
    }
    if (slo->method == SLO_TIME_SLICES && !slo->has_max_error_ratio && !slo->has_max_slow_ratio) {
        return conf_error(reader, node, err,
                          "slo: method time_slices needs \"max_error_ratio\" or "
                          "\"max_slow_ratio\"");
    }
    return ERR_OK;
}

static enum err_code check_target(struct conf_reader *reader, const struct conf_node *node,
                                  const struct slo *slo, struct err *err)
{
    const struct conf_node *target = conf_child(node, "target");

    if (rational_compare(slo->target, rational_make(1, 1)) >= 0) {
        return conf_error(reader, target, err, "target: 100 leaves no error budget");
    }
    return ERR_OK;
}

static enum err_code check_durations(struct conf_reader *reader, const struct conf_node *node,
                                     const struct slo *slo, struct err *err)
{
    const struct conf_node *place = conf_child(node, "window");
    enum err_code code = check_whole_minutes(reader, node, "slice", slo->slice_ns, err);

    if (code == ERR_OK) {
        code = check_whole_minutes(reader, node, "forecast", slo->forecast_ns, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    if (slo->period != SLO_ROLLING && conf_child(node, "time_zone") == NULL) {
        return conf_error(reader, place, err, "window: a calendar window needs \"time_zone\"");
    }
    if (slo->period == SLO_ROLLING && slo->rolling_ns % slo->slice_ns != 0) {
        return conf_error(reader, place, err, "window: a whole number of %s is wanted",
                          slo->slice_ns == NS_PER_MINUTE ? "minutes" : "slices");
    }
    return ERR_OK;
}

/* In a short period a default rule may mean less than half the rate that the budget allows: it would fire all the time, and is left out. */
static void use_default_rules(struct conf_reader *reader, struct slo *slo)
{
    slo->rules = arena_calloc(reader->arena, ARRAY_COUNT(default_rules), sizeof(*slo->rules));
    for (size_t i = 0; i < ARRAY_COUNT(default_rules); i++) {
        const struct slo_rule *rule = &default_rules[i];
        struct rational factor =
            rational_multiply(rule->budget, rational_make(slo->rolling_ns, rule->long_ns));

        if (slo->period != SLO_ROLLING || rational_compare(factor, rational_make(1, 2)) >= 0) {
            slo->rules[slo->rule_count++] = *rule;
        }
    }
}

static enum err_code check_rules(struct conf_reader *reader, const struct conf_node *node,
                                 struct slo *slo, struct err *err)
{
    const struct conf_node *alerts = conf_child(node, "alerts");
    const struct conf_node *rule;

    if (alerts == NULL) {
        use_default_rules(reader, slo);
        return ERR_OK;
    }
    rule = alerts->first;
    for (size_t i = 0; i < slo->rule_count; i++, rule = rule->next) {
        if (slo->period == SLO_ROLLING && slo->rules[i].long_ns > slo->rolling_ns) {
            return conf_error(reader, conf_child(rule, "long"), err,
                              "long: longer than the objective's own window");
        }
    }
    return ERR_OK;
}

static enum err_code check_services(struct conf_reader *reader, const struct conf_node *node,
                                    struct slo *slo, struct err *err)
{
    const struct conf_node *services = conf_child(node, "services");
    const struct conf_node *child;

    if ((slo->service.size > 0) == (services != NULL)) {
        return conf_error(reader, services != NULL ? services : node, err,
                          "slo: one of \"service\" and \"services\" is wanted");
    }
    if (services == NULL) {
        slo->services = &slo->service;
        slo->service_count = 1;
        return ERR_OK;
    }
    child = services->first;
    for (size_t i = 0; i < slo->service_count; i++, child = child->next) {
        for (size_t j = 0; j < i; j++) {
            if (str_equal(slo->services[i], slo->services[j])) {
                return conf_error(reader, child, err, "service \"%.*s\" occurs twice",
                                  STR_ARGS(slo->services[i]));
            }
        }
    }
    return ERR_OK;
}

static enum err_code check_slo(struct conf_reader *reader, const struct conf_node *node,
                               void *target, struct err *err)
{
    struct slo *slo = target;
    enum err_code code = check_services(reader, node, slo, err);

    slo->line = node->line;
    if (code == ERR_OK) {
        code = check_target(reader, node, slo, err);
    }
    if (code == ERR_OK) {
        code = check_method(reader, node, slo, err);
    }
    if (code == ERR_OK) {
        code = check_durations(reader, node, slo, err);
    }
    return code == ERR_OK ? check_rules(reader, node, slo, err) : code;
}

const struct conf_table slo_table = {
    .name = "slo",
    CONF_ROWS(slo_rows),
    .size = sizeof(struct slo),
    .init = init_slo,
    .check = check_slo,
    .help = "a target that we set ourselves",
};
