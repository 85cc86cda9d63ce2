/*
 * From JSON to the tree. The text is judged here and nowhere else: avro-c is not asked to parse it as well, because it
 * drops logical types, ignores namespaces, accepts negative fixed sizes and keeps its errors in one static buffer;
 * its agreement would tell us nothing that these rules do not, and its disagreement would only refuse good schemas.
 */
#include "consumers/schema.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "base/memory.h"
#include "consumers/schema_tree.h"

/* Where the parser is, for messages: a list on the stack, innermost first. */
struct place {
    const struct place *outer;
    struct str name; /* of a field */
};

struct parser {
    struct schema *schema;
    struct err *err;
};

struct context {
    struct str namespace;
    const struct place *place;
    unsigned depth;
};

static enum err_code parse_node(struct parser *parser, const json_t *json,
                                const struct context *context, const struct schema_node **ret_node);

static void place_append(struct strbuf *out, const struct place *place)
{
    if (place->outer != NULL) {
        place_append(out, place->outer);
        strbuf_append_char(out, '.');
    }
    strbuf_append(out, place->name);
}

__attribute__((format(printf, 3, 4))) static enum err_code refuse(struct parser *parser,
                                                                  const struct context *context,
                                                                  const char *format, ...)
{
    char text[ERR_TEXT_SIZE / 2];
    struct strbuf place;
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (context->place == NULL) {
        return err_set(parser->err, ERR_DATA, "%s", text);
    }
    strbuf_init(&place, ERR_TEXT_SIZE / 2);
    place_append(&place, context->place);
    (void)err_set(parser->err, ERR_DATA, "field %s: %s", strbuf_text(&place), text);
    strbuf_release(&place);
    return ERR_DATA;
}

static struct str json_text_of(const json_t *json)
{
    return json_is_string(json) ? str_of(json_string_value(json), json_string_length(json))
                                : str_of(NULL, 0);
}

/* name itself if it has dots or there is no namespace, else both joined. */
static struct str qualify(struct arena *arena, struct str name, struct str namespace)
{
    if (namespace.size == 0 || memchr(name.data, '.', name.size) != NULL) {
        return arena_str(arena, name);
    }
    return STR(arena_format(arena, "%.*s.%.*s", STR_ARGS(namespace), STR_ARGS(name)));
}

static struct str namespace_of(struct str full_name)
{
    size_t size = full_name.size - schema_unqualified(full_name).size;

    return str_of(full_name.data, size > 0 ? size - 1 : 0);
}

static enum err_code node_add(struct parser *parser, const struct context *context,
                              enum schema_type type, struct schema_node **ret_node)
{
    struct schema_node *node;

    if (parser->schema->node_count >= SCHEMA_NODES_MAX) {
        return refuse(parser, context, "more than %d types", SCHEMA_NODES_MAX);
    }
    node = arena_alloc(&parser->schema->arena, sizeof(*node));
    node->type = type;
    node->number = parser->schema->node_count++;
    node->zero_width = type == SCHEMA_NULL;
    *ret_node = node;
    return ERR_OK;
}

/* A JSON array of names under `key`; absent is empty. full: dots are allowed. */
static enum err_code parse_names(struct parser *parser, const struct context *context,
                                 const json_t *json, const char *key, bool full,
                                 struct str **ret_names, size_t *ret_count)
{
    const json_t *list = json_object_get(json, key);
    size_t count = json_array_size(list);

    if (list != NULL && !json_is_array(list)) {
        return refuse(parser, context, "%s is not an array", key);
    }
    *ret_names = arena_calloc(&parser->schema->arena, count, sizeof(struct str));
    for (size_t i = 0; i < count; i++) {
        struct str name = json_text_of(json_array_get(list, i));

        if (full ? !schema_full_name_valid(name) : !schema_name_valid(name)) {
            return refuse(parser, context, "%s: \"%.*s\" is not a name", key, STR_ARGS(name));
        }
        (*ret_names)[i] = name; /* lives with the document */
    }
    *ret_count = count;
    return ERR_OK;
}

/* Name, namespace and aliases of a record, enum or fixed. ret_inner is the context of what it contains. */
static enum err_code parse_name(struct parser *parser, const json_t *json,
                                const struct context *context, struct schema_node *node,
                                struct context *ret_inner)
{
    struct arena *arena = &parser->schema->arena;
    struct str name = json_text_of(json_object_get(json, "name"));
    const json_t *given = json_object_get(json, "namespace");
    struct str namespace = given != NULL ? json_text_of(given) : context->namespace;
    enum schema_type primitive;
    enum err_code code;

