#include "jobs/config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "jobs/config/tables.h"

enum { TERMS_SIZE_MAX = 4 * 1024 * 1024 };
#define CONFIG_MAGIC UINT32_C(0x636f6e66)

/* What config_free needs beside the configuration itself. */
struct config_owned {
    struct config config; /* first: config_free casts back */
    uint32_t magic;
    struct conf_reader reader; /* owns the zones */
};

/* The canonical terms of every contract and their digests. */
static void finish_contracts(struct config *config)
{
    for (size_t i = 0; i < config->contract_count; i++) {
        struct contract *contract = &config->contracts[i];
        struct strbuf text;
        struct json_writer json;

        strbuf_init(&text, TERMS_SIZE_MAX);
        json_init(&json, &text, false);
        contract_write_terms(&json, NULL, contract);
        json_finish(&json);
        CHECK(!text.overflow);
        contract->terms = arena_str(&config->arena, strbuf_view(&text));
        hash_sha256_hex(contract->terms, contract->digest);
        strbuf_release(&text);
    }
}

static struct str folder_of(struct str path)
{
    while (path.size > 0 && path.data[path.size - 1] != '/') {
        path.size--;
    }
    while (path.size > 1 && path.data[path.size - 1] == '/') {
        path.size--;
    }
    return path;
}

enum part { PART_ALL, PART_CONTRACTS, PART_OTHERS };

/* Of the document only what is of that part. What is no table is an error for the reader. */
static const struct conf_node *part_of(struct arena *arena, const struct conf_node *root,
                                       enum part part)
{
    struct conf_node *map = arena_calloc(arena, 1, sizeof(*map));
    const struct conf_node **end = &map->first;

    if (part == PART_ALL || root->kind != CONF_MAP) {
        return root;
    }
    *map = *root;
    map->count = 0;
    for (const struct conf_node *child = root->first; child != NULL; child = child->next) {
        if (str_equal(child->key, STR("contracts")) == (part == PART_CONTRACTS)) {
            struct conf_node *copy = arena_calloc(arena, 1, sizeof(*copy));

            *copy = *child;
            *end = copy;
            end = &copy->next;
            map->count++;
        }
    }
    *end = NULL;
    return map;
}

static enum err_code parse(struct str text, const char *name, enum part part,
                           struct config **ret_config, struct err *err)
{
    struct config_owned *owned = memory_calloc(1, sizeof(*owned));
    struct config *config = &owned->config;
    const struct conf_node *root;
    enum err_code code;

    owned->magic = CONFIG_MAGIC;
    config->path = arena_str(&config->arena, str_from(name));
    owned->reader = (struct conf_reader){.arena = &config->arena,
                                         .name = config->path.data,
                                         .folder = folder_of(config->path),
                                         .root = config};
    code = conf_parse_without(&config->arena, text, config->path.data,
                              part == PART_OTHERS ? "contracts" : NULL, &root, err);
    if (code == ERR_OK) {
        root = part_of(&config->arena, root, part);
        code = conf_table_read(&owned->reader, &config_table, root, config, err);
    }
    if (code == ERR_OK) {
        code = config_find_wanted(config, err);
    }
    if (code != ERR_OK) {
        config_free(config);
        return code;
    }
    finish_contracts(config);
    *ret_config = config;
    return ERR_OK;
}

enum err_code config_parse(struct str text, const char *name, struct config **ret_config,
                           struct err *err)
{
    return parse(text, name, PART_ALL, ret_config, err);
}

/* The content of the file; bounded, and never of a pipe that nobody writes to. */
enum err_code config_read_text(const char *path, struct strbuf *content, struct err *err)
{
    char buffer[16384];
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t size;
    enum err_code code = ERR_OK;

    if (fd < 0) {
        return err_set_errno(err, ERR_CONFIG, "%s", path);
    }
    if (fstat(fd, &status) != 0 || S_ISDIR(status.st_mode)) {
        code = err_set(err, ERR_CONFIG, "%s: not a file", path);
    } else {
        /* Growing by doubling would copy all of it, and touch twice the memory. */
        (void)strbuf_reserve(content, (size_t)status.st_size);
    }
    while (code == ERR_OK && !content->overflow && (size = read(fd, buffer, sizeof(buffer))) != 0) {
        if (size < 0 && errno != EINTR) {
            code = err_set_errno(err, ERR_CONFIG, "%s", path);
        } else if (size > 0) {
            strbuf_append(content, str_of(buffer, (size_t)size));
        }
    }
    if (code == ERR_OK && content->overflow) {
        code = err_set(err, ERR_CONFIG, "%s: larger than %d bytes", path, CONF_SIZE_MAX);
    }
    (void)close(fd);
    return code;
}

static enum err_code read_part(const char *path, enum part part, struct config **ret_config,
                               struct err *err)
{
    struct strbuf content;
    enum err_code code;

    strbuf_init(&content, CONF_SIZE_MAX);
    code = config_read_text(path, &content, err);
    if (code == ERR_OK) {
        code = parse(strbuf_view(&content), path, part, ret_config, err);
    }
    strbuf_release(&content);
    return code;
}

enum err_code config_read(const char *path, struct config **ret_config, struct err *err)
{
    return read_part(path, PART_ALL, ret_config, err);
}

enum err_code config_read_contracts(const char *path, struct config **ret_config, struct err *err)
{
    return read_part(path, PART_CONTRACTS, ret_config, err);
}

enum err_code config_read_others(const char *path, struct config **ret_config, struct err *err)
{
    return read_part(path, PART_OTHERS, ret_config, err);
}

void config_free(struct config *config)
{
    struct config_owned *owned = (struct config_owned *)(void *)config;

    if (config == NULL) {
        return;
    }
    CHECK(owned->magic == CONFIG_MAGIC);
    conf_reader_release(&owned->reader);
    arena_release(&config->arena);
    owned->magic = 0;
    memory_free(owned);
}

const struct service_config *config_service(const struct config *config, struct str name)
{
    for (size_t i = 0; i < config->service_count; i++) {
        if (str_equal(config->services[i].name, name)) {
            return &config->services[i];
        }
    }
    return &config->service_default;
}

const struct grading_rules *config_rules(void *context, struct str name)
{
    const struct config *config = context;

    return &config_service(config, name)->rules;
}

const struct contract *config_contract(const struct config *config, struct str id)
{
    for (size_t i = 0; i < config->contract_count; i++) {
        if (str_equal(config->contracts[i].id, id)) {
            return &config->contracts[i];
        }
    }
    return NULL;
}

const struct slo *config_slo(const struct config *config, struct str id)
{
    for (size_t i = 0; i < config->slo_count; i++) {
        if (str_equal(config->slos[i].id, id)) {
            return &config->slos[i];
        }
    }
    return NULL;
}
