/* Terms that the store keeps are a contract again: whatever the configuration can say comes back with the same digest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "jobs/config/config.h"
#include "jobs/statement/terms.h"

#define HEAD "store: {sqlite: u.db}\noutput: out\ncontracts:\n"

static void check_contracts(const struct config *config)
{
    for (size_t i = 0; i < config->contract_count; i++) {
        const struct contract *contract = &config->contracts[i];
        struct config *again;
        struct err err = ERR_INIT;

        if (terms_parse(contract->terms, STR(contract->digest), &again, &err) != ERR_OK) {
            fail_msg("%.*s: %s", STR_ARGS(contract->id), err.text);
        }
        assert_true(str_equal(again->contracts[0].terms, contract->terms));
        assert_int_equal(again->contracts[0].valid_from_s, contract->valid_from_s);
        assert_int_equal(again->contracts[0].valid_until_s, contract->valid_until_s);
        terms_close(again);
    }
}

/* The contracts of the example, without the rest, which wants files that are not here. */
static void test_the_example(void **state)
{
    static char text[256 * 1024] = HEAD;
    static char line[4096];
    FILE *file = fopen(TESTS_DIR "/../docs/uptally.example.yaml", "r");
    struct config *config;
    struct err err = ERR_INIT;
    bool within = false;

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (line[0] >= 'a' && line[0] <= 'z') {
            within = strncmp(line, "contracts:", 10) == 0;
        } else if (within) {
            strncat(text, line, sizeof(text) - strlen(text) - 1);
        }
    }
    assert_int_equal(fclose(file), 0);
    if (config_parse(STR(text), "uptally.example.yaml", &config, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    assert_true(config->contract_count > 0);
    check_contracts(config);
    config_free(config);
}

#define AVAILABILITY                                                                               \
    "    availability:\n      target: 99.95\n      method: state_time\n"                           \
    "      weights: {degraded: 0.25, partial: 0.5, major: 1}\n      absorb: 90s\n"                 \
    "      min_outage: 5m\n      pool: any_enough\n"                                               \
    "      unknown: {no_traffic: up, probe_down: exclude, pipeline_gap: down, "                    \
    "not_provisioned: exclude}\n"

static const struct {
    const char *why;
    const char *text;
} cases[] = {
    {"names with everything that quotes",
     HEAD "  - id: acme\n    customer: \"A \\\"B\\\" \\\\ 'C': #{x} [y], *z &w !v % @ ` \\u00e9 "
          "\\u65e5\"\n    services: [\"a: b\", \"c, d\", \"- e\", \"null\", \"1.0\", \"~\"]\n"
          "    time_zone: Asia/Tokyo\n" AVAILABILITY},
    {"all of a contract",
     HEAD "  - id: acme\n    customer: ACME\n    services: [a, b]\n    time_zone: "
          "America/New_York\n    digits: 5\n    currency: JPY\n    fee: 1000000\n    grace: 36h\n"
          "    valid_from: 2026-03-08\n    valid_until: 2026-11-01\n"
          "    partial_period: deemed_up\n" AVAILABILITY
          "    maintenance: {notice: 5d, excluded: forgive, quota: {windows: 2, minutes: 240}}\n"
          "    credits:\n      tiers: [{below: 99.95, percent: 10}, {below: 99, percent: 12.5}]\n"
          "      minimum: {more_than: 0.5}\n      cap: {percent: 33.3}\n"
          "      rounding: half_up\n      claim_within: 45d\n"},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct config *config;
        struct err err = ERR_INIT;

        if (config_parse(STR(cases[i].text), "test.yaml", &config, &err) != ERR_OK) {
            fail_msg("%s: %s", cases[i].why, err.text);
        }
        check_contracts(config);
        config_free(config);
    }
}

/* A later version that reads a field otherwise must not measure by it in silence. */
static void test_another_digest_is_refused(void **state)
{
    struct config *config, *again;
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(config_parse(STR(cases[1].text), "test.yaml", &config, &err), ERR_OK);
    assert_int_equal(terms_parse(config->contracts[0].terms, STR("0123"), &again, &err),
                     ERR_CONFIG);
    assert_int_equal(terms_parse(STR("{}"), STR("0123"), &again, &err), ERR_CONFIG);
    assert_int_equal(terms_parse(STR("{\"id\":\"x\"}\nstore: {}"), STR("0123"), &again, &err),
                     ERR_CONFIG);
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_example),
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_another_digest_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
