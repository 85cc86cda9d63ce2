#include "consumers/schema_finder.h"

#include <stdio.h>

#include "base/check.h"

enum err_code schema_finder_add(struct schema_finder *finder, enum schema_key_kind kind,
                                struct str text, struct err *err)
{
    struct schema_entry fresh = {.key = {.kind = kind}};
    struct schema_entry *entry;
    bool alike;

    schema_entry_parse(&fresh, &text, 1);
    if (fresh.verdict != VERDICT_TALLIED) {
        (void)err_set(err, ERR_CONFIG, "%s", fresh.detail);
        schema_entry_release(&fresh);
        return ERR_CONFIG;
    }
    if (kind == SCHEMA_KEY_FINGERPRINT) {
        fresh.key.low = schema_fingerprint(schema_entry_schema(&fresh));
    }
    entry = schema_table_find(&finder->files, &fresh.key, INT64_MIN);
    if (entry == NULL) {
        return schema_table_put(&finder->files, &fresh, &entry, err);
    }
    CHECK(kind == SCHEMA_KEY_FINGERPRINT);
    alike = schema_reads_alike(schema_entry_schema(entry), schema_entry_schema(&fresh));
    schema_entry_release(&fresh);
    return alike ? ERR_OK
                 : err_set(err, ERR_CONFIG,
                           "another file has the same fingerprint, but other logical types: a "
                           "record does not tell which of them wrote it");
}

void schema_finder_release(struct schema_finder *finder)
{
    schema_table_release(&finder->files);
}

enum err_code schema_finder_find(struct schema_finder *finder, const struct schema_key *key,
                                 const struct schema **ret_schema, enum verdict *ret_verdict,
                                 char *detail, size_t detail_size, struct err *err)
{
    const struct schema_entry *entry = schema_table_find(&finder->files, key, INT64_MIN);
    char name[SCHEMA_KEY_TEXT_SIZE];

    if (entry != NULL) {
        *ret_schema = schema_entry_schema(entry);
        *ret_verdict = VERDICT_TALLIED;
        return ERR_OK;
    }
    schema_key_text(key, name);
    if (key->kind == SCHEMA_KEY_FINGERPRINT && finder->subject_count == 0) {
        *ret_schema = NULL;
        *ret_verdict = VERDICT_UNKNOWN_SCHEMA;
        (void)snprintf(detail, detail_size, "%s: no schema file has it", name);
        return ERR_OK;
    }
    if (key->kind == SCHEMA_KEY_FILE || finder->registry == NULL) {
        return err_set(err, ERR_CONFIG, "%s: there is nothing to find it in", name);
    }
    if (key->kind == SCHEMA_KEY_FINGERPRINT) {
        return registry_search(finder->registry, finder->subjects, finder->subject_count, key,
                               ret_schema, ret_verdict, detail, detail_size, err);
    }
    return registry_schema(finder->registry, key, ret_schema, ret_verdict, detail, detail_size,
                           err);
}

const struct str *schema_finder_texts(const struct schema_finder *finder,
                                      const struct schema_key *key, size_t *ret_count)
{
    const struct schema_entry *entry = schema_table_find(&finder->files, key, INT64_MIN);

    if (entry != NULL) {
        *ret_count = entry->schema_count;
        return entry->texts;
    }
    *ret_count = 0;
    return finder->registry != NULL ? registry_texts(finder->registry, finder->subjects,
                                                     finder->subject_count, key, ret_count)
                                    : NULL;
}
