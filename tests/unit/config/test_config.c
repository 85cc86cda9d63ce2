#include "tests/unit/config_text.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "jobs/config/show.h"
#include "jobs/config/tables.h"
#include "schemas/embedded.h"

/* The head of a topic of checks; its map stands in line 5. */
#define CHECKS                                                                                     \
    "registry: {url: http://r}\n"                                                                  \
    "topics:\n"                                                                                    \
    "- name: t\n"                                                                                  \
    "  kind: checks\n"

static struct config *parse(const char *text)
{
    return config_of("dir/f", text);
}

static void test_defaults(void **state)
{
    struct config *config = parse("");

    (void)state;
    assert_int_equal(config->store_path.size, 0);
    assert_int_equal(config->lock_wait_ns, NS_PER_MINUTE);
    assert_string_equal(config->output_path.data, "dir/statements");
    assert_string_equal(config->book.data, "live");
    assert_int_equal(config->lateness_ns, 5 * NS_PER_MINUTE);
    assert_false(config->has_cluster);
    assert_false(config->has_registry);
    assert_int_equal(config->registry_retry_ns, 10 * NS_PER_SECOND);
    assert_int_equal(config->batch_records_max, 200000);
    assert_int_equal(config->batch_interval_ns, 10 * NS_PER_SECOND);
    assert_int_equal(config->batch_size_max, 64 * 1024 * 1024);
    assert_int_equal(config->dead_letter_bytes_max, 64 * 1024);
    assert_int_equal(config->service_default.latency_threshold_ns, LATENCY_THRESHOLD_NONE);
    assert_int_equal(config->service_default.rules.min_requests, 10);
    assert_int_equal(
        rational_compare(config->service_default.rules.partial_errors, rational_make(1, 20)), 0);
    config_free(config);
}

static void test_store_and_cluster(void **state)
{
    struct config *config;

    (void)state;
    assert_int_equal(setenv("UPTALLY_TEST_SECRET", "canary-41", 1), 0);
    config =
        parse("store: {sqlite: ../a.db, lock_wait: 1s}\noutput: /srv/out\n"
              "cluster:\n  name: production\n  bootstrap_servers: k1:9092,k2:9092\n"
              "  group: g\n  properties:\n    security.protocol: SASL_SSL\n"
              "    sasl.password: ${env:UPTALLY_TEST_SECRET}\n    socket.timeout.ms: 6000\n"
              "registry: {url: \"https://r:8081/x\", token: \"${env:UPTALLY_TEST_SECRET}\"}\n");
    assert_string_equal(config->store_path.data, "dir/../a.db");
    assert_string_equal(config->output_path.data, "/srv/out");
    assert_true(config->has_cluster);
    assert_string_equal(config->cluster_name.data, "production");
    assert_string_equal(config->bootstrap_servers.data, "k1:9092,k2:9092");
    assert_int_equal(config->property_count, 3);
    assert_string_equal(config->properties[1].name, "sasl.password");
    assert_string_equal(config->properties[1].value, "canary-41");
    assert_string_equal(config->properties[2].value, "6000");
    assert_true(config->has_registry);
    assert_string_equal(config->registry_token.data, "canary-41");
    config_free(config);
}

