/*
 * What an OpenSLO v1 document may hold, and what of it cannot be honoured and why.
 */
#include "base/check.h"
#include "base/civil.h"
#include "base/spelling.h"
#include "jobs/config/slo.h"
#include "jobs/slo/openslo.h"

static const char our_prefix[] = "uptally/";

/* --- what is refused, and what is read over --- */

static enum err_code refuse(struct conf_reader *reader, const struct conf_row *row,
                            const struct conf_node *node, void *target, struct err *err)
{
    struct conf_node place = {.line = node->key_line, .column = node->key_column};

    (void)target;
    if (node->kind == CONF_LIST && node->count == 0) {
        return ERR_OK; /* nothing is asked for */
    }
    return conf_error(reader, &place, err, "\"%s\" cannot be honoured: %s", row->key, row->help);
}
static const struct conf_custom refused = {.read = refuse};

static enum err_code read_over(struct conf_reader *reader, const struct conf_row *row,
                               const struct conf_node *node, void *target, struct err *err)
{
    (void)reader;
    (void)row;
    (void)node;
    (void)target;
    (void)err;
    return ERR_OK;
}
static const struct conf_custom left_out = {.read = read_over};

#define LEFT_OUT(name, text)                                                                       \
    {                                                                                              \
        .key = name, .type = CONF_CUSTOM, CONF_SELF, .custom = &left_out, .help = text             \
    }
#define REFUSED(name, reason)                                                                      \
    {                                                                                              \
        .key = name, .type = CONF_CUSTOM, CONF_SELF, .custom = &refused, .help = reason            \
    }

/* --- single values --- */

/* RFC 1123: lower-case letters, digits and '-' inside, at most 63. */
static enum err_code read_object_name(struct conf_reader *reader, const struct conf_row *row,
                                      const struct conf_node *node, void *target, struct err *err)
{
    struct str name;
    enum err_code code = conf_read_name(reader, node, 63, &name, err);

    for (size_t i = 0; code == ERR_OK && i < name.size; i++) {
        char c = name.data[i];
        bool inside = i > 0 && i + 1 < name.size;

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && !(c == '-' && inside)) {
            code = conf_error(reader, node, err,
                              "%s: \"%.*s\" is not a name of lower-case letters, digits and inner "
                              "hyphens (RFC 1123)",
                              row->key, STR_ARGS(name));
        }
    }
    if (code == ERR_OK) {
        *(struct str *)(void *)((char *)target + row->offset) = name;
    }
    return code;
}
static const struct conf_custom object_name = {.read = read_object_name};

static bool parse_shorthand(struct str text, struct openslo_duration *ret_duration)
{
    static const struct {
        char unit;
        int64_t minutes, months;
    } units[] = {{'m', 1, 0}, {'h', 60, 0}, {'d', 24 * 60, 0}, {'w', 7 * 24 * 60, 0},
                 {'M', 0, 1}, {'Q', 0, 3},  {'Y', 0, 12}};
    int64_t number;

    if (text.size < 2 || !str_to_int64(str_of(text.data, text.size - 1), &number)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
        if (units[i].unit == text.data[text.size - 1] && number > 0 && number <= 1000000) {
            *ret_duration =
                (struct openslo_duration){number * units[i].minutes, number * units[i].months};
            return true;
        }
    }
    return false;
}

static enum err_code read_duration(struct conf_reader *reader, const struct conf_row *row,
                                   const struct conf_node *node, void *target, struct err *err)
{
    struct openslo_duration *duration = (void *)((char *)target + row->offset);
    int64_t minutes;

    if (node->kind == CONF_SCALAR && parse_shorthand(node->text, duration)) {
        return ERR_OK;
    }
    /* timeSliceWindow may be a number of minutes. */
    if (row->has_present && node->kind == CONF_SCALAR && str_to_int64(node->text, &minutes) &&
        minutes > 0 && minutes <= 1000000) {
        *duration = (struct openslo_duration){minutes, 0};
        return ERR_OK;
    }
    return conf_error(reader, node, err,
                      "%s: a duration such as 5m, 1h, 30d, 4w, 1M or 1Q is wanted", row->key);
}
static const struct conf_custom shorthand = {.read = read_duration};

/* --- metadata --- */

/* Our annotations: each stands for the key of the configuration that has its name. */
static const struct conf_row annotation_rows[] = {
    LEFT_OUT("services", "whose requests the indicator stands for, with commas"),
    LEFT_OUT("degraded_weight", "as in the configuration"),
    LEFT_OUT("max_slow_ratio", "as in the configuration"),
    LEFT_OUT("forecast", "as in the configuration"),
    LEFT_OUT("digits", "as in the configuration"),
};

