/* Stretches: hand-derived ones. test_stretch_random.c has random months. */
#include "stretches.h"

static void assert_exact(struct rational value, const char *expected)
{
    struct arena arena = ARENA_INIT;

    assert_figure(fraction_of(&arena, value), expected);
    arena_release(&arena);
}

/* One stretch, by its place in the list: where it lies from the start of the month and what became of it. */
static void assert_stretch(const struct fixture *fixture, const struct stretches *stretches,
                           size_t index, int64_t at_s, int64_t length_s, enum stretch_fate fate,
                           enum stretch_rule rule, const char *lost, const char *cost)
{
    const struct stretch *stretch = &stretches->items[index];

    assert_true(index < stretches->count);
    assert_int_equal(stretch->from_ns / NS_PER_SECOND - fixture->from_s, at_s);
    assert_int_equal((stretch->to_ns - stretch->from_ns) / NS_PER_SECOND, length_s);
    assert_string_equal(stretch_fate_name(stretch->fate), stretch_fate_name(fate));
    assert_string_equal(stretch_rule_name(stretch->rule), stretch_rule_name(rule));
    assert_exact(stretch->lost, lost);
    assert_exact(stretch->cost, cost);
}

static void test_an_outage_of_two_grades_is_one_group(void **state)
{
    struct fixture fixture;
    struct stretches stretches;

    (void)state;
    fixture_init(&fixture, "UTC", 2026, 10);
    add_state(&fixture, 0, 0, 1000, GRADE_OPERATIONAL);
    add_state(&fixture, 0, 1000, 600, GRADE_DEGRADED);
    add_state(&fixture, 0, 1600, 60, GRADE_MAJOR);
    add_rest(&fixture, 0, GRADE_OPERATIONAL);
    stretches = find(&fixture);
    assert_int_equal(stretches.count, 2);
    assert_stretch(&fixture, &stretches, 0, 1000, 600, STRETCH_COUNTED, RULE_WEIGHT, "150", "150");
    assert_stretch(&fixture, &stretches, 1, 1600, 60, STRETCH_COUNTED, RULE_WEIGHT, "60", "60");
    assert_int_equal(stretches.group_count, 1);
    assert_ptr_equal(stretches.groups[0].incident, &fixture.result.incidents[0]);
    assert_figure(stretches.groups[0].cost, "210");
    assert_figure(stretches.cost, "210");
    assert_string_equal(stretch_rule_text(&fixture.arena, &fixture.result, &stretches.items[0]),
                        "weight 0.25");
    fixture_release(&fixture);
}

/* An announced window from 1,200 to 1,500: the outage counts before and after it. */
static void test_maintenance_cuts_an_outage(void **state)
{
    struct fixture fixture;
    struct stretches stretches;

    (void)state;
    fixture_init(&fixture, "UTC", 2026, 10);
    one_outage(&fixture, 0, 1000, 600, GRADE_MAJOR);
    announce(&fixture, "api", 1200, 300, 3600);
    stretches = find(&fixture);
    assert_int_equal(stretches.count, 3);
    assert_stretch(&fixture, &stretches, 0, 1000, 200, STRETCH_COUNTED, RULE_WEIGHT, "200", "200");
    assert_stretch(&fixture, &stretches, 1, 1200, 300, STRETCH_EXCLUDED, RULE_MAINTENANCE, "0",
                   "0");
    assert_stretch(&fixture, &stretches, 2, 1500, 100, STRETCH_COUNTED, RULE_WEIGHT, "100", "100");
    assert_int_equal(stretches.group_count, 1);
    fixture.contract.maintenance.excluded = EXCLUDED_FORGIVE;
    stretches = find(&fixture);
    assert_stretch(&fixture, &stretches, 1, 1200, 300, STRETCH_NOT_COUNTED, RULE_MAINTENANCE, "0",
                   "0");
    fixture_release(&fixture);
}

