#include "consumers/schema_tree.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"

static const char *const primitive_names[] = {"null",  "boolean", "int",   "long",
                                              "float", "double",  "bytes", "string"};
_Static_assert(ARRAY_COUNT(primitive_names) == SCHEMA_STRING + 1, "primitives come first");

struct str schema_unqualified(struct str full_name)
{
    size_t start = full_name.size;

    while (start > 0 && full_name.data[start - 1] != '.') {
        start--;
    }
    return str_of(full_name.data + start, full_name.size - start);
}

struct str schema_node_title(const struct schema_node *node)
{
    static const char *const complex_names[] = {"record", "enum", "fixed", "array", "map", "union"};

    if (node->name.size > 0) {
        return node->name;
    }
    return STR(node->type <= SCHEMA_STRING ? primitive_names[node->type]
                                           : complex_names[node->type - SCHEMA_RECORD]);
}

const struct schema_field *schema_record_field(const struct schema_node *node, struct str name)
{
    CHECK(node->type == SCHEMA_RECORD);
    for (size_t i = 0; i < node->record.count; i++) {
        if (str_equal(node->record.fields[i].name, name)) {
            return &node->record.fields[i];
        }
    }
    return NULL;
}

/* [A-Za-z_][A-Za-z0-9_]*: "Names" of the specification. */
bool schema_name_valid(struct str name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';

        if (!letter && (i == 0 || c < '0' || c > '9')) {
            return false;
        }
    }
    return name.size > 0 && name.size <= SCHEMA_NAME_SIZE_MAX;
}

/* Names with dots between them. */
bool schema_full_name_valid(struct str name)
{
    size_t start = 0;

    if (name.size > SCHEMA_NAME_SIZE_MAX) {
        return false;
    }
    for (size_t i = 0; i <= name.size; i++) {
        if (i == name.size || name.data[i] == '.') {
            if (!schema_name_valid(str_of(name.data + start, i - start))) {
                return false;
            }
            start = i + 1;
        }
    }
    return true;
}

bool schema_primitive_find(struct str name, enum schema_type *ret_type)
{
    for (size_t i = 0; i < ARRAY_COUNT(primitive_names); i++) {
        if (str_equal(name, STR(primitive_names[i]))) {
            *ret_type = (enum schema_type)i;
            return true;
        }
    }
    return false;
}

void schema_name_add(struct schema *schema, struct str name, const struct schema_node *node)
{
    uint32_t number = intern_add(&schema->names, name);

    CHECK(number == schema->named_count);
    if ((number & (number + 1)) == 0) {
        schema->named =
            memory_resize(schema->named, ((size_t)number + 1) * 2, sizeof(struct schema_node *));
    }
    schema->named[schema->named_count++] = node;
}

const struct schema_node *schema_name_find(const struct schema *schema, struct str name)
{
    uint32_t number;

    return intern_find(&schema->names, name, &number) ? schema->named[number] : NULL;
}

static int str_order(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

/* The first name that stands twice, or an empty one. Sorted, because a registry may send a hundred thousand symbols. */
struct str schema_duplicate_find(const struct str *names, size_t count)
{
    struct str *sorted = memory_calloc(count, sizeof(sorted[0]));
    struct str found = {NULL, 0};

    if (count > 0) {
        memcpy(sorted, names, count * sizeof(sorted[0]));
        qsort(sorted, count, sizeof(sorted[0]), str_order);
    }
    for (size_t i = 1; i < count && found.size == 0; i++) {
        if (str_equal(sorted[i - 1], sorted[i])) {
            found = sorted[i];
        }
    }
    memory_free(sorted);
    return found;
}

/* Names of the references, and of theirs; the first of two equal ones stands. */
void schema_names_import(struct schema *schema, const struct schema *const *references,
                         size_t reference_count)
{
    for (size_t i = 0; i < reference_count; i++) {
        for (uint32_t k = 0; k < references[i]->named_count; k++) {
            struct str name = intern_name(&references[i]->names, k);

            if (schema_name_find(schema, name) == NULL) {
                schema_name_add(schema, name, references[i]->named[k]);
            }
        }
    }
}

void schema_free(struct schema *schema)
{
    if (schema == NULL) {
        return;
    }
    json_decref(schema->document);
    intern_release(&schema->names);
    memory_free(schema->named);
    arena_release(&schema->arena);
    memory_free(schema);
}