static enum err_code add_annotation(struct conf_reader *reader, const struct conf_node *node,
                                    struct openslo_metadata *metadata, struct err *err)
{
    struct str key =
        str_of(node->key.data + sizeof(our_prefix) - 1, node->key.size - (sizeof(our_prefix) - 1));
    struct conf_node place = {.line = node->key_line, .column = node->key_column};
    struct spelling spelling;
    char hint[SPELLING_HINT_SIZE];

    _Static_assert(ARRAY_COUNT(annotation_rows) <= OPENSLO_ANNOTATIONS_MAX, "keys are unique");
    spelling_init(&spelling, key);
    for (size_t i = 0; i < ARRAY_COUNT(annotation_rows); i++) {
        if (str_equal(key, STR(annotation_rows[i].key))) {
            struct str value;

            metadata->annotations[metadata->annotation_count++] =
                (struct openslo_annotation){annotation_rows[i].key, node};
            return conf_read_name(reader, node, 4096, &value, err);
        }
        spelling_offer(&spelling, annotation_rows[i].key);
    }
    return conf_error(reader, &place, err, "unknown annotation \"%.*s\"%s", STR_ARGS(node->key),
                      spelling_hint(&spelling, hint));
}

static enum err_code read_annotations(struct conf_reader *reader, const struct conf_row *row,
                                      const struct conf_node *node, void *target, struct err *err)
{
    struct openslo_metadata *metadata = target;
    enum err_code code = ERR_OK;

    if (node->kind != CONF_MAP) {
        return conf_error(reader, node, err, "%s: a table is wanted, not %s", row->key,
                          conf_kind_name(node));
    }
    for (const struct conf_node *child = node->first; child != NULL && code == ERR_OK;
         child = child->next) {
        if (str_starts_with(child->key, STR(our_prefix))) {
            code = add_annotation(reader, child, metadata, err);
        }
    }
    return code;
}
static const struct conf_custom annotations = {.read = read_annotations};

static const struct conf_row metadata_rows[] = {
    {.key = "name",
     .type = CONF_CUSTOM,
     .required = true,
     CONF_FIELD(struct openslo_metadata, name, struct str),
     .custom = &object_name,
     .help = "RFC 1123"},
    LEFT_OUT("displayName", "for people"),
    LEFT_OUT("labels", "for people"),
    {.key = "annotations",
     .type = CONF_CUSTOM,
     CONF_SELF,
     .custom = &annotations,
     .help = "those that begin with uptally/"},
};
static const struct conf_table metadata_table = {.name = "metadata", CONF_ROWS(metadata_rows)};

/* --- indicators --- */

static const struct conf_row metric_rows[] = {
    {.key = "metricSource",
     .type = CONF_CUSTOM,
     .required = true,
     CONF_SELF,
     .custom = &left_out,
     .help = "the annotation uptally/services stands in its place"},
};
static const struct conf_table metric_table = {.name = "metric", CONF_ROWS(metric_rows)};

#define METRIC(name, text)                                                                         \
    {                                                                                              \
        .key = name, .type = CONF_TABLE, CONF_SELF, .table = &metric_table, .help = text           \
    }

static const struct conf_row ratio_rows[] = {
    {.key = "counter",
     .type = CONF_CUSTOM,
     CONF_SELF,
     .custom = &left_out,
     .help = "how the other system counts"},
    METRIC("good", "requests without errors"),
    METRIC("bad", "requests with errors"),
    METRIC("total", "all requests"),
    REFUSED("raw",
            "uptally counts requests, it does not read ratios; give \"good\" or \"bad\", and "
            "\"total\""),
    REFUSED("rawType", "uptally counts requests, it does not read ratios"),
};

static enum err_code check_ratio(struct conf_reader *reader, const struct conf_node *node,
                                 void *target, struct err *err)
{
    struct openslo_sli *sli = target;
    bool good = conf_child(node, "good") != NULL;

    sli->has_ratio = true;
    sli->ratio = node;
    if (good == (conf_child(node, "bad") != NULL) || conf_child(node, "total") == NULL) {
        return conf_error(reader, node, err,
                          "ratioMetric: one of \"good\" and \"bad\" is wanted, and \"total\"");
    }
    return ERR_OK;
}
static const struct conf_table ratio_table = {
    .name = "ratioMetric", CONF_ROWS(ratio_rows), .check = check_ratio};

