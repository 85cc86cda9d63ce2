/* Service hours: how they are written, and what time is inside. */
#include "tests/unit/config_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/random.h"
#include "jobs/config/hours.h"

/* The hours begin at f:5:19. */
static enum err_code parse(const char *zone, const char *hours, struct config **ret_config,
                           struct err *err)
{
    struct strbuf text;
    enum err_code code;

    strbuf_init(&text, 100000);
    strbuf_append_format(
        &text,
        "contracts:\n- id: a\n  services: [s]\n  time_zone: %s\n"
        "  service_hours: %s\n"
        "  availability: {target: 99, method: request_ratio, unknown: {no_traffic: "
        "up, probe_down: up, pipeline_gap: up, not_provisioned: up}}\n",
        zone, hours);
    code = config_parse(strbuf_view(&text), "f", ret_config, err);
    strbuf_release(&text);
    return code;
}

/* As the canonical terms have them: by day, ascending, joined where they touch. */
static const struct {
    const char *hours;
    const char *terms;
} forms[] = {
    {"{mon-fri: \"08:00-18:00\", sat: \"09:00-12:00\", holidays: [2026-12-25]}",
     "{\"fri\":\"08:00-18:00\",\"holidays\":[\"2026-12-25\"],\"mon\":\"08:00-18:00\",\"sat\":"
     "\"09:00-12:00\",\"thu\":\"08:00-18:00\",\"tue\":\"08:00-18:00\",\"wed\":\"08:00-18:00\"}"},
    {"{tue: 00:00-24:00}", "{\"tue\":\"00:00-24:00\"}"},
    {"{wed: \"13:00-17:30, 08:15-12:00\"}", "{\"wed\":\"08:15-12:00,13:00-17:30\"}"},
    {"{wed: \"08:00-12:00,12:00-18:00\"}", "{\"wed\":\"08:00-18:00\"}"},
    {"{sat-mon: \"22:00-24:00\"}",
     "{\"mon\":\"22:00-24:00\",\"sat\":\"22:00-24:00\",\"sun\":\"22:00-24:00\"}"},
    {"{mon-tue: \"08:00-10:00\", tue: \"10:30-12:00\"}",
     "{\"mon\":\"08:00-10:00\",\"tue\":\"08:00-10:00,10:30-12:00\"}"},
    {"{sun: 00:00-00:01, holidays: [2027-01-01, 2026-12-31]}",
     "{\"holidays\":[\"2026-12-31\",\"2027-01-01\"],\"sun\":\"00:00-00:01\"}"},
    {"{sun: 10:00-11:00, holidays: []}", "{\"sun\":\"10:00-11:00\"}"},
};

static void test_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
        struct config *config;
        struct err err = ERR_INIT;
        struct strbuf expected;

        if (parse("UTC", forms[i].hours, &config, &err) != ERR_OK) {
            fail_msg("%s: %s", forms[i].hours, err.text);
        }
        strbuf_init(&expected, 10000);
        strbuf_append_format(&expected, "\"period\":\"month\",\"service_hours\":%s,\"services\"",
                             forms[i].terms);
        if (strstr(config->contracts[0].terms.data, strbuf_text(&expected)) == NULL) {
            fail_msg("%s: %s", forms[i].hours, config->contracts[0].terms.data);
        }
        strbuf_release(&expected);
        config_free(config);
    }
}

