#include "tests/unit/config_text.h"

#include <stdio.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/hash.h"

/* A contract that is fine. Cases replace the line that begins with a text; line 1 is "contracts:". */
static const char *const base_lines[] = {
    /*  1 */ "contracts:",
    /*  2 */ "- id: acme-2026",
    /*  3 */ "  customer: ACME Solar GmbH",
    /*  4 */ "  services: [device-api, portal]",
    /*  5 */ "  time_zone: Europe/Berlin",
    /*  6 */ "  digits: 3",
    /*  7 */ "  currency: EUR",
    /*  8 */ "  fee: 12400.00",
    /*  9 */ "  period: month",
    /* 10 */ "  valid_from: 2026-01-01",
    /* 11 */ "  valid_until: 2027-01-01",
    /* 12 */ "  grace: 3d",
    /* 13 */ "  partial_period: deemed_up",
    /* 14 */ "  availability:",
    /* 15 */ "    target: 99.5",
    /* 16 */ "    method: state_time",
    /* 17 */ "    weights: {degraded: 0.25, partial: 0.5, major: 1}",
    /* 18 */ "    pool: all_required",
    /* 19 */
    "    unknown: {no_traffic: up, probe_down: exclude, pipeline_gap: down, not_provisioned: "
    "exclude}",
    /* 20 */ "  maintenance: {notice: 5d, excluded: remove, quota: {windows: 2, minutes: 240}}",
    /* 21 */ "  credits:",
    /* 22 */
    "    tiers: [{below: 99.5, percent: 10}, {below: 99.0, percent: 25}, {below: 95.0, percent: "
    "50}]",
    /* 23 */ "    minimum: {more_than: 1.00}",
    /* 24 */ "    cap: {percent: 50}",
    /* 25 */ "    rounding: half_even",
    /* 26 */ "    claim_within: 30d",
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
    const struct contract *c;

    (void)state;
    assert_int_equal(parse_with(NULL, NULL, &config, &err), ERR_OK);
    c = config_contract(config, STR("acme-2026"));
    assert_non_null(c);
    assert_null(config_contract(config, STR("other")));
    assert_string_equal(c->customer.data, "ACME Solar GmbH");
    assert_int_equal(c->service_count, 2);
    assert_string_equal(c->services[1].data, "portal");
    assert_string_equal(zone_name(c->zone), "Europe/Berlin");
    assert_int_equal(c->digits, 3);
    assert_string_equal(c->currency->code, "EUR");
    assert_true(c->has_fee);
    assert_rational(c->fee, 12400, 1);
    assert_int_equal(c->period, PERIOD_MONTH);
    assert_null(c->hours);
    assert_false(c->latency.present);
    /* 2025-12-31T23:00:00Z and a year later: midnight in Berlin. */
    assert_int_equal(c->valid_from_s, 1767222000);
    assert_int_equal(c->valid_until_s, 1767222000 + 365 * 86400);
    assert_int_equal(c->grace_ns, 3 * NS_PER_DAY);
    assert_int_equal(c->partial_period, PARTIAL_DEEMED_UP);
    assert_rational(c->availability.target, 199, 200);
    assert_int_equal(c->availability.method, METHOD_STATE_TIME);
    assert_rational(c->availability.weights[GRADE_OPERATIONAL], 0, 1);
    assert_rational(c->availability.weights[GRADE_DEGRADED], 1, 4);
    assert_rational(c->availability.weights[GRADE_PARTIAL], 1, 2);
    assert_rational(c->availability.weights[GRADE_MAJOR], 1, 1);
    assert_int_equal(c->availability.min_outage_ns, 0);
    assert_int_equal(c->availability.pool, POOL_ALL_REQUIRED);
    assert_int_equal(c->availability.unknown[GRADE_NO_TRAFFIC], UNKNOWN_UP);
    assert_int_equal(c->availability.unknown[GRADE_PROBE_DOWN], UNKNOWN_EXCLUDE);
    assert_int_equal(c->availability.unknown[GRADE_PIPELINE_GAP], UNKNOWN_DOWN);
    assert_int_equal(c->availability.unknown[GRADE_NOT_PROVISIONED], UNKNOWN_EXCLUDE);
    assert_int_equal(c->maintenance.notice_ns, 5 * NS_PER_DAY);
    assert_int_equal(c->maintenance.excluded, EXCLUDED_REMOVE);
    assert_int_equal(c->maintenance.quota_windows, 2);
    assert_int_equal(c->maintenance.quota_ns, 240 * NS_PER_MINUTE);
    assert_true(c->credits.present);
    assert_int_equal(c->credits.tier_count, 3);
    assert_rational(c->credits.tiers[0].below, 199, 200);
    assert_int_equal(c->credits.tiers[2].kind, CREDIT_PERCENT);
    assert_rational(c->credits.tiers[2].value, 1, 2);
    assert_false(c->credits.proportional);
    assert_true(c->credits.has_minimum);
    assert_rational(c->credits.minimum_more_than, 1, 1);
    assert_true(c->credits.has_cap);
    assert_rational(c->credits.cap, 1, 2);
    assert_int_equal(c->credits.rounding, ROUND_HALF_EVEN);
    assert_int_equal(c->credits.claim_within_ns, 30 * NS_PER_DAY);
    assert_int_equal(c->line, 2);
    config_free(config);
}

