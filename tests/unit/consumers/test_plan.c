/* Roles: what docs/ingest.md makes of the values of a record. */
#include "plan_fixture.h"

#include "base/check.h"

#define STRING "\"string\""
#define OPTIONAL(type) "[\"null\"," type "]"

static void test_request(void **state)
{
    struct fixture fixture;
    struct bytes payload = {.size = 0};
    const struct event *event;

    (void)state;
    fixture_init(&fixture);
    fixture.mapping.latency = role_of("duration");
    fixture.mapping.latency_unit_ns = 1000;
    fixture.mapping.instance = role_of("instance");
    fixture.mapping.customer = role_of("customer");
    fixture.mapping.event_id = role_of("trace");
    fixture.mapping.weight = role_of("weight");
    fixture_open(
        &fixture,
        RECORD_OF(BASE_FIELDS "," FIELD_OF("duration", "\"long\"") "," FIELD_OF(
            "instance", OPTIONAL(STRING)) "," FIELD_OF("customer", OPTIONAL(STRING)) ","  //
                  FIELD_OF("trace", "{\"type\":\"fixed\",\"name\":\"T\",\"size\":4}") "," //
                  FIELD_OF("weight", "\"int\"")));
    put_base(&payload, "shop");
    put_long(&payload, 25376);
    put_long(&payload, 1);
    put_text(&payload, "shop-1");
    put_long(&payload, 0);
    put_raw(&payload, "\x00\x9a\xbc\xff", 4);
    put_long(&payload, 10);
    event = run(&fixture, &payload, VERDICT_TALLIED);
    assert_int_equal(event->kind, EVENT_REQUEST);
    assert_int_equal(event->outcome, OUTCOME_SUCCESS);
    assert_int_equal(event->time_ns, RECORD_NS);
    assert_int_equal(event->latency_ns, 25376000);
    assert_int_equal(event->weight, 10);
    assert_name(event->service, "shop");
    assert_name(event->instance, "shop-1");
    assert_name(event->customer, "");
    assert_name(event->id, "009abcff");
    fixture_release(&fixture);
}

static void test_check(void **state)
{
    struct fixture fixture;
    struct rule_value values[] = {{.match = RULE_EQUALS, .text = STR("up")},
                                  {.match = RULE_EQUALS, .text = STR("down")},
                                  {.match = RULE_EQUALS, .text = STR("gone")}};
    enum outcome outcomes[] = {OUTCOME_PASS, OUTCOME_FAIL, OUTCOME_REMOVED};
    static const struct {
        int64_t symbol;
        int64_t interval_ms; /* -1: null */
        enum verdict verdict;
        enum outcome outcome;
        int64_t interval_ns;
    } rows[] = {
        {0, 30000, VERDICT_TALLIED, OUTCOME_PASS, 30 * NS_PER_SECOND},
        {1, -1, VERDICT_TALLIED, OUTCOME_FAIL, 60 * NS_PER_SECOND},
        {2, 0, VERDICT_TALLIED, OUTCOME_REMOVED, 0}, /* on change only */
        {3, 0, VERDICT_BAD_OUTCOME, OUTCOME_PASS, 0},
        {0, INT64_C(400) * 86400000 + 1, VERDICT_MALFORMED, OUTCOME_PASS, 0},
    };

    (void)state;
    fixture_init(&fixture);
    fixture.mapping.kind = EVENT_CHECK;
    fixture.mapping.check_symbols = (struct check_symbols){values, outcomes, 3};
    fixture.mapping.instance = role_of("service");
    fixture.mapping.region = role_of("region");
    fixture.mapping.checker = role_of("region");
    fixture.mapping.interval = role_of("interval");
    fixture.mapping.interval_unit_ns = NS_PER_MS;
    fixture.mapping.interval_default_ns = 60 * NS_PER_SECOND;
    fixture_open(&fixture,
                 RECORD_OF(FIELD_OF("service", STRING) "," FIELD_OF("time", TYPE_MS) "," FIELD_OF(
                     "status", "{\"type\":\"enum\",\"name\":\"S\",\"symbols\":[\"up\",\"down\","
                               "\"gone\",\"UP\"]}") ","                   //
                           FIELD_OF("interval", OPTIONAL("\"long\"")) "," //
                           FIELD_OF("region", STRING)));
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct bytes payload = {.size = 0};
        const struct event *event;

        put_text(&payload, "db");
        put_long(&payload, RECORD_MS);
        put_long(&payload, rows[i].symbol);
        put_long(&payload, rows[i].interval_ms >= 0);
        if (rows[i].interval_ms >= 0) {
            put_long(&payload, rows[i].interval_ms);
        }
        put_text(&payload, "eu");
        event = run(&fixture, &payload, rows[i].verdict);
        if (rows[i].verdict == VERDICT_TALLIED) {
            assert_int_equal(event->kind, EVENT_CHECK);
            assert_int_equal(event->outcome, rows[i].outcome);
            assert_int_equal(event->interval_ns, rows[i].interval_ns);
            assert_int_equal(event->latency_ns, LATENCY_UNKNOWN);
            assert_name(event->instance, "db");
            assert_name(event->region, "eu");
            assert_name(event->checker, "eu");
        }
    }
    fixture_release(&fixture);
}

