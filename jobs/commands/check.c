/*
 * uptally check: is the configuration sound, and does everything it names answer? All systems are tried, even if one fails; the exit
 * status is that of the first failure.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aggregator/store.h"
#include "base/check.h"
#include "consumers/plan.h"
#include "consumers/registry.h"
#include "consumers/source.h"
#include "jobs/command.h"
#include "jobs/commands/review.h"
#include "jobs/config/show.h"
#include "jobs/statement/render.h"
#include "jobs/stop.h"
#include "jobs/ui.h"

enum { DETAIL_SIZE = 4096, CLUSTER_ID_SIZE_MAX = 256 };

enum { OPTION_OFFLINE, OPTION_SHOW, OPTION_JSON_SCHEMA, OPTION_REFERENCE, OPTION_TIMEOUT };

static const struct option_row rows[] = {
    [OPTION_OFFLINE] = {.name = "offline",
                        .type = OPTION_FLAG,
                        .help = "validate the file only; reach nothing"},
    [OPTION_SHOW] = {.name = "show",
                     .type = OPTION_FLAG,
                     .help = "print the configuration with all defaults; secrets stay references"},
    [OPTION_JSON_SCHEMA] = {.name = "json-schema",
                            .type = OPTION_FLAG,
                            .help = "print the JSON schema of the file, for editors"},
    [OPTION_REFERENCE] = {.name = "reference",
                          .type = OPTION_FLAG,
                          .help = "print a table of all keys, as Markdown"},
    [OPTION_TIMEOUT] = {.name = "timeout",
                        .type = OPTION_DURATION,
                        .argument = "TIME",
                        .fallback = "10s",
                        .help = "how long to wait for the broker"},
    {.name = NULL},
};

/* One system: detail says what was found when all is well. */
struct reach {
    const char *name;
    bool (*named)(const struct config *config); /* by the configuration */
    enum err_code (*reach)(const struct run *run, const struct config *config,
                           struct strbuf *detail, struct err *err);
};

static bool names_store(const struct config *config)
{
    return config->store_path.size > 0 || config->has_store_server;
}

static bool always(const struct config *config)
{
    (void)config;
    return true;
}

/* By writing: for root, read-only and special file systems, access() promises what a write does not keep. */
static enum err_code folder_is_writable(const char *folder, enum err_code failure, struct err *err)
{
    char path[PATH_MAX];
    int size = snprintf(path, sizeof(path), "%s/.uptally-check-XXXXXX", folder);
    int fd;

    if (size < 0 || (size_t)size >= sizeof(path)) {
        return err_set(err, failure, "folder %s: the path is too long", folder);
    }
    fd = mkstemp(path);
    if (fd < 0) {
        return err_set_errno(err, failure, "folder %s", folder);
    }
    (void)unlink(path);
    (void)close(fd);
    return ERR_OK;
}

/* The folder that path stands in. */
static enum err_code parent_is_writable(struct str path, enum err_code failure, struct err *err)
{
    char folder[PATH_MAX] = ".";

    while (path.size > 0 && path.data[path.size - 1] == '/') {
        path.size--;
    }
    while (path.size > 0 && path.data[path.size - 1] != '/') {
        path.size--;
    }
    if (path.size > 0) {
        (void)snprintf(folder, sizeof(folder), "%.*s", STR_ARGS(path));
    }
    return folder_is_writable(folder, failure, err);
}

static enum err_code open_and_look(const struct config *config, struct strbuf *detail,
                                   struct err *err)
{
    struct db_options options = {.read_only = true, .stopped = stop_is_requested};
    struct db_server server;
    struct db *db = NULL;
    int64_t book_id, tables = 1;
    enum err_code code = config_store(config, &options, &server, err);

    if (code == ERR_OK) {
        code = db_open(&options, &db, err);
    }
    if (code == ERR_OK && config->has_store_server) {
        code = db_table_count(db, NULL, &tables, err);
    }
    if (code == ERR_OK && tables == 0) {
        strbuf_append_text(detail, ", will be filled");
        db_close(db);
        return ERR_OK;
    }
    if (code == ERR_OK) {
        code = store_check_version(db, err);
    }
    if (code == ERR_OK) {
        code = store_book(db, config->book.data, &book_id, err);
    }
    db_close(db);
    strbuf_append_format(detail, ", book %.*s", STR_ARGS(config->book));
    return code;
}

