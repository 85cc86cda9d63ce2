#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <fcntl.h>
#include <inttypes.h>

#include "base/civil.h"
#include "base/random.h"
#include "jobs/evaluate/minutes.h"
#include "tests/unit/evaluate/rows_file.h"

#define HEADER "service,minute,total,errors,slow\n"
#define HEADER_TIMES "service,minute,total,errors,slow,first_ok,last_ok,first_error,last_error\n"

/* Small, so that a few rows are already sorted on disk. */
static const struct sorter_options small = {.rows_max = 16, .runs_max = 4, .read_size = 128};

struct given {
    char text[1 << 20]; /* "api 0:10/1/2 60:5/0/0; portal ...": minutes with their counts */
    size_t used;
    int restarts;
};

static void give(void *context, const struct minutes_of_service *minutes)
{
    struct given *given = context;

    given->used += (size_t)snprintf(given->text + given->used, sizeof(given->text) - given->used,
                                    "%s%zu", given->used > 0 ? "; " : "", minutes->service);
    for (size_t i = 0; i < minutes->count; i++) {
        const struct count_row *row = &minutes->rows[i];

        given->used +=
            (size_t)snprintf(given->text + given->used, sizeof(given->text) - given->used,
                             " %" PRId64 ":%" PRId64 "/%" PRId64 "/%" PRId64, row->minute_s,
                             row->counts.total, row->counts.errors, row->counts.slow);
        if (minutes->times != NULL && minutes->times[i].first_ok_ns != INT64_MIN) {
            given->used +=
                (size_t)snprintf(given->text + given->used, sizeof(given->text) - given->used,
                                 "@%" PRId64, minutes->times[i].first_ok_ns);
        }
    }
    assert_true(given->used < sizeof(given->text));
}

static void restart(void *context)
{
    struct given *given = context;

    given->used = 0;
    given->text[0] = '\0';
    given->restarts++;
}

/* pipe: through a pipe instead of as a file. */
static const char *read_rows(const char *text, bool times, bool through_pipe, int *ret_restarts)
{
    static struct given given;
    const struct minutes_sink sink = {.give = give, .restart = restart, .context = &given};
    struct err err = ERR_INIT;
    struct rows_file file;
    struct roster roster;
    struct windows windows;
    char command[600];
    FILE *piped = NULL;

    given = (struct given){.used = 0};
    rows_file_write(&file, text, strlen(text));
    roster_init(&roster, rows_contract());
    if (through_pipe) {
        static char path[32];

        snprintf(command, sizeof(command), "cat %s", file.path);
        piped = popen(command, "r");
        assert_non_null(piped);
        snprintf(path, sizeof(path), "/dev/fd/%d", fileno(piped));
        assert_int_equal(windows_open(&windows, path, &roster, times, NULL, &err), ERR_OK);
        windows.sheet.csv.name = file.path;
    } else if (windows_open(&windows, file.path, &roster, times, NULL, &err) != ERR_OK) {
        windows.sheet.csv.buffer = NULL;
    }
    if (err.code == ERR_OK) {
        (void)minutes_read(&windows, &small, &sink, &err);
        windows_close(&windows);
    }
    if (err.code != ERR_OK) {
        assert_int_equal(err.code, ERR_DATA);
        snprintf(given.text, sizeof(given.text), "%s", rows_file_error(&file, &err));
    }
    if (piped != NULL) {
        (void)pclose(piped);
    }
    if (ret_restarts != NULL) {
        *ret_restarts = given.restarts;
    }
    roster_release(&roster);
    rows_file_remove(&file);
    return given.text;
}