static void name_case(struct fixture *fixture, const char *name, size_t size, enum verdict expected)
{
    struct bytes payload = {.size = 0};
    const struct event *event;

    put_long(&payload, (int64_t)size);
    put_raw(&payload, name, size);
    put_long(&payload, RECORD_MS);
    put_long(&payload, 200);
    event = run(fixture, &payload, expected);
    if (expected == VERDICT_TALLIED) {
        assert_int_equal(event->service.size, size);
        assert_memory_equal(event->service.data, name, size);
    }
}

static void test_names(void **state)
{
    struct fixture fixture;
    char longest[256];

    (void)state;
    fixture_init(&fixture);
    fixture_open(&fixture, RECORD_OF(BASE_FIELDS));
    memset(longest, 'x', sizeof(longest));
    name_case(&fixture, longest, 255, VERDICT_TALLIED);
    name_case(&fixture, longest, 256, VERDICT_BAD_NAME);
    detail_says(&fixture, "field service at byte 0: a name longer than 255 bytes");
    name_case(&fixture, "", 0, VERDICT_BAD_NAME);
    detail_says(&fixture, "an empty name");
    name_case(&fixture, "caf\xc3\xa9 \xf0\x9f\x98\x80 <svg>", 16, VERDICT_TALLIED);
    name_case(&fixture, "abcdefg\x1f", 8, VERDICT_BAD_NAME);
    name_case(&fixture, "abcdefg\x7f", 8, VERDICT_BAD_NAME);
    name_case(&fixture, "abcdefg\x7f.", 9, VERDICT_BAD_NAME);
    name_case(&fixture, "\nbcdefgh", 8, VERDICT_BAD_NAME);
    name_case(&fixture, "a\0b", 3, VERDICT_BAD_NAME);
    name_case(&fixture, "a\xc2\x85", 3, VERDICT_BAD_NAME); /* C1: next line */
    name_case(&fixture, "a\xc2\xa0", 3, VERDICT_TALLIED);
    detail_says(&fixture, "");
    name_case(&fixture, "a\xff", 2, VERDICT_BAD_NAME);
    name_case(&fixture, "\xc0\xaf", 2, VERDICT_BAD_NAME);     /* over-long */
    name_case(&fixture, "\xed\xa0\x80", 3, VERDICT_BAD_NAME); /* surrogate */
    fixture_release(&fixture);
}

/* Every byte at every place of the eight that are looked at together. */
static void test_names_every_byte(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture);
    fixture_open(&fixture, RECORD_OF(BASE_FIELDS));
    for (unsigned byte = 0; byte < 128; byte++) {
        for (size_t place = 0; place < 9; place++) {
            char name[9] = {' ', '~', ' ', '~', '!', 'a', ' ', '~', ' '};

            name[place] = (char)byte;
            name_case(&fixture, name, 9,
                      byte < 0x20 || byte == 0x7f ? VERDICT_BAD_NAME : VERDICT_TALLIED);
        }
    }
    fixture_release(&fixture);
}

