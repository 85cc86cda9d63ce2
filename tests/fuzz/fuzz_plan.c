/*
 * A schema and a payload of unknown origin: two bytes with the size of the schema, the schema, the payload.
 *
 * The record becomes an event that keeps the rules of names and bounds, or a verdict; a dead letter says why. The same record through
 * a plan with a reader's schema must not crash either, and with the writer's own text as reader no byte may be judged differently.
 * Where a mapping of plain records fits, the payload and the beginnings of it are also walked column by column, to the same events.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "consumers/plain_name.h"
#include "consumers/plan.h"
#include "consumers/plan_lanes.h"

#define RECORD_NS (INT64_C(1793491200) * NS_PER_SECOND)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char reader_text[] =
    "{\"type\":\"record\",\"name\":\"R\",\"aliases\":[\"A\",\"B\"],\"fields\":["
    "{\"name\":\"service\",\"type\":[\"null\",\"string\",\"long\"],\"default\":null,\"aliases\":["
    "\"s\"]},"
    "{\"name\":\"time\",\"type\":[\"double\",\"string\",\"null\"],\"default\":0.5},"
    "{\"name\":\"status\",\"type\":[{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"OK\"],"
    "\"default\":\"OK\"},\"string\",\"double\",\"long\",\"null\"],\"default\":\"OK\"},"
    "{\"name\":\"x\",\"type\":{\"type\":\"map\",\"values\":[\"null\",\"bytes\",\"R\"]},\"default\":"
    "{}}]}";

static struct role role_of(const char *first, const char *second)
{
    return (struct role){.paths = {STR(first), STR(second)}, .path_count = 2};
}

static struct role redaction;

static void mapping_init(struct mapping *mapping, struct exclusion_rule *rule,
                         struct rule_value *value)
{
    redaction = (struct role){.paths = {STR("service")}, .path_count = 1};
    *value = (struct rule_value){.match = RULE_PREFIX, .text = STR("ff")};
    *rule = (struct exclusion_rule){STR("x"), role_of("x.k.x.k", "x"), value, 1};
    *mapping = (struct mapping){
        .service = {role_of("service", "x.k.service"), role_of("x.service", "status")},
        .service_part_count = 2,
        .service_default = STR("rest"),
        .time = role_of("time", "x.time"),
        .time_unit_ns = NS_PER_SECOND,
        .outcome = role_of("status", "x.status"),
        .outcome_rules = {.use_defaults = true},
        .latency = role_of("latency", "x.k"),
        .latency_unit_ns = NS_PER_MS,
        .instance = role_of("x", "x.x"),
        .customer = role_of("x.k.service", "x"),
        .region = role_of("x.x.x.x", "status"),
        .event_id = role_of("id", "status"),
        .weight = role_of("weight", "x.weight"),
        .exclusions = rule,
        .exclusion_count = 1,
        .redactions = &redaction,
        .redaction_count = 1,
        .max_age_ns = 400 * NS_PER_DAY,
        .max_ahead_ns = NS_PER_DAY,
        .record_size_max = 1 << 24,
    };
}

static void name_check(struct str name)
{
    CHECK(name.size <= NAME_SIZE_MAX);
    CHECK(str_is_utf8(name));
    for (size_t i = 0; i < name.size; i++) {
        CHECK((unsigned char)name.data[i] >= ' ');
    }
}

static void decoded_check(const struct decoded *decoded)
{
    const struct event *event = &decoded->event;

    CHECK((decoded->detail[0] != '\0') ==
          (verdict_row(decoded->verdict)->class == VERDICT_CLASS_DEAD));
    if (decoded->verdict != VERDICT_TALLIED) {
        return;
    }
    CHECK(event->service.size > 0);
    name_check(event->service);
    name_check(event->instance);
    name_check(event->customer);
    name_check(event->region);
    name_check(event->id);
    CHECK(event->time_ns <= RECORD_NS + NS_PER_DAY);
    CHECK(event->time_ns >= RECORD_NS - 400 * NS_PER_DAY);
    CHECK(event->latency_ns >= LATENCY_UNKNOWN);
    CHECK(event->latency_ns <= LATENCY_NS_MAX);
    CHECK(event->weight >= 1);
}

/* What is blanked walks as before, to the same end, and blanking it again changes nothing. */
static void redact(const struct plan *plan, struct str payload)
{
    char *copy = malloc(2 * payload.size + 1);

    CHECK(copy != NULL);
    memcpy(copy, payload.size > 0 ? payload.data : "", payload.size);
    if (plan_redact(plan, copy, payload.size)) {
        memcpy(copy + payload.size, copy, payload.size);
        CHECK(plan_redact(plan, copy, payload.size));
        CHECK(memcmp(copy, copy + payload.size, payload.size) == 0);
    }
    free(copy);
}

/* False if the mapping does not fit. */
static bool decode(const struct schema *writer, const struct schema *reader, struct str payload,
                   struct decoded *ret_decoded)
{
    static struct plan_scratch scratch;
    struct exclusion_rule rule;
    struct rule_value value;
    struct mapping mapping;
    struct plan *plan = NULL;
    struct err err = ERR_INIT;

