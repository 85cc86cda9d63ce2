/* Stretches: hand-derived ones, and over random months that they add up to what the engine lost, exactly. */
#include "fixture.h"

#include <time.h>

#include "base/random.h"
#include "jobs/statement/method.h"
#include "jobs/statement/stretch.h"

enum { DAY = 86400, RANDOM_MONTHS = 400 };

static struct stretches find(struct fixture *fixture)
{
    struct engine_input input = {.contract = &fixture->contract,
                                 .from_s = fixture->from_s,
                                 .to_s = fixture->to_s,
                                 .services = fixture->services,
                                 .service_count = fixture->contract.service_count,
                                 .announcements = fixture->announcements,
                                 .announcement_count = fixture->announcement_count};
    struct stretches stretches;

    compute(fixture);
    assert_true(fixture->valid);
    stretches_find(&input, &fixture->result, &fixture->arena, &stretches);
    return stretches;
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
    assert_rational(stretch->lost, lost);
    assert_rational(stretch->cost, cost);
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
    assert_rational(stretches.groups[0].cost, "210");
    assert_rational(stretches.cost, "210");
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
    assert_rational(stretches.cost, "960");
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
        assert_rational(stretches.rest, "0");
        assert_rational(stretches_lost(&stretches, 1), "1,000");
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
    assert_rational(stretches.rest, "0");
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

/* Random months. */

static int64_t below(struct random *random, int64_t bound)
{
    return (int64_t)random_below(random, (uint64_t)bound);
}

static void random_states(struct fixture *fixture, struct random *random, int service)
{
    int64_t month_s = fixture->to_s - fixture->from_s;
    int64_t at_s = 0;
    int64_t rows = below(random, ROWS_MAX - 2);

    for (int64_t i = 0; i < rows && at_s < month_s - 2 * DAY; i++) {
        /* Many short ones, some that last for hours, borders of days now and then. */
        int64_t minutes = below(random, 4) == 0 ? 1 + below(random, 1500) : 1 + below(random, 20);

        if (below(random, 5) == 0) {
            minutes = (DAY - at_s % DAY) / 60;
        }
        add_state(fixture, service, at_s, minutes * 60,
                  below(random, 3) == 0 ? (enum grade)below(random, GRADE_COUNT)
                                        : GRADE_OPERATIONAL);
        at_s += minutes * 60;
        if (below(random, 8) == 0) {
            at_s += 60 * below(random, 30); /* a hole in the states */
        }
    }
    if (below(random, 4) != 0) {
        add_state(fixture, service, at_s, month_s - at_s, GRADE_OPERATIONAL);
    }
}

static void random_counts(struct fixture *fixture, struct random *random, int service)
{
    int64_t minute = below(random, 50);

    for (int64_t i = below(random, ROWS_MAX); i > 0 && minute < 44640; i--) {
        int64_t total = below(random, 1000);
        int64_t errors = below(random, 3) == 0 ? below(random, total + 1) : 0;

        count_requests(fixture, service, minute, total, errors,
                       below(random, 2) == 0 ? below(random, total - errors + 1) : 0);
        minute += 1 + below(random, below(random, 3) == 0 ? 2000 : 5);
    }
}

static void random_contract(struct fixture *fixture, struct random *random)
{
    static const char *const weights[] = {"0", "0.1", "0.25", "0.333", "1"};
    struct contract *contract = &fixture->contract;
    bool requests = below(random, 2) == 0;

    contract->service_count = (size_t)(1 + below(random, SERVICES_MAX));
    contract->availability.method = requests ? METHOD_REQUEST_RATIO : METHOD_STATE_TIME;
    contract->availability.pool = contract->service_count == 1 ? POOL_NONE
                                  : requests ? (enum pool)(POOL_PER_SERVICE + below(random, 2))
                                             : (enum pool)(POOL_PER_SERVICE + below(random, 4));
    for (int g = GRADE_DEGRADED; g <= GRADE_MAJOR; g++) {
        contract->availability.weights[g] = decimal(weights[below(random, 5)]);
    }
    contract->availability.degraded_weight = decimal(weights[below(random, 5)]);
    for (int g = GRADE_MAJOR + 1; g < GRADE_COUNT; g++) {
        contract->availability.unknown[g] = (enum unknown_rule)below(random, 3);
    }
    contract->availability.absorb_ns = below(random, 3) * 60 * NS_PER_SECOND;
    contract->availability.min_outage_ns = below(random, 3) * 150 * NS_PER_SECOND;
    contract->maintenance.excluded = (enum excluded_rule)below(random, 3);
    if (below(random, 4) == 0) {
        contract->valid_from_s = fixture->from_s + DAY * below(random, 15);
        contract->valid_until_s = fixture->to_s - DAY * below(random, 10);
        contract->partial_period = (enum partial_period)below(random, 2);
    }
}

static void random_month(struct fixture *fixture, struct random *random)
{
    static const char *const names[] = {"api", "web", "jobs", "mail"};

    fixture_init(fixture, below(random, 2) == 0 ? "UTC" : "Europe/Berlin", 2026, 10);
    random_contract(fixture, random);
    for (int i = 0; i < (int)fixture->contract.service_count; i++) {
        fixture->names[i] = STR(names[i]);
        random_states(fixture, random, i);
        random_counts(fixture, random, i);
    }
    for (int64_t i = below(random, ANNOUNCEMENTS_MAX); i > 0; i--) {
        announce(fixture, below(random, 3) == 0 ? "*" : names[below(random, 4)],
                 below(random, 30 * DAY), 1 + below(random, DAY), below(random, 2) * 3600);
    }
}

static const struct segment *segment_at(const struct measure *measure, int64_t time_s)
{
    for (size_t i = 0; i < measure->segment_count; i++) {
        if (measure->segments[i].from_s <= time_s && measure->segments[i].to_s > time_s) {
            return &measure->segments[i];
        }
    }
    return NULL;
}

/* Stretches of a service follow each other, say what the statement books, and leave no trouble out. */
static void check_service(const struct fixture *fixture, const struct stretches *stretches,
                          size_t service)
{
    const struct measure *measure = &fixture->result.services[service].measure;
    int64_t end_ns = INT64_MIN;
    int64_t seconds[TIME_CLASS_COUNT] = {0};

    for (size_t i = 0; i < stretches->count; i++) {
        const struct stretch *stretch = &stretches->items[i];
        const struct segment *segment;

        if (stretch->service != service) {
            continue;
        }
        assert_true(stretch->from_ns >= end_ns);
        assert_true(stretch->from_ns < stretch->to_ns);
        end_ns = stretch->to_ns;
        segment = segment_at(measure, stretch->from_ns / NS_PER_SECOND);
        assert_non_null(segment);
        assert_int_equal(segment->class, stretch->class);
        assert_true(rational_compare(stretch->cost, stretch->lost) <= 0);
        assert_int_equal(stretch->fate == STRETCH_COUNTED, stretch->cost.numerator > 0);
        assert_true(stretch->fate != STRETCH_EXCLUDED || segment->effect == EFFECT_EXCLUDED);
        seconds[stretch->class] += (stretch->to_ns - stretch->from_ns) / NS_PER_SECOND;
    }
    for (int k = TIME_UP + 1; k < TIME_CLASS_COUNT; k++) {
        assert_int_equal(seconds[k], measure->seconds[k]);
    }
    assert_int_equal(rational_compare(stretches_lost(stretches, service),
                                      rational_subtract(measure->valid, measure->good)),
                     0);
}

static void test_random_months_add_up(void **state)
{
    const char *given = getenv("UPTALLY_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    int64_t told = 0;

    (void)state;
    print_message("seed %llu (UPTALLY_TEST_SEED repeats it)\n", (unsigned long long)seed);
    for (uint64_t n = 0; n < RANDOM_MONTHS; n++) {
        struct random random;
        struct fixture fixture;
        struct stretches stretches;
        struct rational cost = {0, 1};

        random_init_seed(&random, seed + n);
        random_month(&fixture, &random);
        stretches = find(&fixture);
        if (stretches.rest.numerator != 0) {
            fail_msg("month %llu does not add up", (unsigned long long)(seed + n));
        }
        for (size_t i = 0; i < stretches.group_count; i++) {
            const struct stretch_group *group = &stretches.groups[i];

            assert_true(i == 0 || rational_compare(group->cost, group[-1].cost) <= 0);
            cost = rational_add(cost, group->cost);
            told += (int64_t)group->count;
        }
        assert_int_equal(rational_compare(cost, fixture.result.lost), 0);
        for (size_t i = 0; i < fixture.contract.service_count; i++) {
            check_service(&fixture, &stretches, i);
        }
        fixture_release(&fixture);
    }
    assert_true(told > RANDOM_MONTHS); /* the months were not empty */
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
        cmocka_unit_test(test_trouble_outside_of_the_contract),
        cmocka_unit_test(test_random_months_add_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
