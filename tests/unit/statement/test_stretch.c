/* Stretches: hand-derived ones, and over random months that they add up to what the engine lost, exactly. */
#include "fixture.h"

#include <time.h>

#include "base/random.h"
#include "jobs/config/hours.h"
#include "jobs/statement/method.h"
#include "jobs/statement/stretch.h"

enum { DAY = 86400, RANDOM_MONTHS = 400 };

static struct stretches find_level(struct fixture *fixture, size_t level)
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
    stretches_find(&input, &fixture->result, level, &fixture->arena, &stretches);
    return stretches;
}

static struct stretches find(struct fixture *fixture)
{
    return find_level(fixture, LEVEL_AVAILABILITY);
}

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

/* First and last success and failure of each minute: somewhere in it, in this order of kinds or the other. */
static void random_times(struct fixture *fixture, struct random *random, int service)
{
    static struct request_times times[SERVICES_MAX][ROWS_MAX];
    const struct service_input *input = &fixture->services[service];

    for (size_t i = 0; i < input->count_count; i++) {
        const struct count_row *row = &fixture->counts[service][i];
        int64_t from_ns = row->minute_s * NS_PER_SECOND;
        int64_t ok_ns = from_ns + below(random, 59) * NS_PER_SECOND + below(random, 1000);
        int64_t error_ns = from_ns + below(random, 59) * NS_PER_SECOND;
        bool ok = row->counts.errors < row->counts.total;
        bool error = row->counts.errors > 0;

        times[service][i] = (struct request_times){
            ok ? ok_ns : INT64_MIN, ok ? ok_ns + NS_PER_SECOND / 2 : INT64_MIN,
            error ? error_ns : INT64_MIN, error ? error_ns + NS_PER_SECOND / 3 : INT64_MIN};
    }
    fixture->services[service].times = times[service];
}

/* Every field that any method reads. */
static void random_method(struct availability *terms, struct random *random)
{
    static const char *const weights[] = {"0", "0.1", "0.25", "0.333", "1"};
    static const int64_t slices_s[] = {60, 300, 3600, 7 * 60 * 60};

    terms->method = (enum sla_method)below(random, METHOD_COUNT);
    for (int g = GRADE_DEGRADED; g <= GRADE_MAJOR; g++) {
        terms->weights[g] = decimal(weights[below(random, 5)]);
    }
    for (int g = GRADE_MAJOR + 1; g < GRADE_COUNT; g++) {
        terms->unknown[g] = (enum unknown_rule)below(random, 3);
    }
    terms->degraded_weight = decimal(weights[below(random, 5)]);
    terms->absorb_ns = below(random, 3) * 60 * NS_PER_SECOND;
    terms->min_outage_ns = below(random, 3) * 150 * NS_PER_SECOND;
    terms->slice_s = slices_s[below(random, 4)];
    terms->max_error_ratio = (struct limit){true, decimal(weights[below(random, 4)])};
    terms->max_slow_ratio = (struct limit){below(random, 2) == 0, decimal("0.25")};
    terms->min_run_ns = (1 + below(random, 5)) * 60 * NS_PER_SECOND;
    terms->min_requests = below(random, 2) * 20;
    terms->min_requests_per = (enum min_requests_per)below(random, 3);
}

static void random_pool(struct contract *contract, struct random *random)
{
    bool moments = method_row(contract->availability.method)->judges_time;

    contract->service_count = (size_t)(1 + below(random, SERVICES_MAX));
    contract->availability.pool =
        contract->service_count == 1
            ? POOL_NONE
            : (enum pool)(POOL_PER_SERVICE + below(random, moments ? 4 : 2));
}

/* 08:00 to 18:00 and perhaps a part of the night, but not on Sundays. */
static void random_hours(struct contract *contract, struct random *random)
{
    static struct service_hours hours;

    hours = (struct service_hours){0};
    for (int day = 0; day < 6; day++) {
        hours.weekdays[day].ranges[0] = (struct hours_range){8 * 3600, 18 * 3600};
        hours.weekdays[day].ranges[1] = (struct hours_range){23 * 3600 + 60 * 20, 86400};
        hours.weekdays[day].count = (size_t)(1 + below(random, 2));
    }
    contract->hours = below(random, 3) == 0 ? &hours : NULL;
}

