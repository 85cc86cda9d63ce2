/*
 * The digest of a topic's configuration: everything that decides what its records become, and nothing else. It tells whether the
 * ledger already holds batches that were read under the same rules.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/json.h"
#include "jobs/config/tables.h"

enum { DIGEST_TEXT_SIZE_MAX = 16 * 1024 * 1024 };

static void write_role(struct json_writer *json, const char *key, const struct role *role)
{
    if (role->path_count == 0) {
        return;
    }
    json_open_array(json, key);
    for (size_t i = 0; i < role->path_count; i++) {
        json_str(json, NULL, role->paths[i]);
    }
    json_close(json);
}

static void write_values(struct json_writer *json, const char *key, const struct rule_value *values,
                         size_t count)
{
    json_open_array(json, key);
    for (size_t i = 0; i < count; i++) {
        json_open_object(json, NULL);
        if (values[i].match == RULE_RANGE) {
            json_int64(json, "high", values[i].high);
            json_int64(json, "low", values[i].low);
        }
        json_int64(json, "match", (int64_t)values[i].match);
        if (values[i].match != RULE_RANGE) {
            json_str(json, "text", values[i].text);
        }
        json_close(json);
    }
    json_close(json);
}

static void write_exclusions(struct json_writer *json, const struct mapping *mapping)
{
    json_open_array(json, "exclusions");
    for (size_t i = 0; i < mapping->exclusion_count; i++) {
        const struct exclusion_rule *rule = &mapping->exclusions[i];

        json_open_object(json, NULL);
        write_role(json, "field", &rule->field);
        json_str(json, "name", rule->name);
        write_values(json, "values", rule->values, rule->value_count);
        json_close(json);
    }
    json_close(json);
}

static void write_outcomes(struct json_writer *json, const struct mapping *mapping)
{
    const struct outcome_rules *rules = &mapping->outcome_rules;
    const struct check_symbols *symbols = &mapping->check_symbols;

    write_values(json, "outcome_error", rules->error, rules->error_count);
    write_values(json, "outcome_exclude", rules->exclude, rules->exclude_count);
    write_values(json, "outcome_success", rules->success, rules->success_count);
    write_values(json, "outcome_symbols", symbols->values, symbols->count);
    json_open_array(json, "outcomes");
    for (size_t i = 0; i < symbols->count; i++) {
        json_int64(json, NULL, (int64_t)symbols->outcomes[i]);
    }
    json_close(json);
}

/* Keys in ascending order, as the writer demands. */
static void write_mapping(struct json_writer *json, const struct mapping *mapping)
{
    json_open_object(json, "map");
    write_role(json, "checker", &mapping->checker);
    write_role(json, "customer", &mapping->customer);
    write_role(json, "event_id", &mapping->event_id);
    write_exclusions(json, mapping);
    write_role(json, "instance", &mapping->instance);
    write_role(json, "interval", &mapping->interval);
    json_int64(json, "interval_default_ns", mapping->interval_default_ns);
    json_int64(json, "interval_unit_ns", mapping->interval_unit_ns);
    json_int64(json, "kind", (int64_t)mapping->kind);
    write_role(json, "latency", &mapping->latency);
    json_int64(json, "latency_unit_ns", mapping->latency_unit_ns);
    json_int64(json, "max_age_ns", mapping->max_age_ns);
    json_int64(json, "max_ahead_ns", mapping->max_ahead_ns);
    write_role(json, "outcome", &mapping->outcome);
    write_outcomes(json, mapping);
    json_int64(json, "record_size_max", (int64_t)mapping->record_size_max);
    write_role(json, "region", &mapping->region);
    json_open_array(json, "service");
    for (size_t i = 0; i < mapping->service_part_count; i++) {
        json_open_object(json, NULL);
        write_role(json, "part", &mapping->service[i]);
        json_close(json);
    }
    json_close(json);
    json_str(json, "service_default", mapping->service_default);
    write_role(json, "time", &mapping->time);
    json_int64(json, "time_unit_ns", mapping->time_unit_ns);
    write_role(json, "weight", &mapping->weight);
    json_close(json);
}