/* Ten minutes out, one minute up, five out; and an outage of a minute elsewhere. */
static void test_short_times_take_what_is_around_them(void **state)
{
    struct fixture fixture;
    struct stretches stretches;

    (void)state;
    fixture_init(&fixture, "UTC", 2026, 10);
    fixture.contract.availability.absorb_ns = 60 * NS_PER_SECOND;
    add_state(&fixture, 0, 0, 6000, GRADE_OPERATIONAL);
    add_state(&fixture, 0, 6000, 600, GRADE_MAJOR);
    add_state(&fixture, 0, 6600, 60, GRADE_OPERATIONAL);
    add_state(&fixture, 0, 6660, 300, GRADE_MAJOR);
    add_state(&fixture, 0, 6960, 6000, GRADE_OPERATIONAL);
    add_state(&fixture, 0, 12960, 60, GRADE_MAJOR);
    add_rest(&fixture, 0, GRADE_OPERATIONAL);
    stretches = find(&fixture);
    assert_int_equal(stretches.count, 4);
    assert_stretch(&fixture, &stretches, 0, 6000, 600, STRETCH_COUNTED, RULE_WEIGHT, "600", "600");
    assert_stretch(&fixture, &stretches, 1, 6600, 60, STRETCH_COUNTED, RULE_ABSORBED, "60", "60");
    assert_stretch(&fixture, &stretches, 2, 6660, 300, STRETCH_COUNTED, RULE_WEIGHT, "300", "300");
    assert_stretch(&fixture, &stretches, 3, 12960, 60, STRETCH_NOT_COUNTED, RULE_TOO_SHORT, "0",
                   "0");
    assert_figure(stretches.cost, "960");
    fixture_release(&fixture);
}

static void test_unknown_time_by_the_rules_of_the_contract(void **state)
{
    struct fixture fixture;
    struct stretches stretches;

    (void)state;
    fixture_init(&fixture, "UTC", 2026, 10);
    add_state(&fixture, 0, 0, 100, GRADE_NOT_PROVISIONED);
    add_state(&fixture, 0, 100, 200, GRADE_NO_TRAFFIC);
    add_state(&fixture, 0, 300, 300, GRADE_PIPELINE_GAP);
    add_rest(&fixture, 0, GRADE_OPERATIONAL);
    stretches = find(&fixture);
    assert_int_equal(stretches.count, 3);
    assert_stretch(&fixture, &stretches, 0, 0, 100, STRETCH_EXCLUDED, RULE_UNKNOWN_EXCLUDE, "0",
                   "0");
    assert_stretch(&fixture, &stretches, 1, 100, 200, STRETCH_NOT_COUNTED, RULE_UNKNOWN_UP, "0",
                   "0");
    assert_stretch(&fixture, &stretches, 2, 300, 300, STRETCH_COUNTED, RULE_UNKNOWN_DOWN, "300",
                   "300");
    /* What costs most comes first, then what is longest. */
    assert_int_equal(stretches.group_count, 3);
    assert_int_equal(stretches.groups[0].first, 2);
    assert_int_equal(stretches.groups[1].first, 1);
    assert_null(stretches.groups[0].incident);
    fixture_release(&fixture);
}

/* api is out from 1,000 to 2,000, web from 1,500 to 2,500. */
static void two_outages(struct fixture *fixture, enum pool pool)
{
    fixture_init(fixture, "UTC", 2026, 10);
    fixture->names[1] = STR("web");
    fixture->contract.service_count = 2;
    fixture->contract.availability.pool = pool;
    one_outage(fixture, 0, 1000, 1000, GRADE_MAJOR);
    one_outage(fixture, 1, 1500, 1000, GRADE_MAJOR);
}

