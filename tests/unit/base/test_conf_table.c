#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/conf_table.h"
#include "base/money.h"

enum fruit { FRUIT_APPLE = 3, FRUIT_PEAR = 4 };

struct part {
    struct str name;
    int64_t wait_ns;
};

struct sample {
    struct str text, name, path, secret;
    enum fruit fruit;
    bool flag, has_part;
    int digits;
    uint32_t count;
    int64_t wait_ns, size, at_ns;
    struct rational decimal, ratio, percent;
    struct conf_date date;
    const struct zone *zone;
    const struct currency *currency;
    struct part part;
    struct part *parts;
    size_t part_count;
    struct str *words;
    size_t word_count;
};

static const struct conf_choice fruits[] = {{"apple", FRUIT_APPLE, false},
                                            {"pear", FRUIT_PEAR, false},
                                            {"plum", 0, true},
                                            {NULL, 0, false}};
static const struct conf_row part_rows[] = {
    {.key = "name",
     .type = CONF_NAME,
     .required = true,
     CONF_FIELD(struct part, name, struct str),
     .maximum = 4,
     .help = "x"},
    {.key = "wait",
     .type = CONF_DURATION,
     CONF_FIELD(struct part, wait_ns, int64_t),
     .fallback = "2m",
     .help = "x"},
};
static const struct conf_table part_table = {
    .name = "part", CONF_ROWS(part_rows), .size = sizeof(struct part), .shorthand = "name"};

#define ROW(name, row_type, member, c_type)                                                        \
    .key = name, .type = row_type, CONF_FIELD(struct sample, member, c_type), .help = "x"

static const struct conf_row sample_rows[] = {
    {ROW("text", CONF_TEXT, text, struct str), .fallback = "hello"},
    {ROW("name", CONF_NAME, name, struct str)},
    {ROW("path", CONF_PATH, path, struct str)},
    {ROW("secret", CONF_SECRET, secret, struct str)},
    {ROW("fruit", CONF_ENUM, fruit, enum fruit), .choices = fruits, .fallback = "pear"},
    {ROW("flag", CONF_BOOL, flag, bool)},
    {ROW("digits", CONF_INTEGER, digits, int), .minimum = 0, .maximum = 9},
    {ROW("count", CONF_INTEGER, count, uint32_t)},
    {ROW("wait", CONF_DURATION, wait_ns, int64_t), .fallback = "1s", .minimum = NS_PER_SECOND,
     .maximum = NS_PER_HOUR},
    {ROW("size", CONF_BYTES, size, int64_t)},
    {ROW("at", CONF_INSTANT, at_ns, int64_t)},
    {ROW("decimal", CONF_DECIMAL, decimal, struct rational)},
    {ROW("ratio", CONF_RATIO, ratio, struct rational)},
    {ROW("percent", CONF_PERCENT, percent, struct rational)},
    {ROW("date", CONF_DATE, date, struct conf_date)},
    {ROW("zone", CONF_ZONE, zone, const struct zone *)},
    {ROW("currency", CONF_CURRENCY, currency, const struct currency *)},
    {ROW("part", CONF_TABLE, part, struct part), .table = &part_table,
     CONF_PRESENT(struct sample, has_part)},
    {ROW("parts", CONF_ARRAY, parts, struct part *),
     .count_offset = CONF_OFFSET(struct sample, part_count, size_t), .element = CONF_TABLE,
     .table = &part_table, .maximum = 2},
    {ROW("words", CONF_ARRAY, words, struct str *),
     .count_offset = CONF_OFFSET(struct sample, word_count, size_t), .element = CONF_NAME,
     .minimum = 1},
    {.key = "later", .type = CONF_LATER},
};
static const struct conf_table sample_table = {.name = "sample", CONF_ROWS(sample_rows)};

struct fixture {
    struct arena arena;
    struct conf_reader reader;
    struct sample sample;
    struct err err;
};

static enum err_code read_sample(struct fixture *fixture, const char *text)
{
    const struct conf_node *root;
    enum err_code code;

    memset(fixture, 0, sizeof(*fixture));
    fixture->reader =
        (struct conf_reader){.arena = &fixture->arena, .name = "f", .folder = STR("/etc/x")};
    code = conf_parse(&fixture->arena, str_from(text), "f", &root, &fixture->err);
    if (code == ERR_OK) {
        code =
            conf_table_read(&fixture->reader, &sample_table, root, &fixture->sample, &fixture->err);
    }
    return code;
}

