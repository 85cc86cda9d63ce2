/* Times, latencies and weights: numbers of every type, in every unit. */
#include "plan_fixture.h"

#include "base/check.h"

#define STRING "\"string\""
#define OPTIONAL(type) "[\"null\"," type "]"

struct time_case {
    const char *type;
    int64_t number;
    const char *text; /* instead of number */
    int64_t unit_ns;
    enum verdict verdict;
    int64_t expected_ns;
};

#define LOGICAL(name) "{\"type\":\"long\",\"logicalType\":\"" name "\"}"
#define AT RECORD_NS

static const struct time_case time_cases[] = {
    {LOGICAL("timestamp-millis"), AT / NS_PER_MS + 7, NULL, 0, VERDICT_TALLIED, AT + 7 * NS_PER_MS},
    {LOGICAL("timestamp-micros"), AT / 1000 + 7, NULL, 0, VERDICT_TALLIED, AT + 7000},
    {LOGICAL("timestamp-nanos"), AT + 7, NULL, 0, VERDICT_TALLIED, AT + 7},
    {LOGICAL("local-timestamp-millis"), AT / NS_PER_MS, NULL, 0, VERDICT_TALLIED, AT},
    {LOGICAL("local-timestamp-micros"), AT / 1000, NULL, 0, VERDICT_TALLIED, AT},
    /* the writer's logical type goes before the configured unit */
    {LOGICAL("timestamp-micros"), AT / 1000, NULL, NS_PER_SECOND, VERDICT_TALLIED, AT},
    {"\"long\"", AT / NS_PER_SECOND, NULL, NS_PER_SECOND, VERDICT_TALLIED, AT},
    {"\"int\"", AT / NS_PER_SECOND, NULL, NS_PER_SECOND, VERDICT_TALLIED, AT},
    {"\"long\"", AT / NS_PER_MS, NULL, NS_PER_MS, VERDICT_TALLIED, AT},
    {"\"string\"", 0, "2026-11-01T00:00:00Z", 0, VERDICT_TALLIED, AT},
    {"\"string\"", 0, "2026-11-01t01:30:00.25+01:30", 0, VERDICT_TALLIED, AT + NS_PER_SECOND / 4},
    {"\"string\"", 0, "2026-10-31T23:59:60Z", 0, VERDICT_TALLIED, AT - NS_PER_SECOND},
    {"\"string\"", 0, "yesterday", 0, VERDICT_TIME_OUT_OF_RANGE, 0},
    {"\"string\"", 0, "2026-11-01", 0, VERDICT_TIME_OUT_OF_RANGE, 0},
    {"\"string\"", 0, "2026-11-01T00:00:00\xff", 0, VERDICT_MALFORMED, 0},
    /* borders: exactly max_age and exactly 24 h are in */
    {LOGICAL("timestamp-nanos"), AT + NS_PER_DAY, NULL, 0, VERDICT_TALLIED, AT + NS_PER_DAY},
    {LOGICAL("timestamp-nanos"), AT + NS_PER_DAY + 1, NULL, 0, VERDICT_TIME_OUT_OF_RANGE, 0},
    {LOGICAL("timestamp-nanos"), AT - 400 * NS_PER_DAY, NULL, 0, VERDICT_TALLIED,
     AT - 400 * NS_PER_DAY},
    {LOGICAL("timestamp-nanos"), AT - 400 * NS_PER_DAY - 1, NULL, 0, VERDICT_TIME_OUT_OF_RANGE, 0},
    /* mistakes in the unit */
    {LOGICAL("timestamp-millis"), AT / NS_PER_SECOND, NULL, 0, VERDICT_TIME_OUT_OF_RANGE, 0},
    {LOGICAL("timestamp-millis"), AT / 1000, NULL, 0, VERDICT_TIME_OUT_OF_RANGE, 0},
    {LOGICAL("timestamp-millis"), INT64_MAX, NULL, 0, VERDICT_TIME_OUT_OF_RANGE, 0},
    {LOGICAL("timestamp-nanos"), INT64_MIN, NULL, 0, VERDICT_TIME_OUT_OF_RANGE, 0},
    {LOGICAL("timestamp-nanos"), INT64_MAX, NULL, 0, VERDICT_TIME_OUT_OF_RANGE, 0},
    {"\"string\"", 0, "9999-12-31T23:59:59Z", 0, VERDICT_TIME_OUT_OF_RANGE, 0},
    {"\"string\"", 0, "1970-01-01T00:00:00Z", 0, VERDICT_TIME_OUT_OF_RANGE, 0},
};

static void test_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(time_cases); i++) {
        const struct time_case *row = &time_cases[i];
        struct fixture fixture;
        struct bytes payload = {.size = 0};
        const struct event *event;
        char schema[512];

        fixture_init(&fixture);
        fixture.mapping.time_unit_ns = row->unit_ns;
        (void)snprintf(schema, sizeof(schema),
                       RECORD_OF(FIELD_OF("service", STRING) "," FIELD_OF("time", "%s") "," //
                                 FIELD_OF("status", "\"int\"")),
                       row->type);
        fixture_open(&fixture, schema);
        put_text(&payload, "shop");
        if (row->text != NULL) {
            put_text(&payload, row->text);
        } else {
            put_long(&payload, row->number);
        }
        put_long(&payload, 200);
        event = run(&fixture, &payload, row->verdict);
        if (row->verdict == VERDICT_TALLIED) {
            assert_int_equal(event->time_ns, row->expected_ns);
        }
        fixture_release(&fixture);
    }
}

