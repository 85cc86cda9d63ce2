/*
 * Avro schemas as data: parsed from JSON after our own checks, because a registry is outside too.
 *
 * Bounds: SCHEMA_SIZE_MAX bytes of text, depth 64, SCHEMA_NODES_MAX nodes, fixed sizes 0..2^24. Names follow the Avro
 * specification (1.11): full names, enclosing namespaces, aliases. Logical types are kept where they are about time
 * and ignored elsewhere, as the specification asks. Recursive schemas are allowed. Immutable after parsing.
 */
#ifndef CONSUMERS_SCHEMA_H
#define CONSUMERS_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum { SCHEMA_SIZE_MAX = 1024 * 1024, SCHEMA_NODES_MAX = 20000, SCHEMA_DEPTH_MAX = 64 };

struct schema;

/* ERR_DATA with the place in the schema ("field latency: unknown type 'lng'"). `references` are schemas, already parsed, whose named types
 * the text may use; reference_count may be 0. The caller owns the result and keeps the references alive. */
enum err_code schema_parse(struct str text, const struct schema *const *references,
                           size_t reference_count, struct schema **ret_schema, struct err *err);
void schema_free(struct schema *schema);
/* CRC-64-AVRO of the parsing canonical form: what single-object encoding calls the fingerprint. */
uint64_t schema_fingerprint(const struct schema *schema);
/* Of two schemas with one fingerprint: values mean the same. Logical types of time are no part of a fingerprint, but of what values mean;
 * documentation, aliases and a writer's defaults are part of neither. */
bool schema_reads_alike(const struct schema *a, const struct schema *b);

#endif
