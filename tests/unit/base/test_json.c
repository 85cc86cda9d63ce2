#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"

static void write_document(struct json_writer *json)
{
    json_open_object(json, NULL);
    json_open_array(json, "a");
    json_int64(json, NULL, INT64_MIN);
    json_bool(json, NULL, true);
    json_nothing(json, NULL);
    json_close(json);
    json_open_object(json, "b");
    json_close(json);
    json_text(json, "c", "x\"y");
    json_digits(json, "d", STR("123456789012345678901234567890"));
    json_close(json);
    json_finish(json);
}

static void test_compact_and_pretty(void **state)
{
    struct json_writer json;
    struct strbuf out;

    (void)state;
    strbuf_init(&out, 1000);
    json_init(&json, &out, false);
    write_document(&json);
    assert_string_equal(strbuf_text(&out),
                        "{\"a\":[-9223372036854775808,true,null],\"b\":{},\"c\":\"x\\\"y\","
                        "\"d\":123456789012345678901234567890}");
    strbuf_clear(&out);
    json_init(&json, &out, true);
    write_document(&json);
    assert_string_equal(strbuf_text(&out), "{\n  \"a\": [\n    -9223372036854775808,\n    true,\n"
                                           "    null\n  ],\n  \"b\": {},\n  \"c\": \"x\\\"y\",\n"
                                           "  \"d\": 123456789012345678901234567890\n}\n");
    strbuf_release(&out);
}

static void test_strings_are_escaped_minimally(void **state)
{
    struct json_writer json;
    struct strbuf out;

    (void)state;
    strbuf_init(&out, 1000);
    json_init(&json, &out, false);
    json_str(&json, NULL, str_of("\b\f\n\r\t\\/\x01\x1f\x7f\0\xc3\xa4<", 14));
    json_finish(&json);
    assert_string_equal(strbuf_text(&out),
                        "\"\\b\\f\\n\\r\\t\\\\/\\u0001\\u001f\x7f\\u0000\xc3\xa4<\"");
    strbuf_release(&out);
}

static void test_invalid_utf8_is_replaced(void **state)
{
    struct json_writer json;
    struct strbuf out;

    (void)state;
    strbuf_init(&out, 1000);
    json_init(&json, &out, false);
    json_str(&json, NULL, STR("a\xff\xed\xa0\x80z\xc3"));
    json_finish(&json);
    /* one for the lone byte, three for the surrogate, one for the cut sequence */
    assert_string_equal(strbuf_text(&out),
                        "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\"");
    strbuf_release(&out);
}

static void descending_keys(struct json_writer *json)
{
    json_open_object(json, NULL);
    json_nothing(json, "b");
    json_nothing(json, "a");
}

static void same_key_twice(struct json_writer *json)
{
    json_open_object(json, NULL);
    json_nothing(json, "a");
    json_nothing(json, "a");
}

static void two_documents(struct json_writer *json)
{
    json_nothing(json, NULL);
    json_nothing(json, NULL);
}

static void unfinished(struct json_writer *json)
{
    json_open_array(json, NULL);
    json_finish(json);
}

static void key_in_array(struct json_writer *json)
{
    json_open_array(json, NULL);
    json_nothing(json, "a");
}

static void too_deep(struct json_writer *json)
{
    for (int i = 0; i < JSON_DEPTH_MAX; i++) {
        json_open_array(json, NULL);
    }
}

/* A document that would not be canonical is a bug of the caller: the process stops. */
static void test_misuse_stops_the_program(void **state)
{
    static void (*const misuses[])(struct json_writer *) = {
        descending_keys, same_key_twice, two_documents, unfinished, key_in_array, too_deep};

    (void)state;
    for (size_t i = 0; i < sizeof(misuses) / sizeof(misuses[0]); i++) {
        int status;
        pid_t child = fork();

        if (child == 0) {
            struct json_writer json;
            struct strbuf out;

            assert_non_null(freopen("/dev/null", "w", stderr));
            (void)signal(SIGABRT, SIG_DFL);
            strbuf_init(&out, 1000);
            json_init(&json, &out, false);
            misuses[i](&json);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGABRT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compact_and_pretty),
        cmocka_unit_test(test_strings_are_escaped_minimally),
        cmocka_unit_test(test_invalid_utf8_is_replaced),
        cmocka_unit_test(test_misuse_stops_the_program),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