static enum err_code reach_store_file(const struct config *config, struct strbuf *detail,
                                      struct err *err)
{
    const char *path = config->store_path.data;
    enum err_code code;

    strbuf_append(detail, config->store_path);
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        strbuf_append_text(detail, ", will be created");
        return parent_is_writable(config->store_path, ERR_STORE, err);
    }
    code = open_and_look(config, detail, err);
    if (code == ERR_OK) {
        code = parent_is_writable(config->store_path, ERR_STORE, err);
    }
    if (code == ERR_OK && access(path, W_OK) != 0) {
        code = err_set_errno(err, ERR_STORE, "%s", path);
    }
    return code;
}

static enum err_code reach_store(const struct run *run, const struct config *config,
                                 struct strbuf *detail, struct err *err)
{
    const struct store_server *server = &config->store_server;

    (void)run;
    if (!config->has_store_server) {
        return reach_store_file(config, detail, err);
    }
    strbuf_append_format(detail, "%.*s, database %.*s", STR_ARGS(server->host),
                         STR_ARGS(server->database));
    return open_and_look(config, detail, err);
}

/* That files can be made in it, or that it can be made. */
static enum err_code reach_folder(struct str folder, struct strbuf *detail, struct err *err)
{
    struct stat status;
    const char *path = folder.data; /* texts of the configuration end with a NUL */

    strbuf_append(detail, folder);
    if (stat(path, &status) != 0 && errno == ENOENT) {
        strbuf_append_text(detail, ", will be created");
        return parent_is_writable(folder, ERR_DELIVERY, err);
    }
    if (stat(path, &status) != 0) {
        return err_set_errno(err, ERR_DELIVERY, "%s", path);
    }
    if (!S_ISDIR(status.st_mode)) {
        return err_set(err, ERR_DELIVERY, "%s: not a folder", path);
    }
    return folder_is_writable(path, ERR_DELIVERY, err);
}

static enum err_code reach_output(const struct run *run, const struct config *config,
                                  struct strbuf *detail, struct err *err)
{
    (void)run;
    return reach_folder(config->output_path, detail, err);
}

static bool names_archive(const struct config *config)
{
    return config->has_archive;
}

static enum err_code reach_archive(const struct run *run, const struct config *config,
                                   struct strbuf *detail, struct err *err)
{
    (void)run;
    return reach_folder(config->archive.folder, detail, err);
}

static bool names_broker(const struct config *config)
{
    return config->has_cluster;
}

static enum err_code count_partitions(struct source *source, const struct config *config,
                                      struct strbuf *detail, struct err *err)
{
    for (size_t i = 0; i < config->topic_count; i++) {
        int32_t count;
        enum err_code code = source->partition_count(source, (uint32_t)i, &count, err);

        if (code != ERR_OK) {
            return code;
        }
        strbuf_append_format(detail, ", %" PRId32 " %s of %.*s", count,
                             count == 1 ? "partition" : "partitions",
                             STR_ARGS(config->topics[i].name));
    }
    return ERR_OK;
}

static enum err_code reach_broker(const struct run *run, const struct config *config,
                                  struct strbuf *detail, struct err *err)
{
    struct arena scratch = ARENA_INIT;
    const char **topics = arena_calloc(&scratch, config->topic_count, sizeof(*topics));
    struct source_options options = {.bootstrap_servers = config->bootstrap_servers.data,
                                     .topics = topics,
                                     .topic_count = config->topic_count,
                                     .client_id = "uptally-check",
                                     .properties = config->properties,
                                     .property_count = config->property_count,
                                     .request_timeout_ns = run->options[OPTION_TIMEOUT].number,
                                     .clock = run->clock};
    struct source *source = NULL;
    struct strbuf id;
    enum err_code code;

    for (size_t i = 0; i < config->topic_count; i++) {
        topics[i] = config->topics[i].name.data;
    }
    strbuf_init(&id, CLUSTER_ID_SIZE_MAX);
    strbuf_append(detail, config->bootstrap_servers);
    code = source_kafka_open(&options, &source, err);
    if (code == ERR_OK) {
        code = source->cluster_id(source, &id, err);
    }
    if (code == ERR_OK) {
        code = count_partitions(source, config, detail, err);
    }
    if (source != NULL) {
        source->close(source);
    }
    strbuf_release(&id);
    arena_release(&scratch);
    return code;
}

