/* Framings: which key each gives, what each refuses, and that every rule of decoding holds behind all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "consumers/decoder.h"
#include "tests/unit/fake_registry.h"

#define NOW_NS (INT64_C(1790000000) * NS_PER_SECOND)
#define NONE                                                                                       \
    {                                                                                              \
        NULL, 0                                                                                    \
    }
#define BYTES(text)                                                                                \
    {                                                                                              \
        "" text, sizeof(text) - 1                                                                  \
    }

#define GUID "\001\021\042\063\104\125\146\167\210\231\252\273\314\335\356\377\000"
#define GUID_TEXT "11223344-5566-7788-99aa-bbccddeeff00"

static const struct {
    enum framing framing;
    struct str value, header;
    const char *complaint; /* NULL: good */
    struct schema_key key;
    size_t payload_size;
} cases[] = {
    {FRAMING_CONFLUENT, BYTES("\0\0\0\1\2xyz"), NONE, NULL, {SCHEMA_KEY_ID, 0, 258}, 3},
    {FRAMING_CONFLUENT, BYTES("\0\177\377\377\377"), NONE, NULL, {SCHEMA_KEY_ID, 0, INT32_MAX}, 0},
    {FRAMING_CONFLUENT,
     BYTES(GUID "xy"),
     NONE,
     NULL,
     {SCHEMA_KEY_GUID, UINT64_C(0x1122334455667788), UINT64_C(0x99aabbccddeeff00)},
     2},
    {FRAMING_CONFLUENT, BYTES(""), NONE, "is empty", {0}, 0},
    {FRAMING_CONFLUENT,
     BYTES("\0\0\0\0"),
     NONE,
     "shorter than a magic byte and a schema id",
     {0},
     0},
    {FRAMING_CONFLUENT, {GUID, 16}, NONE, "schema GUID", {0}, 0},
    {FRAMING_CONFLUENT, BYTES("\2\0\0\0\1x"), NONE, "does not begin with 0 or 1", {0}, 0},
    {FRAMING_CONFLUENT, BYTES("\0\200\0\0\0x"), NONE, "above 2147483647", {0}, 0},
    /* The framing of another topic. */
    {FRAMING_CONFLUENT, BYTES("\303\1\1\2\3\4\5\6\7\10"), NONE, "does not begin with", {0}, 0},
    {FRAMING_CONFLUENT, BYTES("xyz"), BYTES("\0\0\0\0\1"), "does not begin with", {0}, 0},

    {FRAMING_HEADER, BYTES("xyz"), BYTES("\0\0\0\1\2"), NULL, {SCHEMA_KEY_ID, 0, 258}, 3},
    {FRAMING_HEADER, BYTES(""), BYTES("\0\0\0\0\1"), NULL, {SCHEMA_KEY_ID, 0, 1}, 0},
    {FRAMING_HEADER,
     BYTES("x"),
     BYTES(GUID),
     NULL,
     {SCHEMA_KEY_GUID, UINT64_C(0x1122334455667788), UINT64_C(0x99aabbccddeeff00)},
     1},
    {FRAMING_HEADER, BYTES("\0\0\0\0\1x"), NONE, "has no header __value_schema_id", {0}, 0},
    {FRAMING_HEADER, BYTES("x"), BYTES(""), "no magic byte and schema id", {0}, 0},
    {FRAMING_HEADER, BYTES("x"), BYTES("\0\0\0\1"), "no magic byte and schema id", {0}, 0},
    {FRAMING_HEADER, BYTES("x"), BYTES("\0\0\0\0\1\0"), "longer than its schema id", {0}, 0},
    {FRAMING_HEADER, BYTES("x"), BYTES(GUID "x"), "longer than its schema id", {0}, 0},
    {FRAMING_HEADER, BYTES("x"), BYTES("00001"), "no magic byte and schema id", {0}, 0},

    {FRAMING_SINGLE_OBJECT,
     BYTES("\303\1\217\134\071\077\032\325\165\162\2"), /* of "int" */
     NONE,
     NULL,
     {SCHEMA_KEY_FINGERPRINT, 0, UINT64_C(0x7275d51a3f395c8f)},
     1},
    {FRAMING_SINGLE_OBJECT, BYTES("\303\1\217\134\071\077\032\325\165"), NONE, "shorter", {0}, 0},
    {FRAMING_SINGLE_OBJECT, BYTES(""), NONE, "shorter", {0}, 0},
    {FRAMING_SINGLE_OBJECT, BYTES("\303\2\0\0\0\0\0\0\0\0x"), NONE, "C3 01", {0}, 0},
    {FRAMING_SINGLE_OBJECT, BYTES("\1\303\0\0\0\0\0\0\0\0x"), NONE, "C3 01", {0}, 0},

    {FRAMING_AVRO, BYTES("\0\0\0\0\1x"), BYTES("\0\0\0\0\1"), NULL, {SCHEMA_KEY_FILE, 0, 0}, 6},
    {FRAMING_AVRO, BYTES(""), NONE, NULL, {SCHEMA_KEY_FILE, 0, 0}, 0},
};

