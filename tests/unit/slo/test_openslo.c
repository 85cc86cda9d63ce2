#include "tests/unit/config_text.h"

#include <stdio.h>

#include "base/check.h"
#include "jobs/slo/openslo.h"

/* An SLO whose parts a case replaces: annotations, time window, method, objectives. */
#define SLO(name, annotations, window, method, objectives)                                         \
    "apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: " name ", annotations: {" annotations     \
    "}}\nspec:\n  service: s\n  indicator: {metadata: {name: i}, spec: {ratioMetric: {good: "      \
    "{metricSource: {}}, total: {metricSource: {}}}}}\n  timeWindow: [" window                     \
    "]\n  budgetingMethod: " method "\n  objectives: [" objectives "]\n---\n"

static struct config *import(const char *text)
{
    struct config *config;
    struct openslo openslo;
    struct strbuf out;
    struct err err = ERR_INIT;

    openslo_init(&openslo);
    strbuf_init(&out, 100000);
    if (openslo_read(&openslo, STR(text), "f", &err) != ERR_OK ||
        openslo_write(&openslo, &out, &err) != ERR_OK) {
        fail_msg("%s\n%s", err.text, strbuf_text(&out));
    }
    config = config_of("out", strbuf_text(&out));
    strbuf_release(&out);
    openslo_release(&openslo);
    return config;
}

static void test_tables(void **state)
{
    (void)state;
    for (int kind = OPENSLO_SERVICE; kind <= OPENSLO_SLO; kind++) {
        conf_table_check(&openslo_tables[kind]);
    }
}

/* Decimals go through exactly, the longest that a file can have too; names that YAML would take for something else stay names. */
static void test_round_trip(void **state)
{
    struct config *config = import(
        SLO("null", "uptally/services: '~, \"a\\b\", true'", "{duration: 90m, isRolling: true}",
            "Timeslices",
            "{target: 0.9999999999999999, timeSliceTarget: 0.00000000000000001, timeSliceWindow: "
            "30}, {targetPercent: 0, timeSliceTarget: 1, timeSliceWindow: 45m}")
            SLO("0x1f", "uptally/services: s, uptally/degraded_weight: 0.125",
                "{duration: 1Y, calendar: {startTime: 2024-01-01 00:00:00, timeZone: Asia/Tokyo}}",
                "Occurrences", "{targetPercent: 99.999999999999}"));
    const struct slo *slo = config_slo(config, STR("null-1"));

    (void)state;
    assert_int_equal(config->slo_count, 3);
    assert_non_null(slo);
    assert_int_equal(slo->service_count, 3);
    assert_string_equal(slo->services[0].data, "~");
    assert_string_equal(slo->services[1].data, "\"a\\b\"");
    assert_string_equal(slo->services[2].data, "true");
    assert_int_equal(rational_compare(slo->target, rational_make(INT64_C(9999999999999999),
                                                                 INT64_C(10000000000000000))),
                     0);
    assert_int_equal(
        rational_compare(slo->max_error_ratio,
                         rational_make(INT64_C(99999999999999999), INT64_C(100000000000000000))),
        0);
    slo = config_slo(config, STR("null-2"));
    assert_int_equal(slo->target.numerator, 0);
    assert_int_equal(slo->max_error_ratio.numerator, 0);
    slo = config_slo(config, STR("0x1f"));
    assert_int_equal(slo->period, SLO_YEAR);
    assert_string_equal(zone_name(slo->zone), "Asia/Tokyo");
    assert_int_equal(rational_compare(slo->degraded_weight, rational_make(1, 8)), 0);
    config_free(config);
}

/* What the configuration would refuse is told where it comes from. */
static void test_what_the_configuration_refuses(void **state)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {SLO("a", "uptally/services: s, uptally/degraded_weight: 0.5",
             "{duration: 1d, isRolling: true}", "RatioTimeslices",
             "{target: 0.9, timeSliceWindow: 5}"),
         "f:1:1: SLO \"a\" cannot be honoured: \"degraded_weight\" is only for method "
         "request_ratio"},
        {SLO("a", "uptally/services: s", "{duration: 100m, isRolling: true}", "RatioTimeslices",
             "{target: 0.9, timeSliceWindow: 7}"),
         "f:1:1: SLO \"a\" cannot be honoured: window: a whole number of slices is wanted"},
        {SLO("a", "uptally/services: s", "{duration: 5w, isRolling: true}", "RatioTimeslices",
             "{target: 0.9, timeSliceWindow: 2d}"),
         "f:1:1: SLO \"a\" cannot be honoured: slice: 2d is longer than 86400s"},
        {SLO("a", "uptally/services: ' ,s'", "{duration: 5w, isRolling: true}", "Occurrences",
             "{target: 0.9}"),
         "f:1:1: SLO \"a\" cannot be honoured: text is wanted here, not nothing"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct openslo openslo;
        struct strbuf out;
        struct err err = ERR_INIT;

        openslo_init(&openslo);
        strbuf_init(&out, 100000);
        assert_int_equal(openslo_read(&openslo, STR(cases[i].text), "f", &err), ERR_OK);
        assert_int_equal(openslo_write(&openslo, &out, &err), ERR_CONFIG);
        assert_string_equal(err.text, cases[i].wanted);
        strbuf_release(&out);
        openslo_release(&openslo);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_what_the_configuration_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