    if (!schema_full_name_valid(name)) {
        return refuse(parser, context, "\"%.*s\" is not a name", STR_ARGS(name));
    }
    if (namespace.size > 0 && !schema_full_name_valid(namespace)) {
        return refuse(parser, context, "\"%.*s\" is not a namespace", STR_ARGS(namespace));
    }
    node->name = qualify(arena, name, namespace);
    if (schema_primitive_find(schema_unqualified(node->name), &primitive)) {
        return refuse(parser, context, "\"%.*s\" is the name of a primitive type",
                      STR_ARGS(node->name));
    }
    if (schema_name_find(parser->schema, node->name) != NULL) {
        return refuse(parser, context, "type \"%.*s\" is defined twice", STR_ARGS(node->name));
    }
    code = parse_names(parser, context, json, "aliases", true, &node->aliases, &node->alias_count);
    if (code != ERR_OK) {
        return code;
    }
    *ret_inner = *context;
    ret_inner->namespace = namespace_of(node->name);
    for (size_t i = 0; i < node->alias_count; i++) {
        node->aliases[i] = qualify(arena, node->aliases[i], ret_inner->namespace);
    }
    schema_name_add(parser->schema, node->name, node);
    return ERR_OK;
}

static enum err_code parse_field(struct parser *parser, const json_t *json,
                                 const struct context *context, struct schema_field *field)
{
    struct place place = {context->place, json_text_of(json_object_get(json, "name"))};
    struct context inner = *context;
    enum err_code code;

    if (!json_is_object(json)) {
        return refuse(parser, context, "a field is not a JSON object");
    }
    if (!schema_name_valid(place.name)) {
        return refuse(parser, context, "\"%.*s\" is not a field name", STR_ARGS(place.name));
    }
    inner.place = &place;
    field->name = place.name;
    field->default_value = json_object_get(json, "default");
    code =
        parse_names(parser, &inner, json, "aliases", false, &field->aliases, &field->alias_count);
    if (code != ERR_OK) {
        return code;
    }
    if (json_object_get(json, "type") == NULL) {
        return refuse(parser, &inner, "a field without type");
    }
    return parse_node(parser, json_object_get(json, "type"), &inner, &field->type);
}

static enum err_code parse_record(struct parser *parser, const json_t *json,
                                  const struct context *context, struct schema_node *node)
{
    const json_t *fields = json_object_get(json, "fields");
    struct context inner;
    struct str *names;
    struct str twice;
    bool zero_width = true;
    enum err_code code = parse_name(parser, json, context, node, &inner);

    if (code != ERR_OK) {
        return code;
    }
    if (!json_is_array(fields)) {
        return refuse(parser, context, "record \"%.*s\" has no array of fields",
                      STR_ARGS(node->name));
    }
    node->record.count = json_array_size(fields);
    node->record.fields =
        arena_calloc(&parser->schema->arena, node->record.count, sizeof(struct schema_field));
    names = arena_calloc(&parser->schema->arena, node->record.count, sizeof(names[0]));
    for (size_t i = 0; i < node->record.count; i++) {
        code = parse_field(parser, json_array_get(fields, i), &inner, &node->record.fields[i]);
        if (code != ERR_OK) {
            return code;
        }
        names[i] = node->record.fields[i].name;
    }
    twice = schema_duplicate_find(names, node->record.count);
    if (twice.size > 0) {
        return refuse(parser, context, "record \"%.*s\" has two fields \"%.*s\"",
                      STR_ARGS(node->name), STR_ARGS(twice));
    }
    /* A reference to a record that is still open counts as wide: its values, if any, are infinite. */
    for (size_t i = 0; i < node->record.count; i++) {
        zero_width = zero_width && node->record.fields[i].type->zero_width;
    }
    node->zero_width = zero_width;
    return ERR_OK;
}

static enum err_code parse_enum(struct parser *parser, const json_t *json,
                                const struct context *context, struct schema_node *node)
{
    const json_t *fallback = json_object_get(json, "default");
    struct context inner;
    struct str twice;
    enum err_code code = parse_name(parser, json, context, node, &inner);

    if (code == ERR_OK) {
        code = parse_names(parser, context, json, "symbols", false, &node->enumeration.symbols,
                           &node->enumeration.count);
    }
    if (code != ERR_OK) {
        return code;
    }
    if (!json_is_array(json_object_get(json, "symbols"))) {
        return refuse(parser, context, "enum \"%.*s\" has no symbols", STR_ARGS(node->name));
    }
    twice = schema_duplicate_find(node->enumeration.symbols, node->enumeration.count);
    if (twice.size > 0) {
        return refuse(parser, context, "enum \"%.*s\" has symbol \"%.*s\" twice",
                      STR_ARGS(node->name), STR_ARGS(twice));
    }
    if (fallback == NULL) {
        return ERR_OK;
    }
    for (size_t i = 0; i < node->enumeration.count; i++) {
        if (json_is_string(fallback) &&
            str_equal(node->enumeration.symbols[i], json_text_of(fallback))) {
            node->enumeration.has_default = true;
            node->enumeration.default_symbol = i;
            return ERR_OK;
        }
    }
    return refuse(parser, context, "default of enum \"%.*s\" is not one of its symbols",
                  STR_ARGS(node->name));
}

