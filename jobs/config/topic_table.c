/*
 * topics[]: one entry per topic.
 */
#include "base/check.h"
#include "base/civil.h"
#include "base/clock.h"
#include "jobs/config/tables.h"

enum { REDACTIONS_MAX = 32 };

static const struct conf_choice kinds[] = {
    {"requests", EVENT_REQUEST, false}, {"checks", EVENT_CHECK, false}, {NULL, 0, false}};
static const struct conf_choice framings[] = {{"confluent", FRAMING_CONFLUENT, false},
                                              {"header", FRAMING_HEADER, false},
                                              {"single_object", FRAMING_SINGLE_OBJECT, false},
                                              {"avro", FRAMING_AVRO, false},
                                              {"json", 0, true},
                                              {NULL, 0, false}};
static const struct conf_choice service_modes[] = {
    {"discover", true, false}, {"declared", false, false}, {NULL, 0, false}};

static enum err_code read_start(struct conf_reader *reader, const struct conf_row *row,
                                const struct conf_node *node, void *target, struct err *err)
{
    struct topic_config *topic = target;

    if (node->kind == CONF_SCALAR && str_equal(node->text, STR("earliest"))) {
        topic->start = START_EARLIEST;
        return ERR_OK;
    }
    if (node->kind == CONF_SCALAR && str_equal(node->text, STR("latest"))) {
        topic->start = START_LATEST;
        return ERR_OK;
    }
    if (node->kind != CONF_SCALAR || !civil_parse_rfc3339(node->text, &topic->start_time_ns)) {
        return conf_error(reader, node, err,
                          "%s: earliest, latest or a time such as 2026-10-01T00:00:00Z is wanted",
                          row->key);
    }
    topic->start = START_TIME;
    return ERR_OK;
}

static void start_schema(struct json_writer *json)
{
    json_text(json, "type", "string");
}

static const struct conf_custom start_custom = {
    .read = read_start, .schema = start_schema, .form = "earliest, latest or a time"};

/* exclude[] */

static enum err_code read_exclusion_values(struct conf_reader *reader, const struct conf_row *row,
                                           const struct conf_node *node, void *target,
                                           struct err *err)
{
    struct exclusion_rule *rule = target;
    enum value_form form = strcmp(row->key, "prefix") == 0  ? VALUES_PREFIX
                           : strcmp(row->key, "range") == 0 ? VALUES_RANGE
                                                            : VALUES_EQUALS;

    return values_append(reader, node, form, &rule->values, &rule->value_count, err);
}

static const struct conf_custom exclusion_values = {
    .read = read_exclusion_values, .schema = values_schema, .form = "list of values"};

static const struct conf_row exclusion_rows[] = {
    {.key = "name",
     .type = CONF_NAME,
     .required = true,
     CONF_FIELD(struct exclusion_rule, name, struct str),
     .maximum = 64,
     .help = "records are counted as rule:NAME"},
    {.key = "path",
     .type = CONF_CUSTOM,
     .required = true,
     CONF_FIELD(struct exclusion_rule, field, struct role),
     .custom = &conf_role,
     .help = "field that is looked at"},
    {.key = "equals",
     .type = CONF_CUSTOM,
     CONF_SELF,
     .custom = &exclusion_values,
     .help = "excluded if the text is one of these"},
    {.key = "prefix",
     .type = CONF_CUSTOM,
     CONF_SELF,
     .custom = &exclusion_values,
     .help = "or starts with one of these"},
    {.key = "range",
     .type = CONF_CUSTOM,
     CONF_SELF,
     .custom = &exclusion_values,
     .help = "or is an integer in one of these"},
};

static enum err_code check_exclusion(struct conf_reader *reader, const struct conf_node *node,
                                     void *target, struct err *err)
{
    const struct exclusion_rule *rule = target;

    if (rule->value_count == 0) {
        return conf_error(reader, node, err,
                          "exclude: one of \"equals\", \"prefix\" and \"range\" is wanted");
    }
    if (str_equal(rule->name, STR("outcome"))) {
        return conf_error(reader, conf_child(node, "name"), err,
                          "the name \"outcome\" is taken by map.outcome.exclude");
    }
    return ERR_OK;
}

