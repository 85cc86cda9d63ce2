#include "jobs/pipeline/archive_schemas.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "base/json.h"
#include "base/memory.h"

enum { NAME_SIZE = 512, DOCUMENT_SIZE_MAX = 64 * 1024 * 1024, DETAIL_SIZE = 200 };

void archive_schemas_release(struct archive_schemas *schemas)
{
    memory_free(schemas->keys);
    *schemas = (struct archive_schemas){.keys = NULL};
}

static size_t place_of(const struct archive_schemas *schemas, const struct schema_key *key)
{
    size_t low = 0, high = schemas->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (schema_key_compare(&schemas->keys[middle], key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void add_key(struct archive_schemas *schemas, size_t place, const struct schema_key *key)
{
    schemas->keys = memory_resize(schemas->keys, schemas->count + 1, sizeof(*schemas->keys));
    memmove(&schemas->keys[place + 1], &schemas->keys[place],
            (schemas->count - place) * sizeof(*schemas->keys));
    schemas->keys[place] = *key;
    schemas->count++;
}

/* "id-7.json"; what stands in the payloads, so that a reader finds it without us. */
static void name_object(const struct archive_schemas *schemas, const struct schema_key *key,
                        char ret_name[NAME_SIZE])
{
    char text[SCHEMA_KEY_TEXT_SIZE];

    if (key->kind == SCHEMA_KEY_GUID) {
        schema_key_guid(key, text);
    } else {
        (void)snprintf(text, sizeof(text), key->kind == SCHEMA_KEY_ID ? "%" PRIu64 : "%016" PRIx64,
                       key->low);
    }
    (void)snprintf(ret_name, NAME_SIZE, "%.*s/schemas/%s-%s.json", STR_ARGS(schemas->folder),
                   key->kind == SCHEMA_KEY_ID     ? "id"
                   : key->kind == SCHEMA_KEY_GUID ? "guid"
                                                  : "fingerprint",
                   text);
}

static void write_document(const struct intake *intake, const struct str *texts, size_t count,
                           struct strbuf *out)
{
    struct json_writer json;

    json_init(&json, out, true);
    json_open_object(&json, NULL);
    json_text(&json, "framing", topic_framing_name(intake->topic->framing));
    json_open_array(&json, "references");
    for (size_t i = 0; i + 1 < count; i++) {
        json_str(&json, NULL, texts[i]);
    }
    json_close(&json);
    json_str(&json, "schema", texts[count - 1]);
    json_close(&json);
    json_finish(&json);
}

static enum err_code keep(struct archive_schemas *schemas, const struct intake *intake,
                          const struct schema_key *key, struct err *err)
{
    char name[NAME_SIZE];
    struct strbuf document;
    size_t count;
    const struct str *texts = schema_finder_texts(&intake->finder, key, &count);
    enum err_code code;

    strbuf_init(&document, DOCUMENT_SIZE_MAX);
    write_document(intake, texts, count, &document);
    name_object(schemas, key, name);
    (void)FAULT("archive.schema.before");
    code = schemas->objects->put(schemas->objects, name, strbuf_view(&document), OBJECTS_NEW, err);
    strbuf_release(&document);
    schemas->kept += code == ERR_OK;
    return code;
}

/* A schema that cannot be had is no reason to lose the record: it is archived without. One that is not known may become known. */
static enum err_code learn(struct archive_schemas *schemas, struct intake *intake,
                           const struct schema_key *key, size_t place, struct err *err)
{
    const struct schema *schema;
    enum verdict verdict;
    char detail[DETAIL_SIZE];

    if (schema_finder_find(&intake->finder, key, &schema, &verdict, detail, sizeof(detail), err) !=
        ERR_OK) {
        return err->code;
    }
    if (verdict == VERDICT_TALLIED && keep(schemas, intake, key, err) != ERR_OK) {
        return err->code;
    }
    schemas->missing += verdict != VERDICT_TALLIED;
    if (verdict != VERDICT_UNKNOWN_SCHEMA) {
        add_key(schemas, place, key);
        schemas->last = *key;
        schemas->has_last = true;
    }
    return ERR_OK;
}

enum err_code archive_schemas_note(struct archive_schemas *schemas, struct intake *intake,
                                   const struct record *record, struct err *err)
{
    struct framed framed;
    size_t place;

    if (intake->topic->framing == FRAMING_AVRO || record->tombstone ||
        framing_open(intake->topic->framing, record, &framed) != NULL ||
        (schemas->has_last && schema_key_equal(&schemas->last, &framed.key))) {
        return ERR_OK;
    }
    place = place_of(schemas, &framed.key);
    if (place == schemas->count || !schema_key_equal(&schemas->keys[place], &framed.key)) {
        return learn(schemas, intake, &framed.key, place, err);
    }
    schemas->last = framed.key;
    schemas->has_last = true;
    return ERR_OK;
}
