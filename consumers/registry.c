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

enum { ENTRIES_MAX = 10000, DETAIL_SIZE = 160, UNKNOWN_REMEMBERED_S = 60 };

/* What is known of one id. */
struct entry {
    int32_t id;
    enum verdict verdict;
    int64_t until_ns;        /* UNKNOWN_SCHEMA: forgotten then (monotonic) */
    struct schema **schemas; /* owned; references first, the id's own last */
    size_t schema_count;
    char detail[DETAIL_SIZE];
};

struct registry {
    struct registry_options options; /* texts in arena */
    struct arena arena;
    struct entry *entries; /* owned, sorted by id */
    size_t entry_count;
};

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

static void release_entry(struct entry *entry)
{
    for (size_t i = entry->schema_count; i > 0; i--) { /* those that refer to others first */
        schema_free(entry->schemas[i - 1]);
    }
    memory_free(entry->schemas);
}

void registry_free(struct registry *registry)
{
    if (registry == NULL) {
        return;
    }
    for (size_t i = 0; i < registry->entry_count; i++) {
        release_entry(&registry->entries[i]);
    }
    memory_free(registry->entries);
    arena_release(&registry->arena);
    memory_free(registry);
}

/* Where id is, or where it belongs. */
static size_t find_place(const struct registry *registry, int32_t id)
{
    size_t low = 0, high = registry->entry_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (registry->entries[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct entry *find_entry(struct registry *registry, int32_t id)
{
    size_t place = find_place(registry, id);

    return place < registry->entry_count && registry->entries[place].id == id
               ? &registry->entries[place]
               : NULL;
}

/* Ids come from records: a flood of wrong ones must not fill the memory. */
static void forget_unknown(struct registry *registry)
{
    size_t kept = 0;

    for (size_t i = 0; i < registry->entry_count; i++) {
        if (registry->entries[i].verdict != VERDICT_UNKNOWN_SCHEMA) {
            registry->entries[kept++] = registry->entries[i];
        }
    }
    registry->entry_count = kept;
}

static enum err_code add_entry(struct registry *registry, int32_t id, struct entry **ret_entry,
                               struct err *err)
{
    size_t place;

    if (registry->entry_count >= ENTRIES_MAX) {
        forget_unknown(registry);
    }
    if (registry->entry_count >= ENTRIES_MAX) {
        return err_set(err, ERR_DATA, "records name more than %d schemas", (int)ENTRIES_MAX);
    }
    place = find_place(registry, id);
    registry->entries =
        memory_resize(registry->entries, registry->entry_count + 1, sizeof(*registry->entries));
    memmove(&registry->entries[place + 1], &registry->entries[place],
            (registry->entry_count - place) * sizeof(*registry->entries));
    registry->entry_count++;
    registry->entries[place] = (struct entry){.id = id};
    *ret_entry = &registry->entries[place];
    return ERR_OK;
}

/* Texts to schemas; what cannot be parsed is a verdict for ever, for an id never changes its schema. */
static void parse_texts(struct entry *entry, const struct registry_texts *texts)
{
    struct err cause = ERR_INIT;

    entry->schemas = memory_calloc(texts->count, sizeof(struct schema *));
    for (size_t i = 0; i < texts->count; i++) {
        if (schema_parse(texts->texts[i], (const struct schema *const *)entry->schemas, i,
                         &entry->schemas[i], &cause) != ERR_OK) {
            entry->verdict = VERDICT_BAD_SCHEMA;
            (void)snprintf(entry->detail, sizeof(entry->detail), "%.*s",
                           (int)sizeof(entry->detail) - 1, cause.text);
            return;
        }
        entry->schema_count = i + 1;
    }
    entry->verdict = VERDICT_TALLIED;
}

static enum err_code load(struct registry *registry, struct entry *entry, struct err *err)
{
    const struct registry_options *options = &registry->options;
    struct arena scratch = ARENA_INIT;
    struct registry_texts texts = {.count = 0};
    enum err_code code = ERR_OK;

    if (options->cache_path != NULL && registry_cache_read(options, entry->id, &scratch, &texts)) {
        parse_texts(entry, &texts);
        goto out;
    }
    code = registry_fetch(options, entry->id, &scratch, &texts, &entry->verdict, entry->detail,
                          sizeof(entry->detail), err);
    if (code != ERR_OK) {
        err_context(err, "schema id %" PRId32, entry->id);
        goto out;
    }
    if (entry->verdict == VERDICT_TALLIED) {
        parse_texts(entry, &texts);
        if (entry->verdict == VERDICT_TALLIED && options->cache_path != NULL) {
            registry_cache_write(options, entry->id, &texts);
        }
    }
    if (entry->verdict == VERDICT_UNKNOWN_SCHEMA) {
        entry->until_ns = clock_monotonic_ns(options->clock) + UNKNOWN_REMEMBERED_S * NS_PER_SECOND;
    }
out:
    arena_release(&scratch);
    return code;
}

static enum err_code know(struct registry *registry, int32_t id, struct entry **ret_entry,
                          struct err *err)
{
    struct entry *entry = find_entry(registry, id);
    struct entry fresh = {.id = id};

    if (entry != NULL && (entry->verdict != VERDICT_UNKNOWN_SCHEMA ||
                          clock_monotonic_ns(registry->options.clock) < entry->until_ns)) {
        *ret_entry = entry;
        return ERR_OK;
    }
    if (load(registry, &fresh, err) != ERR_OK) {
        release_entry(&fresh);
        return err->code;
    }
    if (entry == NULL && add_entry(registry, id, &entry, err) != ERR_OK) {
        release_entry(&fresh);
        return err->code;
    }
    *entry = fresh;
    *ret_entry = entry;
    return ERR_OK;
}

enum err_code registry_schema(struct registry *registry, int32_t id,
                              const struct schema **ret_schema, enum verdict *ret_verdict,
                              char *detail, size_t detail_size, struct err *err)
{
    struct entry *entry = NULL;

    if (know(registry, id, &entry, err) != ERR_OK) {
        return err->code;
    }
    *ret_verdict = entry->verdict;
    *ret_schema = NULL;
    if (entry->verdict == VERDICT_TALLIED) {
        *ret_schema = entry->schemas[entry->schema_count - 1];
        return ERR_OK;
    }
    (void)snprintf(detail, detail_size, "schema id %" PRId32 ": %s", id, entry->detail);
    return ERR_OK;
}

enum err_code registry_ping(struct registry *registry, struct err *err)
{
    struct strbuf body;
    int status;
    enum err_code code;

    strbuf_init(&body, REGISTRY_BODY_MAX);
    code = registry_get(&registry->options, "/schemas/types", 0, &status, &body, err);
    if (code == ERR_OK && status != 200) {
        code = err_set(err, ERR_BROKER,
                       "schema registry %s: HTTP %d: there is no registry at this address",
                       registry->options.url, status);
    }
    strbuf_release(&body);
    return code;
}
