#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <inttypes.h>

#include "jobs/evaluate/announcements.h"
#include "tests/unit/evaluate/rows_file.h"

#define HEADER "service,announced_at,from,to,status,reason\n"
#define NINE_TO_TEN "1970-01-01T09:00:00Z,1970-01-01T10:00:00Z,"

/* What is kept of the first day of 1970: "2 api, 3 * cancelled"; or the error. */
static const char *read_rows(const char *text)
{
    static char out[512];
    struct announcement_input *rows = NULL;
    struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct rows_file file;
    struct roster roster;
    size_t count = 0;
    size_t used = 0;

    out[0] = '\0';
    rows_file_write(&file, text, strlen(text));
    roster_init(&roster, rows_contract());
    if (announcements_read(file.path, &roster, 0, 86400, NULL, &arena, &rows, &count, &err) !=
        ERR_OK) {
        assert_int_equal(err.code, ERR_DATA);
        snprintf(out, sizeof(out), "%s", rows_file_error(&file, &err));
    }
    for (size_t i = 0; i < count; i++) {
        used += (size_t)snprintf(out + used, sizeof(out) - used, "%s%" PRId64 " %.*s%s%s%.*s",
                                 i > 0 ? ", " : "", rows[i].id, STR_ARGS(rows[i].service),
                                 rows[i].cancelled ? " cancelled" : "",
                                 rows[i].reason.size > 0 ? " for " : "", STR_ARGS(rows[i].reason));
    }
    arena_release(&arena);
    roster_release(&roster);
    rows_file_remove(&file);
    return out;
}

static void test_what_is_kept_and_what_withdraws(void **state)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {HEADER, ""},
        {"to,from,announced_at,service\n"
         "1970-01-01T10:00:00Z,1970-01-01T09:00:00Z,1970-01-01T00:00:00.5Z,api\n",
         "2 api"},
        {HEADER "api,1970-01-01T00:00:00Z," NINE_TO_TEN ",disks\n"
                "*,1970-01-01T00:00:00Z," NINE_TO_TEN "planned,\n"
                "other,1970-01-01T00:00:00Z," NINE_TO_TEN ",\n",
         "2 api for disks, 3 *"},
        /* The borders of the period are half open. */
        {HEADER "api,1970-01-01T00:00:00Z,1969-12-31T00:00:00Z,1970-01-01T00:00:00Z,,\n"
                "api,1970-01-01T00:00:00Z,1970-01-02T00:00:00Z,1970-01-02T01:00:00Z,,\n"
                "api,1970-01-01T00:00:00Z,1969-12-31T00:00:00Z,1970-01-01T00:00:00.1Z,,\n"
                "api,1970-01-01T00:00:00Z,1970-01-01T23:59:59.9Z,1970-01-02T01:00:00Z,,\n",
         "4 api, 5 api"},
        /* Withdrawn: of the same service and times, announced before or at the same moment; wherever the rows stand. */
        {HEADER "api,1970-01-01T02:00:00Z," NINE_TO_TEN "cancelled,\n"
                "api,1970-01-01T01:00:00Z," NINE_TO_TEN "planned,\n"
                "api,1970-01-01T02:00:00Z," NINE_TO_TEN "planned,\n"
                "api,1970-01-01T02:00:00.000000001Z," NINE_TO_TEN "planned,\n",
         "3 api cancelled, 4 api cancelled, 5 api"},
        /* Not withdrawn: of another service, of all, of other times. */
        {HEADER "api,1970-01-01T01:00:00Z," NINE_TO_TEN "planned,\n"
                "portal,1970-01-01T02:00:00Z," NINE_TO_TEN "cancelled,\n"
                "*,1970-01-01T02:00:00Z," NINE_TO_TEN "cancelled,\n"
                "api,1970-01-01T02:00:00Z,1970-01-01T09:00:01Z,1970-01-01T10:00:00Z,cancelled,\n"
                "api,1970-01-01T02:00:00Z,1970-01-01T09:00:00Z,1970-01-01T10:00:01Z,cancelled,\n",
         "2 api"},
        /* The same instants in other words. */
        {HEADER "api,1970-01-01T01:00:00Z," NINE_TO_TEN "planned,\n"
                "api,1970-01-01T02:00:00Z,1970-01-01T10:00:00+01:00,1970-01-01T10:00:00.0Z,"
                "cancelled,\n",
         "2 api cancelled"},
        {HEADER ",1970-01-01T01:00:00Z," NINE_TO_TEN "planned,\n", ":2: service: empty"},
        {HEADER "api,," NINE_TO_TEN "planned,\n", ":2: announced_at: empty"},
        {HEADER "api,1970-01-01T01:00:00Z," NINE_TO_TEN "maybe,\n",
         ":2: status: \"maybe\" is neither planned nor cancelled"},
        {HEADER "other,1970-01-01T01:00:00Z,1970-01-01T01:00:00Z,1970-01-01T01:00:00Z,,\n",
         ":2: to: 1970-01-01T01:00:00Z is not after from, 1970-01-01T01:00:00Z"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        assert_string_equal(read_rows(cases[i].text), cases[i].wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_kept_and_what_withdraws),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