static void test_defaults(void **state)
{
    struct config *config;
    struct err err = ERR_INIT;
    const struct contract *c;

    (void)state;
    assert_int_equal(config_parse(STR("contracts:\n"
                                      "- id: a\n"
                                      "  services: [s]\n"
                                      "  time_zone: UTC\n"
                                      "  availability:\n"
                                      "    target: 99\n"
                                      "    method: request_ratio\n"
                                      "    unknown: {no_traffic: up, probe_down: up, "
                                      "pipeline_gap: up, not_provisioned: up}\n"),
                                  "f", &config, &err),
                     ERR_OK);
    c = &config->contracts[0];
    assert_string_equal(c->customer.data, "a");
    assert_int_equal(c->digits, 3);
    assert_null(c->currency);
    assert_false(c->has_fee);
    assert_int_equal(c->period, PERIOD_MONTH);
    assert_null(c->hours);
    assert_false(c->latency.present);
    assert_int_equal(c->valid_from_s, INT64_MIN);
    assert_int_equal(c->valid_until_s, INT64_MAX);
    assert_int_equal(c->partial_period, PARTIAL_PRO_RATA);
    assert_int_equal(c->availability.pool, POOL_NONE);
    assert_rational(c->availability.degraded_weight, 0, 1);
    /* No section: maintenance counts, and there is no limit to count against. */
    assert_int_equal(c->maintenance.excluded, EXCLUDED_NONE);
    assert_int_equal(c->maintenance.quota_windows, -1);
    assert_int_equal(c->maintenance.quota_ns, -1);
    assert_false(c->credits.present);
    config_free(config);
}

