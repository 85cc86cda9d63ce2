/* Methods on counts over real periods: months where clocks change, runs across midnight and the borders of months, borders of tiers, context. */
#include "picture.h"

static void bad_minutes(struct fixture *fixture, const char *zone, int year, int month)
{
    fixture_init(fixture, zone, year, month);
    fixture->contract.availability.method = METHOD_BAD_MINUTE_RUNS;
    fixture->contract.availability.all_failed = true;
    fixture->contract.availability.min_run_ns = 10 * NS_PER_MINUTE;
}

static void all_fail(struct fixture *fixture, int64_t minute, int count)
{
    for (int i = 0; i < count; i++) {
        count_requests(fixture, 0, minute + i, 10, 10, 0);
    }
}

/*
 * A run of ten minutes, five of them before the month; one of twelve around the first local midnight; one of ten of which three lie behind the month:
 * 5 + 12 + 7 = 24 minutes lost. The length is that of the calendar: 31 d x 1,440 less or more the hour, or half hour, of the change.
 */
static void test_months(void **state)
{
    static const struct {
        const char *zone;
        int year, month;
        int64_t minutes;
        int64_t midnight; /* minute of the second local day */
    } rows[] = {
        {"Europe/Berlin", 2026, 3, 743 * 60, 1440},
        {"Europe/Berlin", 2026, 10, 745 * 60, 1440},
        {"America/New_York", 2026, 3, 743 * 60, 1440},
        {"America/New_York", 2026, 11, 721 * 60, 1500}, /* the clock goes back on the first */
        {"Australia/Lord_Howe", 2026, 4, 720 * 60 + 30, 1440},
        {"Australia/Lord_Howe", 2026, 10, 743 * 60 + 30, 1440},
        {"UTC", 2028, 2, 29 * 1440, 1440},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct fixture fixture;
        char valid[32], good[32];
        const struct service_result *service;

        bad_minutes(&fixture, rows[i].zone, rows[i].year, rows[i].month);
        all_fail(&fixture, -5, 10);
        all_fail(&fixture, rows[i].midnight - 6, 12);
        all_fail(&fixture, rows[i].minutes - 7, 10);
        add_rest(&fixture, 0, GRADE_OPERATIONAL);
        compute(&fixture);
        snprintf(valid, sizeof(valid), "%lld", (long long)rows[i].minutes * 60);
        snprintf(good, sizeof(good), "%lld", (long long)(rows[i].minutes - 24) * 60);
        print_message("%s %d-%02d\n", rows[i].zone, rows[i].year, rows[i].month);
        assert_fraction(top(&fixture)->measure.valid, valid);
        assert_fraction(top(&fixture)->measure.good, good);
        service = &fixture.result.services[0];
        assert_int_equal(service->days[0].seconds[TIME_MAJOR], (5 + 6) * 60);
        assert_int_equal(service->days[1].seconds[TIME_MAJOR], 6 * 60);
        assert_int_equal(service->days[service->day_count - 1].seconds[TIME_MAJOR], 7 * 60);
        fixture_release(&fixture);
    }
}

/* 0.1 % of 44,640 minutes are 44.64. */
static void test_44_and_45_bad_minutes(void **state)
{
    (void)state;
    for (int minutes = 44; minutes <= 45; minutes++) {
        struct fixture fixture;

        bad_minutes(&fixture, "UTC", 2026, 10);
        fixture.contract.availability.target = percent("99.9");
        fixture.tiers[0].below = percent("99.9");
        all_fail(&fixture, 1000, minutes);
        compute(&fixture);
        assert_int_equal(top(&fixture)->met, minutes == 44);
        assert_int_equal(top(&fixture)->tier == NULL, minutes == 44);
        assert_figure(top(&fixture)->borders[0].allowed, "2,678.4");
        assert_figure(top(&fixture)->lost, minutes == 44 ? "2,640" : "2,700");
        fixture_release(&fixture);
    }
}

