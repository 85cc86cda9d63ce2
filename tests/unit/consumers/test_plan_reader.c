/* Resolution of a writer's schema against a reader's: Avro specification 1.11, "Schema Resolution". */
#include "plan_fixture.h"

#include "base/check.h"

#define STRING "\"string\""
#define FIELD_WITH(name, type, more) "{\"name\":\"" name "\",\"type\":" type "," more "}"
#define ENUM_OF(name, symbols, more)                                                               \
    "{\"type\":\"enum\",\"name\":\"" name "\",\"symbols\":[" symbols "]" more "}"

static void open_pair(struct fixture *fixture, const char *writer, const char *reader)
{
    if (fixture_compile(fixture, writer, reader) != ERR_OK) {
        fail_msg("%s", fixture->err.text);
    }
}

static void pair_refused(struct fixture *fixture, const char *writer, const char *reader,
                         const char *message)
{
    assert_int_equal(fixture_compile(fixture, writer, reader), ERR_CONFIG);
    if (strstr(fixture->err.text, message) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", fixture->err.text, message);
    }
    fixture_release(fixture);
}

/* The same fields in another order and under other names; what the reader does not have is skipped. */
static void test_order_and_aliases(void **state)
{
    struct fixture fixture;
    struct bytes payload = {.size = 0};
    const struct event *event;

    (void)state;
    fixture_init(&fixture);
    open_pair(&fixture,
              RECORD_OF(FIELD_OF("extra", STRING) "," FIELD_OF("code", "\"int\"") "," FIELD_OF(
                  "svc", STRING) "," FIELD_OF("ts", TYPE_MS)),
              RECORD_OF(FIELD_WITH("service", STRING, "\"aliases\":[\"app\",\"svc\"]") "," //
                        FIELD_WITH("time", "\"long\"", "\"aliases\":[\"ts\"]") ","         //
                        FIELD_WITH("status", "\"long\"", "\"aliases\":[\"code\"]")));
    put_text(&payload, "x");
    put_long(&payload, 500);
    put_text(&payload, "shop");
    put_long(&payload, RECORD_MS);
    event = run(&fixture, &payload, VERDICT_TALLIED);
    assert_name(event->service, "shop");
    assert_int_equal(event->outcome, OUTCOME_ERROR);
    assert_int_equal(event->time_ns, RECORD_NS); /* by the writer's logical type */
    fixture_release(&fixture);
}

static void test_record_names(void **state)
{
    static const char *const writer =
        "{\"type\":\"record\",\"name\":\"old.Event\",\"fields\":[" BASE_FIELDS "]}";
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture); /* other namespace, same name */
    open_pair(&fixture, writer,
              "{\"type\":\"record\",\"name\":\"new.Event\",\"fields\":[" BASE_FIELDS "]}");
    fixture_release(&fixture);
    fixture_init(&fixture);
    open_pair(&fixture, writer,
              "{\"type\":\"record\",\"name\":\"Request\",\"aliases\":[\"old.Event\"],\"fields\":"
              "[" BASE_FIELDS "]}");
    fixture_release(&fixture);
    fixture_init(&fixture);
    pair_refused(&fixture, writer,
                 "{\"type\":\"record\",\"name\":\"Request\",\"fields\":[" BASE_FIELDS "]}",
                 "role service: \"service\" is a value of another type");
}

