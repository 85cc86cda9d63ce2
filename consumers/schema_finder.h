/*
 * Finds the schema of whatever key a framing yields: among the topic's schema files, then in the registry.
 *
 * Files are the user's own, so what is wrong with them is found when they are added. Owns the schemas of its files; borrows the rest.
 */
#ifndef CONSUMERS_SCHEMA_FINDER_H
#define CONSUMERS_SCHEMA_FINDER_H

#include "consumers/registry.h"
#include "consumers/schema_table.h"

struct schema_finder {
    struct schema_table files;  /* by fingerprint, or the one of SCHEMA_KEY_FILE */
    struct registry *registry;  /* borrowed; may be NULL */
    const struct str *subjects; /* borrowed; of the registry, searched for fingerprints */
    size_t subject_count;
};

/* The schema of a file, for keys of that kind: SCHEMA_KEY_FINGERPRINT, or SCHEMA_KEY_FILE for the only one. ERR_CONFIG: it is no schema; or another
 * file has its fingerprint, but other logical types, and nobody can tell which of them wrote a record. */
enum err_code schema_finder_add(struct schema_finder *finder, enum schema_key_kind kind,
                                struct str text, struct err *err);
void schema_finder_release(struct schema_finder *finder);
/* As registry_schema. ERR_CONFIG: the key needs a registry and there is none. */
enum err_code schema_finder_find(struct schema_finder *finder, const struct schema_key *key,
                                 const struct schema **ret_schema, enum verdict *ret_verdict,
                                 char *detail, size_t detail_size, struct err *err);

/* The texts of a schema that was found, those that it refers to first, its own last; borrowed. NULL: it was not found. */
const struct str *schema_finder_texts(const struct schema_finder *finder,
                                      const struct schema_key *key, size_t *ret_count);

#endif
