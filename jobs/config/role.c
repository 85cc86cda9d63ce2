/*
 * Roles and rule values: the small forms of a mapping that may be written as one value or as a list.
 */
#include "base/check.h"
#include "jobs/config/tables.h"

enum { PATH_SIZE_MAX = 1024, RULE_VALUES_MAX = 256 };

enum err_code role_add_path(struct conf_reader *reader, struct role *role,
                            const struct conf_node *node, struct err *err)
{
    struct str path;
    size_t depth = 1;
    enum err_code code = conf_read_name(reader, node, PATH_SIZE_MAX, &path, err);

    if (code != ERR_OK) {
        return code;
    }
    if (role->path_count == MAPPING_PATHS_MAX) {
        return conf_error(reader, node, err, "more than %d alternative paths", MAPPING_PATHS_MAX);
    }
    for (size_t i = 0; i < path.size; i++) {
        bool at_edge = i == 0 || i + 1 == path.size;

        if (path.data[i] != '.') {
            continue;
        }
        if (at_edge || path.data[i - 1] == '.') {
            return conf_error(reader, node, err, "path \"%.*s\" has an empty part", STR_ARGS(path));
        }
        depth++;
    }
    if (depth > MAPPING_DEPTH_MAX) {
        return conf_error(reader, node, err, "path is deeper than %d", MAPPING_DEPTH_MAX);
    }
    role->paths[role->path_count++] = path;
    return ERR_OK;
}

static enum err_code read_role(struct conf_reader *reader, const struct conf_row *row,
                               const struct conf_node *node, void *target, struct err *err)
{
    struct role *role = (struct role *)(void *)((char *)target + row->offset);

    if (node->kind != CONF_LIST) {
        return role_add_path(reader, role, node, err);
    }
    if (node->count == 0) {
        return conf_error(reader, node, err, "%s: at least one path wanted", row->key);
    }
    for (const struct conf_node *child = node->first; child != NULL; child = child->next) {
        enum err_code code = role_add_path(reader, role, child, err);

        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

static void role_schema(struct json_writer *json)
{
    json_open_array(json, "anyOf");
    json_open_object(json, NULL);
    json_text(json, "type", "string");
    json_close(json);
    json_open_object(json, NULL);
    json_open_object(json, "items");
    json_text(json, "type", "string");
    json_close(json);
    json_int64(json, "maxItems", MAPPING_PATHS_MAX);
    json_int64(json, "minItems", 1);
    json_text(json, "type", "array");
    json_close(json);
    json_close(json);
}

const struct conf_custom conf_role = {
    .read = read_role, .schema = role_schema, .form = "path, or list of paths"};

/* "400-499" or "429"; a minus sign belongs to the first number if it is the first character. */
static bool parse_range(struct str text, int64_t *ret_low, int64_t *ret_high)
{
    if (str_to_int64(text, ret_low)) {
        *ret_high = *ret_low;
        return true;
    }
    for (size_t i = 1; i < text.size; i++) {
        if (text.data[i] == '-') {
            return str_to_int64(str_of(text.data, i), ret_low) &&
                   str_to_int64(str_of(text.data + i + 1, text.size - i - 1), ret_high);
        }
    }
    return false;
}

static enum err_code read_value(struct conf_reader *reader, const struct conf_node *node,
                                enum value_form form, struct rule_value *ret_value, struct err *err)
{
    struct rule_value value = {.match = form == VALUES_PREFIX ? RULE_PREFIX : RULE_EQUALS};
    enum err_code code = conf_read_name(reader, node, PATH_SIZE_MAX, &value.text, err);
    bool is_range;

    if (code != ERR_OK) {
        return code;
    }
    is_range = (form == VALUES_RANGE || form == VALUES_MIXED) &&
               parse_range(value.text, &value.low, &value.high);
    if (form == VALUES_RANGE && !is_range) {
        return conf_error(reader, node, err, "\"%.*s\" is not a range such as 400-499",
                          STR_ARGS(value.text));
    }
    if (is_range) {
        if (value.low > value.high) {
            return conf_error(reader, node, err, "range %.*s is empty", STR_ARGS(value.text));
        }
        value.match = RULE_RANGE;
    } else {
        value.low = 0;
        value.high = 0;
    }
    *ret_value = value;
    return ERR_OK;
}

enum err_code values_append(struct conf_reader *reader, const struct conf_node *node,
                            enum value_form form, struct rule_value **values, size_t *count,
                            struct err *err)
{
    size_t added = node->kind == CONF_LIST ? node->count : 1;
    const struct conf_node *child = node->kind == CONF_LIST ? node->first : node;
    struct rule_value *all;

    if (added > RULE_VALUES_MAX || *count + added > RULE_VALUES_MAX) {
        return conf_error(reader, node, err, "more than %d values", RULE_VALUES_MAX);
    }
    all = arena_calloc(reader->arena, *count + added, sizeof(*all));
    if (*count > 0) {
        memcpy(all, *values, *count * sizeof(*all));
    }
    for (size_t i = 0; i < added; i++, child = child->next) {
        enum err_code code = read_value(reader, child, form, &all[*count + i], err);

        if (code != ERR_OK) {
            return code;
        }
    }
    *values = all;
    *count += added;
    return ERR_OK;
}

void values_schema(struct json_writer *json)
{
    json_open_array(json, "anyOf");
    json_open_object(json, NULL);
    json_open_array(json, "type");
    json_text(json, NULL, "string");
    json_text(json, NULL, "integer");
    json_close(json);
    json_close(json);
    json_open_object(json, NULL);
    json_open_object(json, "items");
    json_open_array(json, "type");
    json_text(json, NULL, "string");
    json_text(json, NULL, "integer");
    json_close(json);
    json_close(json);
    json_text(json, "type", "array");
    json_close(json);
    json_close(json);
}