/* Protected over a network unless told how, and plain where nobody can listen. */
static void test_store_on_a_server(void **state)
{
    struct db_options options = {.create = true};
    struct db_server server;
    struct err err = ERR_INIT;
    struct config *config;

    (void)state;
    assert_int_equal(setenv("UPTALLY_TEST_SECRET", "canary-42", 1), 0);
    config = parse("store:\n  postgresql:\n    host: db.example.com\n    database: sla\n"
                   "    user: u\n    password: ${env:UPTALLY_TEST_SECRET}\n    ca_file: ca.pem\n"
                   "  lock_wait: 7s\n");
    assert_int_equal(config_store(config, &options, &server, &err), ERR_OK);
    assert_ptr_equal(options.server, &server);
    assert_int_equal(options.lock_wait_ns, 7 * NS_PER_SECOND);
    assert_string_equal(server.host, "db.example.com");
    assert_int_equal(server.port, 5432);
    assert_string_equal(server.schema, "public");
    assert_string_equal(server.password, "canary-42");
    assert_string_equal(server.ca_file, "dir/ca.pem");
    assert_null(server.cert_file);
    assert_int_equal(server.tls, DB_TLS_VERIFY_FULL);
    config_free(config);
    config = parse("store: {postgresql: {host: /run/postgresql, database: sla}}\n");
    assert_int_equal(config_store(config, &options, &server, &err), ERR_OK);
    assert_int_equal(server.tls, DB_TLS_OFF);
    assert_null(server.user);
    config_free(config);
    config = parse("");
    assert_int_equal(config_store(config, &options, &server, &err), ERR_CONFIG);
    config_free(config);
}

static void test_services_inherit_the_defaults(void **state)
{
    struct config *config =
        parse("services:\n- {name: a, quorum: 2}\n- {name: b, min_requests: 1}\n"
              "service_defaults: {latency_threshold: 500ms, min_requests: 5}\n");
    const struct service_config *a = config_service(config, STR("a"));

    (void)state;
    assert_string_equal(a->name.data, "a");
    assert_int_equal(a->latency_threshold_ns, 500 * NS_PER_MS);
    assert_int_equal(a->rules.min_requests, 5);
    assert_int_equal(a->rules.quorum, 2);
    assert_int_equal(config_service(config, STR("b"))->rules.min_requests, 1);
    assert_int_equal(config_service(config, STR("b"))->rules.quorum, 0);
    assert_ptr_equal(config_service(config, STR("c")), &config->service_default);
    config_free(config);
}

static void test_requests_mapping(void **state)
{
    struct config *config = parse(
        "registry: {url: http://r}\ntopics:\n- name: t\n  kind: requests\n"
        "  start: 2026-10-01T00:00:00Z\n  max_age: 30d\n  max_record_bytes: 1 MiB\n"
        "  map:\n    service: {join: [team, [app, a.b]], default: unknown}\n"
        "    time: {path: [ts, t2], unit: ms}\n"
        "    outcome: {path: st, exclude: [429], error: [\"500-599\", FAILED, -1], success: ok}\n"
        "    latency: {path: d, unit: us}\n    customer: c\n"
        "  exclude:\n  - {name: x, path: [p, q], prefix: [/h], equals: [/z], range: [\"1-2\"]}\n");
    const struct topic_config *topic = &config->topics[0];
    const struct mapping *m = &topic->mapping;

    (void)state;
    assert_int_equal(m->kind, EVENT_REQUEST);
    assert_int_equal(topic->start, START_TIME);
    assert_int_equal(topic->start_time_ns, INT64_C(1790812800000000000));
    assert_true(topic->discover);
    assert_int_equal(topic->service_count_max, 1000);
    assert_int_equal(m->max_age_ns, 30 * NS_PER_DAY);
    assert_int_equal(m->max_ahead_ns, NS_PER_DAY);
    assert_int_equal(m->record_size_max, 1024 * 1024);
    assert_int_equal(m->service_part_count, 2);
    assert_string_equal(m->service[0].paths[0].data, "team");
    assert_int_equal(m->service[1].path_count, 2);
    assert_string_equal(m->service[1].paths[1].data, "a.b");
    assert_string_equal(m->service_default.data, "unknown");
    assert_int_equal(m->time.path_count, 2);
    assert_int_equal(m->time_unit_ns, 1000000);
    assert_int_equal(m->latency_unit_ns, 1000);
    assert_int_equal(m->customer.path_count, 1);
    assert_int_equal(m->outcome_rules.exclude[0].match, RULE_RANGE);
    assert_int_equal(m->outcome_rules.exclude[0].low, 429);
    assert_int_equal(m->outcome_rules.exclude[0].high, 429);
    assert_int_equal(m->outcome_rules.error_count, 3);
    assert_int_equal(m->outcome_rules.error[0].high, 599);
    assert_int_equal(m->outcome_rules.error[1].match, RULE_EQUALS);
    assert_string_equal(m->outcome_rules.error[1].text.data, "FAILED");
    assert_int_equal(m->outcome_rules.error[2].low, -1);
    assert_string_equal(m->outcome_rules.success[0].text.data, "ok");
    assert_false(m->outcome_rules.use_defaults);
    assert_int_equal(m->exclusion_count, 1);
    assert_int_equal(m->exclusions[0].field.path_count, 2);
    assert_int_equal(m->exclusions[0].value_count, 3);
    assert_int_equal(m->exclusions[0].values[0].match, RULE_EQUALS);
    assert_int_equal(m->exclusions[0].values[1].match, RULE_PREFIX);
    assert_int_equal(m->exclusions[0].values[2].match, RULE_RANGE);
    config_free(config);
}

