/* Strictness: what docs/ingest.md asks of the bytes, read or skipped. Attacks are named after what they try. */
#include "plan_fixture.h"

#include "base/check.h"

/* A schema with one more field of the given type behind the roles. */
static void open_with(struct fixture *fixture, const char *type)
{
    char schema[4096];

    fixture_init(fixture);
    (void)snprintf(schema, sizeof(schema), RECORD_OF(BASE_FIELDS "," FIELD_OF("x", "%s")), type);
    fixture_open(fixture, schema);
}

/* One record whose field x has these bytes. */
static void judge(struct fixture *fixture, const char *bytes, size_t size, enum verdict expected)
{
    struct bytes payload = {.size = 0};

    put_base(&payload, "shop");
    put_raw(&payload, bytes, size);
    (void)run(fixture, &payload, expected);
}

struct walk_case {
    const char *type;
    const char *bytes;
    size_t size;
    enum verdict verdict;
    const char *detail; /* of dead letters */
};

#define BYTES(text) (text), sizeof(text) - 1
#define ARRAY_OF(items) "{\"type\":\"array\",\"items\":" items "}"
#define MAP_OF(values) "{\"type\":\"map\",\"values\":" values "}"
#define ENUM_AB "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}"
#define TEXTS                                                                                      \
    "{\"type\":\"record\",\"name\":\"T\",\"fields\":[{\"name\":\"a\",\"type\":\"string\"},"        \
    "{\"name\":\"b\",\"type\":\"bytes\"}]}"
#define TEN_FF "\xff\xff\xff\xff\xff\xff\xff\xff\xff"

