/*
 * topics[].map: which field of the users' schema plays which role.
 */
#include "base/check.h"
#include "base/clock.h"
#include "jobs/config/tables.h"

static const struct conf_choice units[] = {{"ns", 1, false},
                                           {"us", 1000, false},
                                           {"ms", NS_PER_MS, false},
                                           {"s", NS_PER_SECOND, false},
                                           {NULL, 0, false}};

/* service: one path, or parts that are joined. */

static enum err_code read_join(struct conf_reader *reader, const struct conf_row *row,
                               const struct conf_node *node, void *target, struct err *err)
{
    struct mapping *mapping = target;

    if (node->kind != CONF_LIST || node->count == 0) {
        return conf_error(reader, node, err, "%s: a list of paths is wanted", row->key);
    }
    if (node->count > MAPPING_SERVICE_PARTS_MAX) {
        return conf_error(reader, node, err, "%s: more than %d parts", row->key,
                          MAPPING_SERVICE_PARTS_MAX);
    }
    mapping->service_part_count = 0;
    for (const struct conf_node *child = node->first; child != NULL; child = child->next) {
        struct conf_row part = {.key = row->key,
                                .offset = offsetof(struct mapping, service) +
                                          mapping->service_part_count * sizeof(struct role)};
        enum err_code code = conf_role.read(reader, &part, child, mapping, err);

        if (code != ERR_OK) {
            return code;
        }
        mapping->service_part_count++;
    }
    return ERR_OK;
}

static void join_schema(struct json_writer *json)
{
    json_open_object(json, "items");
    conf_role.schema(json);
    json_close(json);
    json_int64(json, "maxItems", MAPPING_SERVICE_PARTS_MAX);
    json_int64(json, "minItems", 1);
    json_text(json, "type", "array");
}

static const struct conf_custom service_join = {
    .read = read_join, .schema = join_schema, .form = "list of paths"};

static const struct conf_row service_rows[] = {
    {.key = "path",
     .type = CONF_CUSTOM,
     CONF_FIELD(struct mapping, service[0], struct role),
     .custom = &conf_role,
     .help = "path of the service's name"},
    {.key = "join",
     .type = CONF_CUSTOM,
     CONF_SELF,
     .custom = &service_join,
     .help = "instead of path: fields whose texts are joined by /"},
    {.key = "default",
     .type = CONF_NAME,
     CONF_FIELD(struct mapping, service_default, struct str),
     .help = "name of the service if the (first) field is absent"},
};

static enum err_code check_service(struct conf_reader *reader, const struct conf_node *node,
                                   void *target, struct err *err)
{
    struct mapping *mapping = target;
    bool has_path = conf_child(node, "path") != NULL;
    bool has_join = conf_child(node, "join") != NULL;

    if (has_path == has_join) {
        return conf_error(reader, node, err, "service: one of \"path\" and \"join\" is wanted");
    }
    if (has_path) {
        mapping->service_part_count = 1;
    }
    return ERR_OK;
}

static const struct conf_table service_table = {
    .name = "service",
    CONF_ROWS(service_rows),
    .shorthand = "path",
    .check = check_service,
};

/* time, latency, interval: a path and the unit of plain numbers. */

static const struct conf_row time_rows[] = {
    {.key = "path",
     .type = CONF_CUSTOM,
     .required = true,
     CONF_FIELD(struct mapping, time, struct role),
     .custom = &conf_role,
     .help = "path of the event's time"},
    {.key = "unit",
     .type = CONF_ENUM,
     CONF_FIELD(struct mapping, time_unit_ns, int64_t),
     .choices = units,
     .help = "unit of a plain number; without it only logical types and RFC 3339 text are read"},
};
static const struct conf_table time_table = {
    .name = "time", CONF_ROWS(time_rows), .shorthand = "path"};

static const struct conf_row latency_rows[] = {
    {.key = "path",
     .type = CONF_CUSTOM,
     .required = true,
     CONF_FIELD(struct mapping, latency, struct role),
     .custom = &conf_role,
     .help = "path of the request's duration"},
    {.key = "unit",
     .type = CONF_ENUM,
     CONF_FIELD(struct mapping, latency_unit_ns, int64_t),
     .choices = units,
     .help = "unit of a number; without it only text such as 0.123s is read"},
};
static const struct conf_table latency_table = {
    .name = "latency", CONF_ROWS(latency_rows), .shorthand = "path"};

