/* Method state_time: hand-derived values for each rule of docs/sla-methods.md. */
#include "fixture.h"

static const char *explained(const struct result *result, const char *what)
{
    for (size_t i = 0; i < result->explanation_count; i++) {
        if (strstr(result->explanation[i], what) != NULL) {
            return result->explanation[i];
        }
    }
    fail_msg("nothing is said of %s", what);
    return NULL;
}

/* October in UTC has 2,678,400 s; 0.05 % of it are 1,339.2 s: no whole number of seconds hits the border. */
static void test_near_the_border_the_statement_says_why(void **state)
{
    struct fixture fixture;
    const struct result *result;

    (void)state;
    fixture_init(&fixture, "UTC", 2026, 10);
    one_outage(&fixture, 0, 1000, 1340, GRADE_MAJOR);
    result = compute(&fixture);
    assert_figure(top(&fixture)->lost, "1,340");
    assert_false(result->verdicts.met);
    assert_ptr_equal(top(&fixture)->tier, &fixture.tiers[0]);
    assert_string_equal(explained(result, "Target"),
                        "Target 99.95 %: 1,340 s lost, 1,339.2 s allowed: missed");
    assert_string_equal(wording_percent_floor(&fixture.arena, top(&fixture)->uptime, 3), "99.949");
    assert_int_equal(top(&fixture)->credit.amount_minor, 10000);
    fixture_release(&fixture);
}

/* Berlin's October of 745 h has 2,682,000 s; 0.05 % are exactly 1,341 s. Its March of 743 h: 2,674,800 s, 1,337.4 s. */
static void test_a_border_hit_exactly_is_in_the_better_tier(void **state)
{
    static const struct {
        int month;
        int64_t lost_s;
        bool met;
        int64_t length_s;
    } rows[] = {
        {10, 1341, true, 2682000},
        {10, 1342, false, 2682000},
        {3, 1337, true, 2674800},
        {3, 1338, false, 2674800}, /* in a month of 744 h this would have been kept */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct fixture fixture;
        const struct result *result;

        fixture_init(&fixture, "Europe/Berlin", 2026, rows[i].month);
        one_outage(&fixture, 0, 5000, rows[i].lost_s, GRADE_MAJOR);
        result = compute(&fixture);
        assert_int_equal(result->to_s - result->from_s, rows[i].length_s);
        assert_int_equal(result->verdicts.met, rows[i].met);
        assert_int_equal(top(&fixture)->tier == NULL, rows[i].met);
        assert_int_equal(top(&fixture)->credit.amount_minor, rows[i].met ? 0 : 10000);
        fixture_release(&fixture);
    }
}

static void test_grades_lose_their_weight(void **state)
{
    struct fixture fixture;
    const struct result *result;

    (void)state;
    fixture_init(&fixture, "UTC", 2026, 10);
    add_state(&fixture, 0, 0, 100, GRADE_OPERATIONAL);
    add_state(&fixture, 0, 100, 10, GRADE_DEGRADED); /* 2.5 */
    add_state(&fixture, 0, 110, 10, GRADE_PARTIAL);  /* 5 */
    add_state(&fixture, 0, 120, 10, GRADE_MAJOR);    /* 10 */
    add_rest(&fixture, 0, GRADE_OPERATIONAL);
    result = compute(&fixture);
    assert_figure(top(&fixture)->lost, "17.5");
    assert_int_equal(top(&fixture)->measure.seconds[TIME_DEGRADED], 10);
    assert_int_equal(top(&fixture)->measure.seconds[TIME_UP], 2678400 - 30);
    assert_int_equal(result->incident_count, 1);
    assert_int_equal(result->incidents[0].worst, GRADE_MAJOR);
    assert_figure(result->incidents[0].lost_s, "17.5");
    fixture_release(&fixture);
}

