/*
 * A record and a registry of unknown origin. One byte chooses the framing, one says how long the schema header is (255: there is none), one how
 * long the value; header, value and then the registry's answers follow, each behind two bytes with its size. An answer is given to
 * whatever is asked next; when there are none left, everything is not found.
 *
 * The record is decided, or the run stops for the registry's or the mapping's sake, with a text; asking ends; the same record is decided the
 * same way again, also when it was expected.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "consumers/decoder.h"

#define RECORD_NS (INT64_C(1793491200) * NS_PER_SECOND)

/* A lookup tries for one second, four times a second; a schema has at most 64 references, a subject 1,000 versions. */
enum { REQUESTS_MAX = 3000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct answers {
    struct http http; /* first */
    const uint8_t *data;
    size_t size;
    int request_count;
};

struct setup {
    struct answers answers;
    struct clock_simulated clock;
    struct registry *registry;
    struct schema_finder finder;
    struct catalog catalog;
    struct mapping mapping;
    struct decoder *decoder;
};

static enum err_code perform(struct http *http, const struct http_request *request, int *ret_status,
                             struct strbuf *body, struct err *err)
{
    struct answers *answers = (struct answers *)http;
    size_t size;

    CHECK(strncmp(request->url, "http://r/s", 10) == 0);
    CHECK(answers->request_count++ < REQUESTS_MAX);
    *ret_status = 404;
    if (answers->size < 2) {
        return ERR_OK;
    }
    size = (size_t)answers->data[0] * 256 + answers->data[1];
    size = size < answers->size - 2 ? size : answers->size - 2;
    if (size == 0) {
        answers->size = 0;
        return err_set_retriable(err, ERR_BROKER, "connection refused");
    }
    *ret_status = 200;
    strbuf_append(body, str_of((const char *)answers->data + 2, size));
    answers->data += 2 + size;
    answers->size -= 2 + size;
    return ERR_OK;
}

static struct role role_of(const char *path)
{
    return (struct role){.paths = {STR(path)}, .path_count = 1};
}

static const char good[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"s\",\"type\":\"string\"},"
    "{\"name\":\"t\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},"
    "{\"name\":\"o\",\"type\":\"int\"}]}";

static void open_setup(struct setup *setup, enum framing framing)
{
    static const struct str subjects[] = {{"s", 1}, {"t", 1}};
    struct registry_options registry = {.url = "http://r",
                                        .retry_ns = NS_PER_SECOND,
                                        .http = &setup->answers.http,
                                        .clock = &setup->clock.clock};
    struct decoder_options decoder = {.framing = framing,
                                      .mapping = &setup->mapping,
                                      .finder = &setup->finder,
                                      .catalog = &setup->catalog,
                                      .clock = &setup->clock.clock,
                                      .proven = true};
    struct err err = ERR_INIT;

    clock_simulated_init(&setup->clock, RECORD_NS);
    catalog_init(&setup->catalog, true, 10, LATENCY_THRESHOLD_NONE);
    setup->mapping = (struct mapping){.service = {role_of("s")},
                                      .service_part_count = 1,
                                      .time = role_of("t"),
                                      .outcome = role_of("o"),
                                      .outcome_rules = {.use_defaults = true},
                                      .max_age_ns = 400 * NS_PER_DAY,
                                      .max_ahead_ns = NS_PER_DAY,
                                      .record_size_max = 1 << 24};
    CHECK(registry_open(&registry, &setup->registry, &err) == ERR_OK);
    setup->finder = (struct schema_finder){setup->finder.files, setup->registry, subjects, 2};
    if (!framing_needs_registry(framing)) {
        CHECK(schema_finder_add(&setup->finder,
                                framing == FRAMING_AVRO ? SCHEMA_KEY_FILE : SCHEMA_KEY_FINGERPRINT,
                                STR(good), &err) == ERR_OK);
    }
    CHECK(decoder_open(&decoder, &setup->decoder, &err) == ERR_OK);
}

static void close_setup(struct setup *setup)
{
    decoder_free(setup->decoder);
    schema_finder_release(&setup->finder);
    registry_free(setup->registry);
    catalog_release(&setup->catalog);
}

/* In a block of its own, so that a read behind its end is seen; NULL if there are not so many. */
static char *take(const uint8_t **data, size_t *size, size_t count)
{
    char *block;

    if (count > *size) {
        return NULL;
    }
    block = malloc(count + DECODER_EXPECTED_BEHIND);
    CHECK(block != NULL);
    memcpy(block, *data, count);
    memset(block + count, 0xff, DECODER_EXPECTED_BEHIND);
    *data += count;
    *size -= count;
    return block;
}

/* What was known of a record that was expected, beside what it is alone. */
static void compare(const struct decoded *known, const struct decoded *alone)
{
    const struct event *a = &known->event, *b = &alone->event;

    CHECK(alone->verdict == VERDICT_TALLIED);
    CHECK(known->verdict == VERDICT_TALLIED);
    CHECK(str_equal(a->service, b->service));
    CHECK(a->service_number == b->service_number);
    CHECK(a->time_ns == b->time_ns);
    CHECK(a->outcome == b->outcome);
    CHECK(a->latency_ns == b->latency_ns);
}

static void decide(struct setup *setup, const struct record *record)
{
    const struct decoded *decoded, *known;
    struct err err = ERR_INIT;
    enum verdict verdict;

    if (decoder_run(setup->decoder, record, &decoded, &err) != ERR_OK) {
        CHECK(err.code == ERR_BROKER);
        CHECK(err.text[0] != '\0');
        return;
    }
    verdict = decoded->verdict;
    CHECK((decoded->detail[0] != '\0') == (verdict_row(verdict)->class == VERDICT_CLASS_DEAD));
    CHECK(memchr(decoded->detail, '\0', sizeof(decoded->detail)) != NULL);
    CHECK(decoder_run(setup->decoder, record, &decoded, &err) == ERR_OK);
    CHECK(decoded->verdict == verdict);
    decoder_expect(setup->decoder, record, 1);
    known = decoder_expected(setup->decoder, 0);
    if (known != NULL) {
        compare(known, decoded);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct setup setup = {.answers = {.http = {.perform = perform}}};
    struct record record = {.time_ns = RECORD_NS};
    size_t header_size, value_size;
    bool has_header;
    char *header, *value;

    if (size < 3) {
        return 0;
    }
    has_header = data[1] != 255;
    header_size = has_header ? data[1] : 0;
    value_size = data[2];
    open_setup(&setup, (enum framing)(data[0] % 4));
    data += 3;
    size -= 3;
    header = take(&data, &size, header_size);
    value = header != NULL ? take(&data, &size, value_size) : NULL;
    if (value != NULL) {
        record.value = str_of(value, value_size);
        record.schema_header = str_of(has_header ? header : NULL, header_size);
        setup.answers.data = data;
        setup.answers.size = size;
        decide(&setup, &record);
    }
    free(value);
    free(header);
    close_setup(&setup);
    return 0;
}