static const struct conf_row sli_rows[] = {
    LEFT_OUT("description", "for people"),
    {.key = "ratioMetric",
     .type = CONF_TABLE,
     CONF_SELF,
     .table = &ratio_table,
     .help = "good or bad requests of all"},
    REFUSED("thresholdMetric", "uptally measures ratios of requests; what is too slow is said by "
                               "services[].latency_threshold and the annotation "
                               "uptally/degraded_weight or uptally/max_slow_ratio"),
};

static enum err_code check_sli(struct conf_reader *reader, const struct conf_node *node,
                               void *target, struct err *err)
{
    const struct openslo_sli *sli = target;

    return sli->has_ratio
               ? ERR_OK
               : conf_error(reader, node, err, "spec: required key \"ratioMetric\" is missing");
}
static const struct conf_table sli_table = {
    .name = "sli_spec", CONF_ROWS(sli_rows), .check = check_sli};

static const struct conf_row indicator_rows[] = {
    {.key = "metadata",
     .type = CONF_TABLE,
     .required = true,
     CONF_FIELD(struct openslo_indicator, metadata, struct openslo_metadata),
     .table = &metadata_table,
     .help = "of the indicator"},
    {.key = "spec",
     .type = CONF_TABLE,
     .required = true,
     CONF_FIELD(struct openslo_indicator, sli, struct openslo_sli),
     .table = &sli_table,
     .help = "what is measured"},
};
static const struct conf_table indicator_table = {.name = "indicator", CONF_ROWS(indicator_rows)};

/* --- objectives --- */

static const struct conf_row calendar_rows[] = {
    {.key = "startTime",
     .type = CONF_NAME,
     .required = true,
     CONF_FIELD(struct openslo_window, start_time, struct str),
     .help = "midnight at the start of a month, quarter or year"},
    {.key = "timeZone",
     .type = CONF_ZONE,
     .required = true,
     CONF_FIELD(struct openslo_window, zone, const struct zone *),
     .help = "IANA name"},
};

/* Only starts at which our own periods start, too: then it does not matter which of them it is. */
static enum err_code check_calendar(struct conf_reader *reader, const struct conf_node *node,
                                    void *target, struct err *err)
{
    const struct openslo_window *window = target;
    struct str start = window->start_time;
    int64_t months = window->duration.months;
    int32_t year, month, day;

    if (months != 1 && months != 3 && months != 12) {
        return conf_error(reader, node, err,
                          "\"calendar\" cannot be honoured: durations are 1M, 1Q or 1Y");
    }
    if (start.size != 19 || !civil_parse_date(str_of(start.data, 10), &year, &month, &day) ||
        !str_equal(str_of(start.data + 10, 9), STR(" 00:00:00")) || day != 1 ||
        (month - 1) % months != 0) {
        return conf_error(reader, conf_child(node, "startTime"), err,
                          "\"startTime\" cannot be honoured: \"%.*s\" is not the first midnight of "
                          "a %s, such as 2026-01-01 00:00:00",
                          STR_ARGS(start),
                          months == 1   ? "month"
                          : months == 3 ? "quarter"
                                        : "year");
    }
    return ERR_OK;
}
static const struct conf_table calendar_table = {
    .name = "calendar", CONF_ROWS(calendar_rows), .check = check_calendar};

static const struct conf_row window_rows[] = {
    {.key = "duration",
     .type = CONF_CUSTOM,
     .required = true,
     CONF_FIELD(struct openslo_window, duration, struct openslo_duration),
     .custom = &shorthand,
     .help = "shorthand"},
    {.key = "isRolling",
     .type = CONF_BOOL,
     CONF_FIELD(struct openslo_window, rolling, bool),
     .help = "or calendar"},
    {.key = "calendar",
     .type = CONF_TABLE,
     CONF_SELF,
     .table = &calendar_table,
     CONF_PRESENT(struct openslo_window, has_calendar),
     .help = "or isRolling"},
};

static enum err_code check_window(struct conf_reader *reader, const struct conf_node *node,
                                  void *target, struct err *err)
{
    const struct openslo_window *window = target;

    if (window->rolling == window->has_calendar) {
        return conf_error(reader, node, err,
                          "timeWindow: one of \"isRolling: true\" and \"calendar\" is wanted");
    }
    if (window->rolling && window->duration.months > 0) {
        return conf_error(
            reader, conf_child(node, "duration"), err,
            "\"duration\" cannot be honoured: months have no fixed length to roll by; "
            "write days, or a calendar");
    }
    return ERR_OK;
}
static const struct conf_table window_table = {.name = "timeWindow",
                                               CONF_ROWS(window_rows),
                                               .size = sizeof(struct openslo_window),
                                               .check = check_window};