static void release(struct fixture *fixture)
{
    conf_reader_release(&fixture->reader);
    arena_release(&fixture->arena);
}

static void assert_rational(struct rational value, int64_t numerator, int64_t denominator)
{
    assert_int_equal(rational_compare(value, rational_make(numerator, denominator)), 0);
}

static void test_every_type(void **state)
{
    struct fixture f;

    (void)state;
    assert_int_equal(setenv("UPTALLY_TEST_SECRET", "canary-41", 1), 0);
    assert_int_equal(
        read_sample(
            &f, "text: a b\nname: \xc3\xa4\npath: sub/file\nsecret: ${env:UPTALLY_TEST_SECRET}\n"
                "fruit: apple\nflag: true\ndigits: 9\ncount: 4000000\nwait: 90s\n"
                "size: 64 KiB\nat: 2026-10-01T00:00:00Z\ndecimal: 12400.05\nratio: 0.25\n"
                "percent: 99.5\ndate: 2026-02-28\nzone: Europe/Berlin\ncurrency: JPY\n"
                "part: {name: one, wait: 5s}\nparts: [two, {name: tri}]\nwords: [x, y]\n"),
        ERR_OK);
    assert_string_equal(f.sample.text.data, "a b");
    assert_int_equal(f.sample.name.size, 2);
    assert_string_equal(f.sample.path.data, "/etc/x/sub/file");
    assert_string_equal(f.sample.secret.data, "canary-41");
    assert_int_equal(f.sample.fruit, FRUIT_APPLE);
    assert_true(f.sample.flag);
    assert_int_equal(f.sample.digits, 9);
    assert_int_equal(f.sample.count, 4000000);
    assert_int_equal(f.sample.wait_ns, INT64_C(90000000000));
    assert_int_equal(f.sample.size, 65536);
    assert_int_equal(f.sample.at_ns, INT64_C(1790812800000000000));
    assert_rational(f.sample.decimal, 248001, 20);
    assert_rational(f.sample.ratio, 1, 4);
    /* A percent of 99.5 is 199/200: exact, where a double would not be. */
    assert_rational(f.sample.percent, 199, 200);
    assert_int_equal(f.sample.date.day, 28);
    assert_string_equal(zone_name(f.sample.zone), "Europe/Berlin");
    assert_string_equal(f.sample.currency->code, "JPY");
    assert_true(f.sample.has_part);
    assert_int_equal(f.sample.part.wait_ns, 5 * NS_PER_SECOND);
    assert_int_equal(f.sample.part_count, 2);
    assert_string_equal(f.sample.parts[0].name.data, "two");
    assert_int_equal(f.sample.parts[1].wait_ns, 2 * NS_PER_MINUTE);
    assert_int_equal(f.sample.word_count, 2);
    assert_string_equal(f.sample.words[1].data, "y");
    release(&f);
}

static void test_defaults(void **state)
{
    struct fixture f;

    (void)state;
    assert_int_equal(read_sample(&f, "path: /abs\n"), ERR_OK);
    assert_string_equal(f.sample.text.data, "hello");
    assert_int_equal(f.sample.fruit, FRUIT_PEAR);
    assert_int_equal(f.sample.wait_ns, NS_PER_SECOND);
    /* Also of a table that is absent. */
    assert_int_equal(f.sample.part.wait_ns, 2 * NS_PER_MINUTE);
    assert_false(f.sample.has_part);
    assert_string_equal(f.sample.path.data, "/abs");
    release(&f);
}

