#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "base/check.h"
#include "base/str.h"

static void test_order_is_of_bytes(void **state)
{
    (void)state;
    assert_true(str_compare(STR("a"), STR("b")) < 0);
    assert_true(str_compare(STR("a"), STR("aa")) < 0);
    assert_true(str_compare(STR("\xc3\xa4"), STR("z")) > 0); /* whatever the locale says */
    assert_true(str_compare(STR(""), str_of(NULL, 0)) == 0);
    assert_true(str_equal(str_of("a\0b", 3), str_of("a\0b", 3)));
    assert_false(str_equal(str_of("a\0b", 3), str_of("a\0c", 3)));
    assert_true(str_starts_with(STR("/healthz"), STR("/health")));
    assert_false(str_starts_with(STR("/h"), STR("/health")));
}

static void test_utf8(void **state)
{
    static const struct {
        const char *bytes;
        bool valid;
    } cases[] = {
        {"", true},
        {"plain", true},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", true},
        {"\xf4\x8f\xbf\xbf", true},  /* U+10FFFF */
        {"\xf4\x90\x80\x80", false}, /* above it */
        {"\xed\x9f\xbf", true},
        {"\xed\xa0\x80", false}, /* a surrogate */
        {"\xc0\xaf", false},     /* over-long forms of "/" */
        {"\xe0\x80\xaf", false},
        {"\xf0\x80\x80\xaf", false},
        {"\x80", false},
        {"\xc3", false},
        {"\xe2\x82", false},
        {"\xc3(", false},
        {"\xff", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        if (str_is_utf8(STR(cases[i].bytes)) != cases[i].valid) {
            fail_msg("case %zu", i);
        }
    }
}

static void test_characters(void **state)
{
    struct str s = STR("a\xc3\xa4\xff");

    (void)state;
    assert_true(str_equal(str_next_character(&s), STR("a")));
    assert_true(str_equal(str_next_character(&s), STR("\xc3\xa4")));
    assert_true(str_equal(str_next_character(&s), STR("\xef\xbf\xbd")));
    assert_int_equal(s.size, 0);
}

static void test_integers(void **state)
{
    static const char *const refused[] = {"",    "-",
                                          "+1",  " 1",
                                          "1 ",  "1.0",
                                          "0x1", "9223372036854775808",
                                          "--1", "-9223372036854775809"};
    int64_t value = 0;

    (void)state;
    assert_true(str_to_int64(STR("9223372036854775807"), &value));
    assert_int_equal(value, INT64_MAX);
    assert_true(str_to_int64(STR("-9223372036854775808"), &value));
    assert_int_equal(value, INT64_MIN);
    assert_true(str_to_int64(STR("007"), &value));
    assert_int_equal(value, 7);
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
        if (str_to_int64(STR(refused[i]), &value)) {
            fail_msg("\"%s\" accepted", refused[i]);
        }
    }
}

static void test_buffer_is_bounded(void **state)
{
    struct strbuf buf;

    (void)state;
    strbuf_init(&buf, 10);
    assert_string_equal(strbuf_text(&buf), "");
    strbuf_append_text(&buf, "12345");
    strbuf_append_format(&buf, "%d", 67890);
    assert_false(buf.overflow);
    assert_string_equal(strbuf_text(&buf), "1234567890");
    strbuf_append_char(&buf, 'x');
    assert_true(buf.overflow);
    assert_string_equal(strbuf_text(&buf), "1234567890"); /* unchanged */
    strbuf_clear(&buf);
    strbuf_append_text(&buf, "again");
    assert_false(buf.overflow);
    strbuf_append_text(&buf, "too long for it");
    strbuf_append_text(&buf, "x"); /* would fit, but something is missing before it */
    assert_true(buf.overflow);
    assert_string_equal(strbuf_text(&buf), "again");
    strbuf_release(&buf);
    strbuf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_is_of_bytes), cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_characters),        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_buffer_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