static void test_short_forms(void **state)
{
    struct config *config = parse(TOPIC);
    const struct mapping *m = &config->topics[0].mapping;

    (void)state;
    assert_int_equal(m->service_part_count, 1);
    assert_string_equal(m->service[0].paths[0].data, "s");
    assert_int_equal(m->time_unit_ns, 0);
    assert_true(m->outcome_rules.use_defaults);
    assert_int_equal(m->check_symbols.count, 0);
    assert_int_equal(m->latency.path_count, 0);
    assert_int_equal(config->topics[0].start, START_EARLIEST);
    config_free(config);
}

static void test_checks_mapping(void **state)
{
    struct config *config =
        parse(CHECKS "  map:\n    service: s\n    time: t\n    instance: i\n    checker: c\n"
                     "    outcome: {path: st, pass: [up, 1], fail: down}\n"
                     "    interval: {path: iv, unit: s, default: 0s}\n");
    const struct mapping *m = &config->topics[0].mapping;

    (void)state;
    assert_int_equal(m->kind, EVENT_CHECK);
    assert_int_equal(m->check_symbols.count, 3);
    assert_string_equal(m->check_symbols.values[1].text.data, "1");
    assert_int_equal(m->check_symbols.values[1].match, RULE_EQUALS);
    assert_int_equal(m->check_symbols.outcomes[1], OUTCOME_PASS);
    assert_int_equal(m->check_symbols.outcomes[2], OUTCOME_FAIL);
    assert_int_equal(m->interval_unit_ns, NS_PER_SECOND);
    assert_int_equal(m->interval_default_ns, 0);
    config_free(config);
    /* Without lists the five names stand for themselves; without interval results hold two minutes. */
    config = parse(CHECKS "  map: {service: s, time: t, outcome: st}\n");
    m = &config->topics[0].mapping;
    assert_int_equal(m->check_symbols.count, 5);
    assert_string_equal(m->check_symbols.values[4].text.data, "removed");
    assert_int_equal(m->check_symbols.outcomes[4], OUTCOME_REMOVED);
    assert_int_equal(m->interval_default_ns, NS_PER_MINUTE);
    config_free(config);
}

