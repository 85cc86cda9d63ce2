#include "tests/unit/config_text.h"

#include <stdio.h>

#include "base/check.h"
#include "base/clock.h"

/* An objective that is fine. Cases replace the line that begins with a text; line 1 is "slos:". */
static const char *const base_lines[] = {
    /*  1 */ "slos:",
    /*  2 */ "- id: api",
    /*  3 */ "  services: [device-api, portal]",
    /*  4 */ "  target: 99.95",
    /*  5 */ "  method: time_slices",
    /*  6 */ "  window: quarter",
    /*  7 */ "  time_zone: Europe/Berlin",
    /*  8 */ "  digits: 4",
    /*  9 */ "  slice: 5m",
    /* 10 */ "  max_error_ratio: 0.01",
    /* 11 */ "  max_slow_ratio: 0.2",
    /* 12 */ "  unknown: {no_traffic: up, pipeline_gap: down}",
    /* 13 */ "  forecast: 6h",
    /* 14 */ "  alerts:",
    /* 15 */ "  - {budget: 2.5, long: 1h, short: 5m}",
    /* 16 */ "  - {budget: 10, long: 3d, short: 6h, severity: ticket}",
};

static enum err_code parse_with(const char *begin, const char *replacement,
                                struct config **ret_config, struct err *err)
{
    return config_with(base_lines, ARRAY_COUNT(base_lines), begin, replacement, ret_config, err);
}

static void assert_rational(struct rational value, int64_t numerator, int64_t denominator)
{
    assert_int_equal(rational_compare(value, rational_make(numerator, denominator)), 0);
}

