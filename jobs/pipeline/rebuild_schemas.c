/* Schemas that stand beside the files of an archive: {"framing", "references": [...], "schema"}, named by the key that stands in the payloads. */
#include <jansson.h>
#include <stdio.h>

#include "base/memory.h"
#include "jobs/pipeline/rebuild_state.h"

enum { NAME_SIZE = 512, DOCUMENT_SIZE_MAX = 64 * 1024 * 1024, TEXTS_MAX = 1000 };

struct reading {
    struct objects *objects;
    struct str folder;
    struct schema_finder *finder;
};

/* "id-7.json" and so on; false: somebody else's file. */
static bool read_key(const char *name, struct schema_key *ret_key)
{
    unsigned long long low;
    unsigned int a, b, c, d;
    unsigned long long e;
    int end = 0;

    *ret_key = (struct schema_key){.kind = SCHEMA_KEY_ID};
    if (sscanf(name, "id-%llu.json%n", &low, &end) == 1 && end > 0 && name[end] == '\0') {
        ret_key->low = low;
        return true;
    }
    end = 0;
    if (sscanf(name, "fingerprint-%16llx.json%n", &low, &end) == 1 && end > 0 &&
        name[end] == '\0') {
        *ret_key = (struct schema_key){.kind = SCHEMA_KEY_FINGERPRINT, .low = low};
        return true;
    }
    end = 0;
    if (sscanf(name, "guid-%8x-%4x-%4x-%4x-%12llx.json%n", &a, &b, &c, &d, &e, &end) == 5 &&
        end > 0 && name[end] == '\0') {
        *ret_key = (struct schema_key){.kind = SCHEMA_KEY_GUID,
                                       .high = (uint64_t)a << 32 | (uint64_t)b << 16 | c,
                                       .low = (uint64_t)d << 48 | e};
        return true;
    }
    return false;
}

static bool take_text(const json_t *value, struct str *ret_text)
{
    if (!json_is_string(value)) {
        return false;
    }
    *ret_text = str_of(json_string_value(value), json_string_length(value));
    return true;
}

/* Those that it refers to first. */
static bool take_texts(const json_t *document, struct str texts[TEXTS_MAX], size_t *ret_count)
{
    const json_t *references = json_object_get(document, "references");
    size_t count = json_array_size(references);

    if (!json_is_array(references) || count >= TEXTS_MAX) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!take_text(json_array_get(references, i), &texts[i])) {
            return false;
        }
    }
    *ret_count = count + 1;
    return take_text(json_object_get(document, "schema"), &texts[count]);
}

static enum err_code add(const struct reading *reading, const struct schema_key *key,
                         const char *name, struct str content, struct err *err)
{
    struct str *texts = memory_calloc(TEXTS_MAX, sizeof(*texts));
    struct schema_entry entry = {.key = *key}, *kept;
    json_t *document = json_loadb(content.data, content.size, 0, NULL);
    size_t count;
    enum err_code code = ERR_OK;

    if (document == NULL || !take_texts(document, texts, &count)) {
        code = err_set(err, ERR_DATA, "%s: it is no schema of an archive", name);
    } else {
        schema_entry_parse(&entry, texts, count);
        if (entry.verdict == VERDICT_TALLIED) {
            code = schema_table_put(&reading->finder->files, &entry, &kept, err);
        } else {
            code = err_set(err, ERR_DATA, "%s: %s", name, entry.detail);
            schema_entry_release(&entry);
        }
    }
    json_decref(document);
    memory_free(texts);
    return code;
}

static enum err_code look_at(void *context, const struct objects_entry *entry, struct err *err)
{
    const struct reading *reading = context;
    char name[NAME_SIZE];
    struct strbuf content;
    struct schema_key key;
    bool found;
    enum err_code code;

    if (entry->kind != OBJECTS_FILE || !read_key(entry->name, &key) ||
        schema_table_find(&reading->finder->files, &key, INT64_MIN) != NULL) {
        return ERR_OK; /* the user's own file of this key goes first, as when the record was read */
    }
    strbuf_init(&content, DOCUMENT_SIZE_MAX);
    (void)snprintf(name, sizeof(name), "%.*s/schemas/%s", STR_ARGS(reading->folder), entry->name);
    code = reading->objects->get(reading->objects, name, &found, &content, err);
    if (code == ERR_OK && found) {
        code = add(reading, &key, name, strbuf_view(&content), err);
    }
    strbuf_release(&content);
    return code;
}

enum err_code rebuild_schemas_add(struct objects *objects, struct str folder,
                                  struct schema_finder *finder, struct err *err)
{
    struct reading reading = {objects, folder, finder};
    char name[NAME_SIZE];

    (void)snprintf(name, sizeof(name), "%.*s/schemas", STR_ARGS(folder));
    return objects->list(objects, name, look_at, &reading, err);
}
