/*
 * Schema resolution of the Avro specification 1.11: what a reader's schema makes of a writer's.
 *
 * Reader and writer may be the same tree; then each type resolves to itself. Pure functions over immutable trees; recursion is
 * bounded, since types that contain each other are compared to SCHEMA_DEPTH_MAX levels.
 */
#ifndef CONSUMERS_RESOLVE_H
#define CONSUMERS_RESOLVE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "consumers/schema_tree.h"
#include "consumers/value.h"

/* What the writer's type (no union) is read as: reader itself, or its first branch that matches; NULL if nothing matches. */
const struct schema_node *resolve_type(const struct schema_node *writer,
                                       const struct schema_node *reader);
/* The writer's field that the reader's field is read from: by name, else by an alias; NULL if there is none. */
const struct schema_field *resolve_field(const struct schema_node *writer,
                                         const struct schema_node *reader,
                                         const struct schema_field *field);
/* The reader's symbol for the writer's: itself, the reader's default, or false. */
bool resolve_symbol(struct str symbol, const struct schema_node *reader, struct str *ret_symbol);
/* The value at a path (parts) within the default of a field; absent where a null stands. Bytes of the result live in arena.
 * ERR_CONFIG: the default does not fit the field's type. */
enum err_code resolve_default(const struct schema_field *field, const struct str *parts,
                              size_t part_count, struct arena *arena, struct value *ret_value,
                              struct err *err);

#endif
