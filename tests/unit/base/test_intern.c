#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdio.h>

#include "base/intern.h"

static void test_names_keep_their_numbers(void **state)
{
    struct intern set;
    struct str first;
    uint32_t number = 0;

    (void)state;
    intern_init(&set);
    assert_int_equal(intern_add(&set, STR("first")), 0);
    first = intern_name(&set, 0);
    for (uint32_t i = 1; i < 5000; i++) { /* far past every growth */
        char name[16];

        assert_int_equal(
            intern_add(&set, str_of(name, (size_t)snprintf(name, sizeof(name), "n%u", i))), i);
    }
    assert_int_equal(intern_add(&set, STR("n4321")), 4321);
    assert_true(intern_find(&set, STR("n77"), &number));
    assert_int_equal(number, 77);
    assert_false(intern_find(&set, STR("nobody"), &number));
    assert_int_equal(set.count, 5000);
    assert_ptr_equal(intern_name(&set, 0).data, first.data); /* the bytes do not move */
    intern_release(&set);
}

static void test_names_are_bytes(void **state)
{
    struct intern set;

    (void)state;
    intern_init(&set);
    assert_int_equal(intern_add(&set, str_of("a\0b", 3)), 0);
    assert_int_equal(intern_add(&set, STR("a")), 1);
    assert_int_equal(intern_add(&set, str_of(NULL, 0)), 2);
    assert_int_equal(intern_add(&set, str_of("a\0b", 3)), 0);
    assert_int_equal(intern_add(&set, STR("")), 2);
    intern_release(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_keep_their_numbers),
        cmocka_unit_test(test_names_are_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
