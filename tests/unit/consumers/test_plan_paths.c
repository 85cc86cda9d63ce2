/* Paths: where a role finds its value in a writer's schema, and what is said when it does not. */
#include "plan_fixture.h"

#include "base/check.h"

#define STRING "\"string\""

#define HTTP                                                                                       \
    "{\"type\":\"record\",\"name\":\"Http\",\"fields\":[{\"name\":\"method\",\"type\":\"string\"}" \
    ","                                                                                            \
    "{\"name\":\"code\",\"type\":\"int\"}]}"
#define RPC                                                                                        \
    "{\"type\":\"record\",\"name\":\"Rpc\",\"fields\":[{\"name\":\"code\",\"type\":\"string\"}]}"

/* Through a union of two records that both have the field, and null. */
static void test_path_through_union(void **state)
{
    struct fixture fixture;
    struct bytes payload = {.size = 0};

    (void)state;
    fixture_init(&fixture);
    fixture.mapping.outcome = role_of("call.code");
    fixture_open(&fixture,
                 RECORD_OF(FIELD_OF("service", STRING) "," FIELD_OF("time", TYPE_MS) "," FIELD_OF(
                     "call", "[\"null\"," HTTP "," RPC ",\"string\"]")));
    put_text(&payload, "shop");
    put_long(&payload, RECORD_MS);
    put_long(&payload, 1);
    put_text(&payload, "GET");
    put_long(&payload, 503);
    assert_int_equal(run(&fixture, &payload, VERDICT_TALLIED)->outcome, OUTCOME_ERROR);
    payload.size = 11;
    put_long(&payload, 2);
    put_text(&payload, "200");
    assert_int_equal(run(&fixture, &payload, VERDICT_TALLIED)->outcome, OUTCOME_SUCCESS);
    payload.size = 11;
    put_long(&payload, 0);
    (void)run(&fixture, &payload, VERDICT_BAD_OUTCOME);
    detail_says(&fixture, "field call.code: no outcome");
    payload.size = 11;
    put_long(&payload, 3);
    put_text(&payload, "200");
    (void)run(&fixture, &payload, VERDICT_BAD_OUTCOME);
    fixture_release(&fixture);
}

/* By key through a map of records; of two equal keys the last one counts, also where it has less. */
static void test_path_through_map(void **state)
{
    struct fixture fixture;
    struct bytes payload = {.size = 0};
    const struct event *event;

    (void)state;
    fixture_init(&fixture);
    fixture.mapping.instance = role_of("labels.pod.name");
    fixture.mapping.customer = role_of("labels.pod.tenant");
    fixture.mapping.region = role_of("labels.zone.name");
    fixture_open(&fixture,
                 RECORD_OF(BASE_FIELDS "," FIELD_OF(
                     "labels",
                     "{\"type\":\"map\",\"values\":{\"type\":\"record\",\"name\":\"L\",\"fields\":["
                     "{\"name\":\"name\",\"type\":\"string\"},"
                     "{\"name\":\"tenant\",\"type\":[\"null\",\"string\"]}]}}")));
    put_base(&payload, "shop");
    put_long(&payload, 3);
    put_text(&payload, "pod");
    put_text(&payload, "pod-1");
    put_long(&payload, 1);
    put_text(&payload, "acme");
    put_text(&payload, "other");
    put_text(&payload, "x");
    put_long(&payload, 0);
    put_text(&payload, "zone");
    put_text(&payload, "eu-1");
    put_long(&payload, 0);
    put_long(&payload, -1);
    put_long(&payload, 11);
    put_text(&payload, "pod");
    put_text(&payload, "pod-2");
    put_long(&payload, 0);
    put_long(&payload, 0);
    event = run(&fixture, &payload, VERDICT_TALLIED);
    assert_name(event->instance, "pod-2");
    assert_name(event->customer, "");
    assert_name(event->region, "eu-1");
    fixture_release(&fixture);
}

/* A path may end where another one goes on. */
static void test_path_within_path(void **state)
{
    struct fixture fixture;
    struct bytes payload = {.size = 0};
    const struct event *event;

    (void)state;
    fixture_init(&fixture);
    fixture.mapping.instance = role_of("host");
    fixture.mapping.region = role_of("host.code");
    fixture_open(&fixture, RECORD_OF(BASE_FIELDS "," FIELD_OF("host", "[\"string\"," RPC "]")));
    put_base(&payload, "shop");
    put_long(&payload, 0);
    put_text(&payload, "h1");
    event = run(&fixture, &payload, VERDICT_TALLIED);
    assert_name(event->instance, "h1");
    assert_name(event->region, "");
    payload.size = 13;
    put_long(&payload, 1);
    put_text(&payload, "eu");
    (void)run(&fixture, &payload, VERDICT_BAD_NAME);
    detail_says(&fixture, "field host at byte 14: a value that is no name");
    fixture_release(&fixture);
}

/* A recursive record is read at the depth that the path says and skipped below. */
static void test_path_into_recursion(void **state)
{
    struct fixture fixture;
    struct bytes payload = {.size = 0};

    (void)state;
    fixture_init(&fixture);
    fixture.mapping.instance = role_of("cause.next.text");
    fixture_open(&fixture, RECORD_OF(BASE_FIELDS "," FIELD_OF(
                               "cause", "{\"type\":\"record\",\"name\":\"C\",\"fields\":["
                                        "{\"name\":\"text\",\"type\":\"string\"},"
                                        "{\"name\":\"next\",\"type\":[\"null\",\"C\"]}]}")));
    put_base(&payload, "shop");
    put_text(&payload, "one");
    put_long(&payload, 1);
    put_text(&payload, "two");
    put_long(&payload, 1);
    put_text(&payload, "three");
    put_long(&payload, 0);
    assert_name(run(&fixture, &payload, VERDICT_TALLIED)->instance, "two");
    fixture_release(&fixture);
}