static const struct conf_row interval_rows[] = {
    {.key = "path",
     .type = CONF_CUSTOM,
     CONF_FIELD(struct mapping, interval, struct role),
     .custom = &conf_role,
     .help = "path of the time until the next result"},
    {.key = "unit",
     .type = CONF_ENUM,
     CONF_FIELD(struct mapping, interval_unit_ns, int64_t),
     .choices = units,
     .fallback = "ms",
     .help = "unit of the number"},
    {.key = "default",
     .type = CONF_DURATION,
     CONF_FIELD(struct mapping, interval_default_ns, int64_t),
     .fallback = "60s",
     .maximum = 400 * NS_PER_DAY,
     .help = "for results without one; 0s: published on change only"},
};
static const struct conf_table interval_table = {
    .name = "interval", CONF_ROWS(interval_rows), .shorthand = "path"};

/* outcome: of requests by rules, of checks by symbols. */

static enum err_code read_rule_values(struct conf_reader *reader, const struct conf_row *row,
                                      const struct conf_node *node, void *target, struct err *err)
{
    struct rule_value **values = (void *)((char *)target + row->offset);
    size_t *count = (void *)((char *)target + row->count_offset);

    return values_append(reader, node, VALUES_MIXED, values, count, err);
}

static const struct conf_custom rule_values = {
    .read = read_rule_values, .schema = values_schema, .form = "list of values or ranges"};

static const struct {
    const char *key;
    enum outcome outcome;
} symbol_keys[] = {{"pass", OUTCOME_PASS},
                   {"warn", OUTCOME_WARN},
                   {"fail", OUTCOME_FAIL},
                   {"unknown", OUTCOME_UNKNOWN},
                   {"removed", OUTCOME_REMOVED}};

static enum outcome symbol_outcome(const char *key)
{
    for (size_t i = 0; i < ARRAY_COUNT(symbol_keys); i++) {
        if (strcmp(symbol_keys[i].key, key) == 0) {
            return symbol_keys[i].outcome;
        }
    }
    CHECK(!"a key of symbol_keys");
    return OUTCOME_UNKNOWN;
}

/* Appends; the outcomes stand parallel to the values. */
static enum err_code add_symbols(struct conf_reader *reader, const struct conf_node *node,
                                 enum outcome outcome, struct check_symbols *symbols,
                                 struct err *err)
{
    size_t old_count = symbols->count;
    enum outcome *outcomes;
    enum err_code code =
        values_append(reader, node, VALUES_EQUALS, &symbols->values, &symbols->count, err);

    if (code != ERR_OK) {
        return code;
    }
    outcomes = arena_calloc(reader->arena, symbols->count, sizeof(*outcomes));
    for (size_t i = 0; i < symbols->count; i++) {
        outcomes[i] = i < old_count ? symbols->outcomes[i] : outcome;
        for (size_t j = 0; i >= old_count && j < i; j++) {
            if (str_equal(symbols->values[i].text, symbols->values[j].text)) {
                return conf_error(reader, node, err, "symbol \"%.*s\" is listed twice",
                                  STR_ARGS(symbols->values[i].text));
            }
        }
    }
    symbols->outcomes = outcomes;
    return ERR_OK;
}

static enum err_code read_symbols(struct conf_reader *reader, const struct conf_row *row,
                                  const struct conf_node *node, void *target, struct err *err)
{
    struct mapping *mapping = target;

    return add_symbols(reader, node, symbol_outcome(row->key), &mapping->check_symbols, err);
}

static const struct conf_custom symbols = {
    .read = read_symbols, .schema = values_schema, .form = "list of values"};

