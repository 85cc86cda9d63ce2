/*
 * The demo's schema registry: a struct http with a table of answers instead of a network.
 *
 * Answers GET .../schemas/ids/N as Confluent's registry does; anything else is an empty list. Immutable, so threads may share it.
 */
#ifndef JOBS_DEMO_REGISTRY_TABLE_H
#define JOBS_DEMO_REGISTRY_TABLE_H

#include "base/http.h"

enum {
    SCHEMA_ID_REQUEST = 1,
    SCHEMA_ID_CHECK = 2,
    SCHEMA_ID_PROTOBUF = 3, /* not Avro */
    SCHEMA_ID_AUDIT = 4,    /* Avro, but neither service nor time in it */
    SCHEMA_ID_TRACED = 5,   /* a request with a recursive record in it */
    SCHEMA_ID_NOBODY = 999  /* the registry does not know it */
};

/* Static; close does nothing. */
struct http *registry_table(void);

#endif