static const struct walk_case cases[] = {
    /* booleans */
    {"\"boolean\"", BYTES("\x00"), VERDICT_TALLIED, ""},
    {"\"boolean\"", BYTES("\x01"), VERDICT_TALLIED, ""},
    {"\"boolean\"", BYTES("\x02"), VERDICT_MALFORMED, "field x at byte 13: a boolean"},
    {"\"boolean\"", BYTES(""), VERDICT_MALFORMED, "field x at byte 13"},
    /* int: 32 bits, non-minimal forms accepted */
    {"\"int\"", BYTES("\xff\xff\xff\xff\x0f"), VERDICT_TALLIED, ""},
    {"\"int\"", BYTES("\x80\x80\x80\x80\x10"), VERDICT_MALFORMED, "32 bits"},
    {"\"int\"", BYTES("\x81\x80\x80\x80\x80\x80\x80\x80\x80\x00"), VERDICT_TALLIED, ""},
    {"\"int\"", BYTES("\x80"), VERDICT_MALFORMED, "cut off"},
    /* long: 10 bytes, the last one holds one bit */
    {"\"long\"", BYTES(TEN_FF "\x01"), VERDICT_TALLIED, ""},
    {"\"long\"", BYTES(TEN_FF "\x02"), VERDICT_MALFORMED, "10 bytes"},
    {"\"long\"", BYTES(TEN_FF "\x80\x00"), VERDICT_MALFORMED, "10 bytes"},
    {"\"long\"", BYTES(TEN_FF), VERDICT_MALFORMED, "cut off"},
    /* widths */
    {"\"float\"", BYTES("abcd"), VERDICT_TALLIED, ""},
    {"\"float\"", BYTES("abc"), VERDICT_MALFORMED, "ends too early"},
    {"\"double\"", BYTES("abcdefgh"), VERDICT_TALLIED, ""},
    {"\"double\"", BYTES("abcdefg"), VERDICT_MALFORMED, "ends too early"},
    {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}", BYTES("abc"), VERDICT_TALLIED, ""},
    {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}", BYTES("ab"), VERDICT_MALFORMED, "too early"},
    {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":0}", BYTES(""), VERDICT_TALLIED, ""},
    {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":0}", BYTES("a"), VERDICT_MALFORMED, "left over"},
    /* lengths */
    {"\"string\"",
     BYTES("\x06"
           "abc"),
     VERDICT_TALLIED, ""},
    {"\"string\"",
     BYTES("\x08"
           "abc"),
     VERDICT_MALFORMED, "a length that runs past the end"},
    {"\"string\"",
     BYTES("\x05"
           "abc"),
     VERDICT_MALFORMED, "a length"},                                    /* -3 */
    {"\"bytes\"", BYTES(TEN_FF "\x01"), VERDICT_MALFORMED, "a length"}, /* INT64_MIN */
    {"\"bytes\"", BYTES("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"), VERDICT_MALFORMED, "a length"},
    {"\"string\"", BYTES("\x06\xff\xfe\xfd"), VERDICT_TALLIED, ""}, /* UTF-8 only where read */
    /* indices */
    {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}", BYTES("\x02"), VERDICT_TALLIED,
     ""},
    {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}", BYTES("\x04"),
     VERDICT_MALFORMED, "no such symbol"},
    {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}", BYTES("\x01"),
     VERDICT_MALFORMED, "no such symbol"},
    {"[\"null\",\"string\"]", BYTES("\x00"), VERDICT_TALLIED, ""},
    {"[\"null\",\"string\"]",
     BYTES("\x02\x02"
           "a"),
     VERDICT_TALLIED, ""},
    {"[\"string\",\"null\"]", BYTES("\x02"), VERDICT_TALLIED, ""},
    {"[\"null\",\"string\"]", BYTES("\x04"), VERDICT_MALFORMED, "no such branch"},
    {"[\"null\",\"string\"]", BYTES("\x01"), VERDICT_MALFORMED, "no such branch"},
    {"[\"null\",\"string\",\"int\"]", BYTES("\x06"), VERDICT_MALFORMED, "no such branch"},
    {"[\"null\",\"string\",\"int\"]", BYTES("\x04\x02"), VERDICT_TALLIED, ""},
    {"[\"null\"]", BYTES("\x00"), VERDICT_TALLIED, ""},
    {"[\"null\"]", BYTES(""), VERDICT_MALFORMED, "no such branch"},
    /* blocks: count, or -count and size */
    {ARRAY_OF("\"int\""), BYTES("\x00"), VERDICT_TALLIED, ""},
    {ARRAY_OF("\"int\""), BYTES("\x04\x02\x02\x00"), VERDICT_TALLIED, ""},
    {ARRAY_OF("\"int\""), BYTES("\x03\x04\x02\x02\x00"), VERDICT_TALLIED, ""},
    {ARRAY_OF("\"int\""), BYTES("\x02\x02\x03\x04\x02\x02\x00"), VERDICT_TALLIED, ""},
    {ARRAY_OF("\"int\""), BYTES("\x03\x06\x02\x02\x00"), VERDICT_MALFORMED, "not what it took"},
    {ARRAY_OF("\"int\""), BYTES("\x03\x02\x02\x02\x00"), VERDICT_MALFORMED, "not what it took"},
    {ARRAY_OF("\"int\""), BYTES("\x03\x03\x02\x02\x00"), VERDICT_MALFORMED, "block size"},
    {ARRAY_OF("\"int\""), BYTES("\x03\x40\x02\x02\x00"), VERDICT_MALFORMED, "block size"},
    {ARRAY_OF("\"int\""), BYTES("\x04\x02\x02"), VERDICT_MALFORMED, "cut off"},
    {ARRAY_OF("\"int\""), BYTES("\x40\x02\x02"), VERDICT_MALFORMED, "block count"},
    {ARRAY_OF("\"int\""), BYTES("\x04\x02\x80"), VERDICT_MALFORMED, "field x[] at byte 15"},
    {ARRAY_OF("\"double\""),
     BYTES("\x02"
           "abcdefgh"
           "\x00"),
     VERDICT_TALLIED, ""},
    {ARRAY_OF("\"double\""),
     BYTES("\x01\x10"
           "abcdefgh"
           "\x00"),
     VERDICT_TALLIED, ""},
    {ARRAY_OF("\"double\""),
     BYTES("\x01\x0e"
           "abcdefgh"
           "\x00"),
     VERDICT_MALFORMED, "not what"},
    {ARRAY_OF("\"double\""),
     BYTES("\x04"
           "abcdefgh"
           "\x00"),
     VERDICT_MALFORMED, "block count"},
    {ARRAY_OF("\"null\""), BYTES("\x06\x00"), VERDICT_TALLIED, ""},
    {ARRAY_OF("\"null\""), BYTES("\x05\x00\x00"), VERDICT_TALLIED, ""},
    {ARRAY_OF("\"null\""), BYTES("\x05\x02\x00\x00"), VERDICT_MALFORMED, "not what it took"},
    {MAP_OF("\"int\""),
     BYTES("\x02\x02"
           "k"
           "\x02\x00"),
     VERDICT_TALLIED, ""},
    {MAP_OF("\"int\""),
     BYTES("\x01\x06\x02"
           "k"
           "\x02\x00"),
     VERDICT_TALLIED, ""},
    {MAP_OF("\"int\""),
     BYTES("\x02\x20"
           "k"
           "\x02\x00"),
     VERDICT_MALFORMED, "a length"},
    {MAP_OF("\"null\""),
     BYTES("\x02\x02"
           "k"
           "\x00"),
     VERDICT_TALLIED, ""},
    {ARRAY_OF(ARRAY_OF("\"int\"")), BYTES("\x02\x02\x02\x00\x00"), VERDICT_TALLIED, ""},
    {ARRAY_OF("{\"type\":\"record\",\"name\":\"I\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
              "{\"name\":\"b\",\"type\":\"int\"}]}"),
     BYTES("\x04\x02\x02\x02\x02\x00"), VERDICT_TALLIED, ""},
    {ARRAY_OF("{\"type\":\"record\",\"name\":\"I\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
              "{\"name\":\"b\",\"type\":\"int\"}]}"),
     BYTES("\x02\x02\x80"), VERDICT_MALFORMED, "field x[].b at byte 15"},
    /* items that are one skip: texts, keys and values, records of texts */
    {ARRAY_OF("\"string\""), BYTES("\x04\x02k\x00\x01\x04\x02v\x00"), VERDICT_TALLIED, ""},
    {ARRAY_OF("\"string\""), BYTES("\x04\x02k\x06v\x00"), VERDICT_MALFORMED,
     "field x[] at byte 16: a length"},
    {ARRAY_OF("\"string\""), BYTES("\x02\x02k\x01\x04\x02v\x80"), VERDICT_MALFORMED,
     "field x[] at byte 20: a block count"},
    {ARRAY_OF("\"string\""), BYTES("\x02\x02k\x01\x06\x02v\x00"), VERDICT_MALFORMED,
     "field x[] at byte 20: a block whose size"},
    {ARRAY_OF("\"string\""), BYTES("\x02\x02k\x01\x03\x02v\x00"), VERDICT_MALFORMED,
     "field x[] at byte 16: a block size"},
    {MAP_OF("\"bytes\""), BYTES("\x02\x02k\x04vw\x00"), VERDICT_TALLIED, ""},
    {MAP_OF("\"bytes\""), BYTES("\x02\x02k\x08vw\x00"), VERDICT_MALFORMED,
     "field x[] at byte 16: a length"},
    {MAP_OF("\"long\""), BYTES("\x02\x02k\x80"), VERDICT_MALFORMED, "field x[] at byte 16"},
    {ARRAY_OF("\"boolean\""), BYTES("\x04\x01\x02\x00"), VERDICT_MALFORMED,
     "field x[] at byte 15: a boolean"},
    {ARRAY_OF(ENUM_AB), BYTES("\x04\x02\x02\x00"), VERDICT_TALLIED, ""},
    {ARRAY_OF(ENUM_AB), BYTES("\x04\x02\x04\x00"), VERDICT_MALFORMED,
     "field x[] at byte 15: no such symbol"},
    {ARRAY_OF(TEXTS), BYTES("\x04\x02k\x02v\x00\x02v\x00"), VERDICT_TALLIED, ""},
    {ARRAY_OF(TEXTS), BYTES("\x04\x02k\x02v\x00\x06v\x00"), VERDICT_MALFORMED,
     "field x[].b at byte 19: a length"},
    {"[\"null\"," TEXTS "]", BYTES("\x02\x02k\x04v"), VERDICT_MALFORMED, "field x.b at byte 16"},
    /* a number at the very end, of each size; the byte behind it belongs to somebody else */
    {"\"long\"", BYTES("\x80\x01"), VERDICT_TALLIED, ""},
    {"\"long\"", BYTES("\x80\x80\x01"), VERDICT_TALLIED, ""},
    {"\"long\"", BYTES("\x80\x80\x80\x80\x80\x80\x01"), VERDICT_TALLIED, ""},
    {"\"long\"", BYTES("\x80\x80\x80\x80\x80\x80\x80\x01"), VERDICT_TALLIED, ""},
    {"\"long\"", BYTES("\x80\x80\x80\x80\x80\x80\x80\x80\x01"), VERDICT_TALLIED, ""},
    {"\"long\"", BYTES("\x80\x80"), VERDICT_MALFORMED, "cut off"},
    {"\"long\"", BYTES("\x80\x80\x80\x80\x80\x80\x80"), VERDICT_MALFORMED, "cut off"},
    {"\"long\"", BYTES("\x80\x80\x80\x80\x80\x80\x80\x80"), VERDICT_MALFORMED, "cut off"},
    {ARRAY_OF(MAP_OF("[\"null\",\"boolean\"]")), BYTES("\x02\x04\x00\x00\x00\x02\x01\x00\x00"),
     VERDICT_TALLIED, ""},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct fixture fixture;

        open_with(&fixture, cases[i].type);
        judge(&fixture, cases[i].bytes, cases[i].size, cases[i].verdict);
        detail_says(&fixture, cases[i].detail);
        fixture_release(&fixture);
    }
}

