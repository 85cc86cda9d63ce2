/* From bytes to an event or a verdict: framing, schema, plan and catalog in a row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "consumers/decoder.h"
#include "tests/unit/fake_registry.h"

#define NOW_NS (INT64_C(1790000000) * NS_PER_SECOND)

/* Everything that a decoder borrows. */
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

static void open_setup(struct setup *setup, bool discover, bool proven)
{
    struct registry_options registry = {.url = FAKE_REGISTRY_URL,
                                        .retry_ns = NS_PER_SECOND,
                                        .http = &setup->fake.http,
                                        .clock = &setup->clock.clock};
    struct decoder_options options = {.framing = FRAMING_CONFLUENT,
                                      .mapping = &setup->mapping,
                                      .catalog = &setup->catalog,
                                      .clock = &setup->clock.clock,
                                      .proven = proven};
    struct err err = ERR_INIT;

    setup->fake = FAKE_REGISTRY_INIT;
    setup->fake.answers[0].path = "/schemas/ids/1";
    setup->fake.answers[0].status = 200;
    setup->fake.answers[0].body =
        "{\"schema\":\"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"R\\\",\\\"fields\\\":["
        "{\\\"name\\\":\\\"service\\\",\\\"type\\\":\\\"string\\\"},"
        "{\\\"name\\\":\\\"ts\\\",\\\"type\\\":{\\\"type\\\":\\\"long\\\",\\\"logicalType\\\":"
        "\\\"timestamp-millis\\\"}},"
        "{\\\"name\\\":\\\"status\\\",\\\"type\\\":\\\"int\\\"}]}\"}";
    setup->fake.answers[1].path = "/schemas/ids/2";
    setup->fake.answers[1].status = 200;
    setup->fake.answers[1].body = "{\"schema\":\"\\\"long\\\"\"}";
    clock_simulated_init(&setup->clock, NOW_NS);
    catalog_init(&setup->catalog, discover, 2, LATENCY_THRESHOLD_NONE);
    catalog_declare(&setup->catalog, STR("api"), 5 * NS_PER_MS);
    setup->mapping = (struct mapping){.kind = EVENT_REQUEST,
                                      .service = {path("service")},
                                      .service_part_count = 1,
                                      .time = path("ts"),
                                      .outcome = path("status"),
                                      .outcome_rules = {.use_defaults = true},
                                      .max_age_ns = 400 * NS_PER_DAY,
                                      .max_ahead_ns = NS_PER_DAY,
                                      .record_size_max = 1000};
    assert_int_equal(registry_open(&registry, &setup->registry, &err), ERR_OK);
    setup->finder = (struct schema_finder){.registry = setup->registry};
    options.finder = &setup->finder;
    assert_int_equal(decoder_open(&options, &setup->decoder, &err), ERR_OK);
}

static void close_setup(struct setup *setup)
{
    decoder_free(setup->decoder);
    schema_finder_release(&setup->finder);
    registry_free(setup->registry);
    catalog_release(&setup->catalog);
}

/* 0, id 1, then service "api", ts = 1790000000000, status 200; zigzag varints by hand. */
static const char good[] = "\0\0\0\0\1"
                           "\6api"
                           "\200\260\203\305\230h"
                           "\220\3";

static enum err_code run(struct setup *setup, const char *value, size_t size,
                         const struct decoded **ret_decoded, struct err *err)
{
    struct record record = {
        .offset = 5, .time_ns = NOW_NS, .value = str_of(value, size), .tombstone = value == NULL};

    return decoder_run(setup->decoder, &record, ret_decoded, err);
}