static int compare_services(const void *a, const void *b)
{
    const struct service_config *const *left = a;
    const struct service_config *const *right = b;

    return str_compare((*left)->name, (*right)->name);
}

/* Sorted by name: the order in the file decides nothing. */
static void write_services(struct json_writer *json, const struct config *config)
{
    struct arena scratch = ARENA_INIT;
    const struct service_config **sorted =
        arena_calloc(&scratch, config->service_count, sizeof(const struct service_config *));

    for (size_t i = 0; i < config->service_count; i++) {
        sorted[i] = &config->services[i];
    }
    if (config->service_count > 0) {
        qsort(sorted, config->service_count, sizeof(const struct service_config *),
              compare_services);
    }
    json_open_object(json, NULL);
    json_int64(json, "default_threshold_ns", config->service_default.latency_threshold_ns);
    json_open_array(json, "services");
    for (size_t i = 0; i < config->service_count; i++) {
        json_open_object(json, NULL);
        json_str(json, "name", sorted[i]->name);
        json_int64(json, "threshold_ns", sorted[i]->latency_threshold_ns);
        json_close(json);
    }
    json_close(json);
    json_close(json);
    json_finish(json);
    arena_release(&scratch);
}

/* SHA-256 of what was written, and the end of text. */
static void finish(struct strbuf *text, char ret_digest[HASH_HEX_SIZE])
{
    /* The file itself is a fraction of this size. */
    CHECK(!text->overflow);
    hash_sha256_hex(strbuf_view(text), ret_digest);
    strbuf_release(text);
}

void services_digest(const struct config *config, char ret_digest[HASH_HEX_SIZE])
{
    struct strbuf text;
    struct json_writer json;

    strbuf_init(&text, DIGEST_TEXT_SIZE_MAX);
    json_init(&json, &text, false);
    write_services(&json, config);
    finish(&text, ret_digest);
}

static int compare_digests(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* By content: neither names nor their order decide anything. */
static void write_schemas(struct json_writer *json, const struct topic_config *topic)
{
    struct arena scratch = ARENA_INIT;
    char(*digests)[HASH_HEX_SIZE] =
        arena_calloc(&scratch, topic->schema_count + 1, sizeof(*digests));

    for (size_t i = 0; i < topic->schema_count; i++) {
        hash_sha256_hex(topic->schemas[i].text, digests[i]);
    }
    qsort(digests, topic->schema_count, sizeof(*digests), compare_digests);
    json_open_array(json, "schema_subjects");
    for (size_t i = 0; i < topic->schema_subject_count; i++) {
        json_str(json, NULL, topic->schema_subjects[i]);
    }
    json_close(json);
    json_open_array(json, "schemas");
    for (size_t i = 0; i < topic->schema_count; i++) {
        json_text(json, NULL, digests[i]);
    }
    json_close(json);
    arena_release(&scratch);
}

void topic_digest(struct topic_config *topic, const char *services)
{
    struct strbuf text;
    struct json_writer json;
    char schema_digest[HASH_HEX_SIZE];

    hash_sha256_hex(topic->reader_schema.text, schema_digest);
    strbuf_init(&text, DIGEST_TEXT_SIZE_MAX);
    json_init(&json, &text, false);
    json_open_object(&json, NULL);
    json_bool(&json, "discover", topic->discover);
    if (topic->duplicates_group.size > 0) {
        json_str(&json, "duplicates_group", topic->duplicates_group);
        json_int64(&json, "duplicates_horizon_ns", topic->duplicates_horizon_ns);
    }
    json_int64(&json, "framing", (int64_t)topic->framing);
    write_mapping(&json, &topic->mapping);
    json_text(&json, "reader_schema", schema_digest);
    write_schemas(&json, topic);
    json_text(&json, "services", services);
    json_close(&json);
    json_finish(&json);
    finish(&text, topic->digest);
}
