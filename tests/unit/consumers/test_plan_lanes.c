/* Payloads walked column by column end where each of them ends alone. Every payload has a block of its size and the bytes behind it that may be looked at, so that a read
 * farther on is seen; what stands there must not matter. */
#include "plan_fixture.h"

#include "base/check.h"
#include "base/memory.h"
#include "consumers/plain_name.h"
#include "consumers/plan_lanes.h"

/* Each kind of value that a straight plan has: in runs, nullable, at the end; those that are wanted stand between them. */
#define FIXED_OF_3 "{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}"
#define ENUM_OF_3 "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\",\"C\"]}"
static const char schema[] = "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
                             "{\"name\":\"a\",\"type\":\"boolean\"},"
                             "{\"name\":\"b\",\"type\":\"boolean\"},"
                             "{\"name\":\"c\",\"type\":\"int\"},"
                             "{\"name\":\"d\",\"type\":\"int\"},"
                             "{\"name\":\"e\",\"type\":\"long\"},"
                             "{\"name\":\"f\",\"type\":\"double\"},"
                             "{\"name\":\"g\",\"type\":\"string\"},"
                             "{\"name\":\"h\",\"type\":\"bytes\"},"
                             "{\"name\":\"i\",\"type\":" ENUM_OF_3 "},"
                             "{\"name\":\"j\",\"type\":[\"null\",\"string\"]},"
                             "{\"name\":\"k\",\"type\":[\"long\",\"null\"]},"
                             "{\"name\":\"l\",\"type\":[\"null\"," FIXED_OF_3 "]},"
                             "{\"name\":\"m\",\"type\":[\"null\",\"E\"]},"
                             "{\"name\":\"n\",\"type\":[\"null\",\"boolean\"]},"
                             "{\"name\":\"service\",\"type\":\"string\"},"
                             "{\"name\":\"time\",\"type\":" TYPE_MS "},"
                             "{\"name\":\"o\",\"type\":\"long\"},"
                             "{\"name\":\"status\",\"type\":\"int\"},"
                             "{\"name\":\"latency\",\"type\":[\"null\",\"long\"]},"
                             "{\"name\":\"p\",\"type\":\"int\"},"
                             "{\"name\":\"q\",\"type\":\"long\"}]}";

enum { CASES = 12 };

/* Of the same schema; the numbers of a case go through sizes of one byte to ten, through null and not null. */
static void put_case(struct bytes *payload, int number)
{
    static const int bits[CASES] = {0, 6, 12, 18, 24, 31, 38, 43, 49, 57, 62, 55};
    const int64_t power = INT64_C(1) << bits[number], wide = number % 2 == 0 ? power : -power;
    char text[200];

    memset(text, 'x', sizeof(text));
    payload->size = 0;
    put_byte(payload, (unsigned)number % 2);
    put_byte(payload, (unsigned)number / 2 % 2);
    put_long(payload, number < 6 ? wide : INT32_MIN + number);
    put_long(payload, number);
    put_long(payload, wide);
    put_double(payload, 0.5);
    put_long(payload, number * 15);
    put_raw(payload, text, (size_t)number * 15);
    put_long(payload, number % 3);
    put_raw(payload, text, (size_t)number % 3);
    put_long(payload, number % 3);
    put_long(payload, number % 2);
    if (number % 2 == 1) {
        put_text(payload, "nullable");
    }
    put_long(payload, number / 2 % 2);
    if (number / 2 % 2 == 0) {
        put_long(payload, wide);
    }
    put_long(payload, number / 3 % 2);
    if (number / 3 % 2 == 1) {
        put_raw(payload, "abc", 3);
    }
    put_long(payload, number / 4 % 2);
    if (number / 4 % 2 == 1) {
        put_long(payload, number % 3);
    }
    put_long(payload, number / 5 % 2);
    if (number / 5 % 2 == 1) {
        put_byte(payload, 1);
    }
    put_text(payload, number % 2 == 0 ? "shop" : "a service of 24 letters!");
    put_long(payload, RECORD_MS + number);
    put_long(payload, wide);
    put_long(payload, 100 * (1 + number % 6)); /* 600 is none */
    put_long(payload, number == 7 ? 0 : 1);
    if (number != 7) {
        put_long(payload, (INT64_C(1) << 3 * number) - (number == 10 ? INT64_C(1) << 40 : 0));
    }
    put_long(payload, -number);
    put_long(payload, wide);
}