static void test_any_order_gives_the_same(void **state)
{
    static const struct {
        const char *text, *wanted;
        int restarts;
    } cases[] = {
        {HEADER, "", 0},
        /* As they stand, services in any order: nothing is sorted. */
        {HEADER "portal,1970-01-01T00:01:00Z,5,1,0\nportal,1970-01-01T00:03:00Z,7,0,0\n"
                "api,1970-01-01T00:00:00Z,10,1,2\n",
         "1 60:5/1/0 180:7/0/0; 0 0:10/1/2", 0},
        /* A minute that goes back; a service that comes again. */
        {HEADER "api,1970-01-01T00:01:00Z,5,0,0\napi,1970-01-01T00:00:00Z,10,1,2\n",
         "0 0:10/1/2 60:5/0/0", 1},
        {HEADER "api,1970-01-01T00:00:00Z,1,0,0\nportal,1970-01-01T00:00:00Z,2,0,0\n"
                "api,1970-01-01T00:01:00Z,3,0,0\n",
         "0 0:1/0/0 60:3/0/0; 1 0:2/0/0", 1},
        /* Offsets, before 1970, columns in another order. */
        {"slow,errors,total,minute,service\n2,1,10,1970-01-01T01:00:00+01:00,api\n"
         "0,0,4,1969-12-31T23:59:00Z,api\n",
         "0 -60:4/0/0 0:10/1/2", 1},
        /* A row without requests is a row of the service, but no minute. */
        {HEADER "api,1970-01-01T00:00:00Z,0,0,0\n", "0", 0},
        /* Services that are not in the contract are left out, whatever their order. */
        {HEADER "x,1970-01-01T00:05:00Z,1,0,0\napi,1970-01-01T00:00:00Z,1,0,0\n"
                "x,1970-01-01T00:05:00Z,1,0,0\napi,1970-01-01T00:01:00Z,1,0,0\n",
         "0 0:1/0/0 60:1/0/0", 0},
        {HEADER_TIMES
         "api,1970-01-01T00:01:00Z,1,0,0,1970-01-01T00:01:00.5Z,"
         "1970-01-01T00:01:59.999999999Z,,\n"
         "api,1970-01-01T00:00:00Z,1,1,0,,,1970-01-01T00:00:00Z,1970-01-01T00:00:01Z\n",
         "0 0:1/1/0 60:1/0/0@60500000000", 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        bool times = strstr(cases[i].text, "first_ok") != NULL;
        int restarts;

        assert_string_equal(read_rows(cases[i].text, times, false, &restarts), cases[i].wanted);
        assert_int_equal(restarts, cases[i].restarts);
    }
    /* What cannot be read again is sorted from the start. */
    assert_string_equal(read_rows(cases[3].text, false, true, NULL), cases[3].wanted);
    assert_string_equal(read_rows(cases[7].text, true, true, NULL), cases[7].wanted);
}

static void test_bad_rows_name_line_and_column(void **state)
{
    static const struct {
        bool times;
        const char *text, *wanted;
    } cases[] = {
        {false, HEADER ",1970-01-01T00:00:00Z,1,0,0\n", ":2: service: empty"},
        {false, HEADER "api,1970-01-01T00:00:01Z,1,0,0\n",
         ":2: minute: 1970-01-01T00:00:01Z does not lie on the minute"},
        {false, HEADER "api,1970-01-01T00:00:00.5Z,1,0,0\n", ":2: minute: a fraction of a second"},
        {false, HEADER "api,1970-01-01T00:00:00Z,-1,0,0\n", ":2: total: -1 is negative"},
        {false, HEADER "api,1970-01-01T00:00:00Z,1,2,0\n", ":2: errors: 2 errors of 1 requests"},
        {false, HEADER "api,1970-01-01T00:00:00Z,10,4,7\n",
         ":2: slow: 7 slow requests and 4 errors of 10 requests: only good ones count as slow"},
        /* Rows of other services must be well formed, too. */
        {false, HEADER "x,1970-01-01T00:00:00Z,1,2,0\n", ":2: errors: 2 errors of 1 requests"},
        {false,
         HEADER "api,1970-01-01T00:00:00Z,4611686018427387903,0,0\n"
                "x,1970-01-01T00:01:00Z,4611686018427387903,0,0\n"
                "api,1970-01-01T00:01:00Z,1,0,0\n",
         ":4: total: the sum of all requests is above 4611686018427387903"},
        /* The later of the two lines, in order or not. */
        {false, HEADER "api,1970-01-01T00:00:00Z,1,0,0\napi,1970-01-01T00:00:00Z,1,0,0\n",
         ":3: minute: 1970-01-01T00:00:00Z of service \"api\" stands in line 2 already"},
        {false,
         HEADER "api,1970-01-01T00:05:00Z,1,0,0\nportal,1970-01-01T00:00:00Z,1,0,0\n"
                "api,1970-01-01T00:00:00Z,1,0,0\napi,1970-01-01T01:05:00+01:00,0,0,0\n",
         ":5: minute: 1970-01-01T00:05:00Z of service \"api\" stands in line 2 already"},
        {true, HEADER "api,1970-01-01T00:00:00Z,1,0,0\n",
         ":1: first_ok: the column is missing: method total_failure_runs measures between the "
         "times of requests"},
        {false, "service,minute,total,errors,slow,first_ok,last_ok\n",
         ":1: first_error: the column is missing, but others of the four times are there"},
        {true, HEADER_TIMES "api,1970-01-01T00:00:00Z,1,0,0,,,,\n",
         ":2: first_ok: empty, but there were such requests"},
        {true, HEADER_TIMES "api,1970-01-01T00:00:00Z,1,1,0,,,1970-01-01T00:00:00Z,\n",
         ":2: last_error: empty, but there were such requests"},
        {false, HEADER_TIMES "api,1970-01-01T00:00:00Z,1,0,0,1970-01-01T00:00:00Z,,,\n",
         ":2: first_ok: first_ok and last_ok come together"},
        {false, HEADER_TIMES "api,1970-01-01T00:00:00Z,1,1,0,1970-01-01T00:00:00Z,,,\n",
         ":2: first_ok: a time, but there was no such request"},
        {false,
         HEADER_TIMES
         "api,1970-01-01T00:00:00Z,1,0,0,1970-01-01T00:01:00Z,1970-01-01T00:01:00Z,,\n",
         ":2: first_ok: 1970-01-01T00:01:00Z is not within the minute"},
        {false,
         HEADER_TIMES
         "api,1970-01-01T00:00:00Z,2,0,0,1970-01-01T00:00:02Z,1970-01-01T00:00:01.9Z,,\n",
         ":2: first_ok: later than last_ok"},
        /* A time that the method does not need may be missing. */
        {false, HEADER_TIMES "api,1970-01-01T00:00:00Z,2,1,0,,,,\n", "0 0:2/1/0"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        assert_string_equal(read_rows(cases[i].text, cases[i].times, false, NULL), cases[i].wanted);
    }
    assert_string_equal(read_rows(cases[9].text, false, true, NULL), cases[9].wanted);
}

/* A few thousand minutes, sorted, shuffled, and shuffled through a pipe, with merges of merges. */
static void test_shuffled_rows_are_the_same(void **state)
{
    enum { MINUTES = 1500, LINE_SIZE = 80 };
    char(*lines)[LINE_SIZE] = malloc(2 * MINUTES * sizeof(lines[0]));
    char *text = malloc(2 * MINUTES * LINE_SIZE + 100);
    struct random random;
    uint64_t seed = 7;
    char *sorted;

    (void)state;
    print_message("seed %" PRIu64 "\n", seed);
    random_init_seed(&random, seed);
    for (int i = 0; i < 2 * MINUTES; i++) {
        char stamp[CIVIL_TEXT_SIZE];

        snprintf(lines[i], LINE_SIZE, "%s,%s,%d,%d,%d\n", i < MINUTES ? "api" : "portal",
                 civil_format_rfc3339((i % MINUTES) * NS_PER_MINUTE, stamp), i + 1, i % 3 % (i + 1),
                 i % 2 % (i + 1) * (i > 3));
    }
    for (int pass = 0; pass < 4; pass++) {
        const char *read;

        strcpy(text, HEADER);
        for (int i = 0; i < 2 * MINUTES; i++) {
            strcat(text + i * 20, lines[i]);
        }
        read = read_rows(text, false, pass == 3, NULL);
        if (pass == 0) {
            sorted = strdup(read);
            assert_non_null(sorted);
            assert_true(strlen(sorted) > 20000);
        }
        assert_string_equal(read, sorted);
        for (size_t i = 2 * MINUTES - 1; i > 0; i--) {
            size_t other = random_below(&random, i + 1);
            char swap[LINE_SIZE];

            memcpy(swap, lines[i], LINE_SIZE);
            memcpy(lines[i], lines[other], LINE_SIZE);
            memcpy(lines[other], swap, LINE_SIZE);
        }
    }
    free(sorted);
    free(lines);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_order_gives_the_same),
        cmocka_unit_test(test_bad_rows_name_line_and_column),
        cmocka_unit_test(test_shuffled_rows_are_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
