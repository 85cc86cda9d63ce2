#include "tests/unit/config_text.h"

#include <stdio.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"
#include "jobs/slo/budget.h"

/* One objective and minutes made by a test. */
struct world {
    struct config *config;
    const struct slo *slo;
    struct slo_span span;
    struct slo_series series;
    struct slo_minute *minutes;
    struct slo_result result;
    struct arena arena;
};

/* fields: of the objective, beside id and service. */
static void open_world(struct world *world, const char *fields, const char *now)
{
    struct strbuf text;
    int64_t now_ns;

    *world = (struct world){.arena = ARENA_INIT};
    strbuf_init(&text, 10000);
    strbuf_append_format(&text, "slos:\n- {id: o, service: s, %s}\n", fields);
    world->config = config_of("f", strbuf_text(&text));
    strbuf_release(&text);
    assert_true(civil_parse_rfc3339(STR(now), &now_ns));
    world->slo = &world->config->slos[0];
    slo_span_init(&world->span, world->slo, now_ns / NS_PER_MINUTE);
    world->series.from = slo_first_minute(world->slo, &world->span);
    world->series.count = (size_t)(world->span.until - world->series.from);
    world->minutes = arena_calloc(&world->arena, world->series.count + 1, sizeof(*world->minutes));
    world->series.minutes = world->minutes;
    for (size_t i = 0; i < world->series.count; i++) {
        world->minutes[i].silence = GRADE_NO_TRAFFIC;
    }
}

static void close_world(struct world *world)
{
    arena_release(&world->arena);
    config_free(world->config);
}

/* Each of the minutes [from, to) before `until` has these counts. */
static void fill(struct world *world, int64_t from, int64_t to, int64_t total, int64_t errors,
                 int64_t slow)
{
    for (int64_t m = from; m < to; m++) {
        world->minutes[(int64_t)world->series.count - 1 - m] =
            (struct slo_minute){total, errors, slow, GRADE_NO_TRAFFIC};
    }
}

