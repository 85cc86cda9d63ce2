#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <inttypes.h>

#include "base/civil.h"
#include "base/random.h"
#include "jobs/evaluate/sheet.h"
#include "tests/unit/evaluate/rows_file.h"

enum { NAME, COUNT, TIME };

static const struct sheet_column columns[] = {{"name", true}, {"count", true}, {"time", false}};

/* The one row of the text, or an error. */
static enum err_code read_row(const char *text, struct str *ret_name, int64_t *ret_count,
                              int64_t *ret_time_ns, char error[256])
{
    static char name[64];
    struct err err = ERR_INIT;
    struct rows_file file;
    struct sheet sheet;
    bool more = false;
    enum err_code code;

    rows_file_write(&file, text, strlen(text));
    code = sheet_open(&sheet, file.path, columns, ARRAY_COUNT(columns), NULL, &err);
    if (code == ERR_OK) {
        code = sheet_next(&sheet, &more, &err);
        if (code == ERR_OK) {
            assert_true(more);
            snprintf(name, sizeof(name), "%.*s", STR_ARGS(sheet_text(&sheet, NAME)));
            *ret_name = STR(name);
            code = sheet_count(&sheet, COUNT, ret_count, &err);
        }
        if (code == ERR_OK && sheet_has(&sheet, TIME)) {
            code = sheet_time_ns(&sheet, TIME, ret_time_ns, &err);
        }
        sheet_close(&sheet);
    }
    if (code != ERR_OK) {
        assert_int_equal(code, ERR_DATA);
        snprintf(error, 256, "%s", rows_file_error(&file, &err));
    }
    rows_file_remove(&file);
    return code;
}

static void test_columns_come_in_any_order(void **state)
{
    struct str name = STR("");
    int64_t count = 0, time_ns = 0;
    char error[256];

    (void)state;
    assert_int_equal(read_row("time,count,name\r\n1970-01-01T00:00:01+00:00,7,\"a,b\"\r\n", &name,
                              &count, &time_ns, error),
                     ERR_OK);
    assert_true(str_equal(name, STR("a,b")));
    assert_int_equal(count, 7);
    assert_int_equal(time_ns, NS_PER_SECOND);
    assert_int_equal(
        read_row("name,count\nx,4611686018427387903\n", &name, &count, &time_ns, error), ERR_OK);
    assert_int_equal(count, SHEET_COUNT_MAX);
}

static void test_faults_name_line_and_column(void **state)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"", ":1: empty; the header is name,count[,time]"},
        {"\n\n", ":1: empty; the header is name,count[,time]"},
        {"name,tim\n", ":1: unknown column \"tim\" (did you mean \"time\"?); the header is "
                       "name,count[,time]"},
        {"name, count\n", ":1: unknown column \" count\" (did you mean \"count\"?); the header is "
                          "name,count[,time]"},
        {"name,count,name\n", ":1: name: the column occurs twice"},
        {"name,time\n", ":1: count: the column is missing; the header is name,count[,time]"},
        {"name,count\nx\n", ":2: 1 fields, but the header has 2"},
        {"name,count\nx,1,2\n", ":2: 3 fields, but the header has 2"},
        {"name,count\nx,\n", ":2: count: empty"},
        {"name,count\nx,-1\n", ":2: count: -1 is negative"},
        {"name,count\nx,+1\n", ":2: count: \"+1\" is no number"},
        {"name,count\nx,1.0\n", ":2: count: \"1.0\" is no number"},
        {"name,count\nx, 1\n", ":2: count: \" 1\" is no number"},
        {"name,count\nx,4611686018427387904\n", ":2: count: 4611686018427387904 is too large"},
        {"name,count\nx,99999999999999999999999999\n",
         ":2: count: 99999999999999999999999999 is too large"},
        {"name,count,time\nx,1,\n", ":2: time: empty"},
        {"name,count,time\nx,1,2026-10-01\n",
         ":2: time: \"2026-10-01\" is no time like 2026-10-01T00:00:00Z (RFC 3339), of the years "
         "1685 to 2255"},
        {"name,count,time\nx,1,2256-01-01T00:00:00Z\n",
         ":2: time: \"2256-01-01T00:00:00Z\" is no time like 2026-10-01T00:00:00Z (RFC 3339), of "
         "the years 1685 to 2255"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct str name = STR("");
        int64_t count, time_ns;
        char error[256] = "no error";

        (void)read_row(cases[i].text, &name, &count, &time_ns, error);
        assert_string_equal(error, cases[i].wanted);
    }
}

/* The short way for a time of the same date gives what base/civil.h gives, also for what is no time. */
static void test_times_are_those_of_civil(void **state)
{
    enum { ROWS = 20000 };
    static const char odd[] = "0123456789:TZ-+ .z";
    char *text = malloc(ROWS * 64);
    char(*stamps)[40] = malloc(ROWS * sizeof(stamps[0]));
    struct err err = ERR_INIT;
    struct rows_file file;
    struct random random;
    struct sheet sheet;
    uint64_t seed = 20261126;
    size_t size;
    bool more = true;

    (void)state;
    print_message("seed %" PRIu64 "\n", seed);
    random_init_seed(&random, seed);
    size = (size_t)sprintf(text, "name,count,time\n");
    for (int i = 0; i < ROWS; i++) {
        int64_t second = INT64_C(1790000000) + (int64_t)random_below(&random, 200000);

        civil_format_rfc3339(second * NS_PER_SECOND, stamps[i]);
        if (random_below(&random, 4) == 0) {
            stamps[i][random_below(&random, 20)] = odd[random_below(&random, sizeof(odd) - 1)];
        }
        if (random_below(&random, 16) == 0) {
            strcpy(stamps[i] + 19, ".25Z");
        }
        size += (size_t)sprintf(text + size, "x,1,%s\n", stamps[i]);
    }
    rows_file_write(&file, text, size);
    assert_int_equal(sheet_open(&sheet, file.path, columns, 3, NULL, &err), ERR_OK);
    for (int i = 0; i < ROWS; i++) {
        int64_t wanted_ns = 0, time_ns = 0;
        bool good = civil_parse_rfc3339(STR(stamps[i]), &wanted_ns);

        good = good && wanted_ns < INT64_C(9000000000) * NS_PER_SECOND &&
               wanted_ns > -INT64_C(9000000000) * NS_PER_SECOND;
        assert_int_equal(sheet_next(&sheet, &more, &err), ERR_OK);
        if ((sheet_time_ns(&sheet, TIME, &time_ns, &err) == ERR_OK) != good ||
            (good && time_ns != wanted_ns)) {
            fail_msg("%s: %" PRId64 " instead of %" PRId64, stamps[i], time_ns, wanted_ns);
        }
    }
    sheet_close(&sheet);
    rows_file_remove(&file);
    free(stamps);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_come_in_any_order),
        cmocka_unit_test(test_faults_name_line_and_column),
        cmocka_unit_test(test_times_are_those_of_civil),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