/* 100 s of each unknown name under each of the three rules. */
static void test_unknown_time_follows_its_own_rule(void **state)
{
    static const enum grade unknown[] = {GRADE_NO_TRAFFIC, GRADE_PROBE_DOWN, GRADE_PIPELINE_GAP,
                                         GRADE_NOT_PROVISIONED};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(unknown); i++) {
        for (int rule = UNKNOWN_EXCLUDE; rule <= UNKNOWN_DOWN; rule++) {
            struct fixture fixture;
            const struct result *result;

            fixture_init(&fixture, "UTC", 2026, 10);
            for (int grade = GRADE_NO_TRAFFIC; grade < GRADE_COUNT; grade++) {
                /* The others are ruled differently: only its own rule may matter. */
                fixture.contract.availability.unknown[grade] =
                    rule == UNKNOWN_DOWN ? UNKNOWN_UP : UNKNOWN_DOWN;
            }
            fixture.contract.availability.unknown[unknown[i]] = (enum unknown_rule)rule;
            one_outage(&fixture, 0, 600, 100, unknown[i]);
            result = compute(&fixture);
            assert_figure(top(&fixture)->lost, rule == UNKNOWN_DOWN ? "100" : "0");
            assert_figure(top(&fixture)->measure.valid,
                          rule == UNKNOWN_EXCLUDE ? "2,678,300" : "2,678,400");
            assert_int_equal(top(&fixture)->measure.seconds[time_class_of(unknown[i])], 100);
            assert_int_equal(result->incident_count, 0);
            fixture_release(&fixture);
        }
    }
}

static void test_time_without_rows_is_unknown(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, "UTC", 2026, 10);
    add_state(&fixture, 0, 1000, 500, GRADE_OPERATIONAL);
    compute(&fixture);
    assert_int_equal(top(&fixture)->measure.seconds[TIME_NOT_PROVISIONED], 1000);
    assert_int_equal(top(&fixture)->measure.seconds[TIME_PIPELINE_GAP], 2678400 - 1500);
    fixture_release(&fixture);
}

static void test_nothing_measured_is_no_result(void **state)
{
    struct fixture fixture;
    const struct result *result;

    (void)state;
    fixture_init(&fixture, "UTC", 2026, 10);
    result = compute(&fixture);
    assert_false(result->verdicts.known);
    assert_null(top(&fixture)->tier);
    assert_int_equal(top(&fixture)->credit.amount_minor, 0);
    assert_int_equal(top(&fixture)->measure.seconds[TIME_NOT_PROVISIONED], 2678400);
    fixture_release(&fixture);
}