static const struct conf_row outcome_rows[] = {
    {.key = "path",
     .type = CONF_CUSTOM,
     .required = true,
     CONF_FIELD(struct mapping, outcome, struct role),
     .custom = &conf_role,
     .help = "path of status or result"},
    {.key = "exclude",
     .type = CONF_CUSTOM,
     CONF_FIELD(struct mapping, outcome_rules.exclude, struct rule_value *),
     .count_offset = CONF_OFFSET(struct mapping, outcome_rules.exclude_count, size_t),
     .custom = &rule_values,
     .help = "requests: values that are not counted (rule:outcome)"},
    {.key = "error",
     .type = CONF_CUSTOM,
     CONF_FIELD(struct mapping, outcome_rules.error, struct rule_value *),
     .count_offset = CONF_OFFSET(struct mapping, outcome_rules.error_count, size_t),
     .custom = &rule_values,
     .help = "requests: values that are errors; with neither error nor success 500-599"},
    {.key = "success",
     .type = CONF_CUSTOM,
     CONF_FIELD(struct mapping, outcome_rules.success, struct rule_value *),
     .count_offset = CONF_OFFSET(struct mapping, outcome_rules.success_count, size_t),
     .custom = &rule_values,
     .help = "requests: values that are successes; with neither error nor success 100-499"},
    {.key = "pass", .type = CONF_CUSTOM, CONF_SELF, .custom = &symbols, .help = "checks: healthy"},
    {.key = "warn",
     .type = CONF_CUSTOM,
     CONF_SELF,
     .custom = &symbols,
     .help = "checks: healthy with a warning"},
    {.key = "fail", .type = CONF_CUSTOM, CONF_SELF, .custom = &symbols, .help = "checks: failed"},
    {.key = "unknown",
     .type = CONF_CUSTOM,
     CONF_SELF,
     .custom = &symbols,
     .help = "checks: the checker could not tell"},
    {.key = "removed",
     .type = CONF_CUSTOM,
     CONF_SELF,
     .custom = &symbols,
     .help = "checks: the instance was taken out on purpose"},
};

/* Without any list the symbols of checks are their own names. */
static enum err_code check_outcome(struct conf_reader *reader, const struct conf_node *node,
                                   void *target, struct err *err)
{
    struct mapping *mapping = target;

    mapping->outcome_rules.use_defaults =
        mapping->outcome_rules.error_count == 0 && mapping->outcome_rules.success_count == 0;
    for (size_t i = 0; i < ARRAY_COUNT(symbol_keys); i++) {
        if (conf_child(node, symbol_keys[i].key) != NULL) {
            return ERR_OK;
        }
    }
    for (size_t i = 0; i < ARRAY_COUNT(symbol_keys); i++) {
        struct conf_node name = {.kind = CONF_SCALAR,
                                 .text = str_from(symbol_keys[i].key),
                                 .line = node->line,
                                 .column = node->column};
        enum err_code code =
            add_symbols(reader, &name, symbol_keys[i].outcome, &mapping->check_symbols, err);

        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

static const struct conf_table outcome_table = {
    .name = "outcome",
    CONF_ROWS(outcome_rows),
    .shorthand = "path",
    .check = check_outcome,
};

#define ROLE_ROW(name, text)                                                                       \
    {                                                                                              \
        .key = #name, .type = CONF_CUSTOM, CONF_FIELD(struct mapping, name, struct role),          \
        .custom = &conf_role, .help = text                                                         \
    }

static const struct conf_row map_rows[] = {
    {.key = "service",
     .type = CONF_TABLE,
     .required = true,
     CONF_SELF,
     .table = &service_table,
     .help = "name of the service"},
    {.key = "time",
     .type = CONF_TABLE,
     .required = true,
     CONF_SELF,
     .table = &time_table,
     .help = "time of the event"},
    {.key = "outcome",
     .type = CONF_TABLE,
     .required = true,
     CONF_SELF,
     .table = &outcome_table,
     .help = "what came of it"},
    {.key = "latency",
     .type = CONF_TABLE,
     CONF_SELF,
     .table = &latency_table,
     .help = "requests: how long it took"},
    ROLE_ROW(instance, "instance that served or was checked"),
    ROLE_ROW(customer, "requests: counted per customer, too"),
    ROLE_ROW(event_id, "id of the event"),
    ROLE_ROW(weight, "requests: number of requests that a sampled record stands for"),
    ROLE_ROW(checker, "checks: who checked; without it instances report themselves"),
    ROLE_ROW(region, "checks: where from"),
    {.key = "interval",
     .type = CONF_TABLE,
     CONF_SELF,
     .table = &interval_table,
     .help = "checks: time until the next result"},
};

const struct conf_table map_table = {
    .name = "map", CONF_ROWS(map_rows), .help = "fields of the topic's schema and their roles"};
