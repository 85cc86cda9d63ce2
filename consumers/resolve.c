#include "consumers/resolve.h"

#include <jansson.h>

#include "base/check.h"
#include "consumers/convert.h"

/* "Both schemas are records with the same (unqualified) name", and aliases of the reader, which are full names. */
static bool names_match(const struct schema_node *writer, const struct schema_node *reader)
{
    if (str_equal(schema_unqualified(writer->name), schema_unqualified(reader->name))) {
        return true;
    }
    for (size_t i = 0; i < reader->alias_count; i++) {
        if (str_equal(writer->name, reader->aliases[i])) {
            return true;
        }
    }
    return false;
}

static bool promotes(enum schema_type writer, enum schema_type reader)
{
    switch (writer) {
    case SCHEMA_INT:
        return reader == SCHEMA_LONG || reader == SCHEMA_FLOAT || reader == SCHEMA_DOUBLE;
    case SCHEMA_LONG:
        return reader == SCHEMA_FLOAT || reader == SCHEMA_DOUBLE;
    case SCHEMA_FLOAT:
        return reader == SCHEMA_DOUBLE;
    case SCHEMA_STRING:
        return reader == SCHEMA_BYTES;
    case SCHEMA_BYTES:
        return reader == SCHEMA_STRING;
    default:
        return false;
    }
}

/* "To match" in the specification's words. Unions match anything here: they are resolved when a branch is met. */
static bool matches(const struct schema_node *writer, const struct schema_node *reader,
                    unsigned depth)
{
    if (writer == reader || writer->type == SCHEMA_UNION || reader->type == SCHEMA_UNION ||
        depth > SCHEMA_DEPTH_MAX) {
        return true;
    }
    if (writer->type != reader->type) {
        return promotes(writer->type, reader->type);
    }
    switch (writer->type) {
    case SCHEMA_RECORD:
    case SCHEMA_ENUM:
        return names_match(writer, reader);
    case SCHEMA_FIXED:
        return names_match(writer, reader) && writer->fixed_size == reader->fixed_size;
    case SCHEMA_ARRAY:
    case SCHEMA_MAP:
        return matches(writer->items, reader->items, depth + 1);
    default:
        return true;
    }
}

const struct schema_node *resolve_type(const struct schema_node *writer,
                                       const struct schema_node *reader)
{
    CHECK(writer->type != SCHEMA_UNION);
    if (reader->type != SCHEMA_UNION) {
        return matches(writer, reader, 0) ? reader : NULL;
    }
    for (size_t i = 0; i < reader->branches.count; i++) {
        if (matches(writer, reader->branches.branches[i], 0)) {
            return reader->branches.branches[i];
        }
    }
    return NULL;
}

const struct schema_field *resolve_field(const struct schema_node *writer,
                                         const struct schema_node *reader,
                                         const struct schema_field *field)
{
    const struct schema_field *found = schema_record_field(writer, field->name);

    for (size_t i = 0; i < field->alias_count && found == NULL; i++) {
        /* A name that the reader gives to another of its fields is that field's. */
        if (schema_record_field(reader, field->aliases[i]) == NULL) {
            found = schema_record_field(writer, field->aliases[i]);
        }
    }
    return found;
}

bool resolve_symbol(struct str symbol, const struct schema_node *reader, struct str *ret_symbol)
{
    CHECK(reader->type == SCHEMA_ENUM);
    for (size_t i = 0; i < reader->enumeration.count; i++) {
        if (str_equal(symbol, reader->enumeration.symbols[i])) {
            *ret_symbol = symbol;
            return true;
        }
    }
    if (reader->enumeration.has_default) {
        *ret_symbol = reader->enumeration.symbols[reader->enumeration.default_symbol];
    }
    return reader->enumeration.has_default;
}

static enum err_code default_refuse(const struct schema_node *node, struct err *err)
{
    return err_set(err, ERR_CONFIG, "the default is no value of type %.*s",
                   STR_ARGS(schema_node_title(node)));
}

/* JSON text of bytes and fixed: code points 0 to 255 stand for bytes. */
static bool bytes_of_text(const json_t *json, struct arena *arena, struct str *ret_bytes)
{
    size_t size = json_string_length(json);
    const unsigned char *text = (const unsigned char *)json_string_value(json);
    char *bytes = arena_alloc(arena, size + 1);
    size_t count = 0;

    for (size_t i = 0; i < size; i++) {
        if (text[i] < 0x80) {
            bytes[count++] = (char)text[i];
        } else if (text[i] == 0xc2 || text[i] == 0xc3) {
            bytes[count++] = (char)((text[i] & 3) << 6 | (text[i + 1] & 0x3f));
            i++;
        } else {
            return false;
        }
    }
    *ret_bytes = str_of(bytes, count);
    return true;
}