static void test_defaults(void **state)
{
    struct fixture fixture;
    struct bytes payload = {.size = 0};
    const struct event *event;

    (void)state;
    fixture_init(&fixture);
    fixture.mapping.latency = role_of("http.duration");
    fixture.mapping.latency_unit_ns = NS_PER_SECOND;
    fixture.mapping.instance = role_of("host");
    fixture.mapping.customer = role_of("who");
    fixture.mapping.region = role_of("labels.region");
    fixture.mapping.event_id = role_of("id");
    fixture.mapping.weight = role_of("weight");
    open_pair(&fixture, RECORD_OF(BASE_FIELDS),
              RECORD_OF(BASE_FIELDS "," FIELD_WITH(
                  "http",
                  "{\"type\":\"record\",\"name\":\"H\",\"fields\":[{\"name\":\"duration\","
                  "\"type\":\"double\",\"default\":0.25},{\"name\":\"x\",\"type\":\"int\"}]}",
                  "\"default\":{\"x\":1}") ","                                                //
                        FIELD_WITH("host", "[\"string\",\"null\"]", "\"default\":\"h1\"") "," //
                        FIELD_WITH("who", "[\"null\",\"string\"]", "\"default\":null") ","    //
                        FIELD_WITH("labels", "{\"type\":\"map\",\"values\":\"string\"}",
                                   "\"default\":{\"region\":\"eu\"}") "," //
                        FIELD_WITH("id", "{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}",
                                   "\"default\":\"\\u00ff\\u0001\"") "," //
                        FIELD_WITH("weight", "\"int\"", "\"default\":10")));
    put_base(&payload, "shop");
    event = run(&fixture, &payload, VERDICT_TALLIED);
    assert_int_equal(event->latency_ns, NS_PER_SECOND / 4);
    assert_name(event->instance, "h1");
    assert_name(event->customer, "");
    assert_name(event->region, "eu");
    assert_name(event->id, "ff01");
    assert_int_equal(event->weight, 10);
    fixture_release(&fixture);
}

static void test_defaults_refused(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture);
    fixture.mapping.instance = role_of("host");
    pair_refused(&fixture, RECORD_OF(BASE_FIELDS),
                 RECORD_OF(BASE_FIELDS "," FIELD_OF("host", STRING)),
                 "lacks field \"host\" and the reader's gives no default");
    fixture_init(&fixture);
    fixture.mapping.instance = role_of("host");
    pair_refused(&fixture, RECORD_OF(BASE_FIELDS),
                 RECORD_OF(BASE_FIELDS "," FIELD_WITH("host", STRING, "\"default\":7")),
                 "the default is no value of type string");
}

/* avro-c resolves enums by ordinal; the specification by symbol. */
static void test_enum_by_symbol(void **state)
{
    static const struct {
        int64_t ordinal;
        enum verdict verdict;
        enum outcome outcome;
    } rows[] = {
        {0, VERDICT_TALLIED, OUTCOME_SUCCESS}, /* OK */
        {1, VERDICT_TALLIED, OUTCOME_ERROR},   /* FAILED */
        {2, VERDICT_TALLIED, OUTCOME_ERROR},   /* LOST: the default */
    };
    struct rule_value success[] = {{.match = RULE_EQUALS, .text = STR("OK")}};
    struct rule_value error[] = {{.match = RULE_EQUALS, .text = STR("FAILED")}};
    static const char *const writer = RECORD_OF(FIELD_OF("service", STRING) "," FIELD_OF(
        "time", TYPE_MS) "," FIELD_OF("status", ENUM_OF("S", "\"OK\",\"FAILED\",\"LOST\"", "")));
    struct fixture fixture;

    (void)state;
    for (int with_default = 0; with_default <= 1; with_default++) {
        fixture_init(&fixture);
        fixture.mapping.outcome_rules =
            (struct outcome_rules){NULL, 0, error, 1, success, 1, false};
        open_pair(
            &fixture, writer,
            with_default
                ? RECORD_OF(FIELD_OF("service", STRING) "," FIELD_OF("time", TYPE_MS) "," FIELD_OF(
                      "status", ENUM_OF("S", "\"FAILED\",\"OK\"", ",\"default\":\"FAILED\"")))
                : RECORD_OF(FIELD_OF("service", STRING) "," FIELD_OF("time", TYPE_MS) "," FIELD_OF(
                      "status", ENUM_OF("S", "\"FAILED\",\"OK\"", ""))));
        for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
            struct bytes payload = {.size = 0};
            enum verdict expected = i == 2 && !with_default ? VERDICT_BAD_OUTCOME : rows[i].verdict;

            put_text(&payload, "shop");
            put_long(&payload, RECORD_MS);
            put_long(&payload, rows[i].ordinal);
            (void)run(&fixture, &payload, expected);
            if (expected == VERDICT_TALLIED) {
                assert_int_equal(fixture.decoded.event.outcome, rows[i].outcome);
            }
        }
        fixture_release(&fixture);
    }
}