/* Major for 600 s at 10,000 s. What an announcement excuses, by its own history. */
static void test_only_announced_maintenance_is_excluded(void **state)
{
    static const struct {
        const char *what;
        int64_t at_s, length_s, before_s;
        bool cancelled;
        enum announcement_state state;
        const char *lost;
        int64_t maintenance_s;
    } rows[] = {
        {"announced a day before", 10000, 600, 86400, false, ANNOUNCEMENT_APPLIED, "0", 600},
        {"the notice is just kept", 10000, 600, 3600, false, ANNOUNCEMENT_APPLIED, "0", 600},
        {"one second too late", 10000, 600, 3599, false, ANNOUNCEMENT_SHORT_NOTICE, "600", 0},
        {"after the fact", 10000, 600, -1, false, ANNOUNCEMENT_AFTER_THE_FACT, "600", 0},
        {"cancelled", 10000, 600, 86400, true, ANNOUNCEMENT_CANCELLED, "600", 0},
        {"overrun by 200 s", 10000, 400, 86400, false, ANNOUNCEMENT_APPLIED, "200", 400},
        {"the outage began 100 s before", 10100, 5000, 86400, false, ANNOUNCEMENT_APPLIED, "100",
         500},
        {"another time", 20000, 600, 86400, false, ANNOUNCEMENT_APPLIED, "600", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct fixture fixture;
        const struct result *result;

        fixture_init(&fixture, "UTC", 2026, 10);
        fixture.contract.maintenance.notice_ns = 3600 * NS_PER_SECOND;
        one_outage(&fixture, 0, 10000, 600, GRADE_MAJOR);
        announce(&fixture, "api", rows[i].at_s, rows[i].length_s, rows[i].before_s)->cancelled =
            rows[i].cancelled;
        result = compute(&fixture);
        print_message("%s\n", rows[i].what);
        assert_figure(top(&fixture)->lost, rows[i].lost);
        assert_int_equal(top(&fixture)->measure.seconds[TIME_MAINTENANCE], rows[i].maintenance_s);
        assert_int_equal(result->exclusion_count, 1);
        assert_int_equal(result->exclusions[0].state, rows[i].state);
        assert_int_equal(result->exclusions[0].excused_s, rows[i].maintenance_s);
        fixture_release(&fixture);
    }
}

static void test_remove_and_forgive_and_none(void **state)
{
    static const struct {
        enum excluded_rule rule;
        const char *lost, *valid;
    } rows[] = {
        {EXCLUDED_REMOVE, "0", "2,677,800"},
        {EXCLUDED_FORGIVE, "0", "2,678,400"},
        {EXCLUDED_NONE, "600", "2,678,400"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct fixture fixture;

        fixture_init(&fixture, "UTC", 2026, 10);
        fixture.contract.maintenance.excluded = rows[i].rule;
        one_outage(&fixture, 0, 10000, 600, GRADE_MAJOR);
        /* Up time in the window stays up: the window is 1,000 s long, the outage 600 s. */
        announce(&fixture, "*", 10000, 1000, 10);
        compute(&fixture);
        assert_figure(top(&fixture)->lost, rows[i].lost);
        assert_figure(top(&fixture)->measure.valid, rows[i].valid);
        fixture_release(&fixture);
    }
}

static void test_unknown_time_ruled_down_is_excused_too(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, "UTC", 2026, 10);
    add_state(&fixture, 0, 0, 1000, GRADE_OPERATIONAL);
    add_state(&fixture, 0, 1000, 100, GRADE_PIPELINE_GAP); /* down */
    add_state(&fixture, 0, 1100, 100, GRADE_NO_TRAFFIC);   /* up */
    add_state(&fixture, 0, 1200, 100, GRADE_PROBE_DOWN);   /* exclude */
    add_rest(&fixture, 0, GRADE_OPERATIONAL);
    announce(&fixture, "api", 1000, 300, 60);
    compute(&fixture);
    assert_figure(top(&fixture)->lost, "0");
    assert_int_equal(top(&fixture)->measure.seconds[TIME_MAINTENANCE], 100);
    assert_int_equal(top(&fixture)->measure.seconds[TIME_NO_TRAFFIC], 100);
    assert_int_equal(top(&fixture)->measure.seconds[TIME_PROBE_DOWN], 100);
    fixture_release(&fixture);
}

/* Major throughout; windows at 1,000 (600 s), 1,300 (600 s: overlaps, together 900 s), 5,000 (600 s), 9,000 (600 s). */
static void test_quota(void **state)
{
    static const struct {
        const char *what;
        int64_t windows, quota_s, maintenance_s;
        enum announcement_state states[4];
    } rows[] = {
        {"no limit",
         -1,
         -1,
         2100,
         {ANNOUNCEMENT_APPLIED, ANNOUNCEMENT_APPLIED, ANNOUNCEMENT_APPLIED, ANNOUNCEMENT_APPLIED}},
        {"two windows; the overlapping ones are one",
         2,
         -1,
         1500,
         {ANNOUNCEMENT_APPLIED, ANNOUNCEMENT_APPLIED, ANNOUNCEMENT_APPLIED,
          ANNOUNCEMENT_OVER_QUOTA}},
        {"20 minutes: the second window is cut at 300 s",
         -1,
         1200,
         1200,
         {ANNOUNCEMENT_APPLIED, ANNOUNCEMENT_APPLIED, ANNOUNCEMENT_CUT, ANNOUNCEMENT_OVER_QUOTA}},
        {"both: one window, and 10 minutes of it",
         1,
         600,
         600,
         {ANNOUNCEMENT_APPLIED, ANNOUNCEMENT_CUT, ANNOUNCEMENT_OVER_QUOTA,
          ANNOUNCEMENT_OVER_QUOTA}},
        {"no windows at all",
         0,
         -1,
         0,
         {ANNOUNCEMENT_OVER_QUOTA, ANNOUNCEMENT_OVER_QUOTA, ANNOUNCEMENT_OVER_QUOTA,
          ANNOUNCEMENT_OVER_QUOTA}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct fixture fixture;
        const struct result *result;

        fixture_init(&fixture, "UTC", 2026, 10);
        fixture.contract.maintenance.quota_windows = rows[i].windows;
        fixture.contract.maintenance.quota_ns =
            rows[i].quota_s < 0 ? -1 : rows[i].quota_s * NS_PER_SECOND;
        add_rest(&fixture, 0, GRADE_MAJOR);
        announce(&fixture, "api", 9000, 600, 60); /* given out of order */
        announce(&fixture, "api", 1000, 600, 60);
        announce(&fixture, "api", 1300, 600, 60);
        announce(&fixture, "*", 5000, 600, 60);
        result = compute(&fixture);
        print_message("%s\n", rows[i].what);
        assert_int_equal(top(&fixture)->measure.seconds[TIME_MAINTENANCE], rows[i].maintenance_s);
        assert_int_equal(result->exclusion_count, 4);
        for (size_t k = 0; k < 4; k++) {
            assert_int_equal(result->exclusions[k].state, rows[i].states[k]);
        }
        fixture_release(&fixture);
    }
}

static void test_an_untimely_announcement_uses_no_quota(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, "UTC", 2026, 10);
    fixture.contract.maintenance.quota_windows = 1;
    add_rest(&fixture, 0, GRADE_MAJOR);
    announce(&fixture, "api", 1000, 600, -5);
    announce(&fixture, "api", 5000, 600, 60);
    compute(&fixture);
    assert_int_equal(top(&fixture)->measure.seconds[TIME_MAINTENANCE], 600);
    assert_int_equal(fixture.result.exclusions[1].state, ANNOUNCEMENT_APPLIED);
    fixture_release(&fixture);
}

static void test_seconds_that_are_covered_in_part_are_not_covered(void **state)
{
    struct fixture fixture;
    struct announcement_input *announcement;

    (void)state;
    fixture_init(&fixture, "UTC", 2026, 10);
    one_outage(&fixture, 0, 10000, 600, GRADE_MAJOR);
    announcement = announce(&fixture, "api", 10000, 600, 60);
    announcement->from_ns += 1;
    announcement->to_ns -= 1;
    compute(&fixture);
    assert_int_equal(top(&fixture)->measure.seconds[TIME_MAINTENANCE], 598);
    assert_figure(top(&fixture)->lost, "2");
    fixture_release(&fixture);
}

static void test_absorb_takes_the_state_of_both_sides(void **state)
{
    static const struct {
        const char *what;
        enum grade grades[5]; /* of 100, 60, 60, 60 s and the rest */
        int64_t major_s;
    } rows[] = {
        {"a short outage vanishes, and so does a short recovery",
         {GRADE_OPERATIONAL, GRADE_MAJOR, GRADE_OPERATIONAL, GRADE_MAJOR, GRADE_OPERATIONAL},
         0},
        {"a short recovery within an outage is outage",
         {GRADE_MAJOR, GRADE_OPERATIONAL, GRADE_MAJOR, GRADE_MAJOR, GRADE_OPERATIONAL},
         280},
        {"different sides absorb nothing",
         {GRADE_OPERATIONAL, GRADE_MAJOR, GRADE_DEGRADED, GRADE_DEGRADED, GRADE_OPERATIONAL},
         60},
        {"unknown time is not absorbed",
         {GRADE_MAJOR, GRADE_NO_TRAFFIC, GRADE_MAJOR, GRADE_MAJOR, GRADE_OPERATIONAL},
         220},
        {"unknown time absorbs nothing",
         {GRADE_NO_TRAFFIC, GRADE_MAJOR, GRADE_NO_TRAFFIC, GRADE_NO_TRAFFIC, GRADE_OPERATIONAL},
         60},
        {"120 s are too long",
         {GRADE_OPERATIONAL, GRADE_MAJOR, GRADE_MAJOR, GRADE_OPERATIONAL, GRADE_OPERATIONAL},
         120},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct fixture fixture;

        fixture_init(&fixture, "UTC", 2026, 10);
        fixture.contract.availability.absorb_ns = 60 * NS_PER_SECOND;
        add_state(&fixture, 0, 0, 100, rows[i].grades[0]);
        add_state(&fixture, 0, 100, 60, rows[i].grades[1]);
        add_state(&fixture, 0, 160, 60, rows[i].grades[2]);
        add_state(&fixture, 0, 220, 60, rows[i].grades[3]);
        add_rest(&fixture, 0, rows[i].grades[4]);
        compute(&fixture);
        print_message("%s\n", rows[i].what);
        assert_int_equal(top(&fixture)->measure.seconds[TIME_MAJOR], rows[i].major_s);
        /* Raw states stand as they were: incidents do not know of absorb. */
        assert_true(fixture.result.incident_count > 0);
        fixture_release(&fixture);
    }
}

static void test_a_short_interval_across_the_border_is_absorbed_by_what_follows(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, "UTC", 2026, 10);
    fixture.contract.availability.absorb_ns = 60 * NS_PER_SECOND;
    add_state(&fixture, 0, -1000, 2678400 + 1000 - 30, GRADE_OPERATIONAL);
    add_state(&fixture, 0, 2678370, 60, GRADE_MAJOR); /* 30 s before the end to 30 s after it */
    add_state(&fixture, 0, 2678430, 600, GRADE_OPERATIONAL);
    compute(&fixture);
    assert_int_equal(top(&fixture)->measure.seconds[TIME_MAJOR], 0);
    fixture_release(&fixture);
}