    mapping_init(&mapping, &rule, &value);
    if (plan_compile(writer, reader, &mapping, &plan, &err) != ERR_OK) {
        CHECK(err.code == ERR_CONFIG);
        CHECK(err.text[0] != '\0');
        return false;
    }
    plan_run(plan, payload, RECORD_NS, &scratch, ret_decoded);
    decoded_check(ret_decoded);
    redact(plan, payload);
    plan_free(plan);
    return true;
}

enum { LANES = 4 };

/* Beginnings of the payload, the first one all of it, with other bytes behind each; and what a walk before left behind, which nobody may believe. */
static void lanes_fill(struct plan_lanes *lanes, struct str payload, char *blocks[LANES])
{
    lanes->count = LANES;
    for (size_t i = 0; i < LANES; i++) {
        size_t size = payload.size - payload.size * i / LANES;

        blocks[i] = malloc(size + PLAN_LANES_BEHIND);
        CHECK(blocks[i] != NULL);
        memcpy(blocks[i], payload.size > 0 ? payload.data : "", size);
        memset(blocks[i] + size, (int)i * 0x55, PLAN_LANES_BEHIND);
        lanes->end[i] = (const uint8_t *)blocks[i] + size;
        lanes->at[i] = -(int64_t)size;
        lanes->record_times_ns[i] = RECORD_NS;
        lanes->services[i] = STR("stale");
        lanes->open[i] = true;
    }
}

static void lane_check(const struct plan *plan, const struct plan_lanes *lanes, size_t i,
                       struct str payload)
{
    static struct plan_scratch scratch;
    struct decoded alone;

    if (lanes->open[i] || !plain_name(lanes->services[i])) {
        return;
    }
    plan_run(plan, payload, RECORD_NS, &scratch, &alone);
    CHECK(alone.verdict == VERDICT_TALLIED);
    CHECK(str_equal(alone.event.service, lanes->services[i]));
    CHECK(alone.event.time_ns == lanes->plains[i].time_ns);
    CHECK(alone.event.outcome == lanes->plains[i].outcome);
    CHECK(alone.event.latency_ns == lanes->plains[i].latency_ns);
}

static void walk_columns(const struct schema *writer, struct str payload)
{
    const struct mapping mapping = {
        .service = {role_of("service", "x.service")},
        .service_part_count = 1,
        .time = role_of("time", "x.time"),
        .outcome = role_of("status", "x.status"),
        .outcome_rules = {.use_defaults = true},
        .latency = role_of("latency", "x.latency"),
        .latency_unit_ns = NS_PER_MS,
        .max_age_ns = 400 * NS_PER_DAY,
        .max_ahead_ns = NS_PER_DAY,
        .record_size_max = 1 << 24,
    };
    static struct plan_lanes lanes;
    struct plan *plan = NULL;
    struct err err = ERR_INIT;
    char *blocks[LANES];

    if (plan_compile(writer, NULL, &mapping, &plan, &err) != ERR_OK) {
        return;
    }
    if (plan->by_lanes) {
        lanes_fill(&lanes, payload, blocks);
        plan_lanes_run(plan, &lanes);
        for (size_t i = 0; i < LANES; i++) {
            lane_check(plan, &lanes, i,
                       str_of(blocks[i], (size_t)((const char *)lanes.end[i] - blocks[i])));
            free(blocks[i]);
        }
    }
    plan_free(plan);
}

static bool broken(const struct decoded *decoded)
{
    return decoded->verdict == VERDICT_MALFORMED && strstr(decoded->detail, "UTF-8") == NULL &&
           strstr(decoded->detail, "weight") == NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct schema *writer = NULL;
    struct schema *reader = NULL;
    struct err err = ERR_INIT;
    struct decoded plain;
    struct decoded resolved;
    struct str text;
    char *payload;
    size_t payload_size;

    if (size < 2 || (size_t)data[0] * 256 + data[1] > size - 2) {
        return 0;
    }
    text = str_of((const char *)data + 2, (size_t)data[0] * 256 + data[1]);
    if (schema_parse(text, NULL, 0, &writer, &err) != ERR_OK) {
        return 0;
    }
    CHECK(schema_parse(STR(reader_text), NULL, 0, &reader, &err) == ERR_OK);
    /* In a block of its own, so that a read behind its end is seen. */
    payload_size = size - 2 - text.size;
    payload = malloc(payload_size + (payload_size == 0));
    CHECK(payload != NULL);
    memcpy(payload, data + 2 + text.size, payload_size);
    if (decode(writer, NULL, str_of(payload, payload_size), &plain) &&
        decode(writer, reader, str_of(payload, payload_size), &resolved)) {
        CHECK(broken(&plain) == broken(&resolved));
    }
    walk_columns(writer, str_of(payload, payload_size));
    free(payload);
    schema_free(reader);
    schema_free(writer);
    return 0;
}
