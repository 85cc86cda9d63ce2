/* Method request_ratio and the steps of a credit: hand-derived values. */
#include "fixture.h"

static void ratio(struct fixture *fixture)
{
    fixture_init(fixture, "UTC", 2026, 10);
    fixture->contract.availability.method = METHOD_REQUEST_RATIO;
    add_rest(fixture, 0, GRADE_OPERATIONAL);
}

static void test_good_requests_over_valid_ones(void **state)
{
    struct fixture fixture;

    (void)state;
    ratio(&fixture);
    count_requests(&fixture, 0, 0, 1500, 1, 400); /* slow requests are good */
    count_requests(&fixture, 0, 7, 500, 0, 0);
    compute(&fixture);
    assert_figure(top(&fixture)->lost, "1");
    assert_figure(top(&fixture)->measure.valid, "2,000");
    assert_true(fixture.result.verdicts.met); /* 1999/2000 is exactly 99.95 % */
    assert_int_equal(top(&fixture)->measure.seconds[TIME_UP], 2678400);
    fixture_release(&fixture);
}

static void test_slow_requests_lose_their_weight(void **state)
{
    struct fixture fixture;

    (void)state;
    ratio(&fixture);
    fixture.contract.availability.degraded_weight = decimal("0.25");
    count_requests(&fixture, 0, 0, 1000, 3, 10);
    compute(&fixture);
    assert_figure(top(&fixture)->lost, "5.5");
    fixture_release(&fixture);
}

/* A minute counts where it starts; counts outside the period are somebody else's. */
static void test_minutes_of_the_period(void **state)
{
    struct fixture fixture;

    (void)state;
    ratio(&fixture);
    count_requests(&fixture, 0, -1, 10, 10, 0);
    count_requests(&fixture, 0, 0, 100, 0, 0);
    count_requests(&fixture, 0, 44639, 100, 1, 0);
    count_requests(&fixture, 0, 44640, 10, 10, 0);
    compute(&fixture);
    assert_figure(top(&fixture)->lost, "1");
    assert_figure(top(&fixture)->measure.valid, "200");
    assert_int_equal(fixture.result.services[0].requests.total, 200);
    fixture_release(&fixture);
}

/* Window from minute 10 to 13 less one second: minutes 10 and 11 are wholly covered. */
static void test_covered_minutes_that_lost_something(void **state)
{
    static const struct {
        enum excluded_rule rule;
        const char *lost, *valid;
        int64_t maintenance_s;
    } rows[] = {
        {EXCLUDED_REMOVE, "20", "300",
         60}, /* minute 10 is taken out whole; 11 lost nothing and stays */
        {EXCLUDED_FORGIVE, "20", "400", 60},
        {EXCLUDED_NONE, "60", "400", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct fixture fixture;

        ratio(&fixture);
        fixture.contract.maintenance.excluded = rows[i].rule;
        announce(&fixture, "api", 600, 179, 60);
        count_requests(&fixture, 0, 9, 100, 10, 0);
        count_requests(&fixture, 0, 10, 100, 40, 0);
        count_requests(&fixture, 0, 11, 100, 0, 0);
        count_requests(&fixture, 0, 12, 100, 10, 0);
        compute(&fixture);
        assert_figure(top(&fixture)->lost, rows[i].lost);
        assert_figure(top(&fixture)->measure.valid, rows[i].valid);
        assert_int_equal(top(&fixture)->measure.seconds[TIME_MAINTENANCE], rows[i].maintenance_s);
        fixture_release(&fixture);
    }
}

/* An announced outage of ten minutes in which one minute had requests: it is maintenance as a whole, but for the minute that the
 * window covers only in part; up time under the window stays up. */
static void test_announced_outage_without_requests(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, "UTC", 2026, 10);
    fixture.contract.availability.method = METHOD_REQUEST_RATIO;
    fixture.contract.maintenance.excluded = EXCLUDED_FORGIVE;
    one_outage(&fixture, 0, 600, 600, GRADE_MAJOR);
    announce(&fixture, "api", 540, 630, 60); /* from minute 9 into the middle of minute 19 */
    count_requests(&fixture, 0, 12, 100, 100, 0);
    count_requests(&fixture, 0, 30, 100, 0, 0);
    compute(&fixture);
    assert_figure(top(&fixture)->lost, "0");
    assert_figure(top(&fixture)->measure.valid, "200");
    assert_int_equal(top(&fixture)->measure.seconds[TIME_MAINTENANCE], 540);
    assert_int_equal(top(&fixture)->measure.seconds[TIME_MAJOR], 60);
    fixture_release(&fixture);
}

