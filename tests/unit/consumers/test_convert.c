#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/clock.h"
#include "consumers/convert.h"

static void test_double(void **state)
{
    static const struct {
        double value;
        int64_t unit_ns;
        int64_t expected;
    } rows[] = {
        {0.0, NS_PER_SECOND, 0},
        {-0.0, NS_PER_SECOND, 0},
        {1.5, NS_PER_SECOND, 1500000000},
        {0.25, 1, 0},
        {0.5, 1, 0}, /* a tie goes to even */
        {1.5, 1, 2},
        {2.5, 1, 2},
        {-2.5, 1, -2},
        {-3.5, 1, -4},
        {0.5000000000000001, 1, 1}, /* just above the tie */
        {0.49999999999999994, 1, 0},
        {0.1, NS_PER_SECOND, 100000000},
        {0.3, NS_PER_MS, 300000},
        /* exactly 1793491200.123456001281738281250 in binary */
        {1793491200.123456, NS_PER_SECOND, INT64_C(1793491200123456001)},
        {4503599627370497.5, 1, INT64_C(4503599627370498)},
        {5e-324, NS_PER_DAY, 0}, /* the smallest subnormal */
        {2.2250738585072014e-308, NS_PER_DAY, 0},
        {9007199254740993.0, 1, INT64_C(9007199254740992)},
        {9223372036854774784.0, 1, INT64_C(9223372036854774784)},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        int64_t ns = 77;

        assert_true(convert_double(convert_double_bits(rows[i].value), rows[i].unit_ns, &ns));
        assert_int_equal(ns, rows[i].expected);
    }
}

static void test_double_out_of_range(void **state)
{
    static const double values[] = {
        9223372036854775808.0, 1e300, -1e300, 1.0 / 0.0, -1.0 / 0.0, 0.0 / 0.0};
    int64_t ns;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
        assert_false(convert_double(convert_double_bits(values[i]), 1, &ns));
    }
    assert_false(convert_double(convert_double_bits(1e10), NS_PER_SECOND, &ns));
}

static void test_float(void **state)
{
    int64_t ns = 0;

    (void)state;
    /* the nearest binary32 to 0.1 is 0.100000001490116119384765625 */
    assert_true(convert_float(0x3dcccccd, NS_PER_SECOND, &ns));
    assert_int_equal(ns, 100000001);
    assert_true(convert_float(0xbf000000, NS_PER_SECOND, &ns));
    assert_int_equal(ns, -500000000);
    assert_true(convert_float(0x00000001, NS_PER_SECOND, &ns)); /* subnormal */
    assert_int_equal(ns, 0);
    assert_false(convert_float(0x7fc00000, 1, &ns));
    assert_false(convert_float(0x7f800000, 1, &ns));
    assert_false(convert_float(0x7f7fffff, 1, &ns));
}

static void test_integer(void **state)
{
    int64_t ns = 0;

    (void)state;
    assert_true(convert_integer(-7, 1000, &ns));
    assert_int_equal(ns, -7000);
    assert_true(convert_integer(INT64_MAX, 1, &ns));
    assert_false(convert_integer(INT64_MAX / 1000 + 1, 1000, &ns));
    assert_false(convert_integer(INT64_MIN / 1000 - 1, 1000, &ns));
}

static void test_seconds_text(void **state)
{
    static const struct {
        const char *text;
        int64_t expected;
    } rows[] = {
        {"0s", 0},
        {"0.025376s", 25376000},
        {"3.5s", 3500000000},
        {"00012.000000001s", 12000000001},
        {"0.0000000005s", 0}, /* ties to even */
        {"0.0000000015s", 2},
        {"0.00000000050000000000000000001s", 1},
        {"0.00000000049999999999999999999s", 0},
        {"0.9999999996s", 1000000000},
        {"9223372036.854775807s", INT64_MAX},
    };
    static const char *const refused[] = {"",
                                          "s",
                                          ".5s",
                                          "1.s",
                                          "1",
                                          "-1s",
                                          "+1s",
                                          "1 s",
                                          "1.5",
                                          "1ms",
                                          "0x1s",
                                          "1e3s",
                                          "NaNs",
                                          "1.5ss",
                                          "1..5s",
                                          "1,5s",
                                          " 1s",
                                          "1s ",
                                          "99999999999999999999s",
                                          "9223372036.854775808s"};
    int64_t ns = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        assert_true(convert_seconds_text(STR(rows[i].text), &ns));
        assert_int_equal(ns, rows[i].expected);
    }
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
        assert_false(convert_seconds_text(STR(refused[i]), &ns));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_double),       cmocka_unit_test(test_double_out_of_range),
        cmocka_unit_test(test_float),        cmocka_unit_test(test_integer),
        cmocka_unit_test(test_seconds_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