static void test_min_outage_measures_whole_outages(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, "UTC", 2026, 10);
    fixture.contract.availability.min_outage_ns = 300 * NS_PER_SECOND;
    /* 200 s in September and 100 s in October are one outage of 300 s, booked where it lies. */
    add_state(&fixture, 0, -1000, 800, GRADE_OPERATIONAL);
    add_state(&fixture, 0, -200, 300, GRADE_MAJOR);
    add_state(&fixture, 0, 100, 900, GRADE_OPERATIONAL);
    add_state(&fixture, 0, 1000, 299, GRADE_MAJOR); /* one second short: up */
    add_state(&fixture, 0, 1299, 701, GRADE_OPERATIONAL);
    add_state(&fixture, 0, 2000, 150, GRADE_PARTIAL); /* adjoining states are one outage */
    add_state(&fixture, 0, 2150, 150, GRADE_MAJOR);
    add_state(&fixture, 0, 2300, 700, GRADE_OPERATIONAL);
    add_state(&fixture, 0, 3000, 150, GRADE_MAJOR); /* unknown time parts two short ones */
    add_state(&fixture, 0, 3150, 10, GRADE_NO_TRAFFIC);
    add_state(&fixture, 0, 3160, 150, GRADE_MAJOR);
    add_rest(&fixture, 0, GRADE_OPERATIONAL);
    compute(&fixture);
    assert_int_equal(top(&fixture)->measure.seconds[TIME_MAJOR], 100 + 150);
    assert_int_equal(top(&fixture)->measure.seconds[TIME_PARTIAL], 150);
    assert_figure(top(&fixture)->lost, "325");
    assert_int_equal(fixture.result.incidents[0].from_s, fixture.from_s - 200);
    fixture_release(&fixture);
}

