/* contracts[].availability: the fields of every method, and what is wrong with others. */
#include "tests/unit/config_text.h"

#include "base/check.h"
#include "base/clock.h"

/* Fields come first in their line, so that the first one stands at f:5:18. */
static enum err_code parse(const char *services, const char *fields, struct config **ret_config,
                           struct err *err)
{
    struct strbuf text;
    enum err_code code;

    strbuf_init(&text, 10000);
    strbuf_append_format(&text,
                         "contracts:\n- id: a\n  services: %s\n  time_zone: UTC\n"
                         "  availability: {%s, target: 99, unknown: {no_traffic: up, probe_down: "
                         "up, pipeline_gap: up, not_provisioned: up}}\n",
                         services, fields);
    code = config_parse(strbuf_view(&text), "f", ret_config, err);
    strbuf_release(&text);
    return code;
}

/* What the canonical terms say between "availability" and the target: all that is particular to the method. Defaults are filled in, and what
 * makes no difference is not there. */
static const struct {
    const char *fields;
    const char *terms;
} methods[] = {
    {"method: state_time, weights: {degraded: 0.5, partial: 1, major: 1}",
     "\"absorb\":\"0s\",\"method\":\"state_time\",\"min_outage\":\"0s\","},
    {"method: request_ratio", "\"degraded_weight\":\"0\",\"method\":\"request_ratio\","},
    {"method: request_ratio, degraded_weight: 0.25",
     "\"degraded_weight\":\"0.25\",\"method\":\"request_ratio\","},
    {"method: time_slices, slice: 5m, max_error_ratio: 0.01",
     "\"max_error_ratio\":\"0.01\",\"method\":\"time_slices\",\"slice\":\"5m\","},
    {"method: time_slices, slice: 300s, max_slow_ratio: 0.1",
     "\"max_slow_ratio\":\"0.1\",\"method\":\"time_slices\",\"slice\":\"5m\","},
    {"method: time_slices, slice: 1h, latency: {percentile: 99.9, below: 250ms}",
     "\"latency\":{\"below\":\"250ms\",\"percentile\":\"99.9\"},\"method\":\"time_slices\","
     "\"slice\":\"1h\","},
    {"method: time_slices, slice: 1m, latency: {percentile: 1, below: 1ns}, max_slow_ratio: 0, "
     "max_error_ratio: 0",
     "\"latency\":{\"below\":\"1ns\",\"percentile\":\"1\"},\"max_error_ratio\":\"0\","
     "\"max_slow_ratio\":\"0\",\"method\":\"time_slices\",\"slice\":\"1m\","},
    {"method: ratio_time_slices, slice: 10m",
     "\"method\":\"ratio_time_slices\",\"slice\":\"10m\","},
    {"method: bad_minute_runs, max_error_ratio: 0.5, min_run: 10m",
     "\"max_error_ratio\":\"0.5\",\"method\":\"bad_minute_runs\",\"min_run\":\"10m\","},
    {"method: bad_minute_runs, max_error_ratio: 0.01",
     "\"max_error_ratio\":\"0.01\",\"method\":\"bad_minute_runs\",\"min_run\":\"1m\","},
    {"method: bad_minute_runs, all_failed: true, min_requests: 20",
     "\"all_failed\":true,\"method\":\"bad_minute_runs\",\"min_requests\":20,"
     "\"min_requests_per\":\"minute\",\"min_run\":\"1m\","},
    {"method: bad_minute_runs, all_failed: false, max_error_ratio: 0.01, min_requests: 0, "
     "min_requests_per: run",
     "\"max_error_ratio\":\"0.01\",\"method\":\"bad_minute_runs\",\"min_run\":\"1m\","},
    {"method: bad_minute_runs, max_error_ratio: 0.01, min_requests: 7, min_requests_per: period",
     "\"max_error_ratio\":\"0.01\",\"method\":\"bad_minute_runs\",\"min_requests\":7,"
     "\"min_requests_per\":\"period\",\"min_run\":\"1m\","},
    {"method: total_failure_runs, min_run: 60s",
     "\"method\":\"total_failure_runs\",\"min_run\":\"1m\","},
    {"method: total_failure_runs, min_run: 90500ms",
     "\"method\":\"total_failure_runs\",\"min_run\":\"90500ms\","},
    {"method: mean_interval_errors, interval: 5m",
     "\"interval\":\"5m\",\"method\":\"mean_interval_errors\","},
    {"method: mean_interval_errors, interval: 60m",
     "\"interval\":\"1h\",\"method\":\"mean_interval_errors\","},
    {"method: proportional", "\"max_error_ratio\":\"0\",\"method\":\"proportional\","},
    {"method: proportional, max_error_ratio: 0.05",
     "\"max_error_ratio\":\"0.05\",\"method\":\"proportional\","},
};

