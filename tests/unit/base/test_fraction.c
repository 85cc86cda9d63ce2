#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/fraction.h"
#include "base/random.h"

static struct fraction parsed(struct arena *arena, const char *text)
{
    struct rational value;

    assert_true(rational_parse(STR(text), &value));
    return fraction_of(arena, value);
}

static void assert_text(struct fraction value, int digits, enum rounding rounding,
                        const char *expected)
{
    struct strbuf buf;

    strbuf_init(&buf, 1000);
    fraction_format(&buf, value, digits, rounding);
    assert_string_equal(strbuf_text(&buf), expected);
    strbuf_release(&buf);
}

static void assert_short(struct fraction value, int digits, const char *expected)
{
    struct strbuf buf;

    strbuf_init(&buf, 1000);
    fraction_format_short(&buf, value, digits);
    assert_string_equal(strbuf_text(&buf), expected);
    strbuf_release(&buf);
}

static void test_rounding_at_exactly_half(void **state)
{
    static const struct {
        const char *value, *floor, *half_even, *half_up;
    } rows[] = {
        {"0.125", "0.12", "0.12", "0.13"},
        {"0.135", "0.13", "0.14", "0.14"},
        {"-0.125", "-0.13", "-0.12", "-0.13"},
        {"0.1250001", "0.12", "0.13", "0.13"},
        {"-0.001", "-0.01", "0.00", "0.00"},
        {"0", "0.00", "0.00", "0.00"},
        {"12.345", "12.34", "12.34", "12.35"},
        {"999.995", "999.99", "1000.00", "1000.00"},
        {"-999.995", "-1000.00", "-1000.00", "-1000.00"},
    };
    struct arena arena = ARENA_INIT;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct fraction value = parsed(&arena, rows[i].value);

        print_message("%s\n", rows[i].value);
        assert_text(value, 2, ROUND_FLOOR, rows[i].floor);
        assert_text(value, 2, ROUND_HALF_EVEN, rows[i].half_even);
        assert_text(value, 2, ROUND_HALF_UP, rows[i].half_up);
    }
    arena_release(&arena);
}

static void test_short_forms_never_pretend(void **state)
{
    struct arena arena = ARENA_INIT;
    struct fraction third = fraction_divide(&arena, parsed(&arena, "1"), parsed(&arena, "3"));

    (void)state;
    assert_short(parsed(&arena, "17.500"), 18, "17.5");
    assert_short(parsed(&arena, "-2"), 18, "-2");
    assert_short(FRACTION_ZERO, 18, "0");
    assert_short(third, 4, "0.3333...");
    assert_short(fraction_subtract(&arena, FRACTION_ZERO, third), 2, "-0.34...");
    assert_short(parsed(&arena, "0.001"), 2, "0.00...");
    arena_release(&arena);
}

/* The same operations in both kinds of numbers, on values that the smaller one can hold. */
static void test_agrees_with_small_numbers(void **state)
{
    uint64_t seed = (uint64_t)time(NULL);
    struct random random;
    struct arena arena = ARENA_INIT;

    (void)state;
    random_init_seed(&random, seed);
    print_message("seed %" PRIu64 "\n", seed);
    for (int i = 0; i < 2000; i++) {
        struct rational a = rational_make((int64_t)random_below(&random, 2000000) - 1000000,
                                          (int64_t)random_below(&random, 100000) + 1);
        struct rational b = rational_make((int64_t)random_below(&random, 2000) - 1000,
                                          (int64_t)random_below(&random, 1000) + 1);
        struct fraction x = fraction_of(&arena, a);
        struct fraction y = fraction_of(&arena, b);

        assert_int_equal(fraction_compare(x, y), rational_compare(a, b));
        assert_int_equal(
            fraction_compare(fraction_add(&arena, x, y), fraction_of(&arena, rational_add(a, b))),
            0);
        assert_int_equal(fraction_compare(fraction_subtract(&arena, x, y),
                                          fraction_of(&arena, rational_subtract(a, b))),
                         0);
        assert_int_equal(fraction_compare(fraction_multiply(&arena, x, y),
                                          fraction_of(&arena, rational_multiply(a, b))),
                         0);
        if (b.numerator != 0) {
            assert_int_equal(fraction_compare(fraction_divide(&arena, x, y),
                                              fraction_of(&arena, rational_divide(a, b))),
                             0);
        }
        arena_clear(&arena);
    }
    arena_release(&arena);
}

/* 1/(1*2) + 1/(2*3) + ... + 1/(n(n+1)) = n/(n+1): the common denominator on the way has thousands of digits. */
static void test_long_sums_are_exact(void **state)
{
    enum { TERMS = 20000 };
    struct arena arena = ARENA_INIT;
    struct fraction_sum *sum = fraction_sum_new(&arena);

    (void)state;
    for (int64_t k = 1; k <= TERMS; k++) {
        fraction_sum_add(sum, 1, rational_make(1, (int128)k * (k + 1)));
    }
    assert_int_equal(fraction_compare(fraction_sum_total(&arena, sum),
                                      fraction_of(&arena, rational_make(TERMS, TERMS + 1))),
                     0);
    arena_release(&arena);
}