/* A field that is read is judged as strictly as one that is skipped; what it means is another question. */
static void test_cases_read(void **state)
{
    size_t read_count = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct fixture fixture;
        struct bytes payload = {.size = 0};
        char schema[4096];
        struct str copy;

        fixture_init(&fixture);
        fixture.mapping.latency = role_of("x"); /* a role that strings and numbers can play ... */
        fixture.mapping.latency_unit_ns = 1;
        (void)snprintf(schema, sizeof(schema), RECORD_OF(BASE_FIELDS "," FIELD_OF("x", "%s")),
                       cases[i].type);
        if (fixture_compile(&fixture, schema, NULL) != ERR_OK) {
            fixture_release(&fixture);
            fixture_init(&fixture);
            fixture.mapping.outcome = role_of("x"); /* ... or enums, bytes and booleans */
            if (fixture_compile(&fixture, schema, NULL) != ERR_OK) {
                fixture_release(&fixture);
                continue;
            }
        }
        put_base(&payload, "shop");
        put_raw(&payload, cases[i].bytes, cases[i].size);
        copy = bytes_view(&payload);
        plan_run(fixture.plan, copy, RECORD_NS, &fixture.scratch, &fixture.decoded);
        if (strstr(fixture.decoded.detail, "UTF-8") == NULL) {
            assert_int_equal(fixture.decoded.verdict == VERDICT_MALFORMED,
                             cases[i].verdict == VERDICT_MALFORMED);
        }
        read_count++;
        fixture_release(&fixture);
    }
    assert_true(read_count >= 35); /* most of them can be read */
}