static const struct {
    const char *hours;
    const char *expected;
} refusals[] = {
    {"{}", "f:5:18: service_hours: no day has hours; without this key all have"},
    {"{holidays: [2026-12-25]}",
     "f:5:18: service_hours: no day has hours; without this key all have"},
    {"08:00-18:00", "f:5:18: service_hours: a table is wanted, not a single value"},
    {"", "f:5:17: service_hours: a table is wanted, not nothing"},
    {"{mno-fri: 08:00-18:00}", "f:5:19: unknown key \"mno-fri\" (did you mean \"mon-fri\"?)"},
    {"{monday: 08:00-18:00}", "f:5:19: unknown key \"monday\""},
    {"{holiday: [2026-12-25]}", "f:5:19: unknown key \"holiday\" (did you mean \"holidays\"?)"},
    {"{mon-: 08:00-18:00}", "f:5:19: unknown key \"mon-\" (did you mean \"mon\"?)"},
    {"{mon: 8:00-18:00}", "f:5:24: mon: \"8:00-18:00\" is not hours such as 08:00-18:00 or "
                          "08:00-12:00, 13:00-24:00"},
    {"{mon: 08:00}",
     "f:5:24: mon: \"08:00\" is not hours such as 08:00-18:00 or 08:00-12:00, 13:00-24:00"},
    {"{mon: \"08:00-18:00,\"}", "f:5:24: mon: \"08:00-18:00,\" is not hours such as 08:00-18:00 or "
                                "08:00-12:00, 13:00-24:00"},
    {"{mon: 08:00-24:01}", "f:5:24: mon: \"08:00-24:01\" is not hours such as 08:00-18:00 or "
                           "08:00-12:00, 13:00-24:00"},
    {"{mon: 08:60-18:00}", "f:5:24: mon: \"08:60-18:00\" is not hours such as 08:00-18:00 or "
                           "08:00-12:00, 13:00-24:00"},
    {"{mon: [08:00-18:00]}", "f:5:24: mon: a single value is wanted, not a list"},
    {"{mon: 22:00-06:00}", "f:5:24: mon: 22:00-06:00 passes midnight; write it as two: "
                           "22:00-24:00, and 00:00-06:00 for the day after"},
    {"{mon: 08:00-08:00}", "f:5:24: mon: 08:00-08:00 has no time in it; a day ends at 24:00"},
    {"{mon: 08:00-00:00}", "f:5:24: mon: 08:00-00:00 has no time in it; a day ends at 24:00"},
    {"{mon: \"08:00-12:00, 11:59-13:00\"}", "f:5:24: mon: mon has some of these hours already"},
    {"{mon-fri: 08:00-18:00, wed: 12:00-13:00}",
     "f:5:46: wed: wed has some of these hours already"},
    {"{wed: 12:00-13:00, mon-fri: 08:00-18:00}",
     "f:5:46: mon-fri: wed has some of these hours already"},
    {"{mon: \"00:00-01:00,02:00-03:00,04:00-05:00,06:00-07:00,08:00-09:00,10:00-11:00,12:00-13:00,"
     "14:00-15:00,16:00-17:00\"}",
     "f:5:24: mon: more than 8 ranges on mon"},
    {"{mon: 08:00-09:00, holidays: 2026-12-25}",
     "f:5:47: holidays: a list is wanted, not a single value"},
    {"{mon: 08:00-09:00, holidays: [2026-02-29]}",
     "f:5:48: holidays: \"2026-02-29\" is not a date such as 2026-01-01"},
    {"{mon: 08:00-09:00, holidays: [2026-12-25, 2026-12-25]}",
     "f:5:60: holidays: 2026-12-25 occurs twice"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(refusals); i++) {
        struct config *config;
        struct err err = ERR_INIT;

        assert_refused(parse("UTC", refusals[i].hours, &config, &err), &err, refusals[i].hours,
                       refusals[i].expected);
    }
}

static int64_t length(const struct span *spans, size_t count)
{
    int64_t seconds = 0;

    for (size_t i = 0; i < count; i++) {
        seconds += spans[i].to_s - spans[i].from_s;
    }
    return seconds;
}

static int64_t measure(const char *zone, const char *hours, const char *from, const char *to)
{
    struct arena arena = ARENA_INIT;
    struct config *config;
    struct err err = ERR_INIT;
    struct span *spans;
    size_t count;
    int64_t from_ns, to_ns, seconds;

    assert_int_equal(parse(zone, hours, &config, &err), ERR_OK);
    assert_true(civil_parse_rfc3339(STR(from), &from_ns));
    assert_true(civil_parse_rfc3339(STR(to), &to_ns));
    hours_spans(config->contracts[0].hours, config->contracts[0].zone, from_ns / 1000000000,
                to_ns / 1000000000, &arena, &spans, &count);
    seconds = length(spans, count);
    arena_release(&arena);
    config_free(config);
    return seconds;
}

