#include "consumers/schema_table.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"

void schema_entry_release(struct schema_entry *entry)
{
    for (size_t i = entry->schema_count; i > 0; i--) { /* those that refer to others first */
        schema_free(entry->schemas[i - 1]);
    }
    memory_free(entry->schemas);
    memory_free(entry->texts);
    entry->schemas = NULL;
    entry->texts = NULL;
    entry->schema_count = 0;
}

/* Views and their bytes in one block. */
static struct str *copy_texts(const struct str *texts, size_t count)
{
    size_t size = count * sizeof(*texts);
    struct str *copies;
    char *at;

    for (size_t i = 0; i < count; i++) {
        size += texts[i].size;
    }
    copies = memory_alloc(size);
    at = (char *)(copies + count);
    for (size_t i = 0; i < count; i++) {
        memcpy(at, texts[i].data, texts[i].size);
        copies[i] = str_of(at, texts[i].size);
        at += texts[i].size;
    }
    return copies;
}

void schema_entry_parse(struct schema_entry *entry, const struct str *texts, size_t count)
{
    struct err cause = ERR_INIT;

    CHECK(entry->schemas == NULL);
    entry->schemas = memory_calloc(count, sizeof(struct schema *));
    for (size_t i = 0; i < count; i++) {
        if (schema_parse(texts[i], (const struct schema *const *)entry->schemas, i,
                         &entry->schemas[i], &cause) != ERR_OK) {
            entry->verdict = VERDICT_BAD_SCHEMA;
            (void)snprintf(entry->detail, sizeof(entry->detail), "%.*s",
                           (int)sizeof(entry->detail) - 1, cause.text);
            return;
        }
        entry->schema_count = i + 1;
    }
    entry->verdict = VERDICT_TALLIED;
    entry->texts = copy_texts(texts, count);
}

const struct schema *schema_entry_schema(const struct schema_entry *entry)
{
    CHECK(entry->verdict == VERDICT_TALLIED);
    CHECK(entry->schema_count > 0);
    return entry->schemas[entry->schema_count - 1];
}

void schema_table_release(struct schema_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        schema_entry_release(&table->entries[i]);
    }
    memory_free(table->entries);
    *table = (struct schema_table){NULL, 0};
}

/* Where key is, or where it belongs. */
static size_t find_place(const struct schema_table *table, const struct schema_key *key)
{
    size_t low = 0, high = table->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (schema_key_compare(&table->entries[middle].key, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct schema_entry *entry_at(const struct schema_table *table, size_t place,
                                     const struct schema_key *key)
{
    return place < table->count && schema_key_equal(&table->entries[place].key, key)
               ? &table->entries[place]
               : NULL;
}

struct schema_entry *schema_table_find(const struct schema_table *table,
                                       const struct schema_key *key, int64_t now_ns)
{
    struct schema_entry *entry = entry_at(table, find_place(table, key), key);

    return entry == NULL || (entry->verdict == VERDICT_UNKNOWN_SCHEMA && now_ns >= entry->until_ns)
               ? NULL
               : entry;
}

static void forget_unknown(struct schema_table *table)
{
    size_t kept = 0;

    for (size_t i = 0; i < table->count; i++) {
        if (table->entries[i].verdict != VERDICT_UNKNOWN_SCHEMA) {
            table->entries[kept++] = table->entries[i];
        }
    }
    table->count = kept;
}

enum err_code schema_table_put(struct schema_table *table, struct schema_entry *entry,
                               struct schema_entry **ret_entry, struct err *err)
{
    size_t place = find_place(table, &entry->key);
    struct schema_entry *found = entry_at(table, place, &entry->key);

    if (found != NULL) {
        CHECK(found->verdict == VERDICT_UNKNOWN_SCHEMA);
        *found = *entry;
        *ret_entry = found;
        return ERR_OK;
    }
    if (table->count >= SCHEMA_TABLE_MAX) {
        forget_unknown(table);
        place = find_place(table, &entry->key);
    }
    if (table->count >= SCHEMA_TABLE_MAX) {
        schema_entry_release(entry);
        return err_set(err, ERR_DATA, "records name more than %d schemas", (int)SCHEMA_TABLE_MAX);
    }
    table->entries = memory_resize(table->entries, table->count + 1, sizeof(*table->entries));
    memmove(&table->entries[place + 1], &table->entries[place],
            (table->count - place) * sizeof(*table->entries));
    table->count++;
    table->entries[place] = *entry;
    *ret_entry = &table->entries[place];
    return ERR_OK;
}
