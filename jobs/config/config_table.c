/*
 * The whole file, and its sections other than topics and contracts. Rules between sections: rules.c.
 */
#include "base/check.h"
#include "base/clock.h"
#include "jobs/config/tables.h"

/* cluster */

/* Settings of librdkafka whose value is a secret: only as a reference. */
static const char *const secret_properties[] = {
    "sasl.password",
    "ssl.key.password",
    "ssl.keystore.password",
    "ssl.key.pem",
    "sasl.oauthbearer.client.secret",
};

static bool is_secret_property(struct str key)
{
    for (size_t i = 0; i < ARRAY_COUNT(secret_properties); i++) {
        if (str_equal(key, str_from(secret_properties[i]))) {
            return true;
        }
    }
    return false;
}

static enum err_code read_property(struct conf_reader *reader, const struct conf_node *node,
                                   struct source_property *ret_property, struct err *err)
{
    struct str value;
    enum err_code code;

    if (is_secret_property(node->key) && !conf_is_secret(node)) {
        return conf_error(reader, node, err,
                          "%.*s is a secret: write ${file:PATH} or ${env:NAME} instead of its text",
                          STR_ARGS(node->key));
    }
    code = conf_read_text_or_secret(reader, node, &value, err);
    if (code == ERR_OK) {
        *ret_property = (struct source_property){.name = node->key.data, .value = value.data};
    }
    return code;
}

static enum err_code read_properties(struct conf_reader *reader, const struct conf_row *row,
                                     const struct conf_node *node, void *target, struct err *err)
{
    struct config *config = target;
    struct source_property *properties;
    size_t count = 0;

    if (node->kind != CONF_MAP) {
        return conf_error(reader, node, err, "%s: a table is wanted, not %s", row->key,
                          conf_kind_name(node));
    }
    properties = arena_calloc(reader->arena, node->count, sizeof(*properties));
    for (const struct conf_node *child = node->first; child != NULL; child = child->next) {
        enum err_code code = read_property(reader, child, &properties[count++], err);

        if (code != ERR_OK) {
            return code;
        }
    }
    config->properties = properties;
    config->property_count = count;
    return ERR_OK;
}

static void properties_schema(struct json_writer *json)
{
    json_open_object(json, "additionalProperties");
    json_open_array(json, "type");
    json_text(json, NULL, "string");
    json_text(json, NULL, "number");
    json_text(json, NULL, "boolean");
    json_close(json);
    json_close(json);
    json_text(json, "type", "object");
}

static const struct conf_custom properties = {
    .read = read_properties, .schema = properties_schema, .form = "table"};

static const struct conf_row cluster_rows[] = {
    {.key = "name",
     .type = CONF_NAME,
     CONF_FIELD(struct config, cluster_name, struct str),
     .fallback = "kafka",
     .help = "what statements call the cluster"},
    {.key = "bootstrap_servers",
     .type = CONF_TEXT,
     .required = true,
     CONF_FIELD(struct config, bootstrap_servers, struct str),
     .help = "host:port, several with commas"},
    {.key = "group",
     .type = CONF_NAME,
     CONF_FIELD(struct config, group, struct str),
     .help = "consumer group; without it a run reads all partitions, or its shard of them"},
    {.key = "properties",
     .type = CONF_CUSTOM,
     CONF_SELF,
     .custom = &properties,
     .help = "settings of librdkafka"},
};
static const struct conf_table cluster_table = {.name = "cluster", CONF_ROWS(cluster_rows)};

/* registry */

static const struct conf_row registry_rows[] = {
    {.key = "url",
     .type = CONF_TEXT,
     .required = true,
     CONF_FIELD(struct config, registry_url, struct str),
     .maximum = 2048,
     .help = "base address; http or https"},
    {.key = "username",
     .type = CONF_NAME,
     CONF_FIELD(struct config, registry_username, struct str),
     .help = "for basic authentication"},
    {.key = "password",
     .type = CONF_SECRET,
     CONF_FIELD(struct config, registry_password, struct str),
     .help = "for basic authentication"},
    {.key = "token",
     .type = CONF_SECRET,
     CONF_FIELD(struct config, registry_token, struct str),
     .help = "for bearer authentication"},
    {.key = "ca_file",
     .type = CONF_PATH,
     CONF_FIELD(struct config, registry_ca_file, struct str),
     .help = "certificates to trust instead of the system's"},
    {.key = "cache",
     .type = CONF_PATH,
     CONF_FIELD(struct config, registry_cache, struct str),
     .help = "folder that keeps schemas, so that a run works while the registry is down"},
    {.key = "retry",
     .type = CONF_DURATION,
     CONF_FIELD(struct config, registry_retry_ns, int64_t),
     .fallback = "10s",
     .maximum = NS_PER_HOUR,
     .help = "how long an unknown schema id is asked for again"},
};

