#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <fcntl.h>

#include "jobs/evaluate/csv.h"
#include "tests/unit/evaluate/rows_file.h"

/* Fields between '|', records between '/', each with its line: "1:a|b/2:c|d"; or the error behind the file's name. */
static const char *read_all(const char *text, size_t size)
{
    static char out[4096];
    struct err err = ERR_INIT;
    struct rows_file file;
    struct csv csv;
    size_t used = 0;
    bool more = true;

    out[0] = '\0';
    rows_file_write(&file, text, size);
    if (csv_open(&csv, file.path, NULL, &err) == ERR_OK) {
        while (csv_next(&csv, &more, &err) == ERR_OK && more) {
            used += (size_t)snprintf(out + used, sizeof(out) - used, "%s%d:", used > 0 ? "/" : "",
                                     (int)csv.line);
            for (size_t i = 0; i < csv.field_count; i++) {
                used += (size_t)snprintf(out + used, sizeof(out) - used, "%s%.*s", i > 0 ? "|" : "",
                                         STR_ARGS(csv.fields[i]));
            }
        }
        csv_close(&csv);
    }
    if (err.code != ERR_OK) {
        assert_int_equal(err.code, ERR_DATA);
        snprintf(out, sizeof(out), "%s", rows_file_error(&file, &err));
    }
    rows_file_remove(&file);
    return out;
}

static void test_what_is_read_and_what_is_refused(void **state)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"", ""},
        {"a", "1:a"},
        {"a,b\nc,d\n", "1:a|b/2:c|d"},
        {"a,b\r\nc,d\r\n", "1:a|b/2:c|d"},
        /* the last line end may be missing */
        {"a,b\r\nc,d", "1:a|b/2:c|d"},
        {"a,b\nc,\"d\"", "1:a|b/2:c|d"},
        /* empty fields, also the last one */
        {",\n,,\n", "1:|/2:||"},
        {"a,", "1:a|"},
        {"\"\",\"\"", "1:|"},
        /* lines without a byte count, and are no records */
        {"\na\n\n\r\nb\n\n", "2:a/5:b"},
        /* a byte order mark */
        {"\xef\xbb\xbf"
         "a,b\n",
         "1:a|b"},
        {"\xef\xbb\xbf\"a\",b\n", "1:a|b"},
        /* commas, quotes and line ends in quotes; lines go on behind them */
        {"\"a,b\",\"say \"\"hi\"\"\"\nc,d", "1:a,b|say \"hi\"/2:c|d"},
        {"\"a\nb\r\nc\",d\ne,f\n", "1:a\nb\r\nc|d/4:e|f"},
        {"\"\"\"\"\n", "1:\""},
        {"a,\"b\"\r\n", "1:a|b"},
        {"a b, c \n", "1:a b| c "},
        {"\xc3\xa4,\"\xe2\x82\xac\"\n", "1:\xc3\xa4|\xe2\x82\xac"},
        {"a\"b,c\n", ":1: a quote inside a field that does not begin with one"},
        {"a,b\nc,\"d\" ,e\n", ":2: text behind a closing quote"},
        {"a,b\n\"c,d\ne,f\n", ":2: a quoted field does not end"},
        {"\"", ":1: a quoted field does not end"},
        {"\"a\"\"", ":1: a quoted field does not end"},
        {"a\rb\n", ":1: a carriage return without a line feed"},
        {"a\r", ":1: a carriage return without a line feed"},
        {"\"a\"\r", ":1: a carriage return without a line feed"},
        {"a\n\xff,b\n", ":2: not UTF-8"},
        {"a\n\"\xc3\",b\n", ":2: not UTF-8"},
        {"\xef\xbb,b\n", ":1: not UTF-8"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        assert_string_equal(read_all(cases[i].text, strlen(cases[i].text)), cases[i].wanted);
    }
    assert_string_equal(read_all("a\n\0b\n", 5), ":2: a NUL byte");
    assert_string_equal(read_all("\"a\0b\"", 5), ":1: a NUL byte");
}

static void test_fields_and_records_are_bounded(void **state)
{
    enum { SIZE = CSV_RECORD_SIZE_MAX };
    char *text = malloc(8 * SIZE);
    char commas[CSV_FIELDS_MAX + 1];

    (void)state;
    /* One byte, its field's quotes and the line end are CSV_RECORD_SIZE_MAX bytes; then one more. */
    for (size_t over = 0; over < 2; over++) {
        size_t size = SIZE - 1 + over;

        memset(text, 'x', size);
        memcpy(text + size, "\n", 1);
        if (over == 0) {
            char wanted[] = "1:xxx";
            const char *read = read_all(text, size + 1);

            assert_memory_equal(read, wanted, sizeof(wanted) - 1);
        } else {
            assert_string_equal(read_all(text, size + 1), ":1: longer than 65536 bytes");
        }
    }
    /* A quote that is never closed does not take the rest of the file into memory. */
    memset(text, 'x', 8 * SIZE);
    memcpy(text, "a\n\"", 3);
    assert_string_equal(read_all(text, 8 * SIZE), ":2: longer than 65536 bytes");
    free(text);
    memset(commas, ',', sizeof(commas));
    assert_string_equal(read_all(commas, CSV_FIELDS_MAX), ":1: too many fields");
    assert_memory_equal(read_all(commas, CSV_FIELDS_MAX - 1), "1:|", 3);
}