static void test_service_joined(void **state)
{
    static const char *const schema =
        RECORD_OF(FIELD_OF("team", OPTIONAL(STRING)) "," FIELD_OF(
            "app", "[\"null\",\"string\",\"int\"]") "," //
                  FIELD_OF("time", TYPE_MS) "," FIELD_OF("status", "\"int\""));
    static const struct {
        const char *team, *app; /* NULL: null */
        int64_t number;         /* app, if not 0 */
        const char *replacement;
        const char *expected; /* NULL: bad_name */
    } rows[] = {
        {"pay", "api", 0, "", "pay/api"},     {"pay", "", 7, "", "pay/7"},
        {"pay", NULL, 0, "", NULL},           {NULL, "api", 0, "", NULL},
        {NULL, "api", 0, "rest", "rest"},     {"pay", NULL, 0, "rest", NULL},
        {"pay", "api", 0, "rest", "pay/api"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct fixture fixture;
        struct bytes payload = {.size = 0};
        const struct event *event;

        fixture_init(&fixture);
        fixture.mapping.service[0] = role_of("team");
        fixture.mapping.service[1] = role_of("app");
        fixture.mapping.service_part_count = 2;
        fixture.mapping.service_default = STR(rows[i].replacement);
        fixture_open(&fixture, schema);
        put_long(&payload, rows[i].team != NULL);
        if (rows[i].team != NULL) {
            put_text(&payload, rows[i].team);
        }
        put_long(&payload, rows[i].number != 0 ? 2 : rows[i].app != NULL);
        if (rows[i].number != 0) {
            put_long(&payload, rows[i].number);
        } else if (rows[i].app != NULL) {
            put_text(&payload, rows[i].app);
        }
        put_long(&payload, RECORD_MS);
        put_long(&payload, 200);
        event = run(&fixture, &payload, rows[i].expected ? VERDICT_TALLIED : VERDICT_BAD_NAME);
        if (rows[i].expected != NULL) {
            assert_name(event->service, rows[i].expected);
        }
        fixture_release(&fixture);
    }
}

/* Two parts of 127 and 128 bytes with the separator are 256. */
static void test_service_joined_too_long(void **state)
{
    struct fixture fixture;
    char text[129];

    (void)state;
    fixture_init(&fixture);
    fixture.mapping.service[1] = role_of("service");
    fixture.mapping.service_part_count = 2;
    fixture_open(&fixture, RECORD_OF(BASE_FIELDS));
    for (size_t size = 127; size <= 128; size++) {
        struct bytes payload = {.size = 0};

        memset(text, 'y', size);
        text[size] = '\0';
        put_base(&payload, text);
        (void)run(&fixture, &payload, size == 127 ? VERDICT_TALLIED : VERDICT_BAD_NAME);
    }
    fixture_release(&fixture);
}

static void test_outcome_defaults(void **state)
{
    static const struct {
        int64_t number;
        const char *text;
        enum verdict verdict;
        enum outcome outcome;
    } rows[] = {
        {99, NULL, VERDICT_BAD_OUTCOME, OUTCOME_SUCCESS},
        {100, NULL, VERDICT_TALLIED, OUTCOME_SUCCESS},
        {404, NULL, VERDICT_TALLIED, OUTCOME_SUCCESS},
        {499, NULL, VERDICT_TALLIED, OUTCOME_SUCCESS},
        {500, NULL, VERDICT_TALLIED, OUTCOME_ERROR},
        {599, NULL, VERDICT_TALLIED, OUTCOME_ERROR},
        {600, NULL, VERDICT_BAD_OUTCOME, OUTCOME_ERROR},
        {-1, NULL, VERDICT_BAD_OUTCOME, OUTCOME_ERROR},
        {0, "503", VERDICT_TALLIED, OUTCOME_ERROR},
        {0, "200", VERDICT_TALLIED, OUTCOME_SUCCESS},
        {0, "OK", VERDICT_BAD_OUTCOME, OUTCOME_SUCCESS},
        {0, "", VERDICT_BAD_OUTCOME, OUTCOME_SUCCESS},
        {0, "2 0", VERDICT_BAD_OUTCOME, OUTCOME_SUCCESS},
    };
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture);
    fixture_open(&fixture,
                 RECORD_OF(FIELD_OF("service", STRING) "," FIELD_OF("time", TYPE_MS) "," //
                           FIELD_OF("status", "[\"null\",\"int\",\"string\"]")));
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct bytes payload = {.size = 0};
        const struct event *event;

        put_text(&payload, "shop");
        put_long(&payload, RECORD_MS);
        put_long(&payload, rows[i].text != NULL ? 2 : 1);
        if (rows[i].text != NULL) {
            put_text(&payload, rows[i].text);
        } else {
            put_long(&payload, rows[i].number);
        }
        event = run(&fixture, &payload, rows[i].verdict);
        if (rows[i].verdict == VERDICT_TALLIED) {
            assert_int_equal(event->outcome, rows[i].outcome);
        }
    }
    fixture_release(&fixture);
}

