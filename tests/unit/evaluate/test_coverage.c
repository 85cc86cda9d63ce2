#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <inttypes.h>

#include "jobs/evaluate/coverage.h"
#include "tests/unit/evaluate/rows_file.h"

#define HEADER "service,from,to,state\n"

/* States of "api" as they were read: "0-60 operational, ..."; or the error. */
static const char *read_states(const char *text)
{
    static char out[1024];
    struct err err = ERR_INIT;
    struct rows_file file;
    struct roster roster;
    struct states states = {0};
    size_t used = 0;
    size_t count;

    out[0] = '\0';
    rows_file_write(&file, text, strlen(text));
    roster_init(&roster, rows_contract());
    if (states_read(file.path, &roster, NULL, &states, &err) == ERR_OK) {
        const struct stated *rows = states_of(&states, 0, &count);

        for (size_t i = 0; i < count; i++) {
            used += (size_t)snprintf(out + used, sizeof(out) - used, "%s%" PRId64 "-%" PRId64 " %s",
                                     i > 0 ? ", " : "", rows[i].row.from_s, rows[i].row.to_s,
                                     rows[i].row.claimed ? "maintenance"
                                                         : grade_row(rows[i].row.grade)->name);
        }
        states_release(&states);
    } else {
        assert_int_equal(err.code, ERR_DATA);
        snprintf(out, sizeof(out), "%s", rows_file_error(&file, &err));
    }
    roster_release(&roster);
    rows_file_remove(&file);
    return out;
}

static void test_states_are_read(void **state)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {HEADER, ""},
        {HEADER "api,1970-01-01T00:01:00Z,1970-01-01T00:02:00Z,major\n"
                "portal,1970-01-01T00:00:00Z,1970-01-01T00:02:00Z,operational\n"
                "api,1970-01-01T00:00:00Z,1970-01-01T00:01:00Z,maintenance\n",
         "0-60 maintenance, 60-120 major"},
        /* A row a minute becomes one; not across another state, and maintenance is no outage. */
        {HEADER "api,1970-01-01T00:00:00Z,1970-01-01T00:01:00Z,major\n"
                "x,1970-01-01T00:00:00Z,1970-01-01T00:01:00Z,major\n"
                "api,1970-01-01T00:01:00Z,1970-01-01T00:02:00Z,major\n"
                "api,1970-01-01T00:02:00Z,1970-01-01T00:03:00Z,maintenance\n",
         "0-120 major, 120-180 maintenance"},
        {HEADER "api,1970-01-01T00:00:00Z,1970-01-01T00:00:00Z,major\n",
         ":2: to: 1970-01-01T00:00:00Z is not after from, 1970-01-01T00:00:00Z"},
        {HEADER "api,1970-01-01T00:00:01Z,1970-01-01T00:00:00Z,major\n",
         ":2: to: 1970-01-01T00:00:00Z is not after from, 1970-01-01T00:00:01Z"},
        {HEADER "api,1970-01-01T00:00:00.1Z,1970-01-01T00:00:01Z,major\n",
         ":2: from: a fraction of a second"},
        {HEADER "x,1970-01-01T00:00:00Z,1970-01-01T00:00:01Z,down\n",
         ":2: state: \"down\" is none of operational, degraded, partial, major, maintenance, "
         "no_traffic, probe_down, pipeline_gap, not_provisioned"},
        {HEADER ",1970-01-01T00:00:00Z,1970-01-01T00:00:01Z,major\n", ":2: service: empty"},
        /* The later line of the file, wherever its time is. */
        {HEADER "api,1970-01-01T00:01:00Z,1970-01-01T00:02:00Z,major\n"
                "api,1970-01-01T00:00:00Z,1970-01-01T00:01:01Z,major\n",
         ":3: from: overlaps the state of service \"api\" in line 2"},
        {HEADER "api,1970-01-01T00:00:00Z,1970-01-01T00:10:00Z,major\n"
                "portal,1970-01-01T00:02:00Z,1970-01-01T00:03:00Z,major\n"
                "api,1970-01-01T00:02:00Z,1970-01-01T00:03:00Z,partial\n",
         ":4: from: overlaps the state of service \"api\" in line 2"},
        {HEADER "api,1970-01-01T00:00:00Z,1970-01-01T00:10:00Z,major\n"
                "api,1970-01-01T00:00:00Z,1970-01-01T00:10:00Z,major\n",
         ":3: from: overlaps the state of service \"api\" in line 2"},
        /* Of several the one that comes first. */
        {HEADER "api,1970-01-01T00:00:00Z,1970-01-01T00:10:00Z,major\n"
                "api,1970-01-01T00:04:00Z,1970-01-01T00:05:00Z,partial\n"
                "api,1970-01-01T00:02:00Z,1970-01-01T00:03:00Z,partial\n",
         ":3: from: overlaps the state of service \"api\" in line 2"},
        /* Rows that became one do not hide which line it was. */
        {HEADER "api,1970-01-01T00:00:00Z,1970-01-01T00:01:00Z,major\n"
                "api,1970-01-01T00:01:00Z,1970-01-01T00:02:00Z,major\n"
                "api,1970-01-01T00:00:30Z,1970-01-01T00:00:40Z,partial\n",
         ":4: from: overlaps the state of service \"api\" in line 2"},
        {HEADER "api,1970-01-01T00:01:30Z,1970-01-01T00:01:40Z,partial\n"
                "api,1970-01-01T00:00:00Z,1970-01-01T00:01:00Z,major\n"
                "api,1970-01-01T00:01:00Z,1970-01-01T00:02:00Z,major\n",
         ":4: from: overlaps the state of service \"api\" in line 2"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        assert_string_equal(read_states(cases[i].text), cases[i].wanted);
    }
}