static const struct conf_table exclusion_table = {
    .name = "exclude",
    CONF_ROWS(exclusion_rows),
    .size = sizeof(struct exclusion_rule),
    .check = check_exclusion,
    .help = "records that are no business of any SLA",
};

static enum err_code read_redactions(struct conf_reader *reader, const struct conf_row *row,
                                     const struct conf_node *node, void *target, struct err *err)
{
    struct mapping *mapping = &((struct topic_config *)target)->mapping;
    struct role *roles;

    if (node->kind != CONF_LIST || node->count == 0 || node->count > REDACTIONS_MAX) {
        return conf_error(reader, node, err, "%s: a list of 1 to %d paths is wanted", row->key,
                          REDACTIONS_MAX);
    }
    roles = arena_calloc(reader->arena, node->count, sizeof(*roles));
    for (const struct conf_node *child = node->first; child != NULL; child = child->next) {
        enum err_code code = role_add_path(reader, &roles[mapping->redaction_count++], child, err);

        if (code != ERR_OK) {
            return code;
        }
    }
    mapping->redactions = roles;
    return ERR_OK;
}

static void redactions_schema(struct json_writer *json)
{
    json_open_object(json, "items");
    json_text(json, "type", "string");
    json_close(json);
    json_int64(json, "maxItems", REDACTIONS_MAX);
    json_int64(json, "minItems", 1);
    json_text(json, "type", "array");
}

static const struct conf_custom redactions = {
    .read = read_redactions, .schema = redactions_schema, .form = "list of paths"};

static const struct conf_row duplicates_rows[] = {
    {.key = "group",
     .type = CONF_NAME,
     CONF_FIELD(struct topic_config, duplicates_group, struct str),
     .help = "topics of one group share their ids; without it the topic is a group of its own"},
    {.key = "horizon",
     .type = CONF_DURATION,
     CONF_FIELD(struct topic_config, duplicates_horizon_ns, int64_t),
     .fallback = "1d",
     .minimum = NS_PER_SECOND,
     .maximum = 400 * NS_PER_DAY,
     .help = "copies are looked for so long, by the records' Kafka time stamps"},
    {.key = "count",
     .type = CONF_INTEGER,
     CONF_FIELD(struct topic_config, duplicates_count, int64_t),
     .fallback = "10000000",
     .minimum = 1000,
     .maximum = INT64_C(10000000000),
     .help = "ids kept of the group at most, about 100 bytes each; more stop the run"},
};

static const struct conf_table duplicates_table = {
    .name = "duplicates", CONF_ROWS(duplicates_rows), .help = "producers that retry"};

