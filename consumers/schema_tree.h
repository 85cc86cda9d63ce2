/*
 * The tree behind struct schema, for the compiler of decode plans; others need only consumers/schema.h.
 *
 * Invariant: every named type stands once in the tree that defines it; a reference is a pointer to that node, so the tree
 * of a recursive schema has cycles and only schema.c may walk it without counting depth. Unions hold no union.
 * Nodes live in the arena of the schema that defines them, JSON values (defaults) with its document.
 */
#ifndef CONSUMERS_SCHEMA_TREE_H
#define CONSUMERS_SCHEMA_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/intern.h"
#include "base/str.h"
#include "consumers/schema.h"

struct json_t; /* jansson's */

enum schema_type {
    SCHEMA_NULL, /* the primitive types in the order of the table in schema.c */
    SCHEMA_BOOLEAN,
    SCHEMA_INT,
    SCHEMA_LONG,
    SCHEMA_FLOAT,
    SCHEMA_DOUBLE,
    SCHEMA_BYTES,
    SCHEMA_STRING,
    SCHEMA_RECORD, /* from here on: complex types */
    SCHEMA_ENUM,
    SCHEMA_FIXED,
    SCHEMA_ARRAY,
    SCHEMA_MAP,
    SCHEMA_UNION
};

/* Logical types of a long that name an instant; others are ignored, as the specification asks. */
enum schema_logical {
    SCHEMA_LOGICAL_NONE,
    SCHEMA_TIMESTAMP_MILLIS,
    SCHEMA_TIMESTAMP_MICROS,
    SCHEMA_TIMESTAMP_NANOS
};

enum { SCHEMA_NAME_SIZE_MAX = 1024, SCHEMA_FIXED_SIZE_MAX = 1 << 24 };

struct schema_node;

struct schema_field {
    struct str name;
    struct str *aliases; /* names without namespace */
    size_t alias_count;
    const struct schema_node *type;
    const struct json_t *default_value; /* NULL: none */
};

struct schema_node {
    enum schema_type type;
    enum schema_logical logical; /* of SCHEMA_LONG */
    struct str name;             /* full name of records, enums and fixed; else empty */
    struct str *aliases;         /* full names */
    size_t alias_count;
    uint32_t number; /* of the node, within its schema; names a node in diagnostics and tables */
    bool zero_width; /* no value of this type takes a byte */
    union {
        struct {
            struct schema_field *fields;
            size_t count;
        } record;
        struct {
            struct str *symbols;
            size_t count;
            bool has_default;
            size_t default_symbol; /* index */
        } enumeration;
        struct {
            const struct schema_node **branches;
            size_t count;
        } branches;                      /* of a union */
        const struct schema_node *items; /* of arrays; of maps the values */
        size_t fixed_size;               /* bytes */
    };
};

struct schema {
    struct arena arena;
    struct json_t *document; /* owned */
    const struct schema_node *root;
    struct intern names; /* full names that the text may use: its own and those of its references */
    const struct schema_node **named; /* by number in names; owned array */
    size_t named_count;
    uint32_t node_count;
};

/* The name behind the last dot. */
struct str schema_unqualified(struct str full_name);
/* For messages: "long", or the full name. */
struct str schema_node_title(const struct schema_node *node);
/* The field of that name, or NULL. node is a record. */
const struct schema_field *schema_record_field(const struct schema_node *node, struct str name);
bool schema_name_valid(struct str name);      /* without dots */
bool schema_full_name_valid(struct str name); /* dots allowed */
bool schema_primitive_find(struct str name, enum schema_type *ret_type);
/* Makes node known under its full name, which must be new. */
void schema_name_add(struct schema *schema, struct str name, const struct schema_node *node);
const struct schema_node *schema_name_find(const struct schema *schema, struct str name);
/* Names of the references, and of theirs; the first of two equal ones stands. */
void schema_names_import(struct schema *schema, const struct schema *const *references,
                         size_t reference_count);
/* The first name that stands twice, or an empty one. */
struct str schema_duplicate_find(const struct str *names, size_t count);
/* The parsing canonical form, appended. */
void schema_canonical(const struct schema *schema, struct strbuf *out);

#endif
