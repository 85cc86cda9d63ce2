#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/zone.h"

static struct zone *opened(const char *name)
{
    struct err err = ERR_INIT;
    struct zone *zone = NULL;

    if (zone_open(name, &zone, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(zone_name(zone), name);
    return zone;
}

static int64_t utc(const char *text)
{
    int64_t time_ns;

    assert_true(civil_parse_rfc3339(STR(text), &time_ns));
    return time_ns / NS_PER_SECOND;
}

static int64_t month_half_hours(const struct zone *zone, int32_t year, int32_t month)
{
    return (zone_month_start(zone, year, month + 1) - zone_month_start(zone, year, month)) / 1800;
}

static void test_months_have_their_real_length(void **state)
{
    static const struct {
        const char *zone;
        int32_t month;
        int64_t half_hours;
    } cases[] = {
        {"Europe/Berlin", 3, 2 * 743},     {"Europe/Berlin", 10, 2 * 745},
        {"Europe/Berlin", 12, 2 * 744}, /* month 13 is January */
        {"America/New_York", 3, 2 * 743},  {"America/New_York", 11, 2 * 721},
        {"Australia/Lord_Howe", 4, 1441},  /* half an hour back: 720.5 h */
        {"Australia/Lord_Howe", 10, 1487}, /* and forth: 743.5 h */
        {"Asia/Kolkata", 10, 2 * 744},     {"UTC", 2, 2 * 672},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct zone *zone = opened(cases[i].zone);

        assert_int_equal(month_half_hours(zone, 2026, cases[i].month), cases[i].half_hours);
        zone_free(zone);
    }
}

static void test_wall_times(void **state)
{
    static const struct {
        const char *zone;
        struct civil local;
        const char *utc;
    } cases[] = {
        {"Europe/Berlin", {2026, 10, 1, 0, 0, 0}, "2026-09-30T22:00:00Z"},
        {"Europe/Berlin", {2026, 10, 25, 2, 30, 0}, "2026-10-25T00:30:00Z"}, /* twice: the first */
        {"Europe/Berlin", {2026, 10, 25, 3, 0, 0}, "2026-10-25T02:00:00Z"},
        {"Europe/Berlin",
         {2026, 3, 29, 2, 30, 0},
         "2026-03-29T01:00:00Z"}, /* never: end of the gap */
        {"Europe/Berlin", {2026, 3, 29, 1, 59, 59}, "2026-03-29T00:59:59Z"},
        {"Africa/Cairo",
         {2026, 4, 24, 0, 0, 0},
         "2026-04-23T22:00:00Z"}, /* no midnight on that day */
        {"America/Santiago", {2026, 9, 6, 0, 0, 0}, "2026-09-06T04:00:00Z"}, /* nor here */
        {"Pacific/Apia",
         {2011, 12, 30, 12, 0, 0},
         "2011-12-30T10:00:00Z"}, /* nor that day at all */
        {"Asia/Kathmandu", {2026, 1, 1, 0, 0, 0}, "2025-12-31T18:15:00Z"},
        {"Europe/Berlin",
         {2090, 7, 1, 0, 0, 0},
         "2090-06-30T22:00:00Z"}, /* by the rule behind the table */
        {"Etc/GMT+5", {2026, 1, 1, 0, 0, 0}, "2026-01-01T05:00:00Z"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct zone *zone = opened(cases[i].zone);

        assert_int_equal(zone_from_local(zone, &cases[i].local), utc(cases[i].utc));
        zone_free(zone);
    }
}

static void test_offsets(void **state)
{
    struct zone *zone = opened("Europe/Berlin");
    struct civil local;

    (void)state;
    assert_int_equal(zone_offset(zone, utc("2026-10-25T00:59:59Z")), 7200);
    assert_int_equal(zone_offset(zone, utc("2026-10-25T01:00:00Z")), 3600);
    assert_int_equal(zone_offset(zone, utc("1971-07-01T00:00:00Z")),
                     3600); /* no summer time then */
    local = zone_to_local(zone, utc("2026-10-25T01:15:00Z"));
    assert_int_equal(local.hour, 2);
    assert_int_equal(local.minute, 15);
    zone_free(zone);

    zone = opened("America/Recife"); /* summer time for one week */
    assert_int_equal(zone_offset(zone, utc("2000-10-08T02:59:59Z")), -3 * 3600);
    assert_int_equal(zone_offset(zone, utc("2000-10-08T03:00:00Z")), -2 * 3600);
    assert_int_equal(zone_offset(zone, utc("2000-10-15T01:59:59Z")), -2 * 3600);
    assert_int_equal(zone_offset(zone, utc("2000-10-15T02:00:00Z")), -3 * 3600);
    zone_free(zone);
}

/* Each change is found from the one before, and the offset differs on its two sides only. */
/* A zone's table is made of its file and of a rule that repeats; the C library has both from the file alone. */
static void test_same_as_the_c_library(void **state)
{
    static const char *const names[] = {
        "Europe/Berlin", "America/New_York", "Africa/Casablanca", "Australia/Lord_Howe",
        "Asia/Gaza",     "America/Nuuk",     "Asia/Kolkata",      "UTC"};
    const int64_t end = INT64_C(4102444800); /* 2100 */

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct err err = ERR_INIT;
        struct zone *zone;

        assert_int_equal(zone_open(names[i], &zone, &err), ERR_OK);
        assert_int_equal(setenv("TZ", names[i], 1), 0);
        tzset();
        for (time_t t = 0; t < end; t += 5 * 86400 + 12345) {
            struct tm local;

            assert_non_null(localtime_r(&t, &local));
            assert_int_equal(zone_offset(zone, t), local.tm_gmtoff);
        }
        assert_int_equal(unsetenv("TZ"), 0);
        tzset();
        zone_free(zone);
    }
}

static void test_next_changes(void **state)
{
    struct zone *berlin = opened("Europe/Berlin");
    struct zone *zone = opened("UTC");
    int64_t change = zone_next_change(berlin, utc("2026-03-01T00:00:00Z"));

    (void)state;
    assert_int_equal(change, utc("2026-03-29T01:00:00Z"));
    assert_int_equal(zone_next_change(berlin, change - 1), change);
    assert_int_equal(zone_next_change(berlin, change), utc("2026-10-25T01:00:00Z"));
    assert_int_equal(zone_offset(berlin, change - 1), 3600);
    assert_int_equal(zone_offset(berlin, change), 7200);
    assert_int_equal(zone_next_change(berlin, utc("2099-12-31T00:00:00Z")), INT64_MAX);
    assert_int_equal(zone_next_change(zone, 0), INT64_MAX);
    zone_free(berlin);
    zone_free(zone);
}

/* Local midnights must order and cover the time line, also where a midnight does not exist or occurs twice. */
static void test_midnights_ascend(void **state)
{
    static const char *const names[] = {"Africa/Cairo",        "America/Santiago", "America/Havana",
                                        "Asia/Beirut",         "Europe/Berlin",    "Pacific/Apia",
                                        "Australia/Lord_Howe", "Africa/Casablanca"};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        struct zone *zone = opened(names[i]);
        int64_t previous = INT64_MIN;

        for (int64_t day = civil_days(2000, 1, 1); day < civil_days(2030, 1, 1); day++) {
            struct civil midnight = civil_from_seconds(day * 86400);
            int64_t start = zone_from_local(zone, &midnight);
            struct civil local = zone_to_local(zone, start);

            /* A day that a zone left out altogether starts where the next one does. */
            if (start < previous || (start == previous && strcmp(names[i], "Pacific/Apia") != 0)) {
                fail_msg("%s: day %d", names[i], (int)day);
            }
            /* The instant is at or after the wall time, and the second before it is not. */
            assert_true(civil_to_seconds(&local) >= day * 86400);
            local = zone_to_local(zone, start - 1);
            assert_true(civil_to_seconds(&local) < day * 86400);
            previous = start;
        }
        zone_free(zone);
    }
}

static void test_bad_names(void **state)
{
    static const char *const names[] = {
        "",
        "../etc/passwd",
        "/usr/share/zoneinfo/UTC",
        "Europe/../UTC",
        "Europe//Berlin",
        "Europe/",
        "Europe", /* a folder */
        "Nope/Zone",
        "zone.tab",
        "right/Europe/Berlin",    /* counts leap seconds */
        "EST5EDT,M3.2.0,M11.1.0", /* a rule, not a name */
        ":UTC",
        "Europe/Berlin\nx",
        "Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaa",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        struct err err = ERR_INIT;
        struct zone *zone = NULL;

        if (zone_open(names[i], &zone, &err) != ERR_CONFIG) {
            fail_msg("\"%s\" accepted", names[i]);
        }
        assert_null(zone);
        assert_non_null(strstr(err.text, "no time zone"));
    }
}

static void test_the_process_keeps_its_zone(void **state)
{
    (void)state;
    assert_int_equal(setenv("TZ", "America/New_York", 1), 0);
    zone_free(opened("Europe/Berlin"));
    assert_string_equal(getenv("TZ"), "America/New_York");
    assert_int_equal(unsetenv("TZ"), 0);
    zone_free(opened("Europe/Berlin"));
    assert_null(getenv("TZ"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_months_have_their_real_length),
        cmocka_unit_test(test_wall_times),
        cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_same_as_the_c_library),
        cmocka_unit_test(test_next_changes),
        cmocka_unit_test(test_midnights_ascend),
        cmocka_unit_test(test_bad_names),
        cmocka_unit_test(test_the_process_keeps_its_zone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