static enum err_code default_text(const struct schema_node *node, const json_t *json,
                                  struct arena *arena, struct value *value, struct err *err)
{
    struct str text = str_of(json_string_value(json), json_string_length(json));

    value->kind = VALUE_TEXT;
    if (node->type == SCHEMA_BYTES || node->type == SCHEMA_FIXED) {
        value->kind = VALUE_BYTES;
        if (!bytes_of_text(json, arena, &text) ||
            (node->type == SCHEMA_FIXED && text.size != node->fixed_size)) {
            return default_refuse(node, err);
        }
    } else if (node->type == SCHEMA_ENUM && !resolve_symbol(text, node, &text)) {
        return default_refuse(node, err);
    }
    value->data = text.data;
    value->size = (uint32_t)text.size;
    return ERR_OK;
}

static enum err_code default_number(const struct schema_node *node, const json_t *json,
                                    struct value *value, struct err *err)
{
    value->logical = (uint8_t)node->logical;
    if (node->type == SCHEMA_INT || node->type == SCHEMA_LONG) {
        value->kind = VALUE_INTEGER;
        value->number = json_integer_value(json);
        if (!json_is_integer(json) || (node->type == SCHEMA_INT &&
                                       (value->number < INT32_MIN || value->number > INT32_MAX))) {
            return default_refuse(node, err);
        }
    } else if (node->type == SCHEMA_DOUBLE) {
        value->kind = VALUE_DOUBLE;
        value->number = (int64_t)convert_double_bits(json_number_value(json));
    } else {
        value->kind = VALUE_FLOAT;
        value->number = convert_float_bits(json_number_value(json));
    }
    return ERR_OK;
}

static enum err_code default_leaf(const struct schema_node *node, const json_t *json,
                                  struct arena *arena, struct value *value, struct err *err)
{
    bool fits = false;

    switch (node->type) {
    case SCHEMA_NULL:
        fits = json_is_null(json);
        break;
    case SCHEMA_BOOLEAN:
        fits = json_is_boolean(json);
        value->kind = VALUE_BOOLEAN;
        value->number = json_is_true(json);
        break;
    case SCHEMA_INT:
    case SCHEMA_LONG:
    case SCHEMA_FLOAT:
    case SCHEMA_DOUBLE:
        return json_is_number(json) ? default_number(node, json, value, err)
                                    : default_refuse(node, err);
    case SCHEMA_BYTES:
    case SCHEMA_STRING:
    case SCHEMA_ENUM:
    case SCHEMA_FIXED:
        return json_is_string(json) ? default_text(node, json, arena, value, err)
                                    : default_refuse(node, err);
    default:
        fits = true;
        value->kind = VALUE_UNFIT;
    }
    return fits ? ERR_OK : default_refuse(node, err);
}

static enum err_code default_at(const struct schema_node *node, const json_t *json,
                                const struct str *parts, size_t part_count, struct arena *arena,
                                struct value *value, struct err *err)
{
    const struct schema_field *field;
    const json_t *inner;

    if (node->type == SCHEMA_UNION) {
        node = node->branches.branches[0]; /* a default is of the union's first branch */
    }
    if (part_count == 0) {
        return default_leaf(node, json, arena, value, err);
    }
    if (node->type != SCHEMA_RECORD && node->type != SCHEMA_MAP) {
        return default_leaf(node, json, arena, &(struct value){0}, err);
    }
    if (!json_is_object(json)) {
        return default_refuse(node, err);
    }
    inner = json_object_getn(json, parts[0].data, parts[0].size);
    if (node->type == SCHEMA_MAP) {
        return inner == NULL
                   ? ERR_OK
                   : default_at(node->items, inner, parts + 1, part_count - 1, arena, value, err);
    }
    field = schema_record_field(node, parts[0]);
    if (field == NULL) {
        return ERR_OK;
    }
    if (inner == NULL) {
        return resolve_default(field, parts + 1, part_count - 1, arena, value, err);
    }
    return default_at(field->type, inner, parts + 1, part_count - 1, arena, value, err);
}

enum err_code resolve_default(const struct schema_field *field, const struct str *parts,
                              size_t part_count, struct arena *arena, struct value *ret_value,
                              struct err *err)
{
    struct value value = {.kind = VALUE_ABSENT};
    enum err_code code;

    if (field->default_value == NULL) {
        return err_set(err, ERR_CONFIG,
                       "the writer's schema lacks field \"%.*s\" and the reader's gives no default",
                       STR_ARGS(field->name));
    }
    code = default_at(field->type, field->default_value, parts, part_count, arena, &value, err);
    if (code == ERR_OK) {
        *ret_value = value;
    }
    return code;
}
