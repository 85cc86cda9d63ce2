/*
 * Framing: which bytes around an Avro payload say what schema wrote it.
 *
 *   confluent      prefix, payload. A prefix is 00 and the schema's id as four big-endian bytes, or 01 and its GUID as sixteen
 *   header         the same prefix in the record's header __value_schema_id (the last of that name); the value is the payload
 *   single_object  C3 01, the fingerprint of the schema (CRC-64-AVRO) as eight little-endian bytes, payload
 *   avro           nothing: the whole value is the payload, and the topic has one schema
 *
 * Which one it is comes from the configuration and is never guessed: most payloads can pass for some prefix.
 */
#ifndef CONSUMERS_FRAMING_H
#define CONSUMERS_FRAMING_H

#include <stdbool.h>

#include "base/str.h"
#include "consumers/schema_key.h"
#include "consumers/source.h"

/* Part of stored digests: append only. */
enum framing { FRAMING_CONFLUENT, FRAMING_HEADER, FRAMING_SINGLE_OBJECT, FRAMING_AVRO };

#define FRAMING_SCHEMA_HEADER "__value_schema_id"

struct framed {
    struct schema_key key;
    struct str payload; /* borrows from the record */
};

/* NULL, or what is wrong, for people (static text). */
const char *framing_open(enum framing framing, const struct record *record,
                         struct framed *ret_framed);
/* Its keys are known to a registry, and to nobody else. */
bool framing_needs_registry(enum framing framing);
/* The record's header that this framing looks at; NULL: none. */
const char *framing_header(enum framing framing);

#endif