static void test_alternatives(void **state)
{
    struct fixture fixture;
    struct bytes payload = {.size = 0};

    (void)state;
    fixture_init(&fixture);
    fixture.mapping.service[0] =
        (struct role){.paths = {STR("svc"), STR("service"), STR("status")}, .path_count = 3};
    fixture_open(&fixture, RECORD_OF(BASE_FIELDS));
    put_base(&payload, "shop");
    assert_name(run(&fixture, &payload, VERDICT_TALLIED)->service, "shop");
    fixture_release(&fixture);
}

static void refused(struct fixture *fixture, const char *schema, const char *message)
{
    assert_int_equal(fixture_compile(fixture, schema, NULL), ERR_CONFIG);
    if (strstr(fixture->err.text, message) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", fixture->err.text, message);
    }
    fixture_release(fixture);
}

static void test_mappings_refused(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture);
    fixture.mapping.time = role_of("tmie");
    refused(&fixture, RECORD_OF(BASE_FIELDS),
            "role time: schema R has no \"tmie\"; did you mean \"time\"? Fields: service, time, "
            "status");
    fixture_init(&fixture);
    fixture.mapping.service[0] = role_of("http.app");
    refused(&fixture, RECORD_OF(BASE_FIELDS "," FIELD_OF("http", HTTP)),
            "role service: schema R has no \"http.app\"; fields: service, time, status, http, "
            "http.method, http.code");
    fixture_init(&fixture);
    fixture.mapping.outcome = role_of("missing");
    refused(&fixture, RECORD_OF(BASE_FIELDS), "role outcome: schema R has no \"missing\"");
    fixture_init(&fixture);
    fixture.mapping.time = role_of("list.time");
    refused(&fixture,
            RECORD_OF(BASE_FIELDS "," FIELD_OF("list", "{\"type\":\"array\",\"items\":"
                                                       "\"long\"}")),
            "role time: schema R has no \"list.time\""); /* never through arrays */
    fixture_init(&fixture);
    fixture.mapping.time = role_of("n");
    refused(&fixture, RECORD_OF(BASE_FIELDS "," FIELD_OF("n", "\"long\"")),
            "role time: \"n\" is int; a timestamp, RFC 3339 text, or a number with a unit");
    fixture_init(&fixture);
    fixture.mapping.latency = role_of("n");
    refused(&fixture, RECORD_OF(BASE_FIELDS "," FIELD_OF("n", "\"long\"")),
            "role latency: \"n\" is int; text like \"0.123s\", or a number with a unit");
    fixture_init(&fixture);
    fixture.mapping.service[0] = role_of("http");
    refused(&fixture, RECORD_OF(BASE_FIELDS "," FIELD_OF("http", HTTP)),
            "role service: \"http\" is a value of another type");
    fixture_init(&fixture);
    fixture.mapping.service[0] = role_of("n");
    refused(&fixture, RECORD_OF(BASE_FIELDS "," FIELD_OF("n", "\"null\"")),
            "role service: \"n\" is null");
    fixture_init(&fixture);
    fixture.mapping.customer = role_of("n");
    refused(&fixture, RECORD_OF(BASE_FIELDS "," FIELD_OF("n", "\"double\"")),
            "role customer: \"n\" is double");
    fixture_init(&fixture);
    fixture.mapping.instance = role_of("a..b");
    refused(&fixture, RECORD_OF(BASE_FIELDS), "path \"a..b\" has an empty part");
    fixture_init(&fixture);
    refused(&fixture, "\"string\"", "role service: schema string has no \"service\"");
}

/* Unions of records that all lead on: the number of ways doubles with each part of the path. */
static void test_attack_doubling_paths(void **state)
{
    struct fixture fixture;
    char path[128] = "x";

    (void)state;
    for (int i = 0; i < 40; i++) {
        (void)strcat(path, ".x");
    }
    fixture_init(&fixture);
    fixture.mapping.instance = role_of(path);
    assert_int_equal(
        fixture_compile(&fixture,
                        RECORD_OF(BASE_FIELDS "," FIELD_OF(
                            "x", "[\"string\",{\"type\":\"record\",\"name\":\"A\",\"fields\":["
                                 "{\"name\":\"x\",\"type\":[\"string\",\"A\",{\"type\":\"record\","
                                 "\"name\":\"B\",\"fields\":[{\"name\":\"x\",\"type\":[\"string\","
                                 "\"A\",\"B\"]}]}]}]},\"B\"]")),
                        NULL),
        ERR_CONFIG);
    assert_non_null(strstr(fixture.err.text, "a plan of more than 1048576 steps"));
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path_through_union),    cmocka_unit_test(test_path_through_map),
        cmocka_unit_test(test_path_within_path),      cmocka_unit_test(test_path_into_recursion),
        cmocka_unit_test(test_alternatives),          cmocka_unit_test(test_mappings_refused),
        cmocka_unit_test(test_attack_doubling_paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