static const struct decoded *decide(struct setup *setup, const char *value, size_t size)
{
    const struct decoded *decoded = NULL;
    struct err err = ERR_INIT;

    if (run(setup, value, size, &decoded, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    return decoded;
}

static void a_good_record_becomes_an_event_with_its_service_threshold(void **state)
{
    struct setup setup;
    const struct decoded *decoded;

    (void)state;
    open_setup(&setup, false, false);
    decoded = decide(&setup, good, sizeof(good) - 1);
    if (decoded->verdict != VERDICT_TALLIED) {
        fail_msg("%s", decoded->detail);
    }
    assert_true(str_equal(decoded->event.service, STR("api")));
    assert_int_equal(decoded->event.time_ns, NOW_NS);
    assert_int_equal(decoded->event.outcome, OUTCOME_SUCCESS);
    assert_int_equal(decoded->event.latency_threshold_ns, 5 * NS_PER_MS);
    assert_int_equal(setup.fake.request_count, 1);
    (void)decide(&setup, good, sizeof(good) - 1);
    assert_int_equal(setup.fake.request_count, 1);
    close_setup(&setup);
}

static void bytes_that_are_no_event_get_their_verdict(void **state)
{
    static const struct {
        const char *value;
        size_t size;
        enum verdict verdict;
    } cases[] = {
        {NULL, 0, VERDICT_TOMBSTONE},
        {"", 0, VERDICT_BAD_FRAMING},
        {"\0\0\0\0", 4, VERDICT_BAD_FRAMING},            /* one byte short of an id */
        {"\1\0\0\0\1", 5, VERDICT_BAD_FRAMING},          /* wrong magic */
        {"{\"a\":1}", 7, VERDICT_BAD_FRAMING},           /* JSON on an Avro topic */
        {"\0\377\377\377\377x", 6, VERDICT_BAD_FRAMING}, /* id above what a registry gives */
        {"\0\0\0\0\11", 5, VERDICT_UNKNOWN_SCHEMA},
        {"\0\0\0\0\1", 5, VERDICT_MALFORMED},                                   /* no payload */
        {"\0\0\0\0\1\6api\200\260\203\305\230h\220\3!", 18, VERDICT_MALFORMED}, /* trailing */
        {"\0\0\0\0\1\6web\200\260\203\305\230h\220\3", 17, VERDICT_UNDECLARED_SERVICE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct setup setup;
        const struct decoded *decoded;

        open_setup(&setup, false, false);
        decoded = decide(&setup, cases[i].value, cases[i].size);
        if (decoded->verdict != cases[i].verdict) {
            fail_msg("case %zu: %s (%s)", i, verdict_row(decoded->verdict)->name, decoded->detail);
        }
        if (verdict_row(decoded->verdict)->class == VERDICT_CLASS_DEAD) {
            assert_true(decoded->detail[0] != '\0');
        }
        /* The next record is decided by itself. */
        decoded = decide(&setup, good, sizeof(good) - 1);
        assert_int_equal(decoded->verdict, VERDICT_TALLIED);
        assert_int_equal(decoded->detail[0], '\0');
        /* So is this one, although its first bytes were those of a good record's. */
        decoded = decide(&setup, cases[i].value, cases[i].size);
        assert_int_equal(decoded->verdict, cases[i].verdict);
        close_setup(&setup);
    }
}

static void a_record_above_the_limit_is_too_large(void **state)
{
    static char large[1001];
    struct setup setup;

    (void)state;
    open_setup(&setup, false, false);
    assert_int_equal(decide(&setup, large, sizeof(large))->verdict, VERDICT_TOO_LARGE);
    /* Also if it begins like one that was none. */
    (void)decide(&setup, good, sizeof(good) - 1);
    memcpy(large, good, sizeof(good) - 1);
    assert_int_equal(decide(&setup, large, sizeof(large))->verdict, VERDICT_TOO_LARGE);
    assert_int_equal(decide(&setup, large, sizeof(large) - 1)->verdict, VERDICT_MALFORMED);
    close_setup(&setup);
}

static void a_mapping_that_fits_nothing_stops_a_new_topic_and_not_an_old_one(void **state)
{
    static const char other[] = "\0\0\0\0\2\2";
    struct setup setup;
    const struct decoded *decoded;
    struct err err = ERR_INIT;

    (void)state;
    open_setup(&setup, false, false);
    assert_int_equal(run(&setup, other, sizeof(other) - 1, &decoded, &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "schema id 2"));
    decoder_set_proven(setup.decoder);
    decoded = decide(&setup, other, sizeof(other) - 1);
    assert_int_equal(decoded->verdict, VERDICT_UNMAPPED_SCHEMA);
    decoded = decide(&setup, good, sizeof(good) - 1);
    assert_int_equal(decoded->verdict, VERDICT_TALLIED);
    decoded = decide(&setup, other, sizeof(other) - 1);
    assert_int_equal(decoded->verdict, VERDICT_UNMAPPED_SCHEMA);
    assert_true(decoded->detail[0] != '\0');
    close_setup(&setup);
}

/* What contracts want of a service goes with its events, whether it is declared or turns up, and with nobody else's. */
static void events_carry_what_is_wanted_of_their_service(void **state)
{
    static const struct particulars_wanted of_api = {.times = true}, of_apj = {.times = false};
    struct setup setup;
    const struct decoded *decoded;
    char other[sizeof(good)];

    (void)state;
    for (int discovered = 0; discovered < 2; discovered++) {
        open_setup(&setup, true, true);
        catalog_release(&setup.catalog);
        catalog_init(&setup.catalog, true, 3, LATENCY_THRESHOLD_NONE);
        catalog_want(&setup.catalog, STR("api"), &of_api);
        catalog_want(&setup.catalog, STR("apj"), &of_apj);
        if (discovered == 0) {
            catalog_declare(&setup.catalog, STR("api"), 5 * NS_PER_MS);
        }
        memcpy(other, good, sizeof(good));
        for (int round = 0; round < 2; round++) {
            decoded = decide(&setup, good, sizeof(good) - 1);
            assert_ptr_equal(decoded->event.wanted, &of_api);
            other[8] = 'j';
            decoded = decide(&setup, other, sizeof(good) - 1);
            assert_ptr_equal(decoded->event.wanted, &of_apj);
            other[8] = 'k';
            decoded = decide(&setup, other, sizeof(good) - 1);
            assert_null(decoded->event.wanted);
        }
        close_setup(&setup);
    }
}

static void services_are_discovered_up_to_the_limit(void **state)
{
    static const char web[] = "\0\0\0\0\1\6web\200\260\203\305\230h\220\3";
    static const char one[] = "\0\0\0\0\1\6one\200\260\203\305\230h\220\3";
    struct setup setup;
    const struct decoded *decoded;
    struct err err = ERR_INIT;

    (void)state;
    open_setup(&setup, true, false);
    assert_int_equal(decide(&setup, web, sizeof(web) - 1)->verdict, VERDICT_TALLIED);
    assert_int_equal(run(&setup, one, sizeof(one) - 1, &decoded, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "service \"one\""));
    close_setup(&setup);
}

static void a_registry_that_is_down_decides_nothing(void **state)
{
    struct setup setup;
    const struct decoded *decoded;
    struct err err = ERR_INIT;

    (void)state;
    open_setup(&setup, false, true);
    setup.fake.down = true;
    assert_int_equal(run(&setup, good, sizeof(good) - 1, &decoded, &err), ERR_BROKER);
    setup.fake.down = false;
    assert_int_equal(decide(&setup, good, sizeof(good) - 1)->verdict, VERDICT_TALLIED);
    close_setup(&setup);
}

/* Hundreds of writer schemas in one topic: each keeps its own plan. */
static void many_schemas_keep_their_plans(void **state)
{
    struct setup setup;
    char value[sizeof(good)];

    (void)state;
    open_setup(&setup, false, false);
    setup.fake.answers[1].path = NULL;
    for (int round = 0; round < 2; round++) {
        for (int id = 1; id <= 200; id++) {
            char address[64];

            (void)snprintf(address, sizeof(address), "/schemas/ids/%d", id);
            setup.fake.answers[0].path = address;
            memcpy(value, good, sizeof(good));
            value[4] = (char)id;
            assert_int_equal(decide(&setup, value, sizeof(good) - 1)->verdict, VERDICT_TALLIED);
        }
        assert_int_equal(setup.fake.request_count, 200);
    }
    close_setup(&setup);
}

/* A heap copy of its exact size, and what may be looked at behind it: bytes that nobody may believe. */
static struct str copy_of(const char *value, size_t size)
{
    char *copy = malloc(size + DECODER_EXPECTED_BEHIND);

    assert_non_null(copy);
    memcpy(copy, value, size);
    memset(copy + size, size % 2 == 0 ? 0 : 0xff, DECODER_EXPECTED_BEHIND);
    return str_of(copy, size);
}

static void assert_same(const struct decoded *a, const struct decoded *b)
{
    assert_int_equal(a->verdict, b->verdict);
    assert_string_equal(a->detail, b->detail);
    if (a->verdict == VERDICT_TALLIED) {
        assert_true(str_equal(a->event.service, b->event.service));
        assert_int_equal(a->event.service_number, b->event.service_number);
        assert_int_equal(a->event.time_ns, b->event.time_ns);
        assert_int_equal(a->event.outcome, b->event.outcome);
        assert_int_equal(a->event.latency_ns, b->event.latency_ns);
        assert_int_equal(a->event.latency_threshold_ns, b->event.latency_threshold_ns);
        assert_ptr_equal(a->event.wanted, b->event.wanted);
        assert_int_equal(a->event.weight, b->event.weight);
    }
}

enum { KINDS = 11 };

/* A record like others, or one of those that are not, by turns of a number. */
static struct record record_of(size_t number)
{
    static const struct {
        const char *value;
        size_t size;
    } kinds[KINDS] = {
        {good, sizeof(good) - 1},
        {"\0\0\0\0\1\6api\200\260\203\305\230h\350\7", 17},   /* an error */
        {"\0\0\0\0\1\6apj\200\260\203\305\230h\220\3", 17},   /* discovered */
        {"\0\0\0\0\1\6ap\37\200\260\203\305\230h\220\3", 17}, /* a bad name */
        {"\0\0\0\0\1\6api\200\260\203\305\230h\2", 16},       /* no status */
        {"\0\0\0\0\1\6api\200\260\203\305\230h\220\3!", 18},  /* trailing */
        {"\0\0\0\0\1", 5},
        {"\0\0\0\0\2\2", 6}, /* a schema without a service */
        {"\0\0\0\0\11", 5},  /* of which nobody knows */
        {"x", 1},
        {"", 0},
    };
    size_t kind = number % 3 == 0 ? number / 3 % KINDS : number % 3;
    struct record record = {.offset = (int64_t)number,
                            .time_ns = number % 7 == 0 ? INT64_MIN : NOW_NS};

    record.value = copy_of(kinds[kind].value, kinds[kind].size);
    record.tombstone = number % 13 == 10;
    if (number % 17 == 5) { /* its event is too old then */
        record.time_ns = NOW_NS + 401 * NS_PER_DAY;
    }
    return record;
}

/* Records that are looked at together become what they are one by one, whatever stands among them. */
static void expected_records_are_what_they_are_alone(void **state)
{
    struct setup alone, together;
    struct record records[DECODER_EXPECTED_MAX];
    const struct decoded *a, *b;
    struct err err = ERR_INIT;
    size_t tallied = 0, known = 0;

    (void)state;
    open_setup(&alone, true, true);
    open_setup(&together, true, true);
    /* A name that breaks the rules breaks them also if it is known. */
    catalog_declare(&alone.catalog, STR("ap\37"), 5 * NS_PER_MS);
    catalog_declare(&together.catalog, STR("ap\37"), 5 * NS_PER_MS);
    alone.catalog.service_count_max = together.catalog.service_count_max = 3;
    for (size_t number = 0; number < 100 * ARRAY_COUNT(records);) {
        size_t count = 1 + number / 3 % ARRAY_COUNT(records);

        for (size_t i = 0; i < count; i++) {
            records[i] = record_of(number + i);
        }
        decoder_expect(together.decoder, records, count);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(decoder_run(alone.decoder, &records[i], &a, &err), ERR_OK);
            b = decoder_expected(together.decoder, i);
            known += b != NULL;
            if (b == NULL) {
                assert_int_equal(decoder_run(together.decoder, &records[i], &b, &err), ERR_OK);
            }
            assert_same(a, b);
            tallied += a->verdict == VERDICT_TALLIED;
        }
        assert_null(decoder_expected(together.decoder, count));
        for (size_t i = 0; i < count; i++) {
            free((char *)(uintptr_t)records[i].value.data);
        }
        number += count;
    }
    assert_true(tallied > 1000);
    assert_true(known > 1000);
    assert_true(known < tallied); /* those of no time stamp */
    close_setup(&alone);
    close_setup(&together);
}

/* What is too large, or has no name that needs no look, is known of no record; also where no catalog asks. */
static void limits_hold_for_expected_records(void **state)
{
    struct setup setup;
    struct decoder_options options;
    struct record records[2] = {
        {.time_ns = NOW_NS, .value = copy_of(good, sizeof(good) - 1)},
        {.time_ns = NOW_NS, .value = copy_of("\0\0\0\0\1\6ap\37\200\260\203\305\230h\220\3", 17)}};
    struct decoder *decoder;
    const struct decoded *decoded;
    struct err err = ERR_INIT;

    (void)state;
    open_setup(&setup, false, true);
    options = (struct decoder_options){.framing = FRAMING_CONFLUENT,
                                       .mapping = &setup.mapping,
                                       .finder = &setup.finder,
                                       .clock = &setup.clock.clock};
    assert_int_equal(decoder_open(&options, &decoder, &err), ERR_OK);
    for (size_t i = 0; i < ARRAY_COUNT(records); i++) {
        assert_int_equal(decoder_run(decoder, &records[0], &decoded, &err), ERR_OK);
        decoder_expect(decoder, records, ARRAY_COUNT(records));
        assert_int_equal(decoder_expected(decoder, 0) != NULL, i == 0);
        assert_null(decoder_expected(decoder, 1));
        setup.mapping.record_size_max = sizeof(good) - 2;
    }
    assert_int_equal(decoded->verdict, VERDICT_TOO_LARGE);
    decoder_free(decoder);
    for (size_t i = 0; i < ARRAY_COUNT(records); i++) {
        free((char *)(uintptr_t)records[i].value.data);
    }
    close_setup(&setup);
}

/* Where a service is a number, nothing that an earlier schema named may stand in for it. */
static void a_service_that_is_a_number_is_not_that_of_records_before(void **state)
{
    static const char numbered[] = "\0\0\0\0\2"
                                   "\16"
                                   "\200\260\203\305\230h"
                                   "\220\3";
    struct setup setup;
    struct record record = {.time_ns = NOW_NS, .value = copy_of(good, sizeof(good) - 1)};
    struct record other = {.time_ns = NOW_NS, .value = copy_of(numbered, sizeof(numbered) - 1)};
    const struct decoded *decoded;
    struct err err = ERR_INIT;

    (void)state;
    open_setup(&setup, true, true);
    setup.fake.answers[1].body =
        "{\"schema\":\"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"R\\\",\\\"fields\\\":["
        "{\\\"name\\\":\\\"service\\\",\\\"type\\\":\\\"int\\\"},"
        "{\\\"name\\\":\\\"ts\\\",\\\"type\\\":{\\\"type\\\":\\\"long\\\",\\\"logicalType\\\":"
        "\\\"timestamp-millis\\\"}},"
        "{\\\"name\\\":\\\"status\\\",\\\"type\\\":\\\"int\\\"}]}\"}";
    assert_int_equal(decoder_run(setup.decoder, &record, &decoded, &err), ERR_OK);
    decoder_expect(setup.decoder, &record, 1);
    assert_non_null(decoder_expected(setup.decoder, 0));
    assert_int_equal(decoder_run(setup.decoder, &other, &decoded, &err), ERR_OK);
    assert_int_equal(decoded->verdict, VERDICT_TALLIED);
    assert_true(str_equal(decoded->event.service, STR("7")));
    decoder_expect(setup.decoder, &other, 1);
    decoded = decoder_expected(setup.decoder, 0);
    assert_true(decoded == NULL || str_equal(decoded->event.service, STR("7")));
    free((char *)(uintptr_t)record.value.data);
    free((char *)(uintptr_t)other.value.data);
    close_setup(&setup);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_record_becomes_an_event_with_its_service_threshold),
        cmocka_unit_test(bytes_that_are_no_event_get_their_verdict),
        cmocka_unit_test(a_record_above_the_limit_is_too_large),
        cmocka_unit_test(a_mapping_that_fits_nothing_stops_a_new_topic_and_not_an_old_one),
        cmocka_unit_test(events_carry_what_is_wanted_of_their_service),
        cmocka_unit_test(services_are_discovered_up_to_the_limit),
        cmocka_unit_test(a_registry_that_is_down_decides_nothing),
        cmocka_unit_test(many_schemas_keep_their_plans),
        cmocka_unit_test(expected_records_are_what_they_are_alone),
        cmocka_unit_test(limits_hold_for_expected_records),
        cmocka_unit_test(a_service_that_is_a_number_is_not_that_of_records_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
