/* The registry: what is remembered, what is asked again, and what is no statement about a schema. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "consumers/registry.h"
#include "tests/unit/fake_registry.h"

static struct clock_simulated simulated;
static const struct schema_key key_7 = {SCHEMA_KEY_ID, 0, 7};

static struct registry *open_registry(struct fake_registry *fake, const char *cache_path)
{
    struct registry_options options = {.url = FAKE_REGISTRY_URL,
                                       .cache_path = cache_path,
                                       .retry_ns = 10 * NS_PER_SECOND,
                                       .http = &fake->http,
                                       .clock = &simulated.clock};
    struct registry *registry;
    struct err err = ERR_INIT;

    if (registry_open(&options, &registry, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    return registry;
}

/* The verdict on id 7; fails the test on any error. */
static enum verdict verdict_of_7(struct registry *registry, char detail[200])
{
    const struct schema *schema;
    enum verdict verdict;
    struct err err = ERR_INIT;

    detail[0] = '\0';
    if (registry_schema(registry, &key_7, &schema, &verdict, detail, 200, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    assert_true((schema != NULL) == (verdict == VERDICT_TALLIED));
    return verdict;
}

static enum err_code error_of_7(struct registry *registry, struct err *err)
{
    const struct schema *schema;
    enum verdict verdict;
    char detail[200];

    return registry_schema(registry, &key_7, &schema, &verdict, detail, sizeof(detail), err);
}

static void setup_7(struct fake_registry *fake, int status, const char *body)
{
    *fake = FAKE_REGISTRY_INIT;
    fake->answers[0].path = "/schemas/ids/7";
    fake->answers[0].status = status;
    fake->answers[0].body = body;
    clock_simulated_init(&simulated, 1000 * NS_PER_SECOND);
}

static void a_schema_is_asked_for_once(void **state)
{
    struct fake_registry fake;
    struct registry *registry;
    char detail[200];

    (void)state;
    setup_7(&fake, 200, "{\"schema\":\"\\\"long\\\"\"}");
    registry = open_registry(&fake, NULL);
    assert_int_equal(verdict_of_7(registry, detail), VERDICT_TALLIED);
    assert_int_equal(verdict_of_7(registry, detail), VERDICT_TALLIED);
    assert_int_equal(fake.request_count, 1);
    registry_free(registry);
}

static void a_missing_schema_is_asked_for_again_and_then_remembered(void **state)
{
    struct fake_registry fake;
    struct registry *registry;
    char detail[200];
    int asked;

    (void)state;
    setup_7(&fake, 404, "{\"error_code\":40403}");
    registry = open_registry(&fake, NULL);
    assert_int_equal(verdict_of_7(registry, detail), VERDICT_UNKNOWN_SCHEMA);
    assert_non_null(strstr(detail, "schema id 7"));
    assert_true(simulated.time_ns >= 1010 * NS_PER_SECOND);
    assert_true(fake.request_count > 2);
    asked = fake.request_count;
    simulated.time_ns += 59 * NS_PER_SECOND;
    assert_int_equal(verdict_of_7(registry, detail), VERDICT_UNKNOWN_SCHEMA);
    assert_int_equal(fake.request_count, asked);
    /* A schema that was registered later is found after a minute. */
    fake.answers[0].status = 200;
    fake.answers[0].body = "{\"schema\":\"\\\"long\\\"\"}";
    simulated.time_ns += 2 * NS_PER_SECOND;
    assert_int_equal(verdict_of_7(registry, detail), VERDICT_TALLIED);
    registry_free(registry);
}

static void trouble_is_never_a_verdict(void **state)
{
    static const struct {
        int status;
        const char *body;
        bool at_once; /* asking again would not help */
        const char *words;
    } cases[] = {
        {500, "", false, "HTTP 500"},
        {503, "", false, "HTTP 503"},
        {429, "", false, "HTTP 429"},
        {401, "", true, "check the user name"},
        {403, "", true, "HTTP 403"},
        {302, "", true, "HTTP 302"},
        {200, "<html>log in</html>", true, "not JSON"},
        {200, "{\"greeting\":\"hello\"}", true, "not a registry's"},
        {200, "[]", true, "not a registry's"},
        {200, "", true, "not JSON"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct fake_registry fake;
        struct registry *registry;
        struct err err = ERR_INIT;

        setup_7(&fake, cases[i].status, cases[i].body);
        registry = open_registry(&fake, NULL);
        assert_int_equal(error_of_7(registry, &err), ERR_BROKER);
        assert_true(err.retriable);
        if (strstr(err.text, cases[i].words) == NULL || strstr(err.text, "schema id 7") == NULL) {
            fail_msg("case %zu: %s", i, err.text);
        }
        assert_int_equal(fake.request_count == 1, cases[i].at_once);
        registry_free(registry);
    }
}

static void trouble_that_passes_is_waited_for(void **state)
{
    struct fake_registry fake;
    struct registry *registry;
    char detail[200];

    (void)state;
    setup_7(&fake, 200, "{\"schema\":\"\\\"long\\\"\"}");
    fake.fail_first = 3;
    registry = open_registry(&fake, NULL);
    assert_int_equal(verdict_of_7(registry, detail), VERDICT_TALLIED);
    registry_free(registry);
}

static void what_is_no_avro_schema_is_a_bad_schema_for_ever(void **state)
{
    static const struct {
        const char *body, *words;
    } cases[] = {
        {"{\"schemaType\":\"PROTOBUF\",\"schema\":\"syntax = \\\"proto3\\\";\"}", "PROTOBUF"},
        {"{\"schema\":\"{\\\"type\\\":\\\"lng\\\"}\"}", "lng"},
        {"{\"schema\":\"\"}", ""},
        {"{\"schema\":\"\\\"long\\\"\",\"references\":[{\"subject\":1}]}", "reference"},
        {"{\"schema\":\"\\\"long\\\"\",\"references\":[{\"name\":\"g\",\"subject\":\"gone\","
         "\"version\":1}]}",
         "refers"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct fake_registry fake;
        struct registry *registry;
        char detail[200];
        int asked;

        setup_7(&fake, 200, cases[i].body);
        registry = open_registry(&fake, NULL);
        assert_int_equal(verdict_of_7(registry, detail), VERDICT_BAD_SCHEMA);
        if (strstr(detail, cases[i].words) == NULL) {
            fail_msg("case %zu: %s", i, detail);
        }
        asked = fake.request_count;
        simulated.time_ns += NS_PER_DAY;
        assert_int_equal(verdict_of_7(registry, detail), VERDICT_BAD_SCHEMA);
        assert_int_equal(fake.request_count, asked);
        registry_free(registry);
    }
}

static void references_are_followed_in_order(void **state)
{
    struct fake_registry fake;
    struct registry *registry;
    char detail[200];

    (void)state;
    setup_7(&fake, 200,
            "{\"schema\":\"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"R\\\",\\\"fields\\\":[{"
            "\\\"name\\\":\\\"f\\\",\\\"type\\\":\\\"a.Outer\\\"}]}\",\"references\":[{\"name\":"
            "\"a.Outer\",\"subject\":\"outer value/1\",\"version\":3}]}");
    fake.answers[1].path = "/subjects/outer%20value%2F1/versions/3";
    fake.answers[1].status = 200;
    fake.answers[1].body =
        "{\"schema\":\"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"a.Outer\\\",\\\"fields\\\":[{"
        "\\\"name\\\":\\\"i\\\",\\\"type\\\":\\\"a.Inner\\\"}]}\",\"references\":[{\"name\":"
        "\"a.Inner\",\"subject\":\"inner\",\"version\":1}]}";
    fake.answers[2].path = "/subjects/inner/versions/1";
    fake.answers[2].status = 200;
    fake.answers[2].body =
        "{\"schema\":\"{\\\"type\\\":\\\"fixed\\\",\\\"size\\\":4,\\\"name\\\":\\\"a.Inner\\\"}\"}";
    registry = open_registry(&fake, NULL);
    if (verdict_of_7(registry, detail) != VERDICT_TALLIED) {
        fail_msg("%s", detail);
    }
    assert_int_equal(fake.request_count, 3);
    registry_free(registry);
}

/* Two subjects that name each other: an attack, or a mistake; either way it ends. */
static void references_in_a_circle_end(void **state)
{
    struct fake_registry fake;
    struct registry *registry;
    char detail[200];

    (void)state;
    setup_7(&fake, 200,
            "{\"schema\":\"\\\"b.B\\\"\",\"references\":[{\"name\":\"b.B\",\"subject\":\"b\","
            "\"version\":1}]}");
    fake.answers[1].path = "/subjects/b/versions/1";
    fake.answers[1].status = 200;
    fake.answers[1].body = "{\"schema\":\"\\\"c.C\\\"\",\"references\":[{\"name\":\"c.C\","
                           "\"subject\":\"c\",\"version\":1}]}";
    fake.answers[2].path = "/subjects/c/versions/1";
    fake.answers[2].status = 200;
    fake.answers[2].body = "{\"schema\":\"\\\"b.B\\\"\",\"references\":[{\"name\":\"b.B\","
                           "\"subject\":\"b\",\"version\":1}]}";
    registry = open_registry(&fake, NULL);
    assert_int_equal(verdict_of_7(registry, detail), VERDICT_BAD_SCHEMA);
    assert_int_equal(fake.request_count, 3);
    registry_free(registry);
}

static void shell(const char *before, const char *path, const char *after)
{
    char command[512];

    (void)snprintf(command, sizeof(command), "%s %s%s", before, path, after);
    assert_int_equal(system(command), 0);
}

static void the_cache_on_disk_stands_in_for_a_registry_that_is_down(void **state)
{
    char folder[] = "/tmp/uptally-registry-XXXXXX", cache[64];
    struct fake_registry fake;
    struct registry *registry;
    struct err err = ERR_INIT;
    char detail[200];

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(cache, sizeof(cache), "%s/cache", folder);
    setup_7(&fake, 200, "{\"schema\":\"\\\"long\\\"\"}");
    registry = open_registry(&fake, cache);
    assert_int_equal(verdict_of_7(registry, detail), VERDICT_TALLIED);
    registry_free(registry);
    fake.down = true;
    fake.request_count = 0;
    registry = open_registry(&fake, cache);
    assert_int_equal(verdict_of_7(registry, detail), VERDICT_TALLIED);
    assert_int_equal(fake.request_count, 0);
    registry_free(registry);
    /* A file that was changed is none. */
    shell("sed -i s/long/double/", cache, "/*");
    registry = open_registry(&fake, cache);
    assert_int_equal(error_of_7(registry, &err), ERR_BROKER);
    assert_non_null(strstr(err.text, "Connection refused"));
    registry_free(registry);
    /* And it is written again when the registry is back. */
    fake.down = false;
    registry = open_registry(&fake, cache);
    assert_int_equal(verdict_of_7(registry, detail), VERDICT_TALLIED);
    registry_free(registry);
    shell("grep -q long", cache, "/*");
    shell("rm -r", folder, "");
}

static void a_cache_that_cannot_be_made_is_a_configuration_error(void **state)
{
    struct fake_registry fake = FAKE_REGISTRY_INIT;
    struct registry_options options = {.url = FAKE_REGISTRY_URL,
                                       .cache_path = "/dev/null/cache",
                                       .http = &fake.http,
                                       .clock = &simulated.clock};
    struct registry *registry;
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(registry_open(&options, &registry, &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "/dev/null/cache"));
}

static void a_ping_tells_a_registry_from_another_server(void **state)
{
    struct fake_registry fake;
    struct registry *registry;
    struct err err = ERR_INIT;

    (void)state;
    setup_7(&fake, 200, "{}");
    registry = open_registry(&fake, NULL);
    assert_int_equal(registry_ping(registry, &err), ERR_BROKER);
    assert_non_null(strstr(err.text, "no registry at this address"));
    fake.answers[1].path = "/schemas/types";
    fake.answers[1].status = 200;
    fake.answers[1].body = "[\"AVRO\"]";
    assert_int_equal(registry_ping(registry, &err), ERR_OK);
    fake.down = true;
    assert_int_equal(registry_ping(registry, &err), ERR_BROKER);
    registry_free(registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_schema_is_asked_for_once),
        cmocka_unit_test(a_missing_schema_is_asked_for_again_and_then_remembered),
        cmocka_unit_test(trouble_is_never_a_verdict),
        cmocka_unit_test(trouble_that_passes_is_waited_for),
        cmocka_unit_test(what_is_no_avro_schema_is_a_bad_schema_for_ever),
        cmocka_unit_test(references_are_followed_in_order),
        cmocka_unit_test(references_in_a_circle_end),
        cmocka_unit_test(the_cache_on_disk_stands_in_for_a_registry_that_is_down),
        cmocka_unit_test(a_cache_that_cannot_be_made_is_a_configuration_error),
        cmocka_unit_test(a_ping_tells_a_registry_from_another_server),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
