#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <inttypes.h>
#include <time.h>

#include "base/check.h"
#include "base/random.h"
#include "base/rational.h"

static struct rational parsed(const char *text)
{
    struct rational value;

    assert_true(rational_parse(STR(text), &value));
    return value;
}

static void assert_fraction(struct rational value, int64_t numerator, int64_t denominator)
{
    assert_true(value.numerator == numerator);
    assert_true(value.denominator == denominator);
}

static void assert_formats(struct rational value, int digits, enum rounding rounding,
                           const char *expected)
{
    struct strbuf buf;

    strbuf_init(&buf, 100);
    rational_format(&buf, value, digits, rounding);
    assert_string_equal(strbuf_text(&buf), expected);
    strbuf_release(&buf);
}

static void test_decimals_are_exact(void **state)
{
    (void)state;
    assert_fraction(parsed("99.95"), 1999, 20);
    assert_fraction(parsed("-0.5"), -1, 2);
    assert_fraction(parsed("10"), 10, 1);
    assert_fraction(parsed("0"), 0, 1);
    assert_fraction(parsed("-0.00"), 0, 1);
    assert_fraction(parsed("12400.00"), 12400, 1);
    assert_fraction(parsed("0.00000000000000001"), 1, INT64_C(100000000000000000));
}

static void test_other_texts_are_refused(void **state)
{
    static const char *const cases[] = {
        "",   "-",  ".5",  "5.",    "1e3",  "+1",  "1,5",
        " 1", "1 ", "--1", "1.2.3", "0x10", "nan", "1234567890123456789"};
    struct rational value;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        if (rational_parse(STR(cases[i]), &value)) {
            fail_msg("\"%s\" accepted", cases[i]);
        }
    }
}

static void test_arithmetic(void **state)
{
    struct rational third = rational_make(1, 3);
    struct rational sixth = rational_make(-1, -6);

    (void)state;
    assert_fraction(rational_add(third, sixth), 1, 2);
    assert_fraction(rational_subtract(sixth, third), -1, 6);
    assert_fraction(rational_multiply(third, rational_make(3, -4)), -1, 4);
    assert_fraction(rational_divide(third, rational_make(-2, 9)), -3, 2);
    assert_fraction(rational_subtract(third, third), 0, 1);
}

/* A tier border is hit exactly, or missed by one request in 10^18. */
static void test_comparison_has_no_rounding(void **state)
{
    const int64_t big = INT64_C(4611686018427387904); /* 2^62 */
    struct rational border = rational_make(9995, 10000);

    (void)state;
    assert_true(rational_compare(rational_make(1999, 2000), border) == 0);
    assert_true(
        rational_compare(rational_make(INT64_C(999499999999999999), INT64_C(1000000000000000000)),
                         border) < 0);
    assert_true(rational_compare(rational_make(big - 1, big), rational_make(big - 2, big - 1)) > 0);
    assert_true(rational_compare(rational_make(-1, 3), rational_make(1, 3)) < 0);
    assert_true(rational_compare(rational_make(-1, 3), rational_make(-1, 2)) > 0);
    assert_true(rational_compare(rational_make(0, 3), rational_make(0, 7)) == 0);
}

/* Values whose products need more than 128 bits. */
static void test_comparison_is_256_bits_wide(void **state)
{
    const int128 huge = ((int128)1 << 126) + 12345;

    (void)state;
    assert_true(
        rational_compare((struct rational){huge, huge - 1}, (struct rational){huge + 1, huge}) > 0);
    assert_true(
        rational_compare((struct rational){huge - 1, huge}, (struct rational){huge, huge + 1}) < 0);
    assert_true(rational_compare((struct rational){-huge, huge - 1},
                                 (struct rational){-huge - 1, huge}) < 0);
    assert_true(rational_compare((struct rational){huge, 3}, (struct rational){huge, 3}) == 0);
}

/* a/b < c/d decided another way: by continued fractions, which never multiply. */
static int compare_by_division(int128 a, int128 b, int128 c, int128 d)
{
    for (int sign = 1;; sign = -sign) {
        int128 whole_a = a / b;
        int128 whole_c = c / d;
        int128 rest_a = a % b;
        int128 rest_c = c % d;

        if (whole_a != whole_c) {
            return whole_a < whole_c ? -sign : sign;
        }
        if (rest_a == 0 || rest_c == 0) {
            return sign * ((rest_a != 0) - (rest_c != 0));
        }
        a = b;
        b = rest_a;
        c = d;
        d = rest_c;
    }
}