static void each_framing_gives_its_key_or_says_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct record record = {.value = cases[i].value, .schema_header = cases[i].header};
        struct framed framed = {.payload = {NULL, 77}};
        const char *complaint = framing_open(cases[i].framing, &record, &framed);

        if ((complaint == NULL) != (cases[i].complaint == NULL) ||
            (complaint != NULL && strstr(complaint, cases[i].complaint) == NULL)) {
            fail_msg("case %zu: %s", i, complaint != NULL ? complaint : "taken");
        }
        if (complaint == NULL) {
            assert_true(schema_key_equal(&framed.key, &cases[i].key));
            assert_int_equal(framed.payload.size, cases[i].payload_size);
            assert_ptr_equal(framed.payload.data + framed.payload.size,
                             record.value.data + record.value.size);
        }
    }
}

static void keys_have_names_for_people(void **state)
{
    static const struct {
        struct schema_key key;
        const char *text;
    } names[] = {
        {{SCHEMA_KEY_ID, 0, INT32_MAX}, "schema id 2147483647"},
        {{SCHEMA_KEY_GUID, UINT64_C(0x0022334455667708), UINT64_C(0x09aabbccddeeff00)},
         "schema GUID 00223344-5566-7708-09aa-bbccddeeff00"},
        {{SCHEMA_KEY_FINGERPRINT, 0, UINT64_C(0x0075d51a3f395c8f)},
         "schema fingerprint 0x0075d51a3f395c8f"},
        {{SCHEMA_KEY_FILE, 0, 0}, "schema_file"},
    };
    char text[SCHEMA_KEY_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        schema_key_text(&names[i].key, text);
        assert_string_equal(text, names[i].text);
    }
}

/* service string, ts timestamp-millis, status int. */
#define GOOD_SCHEMA                                                                                \
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"service\",\"type\":\"string\"},"  \
    "{\"name\":\"ts\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},"         \
    "{\"name\":\"status\",\"type\":\"int\"}]}"
#define ESCAPED_SCHEMA                                                                             \
    "{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"R\\\",\\\"fields\\\":["                         \
    "{\\\"name\\\":\\\"service\\\",\\\"type\\\":\\\"string\\\"},"                                  \
    "{\\\"name\\\":\\\"ts\\\",\\\"type\\\":{\\\"type\\\":\\\"long\\\",\\\"logicalType\\\":"        \
    "\\\"timestamp-millis\\\"}},{\\\"name\\\":\\\"status\\\",\\\"type\\\":\\\"int\\\"}]}"
#define PAYLOAD "\6api\200\260\203\305\230h\220\3"
/* By Python's fastavro. */
#define GOOD_MARK "\303\1\073\343\347\150\346\365\373\351"
#define LONG_MARK "\303\1\267\035\364\223\104\341\124\320"