/* Outages are found first, then covered time is taken out: 100 s outside the window are still of an outage of 400 s. */
static void test_min_outage_looks_at_the_outage_before_maintenance(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, "UTC", 2026, 10);
    fixture.contract.availability.min_outage_ns = 300 * NS_PER_SECOND;
    one_outage(&fixture, 0, 10000, 400, GRADE_MAJOR);
    announce(&fixture, "api", 10100, 5000, 60);
    compute(&fixture);
    assert_figure(top(&fixture)->lost, "100");
    fixture_release(&fixture);
}

static void test_partial_months(void **state)
{
    static const struct {
        enum partial_period rule;
        const char *lost, *valid;
        int64_t up_s;
    } rows[] = {
        /* The contract holds from day 11 on: 21 days, 1,814,400 s; the outage of day 1 is none of its business. */
        {PARTIAL_PRO_RATA, "100", "1,814,400", 1814300},
        {PARTIAL_DEEMED_UP, "100", "2,678,400", 2678300},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct fixture fixture;

        fixture_init(&fixture, "UTC", 2026, 10);
        fixture.contract.partial_period = rows[i].rule;
        fixture.contract.valid_from_s = fixture.from_s + 10 * 86400;
        add_state(&fixture, 0, 0, 5000, GRADE_MAJOR);
        add_state(&fixture, 0, 5000, 15 * 86400, GRADE_OPERATIONAL);
        add_state(&fixture, 0, 15 * 86400 + 5000, 100, GRADE_MAJOR);
        add_rest(&fixture, 0, GRADE_OPERATIONAL);
        compute(&fixture);
        assert_figure(top(&fixture)->lost, rows[i].lost);
        assert_figure(top(&fixture)->measure.valid, rows[i].valid);
        assert_int_equal(top(&fixture)->measure.seconds[TIME_UP], rows[i].up_s);
        assert_int_equal(fixture.result.incident_count, 1);
        fixture_release(&fixture);
    }
}

static void test_a_contract_that_does_not_hold_has_no_result(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, "UTC", 2026, 10);
    add_rest(&fixture, 0, GRADE_OPERATIONAL);
    fixture.contract.valid_until_s = fixture.from_s; /* half-open */
    compute(&fixture);
    assert_false(fixture.valid);
    fixture_release(&fixture);
}

/* a: major 1,000..1,600; b: partial 1,300..2,000; c: not measured 1,500..1,600. */
static void three_services(struct fixture *fixture, enum pool pool)
{
    fixture_init(fixture, "UTC", 2026, 10);
    fixture->contract.service_count = 3;
    fixture->contract.availability.pool = pool;
    fixture->names[0] = STR("a");
    fixture->names[1] = STR("b");
    fixture->names[2] = STR("c");
    one_outage(fixture, 0, 1000, 600, GRADE_MAJOR);
    one_outage(fixture, 1, 1300, 700, GRADE_PARTIAL);
    one_outage(fixture, 2, 1500, 100, GRADE_PROBE_DOWN);
}

