/* Numbers of hundreds of digits: against 128-bit arithmetic where that can answer, and at their limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "jobs/statement/natural.h"

typedef unsigned __int128 uint128;

static struct natural of(uint128 value)
{
    char text[64];
    char *at = text + sizeof(text);
    struct natural ret;

    do {
        *--at = (char)('0' + (int)(value % 10));
        value /= 10;
    } while (value > 0);
    assert_true(natural_parse(str_of(at, (size_t)(text + sizeof(text) - at)), &ret));
    return ret;
}

static void test_arithmetic_against_128_bits(void **state)
{
    struct random random;
    uint64_t seed;

    (void)state;
    random_init_system(&random);
    seed = random_next(&random);
    printf("seed %llu\n", (unsigned long long)seed);
    random_init_seed(&random, seed);
    for (int i = 0; i < 20000; i++) {
        /* Of all sizes, zeros and limb borders among them. */
        uint64_t x = random_next(&random) >> (random_next(&random) % 64);
        uint64_t y = random_next(&random) >> (random_next(&random) % 64);
        struct natural a = of(x);
        struct natural b = of(y);
        struct natural result, expected;

        assert_int_equal(natural_compare(&a, &b), (x > y) - (x < y));
        natural_add(&a, &b, &result);
        expected = of((uint128)x + y);
        assert_int_equal(natural_compare(&result, &expected), 0);
        natural_multiply(&a, &b, &result);
        expected = of((uint128)x * y);
        assert_int_equal(natural_compare(&result, &expected), 0);
        natural_subtract(x > y ? &a : &b, x > y ? &b : &a, &result);
        expected = of(x > y ? x - y : y - x);
        assert_int_equal(natural_compare(&result, &expected), 0);
    }
}

static void test_what_is_no_number_is_refused(void **state)
{
    static const char *const bad[] = {"",   "-1",    "+1", "1e3", "1.",
                                      ".5", "1.2.3", " 1", "0x1", "1,5"};
    struct natural_decimal value;
    char digits[NATURAL_DIGITS_MAX + 2];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(natural_parse_decimal(STR(bad[i]), &value));
    }
    memset(digits, '9', sizeof(digits));
    assert_true(natural_parse(str_of(digits, NATURAL_DIGITS_MAX), &value.value));
    assert_false(natural_parse(str_of(digits, NATURAL_DIGITS_MAX + 1), &value.value));
    assert_false(natural_parse_decimal(str_of(digits, NATURAL_DIGITS_MAX + 1), &value));
    digits[1] = '.';
    assert_true(natural_parse_decimal(str_of(digits, NATURAL_POWER_MAX + 2), &value));
    assert_false(natural_parse_decimal(str_of(digits, NATURAL_POWER_MAX + 3), &value));
}

/* The greatest numbers that can be parsed, multiplied and shifted as far as it goes. */
static void test_the_greatest_numbers_fit(void **state)
{
    char digits[NATURAL_DIGITS_MAX];
    struct natural a, product;
    struct natural_decimal x, y;

    (void)state;
    memset(digits, '9', sizeof(digits));
    assert_true(natural_parse(str_of(digits, sizeof(digits)), &a));
    natural_multiply(&a, &a, &product);
    natural_shift(&product, 2 * NATURAL_POWER_MAX);
    assert_true(natural_compare(&product, &a) > 0);
    assert_true(natural_parse_decimal(STR("1.50"), &x));
    assert_true(natural_parse_decimal(STR("1.5"), &y));
    assert_int_equal(natural_compare_decimals(&x, &y), 0);
    assert_true(natural_parse_decimal(STR("1.51"), &x));
    assert_int_equal(natural_compare_decimals(&x, &y), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arithmetic_against_128_bits),
        cmocka_unit_test(test_what_is_no_number_is_refused),
        cmocka_unit_test(test_the_greatest_numbers_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