static const struct conf_row objective_rows[] = {
    LEFT_OUT("displayName", "for people"),
    {.key = "target",
     .type = CONF_RATIO,
     CONF_FIELD(struct openslo_objective, target, struct rational),
     CONF_PRESENT(struct openslo_objective, has_target),
     .help = "or targetPercent"},
    {.key = "targetPercent",
     .type = CONF_PERCENT,
     CONF_FIELD(struct openslo_objective, target_percent, struct rational),
     CONF_PRESENT(struct openslo_objective, has_target_percent),
     .help = "or target"},
    {.key = "timeSliceTarget",
     .type = CONF_RATIO,
     CONF_FIELD(struct openslo_objective, slice_target, struct rational),
     CONF_PRESENT(struct openslo_objective, has_slice_target),
     .help = "Timeslices: a slice with less good requests is bad"},
    {.key = "timeSliceWindow",
     .type = CONF_CUSTOM,
     CONF_FIELD(struct openslo_objective, slice, struct openslo_duration),
     .custom = &shorthand,
     CONF_PRESENT(struct openslo_objective, has_slice),
     .help = "minutes, or shorthand"},
    REFUSED("op", "it compares a thresholdMetric, and uptally measures ratios of requests"),
    REFUSED("value", "it compares a thresholdMetric, and uptally measures ratios of requests"),
    REFUSED("indicator", "an objective of its own indicator is an SLO of its own"),
    REFUSED("indicatorRef", "an objective of its own indicator is an SLO of its own"),
    REFUSED("compositeWeight", "composite SLOs are not measured"),
};

static enum err_code check_objective(struct conf_reader *reader, const struct conf_node *node,
                                     void *target, struct err *err)
{
    struct openslo_objective *objective = target;
    const char *key = objective->has_target ? "target" : "targetPercent";

    if (objective->has_target == objective->has_target_percent) {
        return conf_error(reader, node, err,
                          "objectives: one of \"target\" and \"targetPercent\" is wanted");
    }
    if (objective->has_target_percent) {
        objective->target = objective->target_percent;
    }
    if (rational_compare(objective->target, rational_make(1, 1)) >= 0) {
        return conf_error(reader, conf_child(node, key), err,
                          "\"%s\" cannot be honoured: it leaves no error budget", key);
    }
    if (objective->has_slice && objective->slice.minutes == 0) {
        return conf_error(reader, conf_child(node, "timeSliceWindow"), err,
                          "\"timeSliceWindow\" cannot be honoured: months have no fixed length");
    }
    if (objective->has_slice_target && objective->slice_target.numerator == 0) {
        return conf_error(reader, conf_child(node, "timeSliceTarget"), err,
                          "timeSliceTarget: 0 is not greater than 0");
    }
    return ERR_OK;
}
static const struct conf_table objective_table = {.name = "objective",
                                                  CONF_ROWS(objective_rows),
                                                  .size = sizeof(struct openslo_objective),
                                                  .check = check_objective};

/* --- SLOs --- */

static const struct conf_choice budgeting_methods[] = {
    {"Occurrences", SLO_REQUEST_RATIO, false},
    {"Timeslices", SLO_TIME_SLICES, false},
    {"RatioTimeslices", SLO_RATIO_TIME_SLICES, false},
    {NULL, 0, false}};

static const struct conf_row slo_rows[] = {
    LEFT_OUT("description", "for people"),
    {.key = "service",
     .type = CONF_NAME,
     .required = true,
     CONF_FIELD(struct openslo_slo, service, struct str),
     .help = "a Service"},
    {.key = "indicator",
     .type = CONF_TABLE,
     CONF_FIELD(struct openslo_slo, indicator, struct openslo_indicator),
     .table = &indicator_table,
     CONF_PRESENT(struct openslo_slo, has_indicator),
     .help = "or indicatorRef"},
    {.key = "indicatorRef",
     .type = CONF_NAME,
     CONF_FIELD(struct openslo_slo, reference, struct str),
     CONF_PRESENT(struct openslo_slo, has_reference),
     .help = "or indicator"},
    {.key = "timeWindow",
     .type = CONF_ARRAY,
     .required = true,
     CONF_FIELD(struct openslo_slo, windows, struct openslo_window *),
     .count_offset = CONF_OFFSET(struct openslo_slo, window_count, size_t),
     .element = CONF_TABLE,
     .table = &window_table,
     .minimum = 1,
     .maximum = 1,
     .help = "exactly one"},
    {.key = "budgetingMethod",
     .type = CONF_ENUM,
     .required = true,
     CONF_FIELD(struct openslo_slo, method, int),
     .choices = budgeting_methods,
     .help = "how it is measured"},
    {.key = "objectives",
     .type = CONF_ARRAY,
     .required = true,
     CONF_FIELD(struct openslo_slo, objectives, struct openslo_objective *),
     .count_offset = CONF_OFFSET(struct openslo_slo, objective_count, size_t),
     .element = CONF_TABLE,
     .table = &objective_table,
     .minimum = 1,
     .maximum = 100,
     .help = "each becomes an objective of the configuration"},
    REFUSED("alertPolicies",
            "alerts of uptally look at two windows; leave them out for the standard "
            "ones, or write slos[].alerts"),
};