/* Whatever is cut off a good record, or put behind it, is noticed. */
static void test_truncated_and_overlong(void **state)
{
    struct fixture fixture;
    struct bytes good = {.size = 0};

    (void)state;
    open_with(&fixture, "[\"null\"," MAP_OF(ARRAY_OF("\"double\"")) "]");
    put_base(&good, "shop");
    put_long(&good, 1);
    put_long(&good, 1);
    put_text(&good, "key");
    put_long(&good, 2);
    put_double(&good, 1);
    put_double(&good, 2);
    put_long(&good, 0);
    put_long(&good, 0);
    (void)run(&fixture, &good, VERDICT_TALLIED);
    for (size_t size = 0; size < good.size; size++) {
        struct bytes cut = good;

        cut.size = size;
        (void)run(&fixture, &cut, VERDICT_MALFORMED);
    }
    put_byte(&good, 0);
    (void)run(&fixture, &good, VERDICT_MALFORMED);
    detail_says(&fixture, "bytes are left over");
    fixture_release(&fixture);
}

/* In a run of skipped fields the one that is broken is named. */
static void test_place_within_a_run(void **state)
{
    struct fixture fixture;
    struct bytes payload = {.size = 0};

    (void)state;
    fixture_init(&fixture);
    fixture_open(&fixture, RECORD_OF(BASE_FIELDS "," FIELD_OF("a", "\"string\"") "," FIELD_OF(
                               "b", "\"string\"") "," FIELD_OF("c", "\"string\"")));
    put_base(&payload, "shop");
    put_text(&payload, "one");
    put_text(&payload, "two");
    put_long(&payload, 99);
    (void)run(&fixture, &payload, VERDICT_MALFORMED);
    detail_says(&fixture, "field c at byte 21: a length that runs past the end");
    fixture_release(&fixture);
}

