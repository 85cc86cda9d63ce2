#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "aggregator/raw_grade.h"
#include "base/check.h"

static const char *name_of(bool speaks, enum grade grade)
{
    return speaks ? grade_row(grade)->name : "silent";
}

static void test_requests(void **state)
{
    static const struct {
        const char *why;
        int64_t total, errors, slow;
        const char *expected;
    } cases[] = {
        {"one request less than min_requests does not speak", 9, 9, 0, "silent"},
        {"min_requests is enough", 10, 0, 0, "operational"},
        {"half of them failed: the border belongs to the outage", 10, 5, 0, "major"},
        {"a hair less than half", 1000001, 500000, 0, "partial"},
        {"exactly one in twenty", 20, 1, 0, "partial"},
        {"a hair less than one in twenty", 21, 1, 0, "operational"},
        {"exactly one in ten slow", 10, 0, 1, "degraded"},
        {"a hair less than one in ten slow", 11, 0, 1, "operational"},
        {"errors outrank slowness", 100, 5, 95, "partial"},
        {"few errors, many slow", 100, 4, 90, "degraded"},
        {"the largest counts do not overflow", (INT64_C(1) << 62) - 1, (INT64_C(1) << 61) - 1, 0,
         "partial"},
        {"... and are decided by one request", (INT64_C(1) << 62) - 2, (INT64_C(1) << 61) - 1, 0,
         "major"},
    };
    struct grading_rules rules = GRADING_RULES_DEFAULT;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct window_minute counts = {.records = cases[i].total,
                                       .total = cases[i].total,
                                       .errors = cases[i].errors,
                                       .slow = cases[i].slow};
        enum grade grade = GRADE_COUNT;
        bool speaks = raw_grade_requests(&counts, &rules, &grade);

        print_message("%s\n", cases[i].why);
        assert_string_equal(name_of(speaks, grade), cases[i].expected);
    }
}

static void test_limits_of_18_digits(void **state)
{
    struct grading_rules rules = GRADING_RULES_DEFAULT;
    struct window_minute counts = {.records = 1, .total = (INT64_C(1) << 62) - 1, .errors = 4611};
    enum grade grade;

    (void)state;
    /* 4611 of 4.611686e18 is 0.99985e-15. */
    rules.partial_errors = (struct rational){1, (int128)1000000000000000};
    assert_true(raw_grade_requests(&counts, &rules, &grade));
    assert_int_equal(grade, GRADE_OPERATIONAL);
    counts.errors = 4612;
    assert_true(raw_grade_requests(&counts, &rules, &grade));
    assert_int_equal(grade, GRADE_PARTIAL);
    rules.min_requests = 0;
    counts = (struct window_minute){0};
    assert_false(raw_grade_requests(&counts, &rules, &grade));
}

static void test_checks(void **state)
{
    static const struct {
        const char *why;
        int64_t quorum, healthy, warned, failed, unknown;
        const char *expected;
    } cases[] = {
        {"no instance, nothing to say", 0, 0, 0, 0, 0, "silent"},
        {"all healthy", 0, 3, 0, 0, 0, "operational"},
        {"majority of three stands", 0, 2, 0, 1, 0, "operational"},
        {"half of four is no majority", 0, 2, 0, 2, 0, "partial"},
        {"three of four", 0, 3, 0, 1, 0, "operational"},
        {"a warned one counts for the quorum and shows", 0, 1, 1, 1, 0, "degraded"},
        {"some but too few", 0, 1, 0, 2, 0, "partial"},
        {"warned but too few", 0, 0, 1, 2, 0, "partial"},
        {"none", 0, 0, 0, 3, 0, "major"},
        {"a configured quorum of one", 1, 1, 0, 5, 0, "operational"},
        {"a quorum above the set fails although all are healthy", 2, 1, 0, 0, 0, "partial"},
        {"nobody can tell", 0, 0, 0, 0, 2, "probe_down"},
        {"nobody can tell, even about a quorum that is out of reach", 2, 0, 0, 0, 1, "probe_down"},
        {"two of three stand whatever the third is", 0, 2, 0, 0, 1, "operational"},
        {"the unknown one decides", 0, 1, 0, 1, 1, "probe_down"},
        {"quorum of two cannot be met, one may be up", 2, 0, 0, 2, 1, "partial"},
        {"quorum of two may be met", 2, 0, 0, 2, 2, "probe_down"},
    };
    struct grading_rules rules = GRADING_RULES_DEFAULT;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct check_counts counts = {cases[i].healthy, cases[i].warned, cases[i].failed,
                                      cases[i].unknown};
        enum grade grade = GRADE_COUNT;
        bool speaks;

        rules.quorum = cases[i].quorum;
        speaks = raw_grade_checks(&counts, &rules, &grade);
        print_message("%s\n", cases[i].why);
        assert_string_equal(name_of(speaks, grade), cases[i].expected);
    }
}

static void test_both(void **state)
{
    static const struct window_minute good = {.records = 20, .total = 20};
    static const struct window_minute bad = {.records = 20, .total = 20, .errors = 10};
    static const struct window_minute few = {.records = 3, .total = 3, .errors = 3};
    static const struct check_counts healthy = {.healthy = 1};
    static const struct check_counts warned = {.warned = 1};
    static const struct check_counts failed = {.failed = 1};
    static const struct check_counts unseen = {.unknown = 1};
    static const struct {
        const char *why;
        const struct window_minute *requests;
        const struct check_counts *checks;
        bool topic_active, has_requests;
        enum grade expected;
    } cases[] = {
        {"both good", &good, &healthy, true, true, GRADE_OPERATIONAL},
        {"the worse one: checks", &good, &failed, true, true, GRADE_MAJOR},
        {"the worse one: requests", &bad, &warned, true, true, GRADE_MAJOR},
        {"requests alone", &bad, NULL, true, true, GRADE_MAJOR},
        {"what is known beats a silent probe", &good, &unseen, true, true, GRADE_OPERATIONAL},
        {"checks speak where there is no traffic", NULL, &warned, true, true, GRADE_DEGRADED},
        {"checks speak where the topic is silent", NULL, &healthy, false, true, GRADE_OPERATIONAL},
        {"no requests, others had some", NULL, NULL, true, true, GRADE_NO_TRAFFIC},
        {"no requests, nobody had any", NULL, NULL, false, true, GRADE_PIPELINE_GAP},
        {"no traffic and no probe: the probe would have told", NULL, &unseen, true, true,
         GRADE_PROBE_DOWN},
        {"neither stream came: the pipeline", NULL, &unseen, false, true, GRADE_PIPELINE_GAP},
        {"a service without requests misses none", NULL, &unseen, false, false, GRADE_PROBE_DOWN},
        {"too few to prove an outage are traffic all the same", &few, NULL, true, true,
         GRADE_OPERATIONAL},
        {"too few beside checks: the checks", &few, &failed, true, true, GRADE_MAJOR},
        {"too few beside healthy checks", &few, &healthy, true, true, GRADE_OPERATIONAL},
        {"too few beside a silent probe", &few, &unseen, true, true, GRADE_PROBE_DOWN},
    };
    struct grading_rules rules = GRADING_RULES_DEFAULT;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct raw_minute minute = {.requests = cases[i].requests,
                                    .topic_active = cases[i].topic_active,
                                    .has_requests = cases[i].has_requests};

        if (cases[i].checks != NULL) {
            minute.checks = *cases[i].checks;
        }
        print_message("%s\n", cases[i].why);
        assert_string_equal(grade_row(raw_grade_minute(&minute, &rules))->name,
                            grade_row(cases[i].expected)->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_limits_of_18_digits),
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_both),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