static void test_time_from_double_and_null(void **state)
{
    struct fixture fixture;
    struct bytes payload = {.size = 0};

    (void)state;
    fixture_init(&fixture);
    fixture.mapping.time_unit_ns = NS_PER_SECOND;
    fixture_open(&fixture, RECORD_OF(FIELD_OF("service", STRING) "," FIELD_OF(
                               "time", OPTIONAL("\"double\"")) "," FIELD_OF("status", "\"int\"")));
    put_text(&payload, "shop");
    put_long(&payload, 1);
    put_double(&payload, 1793491200.5);
    put_long(&payload, 200);
    assert_int_equal(run(&fixture, &payload, VERDICT_TALLIED)->time_ns, AT + NS_PER_SECOND / 2);
    payload.size = 0;
    put_text(&payload, "shop");
    put_long(&payload, 0);
    put_long(&payload, 200);
    (void)run(&fixture, &payload, VERDICT_TIME_OUT_OF_RANGE);
    detail_says(&fixture, "field time: no time");
    fixture_release(&fixture);
}

/* Any of four kinds of latency; the index picks the branch. */
static void test_latency(void **state)
{
    static const struct {
        int branch; /* 0 null, 1 long, 2 double, 3 string, 4 boolean */
        int64_t number;
        double real;
        const char *text;
        enum verdict verdict;
        int64_t expected_ns;
    } rows[] = {
        {0, 0, 0, NULL, VERDICT_TALLIED, LATENCY_UNKNOWN},
        {1, 0, 0, NULL, VERDICT_TALLIED, 0},
        {1, 86400000, 0, NULL, VERDICT_TALLIED, NS_PER_DAY},
        {1, 86400001, 0, NULL, VERDICT_BAD_LATENCY, 0},
        {1, -1, 0, NULL, VERDICT_BAD_LATENCY, 0},
        {1, INT64_MAX, 0, NULL, VERDICT_BAD_LATENCY, 0},
        {2, 0, 0.5, NULL, VERDICT_TALLIED, 500000},
        {2, 0, 0.0000005, NULL, VERDICT_TALLIED, 0}, /* 5e-7 is a little below the tie in binary */
        {2, 0, -0.0, NULL, VERDICT_TALLIED, 0},
        {2, 0, -0.001, NULL, VERDICT_BAD_LATENCY, 0},
        {2, 0, 0.0 / 0.0, NULL, VERDICT_BAD_LATENCY, 0},
        {2, 0, 1.0 / 0.0, NULL, VERDICT_BAD_LATENCY, 0},
        {3, 0, 0, "0.025376s", VERDICT_TALLIED, 25376000},
        {3, 0, 0, "86400s", VERDICT_TALLIED, NS_PER_DAY},
        {3, 0, 0, "86400.000000001s", VERDICT_BAD_LATENCY, 0},
        {3, 0, 0, "0.1", VERDICT_BAD_LATENCY, 0},
        {3, 0, 0, "-0.1s", VERDICT_BAD_LATENCY, 0},
        {3, 0, 0, "\xff", VERDICT_MALFORMED, 0},
        {4, 1, 0, NULL, VERDICT_BAD_LATENCY, 0},
    };
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture);
    fixture.mapping.latency = role_of("latency");
    fixture.mapping.latency_unit_ns = NS_PER_MS;
    fixture_open(&fixture,
                 RECORD_OF(BASE_FIELDS "," FIELD_OF(
                     "latency", "[\"null\",\"long\",\"double\",\"string\",\"boolean\"]")));
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct bytes payload = {.size = 0};
        const struct event *event;

        put_base(&payload, "shop");
        put_long(&payload, rows[i].branch);
        if (rows[i].branch == 1) {
            put_long(&payload, rows[i].number);
        } else if (rows[i].branch == 2) {
            put_double(&payload, rows[i].real);
        } else if (rows[i].branch == 3) {
            put_text(&payload, rows[i].text);
        } else if (rows[i].branch == 4) {
            put_byte(&payload, 1);
        }
        event = run(&fixture, &payload, rows[i].verdict);
        if (rows[i].verdict == VERDICT_TALLIED) {
            assert_int_equal(event->latency_ns, rows[i].expected_ns);
        } else {
            detail_says(&fixture, "field latency at byte 14: ");
        }
    }
    fixture_release(&fixture);
}

static void test_weight(void **state)
{
    static const struct {
        int64_t weight;
        enum verdict verdict;
    } rows[] = {{1, VERDICT_TALLIED},
                {1000000000, VERDICT_TALLIED},
                {1000000001, VERDICT_MALFORMED},
                {0, VERDICT_MALFORMED},
                {-5, VERDICT_MALFORMED}};
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture);
    fixture.mapping.weight = role_of("weight");
    fixture_open(&fixture, RECORD_OF(BASE_FIELDS "," FIELD_OF("weight", "\"long\"")));
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct bytes payload = {.size = 0};

        put_base(&payload, "shop");
        put_long(&payload, rows[i].weight);
        (void)run(&fixture, &payload, rows[i].verdict);
    }
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_time_from_double_and_null),
        cmocka_unit_test(test_latency),
        cmocka_unit_test(test_weight),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
