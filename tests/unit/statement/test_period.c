/* Periods, their names, their days, and which terms hold in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "base/check.h"
#include "base/civil.h"
#include "base/clock.h"
#include "jobs/config/config.h"
#include "jobs/statement/period.h"

static int64_t utc(const char *text)
{
    int64_t time_ns;

    assert_true(civil_parse_rfc3339(STR(text), &time_ns));
    return time_ns / NS_PER_SECOND;
}

/* One version a line: "period: quarter, valid_from: 2026-10-15". Versions stand in lines 2, 3, .. of "f". */
static struct config *parse(const char *zone, const char *const *versions, size_t count)
{
    struct config *config = NULL;
    struct err err = ERR_INIT;
    struct strbuf text;

    strbuf_init(&text, 100000);
    strbuf_append_text(&text, "contracts:\n");
    for (size_t i = 0; i < count; i++) {
        strbuf_append_format(&text,
                             "- {id: acme, services: [s], time_zone: %s, %s, availability: "
                             "{target: 99, method: request_ratio, unknown: {no_traffic: up, "
                             "probe_down: up, pipeline_gap: up, not_provisioned: up}}}\n",
                             zone, versions[i]);
    }
    if (config_parse(strbuf_view(&text), "f", &config, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    strbuf_release(&text);
    return config;
}

static const struct {
    const char *zone, *period;
    int32_t year, month;
    const char *name, *from, *to;
    int32_t days;
} periods[] = {
    {"Europe/Berlin", "month", 2026, 10, "2026-10", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z",
     31},
    {"Europe/Berlin", "month", 2028, 2, "2028-02", "2028-01-31T23:00:00Z", "2028-02-29T23:00:00Z",
     29},
    {"Europe/Berlin", "month", 2026, 12, "2026-12", "2026-11-30T23:00:00Z", "2026-12-31T23:00:00Z",
     31},
    {"Europe/Berlin", "quarter", 2026, 10, "2026-Q4", "2026-09-30T22:00:00Z",
     "2026-12-31T23:00:00Z", 92},
    {"Europe/Berlin", "quarter", 2026, 12, "2026-Q4", "2026-09-30T22:00:00Z",
     "2026-12-31T23:00:00Z", 92},
    {"America/New_York", "quarter", 2026, 2, "2026-Q1", "2026-01-01T05:00:00Z",
     "2026-04-01T04:00:00Z", 90},
    {"Europe/Berlin", "year", 2026, 7, "2026", "2025-12-31T23:00:00Z", "2026-12-31T23:00:00Z", 365},
    {"UTC", "year", 2028, 1, "2028", "2028-01-01T00:00:00Z", "2029-01-01T00:00:00Z", 366},
    /* the days ending with the month, however long it is; over the change of clocks */
    {"Europe/Berlin", "{rolling: 30d}", 2026, 10, "2026-10-30d", "2026-10-01T22:00:00Z",
     "2026-10-31T23:00:00Z", 30},
    {"Europe/Berlin", "{rolling: 28d}", 2026, 2, "2026-02-28d", "2026-01-31T23:00:00Z",
     "2026-02-28T23:00:00Z", 28},
    {"Europe/Berlin", "{rolling: 30d}", 2026, 2, "2026-02-30d", "2026-01-29T23:00:00Z",
     "2026-02-28T23:00:00Z", 30},
    {"Europe/Berlin", "{rolling: 90d}", 2026, 1, "2026-01-90d", "2025-11-02T23:00:00Z",
     "2026-01-31T23:00:00Z", 90},
    {"Australia/Lord_Howe", "{rolling: 7d}", 2026, 4, "2026-04-7d", "2026-04-23T13:30:00Z",
     "2026-04-30T13:30:00Z", 7},
    /* 2011-12-30 did not happen there */
    {"Pacific/Apia", "month", 2011, 12, "2011-12", "2011-12-01T10:00:00Z", "2011-12-31T10:00:00Z",
     30},
};

static void test_periods(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(periods); i++) {
        struct arena arena = ARENA_INIT;
        struct strbuf version;
        struct config *config;
        struct period period, named;
        const char *text;

        strbuf_init(&version, 100);
        strbuf_append_format(&version, "period: %s", periods[i].period);
        text = strbuf_text(&version);
        config = parse(periods[i].zone, &text, 1);
        assert_true(period_find(config->contracts, 1, &config->contracts[0], periods[i].year,
                                periods[i].month, &arena, &period));
        assert_string_equal(period.name, periods[i].name);
        assert_int_equal(period.from_s, utc(periods[i].from));
        assert_int_equal(period.to_s, utc(periods[i].to));
        assert_int_equal(period_days(config->contracts[0].zone, period.from_s, period.to_s),
                         periods[i].days);
        assert_true(period_named(&config->contracts[0], STR(periods[i].name), &arena, &named));
        assert_string_equal(named.name, periods[i].name);
        assert_int_equal(named.from_s, period.from_s);
        assert_int_equal(named.to_s, period.to_s);
        period_at(&config->contracts[0], period.to_s - 1, &arena, &named);
        assert_int_equal(named.from_s, period.from_s);
        config_free(config);
        strbuf_release(&version);
        arena_release(&arena);
    }
}

/* Days that are touched count; so an interval of two nights has three. */
static void test_days_in_part(void **state)
{
    struct zone *zone;
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(zone_open("Europe/Berlin", &zone, &err), ERR_OK);
    assert_int_equal(period_days(zone, utc("2026-10-24T10:00:00Z"), utc("2026-10-26T10:00:00Z")),
                     3);
    assert_int_equal(period_days(zone, utc("2026-10-24T10:00:00Z"), utc("2026-10-24T10:00:01Z")),
                     1);
    /* 25 hours from midnight to midnight */
    assert_int_equal(period_days(zone, utc("2026-10-24T22:00:00Z"), utc("2026-10-25T23:00:00Z")),
                     1);
    assert_int_equal(period_days(zone, utc("2026-10-24T22:00:00Z"), utc("2026-10-25T23:00:01Z")),
                     2);
    zone_free(zone);
}

/* The last period that is over in the contract's zone, and the month that it ends with. */
static void test_last(void **state)
{
    static const struct {
        const char *period, *now;
        int32_t year, month;
    } cases[] = {
        {"month", "2026-11-30T22:59:59Z", 2026, 10},
        {"month", "2026-11-30T23:00:00Z", 2026, 11},
        {"month", "2026-12-31T23:00:00Z", 2026, 12},
        {"quarter", "2026-11-15T00:00:00Z", 2026, 9},
        {"quarter", "2026-12-31T22:59:59Z", 2026, 9},
        {"quarter", "2026-12-31T23:00:00Z", 2026, 12},
        {"quarter", "2026-03-31T21:59:59Z", 2025, 12},
        {"quarter", "2026-03-31T22:00:00Z", 2026, 3},
        {"year", "2026-12-31T22:59:59Z", 2025, 12},
        {"year", "2026-12-31T23:00:00Z", 2026, 12},
        {"{rolling: 90d}", "2026-11-15T00:00:00Z", 2026, 10},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct strbuf version;
        struct config *config;
        const char *text;
        int32_t year, month;

        strbuf_init(&version, 100);
        strbuf_append_format(&version, "period: %s", cases[i].period);
        text = strbuf_text(&version);
        config = parse("Europe/Berlin", &text, 1);
        period_last(&config->contracts[0], utc(cases[i].now) * NS_PER_SECOND, &year, &month);
        assert_int_equal(year, cases[i].year);
        assert_int_equal(month, cases[i].month);
        assert_true(period_ends(&config->contracts[0], month));
        config_free(config);
        strbuf_release(&version);
    }
}

static void test_ends(void **state)
{
    static const char *const texts[] = {"period: month", "period: quarter", "period: year",
                                        "period: {rolling: 30d}"};
    static const char *const ends[] = {"111111111111", "001001001001", "000000000001",
                                       "111111111111"};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        struct config *config = parse("UTC", &texts[i], 1);

        for (int32_t month = 1; month <= 12; month++) {
            assert_int_equal(period_ends(&config->contracts[0], month), ends[i][month - 1] == '1');
        }
        config_free(config);
    }
}

