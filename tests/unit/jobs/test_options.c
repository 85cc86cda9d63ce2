#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "jobs/options.h"

enum { FORMAT, FORMS, COUNT, FROM, WAIT, FORCE, OPTION_COUNT };

static const struct option_row rows[] = {
    [FORMAT] = {.name = "format",
                .type = OPTION_CHOICE,
                .choices = "csv|json",
                .fallback = "json",
                .help = "x"},
    [FORMS] = {.name = "forms",
               .type = OPTION_CHOICES,
               .choices = "csv|json|html",
               .fallback = "html",
               .help = "x"},
    [COUNT] = {.name = "count",
               .letter = 'c',
               .type = OPTION_INTEGER,
               .argument = "N",
               .minimum = 1,
               .maximum = 8,
               .help = "x"},
    [FROM] = {.name = "from", .type = OPTION_TIME, .argument = "TIME", .help = "x"},
    [WAIT] = {.name = "wait", .type = OPTION_DURATION, .argument = "TIME", .help = "x"},
    [FORCE] = {.name = "force", .letter = 'f', .type = OPTION_FLAG, .help = "x"},
    {.name = NULL},
};

struct result {
    struct option_value values[OPTION_COUNT];
    struct option_arguments arguments;
    int used;
    struct err err;
    enum err_code code;
};

static struct result parse(bool stop_at_argument, const char *const *words)
{
    struct result result = {.err = ERR_INIT};
    struct option_set set = {rows, result.values};
    char *argv[16] = {NULL};
    int argc = 0;

    for (; words[argc] != NULL; argc++) {
        argv[argc] = (char *)(uintptr_t)words[argc];
    }
    options_reset(&set);
    result.code = options_parse(&set, 1, argv, argc, stop_at_argument, &result.arguments,
                                &result.used, &result.err);
    return result;
}

#define PARSE(...) parse(false, (const char *const[]){__VA_ARGS__, NULL})

static void test_values_and_arguments(void **state)
{
    struct result r = PARSE("a", "--count=3", "-f", "b", "--from", "2026-10-01T00:00:00Z",
                            "--wait=5m", "--", "--format");

    (void)state;
    assert_int_equal(r.code, ERR_OK);
    assert_int_equal(r.values[COUNT].number, 3);
    assert_true(r.values[COUNT].set);
    assert_true(r.values[FORCE].set);
    assert_int_equal(r.values[FROM].number, INT64_C(1790812800000000000));
    assert_int_equal(r.values[WAIT].number, 5 * NS_PER_MINUTE);
    /* A fallback fills the value, but was not given. */
    assert_false(r.values[FORMAT].set);
    assert_int_equal(r.values[FORMAT].number, 1);
    assert_string_equal(r.values[FORMAT].text, "json");
    assert_int_equal(r.arguments.count, 3);
    assert_string_equal(r.arguments.items[0], "a");
    assert_string_equal(r.arguments.items[1], "b");
    assert_string_equal(r.arguments.items[2], "--format");
}

static void test_letters(void **state)
{
    (void)state;
    assert_int_equal(PARSE("-c", "4").values[COUNT].number, 4);
    assert_int_equal(PARSE("-c5").values[COUNT].number, 5);
    /* A single dash is an argument: standard input. */
    assert_int_equal(PARSE("-").arguments.count, 1);
    /* The last one counts. */
    assert_int_equal(PARSE("-c5", "--count", "6").values[COUNT].number, 6);
}

static void test_several_choices(void **state)
{
    (void)state;
    assert_int_equal(PARSE("-").values[FORMS].number, 4);
    assert_int_equal(PARSE("--forms", "json").values[FORMS].number, 2);
    assert_int_equal(PARSE("--forms=html,csv").values[FORMS].number, 5);
    assert_int_equal(PARSE("--forms=csv,csv").values[FORMS].number, 1);
}

static void test_stop_at_argument(void **state)
{
    const char *const words[] = {"-f", "check", "--count", NULL};
    struct result r = parse(true, words);

    (void)state;
    assert_int_equal(r.code, ERR_OK);
    assert_int_equal(r.used, 1);
    assert_true(r.values[FORCE].set);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *words[3];
        const char *expected;
    } cases[] = {
        {{"--frmat=csv"}, "unknown option \"--frmat\" (did you mean \"--format\"?)"},
        {{"--zzz"}, "unknown option \"--zzz\""},
        {{"-z"}, "unknown option \"-z\""},
        {{"--count"}, "--count needs a value: --count N"},
        {{"--count", "x"}, "--count: \"x\" is not an integer"},
        {{"--count", "9"}, "--count: 9 is not between 1 and 8"},
        {{"--format=xml"}, "--format: \"xml\" is none of csv|json"},
        {{"--format="}, "--format: \"\" is none of csv|json"},
        {{"--forms=csv,xml"},
         "--forms: \"csv,xml\" is none of csv|json|html, nor several of them with commas between"},
        {{"--forms=csv,"},
         "--forms: \"csv,\" is none of csv|json|html, nor several of them with commas between"},
        {{"--forms="},
         "--forms: \"\" is none of csv|json|html, nor several of them with commas between"},
        {{"--from=yesterday"}, "--from: \"yesterday\" is not a time such as 2026-10-01T00:00:00Z"},
        {{"--wait=5"}, "--wait: \"5\" is not a duration such as 90s, 10m, 6h or 5d"},
        {{"--force=yes"}, "--force takes no value"},
        {{"-fx"}, "--force takes no value"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct result r = parse(false, cases[i].words);

        assert_int_equal(r.code, ERR_USAGE);
        assert_string_equal(r.err.text, cases[i].expected);
    }
}

static void test_help_lists_each_option(void **state)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    (void)state;
    options_help(out, rows);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, "      --format csv|json     x (default: json)\n"
                              "      --forms csv|json|html x (default: html)\n"
                              "  -c, --count N             x\n"
                              "      --from TIME           x\n"
                              "      --wait TIME           x\n"
                              "  -f, --force               x\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_and_arguments),
        cmocka_unit_test(test_letters),
        cmocka_unit_test(test_several_choices),
        cmocka_unit_test(test_stop_at_argument),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_help_lists_each_option),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
