/*
 * Which fields of contracts[].availability belong to which methods, and which of those a method cannot do without.
 */
#include "base/check.h"
#include "base/clock.h"
#include "jobs/config/tables.h"

#define METHOD(name) (1U << METHOD_##name)

static const struct {
    const char *key;
    unsigned methods;
    unsigned required;
} method_fields[] = {
    {"weights", METHOD(STATE_TIME), METHOD(STATE_TIME)},
    {"min_outage", METHOD(STATE_TIME), 0},
    {"absorb", METHOD(STATE_TIME), 0},
    {"degraded_weight", METHOD(REQUEST_RATIO), 0},
    {"slice", METHOD(TIME_SLICES) | METHOD(RATIO_TIME_SLICES),
     METHOD(TIME_SLICES) | METHOD(RATIO_TIME_SLICES)},
    {"interval", METHOD(MEAN_INTERVAL_ERRORS), METHOD(MEAN_INTERVAL_ERRORS)},
    {"max_error_ratio", METHOD(TIME_SLICES) | METHOD(BAD_MINUTE_RUNS) | METHOD(PROPORTIONAL), 0},
    {"max_slow_ratio", METHOD(TIME_SLICES), 0},
    {"latency", METHOD(TIME_SLICES), 0},
    {"all_failed", METHOD(BAD_MINUTE_RUNS), 0},
    {"min_run", METHOD(BAD_MINUTE_RUNS) | METHOD(TOTAL_FAILURE_RUNS), METHOD(TOTAL_FAILURE_RUNS)},
    {"min_requests", METHOD(BAD_MINUTE_RUNS), 0},
    {"min_requests_per", METHOD(BAD_MINUTE_RUNS), 0},
};

/* "method a", "methods a and b", "methods a, b and c" */
static const char *list_methods(struct arena *arena, unsigned methods)
{
    const char *list = "";
    size_t count = 0;

    for (int method = METHOD_COUNT - 1; method >= 0; method--) {
        if ((methods & (1U << method)) != 0) {
            list = arena_format(arena, "%s%s%s", conf_choice_name(method_choices, method),
                                count == 0   ? ""
                                : count == 1 ? " and "
                                             : ", ",
                                list);
            count++;
        }
    }
    return arena_format(arena, "method%s %s", count > 1 ? "s" : "", list);
}

/* Fields of other methods come first: one of them explains why another one is missing. */
static enum err_code check_foreign(struct conf_reader *reader, const struct conf_node *node,
                                   enum sla_method method, struct err *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(method_fields); i++) {
        const struct conf_node *child = conf_child(node, method_fields[i].key);

        if (child != NULL && (method_fields[i].methods & (1U << method)) == 0) {
            struct conf_node place = {.line = child->key_line, .column = child->key_column};

            return conf_error(reader, &place, err, "\"%s\" is only for %s", method_fields[i].key,
                              list_methods(reader->arena, method_fields[i].methods));
        }
    }
    return ERR_OK;
}

static enum err_code check_required(struct conf_reader *reader, const struct conf_node *node,
                                    enum sla_method method, struct err *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(method_fields); i++) {
        if ((method_fields[i].required & (1U << method)) != 0 &&
            conf_child(node, method_fields[i].key) == NULL) {
            return conf_error(reader, node, err, "availability: method %s needs \"%s\"",
                              conf_choice_name(method_choices, method), method_fields[i].key);
        }
    }
    return ERR_OK;
}

static enum err_code check_time_slices(struct conf_reader *reader, const struct conf_node *node,
                                       const struct availability *availability, struct err *err)
{
    if (!availability->max_error_ratio.present && !availability->max_slow_ratio.present &&
        !availability->percentile.present) {
        return conf_error(reader, node, err,
                          "availability: method time_slices needs at least one of "
                          "\"max_error_ratio\", \"max_slow_ratio\" and \"latency\"");
    }
    return ERR_OK;
}

static enum err_code check_bad_minute_runs(struct conf_reader *reader, const struct conf_node *node,
                                           const struct availability *availability, struct err *err)
{
    if (availability->all_failed && availability->max_error_ratio.present) {
        return conf_error(reader, conf_child(node, "all_failed"), err,
                          "all_failed: instead of \"max_error_ratio\", not beside it");
    }
    if (!availability->all_failed && !availability->max_error_ratio.present) {
        return conf_error(reader, node, err,
                          "availability: method bad_minute_runs needs \"max_error_ratio\" or "
                          "\"all_failed: true\"");
    }
    return ERR_OK;
}

static enum err_code check_total_failure_runs(struct conf_reader *reader,
                                              const struct conf_node *node,
                                              const struct availability *availability,
                                              struct err *err)
{
    const struct conf_node *min_run = conf_child(node, "min_run");

    if (availability->min_run_ns < NS_PER_MINUTE) {
        return conf_error(reader, min_run, err,
                          "min_run: %.*s is shorter than 60s, the least of method "
                          "total_failure_runs",
                          STR_ARGS(min_run->text));
    }
    return ERR_OK;
}

enum err_code method_fields_check(struct conf_reader *reader, const struct conf_node *node,
                                  const struct availability *availability, struct err *err)
{
    static enum err_code (*const checks[METHOD_COUNT])(
        struct conf_reader *, const struct conf_node *, const struct availability *,
        struct err *) = {[METHOD_TIME_SLICES] = check_time_slices,
                         [METHOD_BAD_MINUTE_RUNS] = check_bad_minute_runs,
                         [METHOD_TOTAL_FAILURE_RUNS] = check_total_failure_runs};
    enum err_code code = check_foreign(reader, node, availability->method, err);

    if (code == ERR_OK) {
        code = check_required(reader, node, availability->method, err);
    }
    if (code == ERR_OK && checks[availability->method] != NULL) {
        code = checks[availability->method](reader, node, availability, err);
    }
    return code;
}