static void random_contract(struct fixture *fixture, struct random *random)
{
    struct contract *contract = &fixture->contract;

    random_method(&contract->availability, random);
    random_pool(contract, random);
    random_hours(contract, random);
    contract->maintenance.excluded = (enum excluded_rule)below(random, 3);
    contract->latency = (struct latency_terms){.present = below(random, 3) == 0,
                                               .target = percent("99"),
                                               .max_slow_ratio = decimal("0.1"),
                                               .slice_s = 300};
    /* The pools of moments and of slices go together with the second level. */
    contract->latency.present =
        contract->latency.present && method_row(contract->availability.method)->judges_time;
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
        random_times(fixture, random, i);
    }
    for (int64_t i = below(random, ANNOUNCEMENTS_MAX); i > 0; i--) {
        announce(fixture, below(random, 3) == 0 ? "*" : names[below(random, 4)],
                 below(random, 30 * DAY), 1 + below(random, DAY), below(random, 2) * 3600);
    }
}

static const struct segment *segment_at(const struct measure *measure, int64_t time_ns)
{
    for (size_t i = 0; i < measure->segment_count; i++) {
        if (measure->segments[i].from_ns <= time_ns && measure->segments[i].to_ns > time_ns) {
            return &measure->segments[i];
        }
    }
    return NULL;
}

/* Stretches of a service follow each other, say what the statement books, and leave no trouble out. */
static void check_service(const struct fixture *fixture, const struct stretches *stretches,
                          size_t service, size_t level)
{
    const struct measure *measure =
        &fixture->result.services[service].verdicts.levels[level].measure;
    struct arena arena = ARENA_INIT;
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
        segment = segment_at(measure, stretch->from_ns);
        assert_non_null(segment);
        assert_int_equal(segment->class, stretch->class);
        assert_true(rational_compare(stretch->cost, stretch->lost) <= 0);
        assert_int_equal(stretch->fate == STRETCH_COUNTED, stretch->cost.numerator > 0);
        assert_true(stretch->fate != STRETCH_EXCLUDED || segment->excluded);
        seconds[stretch->class] +=
            stretch->to_ns / NS_PER_SECOND - stretch->from_ns / NS_PER_SECOND;
    }
    for (int k = TIME_UP + 1; k < TIME_OUTSIDE_HOURS; k++) {
        assert_int_equal(seconds[k], measure->seconds[k]);
    }
    assert_int_equal(fraction_compare(stretches_lost(stretches, service),
                                      fraction_subtract(&arena, measure->valid, measure->good)),
                     0);
    arena_release(&arena);
}

/* All stretches of a level. Returns how many there are. */
static int64_t check_level(struct fixture *fixture, size_t level, uint64_t seed)
{
    struct stretches stretches = find_level(fixture, level);
    struct fraction cost = FRACTION_ZERO;
    int64_t told = 0;

    if (fraction_sign(stretches.rest) != 0) {
        fail_msg("month %llu: %s by %s does not add up", (unsigned long long)seed,
                 fixture->result.verdicts.levels[level].name,
                 method_row(fixture->contract.availability.method)->name);
    }
    for (size_t i = 0; i < stretches.group_count; i++) {
        const struct stretch_group *group = &stretches.groups[i];

        assert_true(i == 0 || fraction_compare(group->cost, group[-1].cost) <= 0);
        cost = fraction_add(&fixture->arena, cost, group->cost);
        told += (int64_t)group->count;
    }
    assert_int_equal(fraction_compare(cost, fixture->result.verdicts.levels[level].lost), 0);
    for (size_t i = 0; i < fixture->contract.service_count; i++) {
        check_service(fixture, &stretches, i, level);
    }
    return told;
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

        random_init_seed(&random, seed + n);
        random_month(&fixture, &random);
        told += check_level(&fixture, LEVEL_AVAILABILITY, seed + n);
        if (fixture.contract.latency.present) {
            told += check_level(&fixture, LEVEL_LATENCY, seed + n);
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
        cmocka_unit_test(test_a_lost_slice_is_lost_as_a_whole),
        cmocka_unit_test(test_intervals_lose_their_ratio),
        cmocka_unit_test(test_the_level_latency_has_its_own_stretches),
        cmocka_unit_test(test_trouble_outside_of_the_contract),
        cmocka_unit_test(test_random_months_add_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