static void test_every_field(void **state)
{
    struct config *config;
    struct err err = ERR_INIT;
    const struct slo *slo;

    (void)state;
    if (parse_with(NULL, NULL, &config, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(config->slo_count, 1);
    slo = config_slo(config, STR("api"));
    assert_ptr_equal(slo, config->slos);
    assert_null(config_slo(config, STR("ap")));
    assert_int_equal(slo->service_count, 2);
    assert_string_equal(slo->services[1].data, "portal");
    assert_rational(slo->target, 9995, 10000);
    assert_int_equal(slo->method, SLO_TIME_SLICES);
    assert_int_equal(slo->period, SLO_QUARTER);
    assert_string_equal(zone_name(slo->zone), "Europe/Berlin");
    assert_int_equal(slo->digits, 4);
    assert_int_equal(slo->slice_ns, 5 * NS_PER_MINUTE);
    assert_true(slo->has_max_error_ratio);
    assert_rational(slo->max_error_ratio, 1, 100);
    assert_rational(slo->max_slow_ratio, 1, 5);
    assert_int_equal(slo->unknown[GRADE_NO_TRAFFIC], UNKNOWN_UP);
    assert_int_equal(slo->unknown[GRADE_PIPELINE_GAP], UNKNOWN_DOWN);
    assert_int_equal(slo->unknown[GRADE_PROBE_DOWN], UNKNOWN_EXCLUDE);
    assert_int_equal(slo->forecast_ns, 6 * NS_PER_HOUR);
    assert_int_equal(slo->rule_count, 2);
    assert_rational(slo->rules[0].budget, 25, 1000);
    assert_int_equal(slo->rules[0].severity, SLO_PAGE);
    assert_int_equal(slo->rules[1].severity, SLO_TICKET);
    assert_int_equal(slo->line, 2);
    config_free(config);
}

static void test_defaults(void **state)
{
    struct config *config;
    struct err err = ERR_INIT;
    const struct slo *slo;

    (void)state;
    assert_int_equal(config_parse(STR("slos: [{id: a, service: s, target: 99, method: occurrences, "
                                      "window: {rolling: 30d}}]"),
                                  "f", &config, &err),
                     ERR_OK);
    slo = &config->slos[0];
    assert_int_equal(slo->service_count, 1);
    assert_string_equal(slo->services[0].data, "s");
    assert_int_equal(slo->method, SLO_REQUEST_RATIO);
    assert_int_equal(slo->period, SLO_ROLLING);
    assert_int_equal(slo->rolling_ns, 30 * NS_PER_DAY);
    assert_string_equal(zone_name(slo->zone), "UTC");
    assert_int_equal(slo->digits, 3);
    assert_int_equal(slo->forecast_ns, NS_PER_DAY);
    assert_rational(slo->degraded_weight, 0, 1);
    assert_int_equal(slo->rule_count, 3);
    assert_rational(slo->rules[1].budget, 5, 100);
    assert_int_equal(slo->rules[1].long_ns, 6 * NS_PER_HOUR);
    assert_int_equal(slo->rules[1].short_ns, 30 * NS_PER_MINUTE);
    config_free(config);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *begin, *replacement, *wanted;
    } cases[] = {
        {"- id", "- name: api", "f:2:3: unknown key \"name\""},
        {"  services", "  service: [a]", "f:3:12: service: a single value is wanted, not a list"},
        {"  services", "", "f:2:3: slo: one of \"service\" and \"services\" is wanted"},
        {"  digits", "  service: a", "f:3:13: slo: one of \"service\" and \"services\" is wanted"},
        {"  services", "  services: [a, b, a]", "f:3:20: service \"a\" occurs twice"},
        {"  services", "  servics: [a]",
         "f:3:3: unknown key \"servics\" (did you mean \"service\"?)"},
        {"  target", "  target: 100", "f:4:11: target: 100 leaves no error budget"},
        {"  target", "  target: 100.5", "f:4:11: target: 100.5 is more than 100"},
        {"  target", "  targt: 99", "f:4:3: unknown key \"targt\" (did you mean \"target\"?)"},
        {"  method", "  method: timeslice",
         "f:5:11: method: \"timeslice\" is not one of request_ratio, time_slices, "},
        {"  method", "  method: state_time", "f:5:11: method: \"state_time\" is not one of "},
        {"  method", "  method: request_ratio",
         "f:9:3: \"slice\" is only for method time_slices and ratio_time_slices"},
        {"  window", "  window: week",
         "f:6:11: window: \"week\" is not one of month, quarter, year"},
        {"  window", "  window: {roling: 30d}",
         "f:6:12: unknown key \"roling\" (did you mean \"rolling\"?)"},
        {"  window", "  window: {}", "f:6:11: window: required key \"rolling\" is missing"},
        {"  window", "  window: {rolling: 30m}", "f:6:21: rolling: 30m is shorter than 3600000ms"},
        {"  window", "  window: {rolling: 61m}",
         "f:6:11: window: a whole number of slices is wanted"},
        {"  window", "  window: {rolling: 2d}",
         "f:16:24: long: longer than the objective's own window"},
        {"  time_zone", "", "f:6:11: window: a calendar window needs \"time_zone\""},
        {"  slice", "  slice: 90s", "f:9:10: slice: whole minutes are wanted"},
        {"  max_error", "  max_error_ratio: 1.5", "f:10:20: max_error_ratio: 1.5 is more than 1"},
        {"  max_", "", "f:2:3: slo: method time_slices needs \"max_error_ratio\" or "},
        {"  unknown", "  degraded_weight: 0.5",
         "f:12:3: \"degraded_weight\" is only for method request_ratio"},
        {"  unknown", "  unknown: {no_trafic: up}",
         "f:12:13: unknown key \"no_trafic\" (did you mean \"no_traffic\"?)"},
        {"  forecast", "  forecast: 30s", "f:13:13: forecast: 30s is shorter than 60000ms"},
        {"  - {budget: 2", "  - {budget: 0, long: 1h, short: 5m}",
         "f:15:14: budget: 0 is not greater than 0"},
        {"  - {budget: 2", "  - {budget: 2, long: 1h, short: 1h}",
         "f:15:34: short: the short window must be shorter than the long one"},
        {"  - {budget: 2", "  - {budget: 2, long: 1h}",
         "f:15:5: slo_alert: required key \"short\" is missing"},
        {"  - {budget: 2", "  - {budget: 2, long: 1h, short: 5m, severity: call}",
         "f:15:48: severity: \"call\" is not one of page, ticket"},
        {"  - {budget: 10",
         "- {id: api, service: s, target: 1, method: occurrences, window: month, "
         "time_zone: UTC}",
         "f:16:8: slo \"api\" occurs twice"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct config *config;
        struct err err = ERR_INIT;

        if (parse_with(cases[i].begin, cases[i].replacement, &config, &err) != ERR_CONFIG) {
            fail_msg("%s was not refused", cases[i].replacement);
        }
        if (!str_starts_with(STR(err.text), STR(cases[i].wanted))) {
            fail_msg("%s: %s", cases[i].replacement, err.text);
        }
    }
}

/* Where all services are declared, an objective of another one would measure nothing for ever. */
static void test_undeclared_service(void **state)
{
    static const char text[] = "registry: {url: http://r}\n"
                               "topics: [{name: t, kind: requests, services: declared, map: "
                               "{service: s, time: a, outcome: "
                               "o}}]\n"
                               "services: [{name: portal}]\n"
                               "slos: [{id: a, service: portl, target: 99, method: occurrences, "
                               "window: {rolling: 30d}}]\n";
    struct config *config;
    struct err err = ERR_INIT;

    (void)state;
    assert_refused(config_parse(STR(text), "f", &config, &err), &err, text,
                   "f:4:25: service \"portl\" is not declared (did you mean \"portal\"?)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_undeclared_service),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
