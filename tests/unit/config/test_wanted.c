/* What all contracts together want of the windows of each service. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/clock.h"
#include "jobs/config/config.h"

#define RULES                                                                                      \
    "pool: per_service, unknown: {no_traffic: up, probe_down: up, pipeline_gap: up, "              \
    "not_provisioned: up}"

static struct config *config;

/* contracts: lines of the list. */
static enum err_code parse(const char *contracts, struct err *err)
{
    struct strbuf text;
    enum err_code code;

    strbuf_init(&text, 100000);
    strbuf_append_format(
        &text,
        "store: {sqlite: u.db}\noutput: out\nregistry: {url: \"http://127.0.0.1:1\"}\ntopics:\n"
        "- {name: t, kind: requests, map: {service: s, time: t, outcome: o}}\n%s",
        contracts);
    code = config_parse(strbuf_view(&text), "f", &config, err);
    strbuf_release(&text);
    return code;
}

static void must(const char *contracts)
{
    struct err err = ERR_INIT;

    if (parse(contracts, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
}

static const struct particulars_wanted *of(const char *service)
{
    const struct particulars_wanted *found = NULL;

    for (size_t i = 0; i < config->wanted_count; i++) {
        if (str_equal(config->wanted[i].service, STR(service))) {
            assert_null(found); /* one row each */
            found = &config->wanted[i].wanted;
        }
    }
    return found;
}

static const char several[] =
    "contracts:\n"
    "- {id: a, services: [x, y], time_zone: UTC, availability: {target: 99, method: time_slices, "
    "slice: 5m, latency: {percentile: 95, below: 500ms}, " RULES "}}\n"
    "- {id: b, services: [y, z], time_zone: UTC, availability: {target: 99, "
    "method: total_failure_runs, min_run: 60s, " RULES "}}\n"
    /* two versions of one contract, the limit of the first is that of contract a too */
    "- {id: c, services: [y, w], time_zone: UTC, valid_until: 2026-10-01, availability: {target: "
    "99, method: time_slices, slice: 5m, latency: {percentile: 99, below: 500ms}, " RULES "}}\n"
    "- {id: c, services: [y, w], time_zone: UTC, valid_from: 2026-10-01, availability: {target: "
    "99, method: time_slices, slice: 5m, latency: {percentile: 99, below: 100ms}, " RULES "}}\n"
    "- {id: d, services: [x, v], time_zone: UTC, availability: {target: 99, method: time_slices, "
    "slice: 5m, max_slow_ratio: 0.1, " RULES "}}\n";

static void test_union(void **state)
{
    (void)state;
    must(several);
    assert_int_equal(config->wanted_count, 4);
    assert_null(of("v"));
    assert_false(of("x")->times);
    assert_int_equal(of("x")->limit_count, 1);
    assert_int_equal(of("x")->limits_ns[0], 500 * NS_PER_MS);
    assert_true(of("y")->times);
    assert_int_equal(of("y")->limit_count, 2);
    assert_int_equal(of("y")->limits_ns[0], 100 * NS_PER_MS);
    assert_int_equal(of("y")->limits_ns[1], 500 * NS_PER_MS);
    assert_true(of("z")->times);
    assert_int_equal(of("z")->limit_count, 0);
    assert_false(of("w")->times);
    assert_int_equal(of("w")->limit_count, 2);
    config_free(config);
}

/* A contract that is added must not look like another mapping, which would stop consumers. */
static void test_no_part_of_the_digest(void **state)
{
    char digest[sizeof(config->topics[0].digest)];

    (void)state;
    must("");
    assert_int_equal(config->wanted_count, 0);
    memcpy(digest, config->topics[0].digest, sizeof(digest));
    config_free(config);
    must(several);
    assert_string_equal(config->topics[0].digest, digest);
    config_free(config);
}

static void many(int count, char *text, size_t size)
{
    int used = snprintf(text, size, "contracts:\n");

    for (int i = 1; i <= count; i++) {
        used += snprintf(text + used, size - (size_t)used,
                         "- {id: c%d, services: [x, y], time_zone: UTC, availability: {target: 99, "
                         "method: time_slices, slice: 5m, latency: {percentile: 95, below: %dms}, "
                         "" RULES "}}\n",
                         i, i);
    }
}

static void test_too_many_limits(void **state)
{
    static char text[40000];
    struct err err = ERR_INIT;

    (void)state;
    many(32, text, sizeof(text));
    must(text);
    assert_int_equal(of("x")->limit_count, 32);
    config_free(config);
    many(33, text, sizeof(text));
    assert_int_equal(parse(text, &err), ERR_CONFIG);
    assert_string_equal(err.text,
                        "f:39: contract \"c33\": service \"x\" has percentiles of latency "
                        "with more than 32 different limits");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_union),
        cmocka_unit_test(test_no_part_of_the_digest),
        cmocka_unit_test(test_too_many_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
