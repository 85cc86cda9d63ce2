#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdlib.h>

#include "base/check.h"
#include "jobs/label.h"

static void test_columns(void **state)
{
    static const struct {
        const char *name;
        size_t columns, all;
        const char *shown;
    } cases[] = {
        {"portal", 8, 6, "portal  "},
        {"portal", 3, 6, "por"},
        {"", 2, 0, "  "},
        {"d\xc3\xbcrr", 5, 4, "d\xc3\xbcrr "},
        /* Two columns each; one that does not fit whole leaves a space. */
        {"\xe9\x94\x99\xe8\xaf\xaf", 4, 4, "\xe9\x94\x99\xe8\xaf\xaf"},
        {"\xe9\x94\x99\xe8\xaf\xaf", 3, 4, "\xe9\x94\x99 "},
        /* e and a combining acute accent: one column. */
        {"e\xcc\x81x", 2, 2, "e\xcc\x81x"},
        {"\xf0\x9f\x94\xa5!", 3, 3, "\xf0\x9f\x94\xa5!"},
        /* Neither control characters nor what turns the direction. */
        {"a\033[2Jb\xe2\x80\xae\xc2\x9b", 9, 8, "a?[2Jb?? "},
        {"a\xff", 3, 2, "a\xef\xbf\xbd "},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char *shown = NULL;
        size_t size;
        FILE *out = open_memstream(&shown, &size);

        assert_non_null(out);
        label_print(out, STR(cases[i].name), cases[i].columns);
        assert_int_equal(fclose(out), 0);
        assert_string_equal(shown, cases[i].shown);
        assert_int_equal(label_columns(STR(cases[i].name)), cases[i].all);
        free(shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