struct lanes {
    struct fixture fixture;
    struct plan_lanes lanes;
    char *blocks[PLAN_LANES_MAX];
    long plain, open;
};

static void lanes_init(struct lanes *set, const char *text)
{
    memset(set, 0, sizeof(*set));
    fixture_init(&set->fixture);
    set->fixture.mapping.latency = role_of("latency");
    set->fixture.mapping.latency_unit_ns = 1000;
    fixture_open(&set->fixture, text);
    assert_true(set->fixture.plan->by_lanes);
}

static void compare(struct lanes *set, size_t i)
{
    const struct plan_lanes *lanes = &set->lanes;
    const struct plan_plain *plain = &lanes->plains[i];
    struct decoded *alone = &set->fixture.decoded;
    struct str payload =
        str_of(set->blocks[i], (size_t)((const char *)lanes->end[i] - set->blocks[i]));

    plan_run(set->fixture.plan, payload, RECORD_NS, &set->fixture.scratch, alone);
    if (lanes->open[i] || !plain_name(lanes->services[i])) {
        set->open++;
        return;
    }
    set->plain++;
    assert_int_equal(alone->verdict, VERDICT_TALLIED);
    assert_int_equal(alone->event.outcome, plain->outcome);
    assert_int_equal(alone->event.time_ns, plain->time_ns);
    assert_int_equal(alone->event.latency_ns, plain->latency_ns);
    assert_true(str_equal(alone->event.service, lanes->services[i]));
}

/* Walks what was added, and frees it. */
static void finish(struct lanes *set)
{
    /* What an earlier walk left behind must not matter: names of which nothing is there any more, and numbers that look well. */
    for (size_t i = 0; i < PLAN_LANES_MAX; i++) {
        set->lanes.services[i] = str_of((const char *)1, 8);
        set->lanes.open[i] = true;
        for (size_t slot = 0; slot < PLAN_LANE_SLOTS_MAX; slot++) {
            set->lanes.numbers[slot][i] = 200;
        }
    }
    plan_lanes_run(set->fixture.plan, &set->lanes);
    for (size_t i = 0; i < set->lanes.count; i++) {
        compare(set, i);
        memory_free(set->blocks[i]);
    }
    set->lanes.count = 0;
}

static void add(struct lanes *set, const struct bytes *payload, size_t size)
{
    size_t i = set->lanes.count++;

    set->blocks[i] = memory_alloc(size + PLAN_LANES_BEHIND);
    memcpy(set->blocks[i], payload->data, size);
    memset(set->blocks[i] + size, (int)(i % 3) * 0x7f, PLAN_LANES_BEHIND);
    set->lanes.end[i] = (const uint8_t *)set->blocks[i] + size;
    set->lanes.at[i] = -(int64_t)size;
    set->lanes.record_times_ns[i] = RECORD_NS;
    if (set->lanes.count == PLAN_LANES_MAX) {
        finish(set);
    }
}

static void lanes_release(struct lanes *set)
{
    finish(set);
    fixture_release(&set->fixture);
}

static void all_cases_are_plain_but_those_that_are_not(void **state)
{
    static struct lanes set;
    static struct bytes payload;

    (void)state;
    lanes_init(&set, schema);
    for (int i = 0; i < CASES; i++) {
        put_case(&payload, i);
        add(&set, &payload, payload.size);
    }
    lanes_release(&set);
    /* a status of 600 twice, a negative latency, one that is null */
    assert_int_equal(set.plain, CASES - 4);
    assert_int_equal(set.open, 4);
}