/* Names of the parts that versions have in a period: never the same twice. */
static void test_versions_have_names_of_their_own(void **state)
{
    static const struct {
        const char *versions[2];
        int32_t month;
        const char *names[2]; /* NULL: it does not hold */
    } cases[] = {
        {{"valid_until: 2026-10-15", "valid_from: 2026-10-15"}, 10, {"2026-10", "2026-10-15"}},
        {{"valid_until: 2026-10-15", "valid_from: 2026-10-15"}, 11, {NULL, "2026-11"}},
        {{"period: quarter, valid_until: 2026-11-15", "period: quarter, valid_from: 2026-11-15"},
         12,
         {"2026-Q4", "2026-11-15"}},
        {{"period: quarter, valid_until: 2026-10-01", "period: quarter, valid_from: 2026-10-01"},
         12,
         {NULL, "2026-Q4"}},
        {{"period: year, valid_until: 2026-03-02", "period: year, valid_from: 2026-03-02"},
         7,
         {"2026", "2026-03-02"}},
        /* From months to quarters: November goes with the old, the rest of the quarter with the new. */
        {{"valid_until: 2026-11-15", "period: quarter, valid_from: 2026-11-15"},
         11,
         {"2026-11", "2026-11-15"}},
        /* The border lies in three of these: its day alone would name three statements. */
        {{"period: {rolling: 90d}, valid_until: 2026-10-15",
          "period: {rolling: 90d}, valid_from: 2026-10-15"},
         10,
         {"2026-10-90d", "2026-10-90d-from-2026-10-15"}},
        {{"period: {rolling: 90d}, valid_until: 2026-10-15",
          "period: {rolling: 90d}, valid_from: 2026-10-15"},
         12,
         {"2026-12-90d", "2026-12-90d-from-2026-10-15"}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct arena arena = ARENA_INIT;
        struct config *config = parse("Europe/Berlin", cases[i].versions, 2);

        for (size_t k = 0; k < 2; k++) {
            struct period period;
            bool found = period_find(config->contracts, 2, &config->contracts[k], 2026,
                                     cases[i].month, &arena, &period);

            assert_int_equal(found, cases[i].names[k] != NULL);
            if (found) {
                assert_string_equal(period.name, cases[i].names[k]);
            }
        }
        config_free(config);
        arena_release(&arena);
    }
}

/* Names as they are stored lead back to the whole period, those of parts too; others lead nowhere. */
static void test_names_lead_back(void **state)
{
    static const struct {
        const char *period, *name;
        const char *whole; /* NULL: no name of such a contract */
    } cases[] = {
        {"month", "2026-10-15", "2026-10"},
        {"quarter", "2026-11-15", "2026-Q4"},
        {"year", "2026-03-02", "2026"},
        {"{rolling: 30d}", "2026-10-30d-from-2026-10-15", "2026-10-30d"},
        {"month", "2026-Q4", NULL},
        {"month", "2026", NULL},
        {"month", "2026-13", NULL},
        {"month", "2026-10-32", NULL},
        {"month", "2026-10-", NULL},
        {"month", "", NULL},
        {"quarter", "2026-10", NULL},
        {"quarter", "2026-Q5", NULL},
        {"year", "20260", NULL},
        {"{rolling: 30d}", "2026-10-28d", NULL},
        {"{rolling: 30d}", "2026-10-15", NULL},
        {"{rolling: 30d}", "2026-10-30d-from-", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct arena arena = ARENA_INIT;
        struct strbuf version;
        struct config *config;
        struct period period, whole;
        const char *text;
        bool found;

        strbuf_init(&version, 100);
        strbuf_append_format(&version, "period: %s", cases[i].period);
        text = strbuf_text(&version);
        config = parse("Europe/Berlin", &text, 1);
        found = period_named(&config->contracts[0], STR(cases[i].name), &arena, &period);
        if (found != (cases[i].whole != NULL)) {
            fail_msg("%s of %s", cases[i].name, cases[i].period);
        }
        if (found) {
            assert_true(period_named(&config->contracts[0], STR(cases[i].whole), &arena, &whole));
            assert_int_equal(period.from_s, whole.from_s);
            assert_int_equal(period.to_s, whole.to_s);
        }
        config_free(config);
        strbuf_release(&version);
        arena_release(&arena);
    }
}

static const struct {
    const char *versions[2];
    size_t count;
    int32_t year, month;
    size_t version;       /* that is found */
    const char *name;     /* of its period; or */
    const char *expected; /* the error */
} terms[] = {
    {{"grace: 0s"}, 1, 2026, 10, 0, "2026-10", NULL},
    /* a period that is valid in part is measured; partial_period says how */
    {{"valid_from: 2026-10-15"}, 1, 2026, 10, 0, "2026-10", NULL},
    {{"valid_until: 2026-07-01", "valid_from: 2026-07-01"}, 2, 2026, 6, 0, "2026-06", NULL},
    {{"valid_until: 2026-07-01", "valid_from: 2026-07-01"}, 2, 2026, 7, 1, "2026-07", NULL},
    {{"valid_until: 2026-10-15", "valid_from: 2026-10-15"},
     2,
     2026,
     10,
     0,
     NULL,
     "f:3: contract \"acme\": other terms begin on 2026-10-15, within 2026-10; measure up to that "
     "day, and from it on, with --from and --to"},
    /* the order in the file makes no difference */
    {{"valid_from: 2026-10-15", "valid_until: 2026-10-15"},
     2,
     2026,
     10,
     0,
     NULL,
     "f:2: contract \"acme\": other terms begin on 2026-10-15, within 2026-10; measure up to that "
     "day, and from it on, with --from and --to"},
    /* October is sound by itself, but it is the quarter that is measured */
    {{"period: quarter, valid_until: 2026-12-15", "period: quarter, valid_from: 2026-12-15"},
     2,
     2026,
     10,
     0,
     NULL,
     "f:3: contract \"acme\": other terms begin on 2026-12-15, within 2026-Q4; measure up to that "
     "day, and from it on, with --from and --to"},
    {{"period: {rolling: 90d}, valid_until: 2026-10-15", "valid_from: 2026-10-15"},
     2,
     2026,
     11,
     1,
     "2026-11",
     NULL},
    /* versions may differ in their kind of period: the one of the month decides */
    {{"valid_until: 2026-11-15", "period: quarter, valid_from: 2026-11-15"},
     2,
     2026,
     10,
     0,
     "2026-10",
     NULL},
    {{"period: quarter, valid_from: 2026-11-01"}, 1, 2026, 10, 0, "2026-Q4", NULL},
    {{"valid_from: 2027-01-01"},
     1,
     2026,
     12,
     0,
     NULL,
     "f:2: contract \"acme\" has no terms in 2026-12: they begin on 2027-01-01"},
    {{"valid_until: 2026-07-01"},
     1,
     2026,
     7,
     0,
     NULL,
     "f:2: contract \"acme\" has no terms in 2026-07: they ended before 2026-07-01"},
    {{"valid_until: 2026-07-01", "valid_from: 2026-09-01"},
     2,
     2026,
     8,
     0,
     NULL,
     "f:2: contract \"acme\" has no terms in 2026-08: they ended before 2026-07-01 and begin again "
     "on 2026-09-01"},
    {{"period: year, valid_until: 2026-01-01", "valid_from: 2026-12-01"},
     2,
     2026,
     10,
     0,
     NULL,
     "f:2: contract \"acme\" has no terms in 2026-10: they ended before 2026-01-01 and begin again "
     "on "
     "2026-12-01"},
};

static void test_terms_of_a_period(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(terms); i++) {
        struct arena arena = ARENA_INIT;
        struct config *config = parse("Europe/Berlin", terms[i].versions, terms[i].count);
        const struct contract *contract = NULL;
        struct period period;
        struct err err = ERR_INIT;
        enum err_code code = period_terms(config, STR("acme"), terms[i].year, terms[i].month,
                                          &arena, &contract, &period, &err);

        if (terms[i].expected != NULL) {
            assert_int_equal(code, ERR_CONFIG);
            assert_string_equal(err.text, terms[i].expected);
        } else {
            if (code != ERR_OK) {
                fail_msg("%s", err.text);
            }
            assert_ptr_equal(contract, &config->contracts[terms[i].version]);
            assert_string_equal(period.name, terms[i].name);
        }
        config_free(config);
        arena_release(&arena);
    }
}

static void test_terms_of_an_interval(void **state)
{
    static const char *const versions[] = {"valid_until: 2026-10-15", "valid_from: 2026-10-15"};
    struct config *config = parse("Europe/Berlin", versions, 2);
    const int64_t border_s = utc("2026-10-14T22:00:00Z");
    const struct contract *contract = NULL;
    struct arena arena = ARENA_INIT;
    struct period period;
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(
        period_terms_between(config, STR("acme"), border_s - 60, border_s, &contract, &err),
        ERR_OK);
    assert_ptr_equal(contract, &config->contracts[0]);
    assert_int_equal(
        period_terms_between(config, STR("acme"), border_s, border_s + 60, &contract, &err),
        ERR_OK);
    assert_ptr_equal(contract, &config->contracts[1]);
    assert_int_equal(
        period_terms_between(config, STR("acme"), border_s - 1, border_s + 1, &contract, &err),
        ERR_CONFIG);
    assert_string_equal(err.text,
                        "f:3: contract \"acme\": other terms begin on 2026-10-15, within the time "
                        "from --from to --to; measure up to that day, and from it on, with --from "
                        "and --to");
    err = ERR_INIT;
    assert_int_equal(
        period_terms_between(config, STR("acne"), border_s, border_s + 1, &contract, &err),
        ERR_USAGE);
    assert_string_equal(err.text,
                        "--contract: there is no contract \"acne\" (did you mean \"acme\"?)");
    err = ERR_INIT;
    assert_int_equal(period_terms(config, STR("other"), 2026, 10, &arena, &contract, &period, &err),
                     ERR_USAGE);
    assert_string_equal(err.text, "--contract: there is no contract \"other\"");
    config_free(config);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_periods),
        cmocka_unit_test(test_days_in_part),
        cmocka_unit_test(test_last),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_versions_have_names_of_their_own),
        cmocka_unit_test(test_names_lead_back),
        cmocka_unit_test(test_terms_of_a_period),
        cmocka_unit_test(test_terms_of_an_interval),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
