/*
 * What a framing says about the schema that wrote a payload: the one key by which plans, registries and schema files are looked up.
 */
#ifndef CONSUMERS_SCHEMA_KEY_H
#define CONSUMERS_SCHEMA_KEY_H

#include <stdbool.h>
#include <stdint.h>

enum schema_key_kind {
    SCHEMA_KEY_ID,          /* of a registry; low, at most INT32_MAX */
    SCHEMA_KEY_GUID,        /* of a registry; 16 bytes, big-endian */
    SCHEMA_KEY_FINGERPRINT, /* CRC-64-AVRO; low */
    SCHEMA_KEY_FILE         /* the payload names none: the topic's only schema */
};

enum { SCHEMA_KEY_TEXT_SIZE = 64 };

struct schema_key {
    enum schema_key_kind kind;
    uint64_t high, low;
};

static inline bool schema_key_equal(const struct schema_key *a, const struct schema_key *b)
{
    return a->low == b->low && a->high == b->high && a->kind == b->kind;
}

/* Any total order. */
int schema_key_compare(const struct schema_key *a, const struct schema_key *b);
/* For people: "schema id 7". */
void schema_key_text(const struct schema_key *key, char ret_text[SCHEMA_KEY_TEXT_SIZE]);
/* "01234567-89ab-cdef-0123-456789abcdef", as registries write it. */
void schema_key_guid(const struct schema_key *key, char ret_text[SCHEMA_KEY_TEXT_SIZE]);

#endif