/* http(s)://HOST..., without user, query or fragment: those belong elsewhere, and would end in messages. */
static bool is_base_url(struct str url)
{
    bool plain = str_starts_with(url, STR("http://"));
    bool tls = str_starts_with(url, STR("https://"));
    size_t host = plain ? strlen("http://") : strlen("https://");

    if ((!plain && !tls) || url.size == host || url.data[host] == '/') {
        return false;
    }
    for (size_t i = host; i < url.size; i++) {
        if (strchr("@?# \"<>\\^`{|}", url.data[i]) != NULL) {
            return false;
        }
    }
    return true;
}

static enum err_code check_registry(struct conf_reader *reader, const struct conf_node *node,
                                    void *target, struct err *err)
{
    const struct config *config = target;
    bool basic = config->registry_username.size > 0;

    if (!is_base_url(config->registry_url)) {
        /* Without the text: it may hold a password. */
        return conf_error(
            reader, conf_child(node, "url"), err,
            "url: http://HOST[:PORT][/PATH] or https://... is wanted, without user and query");
    }
    if (basic != (config->registry_password.size > 0)) {
        return conf_error(reader, node, err,
                          "registry: \"username\" and \"password\" belong together");
    }
    if (basic && config->registry_token.size > 0) {
        return conf_error(reader, conf_child(node, "token"), err,
                          "registry: either \"username\" or \"token\"");
    }
    return ERR_OK;
}

static const struct conf_table registry_table = {
    .name = "registry", CONF_ROWS(registry_rows), .check = check_registry};

/* batch */

static const struct conf_row batch_rows[] = {
    {.key = "records",
     .type = CONF_INTEGER,
     CONF_FIELD(struct config, batch_records_max, int64_t),
     .fallback = "200000",
     .minimum = 1,
     .maximum = 100000000,
     .help = "commit at the latest after so many records"},
    {.key = "interval",
     .type = CONF_DURATION,
     CONF_FIELD(struct config, batch_interval_ns, int64_t),
     .fallback = "10s",
     .minimum = 10 * NS_PER_MS,
     .maximum = NS_PER_HOUR,
     .help = "or so much time"},
    {.key = "size",
     .type = CONF_BYTES,
     CONF_FIELD(struct config, batch_size_max, int64_t),
     .fallback = "64 MiB",
     .minimum = 64 * 1024,
     .maximum = INT64_C(16) * 1024 * 1024 * 1024,
     .help = "or so much memory"},
    {.key = "dead_letter_bytes",
     .type = CONF_BYTES,
     CONF_FIELD(struct config, dead_letter_bytes_max, size_t),
     .fallback = "64 KiB",
     .minimum = 0,
     .maximum = 16 * 1024 * 1024,
     .help = "longer originals of dead letters are cut"},
};
static const struct conf_table batch_table = {.name = "batch", CONF_ROWS(batch_rows)};

/* dead_letters */

static const struct conf_row dead_letters_rows[] = {
    {.key = "keep",
     .type = CONF_DURATION,
     CONF_FIELD(struct config, dead_letters_keep_ns, int64_t),
     .minimum = NS_PER_HOUR,
     .maximum = 3660 * NS_PER_DAY,
     .help = "their bytes are emptied once they have been stored for so long; for ever if absent. "
             "Coordinate, reason and size stay"},
};
static const struct conf_table dead_letters_table = {.name = "dead_letters",
                                                     CONF_ROWS(dead_letters_rows)};

/* service_defaults, services */

static const struct conf_row rules_rows[] = {
    {.key = "latency_threshold",
     .type = CONF_DURATION,
     CONF_FIELD(struct service_config, latency_threshold_ns, int64_t),
     .maximum = LATENCY_NS_MAX,
     .help = "slow is strictly above; none if absent"},
    {.key = "min_requests",
     .type = CONF_INTEGER,
     CONF_FIELD(struct service_config, rules.min_requests, int64_t),
     .fallback = "10",
     .minimum = 1,
     .maximum = 1000000000,
     .help = "a minute with fewer requests has no grade from requests"},
    {.key = "major_errors",
     .type = CONF_RATIO,
     CONF_FIELD(struct service_config, rules.major_errors, struct rational),
     .fallback = "0.5",
     .help = "major outage from this ratio of errors on"},
    {.key = "partial_errors",
     .type = CONF_RATIO,
     CONF_FIELD(struct service_config, rules.partial_errors, struct rational),
     .fallback = "0.05",
     .help = "partial outage from this ratio of errors on"},
    {.key = "degraded_slow",
     .type = CONF_RATIO,
     CONF_FIELD(struct service_config, rules.degraded_slow, struct rational),
     .fallback = "0.1",
     .help = "degraded performance from this ratio of slow requests on"},
    {.key = "quorum",
     .type = CONF_INTEGER,
     CONF_FIELD(struct service_config, rules.quorum, int64_t),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1000000,
     .help = "healthy instances needed; 0: the majority"},
};

static void init_service_defaults(struct conf_reader *reader, void *target)
{
    struct service_config *service = target;

    (void)reader;
    service->latency_threshold_ns = LATENCY_THRESHOLD_NONE;
}

