/*
 * Framing: what stands before the Avro bytes of a record. Confluent's is a zero byte and the schema's id as four big-endian bytes.
 */
#ifndef CONSUMERS_FRAMING_H
#define CONSUMERS_FRAMING_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct framed {
    int32_t schema_id;
    struct str payload; /* borrows from the record */
};

/* NULL, or what is wrong, for people. */
static inline const char *framing_open(struct str value, struct framed *ret_framed)
{
    const unsigned char *bytes = (const unsigned char *)value.data;
    uint32_t id;

    if (value.size < 5) {
        return "the record is shorter than a magic byte and a schema id";
    }
    if (bytes[0] != 0) {
        return "the first byte is not 0, so no schema id follows";
    }
    id = (uint32_t)bytes[1] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 8 | bytes[4];
    if (id > INT32_MAX) {
        return "the schema id is above 2147483647";
    }
    *ret_framed = (struct framed){(int32_t)id, str_of(value.data + 5, value.size - 5)};
    return NULL;
}

#endif
