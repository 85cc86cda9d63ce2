#include "base/conf_table.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/conf_value.h"
#include "base/spelling.h"

static void *member_of(void *target, size_t offset)
{
    return (char *)target + offset;
}

/* Row number i of a table and its base, base first; NULL behind the last. */
static const struct conf_row *row_at(const struct conf_table *table, size_t i)
{
    size_t base_count = table->base != NULL ? table->base->row_count : 0;

    if (i < base_count) {
        return &table->base->rows[i];
    }
    return i - base_count < table->row_count ? &table->rows[i - base_count] : NULL;
}

static const struct conf_row *find_row(const struct conf_table *table, struct str key)
{
    const struct conf_row *row;

    for (size_t i = 0; (row = row_at(table, i)) != NULL; i++) {
        if (str_equal(str_from(row->key), key)) {
            return row;
        }
    }
    return NULL;
}

/* Place of a key rather than of its value. */
static struct conf_node key_place(const struct conf_node *child)
{
    return (struct conf_node){.line = child->key_line, .column = child->key_column};
}

static enum err_code check_keys(struct conf_reader *reader, const struct conf_table *table,
                                const struct conf_node *node, struct err *err)
{
    for (const struct conf_node *child = node->first; child != NULL; child = child->next) {
        const struct conf_row *row = find_row(table, child->key);
        struct conf_node place = key_place(child);
        struct spelling spelling;
        char hint[SPELLING_HINT_SIZE];

        if (row != NULL && row->type == CONF_LATER) {
            return conf_error(reader, &place, err, "\"%s\" is not supported by this version",
                              row->key);
        }
        if (row != NULL) {
            continue;
        }
        spelling_init(&spelling, child->key);
        for (size_t i = 0; (row = row_at(table, i)) != NULL; i++) {
            spelling_offer(&spelling, row->key);
        }
        return conf_error(reader, &place, err, "unknown key \"%.*s\"%s", STR_ARGS(child->key),
                          spelling_hint(&spelling, hint));
    }
    return ERR_OK;
}

static void read_fallback(struct conf_reader *reader, const struct conf_row *row, void *target)
{
    struct conf_node node = {.kind = CONF_SCALAR,
                             .plain = true,
                             .text = str_from(row->fallback),
                             .line = 1,
                             .column = 1};
    struct err err = ERR_INIT;

    CHECK(conf_row_read(reader, row, &node, target, &err) == ERR_OK);
}

/* Defaults of all rows, also of nested tables that are absent. */
static void read_defaults(struct conf_reader *reader, const struct conf_table *table, void *target)
{
    const struct conf_row *row;

    if (table->init != NULL) {
        table->init(reader, target);
    }
    for (size_t i = 0; (row = row_at(table, i)) != NULL; i++) {
        if (row->fallback != NULL && !table->inherits) {
            read_fallback(reader, row, target);
        } else if (row->type == CONF_TABLE) {
            read_defaults(reader, row->table, member_of(target, row->offset));
        }
    }
}

static enum err_code read_array(struct conf_reader *reader, const struct conf_row *row,
                                const struct conf_node *node, void *target, struct err *err)
{
    bool tables = row->element == CONF_TABLE;
    size_t size = tables ? row->table->size : sizeof(struct str);
    char *elements;
    size_t i = 0;

    if (node->kind != CONF_LIST) {
        return conf_error(reader, node, err, "%s: a list is wanted, not %s", row->key,
                          conf_kind_name(node));
    }
    if (node->count < (size_t)row->minimum) {
        return conf_error(reader, node, err, "%s: at least %" PRId64 " wanted", row->key,
                          row->minimum);
    }
    if (row->maximum > 0 && node->count > (size_t)row->maximum) {
        return conf_error(reader, node, err, "%s: more than %" PRId64, row->key, row->maximum);
    }
    elements = arena_calloc(reader->arena, node->count, size);
    for (const struct conf_node *child = node->first; child != NULL; child = child->next, i++) {
        void *element = elements + i * size;
        struct conf_row single = {.key = row->key, .type = row->element, .size = size};
        enum err_code code = tables ? conf_table_read(reader, row->table, child, element, err)
                                    : conf_row_read(reader, &single, child, element, err);

        if (code != ERR_OK) {
            return code;
        }
    }
    memcpy(member_of(target, row->offset), &elements, sizeof(elements));
    memcpy(member_of(target, row->count_offset), &i, sizeof(i));
    return ERR_OK;
}

