#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/err.h"

static void test_text_code_and_context(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(err_set(&err, ERR_CONFIG, "line %d", 7), ERR_CONFIG);
    assert_string_equal(err.text, "line 7");
    assert_int_equal(err_context(&err, "a.yaml"), ERR_CONFIG);
    assert_string_equal(err.text, "a.yaml: line 7");
    assert_false(err.retriable);
    assert_int_equal(err_set_retriable(&err, ERR_BROKER, "down"), ERR_BROKER);
    assert_true(err.retriable);
    err_context(&err, "topic");
    assert_true(err.retriable); /* context changes the words only */
    errno = ENOENT;
    assert_int_equal(err_set_errno(&err, ERR_STORE, "x.db"), ERR_STORE);
    assert_string_equal(err.text, "x.db: No such file or directory");
    assert_false(err.retriable);
}

/* The old text may be an argument of the new one. */
static void test_text_of_itself(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    err_set(&err, ERR_DATA, "inner");
    err_set(&err, ERR_FAILED, "outer (%s)", err.text);
    assert_string_equal(err.text, "outer (inner)");
}

static void test_hostile_text_stays_one_line(void **state)
{
    struct err err = ERR_INIT;
    char longer[2 * ERR_TEXT_SIZE];

    (void)state;
    err_set(&err, ERR_DATA, "name %s", "a\nuptally: all is well\x1b[2J\x7f");
    assert_string_equal(err.text, "name a?uptally: all is well?[2J?");
    memset(longer, 'x', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    err_set(&err, ERR_DATA, "%s", longer);
    assert_int_equal(strlen(err.text), ERR_TEXT_SIZE - 1);
    err_context(&err, "front");
    assert_int_equal(strlen(err.text), ERR_TEXT_SIZE - 1);
    assert_int_equal(strncmp(err.text, "front: xxx", 10), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_code_and_context),
        cmocka_unit_test(test_text_of_itself),
        cmocka_unit_test(test_hostile_text_stays_one_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