static const struct {
    const char *begin;
    const char *replacement;
    const char *expected;
} refusals[] = {
    {"- id:", "- idd: x", "f:2:3: unknown key \"idd\" (did you mean \"id\"?)"},
    {"- id:", "- digits: 3\n  id: x", "f:7:3: key \"digits\" occurs twice (first in line 2)"},
    {"  services:", "  services: []", "f:4:13: services: at least 1 wanted"},
    {"  services:", "  services: [a, b, a]", "f:4:20: service \"a\" occurs twice"},
    {"  services:", "", "f:2:3: contract: required key \"services\" is missing"},
    {"  time_zone:", "  time_zone: Europe/Berlim",
     "f:5:14: time_zone: \"Europe/Berlim\" is not a time zone such as Europe/Berlin"},
    {"  time_zone:", "", "f:2:3: contract: required key \"time_zone\" is missing"},
    {"  digits:", "  digits: 10", "f:6:11: digits: 10 is not between 0 and 9"},
    {"  currency:", "", "f:8:8: fee needs \"currency\""},
    {"  currency:", "  currency: XXQ",
     "f:7:13: currency: \"XXQ\" is not a currency of ISO 4217 such as EUR"},
    {"  fee:", "", "f:22:5: credits need \"fee\""},
    {"  fee:", "  fee: 12.400,00", "f:8:8: fee: \"12.400,00\" is not a decimal such as 99.95"},
    {"  fee:", "  fee: -1", "f:8:8: fee: -1 is less than 0"},
    {"  period:", "  period: week", "f:9:11: period: \"week\" is not one of month, quarter, year"},
    {"  period:", "  period: {rollin: 30d}",
     "f:9:12: unknown key \"rollin\" (did you mean \"rolling\"?)"},
    {"  period:", "  period: {}", "f:9:11: period: required key \"rolling\" is missing"},
    {"  period:", "  period: {rolling: 36h}", "f:9:21: rolling: 36h is not a number of whole days"},
    {"  period:", "  period: {rolling: 30}",
     "f:9:21: rolling: \"30\" is not a duration such as 500ms, 90s, 10m, 6h or 5d"},
    {"  period:", "  period: {rolling: 0d}", "f:9:21: rolling: 0d is shorter than 86400000ms"},
    {"  period:", "  period: {rolling: 367d}", "f:9:21: rolling: 367d is longer than 31622400s"},
    {"  period:", "  period: [month]", "f:9:11: period: a single value is wanted, not a list"},
    {"  valid_until:", "  valid_until: 2026-01-01",
     "f:11:16: valid_until must be after valid_from"},
    {"  valid_from:", "  valid_from: 2026-02-30",
     "f:10:15: valid_from: \"2026-02-30\" is not a date such as 2026-01-01"},
    {"  valid_from:", "  valid_from: 1960-01-01",
     "f:10:15: valid_from: years 1970 to 2099 are supported"},
    {"  grace:", "  grace: 3 days",
     "f:12:10: grace: \"3 days\" is not a duration such as 500ms, 90s, 10m, 6h or 5d"},
    {"  partial_period:", "  partial_period: up",
     "f:13:19: partial_period: \"up\" is not one of pro_rata, deemed_up"},
    {"  partial_period:", "  latency: {target: 99.0, max_slow_ratio: 0.05}",
     "f:13:12: latency_level: required key \"slice\" is missing"},
    {"  partial_period:", "  latency: {target: 99.0, slice: 5m}",
     "f:13:12: latency_level: required key \"max_slow_ratio\" is missing"},
    {"  partial_period:", "  latency: {slice: 5m, max_slow_ratio: 0.05}",
     "f:13:12: latency_level: required key \"target\" is missing"},
    {"  partial_period:", "  latency: {target: 99.0, max_slow_ratio: 5, slice: 5m}",
     "f:13:43: max_slow_ratio: 5 is more than 1"},
    {"  partial_period:", "  latency: {target: 99.0, max_slow_ratio: 0.05, slice: 30s}",
     "f:13:56: slice: 30s is not a number of whole minutes"},
    {"    target:", "    target: 100.1", "f:15:13: target: 100.1 is more than 100"},
    {"    target:", "    targt: 99", "f:15:5: unknown key \"targt\" (did you mean \"target\"?)"},
    {"    method:", "    method: request_ratio",
     "f:17:5: \"weights\" is only for method state_time"},
    {"    weights:", "", "f:15:5: availability: method state_time needs \"weights\""},
    {"    weights:", "    weights: {degraded: 0.25, partial: 0.5}",
     "f:17:14: weights: required key \"major\" is missing"},
    {"    weights:", "    weights: {degraded: 0.25, partial: 0.5, major: 1.5}",
     "f:17:52: major: 1.5 is more than 1"},
    {"    weights:", "    degraded_weight: 0.5",
     "f:17:5: \"degraded_weight\" is only for method request_ratio"},
    {"    pool:", "", "f:15:5: availability: \"pool\" is required with several services"},
    {"    pool:", "    pool: worst",
     "f:18:11: pool: \"worst\" is not one of per_service, sum, all_required, any_enough"},
    {"    unknown:", "    unknown: {no_traffic: up, probe_down: up, pipeline_gap: up}",
     "f:19:14: unknown: required key \"not_provisioned\" is missing"},
    {"    unknown:", "", "f:15:5: availability: required key \"unknown\" is missing"},
    {"  maintenance:", "  maintenance: {notice: 5d}",
     "f:20:16: maintenance: required key \"excluded\" is missing"},
    {"  maintenance:", "  maintenance: {excluded: all}",
     "f:20:27: excluded: \"all\" is not one of none, remove, forgive"},
    {"  maintenance:", "  maintenance: {excluded: remove, quota: {minutes: -1}}",
     "f:20:52: minutes: -1 is not between 0 and 5270400"},
    {"    tiers:", "    tiers: []", "f:22:12: tiers: at least 1 wanted"},
    {"    tiers:", "    tiers: [{below: 99, percent: 10}, {below: 99, percent: 25}]",
     "f:22:47: tiers: best first, each \"below\" less than the one before"},
    {"    tiers:", "    tiers: [{below: 99}]",
     "f:22:13: tier: one of \"percent\", \"days\" and \"amount\" is wanted"},
    {"    tiers:", "    tiers: [{below: 99, percent: 10}, {below: 98, days: 3, percent: 10}]",
     "f:22:57: days: instead of \"percent\", not beside it"},
    {"    tiers:", "    tiers: [{amount: 5, below: 99, days: 3}]",
     "f:22:22: amount: instead of \"days\", not beside it"},
    {"    tiers:", "    tiers: [{below: 99, days: -1}]", "f:22:31: days: -1 is less than 0"},
    {"    tiers:", "    tiers: [{below: 99, percent: 101}]",
     "f:22:34: percent: 101 is more than 100"},
    {"    tiers:", "    tiers: [{below: 99, amount: 1.2.3}]",
     "f:22:33: amount: \"1.2.3\" is not a decimal such as 99.95"},
    {"    tiers:", "    tiers: [{below: 99, percent: 10}, {below: 99.5, days: 3}]",
     "f:22:47: tiers: best first, each \"below\" less than the one before"},
    {"    tiers:", "", "f:23:5: credits: \"tiers\" or \"proportional\" is required"},
    {"    cap:", "    proportional: {multiplier: 10}",
     "f:24:19: proportional: instead of \"tiers\", not beside them"},
    {"    tiers:", "    proportional: {}",
     "f:22:19: proportional: required key \"multiplier\" is missing"},
    {"    tiers:", "    proportional: {multiplier: -1}", "f:22:32: multiplier: -1 is less than 0"},
    {"    tiers:", "    tiers: [{below: 101, percent: 3}]", "f:22:21: below: 101 is more than 100"},
    {"    minimum:", "    minimum: 1.00",
     "f:23:14: minimum: a table is wanted, not a single value"},
    {"    cap:", "    cap: {percent: 101}", "f:24:20: percent: 101 is more than 100"},
    {"    rounding:", "", "f:22:5: credits: required key \"rounding\" is missing"},
    {"    rounding:", "    rounding: down",
     "f:25:15: rounding: \"down\" is not one of half_even, half_up"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(refusals); i++) {
        struct config *config;
        struct err err = ERR_INIT;
        enum err_code code = parse_with(refusals[i].begin, refusals[i].replacement, &config, &err);

        assert_refused(code, &err, refusals[i].replacement, refusals[i].expected);
    }
}