/* exclude goes before error, error before success; what no rule names is bad. */
static void test_outcome_rules(void **state)
{
    struct rule_value exclude[] = {{.match = RULE_RANGE, .low = 429, .high = 429}};
    struct rule_value error[] = {{.match = RULE_RANGE, .low = 400, .high = 599},
                                 {.match = RULE_EQUALS, .text = STR("FAILED")}};
    struct rule_value success[] = {{.match = RULE_EQUALS, .text = STR("200")},
                                   {.match = RULE_PREFIX, .text = STR("OK")},
                                   {.match = RULE_RANGE, .low = 404, .high = 404}};
    static const struct {
        const char *text;
        enum verdict verdict;
        enum outcome outcome;
    } rows[] = {
        {"429", VERDICT_RULE, OUTCOME_SUCCESS},
        {"404", VERDICT_TALLIED, OUTCOME_ERROR},
        {"FAILED", VERDICT_TALLIED, OUTCOME_ERROR},
        {"200", VERDICT_TALLIED, OUTCOME_SUCCESS},
        {"OK_CACHED", VERDICT_TALLIED, OUTCOME_SUCCESS},
        {"201", VERDICT_BAD_OUTCOME, OUTCOME_SUCCESS},
        {"failed", VERDICT_BAD_OUTCOME, OUTCOME_SUCCESS},
    };
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture);
    fixture.mapping.outcome_rules = (struct outcome_rules){exclude, 1, error, 2, success, 3, false};
    fixture_open(&fixture,
                 RECORD_OF(FIELD_OF("service", STRING) "," FIELD_OF("time", TYPE_MS) "," //
                           FIELD_OF("status", STRING)));
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct bytes payload = {.size = 0};
        const struct event *event;

        put_text(&payload, "shop");
        put_long(&payload, RECORD_MS);
        put_text(&payload, rows[i].text);
        event = run(&fixture, &payload, rows[i].verdict);
        if (rows[i].verdict == VERDICT_TALLIED) {
            assert_int_equal(event->outcome, rows[i].outcome);
        } else if (rows[i].verdict == VERDICT_RULE) {
            assert_name(fixture.decoded.rule, "outcome");
        }
    }
    detail_says(&fixture, "field status at byte 11: no rule names \"failed\"");
    fixture_release(&fixture);
}

/* An excluded record is excluded whatever else is wrong in it, but not if its bytes are. */
static void test_exclusions(void **state)
{
    struct rule_value health[] = {{.match = RULE_EQUALS, .text = STR("/healthz")},
                                  {.match = RULE_PREFIX, .text = STR("/internal/")}};
    struct rule_value bot[] = {{.match = RULE_EQUALS, .text = STR("true")}};
    struct rule_value probe[] = {{.match = RULE_PREFIX, .text = STR("c0ff")}};
    struct exclusion_rule exclusions[] = {
        {STR("health"), role_of("path"), health, 2},
        {STR("bot"), role_of("bot"), bot, 1},
        {STR("probe"), role_of("trace"), probe, 1},
        {STR("absent"), role_of("no_such_field"), bot, 1},
    };
    static const struct {
        const char *service, *path;
        unsigned bot;
        const char *trace;
        enum verdict verdict;
        const char *rule;
    } rows[] = {
        {"shop", "/", 0, "\x01\x02", VERDICT_TALLIED, ""},
        {"shop", "/healthz", 0, "\x01\x02", VERDICT_RULE, "health"},
        {"shop", "/healthz2", 0, "\x01\x02", VERDICT_TALLIED, ""},
        {"shop", "/internal/x", 1, "\x01\x02", VERDICT_RULE, "health"}, /* the first one counts */
        {"shop", "/", 1, "\x01\x02", VERDICT_RULE, "bot"},
        {"shop", "/", 0, "\xc0\xff", VERDICT_RULE, "probe"},
        {"shop", "/", 0, "\xc0\xfe", VERDICT_TALLIED, ""},
        {"", "/healthz", 0, "\x01\x02", VERDICT_RULE, "health"},
        {"shop", "/\xff", 0, "\x01\x02", VERDICT_MALFORMED, ""},
        {"shop", "/healthz", 2, "\x01\x02", VERDICT_MALFORMED, ""},
    };
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture);
    fixture.mapping.exclusions = exclusions;
    fixture.mapping.exclusion_count = ARRAY_COUNT(exclusions);
    fixture_open(&fixture,
                 RECORD_OF(BASE_FIELDS "," FIELD_OF("path", OPTIONAL(STRING)) "," FIELD_OF(
                     "trace", "{\"type\":\"fixed\",\"name\":\"T\",\"size\":2}") "," //
                           FIELD_OF("bot", "\"boolean\"")));
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct bytes payload = {.size = 0};

        put_base(&payload, rows[i].service);
        put_long(&payload, 1);
        put_text(&payload, rows[i].path);
        put_raw(&payload, rows[i].trace, 2);
        put_byte(&payload, rows[i].bot);
        (void)run(&fixture, &payload, rows[i].verdict);
        assert_name(fixture.decoded.rule, rows[i].rule);
    }
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_names_every_byte),
        cmocka_unit_test(test_service_joined),
        cmocka_unit_test(test_service_joined_too_long),
        cmocka_unit_test(test_outcome_defaults),
        cmocka_unit_test(test_outcome_rules),
        cmocka_unit_test(test_exclusions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