/* The reader's type decides what a text is: bytes read as string are text, string read as bytes is hexadecimal. */
static void test_bytes_and_string(void **state)
{
    struct fixture fixture;
    struct bytes payload = {.size = 0};
    const struct event *event;

    (void)state;
    fixture_init(&fixture);
    fixture.mapping.instance = role_of("a");
    fixture.mapping.region = role_of("b");
    open_pair(&fixture,
              RECORD_OF(BASE_FIELDS "," FIELD_OF("a", "\"bytes\"") "," FIELD_OF("b", STRING)),
              RECORD_OF(BASE_FIELDS "," FIELD_OF("a", STRING) "," FIELD_OF("b", "\"bytes\"")));
    put_base(&payload, "shop");
    put_text(&payload, "host");
    put_text(&payload, "AZ");
    event = run(&fixture, &payload, VERDICT_TALLIED);
    assert_name(event->instance, "host");
    assert_name(event->region, "415a");
    fixture_release(&fixture);
}

/* A long that a double is read from keeps its exact value: 2^53 + 1 has no double. */
static void test_promotion_is_exact(void **state)
{
    struct fixture fixture;
    struct bytes payload = {.size = 0};

    (void)state;
    fixture_init(&fixture);
    fixture.mapping.latency = role_of("x");
    fixture.mapping.latency_unit_ns = 1;
    open_pair(&fixture, RECORD_OF(BASE_FIELDS "," FIELD_OF("x", "\"long\"")),
              RECORD_OF(BASE_FIELDS "," FIELD_OF("x", "\"double\"")));
    put_base(&payload, "shop");
    put_long(&payload, 81234567890123);
    assert_int_equal(run(&fixture, &payload, VERDICT_TALLIED)->latency_ns, 81234567890123);
    fixture_release(&fixture);
}

static void test_demotion_refused(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture);
    fixture.mapping.latency = role_of("x");
    fixture.mapping.latency_unit_ns = 1;
    pair_refused(&fixture, RECORD_OF(BASE_FIELDS "," FIELD_OF("x", "\"double\"")),
                 RECORD_OF(BASE_FIELDS "," FIELD_OF("x", "\"long\"")),
                 "role latency: \"x\" is a value of another type");
}

/* A writer's union is resolved branch by branch and fails only where the branch occurs; a plain type finds the first branch
 * of a reader's union that matches. */
static void test_unions(void **state)
{
    struct fixture fixture;
    struct bytes payload = {.size = 0};

    (void)state;
    fixture_init(&fixture);
    fixture.mapping.instance = role_of("x");
    fixture.mapping.region = role_of("y");
    open_pair(&fixture,
              RECORD_OF(BASE_FIELDS
                        "," FIELD_OF("x", "[\"null\",\"int\",\"string\",\"double\"]") "," //
                        FIELD_OF("y", STRING)),
              RECORD_OF(BASE_FIELDS "," FIELD_OF("x", "[\"string\",\"long\"]") "," //
                        FIELD_OF("y", "[\"null\",\"bytes\",\"string\"]")));
    put_base(&payload, "shop");
    put_long(&payload, 2);
    put_text(&payload, "h1");
    put_text(&payload, "AZ");
    assert_name(run(&fixture, &payload, VERDICT_TALLIED)->instance, "h1");
    assert_name(fixture.decoded.event.region, "415a"); /* bytes come first */
    payload.size = 13;
    put_long(&payload, 1);
    put_long(&payload, 77);
    put_text(&payload, "AZ");
    assert_name(run(&fixture, &payload, VERDICT_TALLIED)->instance, "77");
    payload.size = 13;
    put_long(&payload, 0); /* the reader has no null */
    put_text(&payload, "AZ");
    (void)run(&fixture, &payload, VERDICT_BAD_NAME);
    payload.size = 13;
    put_long(&payload, 3);
    put_double(&payload, 1);
    put_text(&payload, "AZ");
    (void)run(&fixture, &payload, VERDICT_BAD_NAME);
    detail_says(&fixture, "field x at byte 14: a value that is no name");
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_aliases),
        cmocka_unit_test(test_record_names),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_defaults_refused),
        cmocka_unit_test(test_enum_by_symbol),
        cmocka_unit_test(test_bytes_and_string),
        cmocka_unit_test(test_promotion_is_exact),
        cmocka_unit_test(test_demotion_refused),
        cmocka_unit_test(test_unions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