/* A minute that is known to be unknown overrides its counts. */
static void test_unknown_minutes(void **state)
{
    static const struct {
        enum unknown_rule rule;
        const char *lost, *valid;
    } rows[] = {
        {UNKNOWN_EXCLUDE, "1", "100"},
        {UNKNOWN_UP, "1", "150"},
        {UNKNOWN_DOWN, "51", "150"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct fixture fixture;

        fixture_init(&fixture, "UTC", 2026, 10);
        fixture.contract.availability.method = METHOD_REQUEST_RATIO;
        fixture.contract.availability.unknown[GRADE_PIPELINE_GAP] = rows[i].rule;
        one_outage(&fixture, 0, 600, 60, GRADE_PIPELINE_GAP);
        count_requests(&fixture, 0, 9, 100, 1, 0);
        count_requests(&fixture, 0, 10, 50, 20, 0);
        compute(&fixture);
        assert_figure(top(&fixture)->lost, rows[i].lost);
        assert_figure(top(&fixture)->measure.valid, rows[i].valid);
        assert_int_equal(top(&fixture)->measure.seconds[TIME_PIPELINE_GAP], 60);
        fixture_release(&fixture);
    }
}

static void test_pools_of_requests(void **state)
{
    struct fixture fixture;

    (void)state;
    for (int pool = POOL_PER_SERVICE; pool <= POOL_SUM; pool++) {
        ratio(&fixture);
        fixture.contract.service_count = 3;
        fixture.contract.availability.pool = (enum pool)pool;
        fixture.names[1] = STR("b");
        fixture.names[2] = STR("idle");
        add_rest(&fixture, 1, GRADE_OPERATIONAL);
        add_rest(&fixture, 2, GRADE_NO_TRAFFIC);
        count_requests(&fixture, 0, 1, 1000, 1, 0);
        count_requests(&fixture, 1, 1, 10, 1, 0);
        compute(&fixture);
        assert_figure(top(&fixture)->lost, pool == POOL_SUM ? "2" : "1");
        assert_figure(top(&fixture)->measure.valid, pool == POOL_SUM ? "1,010" : "10");
        fixture_release(&fixture);
    }
}

static void test_no_requests_at_all(void **state)
{
    struct fixture fixture;

    (void)state;
    ratio(&fixture);
    compute(&fixture);
    assert_false(fixture.result.verdicts.known);
    assert_null(top(&fixture)->tier);
    fixture_release(&fixture);
}

/* Fee, percent and what they come to, in the minor unit. One of two requests fails: below every tier. */
static void test_credit_steps(void **state)
{
    static const struct {
        const char *what, *currency, *fee, *percent, *minimum, *cap;
        enum rounding rounding;
        int64_t minor;
    } rows[] = {
        {"12.345 EUR: half to even is down", "EUR", "123.45", "10", NULL, NULL, ROUND_HALF_EVEN,
         1234},
        {"12.345 EUR: half up", "EUR", "123.45", "10", NULL, NULL, ROUND_HALF_UP, 1235},
        {"12.355 EUR: half to even is up", "EUR", "123.55", "10", NULL, NULL, ROUND_HALF_EVEN,
         1236},
        {"yen have no minor unit: 2.5", "JPY", "25", "10", NULL, NULL, ROUND_HALF_EVEN, 2},
        {"2.5 yen half up", "JPY", "25", "10", NULL, NULL, ROUND_HALF_UP, 3},
        {"dinars have three digits: 1.0005", "KWD", "10.005", "10", NULL, NULL, ROUND_HALF_EVEN,
         1000},
        {"1.0005 dinars half up", "KWD", "10.005", "10", NULL, NULL, ROUND_HALF_UP, 1001},
        {"exactly the minimum is not more than it", "EUR", "10.00", "10", "1.00", NULL,
         ROUND_HALF_EVEN, 0},
        {"1.001 is, though it rounds to 1.00", "EUR", "10.01", "10", "1.00", NULL, ROUND_HALF_EVEN,
         100},
        {"the cap of 5 %", "EUR", "1000.00", "10", NULL, "5", ROUND_HALF_EVEN, 5000},
        {"the minimum looks at the amount before the cap", "EUR", "10.00", "50", "1.00", "10",
         ROUND_HALF_EVEN, 100},
        {"a cap that is not reached", "EUR", "1000.00", "10", NULL, "10", ROUND_HALF_EVEN, 10000},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct fixture fixture;
        struct credit_terms *terms = &fixture.contract.credits;

        ratio(&fixture);
        count_requests(&fixture, 0, 0, 2, 1, 0);
        fixture.contract.currency = currency_find(STR(rows[i].currency));
        fixture.contract.fee = decimal(rows[i].fee);
        fixture.tiers[0].value = percent("1");
        fixture.tiers[1].value = percent(rows[i].percent); /* tiers replace each other */
        terms->rounding = rows[i].rounding;
        terms->has_minimum = rows[i].minimum != NULL;
        terms->has_cap = rows[i].cap != NULL;
        if (terms->has_minimum) {
            terms->minimum_more_than = decimal(rows[i].minimum);
        }
        if (terms->has_cap) {
            terms->cap = percent(rows[i].cap);
        }
        compute(&fixture);
        print_message("%s\n", rows[i].what);
        assert_ptr_equal(top(&fixture)->tier, &fixture.tiers[1]);
        assert_int_equal(top(&fixture)->credit.amount_minor, rows[i].minor);
        fixture_release(&fixture);
    }
}

/* 9,999,999 of 10,000,000 at 3 digits is 99.999, not 100; 100 only for all. */
static void test_display_floors(void **state)
{
    struct arena arena = ARENA_INIT;

    (void)state;
    assert_string_equal(
        wording_percent_floor(&arena, fraction_of(&arena, rational_make(9999999, 10000000)), 3),
        "99.999");
    assert_string_equal(
        wording_percent_floor(&arena, fraction_of(&arena, rational_make(9999999, 10000000)), 0),
        "99");
    assert_string_equal(wording_percent_floor(&arena, fraction_of(&arena, rational_make(1, 1)), 3),
                        "100.000");
    assert_string_equal(
        wording_percent_floor(&arena, fraction_of(&arena, rational_make(99949, 100000)), 1),
        "99.9");
    assert_string_equal(wording_number(&arena, fraction_of(&arena, rational_make(26784005, 10))),
                        "2,678,400.5");
    assert_string_equal(wording_number(&arena, fraction_of(&arena, rational_make(999, 1))), "999");
    assert_string_equal(wording_duration(&arena, 93784), "1 d 2 h 3 min 4 s");
    assert_string_equal(wording_duration(&arena, 0), "0 s");
    arena_release(&arena);
}

/* The period begins at second 48 of a minute that maintenance covers: its requests are of the time before, its last 12 seconds are maintenance. */
static void test_a_minute_on_the_border_is_booked_by_the_second(void **state)
{
    struct fixture fixture;

    (void)state;
    ratio(&fixture);
    count_requests(&fixture, 0, 0, 100, 10, 0);
    count_requests(&fixture, 0, 5, 100, 0, 0);
    announce(&fixture, "api", 0, 60, 60);
    fixture.from_s += 48;
    compute(&fixture);
    assert_figure(top(&fixture)->lost, "0");
    assert_figure(top(&fixture)->measure.valid, "100");
    assert_int_equal(top(&fixture)->measure.seconds[TIME_MAINTENANCE], 12);
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_minute_on_the_border_is_booked_by_the_second),
        cmocka_unit_test(test_good_requests_over_valid_ones),
        cmocka_unit_test(test_slow_requests_lose_their_weight),
        cmocka_unit_test(test_minutes_of_the_period),
        cmocka_unit_test(test_covered_minutes_that_lost_something),
        cmocka_unit_test(test_announced_outage_without_requests),
        cmocka_unit_test(test_unknown_minutes),
        cmocka_unit_test(test_pools_of_requests),
        cmocka_unit_test(test_no_requests_at_all),
        cmocka_unit_test(test_credit_steps),
        cmocka_unit_test(test_display_floors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