static void evaluate(struct world *world)
{
    struct err err = ERR_INIT;

    if (slo_evaluate(world->slo, &world->span, &world->series, &world->arena, &world->result,
                     &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
}

static void assert_fraction(struct fraction value, int64_t numerator, int64_t denominator)
{
    struct arena scratch = ARENA_INIT;
    struct fraction wanted = fraction_of(&scratch, rational_make(numerator, denominator));

    assert_int_equal(fraction_compare(value, wanted), 0);
    arena_release(&scratch);
}

/* Factors of the rule of 2 % in an hour, by the real length of the period: hours * 2 / 100. */
static void test_factors(void **state)
{
    static const struct {
        const char *window, *now;
        int64_t hours, numerator, denominator;
    } cases[] = {
        {"{rolling: 30d}", "2026-10-15T00:00:00Z", 720, 144, 10},
        {"{rolling: 28d}", "2026-10-15T00:00:00Z", 672, 1344, 100},
        {"{rolling: 7d}", "2026-10-15T00:00:00Z", 168, 336, 100},
        {"month, time_zone: UTC", "2026-02-15T00:00:00Z", 672, 1344, 100},
        {"month, time_zone: UTC", "2028-02-15T00:00:00Z", 696, 1392, 100},
        {"month, time_zone: UTC", "2026-04-15T00:00:00Z", 720, 144, 10},
        {"month, time_zone: UTC", "2026-10-15T00:00:00Z", 744, 1488, 100},
        /* Clocks: an hour less, an hour more, and half an hour each. */
        {"month, time_zone: Europe/Berlin", "2026-03-15T00:00:00Z", 743, 1486, 100},
        {"month, time_zone: Europe/Berlin", "2026-10-15T00:00:00Z", 745, 149, 10},
        {"month, time_zone: America/New_York", "2026-11-15T00:00:00Z", 721, 1442, 100},
        {"month, time_zone: Australia/Lord_Howe", "2026-04-15T00:00:00Z", 0, 1441, 100},
        {"month, time_zone: Australia/Lord_Howe", "2026-10-15T00:00:00Z", 0, 1487, 100},
        /* The fourth quarter of New York has the hour of November, that of Berlin the one of October. */
        {"quarter, time_zone: America/New_York", "2026-11-15T00:00:00Z", 92 * 24 + 1, 4418, 100},
        {"quarter, time_zone: UTC", "2026-02-15T00:00:00Z", 90 * 24, 4320, 100},
        {"year, time_zone: Europe/Berlin", "2028-02-15T00:00:00Z", 366 * 24, 17568, 100},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct world world;
        char fields[256];

        (void)snprintf(fields, sizeof(fields), "target: 99.9, method: request_ratio, window: %s",
                       cases[i].window);
        open_world(&world, fields, cases[i].now);
        evaluate(&world);
        if (cases[i].hours > 0) {
            assert_int_equal(world.span.to - world.span.from, cases[i].hours * 60);
        }
        assert_true(world.result.alert_count >= 2);
        assert_fraction(world.result.alerts[0].factor, cases[i].numerator, cases[i].denominator);
        close_world(&world);
    }
}

/* Of the default rules, those of seven days that would fire at less than half the allowed rate are left out: 10 % in 3 d is 0.233. */
static void test_default_rules(void **state)
{
    struct world world;

    (void)state;
    open_world(&world, "target: 99, method: request_ratio, window: {rolling: 30d}",
               "2026-10-15T00:00:00Z");
    evaluate(&world);
    assert_int_equal(world.result.alert_count, 3);
    assert_fraction(world.result.alerts[1].factor, 6, 1);
    assert_fraction(world.result.alerts[2].factor, 1, 1);
    assert_int_equal(world.result.alerts[2].rule->severity, SLO_TICKET);
    assert_int_equal(world.result.alerts[2].rule->short_ns, 6 * NS_PER_HOUR);
    close_world(&world);
    open_world(&world, "target: 99, method: request_ratio, window: {rolling: 7d}",
               "2026-10-15T00:00:00Z");
    evaluate(&world);
    assert_int_equal(world.result.alert_count, 2);
    close_world(&world);
}

/* 30 days of 1000 requests a minute; in the last hour 144 errors in 10000: exactly 14.4 times the budget of 0.1 %, which is no alert. One
 * request more, in the last five minutes, and both windows are above it. */
static void test_strictly_above(void **state)
{
    struct world world;

    (void)state;
    open_world(&world, "target: 99.9, method: request_ratio, window: {rolling: 30d}",
               "2026-10-15T00:00:00Z");
    fill(&world, 0, 30 * 1440, 10000, 0, 0);
    fill(&world, 0, 60, 10000, 144, 0);
    evaluate(&world);
    assert_fraction(world.result.alerts[0].long_burn.rate, 144, 10);
    assert_fraction(world.result.alerts[0].short_burn.rate, 144, 10);
    assert_false(world.result.alerts[0].firing);
    world.minutes[world.series.count - 1].errors++;
    evaluate(&world);
    assert_fraction(world.result.alerts[0].long_burn.rate, 8641, 600);
    assert_true(world.result.alerts[0].firing);
    /* Only the long window: the trouble is over. */
    fill(&world, 0, 5, 10000, 0, 0);
    fill(&world, 5, 60, 10000, 1000, 0);
    evaluate(&world);
    assert_false(world.result.alerts[0].firing);
    /* Only the short one: it may be a spike. */
    fill(&world, 5, 60, 10000, 0, 0);
    fill(&world, 0, 5, 10000, 150, 0);
    evaluate(&world);
    assert_fraction(world.result.alerts[0].short_burn.rate, 15, 1);
    assert_false(world.result.alerts[0].firing);
    close_world(&world);
}

/* 10 days of 30 are over; 0.2 % of the requests were errors, twice the budget: two thirds of the month's budget are gone. At the rate of the
 * last day, 4, a third of 30 days lasts for 2.5 days. */
static void test_month_so_far(void **state)
{
    struct world world;
    int64_t at_ns;

    (void)state;
    open_world(&world, "target: 99.9, method: request_ratio, window: month, time_zone: UTC",
               "2026-04-11T00:00:00Z");
    fill(&world, 0, 1440, 1000, 4, 0);
    fill(&world, 1440, 9 * 1440, 1000, 2, 0);
    fill(&world, 9 * 1440, 10 * 1440, 1000, 0, 0);
    evaluate(&world);
    assert_int_equal(world.result.burn.valid, 10 * 1440 * 1000);
    assert_fraction(world.result.burn.rate, 2, 1);
    assert_fraction(world.result.good, 998, 1000);
    assert_false(world.result.met);
    assert_fraction(world.result.consumed, 2, 3);
    assert_fraction(world.result.left, 1, 3);
    assert_fraction(world.result.recent.rate, 4, 1);
    assert_int_equal(world.result.outlook, SLO_WILL_EXHAUST);
    assert_true(civil_parse_rfc3339(STR("2026-04-13T12:00:00Z"), &at_ns));
    assert_int_equal(world.result.exhausted_s, at_ns / NS_PER_SECOND);
    assert_int_equal(world.result.day_count, 10);
    assert_fraction(world.result.days[0].burn.rate, 0, 1);
    assert_fraction(world.result.days[9].burn.rate, 4, 1);
    close_world(&world);
}

/* Of a calendar window the forecast ends with the window, whatever the rate: half of it is over, half the budget is gone, and at a rate of 1 it is gone with
 * the last second of the month, which is in time. A hair faster is not. */
static void test_the_end_of_the_month(void **state)
{
    struct world world;

    (void)state;
    open_world(&world, "target: 99, method: request_ratio, window: month, time_zone: UTC",
               "2026-04-16T00:00:00Z");
    fill(&world, 0, 15 * 1440, 10000, 100, 0);
    evaluate(&world);
    assert_fraction(world.result.left, 1, 2);
    assert_fraction(world.result.recent.rate, 1, 1);
    assert_int_equal(world.result.outlook, SLO_LASTS);
    world.minutes[world.series.count - 1].errors++;
    evaluate(&world);
    assert_int_equal(world.result.outlook, SLO_WILL_EXHAUST);
    /* left = 1/2 - 1/4320000 and rate = 1 + 1/144000: 2592000 s * left / rate = 1295990.4 s */
    assert_int_equal(world.result.exhausted_s - world.span.until * 60, 1295990);
    close_world(&world);
    /* Slower than the budget allows, but little is left of it. */
    open_world(&world, "target: 99, method: request_ratio, window: month, time_zone: UTC",
               "2026-04-16T00:00:00Z");
    fill(&world, 0, 1440, 10000, 90, 0);
    fill(&world, 1440, 15 * 1440, 10000, 195, 0);
    evaluate(&world);
    assert_fraction(world.result.recent.rate, 9, 10);
    assert_fraction(world.result.left, 6, 100);
    assert_int_equal(world.result.outlook, SLO_WILL_EXHAUST);
    assert_int_equal(world.result.exhausted_s - world.span.until * 60,
                     2 * 86400); /* 0.06 * 30 / 0.9 */
    close_world(&world);
}

/* A rolling window burns out only at more than the allowed rate. */
static void test_rolling_outlook(void **state)
{
    struct world world;

    (void)state;
    open_world(&world, "target: 99, method: request_ratio, window: {rolling: 10d}, forecast: 6h",
               "2026-10-15T00:00:00Z");
    evaluate(&world);
    assert_int_equal(world.result.outlook, SLO_OUTLOOK_UNKNOWN);
    assert_int_equal(world.result.burn.valid, 0);
    assert_fraction(world.result.left, 1, 1);
    fill(&world, 0, 14400, 100, 0, 0);
    evaluate(&world);
    assert_int_equal(world.result.outlook, SLO_LASTS);
    fill(&world, 0, 360, 100, 1, 0);
    evaluate(&world);
    assert_fraction(world.result.recent.rate, 1, 1);
    assert_int_equal(world.result.outlook, SLO_LASTS);
    fill(&world, 0, 360, 100, 2, 0);
    evaluate(&world);
    assert_fraction(world.result.left, 95, 100); /* 720 of 14400 allowed errors */
    assert_int_equal(world.result.outlook, SLO_WILL_EXHAUST);
    assert_int_equal(world.result.exhausted_s - world.span.until * 60, 864000 * 95 / 200);
    fill(&world, 0, 144, 100, 100, 0);
    evaluate(&world);
    assert_true(fraction_sign(world.result.left) < 0);
    assert_int_equal(world.result.outlook, SLO_EXHAUSTED);
    close_world(&world);
}

/* A slow request loses its weight: 10 errors and 40 slow ones of 1000, at a weight of 0.25, are 20 lost. */
static void test_slow_requests(void **state)
{
    struct world world;

    (void)state;
    open_world(&world,
               "target: 99, method: occurrences, degraded_weight: 0.25, window: {rolling: 1h}, "
               "forecast: 10m, alerts: [{budget: 50, long: 30m, short: 10m, severity: ticket}]",
               "2026-10-15T00:00:00Z");
    fill(&world, 59, 60, 1000, 10, 40);
    evaluate(&world);
    assert_fraction(world.result.burn.bad, 20, 1);
    assert_fraction(world.result.burn.rate, 2, 1);
    assert_int_equal(world.result.alerts[0].long_burn.valid, 0);
    assert_false(world.result.alerts[0].firing);
    close_world(&world);
}

/* Slices of ten minutes; a limit that is reached exactly is kept. The last two minutes are no slice yet. */
static void test_slices(void **state)
{
    struct world world;

    (void)state;
    open_world(&world,
               "target: 90, method: timeslices, slice: 10m, max_error_ratio: 0.05, max_slow_ratio: "
               "0.5, window: {rolling: 2h}, forecast: 5m, unknown: {no_traffic: down, "
               "probe_down: up}, alerts: [{budget: 50, long: 1h, short: 5m}]",
               "2026-10-15T12:02:00Z");
    assert_int_equal(world.span.until % 10, 0);
    assert_int_equal(world.span.until, world.span.to);
    fill(&world, 0, 10, 100, 6, 0);   /* bad, alone the short window */
    fill(&world, 10, 20, 100, 5, 50); /* at both limits: good */
    fill(&world, 20, 30, 100, 0, 51); /* slow: bad */
    fill(&world, 30, 39, 0, 0, 0);    /* one minute with one request: good */
    fill(&world, 39, 40, 1, 0, 0);
    fill(&world, 40, 50, 0, 0, 0); /* silent: down */
    for (int64_t m = 50; m < 120; m++) {
        world.minutes[(int64_t)world.series.count - 1 - m].silence =
            m < 60 ? GRADE_PROBE_DOWN : GRADE_PIPELINE_GAP; /* up; excluded */
    }
    evaluate(&world);
    assert_int_equal(world.result.burn.valid, 6);
    assert_fraction(world.result.burn.bad, 3, 1);
    assert_fraction(world.result.alerts[0].long_burn.rate, 5, 1);
    assert_int_equal(world.result.alerts[0].short_burn.valid, 1);
    assert_fraction(world.result.alerts[0].short_burn.rate, 10, 1);
    assert_fraction(world.result.alerts[0].factor, 1, 1);
    assert_true(world.result.alerts[0].firing);
    close_world(&world);
}

/* Slices start with the month: 745 hours are 31 slices of a day and one of an hour, which counts as one. At the very end of a month that month is
 * shown, one minute later the next one. */
static void test_slices_of_a_month(void **state)
{
    static const char fields[] = "target: 50, method: time_slices, slice: 1d, max_error_ratio: 0, "
                                 "window: month, time_zone: Europe/Berlin, alerts: []";
    struct world world;

    (void)state;
    open_world(&world, fields, "2026-10-31T23:00:00Z");
    assert_int_equal(world.span.until, world.span.to);
    assert_int_equal(world.span.to - world.span.from, 745 * 60);
    fill(&world, 0, 745 * 60, 1, 0, 0);
    fill(&world, 30, 31, 1, 1, 0);
    fill(&world, 60, 61, 1, 1, 0);
    evaluate(&world);
    assert_int_equal(world.result.burn.valid, 32);
    assert_fraction(world.result.burn.bad, 2, 1);
    assert_int_equal(world.result.day_count, 31);
    assert_fraction(world.result.consumed, 1, 8);
    close_world(&world);
    open_world(&world, fields, "2026-10-31T23:01:00Z");
    assert_int_equal(world.span.until, world.span.from);
    evaluate(&world);
    assert_int_equal(world.result.burn.valid, 0);
    assert_int_equal(world.result.day_count, 0);
    close_world(&world);
}

/* The first minutes of 1970 were in the last quarter of 1969 in New York, and nothing was before. */
static void test_the_beginning_of_time(void **state)
{
    struct world world;

    (void)state;
    open_world(&world,
               "target: 99, method: occurrences, window: quarter, time_zone: America/New_York",
               "1970-01-01T00:05:00Z");
    evaluate(&world);
    assert_int_equal(world.span.from, -(92 * 24 - 5) * 60);
    assert_int_equal(world.span.to, 5 * 60);
    assert_int_equal(world.result.burn.valid, 0);
    close_world(&world);
}

/* The mean of slices: 1/2, 0 and 1/3 were lost of three slices, whatever their requests; a silent one counts by its rule. */
static void test_ratios_of_slices(void **state)
{
    struct world world;

    (void)state;
    open_world(&world,
               "target: 50, method: ratio_timeslices, slice: 10m, window: {rolling: 1h}, forecast: "
               "10m, unknown: {no_traffic: down, probe_down: exclude}, alerts: []",
               "2026-10-15T12:00:00Z");
    for (size_t i = 0; i < world.series.count; i++) {
        world.minutes[i].silence = GRADE_PROBE_DOWN;
    }
    fill(&world, 0, 10, 1, 0, 0);
    fill(&world, 5, 10, 1, 1, 0);
    fill(&world, 10, 20, 1000000, 0, 1000000);
    fill(&world, 25, 26, 3, 1, 0);
    evaluate(&world);
    assert_int_equal(world.result.burn.valid, 3);
    assert_fraction(world.result.burn.bad, 5, 6);
    assert_fraction(world.result.good, 13, 18);
    assert_fraction(world.result.burn.rate, 5, 9);
    assert_fraction(world.result.recent.rate, 1, 1);
    fill(&world, 30, 40, 0, 0, 0);
    evaluate(&world);
    assert_int_equal(world.result.burn.valid, 4);
    assert_fraction(world.result.burn.bad, 11, 6);
    close_world(&world);
}

/* As many requests as a store can hold and as many decimals as a file can have; one request more is refused. */
static void test_bounds(void **state)
{
    struct world world;
    struct err err = ERR_INIT;

    (void)state;
    open_world(&world,
               "target: 99.9999999999999999, method: request_ratio, degraded_weight: "
               "0.99999999999999999, window: year, time_zone: UTC",
               "2028-12-30T23:59:00Z");
    fill(&world, 0, 1, INT64_MAX - 7, 1, INT64_MAX / 999983);
    fill(&world, 7, 8, 7, 3, 4);
    evaluate(&world);
    assert_int_equal(world.result.outlook, SLO_EXHAUSTED);
    fill(&world, 0, 1, INT64_MAX - 7, 1, 0);
    fill(&world, 7, 8, 7, 0, 0);
    evaluate(&world);
    assert_true(fraction_sign(world.result.left) > 0);
    fill(&world, 7, 8, 8, 0, 0);
    assert_int_equal(
        slo_evaluate(world.slo, &world.span, &world.series, &world.arena, &world.result, &err),
        ERR_DATA);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_factors),
        cmocka_unit_test(test_default_rules),
        cmocka_unit_test(test_strictly_above),
        cmocka_unit_test(test_month_so_far),
        cmocka_unit_test(test_the_end_of_the_month),
        cmocka_unit_test(test_rolling_outlook),
        cmocka_unit_test(test_slow_requests),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_slices_of_a_month),
        cmocka_unit_test(test_the_beginning_of_time),
        cmocka_unit_test(test_ratios_of_slices),
        cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