static enum err_code check_rules(struct conf_reader *reader, const struct conf_node *node,
                                 void *target, struct err *err)
{
    const struct service_config *service = target;
    const struct grading_rules *rules = &service->rules;
    const struct conf_node *partial = conf_child(node, "partial_errors");

    if (rational_compare(rules->partial_errors, rules->major_errors) > 0) {
        return conf_error(reader, partial != NULL ? partial : node, err,
                          "partial_errors must not be above major_errors");
    }
    return ERR_OK;
}

static const struct conf_table defaults_table = {
    .name = "service_defaults",
    CONF_ROWS(rules_rows),
    .init = init_service_defaults,
    .check = check_rules,
};

static const struct conf_row name_rows[] = {
    {.key = "name",
     .type = CONF_NAME,
     .required = true,
     CONF_FIELD(struct service_config, name, struct str),
     .help = "of the service"},
};

/* service_defaults stand before services in the table, so they have been read. */
static void init_service(struct conf_reader *reader, void *target)
{
    const struct config *config = reader->root;

    *(struct service_config *)target = config->service_default;
}

static const struct conf_table service_table = {
    .name = "services",
    CONF_ROWS(name_rows),
    .base = &defaults_table,
    .size = sizeof(struct service_config),
    .inherits = true,
    .init = init_service,
    .check = check_rules,
};

/* The whole file. */

static const struct conf_row config_rows[] = {
    {.key = "store",
     .type = CONF_TABLE,
     CONF_SELF,
     .table = &store_table,
     .situational = true,
     .help = "the store"},
    {.key = "output",
     .type = CONF_PATH,
     CONF_FIELD(struct config, output_path, struct str),
     .fallback = "statements",
     .help = "folder where statements are published"},
    {.key = "book",
     .type = CONF_NAME,
     CONF_FIELD(struct config, book, struct str),
     .fallback = "live",
     .maximum = 64,
     .help = "account that is read and written"},
    {.key = "lateness",
     .type = CONF_DURATION,
     CONF_FIELD(struct config, lateness_ns, int64_t),
     .fallback = "5m",
     .maximum = 31 * NS_PER_DAY,
     .help = "complete-until stays this far behind the newest drained time"},
    {.key = "cluster",
     .type = CONF_TABLE,
     CONF_SELF,
     .table = &cluster_table,
     CONF_PRESENT(struct config, has_cluster),
     .help = "Kafka; required for consume"},
    {.key = "registry",
     .type = CONF_TABLE,
     CONF_SELF,
     .table = &registry_table,
     CONF_PRESENT(struct config, has_registry),
     .help = "schema registry; required for framing confluent"},
    {.key = "batch",
     .type = CONF_TABLE,
     CONF_SELF,
     .table = &batch_table,
     .help = "when a consumer commits"},
    {.key = "dead_letters",
     .type = CONF_TABLE,
     CONF_SELF,
     .table = &dead_letters_table,
     .help = "how long stored bytes of bad records are kept"},
    {.key = "archive",
     .type = CONF_TABLE,
     .offset = offsetof(struct config, archive),
     .size = sizeof(struct archive_config),
     .table = &archive_table,
     CONF_PRESENT(struct config, has_archive),
     .situational = true,
     .help = "copies of topics in files; required for archive"},
    {.key = "topics",
     .type = CONF_ARRAY,
     CONF_FIELD(struct config, topics, struct topic_config *),
     .count_offset = CONF_OFFSET(struct config, topic_count, size_t),
     .element = CONF_TABLE,
     .table = &topic_table,
     .maximum = 1000,
     .help = "topics to read"},
    {.key = "service_defaults",
     .type = CONF_TABLE,
     CONF_FIELD(struct config, service_default, struct service_config),
     .table = &defaults_table,
     .help = "rules of services that say nothing else"},
    {.key = "services",
     .type = CONF_ARRAY,
     CONF_FIELD(struct config, services, struct service_config *),
     .count_offset = CONF_OFFSET(struct config, service_count, size_t),
     .element = CONF_TABLE,
     .table = &service_table,
     .maximum = 10000,
     .help = "services with rules of their own"},
    {.key = "contracts",
     .type = CONF_ARRAY,
     CONF_FIELD(struct config, contracts, struct contract *),
     .count_offset = CONF_OFFSET(struct config, contract_count, size_t),
     .element = CONF_TABLE,
     .table = &contract_table,
     .maximum = 10000,
     .help = "what was agreed with customers"},
    {.key = "slos",
     .type = CONF_ARRAY,
     CONF_FIELD(struct config, slos, struct slo *),
     .count_offset = CONF_OFFSET(struct config, slo_count, size_t),
     .element = CONF_TABLE,
     .table = &slo_table,
     .maximum = 10000,
     .help = "targets that we set ourselves"},
};

const struct conf_table config_table = {
    .name = "configuration",
    CONF_ROWS(config_rows),
    .check = config_check_rules,
};