static const struct conf_row topic_rows[] = {
    {.key = "name",
     .type = CONF_NAME,
     .required = true,
     CONF_FIELD(struct topic_config, name, struct str),
     .maximum = 249,
     .help = "of the topic"},
    {.key = "kind",
     .type = CONF_ENUM,
     .required = true,
     CONF_FIELD(struct topic_config, mapping.kind, enum event_kind),
     .choices = kinds,
     .help = "what its records are"},
    {.key = "framing",
     .type = CONF_ENUM,
     CONF_FIELD(struct topic_config, framing, enum framing),
     .choices = framings,
     .fallback = "confluent",
     .help = "what stands around the payload and says which schema wrote it: docs/ingest.md"},
    {.key = "schema_file",
     .type = CONF_PATH,
     CONF_FIELD(struct topic_config, schema_file, struct str),
     .situational = true,
     .help = "framing avro: the Avro schema of all its records"},
    {.key = "schema_folder",
     .type = CONF_PATH,
     CONF_FIELD(struct topic_config, schema_folder, struct str),
     .situational = true,
     .help = "framing single_object: folder with Avro schemas (*.avsc), found by fingerprint"},
    {.key = "schema_subjects",
     .type = CONF_ARRAY,
     CONF_FIELD(struct topic_config, schema_subjects, struct str *),
     .count_offset = CONF_OFFSET(struct topic_config, schema_subject_count, size_t),
     .element = CONF_NAME,
     .maximum = 16,
     .situational = true,
     .help = "framing single_object: subjects of the registry, whose versions are found by "
             "fingerprint"},
    {.key = "start",
     .type = CONF_CUSTOM,
     CONF_SELF,
     .custom = &start_custom,
     .fallback = "earliest",
     .help = "where the first run begins"},
    {.key = "services",
     .type = CONF_ENUM,
     CONF_FIELD(struct topic_config, discover, bool),
     .choices = service_modes,
     .fallback = "discover",
     .help = "whether services that are not listed under services are taken or dead-lettered"},
    {.key = "service_limit",
     .type = CONF_INTEGER,
     CONF_FIELD(struct topic_config, service_count_max, uint32_t),
     .fallback = "1000",
     .minimum = 1,
     .maximum = 1000000,
     .help = "of discover: more stop the run"},
    {.key = "gaps",
     .type = CONF_BOOL,
     CONF_FIELD(struct topic_config, gaps, bool),
     .fallback = "false",
     .help = "true for compacted or transactional topics: absent offsets are normal there"},
    {.key = "dead_letter_topic",
     .type = CONF_NAME,
     CONF_FIELD(struct topic_config, dead_letter_topic, struct str),
     .maximum = 249,
     .help =
         "topic of the same cluster to which dead letters are delivered, at least once; without "
         "it they stay in the store"},
    {.key = "dead_letter_redact",
     .type = CONF_CUSTOM,
     CONF_SELF,
     .custom = &redactions,
     .help = "fields of which dead letters keep no byte: blanked where that is certain, otherwise "
             "nothing of the record is kept"},
    {.key = "reader_schema",
     .type = CONF_PATH,
     CONF_FIELD(struct topic_config, reader_schema.path, struct str),
     .help = "Avro schema with aliases and defaults"},
    {.key = "max_age",
     .type = CONF_DURATION,
     CONF_FIELD(struct topic_config, mapping.max_age_ns, int64_t),
     .fallback = "400d",
     .minimum = NS_PER_MINUTE,
     .maximum = 3660 * NS_PER_DAY,
     .help = "older events are dead-lettered"},
    {.key = "max_record_bytes",
     .type = CONF_BYTES,
     CONF_FIELD(struct topic_config, mapping.record_size_max, size_t),
     .fallback = "16 MiB",
     .minimum = 1,
     .maximum = 1024 * 1024 * 1024,
     .help = "larger records are dead-lettered"},
    {.key = "map",
     .type = CONF_TABLE,
     .required = true,
     CONF_FIELD(struct topic_config, mapping, struct mapping),
     .table = &map_table,
     .help = "which field plays which role"},
    {.key = "duplicates",
     .type = CONF_TABLE,
     CONF_SELF,
     .table = &duplicates_table,
     .situational = true,
     .help = "with map.event_id: a copy of an event is not counted again"},
    {.key = "exclude",
     .type = CONF_ARRAY,
     CONF_FIELD(struct topic_config, mapping.exclusions, struct exclusion_rule *),
     .count_offset = CONF_OFFSET(struct topic_config, mapping.exclusion_count, size_t),
     .element = CONF_TABLE,
     .table = &exclusion_table,
     .maximum = 64,
     .help = "records that are not counted"},
};

static void init_topic(struct conf_reader *reader, void *target)
{
    struct topic_config *topic = target;

    (void)reader;
    topic->mapping.max_ahead_ns = NS_PER_DAY;
}

/* Keys of map and map.outcome that have a meaning for one kind only. */
static const struct {
    const char *table; /* "" for map itself */
    const char *key;
    enum event_kind kind;
} kind_keys[] = {
    {"", "latency", EVENT_REQUEST},        {"", "customer", EVENT_REQUEST},
    {"", "weight", EVENT_REQUEST},         {"", "checker", EVENT_CHECK},
    {"", "region", EVENT_CHECK},           {"", "interval", EVENT_CHECK},
    {"outcome", "exclude", EVENT_REQUEST}, {"outcome", "error", EVENT_REQUEST},
    {"outcome", "success", EVENT_REQUEST}, {"outcome", "pass", EVENT_CHECK},
    {"outcome", "warn", EVENT_CHECK},      {"outcome", "fail", EVENT_CHECK},
    {"outcome", "unknown", EVENT_CHECK},   {"outcome", "removed", EVENT_CHECK},
};