/* Slices of an hour: Lord Howe's April has 720 and one of half an hour, its October 743 and one; Berlin's March 743. One is bad: which one, does not matter. */
static void test_slices_of_an_hour(void **state)
{
    static const struct {
        const char *zone;
        int month;
        int64_t slices;
    } rows[] = {
        {"Australia/Lord_Howe", 4, 721},
        {"Australia/Lord_Howe", 10, 744},
        {"Europe/Berlin", 3, 743},
        {"Europe/Berlin", 10, 745},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct fixture fixture;
        char good[32], valid[32];

        fixture_init(&fixture, rows[i].zone, 2026, rows[i].month);
        fixture.contract.availability.method = METHOD_TIME_SLICES;
        fixture.contract.availability.slice_s = 3600;
        fixture.contract.availability.max_error_ratio = (struct limit){true, {1, 2}};
        all_fail(&fixture, (fixture.to_s - fixture.from_s) / 60 - 1, 1);
        compute(&fixture);
        snprintf(good, sizeof(good), "%lld", (long long)rows[i].slices - 1);
        snprintf(valid, sizeof(valid), "%lld", (long long)rows[i].slices);
        assert_fraction(top(&fixture)->measure.good, good);
        assert_fraction(top(&fixture)->measure.valid, valid);
        assert_int_equal(top(&fixture)->measure.seconds[TIME_MAJOR],
                         (fixture.to_s - fixture.from_s) % 3600 == 0 ? 3600 : 1800);
        fixture_release(&fixture);
    }
}

/* 20,000 slices of a minute at 99.95 %: 10 bad ones are the border exactly, 11 are below it. */
static void test_a_border_hit_exactly_by_slices(void **state)
{
    (void)state;
    for (int bad = 10; bad <= 11; bad++) {
        struct fixture fixture;

        fixture_init(&fixture, "UTC", 2026, 10);
        fixture.to_s = fixture.from_s + 20000 * 60;
        fixture.contract.availability.method = METHOD_TIME_SLICES;
        fixture.contract.availability.slice_s = 60;
        fixture.contract.availability.max_error_ratio = (struct limit){true, {1, 2}};
        all_fail(&fixture, 77, bad);
        compute(&fixture);
        assert_int_equal(top(&fixture)->met, bad == 10);
        assert_int_equal(top(&fixture)->tier == NULL, bad == 10);
        fixture_release(&fixture);
    }
}

/*
 * From second 30 to second 190: four minutes fail, and the first and the last belong to the period in part. Announced maintenance covers them wholly,
 * of which only 30 and 10 s lie in the period: 120 s are measured, and lost. A second less of it outside of the period excuses neither.
 */
static void test_minutes_on_the_border_of_the_period(void **state)
{
    (void)state;
    for (int less = 0; less <= 1; less++) {
        struct fixture fixture;

        bad_minutes(&fixture, "UTC", 2026, 10);
        fixture.contract.availability.min_run_ns = NS_PER_MINUTE;
        all_fail(&fixture, 0, 4);
        announce(&fixture, "api", less, 60 - less, 60);
        announce(&fixture, "api", 180, 60 - less, 60);
        fixture.to_s = fixture.from_s + 190;
        fixture.from_s += 30;
        compute(&fixture);
        assert_fraction(top(&fixture)->measure.good, "0");
        assert_fraction(top(&fixture)->measure.valid, less == 0 ? "120" : "160");
        assert_int_equal(top(&fixture)->measure.seconds[TIME_MAINTENANCE], less == 0 ? 40 : 0);
        fixture_release(&fixture);
    }
}

/*
 * Slices from second 30 on, three minutes each; everything fails. Maintenance covers the first one, [30, 210), and nothing more: its last minute, 3, is not
 * covered wholly, but the slice is. So one of two slices is taken out.
 */
static void test_a_slice_that_is_covered_but_not_its_minutes(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, "UTC", 2026, 10);
    fixture.contract.availability.method = METHOD_TIME_SLICES;
    fixture.contract.availability.slice_s = 180;
    fixture.contract.availability.max_error_ratio = (struct limit){true, {1, 2}};
    all_fail(&fixture, 0, 7);
    announce(&fixture, "api", 30, 180, 60);
    fixture.to_s = fixture.from_s + 390;
    fixture.from_s += 30;
    compute(&fixture);
    assert_fraction(top(&fixture)->measure.good, "0");
    assert_fraction(top(&fixture)->measure.valid, "1");
    assert_int_equal(top(&fixture)->measure.seconds[TIME_MAINTENANCE], 180);
    assert_int_equal(top(&fixture)->measure.seconds[TIME_MAJOR], 180);
    fixture_release(&fixture);
}

