#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "base/check.h"
#include "base/civil.h"
#include "base/clock.h"

static void test_days_count_from_1970(void **state)
{
    (void)state;
    assert_int_equal(civil_days(1970, 1, 1), 0);
    assert_int_equal(civil_days(1969, 12, 31), -1);
    assert_int_equal(civil_days(2000, 2, 29), 11016);
    assert_int_equal(civil_days(2000, 3, 1), 11017);
    assert_int_equal(civil_days(2026, 10, 1), 20727);
    assert_int_equal(civil_days(1, 1, 1), -719162);
    assert_int_equal(civil_days(9999, 12, 31), 2932896);
}

/* Every day of 1 to 9999, counted up by the plain rules of the calendar. */
static void test_every_day_there_and_back(void **state)
{
    int64_t days = civil_days(1, 1, 1);

    (void)state;
    for (int32_t year = 1; year <= 9999; year++) {
        for (int32_t month = 1; month <= 12; month++) {
            for (int32_t day = 1; day <= civil_month_days(year, month); day++, days++) {
                struct civil civil = civil_from_seconds(days * 86400 + 86399);

                if (civil_days(year, month, day) != days || civil.year != year ||
                    civil.month != month || civil.day != day || civil.hour != 23 ||
                    civil.minute != 59 || civil.second != 59) {
                    fail_msg("%d-%d-%d", year, month, day);
                }
            }
        }
    }
    assert_int_equal(days, civil_days(9999, 12, 31) + 1);
}

static void test_weekdays_and_leap_years(void **state)
{
    (void)state;
    assert_int_equal(civil_weekday(civil_days(2026, 11, 23)), 0);
    assert_int_equal(civil_weekday(civil_days(1970, 1, 1)), 3);
    assert_int_equal(civil_weekday(civil_days(1969, 12, 28)), 6);
    assert_true(civil_leap_year(2000));
    assert_false(civil_leap_year(1900));
    assert_true(civil_leap_year(2028));
    assert_int_equal(civil_month_days(2028, 2), 29);
    assert_int_equal(civil_month_days(2027, 2), 28);
}

static void test_rfc3339_is_read(void **state)
{
    static const struct {
        const char *text;
        int64_t time_ns;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-10-01T00:00:00Z", INT64_C(1790812800000000000)},
        {"2026-10-01t00:00:00z", INT64_C(1790812800000000000)}, /* lower case is allowed */
        {"2026-10-01T02:00:00+02:00", INT64_C(1790812800000000000)},
        {"2026-09-30T18:30:00-05:30", INT64_C(1790812800000000000)},
        {"2026-10-01T00:00:00-00:00",
         INT64_C(1790812800000000000)}, /* offset unknown, time known */
        {"1970-01-01T00:00:00.5Z", 500000000},
        {"1970-01-01T00:00:00.000000001Z", 1},
        {"1969-12-31T23:59:59.999999999Z", -1},
        {"2016-12-31T23:59:60Z", INT64_C(1483228799000000000)}, /* counts in the minute it ends */
        {"2016-12-31T23:59:60.5Z", INT64_C(1483228799500000000)},
        {"2000-02-29T00:00:00Z", INT64_C(951782400000000000)},
        {"2262-04-11T23:47:16.854775807Z", INT64_MAX}, /* the last instant of 64 bits */
        {"1677-09-21T00:12:43.145224192Z", INT64_MIN}, /* and the first */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        int64_t time_ns = 42;

        if (!civil_parse_rfc3339(STR(cases[i].text), &time_ns)) {
            fail_msg("%s: refused", cases[i].text);
        }
        assert_int_equal(time_ns, cases[i].time_ns);
    }
}