static void test_what_a_pool_makes_of_two_outages(void **state)
{
    static const struct {
        enum pool pool;
        const char *first, *second; /* what they cost */
        enum stretch_fate first_fate, second_fate;
    } rows[] = {
        {POOL_SUM, "1,000", "1,000", STRETCH_COUNTED, STRETCH_COUNTED},
        /* the worst of equals is the first */
        {POOL_PER_SERVICE, "1,000", "0", STRETCH_COUNTED, STRETCH_OUTVOTED},
        /* 1,500 to 2,000 is counted once, with api */
        {POOL_ALL_REQUIRED, "1,000", "500", STRETCH_COUNTED, STRETCH_COUNTED},
        /* only while both are out */
        {POOL_ANY_ENOUGH, "500", "0", STRETCH_COUNTED, STRETCH_OUTVOTED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct fixture fixture;
        struct stretches stretches;

        two_outages(&fixture, rows[i].pool);
        stretches = find(&fixture);
        assert_int_equal(stretches.count, 2);
        assert_stretch(&fixture, &stretches, 0, 1000, 1000, rows[i].first_fate, RULE_WEIGHT,
                       "1,000", rows[i].first);
        assert_stretch(&fixture, &stretches, 1, 1500, 1000, rows[i].second_fate, RULE_WEIGHT,
                       "1,000", rows[i].second);
        assert_figure(stretches.rest, "0");
        assert_figure(stretches_lost(&stretches, 1), "1,000");
        fixture_release(&fixture);
    }
}

/* Errors in good minutes of two days, in a degraded time, and in a gap that is ruled down. */
static void test_requests_are_told_by_day(void **state)
{
    struct fixture fixture;
    struct stretches stretches;

    (void)state;
    fixture_init(&fixture, "UTC", 2026, 10);
    fixture.contract.availability.method = METHOD_REQUEST_RATIO;
    fixture.contract.availability.degraded_weight = decimal("0.5");
    add_state(&fixture, 0, 0, 2 * DAY, GRADE_OPERATIONAL);
    add_state(&fixture, 0, 2 * DAY, 120, GRADE_DEGRADED);
    add_state(&fixture, 0, 2 * DAY + 120, 60, GRADE_PIPELINE_GAP);
    add_rest(&fixture, 0, GRADE_OPERATIONAL);
    count_requests(&fixture, 0, 10, 100, 0, 0);
    count_requests(&fixture, 0, 20, 100, 1, 0);
    count_requests(&fixture, 0, 30, 100, 0, 3);
    count_requests(&fixture, 0, 1440, 100, 2, 0);
    count_requests(&fixture, 0, 2880, 100, 4, 0);
    count_requests(&fixture, 0, 2882, 7, 0, 0);
    stretches = find(&fixture);
    assert_int_equal(stretches.count, 4);
    /* from minute 20 up to the end of minute 30 */
    assert_stretch(&fixture, &stretches, 0, 1200, 660, STRETCH_COUNTED, RULE_REQUESTS, "2.5",
                   "2.5");
    assert_int_equal(stretches.items[0].loss_minutes, 2);
    assert_stretch(&fixture, &stretches, 1, DAY, 60, STRETCH_COUNTED, RULE_REQUESTS, "2", "2");
    assert_stretch(&fixture, &stretches, 2, 2 * DAY, 120, STRETCH_COUNTED, RULE_REQUESTS, "4", "4");
    assert_stretch(&fixture, &stretches, 3, 2 * DAY + 120, 60, STRETCH_COUNTED, RULE_UNKNOWN_DOWN,
                   "7", "7");
    assert_figure(stretches.rest, "0");
    fixture_release(&fixture);
}

/* Slices of five minutes from the start of the month; the second and the third are bad, though their minutes were graded otherwise. */
static void test_a_lost_slice_is_lost_as_a_whole(void **state)
{
    struct fixture fixture;
    struct stretches stretches;

    (void)state;
    fixture_init(&fixture, "UTC", 2026, 10);
    fixture.contract.availability.method = METHOD_TIME_SLICES;
    fixture.contract.availability.slice_s = 300;
    fixture.contract.availability.max_error_ratio = (struct limit){true, decimal("0.1")};
    add_state(&fixture, 0, 0, 420, GRADE_OPERATIONAL);
    add_state(&fixture, 0, 420, 60, GRADE_PARTIAL);
    add_rest(&fixture, 0, GRADE_OPERATIONAL);
    count_requests(&fixture, 0, 1, 10, 1, 0); /* exactly the limit: good */
    count_requests(&fixture, 0, 7, 10, 2, 0);
    count_requests(&fixture, 0, 11, 10, 2, 0);
    stretches = find(&fixture);
    assert_stretch(&fixture, &stretches, 0, 300, 600, STRETCH_COUNTED, RULE_METHOD, "2", "2");
    assert_int_equal(stretches.items[0].raw, GRADE_PARTIAL);
    assert_int_equal(stretches.items[0].class, TIME_MAJOR);
    assert_figure(stretches.cost, "2");
    fixture_release(&fixture);
}

/* One of three failed, then one of seven: the interval loses its ratio. */
static void test_intervals_lose_their_ratio(void **state)
{
    struct fixture fixture;
    struct stretches stretches;

    (void)state;
    fixture_init(&fixture, "UTC", 2026, 10);
    fixture.contract.availability.method = METHOD_MEAN_INTERVAL_ERRORS;
    fixture.contract.availability.slice_s = 300;
    add_rest(&fixture, 0, GRADE_OPERATIONAL);
    for (int64_t minute = 0; minute < 20; minute++) {
        count_requests(&fixture, 0, minute, minute < 5 ? 3 : 7, minute < 10 && minute % 5 == 0, 0);
    }
    stretches = find(&fixture);
    assert_int_equal(stretches.groups[0].first, 0);
    /* 1 of 15, 1 of 35 */
    assert_int_equal(rational_compare(stretches.items[0].cost, rational_make(1, 15)), 0);
    assert_int_equal(rational_compare(stretches.items[1].cost, rational_make(1, 35)), 0);
    assert_int_equal(stretches.items[0].to_ns - stretches.items[0].from_ns, 300 * NS_PER_SECOND);
    assert_int_equal(fraction_sign(stretches.rest), 0);
    fixture_release(&fixture);
}

/* The second level: too many slow requests in one slice of two services, and each pool's word on it. */
static void test_the_level_latency_has_its_own_stretches(void **state)
{
    struct fixture fixture;
    struct stretches stretches;

    (void)state;
    two_outages(&fixture, POOL_ANY_ENOUGH);
    fixture.contract.latency = (struct latency_terms){
        .present = true, .target = percent("99"), .max_slow_ratio = decimal("0.1"), .slice_s = 300};
    count_requests(&fixture, 0, 100, 10, 0, 5);
    count_requests(&fixture, 1, 100, 10, 0, 1); /* exactly the limit */
    count_requests(&fixture, 0, 200, 10, 0, 5);
    count_requests(&fixture, 1, 200, 10, 0, 2);
    stretches = find_level(&fixture, LEVEL_LATENCY);
    assert_figure(stretches_lost(&stretches, 0), "2");
    assert_figure(stretches_lost(&stretches, 1), "1");
    assert_figure(stretches.cost, "1"); /* only where both were slow */
    assert_int_equal(stretches.items[stretches.groups[0].first].from_ns / NS_PER_SECOND,
                     fixture.from_s + 200 * 60);
    assert_figure(find(&fixture).cost, "500"); /* availability is as it was */
    fixture_release(&fixture);
}

/* Valid from the tenth on, the rest deemed up: trouble before is no loss, but it is told. */
static void test_trouble_outside_of_the_contract(void **state)
{
    struct fixture fixture;
    struct stretches stretches;

    (void)state;
    fixture_init(&fixture, "UTC", 2026, 10);
    fixture.contract.valid_from_s = fixture.from_s + 9 * DAY;
    fixture.contract.partial_period = PARTIAL_DEEMED_UP;
    one_outage(&fixture, 0, 8 * DAY, 2 * DAY, GRADE_MAJOR);
    stretches = find(&fixture);
    assert_int_equal(stretches.count, 2);
    assert_stretch(&fixture, &stretches, 0, 8 * DAY, DAY, STRETCH_NOT_COUNTED, RULE_OUTSIDE, "0",
                   "0");
    assert_stretch(&fixture, &stretches, 1, 9 * DAY, DAY, STRETCH_COUNTED, RULE_WEIGHT, "86,400",
                   "86,400");
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_outage_of_two_grades_is_one_group),
        cmocka_unit_test(test_maintenance_cuts_an_outage),
        cmocka_unit_test(test_short_times_take_what_is_around_them),
        cmocka_unit_test(test_unknown_time_by_the_rules_of_the_contract),
        cmocka_unit_test(test_what_a_pool_makes_of_two_outages),
        cmocka_unit_test(test_requests_are_told_by_day),
        cmocka_unit_test(test_a_lost_slice_is_lost_as_a_whole),
        cmocka_unit_test(test_intervals_lose_their_ratio),
        cmocka_unit_test(test_the_level_latency_has_its_own_stretches),
        cmocka_unit_test(test_trouble_outside_of_the_contract),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