static const struct {
    const char *text;
    const char *expected;
} refusals[] = {
    {"stor: {}\n", "f:1:1: unknown key \"stor\" (did you mean \"store\"?)"},
    {"store: {}\n", "f:1:8: store: one of \"sqlite\" and \"postgresql\" is wanted"},
    {"store: {sqlite: a, postgresql: {host: /s, database: d}}\n",
     "f:1:8: store: one of \"sqlite\" and \"postgresql\" is wanted"},
    {"store: {postgresql: {host: 10.0.0.7, database: d, tls: off}}\n",
     "f:1:56: tls: off is for sockets and this machine; over a network verify-ca or verify-full "
     "is wanted"},
    {"store: {postgresql: {host: /run/s, database: d, tls: verify-ca}}\n",
     "f:1:54: tls: a socket has none"},
    {"store: {postgresql: {host: db, database: d, key_file: k}}\n",
     "f:1:21: postgresql: \"cert_file\" and \"key_file\" belong together"},
    {"- 1\n", "f:1:1: configuration: a table is wanted, not a list"},
    {"cluster: {name: x}\n", "f:1:10: cluster: required key \"bootstrap_servers\" is missing"},
    {"cluster:\n  bootstrap_servers: k\n  properties: {sasl.password: canary-41}\n",
     "f:3:31: sasl.password is a secret: write ${file:PATH} or ${env:NAME} instead of its text"},
    {"cluster:\n  bootstrap_servers: k\n  properties: [1]\n",
     "f:3:15: properties: a table is wanted, not a list"},
    {"cluster:\n  bootstrap_servers: k\n  properties: {client.id: [1]}\n",
     "f:3:27: text is wanted here, not a list"},
    {"registry: {url: \"https://u:canary@h/\"}\n",
     "f:1:17: url: http://HOST[:PORT][/PATH] or https://... is wanted, without user and query"},
    {"registry: {url: \"ftp://h\"}\n",
     "f:1:17: url: http://HOST[:PORT][/PATH] or https://... is wanted, without user and query"},
    {"registry: {url: \"https://h\", username: u}\n",
     "f:1:11: registry: \"username\" and \"password\" belong together"},
    {"registry: {url: \"https://h\", username: u, password: \"${env:UPTALLY_TEST_SECRET}\", "
     "token: \"${env:UPTALLY_TEST_SECRET}\"}\n",
     "f:1:90: registry: either \"username\" or \"token\""},
    {"registry: {url: \"https://h\", username: u, password: canary}\n",
     "f:1:53: password is a secret: write ${file:PATH} or ${env:NAME} instead of its text"},
    {"batch: {records: 0}\n", "f:1:18: records: 0 is not between 1 and 100000000"},
    {"topics:\n- name: t\n  kind: requests\n  map: {service: s, time: at, outcome: o}\n",
     "f:2:3: topic: framing confluent needs section \"registry\""},
    {TOPIC "- name: t\n  kind: requests\n  map: {service: s, time: at, outcome: o}\n",
     "f:6:9: topic \"t\" occurs twice"},
    {TOPIC "- name: a/b\n  kind: requests\n  map: {service: s, time: at, outcome: o}\n",
     "f:6:9: \"a/b\" is no name of a topic: letters, digits, . _ - are allowed"},
    {TOPIC "  duplicates: {horizon: 2d}\n",
     "f:6:3: duplicates: map.event_id is missing, so there is nothing to compare"},
    {TOPIC "- name: u\n  kind: requests\n  duplicates: {group: g}\n"
           "  map: {service: s, time: at, outcome: o, event_id: i}\n"
           "- name: v\n  kind: requests\n  duplicates: {group: g, horizon: 2d}\n"
           "  map: {service: s, time: at, outcome: o, event_id: i}\n",
     "f:12:15: duplicates: topic \"u\" of the same group \"g\" has another horizon or count"},
    {TOPIC "  dead_letter_topic: t\n", "f:6:22: dead_letter_topic: topic \"t\" is read itself"},
    {TOPIC "  dead_letter_topic: u\n- name: u\n  kind: requests\n"
           "  map: {service: s, time: at, outcome: o}\n",
     "f:6:22: dead_letter_topic: topic \"u\" is read itself"},
    {TOPIC "  dead_letter_topic: a/b\n",
     "f:6:22: \"a/b\" is no name of a topic: letters, digits, . _ - are allowed"},
    {TOPIC "  dead_letter_redact: user.mail\n",
     "f:6:23: dead_letter_redact: a list of 1 to 32 paths is wanted"},
    {TOPIC "  dead_letter_redact: [user..mail]\n", "f:6:24: path \"user..mail\" has an empty part"},
    {TOPIC "dead_letters: {keep: 1m}\n", "f:6:22: keep: 1m is shorter than 3600000ms"},
    {TOPIC "  framing: json\n", "f:6:12: framing \"json\" is not supported by this version"},
    {TOPIC "  start: yesterday\n",
     "f:6:10: start: earliest, latest or a time such as 2026-10-01T00:00:00Z is wanted"},
    {TOPIC "  services: declared\n", "f:6:13: services: declared needs section \"services\""},
    {TOPIC "  reader_schema: none.avsc\n", "f:6:18: none.avsc: No such file or directory"},
    {TOPIC "  framing: avro\n", "f:3:3: topic: framing avro needs \"schema_file\""},
    {TOPIC "  framing: single_object\n",
     "f:3:3: topic: framing single_object needs \"schema_folder\" or \"schema_subjects\""},
    {TOPIC "  schema_file: a.avsc\n", "f:6:3: \"schema_file\" is only for framing avro"},
    {TOPIC "  framing: header\n  schema_folder: a\n",
     "f:7:3: \"schema_folder\" is only for framing single_object"},
    {TOPIC "  framing: avro\n  schema_file: a\n  schema_subjects: [s]\n",
     "f:8:3: \"schema_subjects\" is only for framing single_object"},
    {TOPIC "  framing: avro\n  schema_file: none.avsc\n",
     "f:7:16: none.avsc: No such file or directory"},
    {TOPIC "  framing: single_object\n  schema_folder: none\n",
     "f:7:18: none: No such file or directory"},
    {TOPIC "  framing: single_object\n  schema_folder: /proc/self/fd\n",
     "f:7:18: /proc/self/fd: there is no *.avsc file in this folder"},
    {"topics:\n- name: t\n  kind: requests\n  map: {service: s, time: at, outcome: o}\n"
     "  framing: single_object\n  schema_subjects: [a]\n",
     "f:6:20: schema_subjects: section \"registry\" is missing"},
    {"topics:\n- name: t\n  kind: requests\n  map: {service: s, time: at, outcome: o}\n"
     "  framing: header\n",
     "f:2:3: topic: framing header needs section \"registry\""},
    {TOPIC "  exclude: [{name: x, path: p}]\n",
     "f:6:13: exclude: one of \"equals\", \"prefix\" and \"range\" is wanted"},
    {TOPIC "  exclude: [{name: outcome, path: p, equals: a}]\n",
     "f:6:20: the name \"outcome\" is taken by map.outcome.exclude"},
    {TOPIC "  exclude:\n  - {name: x, path: p, equals: a}\n  - {name: x, path: p, equals: b}\n",
     "f:8:12: exclusion \"x\" occurs twice"},
    {TOPIC "  exclude: [{name: x, path: p, range: 4xx}]\n",
     "f:6:39: \"4xx\" is not a range such as 400-499"},
    {TOPIC "  exclude: [{name: x, path: p, range: 499-400}]\n", "f:6:39: range 499-400 is empty"},
    {CHECKS "  map: {time: t, outcome: o}\n", "f:5:8: map: required key \"service\" is missing"},
    {CHECKS "  map: {service: s, outcome: o}\n", "f:5:8: map: required key \"time\" is missing"},
    {CHECKS "  map: {service: s, time: t}\n", "f:5:8: map: required key \"outcome\" is missing"},
    {CHECKS "  map: {service: s, time: t, outcome: o, latency: l}\n",
     "f:5:42: \"latency\" is only for topics of kind requests"},
    {CHECKS "  map: {service: s, time: t, outcome: {path: o, error: [1]}}\n",
     "f:5:49: \"error\" is only for topics of kind requests"},
    {CHECKS "  map: {service: s, time: t, outcome: {path: o, pass: [a], fail: [a]}}\n",
     "f:5:66: symbol \"a\" is listed twice"},
    {CHECKS "  map: {service: {default: x}, time: t, outcome: o}\n",
     "f:5:18: service: one of \"path\" and \"join\" is wanted"},
    {CHECKS "  map: {service: {path: a, join: [b]}, time: t, outcome: o}\n",
     "f:5:18: service: one of \"path\" and \"join\" is wanted"},
    {CHECKS "  map: {service: {join: [a, b, c, d, e]}, time: t, outcome: o}\n",
     "f:5:25: join: more than 4 parts"},
    {CHECKS "  map: {service: [a, b, c, d, e, f, g, h, i], time: t, outcome: o}\n",
     "f:5:43: more than 8 alternative paths"},
    {CHECKS "  map: {service: a..b, time: t, outcome: o}\n",
     "f:5:18: path \"a..b\" has an empty part"},
    {CHECKS "  map: {service: a, time: {path: t, unit: m}, outcome: o}\n",
     "f:5:43: unit: \"m\" is not one of ns, us, ms, s (did you mean \"ms\"?)"},
    {CHECKS "  map: {service: a, time: {unit: ms}, outcome: o}\n",
     "f:5:27: time: required key \"path\" is missing"},
    {"registry: {url: http://r}\ntopics:\n- name: t\n  kind: requests\n"
     "  map: {service: s, time: at, outcome: o, checker: c}\n",
     "f:5:43: \"checker\" is only for topics of kind checks"},
    {"services: [{name: a}, {name: a}]\n", "f:1:30: service \"a\" occurs twice"},
    {"service_defaults: {name: a}\n", "f:1:20: unknown key \"name\""},
    {"service_defaults: {major_errors: 0.04}\n",
     "f:1:19: partial_errors must not be above major_errors"},
    {"services: [{name: a, partial_errors: 0.6}]\n",
     "f:1:38: partial_errors must not be above major_errors"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(refusals); i++) {
        struct config *config;
        struct err err = ERR_INIT;
        enum err_code code = config_parse(str_from(refusals[i].text), "f", &config, &err);

        assert_refused(code, &err, refusals[i].text, refusals[i].expected);
    }
}