static const struct {
    const char *text;
    const char *expected;
} refusals[] = {
    {"frut: apple\n", "f:1:1: unknown key \"frut\" (did you mean \"fruit\"?)"},
    {"zzzzzz: 1\n", "f:1:1: unknown key \"zzzzzz\""},
    {"\n  later: 1\n", "f:2:3: \"later\" is not supported by this version"},
    {"[1]\n", "f:1:1: sample: a table is wanted, not a list"},
    {"text: [1]\n", "f:1:7: text: a single value is wanted, not a list"},
    {"text: \n", "f:1:6: text has no value"},
    {"text: ~\n", "f:1:7: text has no value"},
    {"text: ''\n", "f:1:7: text is wanted here, not nothing"},
    {"text: \"a\\nb\"\n", "f:1:7: control characters are not allowed here"},
    {"text: \"a\\x85b\"\n", "f:1:7: control characters are not allowed here"},
    /* what could be written by its number, but would not be read back from its bytes */
    {"text: \"a \\u2028 b\"\n", "f:1:7: control characters are not allowed here"},
    {"text: \"a \\u2029 b\"\n", "f:1:7: control characters are not allowed here"},
    {"text: \"a\\uFEFFb\"\n", "f:1:7: control characters are not allowed here"},
    {"text: \"a\\uFFFEb\"\n", "f:1:7: control characters are not allowed here"},
    {"text: \"a\\uFFFFb\"\n", "f:1:7: control characters are not allowed here"},
    {"fruit: aple\n", "f:1:8: fruit: \"aple\" is not one of apple, pear (did you mean \"apple\"?)"},
    {"fruit: plum\n", "f:1:8: fruit \"plum\" is not supported by this version"},
    {"flag: yes\n", "f:1:7: flag: \"yes\" is not true or false"},
    {"digits: 10\n", "f:1:9: digits: 10 is not between 0 and 9"},
    {"digits: -1\n", "f:1:9: digits: -1 is not between 0 and 9"},
    {"digits: 0x3\n", "f:1:9: digits: \"0x3\" is not an integer"},
    {"count: 2147483648\n", "f:1:8: count: 2147483648 is not between 0 and 2147483647"},
    {"wait: 5\n", "f:1:7: wait: \"5\" is not a duration such as 500ms, 90s, 10m, 6h or 5d"},
    {"wait: 10ms\n", "f:1:7: wait: 10ms is shorter than 1000ms"},
    {"wait: 2h\n", "f:1:7: wait: 2h is longer than 3600s"},
    {"size: 64 KB\n", "f:1:7: size: \"64 KB\" is not a size such as 65536, 64 KiB or 16 MiB"},
    {"size: 99999999999 GiB\n",
     "f:1:7: size: \"99999999999 GiB\" is not a size such as 65536, 64 KiB or 16 MiB"},
    {"size: -1\n", "f:1:7: size: -1 is not between 0 and 9223372036854775807"},
    {"decimal: 1e3\n", "f:1:10: decimal: \"1e3\" is not a decimal such as 99.95"},
    {"decimal: -0.01\n", "f:1:10: decimal: -0.01 is less than 0"},
    {"ratio: 1.0001\n", "f:1:8: ratio: 1.0001 is more than 1"},
    {"percent: 100.000001\n", "f:1:10: percent: 100.000001 is more than 100"},
    {"date: 2026-02-29\n", "f:1:7: date: \"2026-02-29\" is not a date such as 2026-01-01"},
    {"at: 2026-10-01\n", "f:1:5: at: \"2026-10-01\" is not a time such as 2026-10-01T00:00:00Z"},
    {"zone: Nope/Zone\n", "f:1:7: zone: \"Nope/Zone\" is not a time zone such as Europe/Berlin"},
    {"zone: ../etc/passwd\n",
     "f:1:7: zone: \"../etc/passwd\" is not a time zone such as Europe/Berlin"},
    {"currency: XXQ\n", "f:1:11: currency: \"XXQ\" is not a currency of ISO 4217 such as EUR"},
    {"part: {}\n", "f:1:7: part: required key \"name\" is missing"},
    {"part:\n", "f:1:6: part: a table is wanted, not nothing"},
    {"part: {name: a, wat: 1s}\n", "f:1:17: unknown key \"wat\" (did you mean \"wait\"?)"},
    {"parts:\n  - a\n  - abcde\n", "f:3:5: longer than 4 bytes"},
    {"parts: [a, b, c]\n", "f:1:8: parts: more than 2"},
    {"parts: a\n", "f:1:8: parts: a list is wanted, not a single value"},
    {"words: []\n", "f:1:8: words: at least 1 wanted"},
    {"words: [a, [b]]\n", "f:1:12: words: a single value is wanted, not a list"},
    {"secret: hunter2\n",
     "f:1:9: secret is a secret: write ${file:PATH} or ${env:NAME} instead of its text"},
    {"secret: ${env:UPTALLY_TEST_UNSET}\n",
     "f:1:9: environment variable UPTALLY_TEST_UNSET is not set"},
    {"secret: ${file:none}\n", "f:1:9: /etc/x/none: No such file or directory"},
    {"secret: ${file:/dev/zero}\n", "f:1:9: /dev/zero: not a regular file"},
    {"secret: ${file:}\n",
     "f:1:9: secret is a secret: write ${file:PATH} or ${env:NAME} instead of its text"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(refusals); i++) {
        struct fixture f;
        enum err_code code = read_sample(&f, refusals[i].text);

        if (code != ERR_CONFIG) {
            fail_msg("not refused: %s", refusals[i].text);
        }
        assert_string_equal(f.err.text, refusals[i].expected);
        release(&f);
    }
}