/* The contract holds from the 15th on, the rest is deemed up. Two windows of an hour, the first of them on the 2nd: a quota of one is used up by it. */
static void test_quota_of_a_period_that_is_deemed_up(void **state)
{
    (void)state;
    for (int windows = 1; windows <= 2; windows++) {
        struct fixture fixture;

        bad_minutes(&fixture, "UTC", 2026, 10);
        fixture.contract.valid_from_s = fixture.from_s + 14 * 86400;
        fixture.contract.partial_period = PARTIAL_DEEMED_UP;
        fixture.contract.maintenance.quota_windows = windows;
        announce(&fixture, "api", 86400, 3600, 60);
        announce(&fixture, "api", 20 * 86400, 3600, 60);
        all_fail(&fixture, 20 * 1440, 10);
        compute(&fixture);
        assert_int_equal(top(&fixture)->measure.seconds[TIME_MAINTENANCE], windows == 2 ? 600 : 0);
        assert_int_equal(top(&fixture)->measure.seconds[TIME_MAJOR], windows == 2 ? 0 : 600);
        fixture_release(&fixture);
    }
}

/* Two levels: the day has 1,440 good minutes but slow ones, so latency alone misses: 3 of 24 hours, and what it credits is paid. */
static void test_latency_beside_availability(void **state)
{
    struct fixture fixture;
    const struct level *latency;

    (void)state;
    bad_minutes(&fixture, "UTC", 2026, 10);
    fixture.to_s = fixture.from_s + 86400;
    fixture.contract.latency = (struct latency_terms){
        .present = true, .target = percent("90"), .max_slow_ratio = {1, 20}, .slice_s = 3600};
    for (int hour = 0; hour < 24; hour++) {
        count_requests(&fixture, 0, hour * 60 + 5, 100, 0, hour % 8 == 7 ? 6 : 5);
    }
    compute(&fixture);
    latency = &fixture.result.verdicts.levels[LEVEL_LATENCY];
    assert_int_equal(fixture.result.verdicts.level_count, 2);
    assert_true(top(&fixture)->met);
    assert_fraction(latency->measure.good, "21");
    assert_fraction(latency->measure.valid, "24");
    assert_false(latency->met);
    assert_false(fixture.result.verdicts.met);
    assert_int_equal(fixture.result.verdicts.paying, LEVEL_LATENCY);
    fixture_release(&fixture);
}

/* What is open at the end of a period is judged whole, so statements wait for it; and only for that. */
static void test_context(void **state)
{
    static const struct {
        enum sla_method method;
        enum min_requests_per per;
        int64_t min_run_ns, before_s, after_s;
    } rows[] = {
        {METHOD_TIME_SLICES, MIN_REQUESTS_PER_MINUTE, 60 * NS_PER_SECOND, 86400, 0},
        {METHOD_PROPORTIONAL, MIN_REQUESTS_PER_MINUTE, 0, 86400, 0},
        {METHOD_BAD_MINUTE_RUNS, MIN_REQUESTS_PER_MINUTE, 600 * NS_PER_SECOND, 86400 + 1200, 720},
        {METHOD_BAD_MINUTE_RUNS, MIN_REQUESTS_PER_RUN, 600 * NS_PER_SECOND, 86400 + 1200,
         86400 + 720},
        {METHOD_TOTAL_FAILURE_RUNS, MIN_REQUESTS_PER_MINUTE, 60 * NS_PER_SECOND, 86400 + 120,
         86400 + 180},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct contract contract = picture_contract();
        int64_t before_s, after_s;

        contract.availability.method = rows[i].method;
        contract.availability.min_requests_per = rows[i].per;
        contract.availability.min_run_ns = rows[i].min_run_ns;
        engine_context_s(&contract, &before_s, &after_s);
        assert_int_equal(before_s, rows[i].before_s);
        assert_int_equal(after_s, rows[i].after_s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_months),
        cmocka_unit_test(test_44_and_45_bad_minutes),
        cmocka_unit_test(test_slices_of_an_hour),
        cmocka_unit_test(test_a_border_hit_exactly_by_slices),
        cmocka_unit_test(test_minutes_on_the_border_of_the_period),
        cmocka_unit_test(test_a_slice_that_is_covered_but_not_its_minutes),
        cmocka_unit_test(test_quota_of_a_period_that_is_deemed_up),
        cmocka_unit_test(test_latency_beside_availability),
        cmocka_unit_test(test_context),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