#define DECLARED                                                                                   \
    TOPIC "  services: declared\nservices: [{name: portal}]\ncontracts:\n- id: a\n"                \
          "  time_zone: UTC\n  availability: {target: 99, method: request_ratio, unknown: "        \
          "{no_traffic: up, probe_down: up, pipeline_gap: up, not_provisioned: up}}\n"

static void test_contracts_name_declared_services(void **state)
{
    struct config *config = NULL;
    struct err err = ERR_INIT;

    (void)state;
    config_free(parse(DECLARED "  services: [portal]\n"));
    assert_int_equal(config_parse(STR(DECLARED "  services: [protal]\n"), "f", &config, &err),
                     ERR_CONFIG);
    assert_string_equal(err.text,
                        "f:12:14: service \"protal\" is not declared (did you mean \"portal\"?)");
}

/* The digest of a topic changes with what decides about its records, and with nothing else. */
static void test_topic_digest(void **state)
{
    static const struct {
        const char *text;
        bool same;
    } cases[] = {
        {TOPIC "output: elsewhere\nlateness: 1m\n", true},
        {TOPIC "  start: latest\n  gaps: true\n  service_limit: 5\n", true},
        {TOPIC "  dead_letter_topic: dead\n", true},
        {TOPIC "  dead_letter_redact: [user.mail]\ndead_letters: {keep: 90d}\n", true},
        {TOPIC "service_defaults: {min_requests: 3}\n", true},
        {"topics:\n- kind: requests\n  name: t\n  map: {outcome: {path: o}, time: {path: [at]}, "
         "service: {join: [s]}}\nregistry: {url: http://other}\n",
         true},
        {TOPIC "  max_age: 10d\n", false},
        {TOPIC "  services: discover\nservice_defaults: {latency_threshold: 1s}\n", false},
        {TOPIC "services: [{name: a, latency_threshold: 1s}]\n", false},
        {TOPIC "  exclude: [{name: x, path: p, equals: a}]\n", false},
        {"registry: {url: http://r}\ntopics:\n- name: t\n  kind: requests\n"
         "  map: {service: s, time: at, outcome: [o, p]}\n",
         false},
    };
    struct config *base = parse(TOPIC);

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct config *config = parse(cases[i].text);

        if ((strcmp(base->topics[0].digest, config->topics[0].digest) == 0) != cases[i].same) {
            fail_msg("case %zu: %s", i, cases[i].text);
        }
        config_free(config);
    }
    config_free(base);
}