/* The fields of slices belong to the methods of slices. */
static enum err_code check_slices(struct conf_reader *reader, const struct conf_node *node,
                                  const struct openslo_slo *slo,
                                  const struct openslo_objective *objective, struct err *err)
{
    bool slices = slo->method != SLO_REQUEST_RATIO;
    bool limited = slo->method == SLO_TIME_SLICES;

    if (objective->has_slice != slices) {
        return conf_error(reader, node, err, "objectives: \"timeSliceWindow\" is %s",
                          slices ? "wanted" : "for Timeslices and RatioTimeslices only");
    }
    if (objective->has_slice_target != limited) {
        return conf_error(reader, node, err, "objectives: \"timeSliceTarget\" is %s",
                          limited ? "wanted" : "for Timeslices only");
    }
    return ERR_OK;
}

static enum err_code check_slo(struct conf_reader *reader, const struct conf_node *node,
                               void *target, struct err *err)
{
    const struct openslo_slo *slo = target;
    const struct conf_node *objective = conf_child(node, "objectives")->first;
    enum err_code code = ERR_OK;

    if (slo->has_indicator == slo->has_reference) {
        return conf_error(reader, node, err,
                          "spec: one of \"indicator\" and \"indicatorRef\" is wanted");
    }
    for (size_t i = 0; i < slo->objective_count && code == ERR_OK; i++) {
        code = check_slices(reader, objective, slo, &slo->objectives[i], err);
        objective = objective->next;
    }
    return code;
}
static const struct conf_table slo_table = {
    .name = "slo_spec", CONF_ROWS(slo_rows), .check = check_slo};

static const struct conf_row service_rows[] = {LEFT_OUT("description", "for people")};
static const struct conf_table service_table = {.name = "service_spec", CONF_ROWS(service_rows)};

/* --- documents --- */

static const struct conf_choice versions[] = {{"openslo/v1", 0, false}, {NULL, 0, false}};

/* The kind was looked at before the table was chosen. */
#define HEAD_ROWS                                                                                  \
    {.key = "apiVersion",                                                                          \
     .type = CONF_ENUM,                                                                            \
     .required = true,                                                                             \
     CONF_SELF,                                                                                    \
     .choices = versions,                                                                          \
     .help = "openslo/v1"},                                                                        \
        LEFT_OUT("kind", "Service, SLI or SLO"),                                                   \
    {                                                                                              \
        .key = "metadata", .type = CONF_TABLE, .required = true,                                   \
        CONF_FIELD(struct openslo_object, metadata, struct openslo_metadata),                      \
        .table = &metadata_table, .help = "name and annotations"                                   \
    }

static const struct conf_row service_document_rows[] = {
    HEAD_ROWS,
    {.key = "spec", .type = CONF_TABLE, CONF_SELF, .table = &service_table, .help = "may be empty"},
};
static const struct conf_row sli_document_rows[] = {
    HEAD_ROWS,
    {.key = "spec",
     .type = CONF_TABLE,
     .required = true,
     CONF_FIELD(struct openslo_object, sli, struct openslo_sli),
     .table = &sli_table,
     .help = "what is measured"},
};
static const struct conf_row slo_document_rows[] = {
    HEAD_ROWS,
    {.key = "spec",
     .type = CONF_TABLE,
     .required = true,
     CONF_FIELD(struct openslo_object, slo, struct openslo_slo),
     .table = &slo_table,
     .help = "the objective"},
};

const struct conf_table openslo_tables[] = {
    [OPENSLO_SERVICE] = {.name = "Service", CONF_ROWS(service_document_rows)},
    [OPENSLO_SLI] = {.name = "SLI", CONF_ROWS(sli_document_rows)},
    [OPENSLO_SLO] = {.name = "SLO", CONF_ROWS(slo_document_rows)},
};
