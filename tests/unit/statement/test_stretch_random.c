/* Stretches of random months, of every method, pool and level: they add up to what the engine lost, exactly. */
#include "stretches.h"

#include <time.h>

#include "base/random.h"
#include "jobs/config/hours.h"
#include "jobs/statement/method.h"

enum { RANDOM_MONTHS = 400 };

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
        cmocka_unit_test(test_random_months_add_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