static void test_fields_of_each_method(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(methods); i++) {
        struct config *config;
        struct err err = ERR_INIT;
        struct strbuf expected;

        if (parse("[s]", methods[i].fields, &config, &err) != ERR_OK) {
            fail_msg("%s: %s", methods[i].fields, err.text);
        }
        strbuf_init(&expected, 10000);
        strbuf_append_format(&expected, "{\"availability\":{%s\"target\":\"99\",",
                             methods[i].terms);
        if (!str_starts_with(config->contracts[0].terms, strbuf_view(&expected))) {
            fail_msg("%s: %s", methods[i].fields, config->contracts[0].terms.data);
        }
        strbuf_release(&expected);
        config_free(config);
    }
}

/* Revisions are measured by stored terms: these are a contract again, and the same one. */
static void test_terms_are_a_contract_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(methods); i++) {
        struct config *config, *again;
        struct err err = ERR_INIT;
        struct strbuf text;

        assert_int_equal(parse("[s]", methods[i].fields, &config, &err), ERR_OK);
        strbuf_init(&text, 10000);
        strbuf_append_format(&text, "contracts:\n  - %s\n", config->contracts[0].terms.data);
        if (config_parse(strbuf_view(&text), "terms", &again, &err) != ERR_OK) {
            fail_msg("%s: %s", methods[i].fields, err.text);
        }
        assert_string_equal(again->contracts[0].terms.data, config->contracts[0].terms.data);
        strbuf_release(&text);
        config_free(again);
        config_free(config);
    }
}

static void test_values(void **state)
{
    struct config *config;
    struct err err = ERR_INIT;
    const struct availability *a;

    (void)state;
    assert_int_equal(parse("[s]",
                           "method: time_slices, slice: 5m, max_error_ratio: 0.01, latency: "
                           "{percentile: 95, below: 500ms}",
                           &config, &err),
                     ERR_OK);
    a = &config->contracts[0].availability;
    assert_int_equal(a->slice_s, 300);
    assert_true(a->max_error_ratio.present);
    assert_int_equal(rational_compare(a->max_error_ratio.value, rational_make(1, 100)), 0);
    assert_false(a->max_slow_ratio.present);
    assert_int_equal(rational_compare(a->max_slow_ratio.value, rational_make(0, 1)), 0);
    assert_true(a->percentile.present);
    assert_int_equal(rational_compare(a->percentile.value, rational_make(19, 20)), 0);
    assert_int_equal(a->below_ns, 500 * NS_PER_MS);
    config_free(config);

    assert_int_equal(parse("[s]",
                           "method: bad_minute_runs, all_failed: true, min_run: 2m, min_requests: "
                           "5, min_requests_per: run",
                           &config, &err),
                     ERR_OK);
    a = &config->contracts[0].availability;
    assert_true(a->all_failed);
    assert_false(a->max_error_ratio.present);
    assert_int_equal(a->min_run_ns, 120 * NS_PER_SECOND);
    assert_int_equal(a->min_requests, 5);
    assert_int_equal(a->min_requests_per, MIN_REQUESTS_PER_RUN);
    config_free(config);

    /* Without a limit every error is an outage; methods need not tell the two apart. */
    assert_int_equal(parse("[s]", "method: proportional", &config, &err), ERR_OK);
    a = &config->contracts[0].availability;
    assert_true(a->max_error_ratio.present);
    assert_int_equal(rational_compare(a->max_error_ratio.value, rational_make(0, 1)), 0);
    config_free(config);

    assert_int_equal(parse("[s]", "method: mean_interval_errors, interval: 1h", &config, &err),
                     ERR_OK);
    assert_int_equal(config->contracts[0].availability.slice_s, 3600);
    config_free(config);
}