/* Versions of one id: one after the other is fine, at the same time is not. */
static void test_versions(void **state)
{
    static const char *const terms =
        "  services: [s]\n  time_zone: UTC\n  availability: {target: 99, method: request_ratio, "
        "unknown: {no_traffic: up, probe_down: up, pipeline_gap: up, not_provisioned: up}}\n";
    static const struct {
        const char *second_from;
        bool good;
    } cases[] = {{"2026-07-01", true}, {"2026-06-30", false}, {"2026-08-01", true}};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct strbuf text;
        struct config *config = NULL;
        struct err err = ERR_INIT;

        strbuf_init(&text, 10000);
        strbuf_append_format(&text, "contracts:\n- id: a\n  valid_until: 2026-07-01\n%s", terms);
        strbuf_append_format(&text, "- id: a\n  valid_from: %s\n%s", cases[i].second_from, terms);
        assert_int_equal(config_parse(strbuf_view(&text), "f", &config, &err),
                         cases[i].good ? ERR_OK : ERR_CONFIG);
        if (!cases[i].good) {
            assert_string_equal(
                err.text, "f:7:7: contract \"a\" is valid at the same time as the one in line 2");
        }
        config_free(config);
        strbuf_release(&text);
    }
}

static void test_periods(void **state)
{
    static const struct {
        const char *text;
        enum period_kind kind;
        int32_t days;
        const char *terms;
    } cases[] = {
        {"  period: month", PERIOD_MONTH, 0, "\"period\":\"month\""},
        {"  period: quarter", PERIOD_QUARTER, 0, "\"period\":\"quarter\""},
        {"  period: year", PERIOD_YEAR, 0, "\"period\":\"year\""},
        {"  period: {rolling: 30d}", PERIOD_ROLLING, 30, "\"period\":{\"rolling\":\"30d\"}"},
        {"  period: {rolling: 24h}", PERIOD_ROLLING, 1, "\"period\":{\"rolling\":\"1d\"}"},
        {"  period: {rolling: 366d}", PERIOD_ROLLING, 366, "\"period\":{\"rolling\":\"366d\"}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct config *config;
        struct err err = ERR_INIT;

        assert_int_equal(parse_with("  period:", cases[i].text, &config, &err), ERR_OK);
        assert_int_equal(config->contracts[0].period, cases[i].kind);
        assert_int_equal(config->contracts[0].rolling_days, cases[i].days);
        assert_non_null(strstr(config->contracts[0].terms.data, cases[i].terms));
        config_free(config);
    }
}

static void test_latency_level(void **state)
{
    struct config *config;
    struct err err = ERR_INIT;
    const struct contract *c;

    (void)state;
    assert_int_equal(parse_with("  partial_period:",
                                "  latency: {target: 99.0, max_slow_ratio: 0.05, slice: 5m}",
                                &config, &err),
                     ERR_OK);
    c = &config->contracts[0];
    assert_true(c->latency.present);
    assert_rational(c->latency.target, 99, 100);
    assert_rational(c->latency.max_slow_ratio, 1, 20);
    assert_int_equal(c->latency.slice_s, 300);
    assert_non_null(strstr(c->terms.data, "\"id\":\"acme-2026\",\"latency\":{\"max_slow_ratio\":"
                                          "\"0.05\",\"slice\":\"5m\",\"target\":\"99\"},"));
    config_free(config);
}

static void test_tiers_of_all_kinds(void **state)
{
    struct config *config;
    struct err err = ERR_INIT;
    const struct credit_terms *credits;

    (void)state;
    assert_int_equal(parse_with("    tiers:",
                                "    tiers: [{below: 99.5, percent: 2.5}, {below: 99, days: 3}, "
                                "{below: 98, amount: 1000.005}]",
                                &config, &err),
                     ERR_OK);
    credits = &config->contracts[0].credits;
    assert_int_equal(credits->tier_count, 3);
    assert_int_equal(credits->tiers[0].kind, CREDIT_PERCENT);
    assert_rational(credits->tiers[0].value, 1, 40);
    assert_int_equal(credits->tiers[1].kind, CREDIT_DAYS);
    assert_rational(credits->tiers[1].value, 3, 1);
    assert_int_equal(credits->tiers[2].kind, CREDIT_AMOUNT);
    assert_rational(credits->tiers[2].value, 200001, 200);
    assert_non_null(strstr(config->contracts[0].terms.data,
                           "\"tiers\":[{\"below\":\"99.5\",\"percent\":\"2.5\"},{\"below\":"
                           "\"99\",\"days\":\"3\"},{\"amount\":\"1000.005\",\"below\":"
                           "\"98\"}]"));
    config_free(config);
}

static void test_proportional_credits(void **state)
{
    struct config *config;
    struct err err = ERR_INIT;
    const struct credit_terms *credits;

    (void)state;
    assert_int_equal(parse_with("    tiers:", "    proportional: {multiplier: 10}", &config, &err),
                     ERR_OK);
    credits = &config->contracts[0].credits;
    assert_true(credits->present);
    assert_true(credits->proportional);
    assert_rational(credits->multiplier, 10, 1);
    assert_int_equal(credits->tier_count, 0);
    assert_non_null(strstr(config->contracts[0].terms.data,
                           "\"proportional\":{\"multiplier\":\"10\"},\"rounding\":"
                           "\"half_even\"}"));
    config_free(config);
}

/* Amounts need no fee, but a currency; everything that is a part of the fee needs it. */
static void test_credits_without_a_fee(void **state)
{
    static const struct {
        const char *currency;
        const char *credits;
        const char *expected; /* NULL: fine */
    } cases[] = {
        {"EUR", "tiers: [{below: 99, amount: 5}]", NULL},
        {NULL, "tiers: [{below: 99, amount: 5}]", "f:7:12: credits need \"currency\""},
        {"EUR", "tiers: [{below: 99, days: 5}]", "f:8:12: credits need \"fee\""},
        {"EUR", "tiers: [{below: 99, amount: 5}], cap: {percent: 50}",
         "f:8:12: credits need \"fee\""},
        {"EUR", "proportional: {multiplier: 1}", "f:8:12: credits need \"fee\""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct config *config;
        struct err err = ERR_INIT;
        struct strbuf text;
        bool good = cases[i].expected == NULL;

        strbuf_init(&text, 10000);
        strbuf_append_text(&text,
                           "contracts:\n- id: a\n  services: [s]\n  time_zone: UTC\n"
                           "  availability: {target: 99, method: request_ratio,\n    unknown: "
                           "{no_traffic: up, probe_down: up, pipeline_gap: up, "
                           "not_provisioned: up}}\n");
        if (cases[i].currency != NULL) {
            strbuf_append_format(&text, "  currency: %s\n", cases[i].currency);
        }
        strbuf_append_format(&text, "  credits: {%s, rounding: half_up}\n", cases[i].credits);
        assert_int_equal(config_parse(strbuf_view(&text), "f", &config, &err),
                         good ? ERR_OK : ERR_CONFIG);
        if (good) {
            assert_string_equal(config->contracts[0].currency->code, "EUR");
            assert_false(config->contracts[0].has_fee);
            assert_rational(config->contracts[0].fee, 0, 1);
            assert_null(strstr(config->contracts[0].terms.data, "\"fee\""));
            config_free(config);
        } else {
            assert_string_equal(err.text, cases[i].expected);
        }
        strbuf_release(&text);
    }
}

static void test_terms_are_canonical(void **state)
{
    static const char *const expected =
        "{\"availability\":{\"absorb\":\"0s\",\"method\":\"state_time\",\"min_outage\":\"0s\","
        "\"pool\":\"all_required\",\"target\":\"99.5\",\"unknown\":{\"no_traffic\":\"up\","
        "\"not_provisioned\":\"exclude\",\"pipeline_gap\":\"down\",\"probe_down\":\"exclude\"},"
        "\"weights\":{\"degraded\":\"0.25\",\"major\":\"1\",\"partial\":\"0.5\"}},"
        "\"credits\":{\"cap\":{\"percent\":\"50\"},\"claim_within\":\"30d\","
        "\"minimum\":{\"more_than\":\"1\"},\"rounding\":\"half_even\",\"tiers\":["
        "{\"below\":\"99.5\",\"percent\":\"10\"},{\"below\":\"99\",\"percent\":\"25\"},"
        "{\"below\":\"95\",\"percent\":\"50\"}]},\"currency\":\"EUR\","
        "\"customer\":\"ACME Solar GmbH\",\"digits\":3,\"fee\":\"12400\",\"grace\":\"3d\","
        "\"id\":\"acme-2026\",\"maintenance\":{\"excluded\":\"remove\",\"notice\":\"5d\","
        "\"quota\":{\"minutes\":240,\"windows\":2}},\"partial_period\":\"deemed_up\","
        "\"period\":\"month\",\"services\":[\"device-api\",\"portal\"],"
        "\"time_zone\":\"Europe/Berlin\",\"valid_from\":\"2026-01-01\","
        "\"valid_until\":\"2027-01-01\"}";
    struct config *config;
    struct err err = ERR_INIT;
    char digest[HASH_HEX_SIZE];

    (void)state;
    assert_int_equal(parse_with(NULL, NULL, &config, &err), ERR_OK);
    assert_string_equal(config->contracts[0].terms.data, expected);
    hash_sha256_hex(str_from(expected), digest);
    assert_string_equal(config->contracts[0].digest, digest);
    config_free(config);
}

/* Revisions are measured by stored terms: these are a contract again, and the same one. */
static void test_terms_are_a_contract_again(void **state)
{
    static const struct {
        const char *begin;
        const char *replacement;
    } cases[] = {
        {NULL, NULL},
        {"  period:", "  period: quarter"},
        {"  period:", "  period: {rolling: 28d}"},
        {"  grace:", "  service_hours: {fri-mon: \"08:00-12:00, 13:00-24:00\", wed: "
                     "00:00-06:30, holidays: [2026-12-25, 2026-01-01]}"},
        {"  grace:", "  latency: {target: 99.25, max_slow_ratio: 0.05, slice: 15m}"},
        {"    tiers:", "    tiers: [{below: 99.5, days: 2.5}, {below: 99, amount: 5}]"},
        {"    tiers:", "    proportional: {multiplier: 2.5}"},
        {"    minimum:", ""},
        {"  customer:", "  customer: 'A \"quoted\" \\ naïve: #1 customer'"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct config *config, *again;
        struct err err = ERR_INIT;
        struct strbuf text;

        assert_int_equal(parse_with(cases[i].begin, cases[i].replacement, &config, &err), ERR_OK);
        strbuf_init(&text, 10000);
        strbuf_append_format(&text, "contracts:\n  - %s\n", config->contracts[0].terms.data);
        if (config_parse(strbuf_view(&text), "terms", &again, &err) != ERR_OK) {
            fail_msg("%s", err.text);
        }
        assert_string_equal(again->contracts[0].terms.data, config->contracts[0].terms.data);
        strbuf_release(&text);
        config_free(again);
        config_free(config);
    }
}

/* The same terms, spelled in another way, are the same terms; other terms are not. */
static void test_digest_follows_the_meaning(void **state)
{
    static const struct {
        const char *begin;
        const char *replacement;
        bool same;
    } cases[] = {{"  grace:", "  grace: 72h", true},
                 {"  fee:", "  fee: \"12400\"", true},
                 {"  period:", "", true},
                 {"    target:", "    target: 99.50", true},
                 {"  period:", "  period: quarter", false},
                 {"  period:", "  period: {rolling: 31d}", false},
                 {"    tiers:",
                  "    tiers: [{percent: 10.0, below: 99.5}, {below: 99.0, percent: "
                  "25}, {below: 95.0, percent: 50}]",
                  true},
                 {"    tiers:",
                  "    tiers: [{below: 99.5, days: 10}, {below: 99.0, percent: "
                  "25}, {below: 95.0, percent: 50}]",
                  false},
                 {"  grace:", "  grace: 4d", false},
                 {"    target:", "    target: 99.500000000001", false},
                 {"  services:", "  services: [portal, device-api]", false}};
    struct config *config;
    struct err err = ERR_INIT;
    char digest[HASH_HEX_SIZE];

    (void)state;
    assert_int_equal(parse_with(NULL, NULL, &config, &err), ERR_OK);
    (void)snprintf(digest, sizeof(digest), "%s", config->contracts[0].digest);
    config_free(config);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        assert_int_equal(parse_with(cases[i].begin, cases[i].replacement, &config, &err), ERR_OK);
        assert_int_equal(strcmp(digest, config->contracts[0].digest) == 0, cases[i].same);
        config_free(config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_periods),
        cmocka_unit_test(test_latency_level),
        cmocka_unit_test(test_tiers_of_all_kinds),
        cmocka_unit_test(test_proportional_credits),
        cmocka_unit_test(test_credits_without_a_fee),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_terms_are_canonical),
        cmocka_unit_test(test_terms_are_a_contract_again),
        cmocka_unit_test(test_digest_follows_the_meaning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