/* 1/1 + 1/2 + ... + 1/2000: 866 digits, as Python says. */
static void test_denominators_may_have_hundreds_of_digits(void **state)
{
    struct arena arena = ARENA_INIT;
    struct fraction_sum *sum = fraction_sum_new(&arena);
    struct fraction total, again = FRACTION_ZERO;
    struct strbuf digits;

    (void)state;
    for (int64_t k = 1; k <= 2000; k++) {
        fraction_sum_add(sum, 3, rational_make(1, 3 * k));
        again = fraction_add(&arena, again, fraction_of(&arena, rational_make(1, k)));
    }
    total = fraction_sum_total(&arena, sum);
    assert_int_equal(fraction_compare(total, again), 0);
    strbuf_init(&digits, 10000);
    fraction_format_denominator(&digits, total);
    assert_true(digits.size == 866);
    strbuf_release(&digits);
    assert_text(total, 6, ROUND_FLOOR, "8.178368"); /* H(2000) = 8.17836810361... */
    arena_release(&arena);
}

static bool reads(struct arena *arena, const char *numerator, const char *denominator,
                  struct fraction *ret)
{
    return fraction_parse(arena, STR(numerator), STR(denominator), 40, ret);
}

/* What is written of a fraction is read again as the same; common factors do not matter. */
static void test_written_fractions_are_read_again(void **state)
{
    struct arena arena = ARENA_INIT;
    struct fraction_sum *sum = fraction_sum_new(&arena);
    struct fraction total, again;
    struct strbuf numerator, denominator;

    (void)state;
    for (int64_t k = 1; k <= 2000; k++) {
        fraction_sum_add(sum, 1, rational_make(1, k));
    }
    total = fraction_sum_total(&arena, sum);
    strbuf_init(&numerator, 10000);
    strbuf_init(&denominator, 10000);
    fraction_format_numerator(&numerator, total);
    fraction_format_denominator(&denominator, total);
    assert_true(
        fraction_parse(&arena, strbuf_view(&numerator), strbuf_view(&denominator), 10000, &again));
    assert_int_equal(fraction_compare(again, total), 0);
    strbuf_append_char(&numerator, '0');
    strbuf_append_char(&denominator, '0');
    assert_true(
        fraction_parse(&arena, strbuf_view(&numerator), strbuf_view(&denominator), 10000, &again));
    assert_int_equal(fraction_compare(again, total), 0);
    strbuf_release(&numerator);
    strbuf_release(&denominator);
    assert_true(reads(&arena, "0", "5", &again));
    assert_int_equal(fraction_sign(again), 0);
    assert_true(reads(&arena, "0012", "0016", &again));
    assert_text(again, 2, ROUND_FLOOR, "0.75");
    arena_release(&arena);
}

/* What GMP would take, too: signs, blanks, other bases. And bounds. */
static void test_what_is_no_fraction_is_refused(void **state)
{
    static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "1e3", "0x1", "1_0", "1.0", "a"};
    struct arena arena = ARENA_INIT;
    struct fraction value = FRACTION_ZERO;
    char digits[42];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        print_message("'%s'\n", bad[i]);
        assert_false(reads(&arena, bad[i], "1", &value));
        assert_false(reads(&arena, "1", bad[i], &value));
    }
    assert_false(reads(&arena, "1", "0", &value));
    assert_false(reads(&arena, "0", "00", &value));
    memset(digits, '9', sizeof(digits));
    digits[41] = '\0';
    assert_false(reads(&arena, digits, "1", &value));
    assert_false(reads(&arena, "1", digits, &value));
    digits[40] = '\0';
    assert_true(reads(&arena, digits, "1", &value));
    assert_int_equal(fraction_sign(value), 1);
    arena_release(&arena);
}

static void test_decimals_are_read_exactly(void **state)
{
    static const char *const bad[] = {"",    ".",    "-1",        "+1",        "1e3",
                                      "1.",  ".5",   "1.2.3",     " 1",        "0x1",
                                      "1,5", "1.-5", "123456789", "12345678.9"};
    struct arena arena = ARENA_INIT;
    struct fraction value, other;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        print_message("'%s'\n", bad[i]);
        assert_false(fraction_parse_decimal(&arena, STR(bad[i]), 8, &value));
    }
    assert_true(fraction_parse_decimal(&arena, STR("12345.678"), 8, &value));
    assert_int_equal(fraction_compare(value, parsed(&arena, "12345.678")), 0);
    assert_true(fraction_parse_decimal(&arena, STR("1.50"), 8, &value));
    assert_true(fraction_parse_decimal(&arena, STR("1.5"), 8, &other));
    assert_int_equal(fraction_compare(value, other), 0);
    assert_true(fraction_parse_decimal(&arena, STR("0.00"), 8, &value));
    assert_int_equal(fraction_sign(value), 0);
    arena_release(&arena);
}

static void test_scale_says_what_does_not_fit(void **state)
{
    struct arena arena = ARENA_INIT;
    int64_t value;

    (void)state;
    assert_true(fraction_scale(fraction_of_int(&arena, INT64_MAX), 0, ROUND_FLOOR, &value));
    assert_true(value == INT64_MAX);
    assert_true(fraction_scale(fraction_of_int(&arena, INT64_MIN), 0, ROUND_FLOOR, &value));
    assert_true(value == INT64_MIN);
    assert_false(fraction_scale(fraction_of_int(&arena, INT64_MAX), 1, ROUND_FLOOR, &value));
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounding_at_exactly_half),
        cmocka_unit_test(test_short_forms_never_pretend),
        cmocka_unit_test(test_agrees_with_small_numbers),
        cmocka_unit_test(test_long_sums_are_exact),
        cmocka_unit_test(test_denominators_may_have_hundreds_of_digits),
        cmocka_unit_test(test_written_fractions_are_read_again),
        cmocka_unit_test(test_what_is_no_fraction_is_refused),
        cmocka_unit_test(test_decimals_are_read_exactly),
        cmocka_unit_test(test_scale_says_what_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
