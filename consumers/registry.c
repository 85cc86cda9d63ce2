#include "consumers/registry.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/memory.h"
#include "consumers/registry_fetch.h"

static const char *copy_text(struct arena *arena, const char *text)
{
    return text != NULL ? arena_text(arena, STR(text)) : NULL;
}

enum err_code registry_open(const struct registry_options *options, struct registry **ret_registry,
                            struct err *err)
{
    struct registry *registry = memory_calloc(1, sizeof(*registry));
    struct arena *arena = &registry->arena;

    registry->options = *options;
    registry->options.url = copy_text(arena, options->url);
    registry->options.username = copy_text(arena, options->username);
    registry->options.password = copy_text(arena, options->password);
    registry->options.bearer = copy_text(arena, options->bearer);
    registry->options.ca_file = copy_text(arena, options->ca_file);
    registry->options.cache_path = copy_text(arena, options->cache_path);
    if (options->cache_path != NULL && mkdir(options->cache_path, 0777) != 0 && errno != EEXIST) {
        (void)err_set_errno(err, ERR_CONFIG, "schema cache %s", options->cache_path);
        registry_free(registry);
        return err->code;
    }
    *ret_registry = registry;
    return ERR_OK;
}

void registry_free(struct registry *registry)
{
    if (registry == NULL) {
        return;
    }
    schema_table_release(&registry->table);
    registry_subjects_free(registry);
    arena_release(&registry->arena);
    memory_free(registry);
}

static void make_path(const struct schema_key *key, char ret_path[REGISTRY_PATH_SIZE])
{
    char guid[SCHEMA_KEY_TEXT_SIZE];

    if (key->kind == SCHEMA_KEY_ID) {
        (void)snprintf(ret_path, REGISTRY_PATH_SIZE, "/schemas/ids/%" PRIu64, key->low);
        return;
    }
    CHECK(key->kind == SCHEMA_KEY_GUID);
    schema_key_guid(key, guid);
    (void)snprintf(ret_path, REGISTRY_PATH_SIZE, "/schemas/guids/%s", guid);
}

static enum err_code load(struct registry *registry, const char *name, struct schema_entry *entry,
                          struct err *err)
{
    const struct registry_options *options = &registry->options;
    struct arena scratch = ARENA_INIT;
    struct registry_texts texts = {.count = 0};
    char path[REGISTRY_PATH_SIZE];
    enum err_code code = ERR_OK;

    if (registry_cache_read(options, name, &scratch, &texts)) {
        schema_entry_parse(entry, texts.texts, texts.count);
        goto out;
    }
    make_path(&entry->key, path);
    code = registry_fetch(options, path, &scratch, &texts, entry, err);
    if (code != ERR_OK) {
        err_context(err, "%s", name);
        goto out;
    }
    if (entry->verdict == VERDICT_TALLIED) {
        /* What cannot be parsed is a verdict for ever, for a key never changes its schema. */
        schema_entry_parse(entry, texts.texts, texts.count);
        if (entry->verdict == VERDICT_TALLIED) {
            registry_cache_write(options, name, &texts);
        }
    }
    if (entry->verdict == VERDICT_UNKNOWN_SCHEMA) {
        entry->until_ns =
            clock_monotonic_ns(options->clock) + SCHEMA_UNKNOWN_REMEMBERED_S * NS_PER_SECOND;
    }
out:
    arena_release(&scratch);
    return code;
}

enum err_code registry_schema(struct registry *registry, const struct schema_key *key,
                              const struct schema **ret_schema, enum verdict *ret_verdict,
                              char *detail, size_t detail_size, struct err *err)
{
    struct schema_entry *entry =
        schema_table_find(&registry->table, key, clock_monotonic_ns(registry->options.clock));
    struct schema_entry fresh = {.key = *key};
    char name[SCHEMA_KEY_TEXT_SIZE];

    schema_key_text(key, name);
    if (entry == NULL) {
        if (load(registry, name, &fresh, err) != ERR_OK) {
            schema_entry_release(&fresh);
            return err->code;
        }
        if (schema_table_put(&registry->table, &fresh, &entry, err) != ERR_OK) {
            return err->code;
        }
    }
    *ret_verdict = entry->verdict;
    *ret_schema = NULL;
    if (entry->verdict == VERDICT_TALLIED) {
        *ret_schema = schema_entry_schema(entry);
        return ERR_OK;
    }
    (void)snprintf(detail, detail_size, "%s: %s", name, entry->detail);
    return ERR_OK;
}

const struct str *registry_texts(const struct registry *registry, const struct str *subjects,
                                 size_t subject_count, const struct schema_key *key,
                                 size_t *ret_count)
{
    const struct schema_entry *entry =
        key->kind == SCHEMA_KEY_FINGERPRINT
            ? registry_subject_entry(registry, subjects, subject_count, key)
            : schema_table_find(&registry->table, key, INT64_MIN);

    *ret_count = entry != NULL && entry->verdict == VERDICT_TALLIED ? entry->schema_count : 0;
    return *ret_count > 0 ? entry->texts : NULL;
}

enum err_code registry_ping(struct registry *registry, struct err *err)
{
    struct strbuf body;
    int status;
    enum err_code code;

    strbuf_init(&body, REGISTRY_BODY_MAX);
    code = registry_get(&registry->options, "/schemas/types", 0, false, &status, &body, err);
    if (code == ERR_OK && status != 200) {
        code = err_set(err, ERR_BROKER,
                       "schema registry %s: HTTP %d: there is no registry at this address",
                       registry->options.url, status);
    }
    strbuf_release(&body);
    return code;
}
