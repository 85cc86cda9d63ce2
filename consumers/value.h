/*
 * A value as it stands in a payload, before any role has judged it.
 *
 * Borrowed: text and bytes point into the payload, the schema or the plan. Nothing is converted or checked here beyond what the
 * encoding asks for (UTF-8 neither); consumers/convert.h and consumers/outcome.h do that when a role wants the value.
 */
#ifndef CONSUMERS_VALUE_H
#define CONSUMERS_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "consumers/schema_tree.h"

enum value_kind {
    VALUE_ABSENT,  /* null, or no such branch or key */
    VALUE_UNFIT,   /* a value that does not resolve, or of a type that plays no role */
    VALUE_INTEGER, /* number, logical */
    VALUE_WHOLE,   /* number: an integer that the reader takes for a float or double */
    VALUE_BOOLEAN, /* number: 0 or 1 */
    VALUE_FLOAT,   /* number: the 32 bits of an IEEE 754 binary32 */
    VALUE_DOUBLE,  /* number: the 64 bits of an IEEE 754 binary64 */
    VALUE_TEXT,    /* data, size */
    VALUE_BYTES,   /* data, size; text of it is lower-case hexadecimal */
    VALUE_KIND_COUNT
};

struct value {
    union {
        int64_t number;
        const char *data;
    };
    uint32_t size;
    uint32_t at;     /* offset in the payload, for messages */
    uint8_t kind;    /* enum value_kind */
    uint8_t logical; /* enum schema_logical */
};

static inline struct str value_view(const struct value *value)
{
    return str_of(value->data, value->size);
}

/* Lower-case hexadecimal of bytes; ret_text has room for twice its size. */
void value_hex(struct str bytes, char *ret_text);

#endif
