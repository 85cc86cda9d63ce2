#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "base/money.h"

static void assert_amount(const char *code, const char *amount, enum rounding rounding,
                          const char *expected)
{
    const struct currency *currency = currency_find(STR(code));
    struct rational value;
    struct arena arena = ARENA_INIT;
    struct strbuf buf;

    assert_non_null(currency);
    assert_true(rational_parse(STR(amount), &value));
    strbuf_init(&buf, 100);
    money_format(&buf, currency, money_round(currency, fraction_of(&arena, value), rounding));
    assert_string_equal(strbuf_text(&buf), expected);
    strbuf_release(&buf);
    arena_release(&arena);
}

static void test_minor_units(void **state)
{
    (void)state;
    assert_int_equal(currency_find(STR("EUR"))->digits, 2);
    assert_int_equal(currency_find(STR("JPY"))->digits, 0);
    assert_int_equal(currency_find(STR("KWD"))->digits, 3);
    assert_int_equal(currency_find(STR("CLF"))->digits, 4);
    assert_null(currency_find(STR("XAU"))); /* no minor unit */
    assert_null(currency_find(STR("DEM")));
    assert_null(currency_find(STR("eur")));
    assert_null(currency_find(STR("EU")));
    assert_null(currency_find(STR("")));
}

static void test_one_rounding_to_the_minor_unit(void **state)
{
    (void)state;
    assert_amount("EUR", "12400.00", ROUND_HALF_EVEN, "12400.00");
    assert_amount("EUR", "0.125", ROUND_HALF_EVEN, "0.12");
    assert_amount("EUR", "0.125", ROUND_HALF_UP, "0.13");
    assert_amount("JPY", "1234.5", ROUND_HALF_EVEN, "1234");
    assert_amount("JPY", "1235.5", ROUND_HALF_EVEN, "1236");
    assert_amount("KWD", "0.0005", ROUND_HALF_UP, "0.001");
    assert_amount("EUR", "-3.005", ROUND_HALF_UP, "-3.01");
    assert_amount("EUR", "-0.05", ROUND_HALF_UP, "-0.05"); /* a difference note */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_minor_units),
        cmocka_unit_test(test_one_rounding_to_the_minor_unit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