static void test_comparison_against_continued_fractions(void **state)
{
    uint64_t seed = (uint64_t)time(NULL);
    struct random random;

    (void)state;
    print_message("seed %" PRIu64 "\n", seed);
    random_init_seed(&random, seed);
    for (int i = 0; i < 100000; i++) {
        int128 part[4];

        for (size_t k = 0; k < 4; k++) {
            unsigned __int128 bits =
                ((unsigned __int128)random_next(&random) << 64) | random_next(&random);

            part[k] = (int128)((bits >> (1 + random_below(&random, 126))) + 1);
        }
        if (i % 4 == 0) { /* neighbours: equal but for one part */
            part[2] = part[0];
            part[3] = part[1] > 2 ? part[1] - 1 : part[1];
        }
        assert_int_equal(rational_compare((struct rational){part[0], part[1]},
                                          (struct rational){part[2], part[3]}),
                         compare_by_division(part[0], part[1], part[2], part[3]));
    }
}

static void test_rounding_is_named(void **state)
{
    static const struct {
        const char *value;
        int digits;
        int64_t floor, half_even, half_up;
    } cases[] = {
        {"2.5", 0, 2, 2, 3},
        {"3.5", 0, 3, 4, 4},
        {"-2.5", 0, -3, -2, -3},
        {"-3.5", 0, -4, -4, -4},
        {"2.4999", 0, 2, 2, 2},
        {"2.5001", 0, 2, 3, 3},
        {"-2.5001", 0, -3, -3, -3},
        {"-2.4999", 0, -3, -2, -2},
        {"1240.005", 2, 124000, 124000, 124001},
        {"1240.015", 2, 124001, 124002, 124002},
        {"7", 3, 7000, 7000, 7000},
        {"0.0004", 3, 0, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct rational value = parsed(cases[i].value);

        assert_true(rational_scale(value, cases[i].digits, ROUND_FLOOR) == cases[i].floor);
        assert_true(rational_scale(value, cases[i].digits, ROUND_HALF_EVEN) == cases[i].half_even);
        assert_true(rational_scale(value, cases[i].digits, ROUND_HALF_UP) == cases[i].half_up);
    }
}

static void test_text_form(void **state)
{
    struct rational almost_all = rational_make(INT64_C(999999999), INT64_C(1000000000));
    struct strbuf buf;

    (void)state;
    assert_formats(rational_multiply(almost_all, parsed("100")), 3, ROUND_FLOOR, "99.999");
    assert_formats(rational_multiply(almost_all, parsed("100")), 3, ROUND_HALF_UP, "100.000");
    assert_formats(rational_make(1, 3), 0, ROUND_FLOOR, "0");
    assert_formats(rational_make(-1, 3), 2, ROUND_HALF_EVEN, "-0.33");
    assert_formats(rational_make(-1, 1000), 2, ROUND_HALF_EVEN, "0.00");
    assert_formats(rational_make(1, 400), 4, ROUND_FLOOR, "0.0025");

    strbuf_init(&buf, 100);
    rational_format_exact(&buf, parsed("99.950"));
    strbuf_append_char(&buf, ' ');
    rational_format_exact(&buf, parsed("-0.125"));
    strbuf_append_char(&buf, ' ');
    rational_format_exact(&buf, rational_make(30, 3));
    strbuf_append_char(&buf, ' ');
    int128_format(&buf, -1);
    assert_string_equal(strbuf_text(&buf), "99.95 -0.125 10 -1");
    strbuf_clear(&buf);
    int128_format(&buf, (int128)((unsigned __int128)1 << 127));
    assert_string_equal(strbuf_text(&buf), "-170141183460469231731687303715884105728");
    strbuf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decimals_are_exact),
        cmocka_unit_test(test_other_texts_are_refused),
        cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_comparison_has_no_rounding),
        cmocka_unit_test(test_comparison_is_256_bits_wide),
        cmocka_unit_test(test_comparison_against_continued_fractions),
        cmocka_unit_test(test_rounding_is_named),
        cmocka_unit_test(test_text_form),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