static enum err_code check_kind_keys(struct conf_reader *reader, const struct conf_node *map,
                                     enum event_kind kind, struct err *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(kind_keys); i++) {
        const struct conf_node *table =
            kind_keys[i].table[0] != '\0' ? conf_child(map, kind_keys[i].table) : map;
        const struct conf_node *child = conf_child(table, kind_keys[i].key);
        struct conf_node place;

        if (child == NULL || kind_keys[i].kind == kind) {
            continue;
        }
        place = (struct conf_node){.line = child->key_line, .column = child->key_column};
        return conf_error(reader, &place, err, "\"%s\" is only for topics of kind %s",
                          kind_keys[i].key,
                          kind_keys[i].kind == EVENT_REQUEST ? "requests" : "checks");
    }
    return ERR_OK;
}

/* Kafka's own rule for names of topics. */
static bool is_topic_name(struct str name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '.' || c == '_' || c == '-';

        if (!good) {
            return false;
        }
    }
    return !str_equal(name, STR(".")) && !str_equal(name, STR(".."));
}

static enum err_code check_topic_name(struct conf_reader *reader, const struct conf_node *node,
                                      struct str name, struct err *err)
{
    if (is_topic_name(name)) {
        return ERR_OK;
    }
    return conf_error(reader, node, err,
                      "\"%.*s\" is no name of a topic: letters, digits, . _ - are allowed",
                      STR_ARGS(name));
}

static enum err_code check_exclusion_names(struct conf_reader *reader, const struct conf_node *list,
                                           const struct mapping *mapping, struct err *err)
{
    const struct conf_node *child = list != NULL ? list->first : NULL;

    for (size_t i = 0; i < mapping->exclusion_count; i++, child = child->next) {
        for (size_t j = 0; j < i; j++) {
            if (str_equal(mapping->exclusions[i].name, mapping->exclusions[j].name)) {
                return conf_error(reader, conf_child(child, "name"), err,
                                  "exclusion \"%.*s\" occurs twice",
                                  STR_ARGS(mapping->exclusions[i].name));
            }
        }
    }
    return ERR_OK;
}

/* On when the topic says what its event ids are; its own group unless it names another. */
static enum err_code check_duplicates(struct conf_reader *reader, const struct conf_node *child,
                                      struct topic_config *topic, struct err *err)
{
    if (topic->mapping.event_id.path_count > 0) {
        if (topic->duplicates_group.size == 0) {
            topic->duplicates_group = topic->name;
        }
        return ERR_OK;
    }
    if (child != NULL) {
        struct conf_node place = {.line = child->key_line, .column = child->key_column};

        return conf_error(reader, &place, err,
                          "duplicates: map.event_id is missing, so there is nothing to compare");
    }
    return ERR_OK;
}

const char *topic_framing_name(enum framing framing)
{
    size_t i = 0;

    while (framings[i].later || framings[i].value != (int64_t)framing) {
        i++;
        CHECK(framings[i].name != NULL);
    }
    return framings[i].name;
}

static enum err_code check_topic(struct conf_reader *reader, const struct conf_node *node,
                                 void *target, struct err *err)
{
    struct topic_config *topic = target;
    enum err_code code;

    code = check_topic_name(reader, conf_child(node, "name"), topic->name, err);
    if (code == ERR_OK && topic->dead_letter_topic.size > 0) {
        code = check_topic_name(reader, conf_child(node, "dead_letter_topic"),
                                topic->dead_letter_topic, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    code = check_kind_keys(reader, conf_child(node, "map"), topic->mapping.kind, err);
    if (code != ERR_OK) {
        return code;
    }
    if (topic->mapping.kind == EVENT_REQUEST) {
        topic->mapping.check_symbols = (struct check_symbols){0};
    } else {
        topic->mapping.outcome_rules = (struct outcome_rules){0};
    }
    code = topic_schemas_read(reader, node, topic, err);
    if (code != ERR_OK) {
        return code;
    }
    code = check_duplicates(reader, conf_child(node, "duplicates"), topic, err);
    if (code != ERR_OK) {
        return code;
    }
    return check_exclusion_names(reader, conf_child(node, "exclude"), &topic->mapping, err);
}

const struct conf_table topic_table = {
    .name = "topic",
    CONF_ROWS(topic_rows),
    .size = sizeof(struct topic_config),
    .init = init_topic,
    .check = check_topic,
    .help = "a topic and how its records are read",
};