#define WEIGHTS "weights: {degraded: 0, partial: 1, major: 1}"

static const struct {
    const char *fields;
    const char *expected;
} refusals[] = {
    /* fields of other methods, at their keys */
    {"slice: 5m, method: request_ratio",
     "f:5:18: \"slice\" is only for methods time_slices and ratio_time_slices"},
    {"interval: 5m, method: time_slices, slice: 5m",
     "f:5:18: \"interval\" is only for method mean_interval_errors"},
    {"slice: 5m, method: mean_interval_errors, interval: 5m",
     "f:5:18: \"slice\" is only for methods time_slices and ratio_time_slices"},
    {"max_error_ratio: 0.1, method: ratio_time_slices, slice: 5m",
     "f:5:18: \"max_error_ratio\" is only for methods time_slices, bad_minute_runs and "
     "proportional"},
    {"max_slow_ratio: 0.1, method: proportional",
     "f:5:18: \"max_slow_ratio\" is only for method time_slices"},
    {"latency: {percentile: 95, below: 1s}, method: request_ratio",
     "f:5:18: \"latency\" is only for method time_slices"},
    {"all_failed: true, method: time_slices, slice: 5m",
     "f:5:18: \"all_failed\" is only for method bad_minute_runs"},
    {"min_run: 1m, method: state_time, " WEIGHTS,
     "f:5:18: \"min_run\" is only for methods bad_minute_runs and total_failure_runs"},
    {"min_requests: 1, method: total_failure_runs, min_run: 1m",
     "f:5:18: \"min_requests\" is only for method bad_minute_runs"},
    {"min_requests_per: run, method: proportional",
     "f:5:18: \"min_requests_per\" is only for method bad_minute_runs"},
    {WEIGHTS ", method: proportional", "f:5:18: \"weights\" is only for method state_time"},
    {"min_outage: 1m, method: time_slices", "f:5:18: \"min_outage\" is only for method state_time"},
    {"absorb: 1m, method: bad_minute_runs", "f:5:18: \"absorb\" is only for method state_time"},
    {"degraded_weight: 1, method: ratio_time_slices",
     "f:5:18: \"degraded_weight\" is only for method request_ratio"},
    /* fields that a method needs */
    {"method: state_time", "f:5:17: availability: method state_time needs \"weights\""},
    {"method: time_slices, max_error_ratio: 0",
     "f:5:17: availability: method time_slices needs \"slice\""},
    {"method: ratio_time_slices", "f:5:17: availability: method ratio_time_slices needs \"slice\""},
    {"method: mean_interval_errors",
     "f:5:17: availability: method mean_interval_errors needs \"interval\""},
    {"method: total_failure_runs",
     "f:5:17: availability: method total_failure_runs needs \"min_run\""},
    {"method: time_slices, slice: 5m",
     "f:5:17: availability: method time_slices needs at least one of \"max_error_ratio\", "
     "\"max_slow_ratio\" and \"latency\""},
    {"method: bad_minute_runs",
     "f:5:17: availability: method bad_minute_runs needs \"max_error_ratio\" or \"all_failed: "
     "true\""},
    {"method: bad_minute_runs, all_failed: false",
     "f:5:17: availability: method bad_minute_runs needs \"max_error_ratio\" or \"all_failed: "
     "true\""},
    {"all_failed: true, method: bad_minute_runs, max_error_ratio: 0.5",
     "f:5:30: all_failed: instead of \"max_error_ratio\", not beside it"},
    /* values */
    {"slice: 90s, method: time_slices", "f:5:25: slice: 90s is not a number of whole minutes"},
    {"slice: 0m, method: time_slices", "f:5:25: slice: 0m is not a number of whole minutes"},
    {"slice: 32d, method: time_slices", "f:5:25: slice: 32d is longer than 2678400s"},
    {"slice: 5, method: time_slices",
     "f:5:25: slice: \"5\" is not a duration such as 500ms, 90s, 10m, 6h or 5d"},
    {"interval: 10m, method: mean_interval_errors", "f:5:28: interval: 10m is neither 5m nor 1h"},
    {"interval: 0s, method: mean_interval_errors",
     "f:5:28: interval: 0s is not a number of whole minutes"},
    {"max_error_ratio: 1.01, method: proportional", "f:5:35: max_error_ratio: 1.01 is more than 1"},
    {"max_slow_ratio: -0.1, method: time_slices", "f:5:34: max_slow_ratio: -0.1 is less than 0"},
    {"min_run: 59s, method: total_failure_runs",
     "f:5:27: min_run: 59s is shorter than 60s, the least of method total_failure_runs"},
    {"min_requests: -1, method: bad_minute_runs",
     "f:5:32: min_requests: -1 is not between 0 and 1000000000000"},
    {"min_requests: 1.5, method: bad_minute_runs",
     "f:5:32: min_requests: \"1.5\" is not an integer"},
    {"min_requests_per: hour, method: bad_minute_runs",
     "f:5:36: min_requests_per: \"hour\" is not one of minute, run, period"},
    {"all_failed: 1, method: bad_minute_runs", "f:5:30: all_failed: \"1\" is not true or false"},
    {"latency: {percentile: 0.95, below: 1s}, method: time_slices",
     "f:5:40: percentile: 0.95 is less than 1; the 95th percentile is 95"},
    {"latency: {percentile: 101, below: 1s}, method: time_slices",
     "f:5:40: percentile: 101 is more than 100"},
    {"latency: {percentile: 95, below: 0s}, method: time_slices",
     "f:5:51: below: nothing is faster"},
    {"latency: {percentile: 95}, method: time_slices",
     "f:5:27: latency_limit: required key \"below\" is missing"},
    {"latency: {percentil: 95, below: 1s}, method: time_slices",
     "f:5:28: unknown key \"percentil\" (did you mean \"percentile\"?)"},
    {"latency: 95, method: time_slices",
     "f:5:27: latency_limit: a table is wanted, not a single value"},
    {"method: bad_minutes_run, max_error_ratio: 0",
     "f:5:26: method: \"bad_minutes_run\" is not one of state_time, request_ratio, time_slices, "
     "ratio_time_slices, bad_minute_runs, total_failure_runs, mean_interval_errors, proportional "
     "(did you mean \"bad_minute_runs\"?)"},
    {"max_eror_ratio: 0.1, method: time_slices",
     "f:5:18: unknown key \"max_eror_ratio\" (did you mean \"max_error_ratio\"?)"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(refusals); i++) {
        struct config *config;
        struct err err = ERR_INIT;

        assert_refused(parse("[s]", refusals[i].fields, &config, &err), &err, refusals[i].fields,
                       refusals[i].expected);
    }
}