/* The same record in each framing; one whose schema nobody knows; one whose schema the mapping does not fit. */
static const struct way {
    enum framing framing;
    struct str value, header;                 /* good */
    struct str unknown_value, unknown_header; /* empty header: the framing has no such thing */
    struct str other_value, other_header;
} ways[] = {
    {FRAMING_CONFLUENT, BYTES("\0\0\0\0\1" PAYLOAD), NONE, BYTES("\0\0\0\0\11" PAYLOAD), NONE,
     BYTES("\0\0\0\0\2\2"), NONE},
    {FRAMING_CONFLUENT, BYTES(GUID PAYLOAD), NONE,
     BYTES("\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" PAYLOAD), NONE, BYTES("\0\0\0\0\2\2"), NONE},
    {FRAMING_HEADER, BYTES(PAYLOAD), BYTES("\0\0\0\0\1"), BYTES(PAYLOAD), BYTES("\0\0\0\0\11"),
     BYTES("\2"), BYTES("\0\0\0\0\2")},
    {FRAMING_HEADER, BYTES(PAYLOAD), BYTES(GUID), BYTES(PAYLOAD),
     BYTES("\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), BYTES("\2"), BYTES("\0\0\0\0\2")},
    {FRAMING_SINGLE_OBJECT, BYTES(GOOD_MARK PAYLOAD), NONE, BYTES("\303\1\0\0\0\0\0\0\0\0" PAYLOAD),
     NONE, BYTES(LONG_MARK "\2"), NONE},
    {FRAMING_AVRO, BYTES(PAYLOAD), NONE, NONE, NONE, NONE, NONE},
};

struct setup {
    struct fake_registry fake;
    struct clock_simulated clock;
    struct registry *registry;
    struct schema_finder finder;
    struct catalog catalog;
    struct mapping mapping;
    struct decoder *decoder;
};

static struct role path(const char *text)
{
    return (struct role){.paths = {STR(text)}, .path_count = 1};
}

static void open_setup(struct setup *setup, enum framing framing, const char *service)
{
    struct registry_options registry = {.url = FAKE_REGISTRY_URL,
                                        .retry_ns = NS_PER_SECOND,
                                        .http = &setup->fake.http,
                                        .clock = &setup->clock.clock};
    struct decoder_options options = {.framing = framing,
                                      .mapping = &setup->mapping,
                                      .finder = &setup->finder,
                                      .catalog = &setup->catalog,
                                      .clock = &setup->clock.clock};
    struct err err = ERR_INIT;

    *setup = (struct setup){.fake = FAKE_REGISTRY_INIT};
    fake_answer(&setup->fake, "/schemas/ids/1", "{\"schema\":\"" ESCAPED_SCHEMA "\"}");
    fake_answer(&setup->fake, "/schemas/guids/" GUID_TEXT, "{\"schema\":\"" ESCAPED_SCHEMA "\"}");
    fake_answer(&setup->fake, "/schemas/ids/2", "{\"schema\":\"\\\"long\\\"\"}");
    clock_simulated_init(&setup->clock, NOW_NS);
    catalog_init(&setup->catalog, true, 10, LATENCY_THRESHOLD_NONE);
    setup->mapping = (struct mapping){.kind = EVENT_REQUEST,
                                      .service = {path(service)},
                                      .service_part_count = 1,
                                      .time = path("ts"),
                                      .outcome = path("status"),
                                      .outcome_rules = {.use_defaults = true},
                                      .max_age_ns = 400 * NS_PER_DAY,
                                      .max_ahead_ns = NS_PER_DAY,
                                      .record_size_max = 1000};
    if (framing_needs_registry(framing)) {
        assert_int_equal(registry_open(&registry, &setup->registry, &err), ERR_OK);
        setup->finder.registry = setup->registry;
    } else {
        enum schema_key_kind kind =
            framing == FRAMING_AVRO ? SCHEMA_KEY_FILE : SCHEMA_KEY_FINGERPRINT;

        assert_int_equal(schema_finder_add(&setup->finder, kind, STR(GOOD_SCHEMA), &err), ERR_OK);
        if (kind == SCHEMA_KEY_FINGERPRINT) {
            assert_int_equal(schema_finder_add(&setup->finder, kind, STR("\"long\""), &err),
                             ERR_OK);
        }
    }
    assert_int_equal(decoder_open(&options, &setup->decoder, &err), ERR_OK);
}

static void close_setup(struct setup *setup)
{
    decoder_free(setup->decoder);
    schema_finder_release(&setup->finder);
    registry_free(setup->registry);
    catalog_release(&setup->catalog);
}

static enum err_code run(struct setup *setup, struct str value, struct str header,
                         const struct decoded **ret_decoded, struct err *err)
{
    struct record record = {.time_ns = NOW_NS, .value = value, .schema_header = header};

    return decoder_run(setup->decoder, &record, ret_decoded, err);
}

static void expect(struct setup *setup, struct str value, struct str header, enum verdict verdict)
{
    const struct decoded *decoded;
    struct err err = ERR_INIT;

    if (run(setup, value, header, &decoded, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    if (decoded->verdict != verdict) {
        fail_msg("%s (%s) instead of %s", verdict_row(decoded->verdict)->name, decoded->detail,
                 verdict_row(verdict)->name);
    }
}

static void every_framing_decodes_and_knows_what_it_does_not_know(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(ways); i++) {
        const struct way *way = &ways[i];
        struct setup setup;

        open_setup(&setup, way->framing, "service");
        for (int round = 0; round < 2; round++) {
            expect(&setup, way->value, way->header, VERDICT_TALLIED);
            /* The last byte is missing: the framing is good, the payload is not. */
            expect(&setup, str_of(way->value.data, way->value.size - 1), way->header,
                   VERDICT_MALFORMED);
            if (way->unknown_value.data != NULL) {
                expect(&setup, way->unknown_value, way->unknown_header, VERDICT_UNKNOWN_SCHEMA);
            }
        }
        close_setup(&setup);
    }
}

static void a_mapping_that_fits_nothing_stops_a_new_topic_in_every_framing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(ways); i++) {
        const struct way *way = &ways[i];
        bool alone =
            way->other_value.data == NULL; /* bare Avro has one schema: it is the wrong one */
        const struct decoded *decoded;
        struct err err = ERR_INIT;
        struct setup setup;

        open_setup(&setup, way->framing, alone ? "team" : "service");
        assert_int_equal(run(&setup, alone ? way->value : way->other_value,
                             alone ? way->header : way->other_header, &decoded, &err),
                         ERR_CONFIG);
        assert_non_null(strstr(err.text, "schema"));
        decoder_set_proven(setup.decoder);
        expect(&setup, alone ? way->value : way->other_value,
               alone ? way->header : way->other_header, VERDICT_UNMAPPED_SCHEMA);
        close_setup(&setup);
    }
}

/* Files: what is wrong with them is said when they are added, not when a record comes. */
static void schema_files_are_judged_when_they_are_added(void **state)
{
    static const char micros[] =
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"service\",\"type\":\"string\"}"
        ","
        "{\"name\":\"ts\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}},"
        "{\"name\":\"status\",\"type\":\"int\"}]}";
    static const char documented[] =
        "{\"type\":\"record\",\"name\":\"R\",\"doc\":\"better\",\"aliases\":[\"Q\"],\"fields\":["
        "{\"name\":\"service\",\"type\":\"string\",\"default\":\"x\"},"
        "{\"name\":\"ts\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},"
        "{\"name\":\"status\",\"type\":\"int\"}]}";
    struct schema_finder finder = {.registry = NULL};
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(schema_finder_add(&finder, SCHEMA_KEY_FINGERPRINT, STR("\"lng\""), &err),
                     ERR_CONFIG);
    assert_non_null(strstr(err.text, "lng"));
    err = ERR_INIT;
    assert_int_equal(schema_finder_add(&finder, SCHEMA_KEY_FINGERPRINT, STR(GOOD_SCHEMA), &err),
                     ERR_OK);
    assert_int_equal(schema_finder_add(&finder, SCHEMA_KEY_FINGERPRINT, STR(documented), &err),
                     ERR_OK);
    assert_int_equal(schema_finder_add(&finder, SCHEMA_KEY_FINGERPRINT, STR(micros), &err),
                     ERR_CONFIG);
    assert_non_null(strstr(err.text, "logical types"));
    assert_int_equal(finder.files.count, 1);
    schema_finder_release(&finder);
}

/* Fingerprints come from records: a flood of wrong ones leaves what is known alone. */
static void a_flood_of_unknown_keys_is_bounded(void **state)
{
    struct schema_table table = {NULL, 0};
    struct schema_entry *entry;
    struct schema_key good = {SCHEMA_KEY_FINGERPRINT, 0, 5};
    struct schema_entry fresh = {.key = good};
    struct str text = STR("\"long\"");
    struct err err = ERR_INIT;

    (void)state;
    schema_entry_parse(&fresh, &text, 1);
    assert_int_equal(schema_table_put(&table, &fresh, &entry, &err), ERR_OK);
    for (uint64_t i = 0; i < 3 * SCHEMA_TABLE_MAX; i++) {
        fresh = (struct schema_entry){.key = {SCHEMA_KEY_FINGERPRINT, 0, i * 7919 + 6},
                                      .verdict = VERDICT_UNKNOWN_SCHEMA,
                                      .until_ns = 100};
        assert_int_equal(schema_table_put(&table, &fresh, &entry, &err), ERR_OK);
        assert_in_range(table.count, 1, SCHEMA_TABLE_MAX);
    }
    assert_non_null(schema_table_find(&table, &fresh.key, 99));
    assert_null(schema_table_find(&table, &fresh.key, 100));
    assert_int_equal(schema_table_find(&table, &good, INT64_MAX)->verdict, VERDICT_TALLIED);
    schema_table_release(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_framing_gives_its_key_or_says_what_is_wrong),
        cmocka_unit_test(keys_have_names_for_people),
        cmocka_unit_test(every_framing_decodes_and_knows_what_it_does_not_know),
        cmocka_unit_test(a_mapping_that_fits_nothing_stops_a_new_topic_in_every_framing),
        cmocka_unit_test(schema_files_are_judged_when_they_are_added),
        cmocka_unit_test(a_flood_of_unknown_keys_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