/* 5 bytes that claim 2^27 items of no width: seven seconds and two gigabytes elsewhere. */
static void test_attack_array_of_nulls(void **state)
{
    struct fixture fixture;

    (void)state;
    open_with(&fixture, ARRAY_OF("\"null\""));
    judge(&fixture, BYTES("\x80\x80\x80\x80\x01\x00"), VERDICT_TOO_LARGE);
    detail_says(&fixture, "field x[] at byte 13: more than 2^20 items");
    judge(&fixture, BYTES("\x80\x80\x80\x01\x00"), VERDICT_TALLIED);       /* 2^20 */
    judge(&fixture, BYTES("\x82\x80\x80\x01\x00"), VERDICT_TOO_LARGE);     /* 2^20 + 1 */
    judge(&fixture, BYTES("\x80\x80\x80\x01\x02\x00"), VERDICT_TOO_LARGE); /* in two blocks */
    judge(&fixture, BYTES(TEN_FF "\x01\x00\x00"), VERDICT_TOO_LARGE);      /* INT64_MIN of them */
    fixture_release(&fixture);
}

/* The budget is the record's, not the array's. */
static void test_attack_arrays_of_arrays_of_nulls(void **state)
{
    struct fixture fixture;
    struct bytes payload = {.size = 0};

    (void)state;
    open_with(&fixture, ARRAY_OF(ARRAY_OF("\"null\"")));
    put_base(&payload, "shop");
    put_long(&payload, 2);
    for (int i = 0; i < 2; i++) {
        put_long(&payload, 1 << 19);
        put_long(&payload, 0);
    }
    put_long(&payload, 0);
    (void)run(&fixture, &payload, VERDICT_TOO_LARGE); /* 2^20 and the two inner arrays */
    fixture_release(&fixture);
}

static void test_attack_count_behind_the_end(void **state)
{
    struct fixture fixture;

    (void)state;
    open_with(&fixture, ARRAY_OF("\"int\""));
    judge(&fixture, BYTES("\x80\x80\x80\x80\x01\x02\x02"), VERDICT_MALFORMED);
    judge(&fixture, BYTES(TEN_FF "\x01\x00\x02\x02"), VERDICT_MALFORMED); /* INT64_MIN */
    judge(&fixture, BYTES("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02"), VERDICT_MALFORMED);
    fixture_release(&fixture);
}

/* The root record is the first level. list: so many records within it. */
static void linked_list(struct fixture *fixture, int length, enum verdict expected)
{
    struct bytes payload = {.size = 0};

    put_base(&payload, "shop");
    for (int i = 0; i < length; i++) {
        put_long(&payload, 1);
    }
    put_long(&payload, 0);
    (void)run(fixture, &payload, expected);
}

#define LIST                                                                                       \
    "{\"type\":\"record\",\"name\":\"L\",\"fields\":[{\"name\":\"n\",\"type\":[\"null\",\"L\"]}]}"

static void test_attack_deep_list(void **state)
{
    struct fixture fixture;

    (void)state;
    open_with(&fixture, "[\"null\"," LIST "]");
    linked_list(&fixture, 63, VERDICT_TALLIED);
    linked_list(&fixture, 64, VERDICT_TOO_DEEP);
    detail_says(&fixture, "field L.n at byte 77: nested deeper than 64 levels");
    linked_list(&fixture, 4000, VERDICT_TOO_DEEP);
    fixture_release(&fixture);
}