enum err_code conf_row_read(struct conf_reader *reader, const struct conf_row *row,
                            const struct conf_node *node, void *target, struct err *err)
{
    const struct conf_type_row *type = conf_type_row(row->type);

    if (row->has_present) {
        *(bool *)member_of(target, row->present_offset) = true;
    }
    switch (row->type) {
    case CONF_TABLE:
        return conf_table_read(reader, row->table, node, member_of(target, row->offset), err);
    case CONF_ARRAY:
        return read_array(reader, row, node, target, err);
    case CONF_CUSTOM:
        return row->custom->read(reader, row, node, target, err);
    default:
        CHECK(type->read != NULL);
        if (node->kind != CONF_SCALAR) {
            return conf_error(reader, node, err, "%s: a single value is wanted, not %s", row->key,
                              conf_kind_name(node));
        }
        if (conf_is_null(node)) {
            return conf_error(reader, node, err, "%s has no value", row->key);
        }
        return type->read(reader, row, node, member_of(target, row->offset), err);
    }
}

/* A value that is no table stands for {shorthand: value}. */
static struct conf_node expand(const struct conf_table *table, const struct conf_node *node,
                               struct conf_node *ret_child)
{
    struct conf_node map = {
        .kind = CONF_MAP, .line = node->line, .column = node->column, .count = 1};

    *ret_child = *node;
    ret_child->key = str_from(table->shorthand);
    ret_child->key_line = node->line;
    ret_child->key_column = node->column;
    ret_child->next = NULL;
    map.first = ret_child;
    return map;
}

static enum err_code read_row_of_table(struct conf_reader *reader, const struct conf_table *table,
                                       const struct conf_row *row, const struct conf_node *node,
                                       void *target, struct err *err)
{
    const struct conf_node *child = conf_child(node, row->key);

    if (child != NULL) {
        return conf_row_read(reader, row, child, target, err);
    }
    if (row->required) {
        return conf_error(reader, node, err, "%s: required key \"%s\" is missing", table->name,
                          row->key);
    }
    if (row->fallback != NULL && !table->inherits) {
        read_fallback(reader, row, target);
    } else if (row->type == CONF_TABLE) {
        read_defaults(reader, row->table, member_of(target, row->offset));
    }
    return ERR_OK;
}

enum err_code conf_table_read(struct conf_reader *reader, const struct conf_table *table,
                              const struct conf_node *node, void *target, struct err *err)
{
    const struct conf_row *row;
    struct conf_node map;
    struct conf_node child;
    enum err_code code;

    if (node->kind != CONF_MAP && table->shorthand != NULL && !conf_is_null(node)) {
        map = expand(table, node, &child);
        node = &map;
    }
    if (node->kind != CONF_MAP) {
        return conf_error(reader, node, err, "%s: a table is wanted, not %s", table->name,
                          conf_is_null(node) ? "nothing" : conf_kind_name(node));
    }
    code = check_keys(reader, table, node, err);
    if (code != ERR_OK) {
        return code;
    }
    if (table->init != NULL) {
        table->init(reader, target);
    }
    for (size_t i = 0; (row = row_at(table, i)) != NULL; i++) {
        code = read_row_of_table(reader, table, row, node, target, err);
        if (code != ERR_OK) {
            return code;
        }
    }
    return table->check != NULL ? table->check(reader, node, target, err) : ERR_OK;
}

static void check_row(const struct conf_row *row)
{
    const struct conf_type_row *type = conf_type_row(row->type);

    CHECK(row->key != NULL);
    CHECK(row->help != NULL || row->type == CONF_LATER);
    if (type->sizes[0] != 0) {
        CHECK(row->size == type->sizes[0] || row->size == type->sizes[1]);
    }
    if (row->type == CONF_ENUM) {
        CHECK(row->choices != NULL);
    }
    if (row->type == CONF_CUSTOM) {
        CHECK(row->custom != NULL);
    }
}

void conf_table_check(const struct conf_table *table)
{
    const struct conf_row *row;

    if (table->shorthand != NULL) {
        CHECK(find_row(table, str_from(table->shorthand)) != NULL);
    }
    for (size_t i = 0; (row = row_at(table, i)) != NULL; i++) {
        check_row(row);
        CHECK(find_row(table, str_from(row->key)) == row);
        if (row->table != NULL) {
            conf_table_check(row->table);
        }
    }
}
