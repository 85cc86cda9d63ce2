#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "base/check.h"
#include "base/markup.h"

static void test_text_is_inert(void **state)
{
    struct strbuf out;

    (void)state;
    strbuf_init(&out, 1000);
    markup_text(&out, STR("\"><svg onload=alert(1)>&'"));
    assert_string_equal(strbuf_text(&out), "&quot;&gt;&lt;svg onload=alert(1)&gt;&amp;&#39;");
    strbuf_clear(&out);
    /* NUL, ESC, CR, DEL and C1 vanish; TAB and LF stay; a broken sequence is replaced */
    markup_text(&out, str_of("a\0b\x1b\r\x7f\tc\n\xc2\x9f\xc3\xa4\xff", 15));
    assert_string_equal(strbuf_text(&out), "ab\tc\n\xc3\xa4\xef\xbf\xbd");
    strbuf_release(&out);
}

static void test_csv_cells(void **state)
{
    static const struct {
        const char *cell, *machine, *report;
    } cases[] = {
        {"", "", ""},
        {"plain", "plain", "plain"},
        {"a,b", "\"a,b\"", "\"a,b\""},
        {"say \"hi\"", "\"say \"\"hi\"\"\"", "\"say \"\"hi\"\"\""},
        {"two\nlines", "\"two\nlines\"", "\"two\nlines\""},
        {"=1+1", "=1+1", "'=1+1"},
        {"+1", "+1", "'+1"},
        {"-1+2", "-1+2", "'-1+2"},
        {"-1.5.2", "-1.5.2", "'-1.5.2"},
        {"-", "-", "'-"},
        {"-.5", "-.5", "'-.5"},
        {"-12.50", "-12.50", "-12.50"}, /* an amount stays a number */
        {"-1", "-1", "-1"},
        {"@x", "@x", "'@x"},
        {"\t=1", "\t=1", "'\t=1"},
        {"\r=1", "\"=1\"", "\"'=1\""},
        {"\x01=1", "=1", "'=1"}, /* a vanishing character must not hide the sign */
        {"=a,b", "\"=a,b\"", "\"'=a,b\""},
        {"\xff", "\xef\xbf\xbd", "\xef\xbf\xbd"},
    };
    struct strbuf out;

    (void)state;
    strbuf_init(&out, 1000);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        strbuf_clear(&out);
        markup_csv_cell(&out, STR(cases[i].cell), CSV_MACHINE);
        assert_string_equal(strbuf_text(&out), cases[i].machine);
        strbuf_clear(&out);
        markup_csv_cell(&out, STR(cases[i].cell), CSV_REPORT);
        assert_string_equal(strbuf_text(&out), cases[i].report);
    }
    strbuf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_is_inert),
        cmocka_unit_test(test_csv_cells),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