static void test_pools(void **state)
{
    static const struct {
        enum pool pool;
        const char *lost, *valid;
    } rows[] = {
        /* a alone is the worst: 600 s of major. */
        {POOL_PER_SERVICE, "600", "2,678,400"},
        /* 600 + 700/2 of 3 x 2,678,400 - 100 */
        {POOL_SUM, "950", "8,035,100"},
        /* 1,000..1,600 major, 1,600..2,000 partial */
        {POOL_ALL_REQUIRED, "800", "2,678,400"},
        /* c is up except 1,500..1,600, where the better of a and b is partial */
        {POOL_ANY_ENOUGH, "50", "2,678,400"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct fixture fixture;
        int64_t sum_s = 0;

        three_services(&fixture, rows[i].pool);
        compute(&fixture);
        assert_figure(top(&fixture)->lost, rows[i].lost);
        assert_figure(top(&fixture)->measure.valid, rows[i].valid);
        for (int k = 0; k < TIME_CLASS_COUNT; k++) {
            sum_s += top(&fixture)->measure.seconds[k];
        }
        assert_int_equal(sum_s, rows[i].pool == POOL_SUM ? 3 * 2678400 : 2678400);
        if (rows[i].pool == POOL_PER_SERVICE) {
            assert_string_equal(fixture.result.worst_service, "a");
        }
        fixture_release(&fixture);
    }
}

static void test_a_moment_is_excluded_only_if_no_service_is_measured(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, "UTC", 2026, 10);
    fixture.contract.service_count = 2;
    fixture.contract.availability.pool = POOL_ALL_REQUIRED;
    fixture.names[1] = STR("b");
    one_outage(&fixture, 0, 1000, 200, GRADE_PROBE_DOWN);
    one_outage(&fixture, 1, 1100, 200, GRADE_PROBE_DOWN);
    compute(&fixture);
    assert_figure(top(&fixture)->measure.valid, "2,678,300");
    assert_int_equal(top(&fixture)->measure.seconds[TIME_PROBE_DOWN], 100);
    fixture_release(&fixture);
}

static void test_local_days(void **state)
{
    struct fixture fixture;
    const struct service_result *service;

    (void)state;
    fixture_init(&fixture, "Europe/Berlin", 2026, 10);
    add_rest(&fixture, 0, GRADE_OPERATIONAL);
    compute(&fixture);
    service = &fixture.result.services[0];
    assert_int_equal(service->day_count, 31);
    for (size_t i = 0; i < 31; i++) {
        /* Clocks go back on the 25th. */
        assert_int_equal(service->days[i].day, i + 1);
        assert_int_equal(service->days[i].to_s - service->days[i].from_s, i == 24 ? 90000 : 86400);
        assert_int_equal(service->days[i].seconds[TIME_UP], i == 24 ? 90000 : 86400);
    }
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_near_the_border_the_statement_says_why),
        cmocka_unit_test(test_a_border_hit_exactly_is_in_the_better_tier),
        cmocka_unit_test(test_grades_lose_their_weight),
        cmocka_unit_test(test_unknown_time_follows_its_own_rule),
        cmocka_unit_test(test_time_without_rows_is_unknown),
        cmocka_unit_test(test_nothing_measured_is_no_result),
        cmocka_unit_test(test_only_announced_maintenance_is_excluded),
        cmocka_unit_test(test_remove_and_forgive_and_none),
        cmocka_unit_test(test_unknown_time_ruled_down_is_excused_too),
        cmocka_unit_test(test_quota),
        cmocka_unit_test(test_an_untimely_announcement_uses_no_quota),
        cmocka_unit_test(test_seconds_that_are_covered_in_part_are_not_covered),
        cmocka_unit_test(test_absorb_takes_the_state_of_both_sides),
        cmocka_unit_test(test_a_short_interval_across_the_border_is_absorbed_by_what_follows),
        cmocka_unit_test(test_min_outage_measures_whole_outages),
        cmocka_unit_test(test_min_outage_looks_at_the_outage_before_maintenance),
        cmocka_unit_test(test_partial_months),
        cmocka_unit_test(test_a_contract_that_does_not_hold_has_no_result),
        cmocka_unit_test(test_pools),
        cmocka_unit_test(test_a_moment_is_excluded_only_if_no_service_is_measured),
        cmocka_unit_test(test_local_days),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