static bool names_registry(const struct config *config)
{
    return config->has_registry;
}

static const char *text_or_null(struct str text)
{
    return text.size > 0 ? text.data : NULL;
}

/* Each subject that some topic searches. */
static enum err_code count_versions(struct registry *registry, const struct config *config,
                                    struct strbuf *detail, struct err *err)
{
    for (size_t i = 0; i < config->topic_count; i++) {
        const struct topic_config *topic = &config->topics[i];

        for (size_t k = 0; k < topic->schema_subject_count; k++) {
            size_t count;

            if (registry_count_versions(registry, topic->schema_subjects[k].data, &count, err) !=
                ERR_OK) {
                return err_context(err, "topic %.*s", STR_ARGS(topic->name));
            }
            strbuf_append_format(detail, ", %zu %s of %.*s", count,
                                 count == 1 ? "version" : "versions",
                                 STR_ARGS(topic->schema_subjects[k]));
        }
    }
    return ERR_OK;
}

static enum err_code reach_registry(const struct run *run, const struct config *config,
                                    struct strbuf *detail, struct err *err)
{
    struct registry_options options = {.url = config->registry_url.data,
                                       .username = text_or_null(config->registry_username),
                                       .password = text_or_null(config->registry_password),
                                       .bearer = text_or_null(config->registry_token),
                                       .ca_file = text_or_null(config->registry_ca_file),
                                       .cache_path =
                                           NULL, /* an answer from the cache would prove nothing */
                                       .retry_ns = config->registry_retry_ns,
                                       .http = run->http,
                                       .clock = run->clock};
    struct registry *registry = NULL;
    enum err_code code = registry_open(&options, &registry, err);

    strbuf_append(detail, config->registry_url);
    if (code == ERR_OK) {
        code = registry_ping(registry, err);
    }
    if (code == ERR_OK) {
        code = count_versions(registry, config, detail, err);
    }
    registry_free(registry);
    return code;
}

static bool names_schemas(const struct config *config)
{
    for (size_t i = 0; i < config->topic_count; i++) {
        if (config->topics[i].schema_count > 0) {
            return true;
        }
    }
    return false;
}

static enum err_code fit_schema(const struct topic_config *topic, const struct schema_text *text,
                                struct err *err)
{
    struct schema *writer = NULL, *reader = NULL;
    struct plan *plan = NULL;
    enum err_code code = schema_parse(text->text, NULL, 0, &writer, err);

    if (code == ERR_OK && topic->reader_schema.text.size > 0) {
        code = schema_parse(topic->reader_schema.text, NULL, 0, &reader, err);
    }
    if (code == ERR_OK) {
        code = plan_compile(writer, reader, &topic->mapping, &plan, err);
    }
    plan_free(plan);
    schema_free(reader);
    schema_free(writer);
    return code == ERR_OK ? ERR_OK : err_context(err, "%s", text->path.data);
}

/* That they parse is known since the configuration was read; here: does the mapping fit? A folder may hold schemas of other topics. */
static enum err_code reach_schemas(const struct run *run, const struct config *config,
                                   struct strbuf *detail, struct err *err)
{
    (void)run;
    for (size_t i = 0; i < config->topic_count; i++) {
        const struct topic_config *topic = &config->topics[i];
        size_t fitting = 0;

        for (size_t k = 0; k < topic->schema_count; k++) {
            fitting += fit_schema(topic, &topic->schemas[k], err) == ERR_OK;
        }
        if (topic->schema_count > 0 && fitting == 0) {
            return err_context(err, "topic %.*s", STR_ARGS(topic->name));
        }
        if (topic->schema_count > 0) {
            strbuf_append_format(detail, "%s%.*s: the mapping fits %zu of %zu",
                                 detail->size > 0 ? ", " : "", STR_ARGS(topic->name), fitting,
                                 topic->schema_count);
        }
    }
    *err = ERR_INIT;
    return ERR_OK;
}