static const char *show(const struct coverage *coverage)
{
    static char out[1024];
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < coverage->count; i++) {
        used += (size_t)snprintf(out + used, sizeof(out) - used, "%s%" PRId64 "-%" PRId64 " %s",
                                 i > 0 ? ", " : "", coverage->rows[i].from_s,
                                 coverage->rows[i].to_s, grade_row(coverage->rows[i].grade)->name);
    }
    return out;
}

static void test_unknown_states_override_counts(void **state)
{
    const struct count_row rows[] = {{.minute_s = -60, .counts = {.total = 1}},
                                     {.minute_s = 60, .counts = {.total = 1}},
                                     {.minute_s = 120, .counts = {.total = 1}}};
    const struct minutes_of_service minutes = {.rows = rows, .count = ARRAY_COUNT(rows)};
    const struct stated states[] = {
        {.row = {.from_s = 10, .to_s = 20, .grade = GRADE_MAJOR}},
        {.row = {.from_s = 50, .to_s = 70, .grade = GRADE_PROBE_DOWN}},
        {.row = {.from_s = 70, .to_s = 90, .grade = GRADE_OPERATIONAL}},
        {.row = {.from_s = 170, .to_s = 200, .grade = GRADE_PIPELINE_GAP}},
    };
    struct coverage coverage = {0};

    (void)state;
    coverage_of_minutes(&coverage, &minutes, states, ARRAY_COUNT(states), 0, 180);
    assert_string_equal(show(&coverage), "-60-0 operational, 0-50 no_traffic, 50-70 probe_down, "
                                         "70-170 operational, 170-200 pipeline_gap");
    /* A service with rows of states only, all of them known: it has rows, and no traffic. */
    coverage_of_minutes(&coverage, NULL, states, 1, 0, 180);
    assert_string_equal(show(&coverage), "0-180 no_traffic");
    coverage_of_minutes(&coverage, NULL, NULL, 0, 0, 180);
    assert_string_equal(show(&coverage), "");
    coverage_of_states(&coverage, states, ARRAY_COUNT(states));
    assert_string_equal(show(&coverage),
                        "10-20 major, 50-70 probe_down, 70-90 operational, 170-200 pipeline_gap");
    coverage_release(&coverage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states_are_read),
        cmocka_unit_test(test_unknown_states_override_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