static void test_tables_are_sound(void **state)
{
    (void)state;
    conf_table_check(&config_table);
}

static void test_json_schema_is_the_committed_one(void **state)
{
    const struct embedded_file *file = embedded_find("uptally.schema.json");
    struct strbuf text;

    (void)state;
    assert_non_null(file);
    strbuf_init(&text, CONFIG_SHOW_SIZE_MAX);
    config_json_schema(&text);
    /* If this fails: uptally check --json-schema > schemas/uptally.schema.json */
    assert_true(str_equal(strbuf_view(&text), str_of(file->data, file->size)));
    strbuf_release(&text);
}

static void read_file(const char *path, struct strbuf *text)
{
    struct err err = ERR_INIT;

    strbuf_init(text, CONFIG_SHOW_SIZE_MAX);
    if (config_read_text(path, text, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
}

static void test_reference_is_the_committed_one(void **state)
{
    struct strbuf text, page;

    (void)state;
    strbuf_init(&text, CONFIG_SHOW_SIZE_MAX);
    config_reference(&text);
    read_file(TESTS_DIR "/../docs/configuration.md", &page);
    /* If this fails: uptally check --reference, into docs/configuration.md */
    assert_non_null(strstr(strbuf_text(&page), strbuf_text(&text)));
    strbuf_release(&text);
    strbuf_release(&page);
}

/* Text with every occurrence of `from` replaced. */
static void replace(struct strbuf *text, const char *from, const char *to)
{
    struct strbuf result;
    const char *rest = strbuf_text(text);
    const char *at;

    strbuf_init(&result, text->size_max);
    while ((at = strstr(rest, from)) != NULL) {
        strbuf_append(&result, str_of(rest, (size_t)(at - rest)));
        strbuf_append_text(&result, to);
        rest = at + strlen(from);
    }
    strbuf_append_text(&result, rest);
    strbuf_release(text);
    *text = result;
}

/* docs/uptally.example.yaml is what people copy from. */
static void test_example_is_valid(void **state)
{
    struct strbuf text;
    struct config *config;

    (void)state;
    assert_int_equal(setenv("REGISTRY_PASSWORD", "canary-52", 1), 0);
    read_file(TESTS_DIR "/../docs/uptally.example.yaml", &text);
    replace(&text, "${file:/run/secrets/kafka}", "${env:REGISTRY_PASSWORD}");
    replace(&text, "reader_schema: reader.avsc", "gaps_: x");
    replace(&text, "    gaps_: x", "   ");
    config = parse(strbuf_text(&text));
    assert_int_equal(config->topic_count, 2);
    assert_int_equal(config->contract_count, 2);
    config_free(config);
    strbuf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables_are_sound),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_store_and_cluster),
        cmocka_unit_test(test_store_on_a_server),
        cmocka_unit_test(test_services_inherit_the_defaults),
        cmocka_unit_test(test_short_forms),
        cmocka_unit_test(test_requests_mapping),
        cmocka_unit_test(test_checks_mapping),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_contracts_name_declared_services),
        cmocka_unit_test(test_topic_digest),
        cmocka_unit_test(test_json_schema_is_the_committed_one),
        cmocka_unit_test(test_reference_is_the_committed_one),
        cmocka_unit_test(test_example_is_valid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
