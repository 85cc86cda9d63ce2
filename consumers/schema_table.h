/*
 * What is known of schemas by their key: the schema, or why there is none.
 *
 * Sorted by key, at most SCHEMA_TABLE_MAX entries. Keys come from records: unknown ones are forgotten after a time, and all at once when the
 * table is full, so that a flood of wrong keys cannot fill the memory. Owns its schemas until schema_table_release.
 */
#ifndef CONSUMERS_SCHEMA_TABLE_H
#define CONSUMERS_SCHEMA_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "consumers/schema.h"
#include "consumers/schema_key.h"
#include "schemas/verdict.h"

enum { SCHEMA_TABLE_MAX = 10000, SCHEMA_DETAIL_SIZE = 160, SCHEMA_UNKNOWN_REMEMBERED_S = 60 };

struct schema_entry {
    struct schema_key key;
    enum verdict verdict;    /* TALLIED: there is a schema; else UNKNOWN_SCHEMA or BAD_SCHEMA */
    int64_t until_ns;        /* UNKNOWN_SCHEMA: forgotten then (monotonic) */
    struct schema **schemas; /* owned; references first, the key's own last */
    size_t schema_count;
    struct str *texts;               /* owned, as one block; of the schemas, as they were given */
    char detail[SCHEMA_DETAIL_SIZE]; /* without a schema: why */
};

struct schema_table {
    struct schema_entry *entries; /* owned, sorted by key */
    size_t count;
};

void schema_table_release(struct schema_table *table);
/* NULL if nothing is known, or not any longer. Valid until the next put. */
struct schema_entry *schema_table_find(const struct schema_table *table,
                                       const struct schema_key *key, int64_t now_ns);
/* Takes what is inside of entry, also if it fails; an entry of that key that is unknown is replaced. ERR_DATA: the table is full of schemas. */
enum err_code schema_table_put(struct schema_table *table, struct schema_entry *entry,
                               struct schema_entry **ret_entry, struct err *err);

/* Texts to schemas, each of which may use the names of those before it: TALLIED, or BAD_SCHEMA with the cause. */
void schema_entry_parse(struct schema_entry *entry, const struct str *texts, size_t count);
/* The schema of a TALLIED entry; entry->texts are those of its schemas. */
const struct schema *schema_entry_schema(const struct schema_entry *entry);
void schema_entry_release(struct schema_entry *entry);

#endif