/* Cut anywhere, and with each byte changed to each other one. */
static void damaged_payloads_are_what_they_are_alone(void **state)
{
    static struct lanes set;
    static struct bytes payload;

    (void)state;
    lanes_init(&set, schema);
    for (int number = 0; number < CASES; number++) {
        put_case(&payload, number);
        for (size_t size = 0; size < payload.size; size++) {
            add(&set, &payload, size);
        }
        for (size_t at = 0; at < payload.size; at++) {
            char kept = payload.data[at];

            for (unsigned flip = 1; flip < 256; flip++) {
                payload.data[at] = (char)((unsigned char)kept ^ flip);
                add(&set, &payload, payload.size);
            }
            payload.data[at] = kept;
        }
    }
    lanes_release(&set);
    assert_true(set.plain > 10000);
    assert_true(set.open > 10000);
}

/* A walk that goes in circles, around several branches, or for values that are not plain, is none for columns. */
static void other_plans_do_not_fit(void **state)
{
    static const char *const fields[] = {
        FIELD_OF("x", "{\"type\":\"array\",\"items\":\"long\"}"),
        FIELD_OF("x", "{\"type\":\"map\",\"values\":\"string\"}"),
        FIELD_OF("x", "[\"null\",\"long\",\"string\"]"),
        FIELD_OF("x", "[\"null\",{\"type\":\"record\",\"name\":\"S\",\"fields\":[" FIELD_OF(
                          "y", "\"long\"") "," FIELD_OF("z", "\"string\"") "]}]"),
        FIELD_OF("x", "[\"null\",{\"type\":\"record\",\"name\":\"S\",\"fields\":[" FIELD_OF(
                          "y", "\"long\"") "," FIELD_OF("z", "\"long\"") "]}]"),
        FIELD_OF("latency", "\"double\""),
        FIELD_OF("latency", "\"string\""),
        FIELD_OF("latency", "\"null\""),
    };
    enum { WITHOUT_LATENCY = 5 };
    struct fixture fixture;
    char text[1000];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
        fixture_init(&fixture);
        fixture.mapping.latency = role_of(i < WITHOUT_LATENCY ? "late" : "latency");
        fixture.mapping.latency_unit_ns = 1000;
        (void)snprintf(text, sizeof(text), RECORD_OF(BASE_FIELDS "%s%s%s"),
                       i < WITHOUT_LATENCY ? "," FIELD_OF("late", "\"long\"") : "", ",", fields[i]);
        fixture_open(&fixture, text);
        assert_false(fixture.plan->by_lanes);
        fixture_release(&fixture);
    }
}

/* What a mapping makes of values that would go straight: a number as a name, a name as a status or a latency, a time without a unit of its own, and more values than
 * there is room for. */
static void other_mappings_do_not_fit(void **state)
{
    static const char *const paths[] = {"latency", "a", "b"};
    struct role redactions[ARRAY_COUNT(paths)];
    struct fixture fixture;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(paths); i++) {
        redactions[i] = role_of(paths[i]);
    }
    for (int i = 0; i < 7; i++) {
        fixture_init(&fixture);
        fixture.mapping.latency_unit_ns = 1000;
        fixture.mapping.time_unit_ns = NS_PER_MS;
        fixture.mapping.service[0] = role_of(i == 1 ? "a" : i == 6 ? "time" : "service");
        fixture.mapping.outcome = role_of(i == 2 ? "service" : "status");
        fixture.mapping.latency = role_of(i == 3 ? "service" : "latency");
        fixture.mapping.time = role_of(i == 4 ? "latency" : "time");
        fixture.mapping.redactions = redactions;
        fixture.mapping.redaction_count = i == 5 ? ARRAY_COUNT(redactions) : 0;
        fixture_open(&fixture,
                     RECORD_OF(BASE_FIELDS "," FIELD_OF("latency", "\"long\"") "," FIELD_OF(
                         "a", "\"long\"") "," FIELD_OF("b", "\"long\"")));
        assert_int_equal(fixture.plan->by_lanes, i == 0);
        fixture_release(&fixture);
    }
}

/* An int that does not fit 32 bits is none, although it would make a good latency. */
static void an_int_is_an_int(void **state)
{
    static struct lanes set;
    struct bytes payload = {.size = 0};

    (void)state;
    lanes_init(&set, RECORD_OF(BASE_FIELDS "," FIELD_OF("latency", "\"int\"")));
    put_base(&payload, "shop");
    put_long(&payload, INT32_MAX);
    add(&set, &payload, payload.size);
    payload.size = 0;
    put_base(&payload, "shop");
    put_long(&payload, INT64_C(1) << 31);
    add(&set, &payload, payload.size);
    lanes_release(&set);
    assert_int_equal(set.plain, 1);
    assert_int_equal(set.open, 1);
}