static enum err_code parse_fixed(struct parser *parser, const json_t *json,
                                 const struct context *context, struct schema_node *node)
{
    const json_t *size = json_object_get(json, "size");
    struct context inner;
    enum err_code code = parse_name(parser, json, context, node, &inner);

    if (code != ERR_OK) {
        return code;
    }
    if (!json_is_integer(size) || json_integer_value(size) < 0 ||
        json_integer_value(size) > SCHEMA_FIXED_SIZE_MAX) {
        return refuse(parser, context, "size of fixed \"%.*s\" is not an integer from 0 to %d",
                      STR_ARGS(node->name), SCHEMA_FIXED_SIZE_MAX);
    }
    node->fixed_size = (size_t)json_integer_value(size);
    node->zero_width = node->fixed_size == 0;
    return ERR_OK;
}

/* An array or a map. */
static enum err_code parse_items(struct parser *parser, const json_t *json,
                                 const struct context *context, struct schema_node *node)
{
    const char *key = node->type == SCHEMA_ARRAY ? "items" : "values";

    if (json_object_get(json, key) == NULL) {
        return refuse(parser, context, "%s without %s",
                      node->type == SCHEMA_ARRAY ? "an array" : "a map", key);
    }
    return parse_node(parser, json_object_get(json, key), context, &node->items);
}

static enum err_code parse_union(struct parser *parser, const json_t *json,
                                 const struct context *context, struct schema_node *node)
{
    size_t count = json_array_size(json);
    struct str *titles = arena_calloc(&parser->schema->arena, count, sizeof(titles[0]));
    struct str twice;

    if (count == 0) {
        return refuse(parser, context, "a union without branches");
    }
    node->branches.count = count;
    node->branches.branches =
        arena_calloc(&parser->schema->arena, count, sizeof(node->branches.branches[0]));
    for (size_t i = 0; i < count; i++) {
        enum err_code code =
            parse_node(parser, json_array_get(json, i), context, &node->branches.branches[i]);

        if (code != ERR_OK) {
            return code;
        }
        if (node->branches.branches[i]->type == SCHEMA_UNION) {
            return refuse(parser, context, "a union directly within a union");
        }
        titles[i] = schema_node_title(node->branches.branches[i]);
    }
    twice = schema_duplicate_find(titles, count);
    if (twice.size > 0) {
        return refuse(parser, context, "a union with two branches of type \"%.*s\"",
                      STR_ARGS(twice));
    }
    return ERR_OK;
}

static enum schema_logical logical_of(const json_t *json)
{
    static const struct {
        const char *name;
        enum schema_logical logical;
    } rows[] = {
        {"timestamp-millis", SCHEMA_TIMESTAMP_MILLIS},
        {"timestamp-micros", SCHEMA_TIMESTAMP_MICROS},
        {"timestamp-nanos", SCHEMA_TIMESTAMP_NANOS},
        /* Without a zone; read as UTC, the only zone there is until a report is written. */
        {"local-timestamp-millis", SCHEMA_TIMESTAMP_MILLIS},
        {"local-timestamp-micros", SCHEMA_TIMESTAMP_MICROS},
        {"local-timestamp-nanos", SCHEMA_TIMESTAMP_NANOS},
    };
    struct str name = json_text_of(json_object_get(json, "logicalType"));

    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (str_equal(name, STR(rows[i].name))) {
            return rows[i].logical;
        }
    }
    return SCHEMA_LOGICAL_NONE;
}

/* A type by its name alone: primitive, or defined before. */
static enum err_code parse_reference(struct parser *parser, struct str name,
                                     const struct context *context,
                                     const struct schema_node **ret_node)
{
    enum schema_type primitive;
    const struct schema_node *found;

    if (schema_primitive_find(name, &primitive)) {
        struct schema_node *node;
        enum err_code code = node_add(parser, context, primitive, &node);

        if (code == ERR_OK) {
            *ret_node = node;
        }
        return code;
    }
    if (!schema_full_name_valid(name)) {
        return refuse(parser, context, "\"%.*s\" is not the name of a type", STR_ARGS(name));
    }
    found =
        schema_name_find(parser->schema, qualify(&parser->schema->arena, name, context->namespace));
    if (found == NULL) {
        /* Beyond the specification, but what the Java library does and so what registries hold. */
        found = schema_name_find(parser->schema, name);
    }
    if (found == NULL) {
        return refuse(parser, context, "unknown type \"%.*s\"", STR_ARGS(name));
    }
    *ret_node = found;
    return ERR_OK;
}