/* Ratios of requests have no moments that could be laid over each other. */
static void test_pools(void **state)
{
    static const char *const pools[] = {"per_service", "sum", "all_required", "any_enough"};
    static const struct {
        const char *name;
        const char *fields;
        bool ratio;
    } cases[] = {
        {"state_time", "method: state_time, " WEIGHTS, false},
        {"request_ratio", "method: request_ratio", true},
        {"time_slices", "method: time_slices, slice: 5m, max_error_ratio: 0", false},
        {"ratio_time_slices", "method: ratio_time_slices, slice: 5m", true},
        {"bad_minute_runs", "method: bad_minute_runs, all_failed: true", false},
        {"total_failure_runs", "method: total_failure_runs, min_run: 1m", false},
        {"mean_interval_errors", "method: mean_interval_errors, interval: 5m", true},
        {"proportional", "method: proportional", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases) * ARRAY_COUNT(pools); i++) {
        size_t pool = i % ARRAY_COUNT(pools);
        size_t method = i / ARRAY_COUNT(pools);
        bool good = pool < 2 || !cases[method].ratio;
        struct config *config;
        struct err err = ERR_INIT;
        struct strbuf text;

        strbuf_init(&text, 1000);
        strbuf_append_format(&text, "pool: %s, %s", pools[pool], cases[method].fields);
        assert_int_equal(parse("[s, t]", strbuf_text(&text), &config, &err),
                         good ? ERR_OK : ERR_CONFIG);
        if (good) {
            config_free(config);
        } else {
            strbuf_clear(&text);
            strbuf_append_format(&text, "f:5:24: pool: method %s allows per_service and sum only",
                                 cases[method].name);
            assert_string_equal(err.text, strbuf_text(&text));
        }
        strbuf_release(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_of_each_method),
        cmocka_unit_test(test_terms_are_a_contract_again),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_pools),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