/* Records of all lengths, so that every kind of byte comes to lie at every kind of place in the buffer. */
static void test_records_lie_across_the_buffer(void **state)
{
    enum { RECORDS = 60000, SIZE_MAX_OF_ONE = 80 };
    char *text = malloc((size_t)RECORDS * SIZE_MAX_OF_ONE);
    struct err err = ERR_INIT;
    struct rows_file file;
    struct csv csv;
    size_t size = 0;
    bool more = true;

    (void)state;
    for (int i = 0; i < RECORDS; i++) {
        size +=
            (size_t)sprintf(text + size, "%d,\"%.*s\"\"\n\",%s\r\n", i, i % 37,
                            "abcdefghijklmnopqrstuvwxyz0123456789", i % 2 != 0 ? "\xc3\xa4" : "");
    }
    rows_file_write(&file, text, size);
    assert_int_equal(csv_open(&csv, file.path, NULL, &err), ERR_OK);
    assert_true(csv_is_file(&csv));
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < RECORDS; i++) {
            char wanted[SIZE_MAX_OF_ONE];

            if (csv_next(&csv, &more, &err) != ERR_OK || !more || csv.field_count != 3) {
                fail_msg("record %d: %s", i, err.text);
            }
            assert_int_equal(csv.line, 2 * i + 1);
            snprintf(wanted, sizeof(wanted), "%d", i);
            assert_true(str_equal(csv.fields[0], STR(wanted)));
            assert_int_equal(csv.fields[1].size, i % 37 + 2);
            assert_int_equal(csv.fields[2].size, i % 2 * 2);
        }
        assert_int_equal(csv_next(&csv, &more, &err), ERR_OK);
        assert_false(more);
        assert_int_equal(csv_rewind(&csv, &err), ERR_OK);
    }
    csv_close(&csv);
    rows_file_remove(&file);
    free(text);
}

/* A pipe gives bytes in any portions. */
static void test_a_pipe_is_read_byte_by_byte(void **state)
{
    static const char text[] = "\xef\xbb\xbf"
                               "a,\"b\"\"c\"\r\n\"d\ne\",\xe2\x82\xac\r\n";
    struct err err = ERR_INIT;
    char path[64];
    struct csv csv;
    bool more = false;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    if (fork() == 0) {
        for (size_t i = 0; i < sizeof(text) - 1; i++) {
            if (write(ends[1], text + i, 1) != 1 || usleep(1000) != 0) {
                _exit(1);
            }
        }
        _exit(0);
    }
    (void)close(ends[1]);
    snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
    assert_int_equal(csv_open(&csv, path, NULL, &err), ERR_OK);
    assert_false(csv_is_file(&csv));
    assert_int_equal(csv_next(&csv, &more, &err), ERR_OK);
    assert_true(str_equal(csv.fields[1], STR("b\"c")));
    assert_int_equal(csv_next(&csv, &more, &err), ERR_OK);
    assert_true(str_equal(csv.fields[0], STR("d\ne")));
    assert_true(str_equal(csv.fields[1], STR("\xe2\x82\xac")));
    assert_int_equal(csv_next(&csv, &more, &err), ERR_OK);
    assert_false(more);
    csv_close(&csv);
    (void)close(ends[0]);
}

static void test_what_is_no_file_is_named(void **state)
{
    struct err err = ERR_INIT;
    struct csv csv;

    (void)state;
    assert_int_equal(csv_open(&csv, "/nowhere/x.csv", NULL, &err), ERR_DATA);
    assert_string_equal(err.text, "/nowhere/x.csv: No such file or directory");
    assert_int_equal(csv_open(&csv, "/", NULL, &err), ERR_DATA);
    assert_string_equal(err.text, "/: Is a directory");
}

static bool always(void)
{
    return true;
}

static void test_a_signal_ends_reading(void **state)
{
    struct err err = ERR_INIT;
    struct rows_file file;
    struct csv csv;

    (void)state;
    rows_file_write(&file, "a\n", 2);
    assert_int_equal(csv_open(&csv, file.path, always, &err), ERR_INTERRUPTED);
    rows_file_remove(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_read_and_what_is_refused),
        cmocka_unit_test(test_fields_and_records_are_bounded),
        cmocka_unit_test(test_records_lie_across_the_buffer),
        cmocka_unit_test(test_a_pipe_is_read_byte_by_byte),
        cmocka_unit_test(test_what_is_no_file_is_named),
        cmocka_unit_test(test_a_signal_ends_reading),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