/* Arrays and maps count as well: a map that holds itself through a record takes two levels a turn. */
static void test_attack_deep_maps(void **state)
{
    struct fixture fixture;
    struct bytes payload = {.size = 0};

    (void)state;
    open_with(&fixture, "{\"type\":\"record\",\"name\":\"M\",\"fields\":[{\"name\":\"m\",\"type\":"
                        "{\"type\":\"map\",\"values\":\"M\"}}]}");
    for (int turns = 30; turns <= 31; turns++) {
        payload.size = 0;
        put_base(&payload, "shop");
        for (int i = 0; i < turns; i++) {
            put_long(&payload, 1);
            put_text(&payload, "");
        }
        for (int i = 0; i <= turns; i++) {
            put_long(&payload, 0);
        }
        /* root, then record and map for each turn and once more: 63 levels, or 65 */
        (void)run(&fixture, &payload, turns == 30 ? VERDICT_TALLIED : VERDICT_TOO_DEEP);
    }
    fixture_release(&fixture);
}

/* A record that contains itself has no finite value; two of itself would be 2^64 visits without the limit. */
static void test_attack_infinite_record(void **state)
{
    struct fixture fixture;

    (void)state;
    open_with(&fixture, "{\"type\":\"record\",\"name\":\"X\",\"fields\":[{\"name\":\"a\",\"type\":"
                        "\"X\"},{\"name\":\"b\",\"type\":\"X\"}]}");
    judge(&fixture, BYTES(""), VERDICT_TOO_DEEP);
    fixture_release(&fixture);
}

/* Sixty records, each with two fields of the one before: a tree of 2^60 visits. Empty ones are never visited; others cost
 * a byte each, so the payload bounds the work. */
static void doubling(const char *innermost, const char *bytes, size_t size, enum verdict expected)
{
    struct fixture fixture;
    struct strbuf schema;

    strbuf_init(&schema, 65536);
    strbuf_append_format(&schema,
                         "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" BASE_FIELDS
                         ",{\"name\":\"f\",\"type\":[\"null\",{\"type\":\"record\","
                         "\"name\":\"N0\",\"fields\":[{\"name\":\"a\",\"type\":\"%s\"}]}]}",
                         innermost);
    for (int i = 1; i < 60; i++) {
        strbuf_append_format(&schema,
                             ",{\"name\":\"f%d\",\"type\":[\"null\",{\"type\":\"record\","
                             "\"name\":\"N%d\",\"fields\":[{\"name\":\"a\",\"type\":\"N%d\"},"
                             "{\"name\":\"b\",\"type\":\"N%d\"}]}]}",
                             i, i, i - 1, i - 1);
    }
    strbuf_append_text(&schema, ",{\"name\":\"x\",\"type\":\"N59\"}]}");
    fixture_init(&fixture);
    fixture_open(&fixture, strbuf_text(&schema));
    judge(&fixture, bytes, size, expected);
    fixture_release(&fixture);
    strbuf_release(&schema);
}

static void test_attack_records_doubling(void **state)
{
    char nulls[60 + 8] = {0};

    (void)state;
    doubling("null", nulls, 60, VERDICT_TALLIED);
    doubling("boolean", nulls, sizeof(nulls), VERDICT_MALFORMED);
}

static void test_too_large(void **state)
{
    struct fixture fixture;

    (void)state;
    open_with(&fixture, "\"string\"");
    fixture.mapping.record_size_max = 17;
    judge(&fixture,
          BYTES("\x06"
                "abc"),
          VERDICT_TALLIED); /* 17 bytes */
    judge(&fixture,
          BYTES("\x08"
                "abcd"),
          VERDICT_TOO_LARGE);
    detail_says(&fixture, "18 bytes; max_record_bytes is 17");
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_cases_read),
        cmocka_unit_test(test_truncated_and_overlong),
        cmocka_unit_test(test_place_within_a_run),
        cmocka_unit_test(test_attack_array_of_nulls),
        cmocka_unit_test(test_attack_arrays_of_arrays_of_nulls),
        cmocka_unit_test(test_attack_count_behind_the_end),
        cmocka_unit_test(test_attack_deep_list),
        cmocka_unit_test(test_attack_deep_maps),
        cmocka_unit_test(test_attack_infinite_record),
        cmocka_unit_test(test_attack_records_doubling),
        cmocka_unit_test(test_too_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