/* Derived by hand from the calendars of the zones. */
static void test_changes_of_clocks(void **state)
{
    static const struct {
        const char *zone, *hours, *from, *to;
        double hours_inside;
    } cases[] = {
        /* 2026-03-29: from 02:00 to 03:00 local time there is nothing */
        {"Europe/Berlin", "{sun: 00:00-06:00}", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", 5},
        /* 2026-10-25: 02:00 to 03:00 occurs twice */
        {"Europe/Berlin", "{sun: 00:00-06:00}", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", 7},
        {"Europe/Berlin", "{sun: 02:00-03:00}", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", 2},
        {"Europe/Berlin", "{sun: 02:15-02:45}", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", 1},
        {"Europe/Berlin", "{sun: 02:00-03:00}", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", 0},
        /* whole months of business hours: 22 working days in October, none of them touched by the change */
        {"Europe/Berlin", "{mon-fri: 08:00-18:00}", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z",
         220},
        {"Europe/Berlin", "{mon-fri: 08:00-18:00, holidays: [2026-10-01, 2026-10-03]}",
         "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z", 210},
        {"America/New_York", "{sun: 00:00-06:00}", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z",
         5},
        {"America/New_York", "{sun: 00:00-06:00}", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z",
         7},
        /* half an hour only */
        {"Australia/Lord_Howe", "{sun: 00:00-06:00}", "2026-04-04T13:00:00Z",
         "2026-04-05T13:30:00Z", 6.5},
        {"Australia/Lord_Howe", "{sun: 00:00-06:00}", "2026-10-03T13:30:00Z",
         "2026-10-04T13:00:00Z", 5.5},
        /* cut by the ends of what is asked for */
        {"UTC", "{mon-sun: 08:00-18:00}", "2026-10-01T09:30:00Z", "2026-10-02T08:30:00Z", 9},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        assert_int_equal(measure(cases[i].zone, cases[i].hours, cases[i].from, cases[i].to),
                         (int64_t)(cases[i].hours_inside * 3600));
    }
}

static void test_always(void **state)
{
    struct arena arena = ARENA_INIT;
    struct span *spans;
    struct zone *zone;
    struct err err = ERR_INIT;
    size_t count;

    (void)state;
    assert_int_equal(zone_open("Europe/Berlin", &zone, &err), ERR_OK);
    hours_spans(NULL, zone, 1000, 2000, &arena, &spans, &count);
    assert_int_equal(count, 1);
    assert_int_equal(spans[0].from_s, 1000);
    assert_int_equal(spans[0].to_s, 2000);
    hours_spans(NULL, zone, 1000, 1000, &arena, &spans, &count);
    assert_int_equal(count, 0);
    zone_free(zone);
    arena_release(&arena);
}

/* The same by the C library's calendar; TZ names the zone. */
static bool inside(const struct service_hours *hours, int64_t time_s)
{
    time_t t = (time_t)time_s;
    struct tm local;
    int second;
    int day;

    assert_non_null(localtime_r(&t, &local));
    day = (local.tm_wday + 6) % 7;
    second = local.tm_hour * 3600 + local.tm_min * 60 + local.tm_sec;
    for (size_t i = 0; i < hours->holiday_count; i++) {
        time_t midnight = (time_t)(hours->holidays[i] * 86400);
        struct tm date;

        assert_non_null(gmtime_r(&midnight, &date));
        if (date.tm_year == local.tm_year && date.tm_yday == local.tm_yday) {
            return false;
        }
    }
    for (size_t i = 0; i < hours->weekdays[day].count; i++) {
        const struct hours_range *range = &hours->weekdays[day].ranges[i];

        if (second >= range->from_s && second < range->to_s) {
            return true;
        }
    }
    return false;
}

/* Up to four ranges a day, on borders of 15 minutes, some of them midnight. */
static void make_hours(struct random *random, int64_t around_s, struct service_hours *hours,
                       int64_t holidays[2])
{
    *hours = (struct service_hours){.holidays = holidays};
    for (int day = 0; day < 7; day++) {
        int32_t from = (int32_t)random_below(random, 30) - 3;

        for (; from < 96 && hours->weekdays[day].count < 4;
             from += 1 + (int32_t)random_below(random, 20)) {
            int32_t start = from < 0 ? 0 : from;
            int32_t to = start + 1 + (int32_t)random_below(random, 30);

            to = to > 96 ? 96 : to;
            hours->weekdays[day].ranges[hours->weekdays[day].count++] =
                (struct hours_range){start * 900, to * 900};
            from = to;
        }
    }
    hours->holiday_count = random_below(random, 3);
    for (size_t i = 0; i < hours->holiday_count; i++) {
        holidays[i] = around_s / 86400 + (int64_t)(2 * i) - (int64_t)random_below(random, 2);
    }
}

static void compare(const struct service_hours *hours, const struct zone *zone, int64_t from_s,
                    int64_t to_s)
{
    struct arena arena = ARENA_INIT;
    struct span *spans;
    size_t count;
    size_t next = 0;

    hours_spans(hours, zone, from_s, to_s, &arena, &spans, &count);
    for (size_t i = 0; i < count; i++) {
        assert_true(spans[i].from_s < spans[i].to_s);
        assert_true(spans[i].from_s >= from_s);
        assert_true(spans[i].to_s <= to_s);
        assert_true(i == 0 || spans[i - 1].to_s < spans[i].from_s);
    }
    for (int64_t t = from_s; t < to_s; t++) {
        bool found;

        while (next < count && spans[next].to_s <= t) {
            next++;
        }
        found = next < count && spans[next].from_s <= t;
        if (found != inside(hours, t)) {
            fail_msg("%s: second %lld", zone_name(zone), (long long)t);
        }
    }
    arena_release(&arena);
}

static void test_against_every_second(void **state)
{
    static const struct {
        const char *zone;
        const char *around; /* a change of its clocks */
    } changes[] = {
        {"Europe/Berlin", "2026-03-29T01:00:00Z"},
        {"Europe/Berlin", "2026-10-25T01:00:00Z"},
        {"America/New_York", "2026-03-08T07:00:00Z"},
        {"America/New_York", "2026-11-01T06:00:00Z"},
        {"Australia/Lord_Howe", "2026-04-04T15:00:00Z"},
        {"Australia/Lord_Howe", "2026-10-03T15:30:00Z"},
        {"America/Santiago", "2026-09-06T04:00:00Z"}, /* midnight does not occur */
        {"Pacific/Apia", "2011-12-30T10:00:00Z"},     /* a day does not occur */
    };
    uint64_t seed = (uint64_t)time(NULL);
    struct random random;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    random_init_seed(&random, seed);
    for (size_t i = 0; i < ARRAY_COUNT(changes) * 6; i++) {
        const char *name = changes[i % ARRAY_COUNT(changes)].zone;
        int64_t holidays[2];
        struct service_hours hours;
        struct zone *zone;
        struct err err = ERR_INIT;
        int64_t around_ns, from_s, to_s;

        assert_true(civil_parse_rfc3339(STR(changes[i % ARRAY_COUNT(changes)].around), &around_ns));
        make_hours(&random, around_ns / 1000000000, &hours, holidays);
        from_s = around_ns / 1000000000 - 2 * 86400 + (int64_t)random_below(&random, 7200);
        to_s = from_s + 86400 + (int64_t)random_below(&random, 3 * 86400);
        assert_int_equal(zone_open(name, &zone, &err), ERR_OK);
        assert_int_equal(setenv("TZ", name, 1), 0);
        tzset();
        compare(&hours, zone, from_s, to_s);
        assert_int_equal(unsetenv("TZ"), 0);
        tzset();
        zone_free(zone);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_changes_of_clocks),
        cmocka_unit_test(test_always),
        cmocka_unit_test(test_against_every_second),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