/* A length in more bytes than it needs is one; one of 2^32 more, of 2^33 or below 0 is none, whatever its low bits are. */
static void a_length_counts_as_a_whole(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } lengths[] = {
        {"\6", 1},
        {"\206\0", 2},
        {"\206\200\0", 3},
        {"\206\200\200\200\200\200\200\200\200\0", 10},
        {"\206\200\200\200\20", 5},
        {"\206\200\200\200\40", 5},
        {"\205\200\0", 3},
        {"\206\200\200\200\200\200\200\200\200\1", 10},
        {"\206\200\200\200\200\200\200\200\200\2", 10},
    };
    static struct lanes set;
    struct bytes payload;

    (void)state;
    lanes_init(&set, RECORD_OF(FIELD_OF("text", "\"string\"") "," BASE_FIELDS
                                                              "," FIELD_OF("latency", "\"long\"")));
    for (size_t i = 0; i < ARRAY_COUNT(lengths); i++) {
        payload.size = 0;
        put_raw(&payload, lengths[i].bytes, lengths[i].size);
        put_raw(&payload, "abc", 3);
        put_base(&payload, "shop");
        put_long(&payload, 5);
        add(&set, &payload, payload.size);
    }
    lanes_release(&set);
    assert_int_equal(set.plain, 4);
    assert_int_equal(set.open, ARRAY_COUNT(lengths) - 4);
}

/* A number that does not fit 64 bits is none, whatever stands behind it: not one that is passed over, and no length either. */
static void a_number_that_cannot_be_read_is_none(void **state)
{
    static const char *const types[] = {"\"long\"", "\"string\""};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        static struct lanes set;
        struct bytes payload;
        char text[1000];

        (void)snprintf(
            text, sizeof(text), RECORD_OF("{\"name\":\"x\",\"type\":%s},%s"), types[i],
            FIELD_OF("y",
                     "{\"type\":\"fixed\",\"name\":\"F\",\"size\":10}") "," BASE_FIELDS
                                                                        "," FIELD_OF("latency",
                                                                                     "\"long\""));
        lanes_init(&set, text);
        for (int last = 0; last < 3;
             last++) { /* 2: ten bytes that are no number, and ten of y or none */
            payload.size = 0;
            put_raw(&payload, "\200\200\200\200\200\200\200\200\200", 9);
            put_byte(&payload, last == 0 ? 0 : 2);
            put_raw(&payload, "0123456789", last == 2 ? 0 : 10);
            put_base(&payload, "shop");
            put_long(&payload, 5);
            add(&set, &payload, payload.size);
        }
        lanes_release(&set);
        assert_int_equal(set.plain, 1);
        assert_int_equal(set.open, 2);
    }
}

/* A reader takes the writer's integer for a double, which is no plain latency. */
static void what_the_reader_makes_of_a_number_counts(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture);
    fixture.mapping.latency = role_of("latency");
    fixture.mapping.latency_unit_ns = 1000;
    assert_int_equal(fixture_compile(&fixture,
                                     RECORD_OF(BASE_FIELDS "," FIELD_OF("latency", "\"long\"")),
                                     RECORD_OF(BASE_FIELDS "," FIELD_OF("latency", "\"double\""))),
                     ERR_OK);
    assert_false(fixture.plan->by_lanes);
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_cases_are_plain_but_those_that_are_not),
        cmocka_unit_test(damaged_payloads_are_what_they_are_alone),
        cmocka_unit_test(other_plans_do_not_fit),
        cmocka_unit_test(other_mappings_do_not_fit),
        cmocka_unit_test(an_int_is_an_int),
        cmocka_unit_test(a_length_counts_as_a_whole),
        cmocka_unit_test(a_number_that_cannot_be_read_is_none),
        cmocka_unit_test(what_the_reader_makes_of_a_number_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