/* A secret's file usually ends with a newline that is not part of it. */
static void test_secret_files(void **state)
{
    char path[] = "/tmp/uptally-secret-XXXXXX";
    char text[200];
    struct fixture f;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "canary-52\r\n", 11), 11);
    (void)snprintf(text, sizeof(text), "secret: ${file:%s}\n", path);
    assert_int_equal(read_sample(&f, text), ERR_OK);
    assert_string_equal(f.sample.secret.data, "canary-52");
    release(&f);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(read_sample(&f, text), ERR_CONFIG);
    release(&f);
    /* A text that cannot go into a header is refused, and not printed. */
    assert_int_equal(pwrite(fd, "canary\n52", 9, 0), 9);
    assert_int_equal(read_sample(&f, text), ERR_CONFIG);
    assert_null(strstr(f.err.text, "canary"));
    release(&f);
    (void)close(fd);
    (void)unlink(path);
}

/* A pipe that nobody writes to would be waited for without end. */
static void test_a_pipe_is_no_secret_file(void **state)
{
    char folder[] = "/tmp/uptally-secret-XXXXXX";
    char path[100];
    char text[200];
    struct fixture f;

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    (void)snprintf(text, sizeof(text), "secret: ${file:%s}\n", path);
    (void)alarm(20);
    assert_int_equal(read_sample(&f, text), ERR_CONFIG);
    (void)alarm(0);
    assert_non_null(strstr(f.err.text, "not a regular file"));
    release(&f);
    (void)unlink(path);
    (void)rmdir(folder);
}

static void test_literal_secrets_are_not_printed(void **state)
{
    struct fixture f;

    (void)state;
    assert_int_equal(read_sample(&f, "secret: canary-63\n"), ERR_CONFIG);
    assert_null(strstr(f.err.text, "canary"));
    release(&f);
}

static void test_rows_are_sound(void **state)
{
    (void)state;
    conf_table_check(&sample_table);
}

static void test_shown_document_is_complete_and_readable(void **state)
{
    struct fixture f;
    const struct conf_node *root;
    struct strbuf first, second;

    (void)state;
    strbuf_init(&first, 10000);
    strbuf_init(&second, 10000);
    assert_int_equal(read_sample(&f, "text: \"q\\\"\\\\\"\nsecret: ${env:UPTALLY_TEST_SECRET}\n"
                                     "parts: [two, {name: tri}]\nwords: [x]\n"),
                     ERR_OK);
    assert_int_equal(conf_parse(&f.arena,
                                STR("text: \"q\\\"\\\\\"\nsecret: ${env:UPTALLY_TEST_SECRET}\n"
                                    "parts: [two, {name: tri}]\nwords: [x]\n"),
                                "f", &root, &f.err),
                     ERR_OK);
    conf_table_show(&sample_table, root, &first);
    assert_null(strstr(strbuf_text(&first), "canary"));
    assert_non_null(strstr(strbuf_text(&first), "fruit: \"pear\"\n"));
    assert_non_null(strstr(strbuf_text(&first), "${env:UPTALLY_TEST_SECRET}"));
    assert_int_equal(conf_parse(&f.arena, strbuf_view(&first), "f", &root, &f.err), ERR_OK);
    conf_table_show(&sample_table, root, &second);
    assert_string_equal(strbuf_text(&first), strbuf_text(&second));
    release(&f);
    assert_int_equal(read_sample(&f, strbuf_text(&first)), ERR_OK);
    assert_string_equal(f.sample.text.data, "q\"\\");
    assert_int_equal(f.sample.part_count, 2);
    release(&f);
    strbuf_release(&first);
    strbuf_release(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_sound),
        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_secret_files),
        cmocka_unit_test(test_a_pipe_is_no_secret_file),
        cmocka_unit_test(test_literal_secrets_are_not_printed),
        cmocka_unit_test(test_shown_document_is_complete_and_readable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