static void test_rfc3339_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "2026-10-01",
        "2026-10-01T00:00:00",             /* no offset */
        "2026-10-01 00:00:00Z",            /* space instead of T */
        "2026-10-01T00:00:00.Z",           /* point without digits */
        "2026-10-01T00:00:00.1234567890Z", /* ten digits */
        "2026-10-01T00:00:00,5Z",
        "2026-10-01T24:00:00Z",
        "2026-10-01T00:60:00Z",
        "2026-10-01T00:00:61Z",
        "2026-10-01T00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-10-01T00:00:00+24:00",
        "2026-10-01T00:00:00+02:60",
        "2026-10-01T00:00:00+0200",
        "2026-10-01T00:00:00Zx",
        "+026-10-01T00:00:00Z",
        "2262-04-11T23:47:16.854775808Z", /* one nanosecond too late */
        "1677-09-21T00:12:43.145224191Z",
        "9999-12-31T23:59:59Z",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        int64_t time_ns = 42;

        if (civil_parse_rfc3339(STR(cases[i]), &time_ns)) {
            fail_msg("%s: accepted", cases[i]);
        }
    }
}

static void test_rfc3339_is_written(void **state)
{
    char text[CIVIL_TEXT_SIZE];

    (void)state;
    assert_string_equal(civil_format_rfc3339(0, text), "1970-01-01T00:00:00Z");
    assert_string_equal(civil_format_rfc3339(INT64_C(1790812800250000000), text),
                        "2026-10-01T00:00:00.250Z");
    assert_string_equal(civil_format_rfc3339(INT64_C(1790812800000001000), text),
                        "2026-10-01T00:00:00.000001Z");
    assert_string_equal(civil_format_rfc3339(-1, text), "1969-12-31T23:59:59.999999999Z");
    assert_string_equal(civil_format_rfc3339(INT64_MIN, text), "1677-09-21T00:12:43.145224192Z");
    assert_string_equal(civil_format_rfc3339(INT64_MAX, text), "2262-04-11T23:47:16.854775807Z");
}

static void test_dates_and_months(void **state)
{
    int32_t year;
    int32_t month;
    int32_t day;

    (void)state;
    assert_true(civil_parse_date(STR("2028-02-29"), &year, &month, &day));
    assert_int_equal(year, 2028);
    assert_int_equal(month, 2);
    assert_int_equal(day, 29);
    assert_false(civil_parse_date(STR("2027-02-29"), &year, &month, &day));
    assert_false(civil_parse_date(STR("2027-2-9"), &year, &month, &day));
    assert_false(civil_parse_date(STR("2027-02-09 "), &year, &month, &day));
    assert_true(civil_parse_month(STR("2026-10"), &year, &month));
    assert_int_equal(month, 10);
    assert_false(civil_parse_month(STR("2026-13"), &year, &month));
    assert_false(civil_parse_month(STR("2026-10-01"), &year, &month));
    assert_false(civil_parse_month(STR("0000-10"), &year, &month));
}

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        int64_t ns; /* -1: refused */
    } cases[] = {
        {"90s", 90 * NS_PER_SECOND},
        {"10m", 10 * NS_PER_MINUTE},
        {"6h", 6 * NS_PER_HOUR},
        {"5d", 5 * NS_PER_DAY},
        {"250ms", 250 * NS_PER_MS},
        {"10us", 10000},
        {"5ns", 5},
        {"0s", 0},
        {"106751d", 106751 * NS_PER_DAY}, /* the largest number of days */
        {"106752d", -1},
        {"", -1},
        {"5", -1},
        {"s", -1},
        {"-5s", -1},
        {"1.5s", -1},
        {"5 s", -1},
        {"5S", -1},
        {"5w", -1},
        {"1h30m", -1},
        {"99999999999999999999s", -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        int64_t ns = -1;

        if (duration_parse(STR(cases[i].text), &ns) != (cases[i].ns >= 0)) {
            fail_msg("%s", cases[i].text);
        }
        if (cases[i].ns >= 0) {
            assert_int_equal(ns, cases[i].ns);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_days_count_from_1970),
        cmocka_unit_test(test_every_day_there_and_back),
        cmocka_unit_test(test_weekdays_and_leap_years),
        cmocka_unit_test(test_rfc3339_is_read),
        cmocka_unit_test(test_rfc3339_is_refused),
        cmocka_unit_test(test_rfc3339_is_written),
        cmocka_unit_test(test_dates_and_months),
        cmocka_unit_test(test_durations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