static enum err_code parse_complex(struct parser *parser, const json_t *json, struct str type,
                                   const struct context *context,
                                   const struct schema_node **ret_node)
{
    static const struct {
        const char *name;
        enum schema_type type;
        enum err_code (*parse)(struct parser *parser, const json_t *json,
                               const struct context *context, struct schema_node *node);
    } rows[] = {
        {"record", SCHEMA_RECORD, parse_record}, {"error", SCHEMA_RECORD, parse_record},
        {"enum", SCHEMA_ENUM, parse_enum},       {"fixed", SCHEMA_FIXED, parse_fixed},
        {"array", SCHEMA_ARRAY, parse_items},    {"map", SCHEMA_MAP, parse_items},
    };

    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct schema_node *node;
        enum err_code code;

        if (!str_equal(type, STR(rows[i].name))) {
            continue;
        }
        code = node_add(parser, context, rows[i].type, &node);
        if (code == ERR_OK) {
            code = rows[i].parse(parser, json, context, node);
        }
        if (code == ERR_OK) {
            *ret_node = node;
        }
        return code;
    }
    return parse_reference(parser, type, context, ret_node);
}

static enum err_code parse_object(struct parser *parser, const json_t *json,
                                  const struct context *context,
                                  const struct schema_node **ret_node)
{
    struct str type = json_text_of(json_object_get(json, "type"));
    enum schema_type primitive;
    struct schema_node *node;
    enum err_code code;

    if (!json_is_string(json_object_get(json, "type"))) {
        return refuse(parser, context, "a type that is a JSON object needs \"type\" with a name");
    }
    if (!schema_primitive_find(type, &primitive)) {
        return parse_complex(parser, json, type, context, ret_node);
    }
    code = node_add(parser, context, primitive, &node);
    if (code != ERR_OK) {
        return code;
    }
    node->logical = primitive == SCHEMA_LONG ? logical_of(json) : SCHEMA_LOGICAL_NONE;
    *ret_node = node;
    return ERR_OK;
}

static enum err_code parse_node(struct parser *parser, const json_t *json,
                                const struct context *context, const struct schema_node **ret_node)
{
    struct context inner = *context;
    struct schema_node *node;
    enum err_code code;

    if (++inner.depth > SCHEMA_DEPTH_MAX) {
        return refuse(parser, context, "nested deeper than %d levels", SCHEMA_DEPTH_MAX);
    }
    if (json_is_string(json)) {
        return parse_reference(parser, json_text_of(json), &inner, ret_node);
    }
    if (json_is_object(json)) {
        return parse_object(parser, json, &inner, ret_node);
    }
    if (!json_is_array(json)) {
        return refuse(parser, context, "a type is neither text nor object nor array");
    }
    code = node_add(parser, context, SCHEMA_UNION, &node);
    if (code == ERR_OK) {
        code = parse_union(parser, json, &inner, node);
    }
    if (code == ERR_OK) {
        *ret_node = node;
    }
    return code;
}

enum err_code schema_parse(struct str text, const struct schema *const *references,
                           size_t reference_count, struct schema **ret_schema, struct err *err)
{
    struct schema *schema;
    struct parser parser;
    json_error_t error;
    enum err_code code;

    if (text.size > SCHEMA_SIZE_MAX) {
        return err_set(err, ERR_DATA, "schema of %zu bytes; at most %d are read", text.size,
                       SCHEMA_SIZE_MAX);
    }
    schema = memory_calloc(1, sizeof(*schema));
    intern_init(&schema->names);
    parser = (struct parser){.schema = schema, .err = err};
    schema->document =
        json_loadb(text.data != NULL ? text.data : "", text.size,
                   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (schema->document == NULL) {
        code =
            err_set(err, ERR_DATA, "line %d column %d: %s", error.line, error.column, error.text);
        goto out;
    }
    schema_names_import(schema, references, reference_count);
    code = parse_node(&parser, schema->document, &(struct context){.depth = 0}, &schema->root);
out:
    if (code != ERR_OK) {
        schema_free(schema);
        return code;
    }
    *ret_schema = schema;
    return ERR_OK;
}
