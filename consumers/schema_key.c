#include "consumers/schema_key.h"

#include <inttypes.h>
#include <stdio.h>

int schema_key_compare(const struct schema_key *a, const struct schema_key *b)
{
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    if (a->high != b->high) {
        return a->high < b->high ? -1 : 1;
    }
    return (a->low > b->low) - (a->low < b->low);
}

void schema_key_guid(const struct schema_key *key, char ret_text[SCHEMA_KEY_TEXT_SIZE])
{
    (void)snprintf(ret_text, SCHEMA_KEY_TEXT_SIZE,
                   "%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%012" PRIx64,
                   key->high >> 32, key->high >> 16 & 0xffff, key->high & 0xffff, key->low >> 48,
                   key->low & UINT64_C(0xffffffffffff));
}

void schema_key_text(const struct schema_key *key, char ret_text[SCHEMA_KEY_TEXT_SIZE])
{
    char guid[SCHEMA_KEY_TEXT_SIZE];

    switch (key->kind) {
    case SCHEMA_KEY_ID:
        (void)snprintf(ret_text, SCHEMA_KEY_TEXT_SIZE, "schema id %" PRIu64, key->low);
        break;
    case SCHEMA_KEY_GUID:
        schema_key_guid(key, guid);
        (void)snprintf(ret_text, SCHEMA_KEY_TEXT_SIZE, "schema GUID %.36s", guid);
        break;
    case SCHEMA_KEY_FINGERPRINT:
        (void)snprintf(ret_text, SCHEMA_KEY_TEXT_SIZE, "schema fingerprint 0x%016" PRIx64,
                       key->low);
        break;
    case SCHEMA_KEY_FILE:
        (void)snprintf(ret_text, SCHEMA_KEY_TEXT_SIZE, "schema_file");
        break;
    }
}