static bool has_contracts(const struct config *config)
{
    return config->contract_count > 0;
}

static enum err_code reach_pdf(const struct run *run, const struct config *config,
                               struct strbuf *detail, struct err *err)
{
    (void)run;
    (void)config;
    return render_pdf_ready(detail, err);
}

static const struct reach systems[] = {
    {"store", names_store, reach_store},
    {"broker", names_broker, reach_broker},
    {"registry", names_registry, reach_registry},
    {"schemas", names_schemas, reach_schemas},
    {"output", always, reach_output},
    {"archive", names_archive, reach_archive},
    {"pdf", has_contracts, reach_pdf},
};

/* One line per system; *first keeps the first failure. */
static int reach_all(const struct run *run, const struct config *config, struct err *first)
{
    int failures = 0;

    for (size_t i = 0; i < ARRAY_COUNT(systems); i++) {
        struct strbuf detail;
        struct err err = ERR_INIT;
        bool good;

        if (!systems[i].named(config)) {
            continue;
        }
        strbuf_init(&detail, DETAIL_SIZE);
        good = systems[i].reach(run, config, &detail, &err) == ERR_OK;
        (void)fprintf(run->out, "%-4s %-9s %s\n", good ? "ok" : "FAIL", systems[i].name,
                      good ? strbuf_text(&detail) : err.text);
        if (!good && failures++ == 0) {
            *first = err;
        }
        strbuf_release(&detail);
    }
    return failures;
}

static enum err_code print_generated(struct run *run, void (*generate)(struct strbuf *out))
{
    struct strbuf text;

    strbuf_init(&text, CONFIG_SHOW_SIZE_MAX);
    generate(&text);
    CHECK(!text.overflow);
    (void)fwrite(text.data, 1, text.size, run->out);
    strbuf_release(&text);
    return ERR_OK;
}

static enum err_code print_effective(struct run *run, struct err *err)
{
    struct strbuf text;
    enum err_code code;

    strbuf_init(&text, CONFIG_SHOW_SIZE_MAX);
    code = config_show(run->config_path, &text, err);
    if (code == ERR_OK) {
        (void)fwrite(text.data, 1, text.size, run->out);
    }
    strbuf_release(&text);
    return code;
}

static enum err_code check_config(struct run *run, const struct config *config, struct err *err)
{
    struct err unreached = ERR_INIT;
    int failures = 0;

    if (run->options[OPTION_SHOW].set) {
        return print_effective(run, err);
    }
    (void)fprintf(run->out,
                  "ok   config    %.*s: topics %zu, services %zu, contracts %zu, objectives %zu\n",
                  STR_ARGS(config->path), config->topic_count, config->service_count,
                  config->contract_count, config->slo_count);
    review_contracts(config);
    if (!run->options[OPTION_OFFLINE].set) {
        failures = reach_all(run, config, &unreached);
    }
    if (failures > 0) {
        (void)err_set(err, unreached.code, "%d of the systems could not be used; the first: %s",
                      failures, unreached.text);
    }
    return err->code;
}

static enum err_code run_check(struct run *run, struct err *err)
{
    struct config *config;
    enum err_code code;

    if (run->options[OPTION_JSON_SCHEMA].set) {
        return print_generated(run, config_json_schema);
    }
    if (run->options[OPTION_REFERENCE].set) {
        return print_generated(run, config_reference);
    }
    if (run->config_path == NULL) {
        return err_set(err, ERR_USAGE, "no configuration: uptally check CONFIG");
    }
    code = config_read(run->config_path, &config, err);
    if (code == ERR_OK) {
        code = check_config(run, config, err);
        config_free(config);
    }
    return code;
}

const struct command command_check = {
    .name = "check",
    .group = "Set up",
    .summary = "validate the configuration and reach every system it names",
    .usage = "CONFIG [options]",
    .examples = "uptally check uptally.yaml\n"
                "uptally check uptally.yaml --offline\n"
                "uptally check --json-schema > uptally.schema.json",
    .help = "Prints one line per system: store, broker, registry, schema files, output folder. All "
            "are tried;\n"
            "the exit status is that of the first that failed.",
    .options = rows,
    .needs = NEEDS_CONFIG_PATH | NEEDS_HTTP,
    .run = run_check,
};
