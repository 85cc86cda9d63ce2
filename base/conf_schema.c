/*
 * What the tables of a configuration are also good for: a JSON schema, a reference, and the document with its defaults.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/conf_value.h"

enum { TABLES_MAX = 64 };

/* All tables that a table leads to, by name, each once. */
struct table_list {
    const struct conf_table *tables[TABLES_MAX];
    size_t count;
};

static int compare_tables(const void *a, const void *b)
{
    const struct conf_table *const *left = a;
    const struct conf_table *const *right = b;

    return strcmp((*left)->name, (*right)->name);
}

static void collect(struct table_list *list, const struct conf_table *table)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->tables[i] == table) {
            return;
        }
        CHECK(strcmp(list->tables[i]->name, table->name) != 0);
    }
    CHECK(list->count < TABLES_MAX);
    list->tables[list->count++] = table;
    for (size_t i = 0; i < table->row_count; i++) {
        if (table->rows[i].table != NULL) {
            collect(list, table->rows[i].table);
        }
    }
}

struct row_list {
    const struct conf_row *rows[CONF_KEYS_MAX];
    size_t count;
};

static int compare_rows(const void *a, const void *b)
{
    const struct conf_row *const *left = a;
    const struct conf_row *const *right = b;

    return strcmp((*left)->key, (*right)->key);
}

static void add_rows(struct row_list *list, const struct conf_table *table)
{
    for (size_t i = 0; i < table->row_count; i++) {
        CHECK(list->count < CONF_KEYS_MAX);
        list->rows[list->count++] = &table->rows[i];
    }
}

/* Rows in the order of the table, base first, without those of later versions. */
static struct row_list rows_of(const struct conf_table *table)
{
    struct row_list all = {.count = 0};
    struct row_list kept = {.count = 0};

    if (table->base != NULL) {
        add_rows(&all, table->base);
    }
    add_rows(&all, table);
    for (size_t i = 0; i < all.count; i++) {
        if (all.rows[i]->type != CONF_LATER) {
            kept.rows[kept.count++] = all.rows[i];
        }
    }
    return kept;
}

static struct row_list rows_by_key(const struct conf_table *table)
{
    struct row_list rows = rows_of(table);

    if (rows.count > 0) {
        qsort(rows.rows, rows.count, sizeof(rows.rows[0]), compare_rows);
    }
    return rows;
}

/* JSON schema. Keys of every object ascend: the writer checks it. */

static void write_reference(struct json_writer *json, const struct conf_table *table)
{
    char reference[128];

    (void)snprintf(reference, sizeof(reference), "#/$defs/%s", table->name);
    json_text(json, "$ref", reference);
}

/* A table, or the value that its shorthand stands for. */
static void write_table_use(struct json_writer *json, const struct conf_table *table)
{
    if (table->shorthand == NULL) {
        write_reference(json, table);
        return;
    }
    json_open_array(json, "anyOf");
    json_open_object(json, NULL);
    write_reference(json, table);
    json_close(json);
    json_open_object(json, NULL);
    json_open_array(json, "type");
    json_text(json, NULL, "string");
    json_text(json, NULL, "array");
    json_close(json);
    json_close(json);
    json_close(json);
}

static const char *pattern_of(enum conf_type type)
{
    switch (type) {
    case CONF_DURATION:
        return "^[0-9]+(ns|us|ms|s|m|h|d)$";
    case CONF_SECRET:
        return "^\\$\\{(file|env):.+\\}$";
    case CONF_DATE:
        return "^[0-9]{4}-[0-9]{2}-[0-9]{2}$";
    case CONF_CURRENCY:
        return "^[A-Z]{3}$";
    default:
        return NULL;
    }
}

/* Numbers may be quoted, so that no editor turns them into binary fractions. */
static void write_number_types(struct json_writer *json, const char *number)
{
    json_open_array(json, "type");
    json_text(json, NULL, number);
    json_text(json, NULL, "string");
    json_close(json);
}

static void write_range(struct json_writer *json, const struct conf_row *row, bool maximum)
{
    int64_t low = row->minimum;
    int64_t high = row->type == CONF_RATIO ? 1 : row->type == CONF_PERCENT ? 100 : row->maximum;
    bool ranged = row->type == CONF_INTEGER || row->type == CONF_DECIMAL ||
                  row->type == CONF_RATIO || row->type == CONF_PERCENT;

    if (ranged && (maximum ? high != 0 : true)) {
        json_int64(json, maximum ? "maximum" : "minimum", maximum ? high : low);
    }
}

static void write_enum(struct json_writer *json, const struct conf_row *row)
{
    json_open_array(json, "enum");
    for (const struct conf_choice *choice = row->choices; choice->name != NULL; choice++) {
        if (!choice->later) {
            json_text(json, NULL, choice->name);
        }
    }
    json_close(json);
}

/* Members below "description". */
static void write_value(struct json_writer *json, const struct conf_row *row)
{
    const struct conf_type_row *type = conf_type_row(row->type);
    const char *pattern = pattern_of(row->type);
    bool number = row->type == CONF_DECIMAL || row->type == CONF_RATIO || row->type == CONF_PERCENT;

    if (row->type == CONF_ENUM) {
        write_enum(json, row);
        return;
    }
    write_range(json, row, true);
    write_range(json, row, false);
    if (pattern != NULL) {
        json_text(json, "pattern", pattern);
    }
    if (number || row->type == CONF_BYTES) {
        write_number_types(json, number ? "number" : "integer");
    } else {
        json_text(json, "type", type->schema);
    }
}

static void write_array(struct json_writer *json, const struct conf_row *row)
{
    json_open_object(json, "items");
    if (row->element == CONF_TABLE) {
        write_table_use(json, row->table);
    } else {
        json_text(json, "type", "string");
    }
    json_close(json);
    if (row->maximum > 0) {
        json_int64(json, "maxItems", row->maximum);
    }
    if (row->minimum > 0) {
        json_int64(json, "minItems", row->minimum);
    }
    json_text(json, "type", "array");
}

/* "$ref", "anyOf" and "additionalProperties" come before "description" in byte order, "type" behind: so custom
 * types stand in an allOf of their own. */
static void write_row(struct json_writer *json, const struct conf_row *row)
{
    bool composed = row->type == CONF_TABLE || row->type == CONF_CUSTOM;

    json_open_object(json, row->key);
    if (composed) {
        json_open_array(json, "allOf");
        json_open_object(json, NULL);
        if (row->type == CONF_TABLE) {
            write_table_use(json, row->table);
        } else {
            row->custom->schema(json);
        }
        json_close(json);
        json_close(json);
    }
    if (row->fallback != NULL) {
        json_text(json, "default", row->fallback);
    }
    json_text(json, "description", row->help);
    if (row->type == CONF_ARRAY) {
        write_array(json, row);
    } else if (!composed) {
        write_value(json, row);
    }
    json_close(json);
}

static void write_table(struct json_writer *json, const struct conf_table *table)
{
    struct row_list rows = rows_by_key(table);
    bool any_required = false;

    json_open_object(json, "properties");
    for (size_t i = 0; i < rows.count; i++) {
        any_required = any_required || rows.rows[i]->required;
        write_row(json, rows.rows[i]);
    }
    json_close(json);
    if (any_required) {
        json_open_array(json, "required");
        for (size_t i = 0; i < rows.count; i++) {
            if (rows.rows[i]->required) {
                json_text(json, NULL, rows.rows[i]->key);
            }
        }
        json_close(json);
    }
}

void conf_table_schema(const struct conf_table *table, const char *title, struct strbuf *out)
{
    struct table_list list = {.count = 0};
    struct json_writer json;

    collect(&list, table);
    qsort(list.tables, list.count, sizeof(list.tables[0]), compare_tables);
    json_init(&json, out, true);
    json_open_object(&json, NULL);
    json_open_object(&json, "$defs");
    for (size_t i = 0; i < list.count; i++) {
        if (list.tables[i] == table) {
            continue;
        }
        json_open_object(&json, list.tables[i]->name);
        json_bool(&json, "additionalProperties", false);
        write_table(&json, list.tables[i]);
        json_text(&json, "type", "object");
        json_close(&json);
    }
    json_close(&json);
    json_text(&json, "$schema", "https://json-schema.org/draft/2020-12/schema");
    json_bool(&json, "additionalProperties", false);
    write_table(&json, table);
    json_text(&json, "title", title);
    json_text(&json, "type", "object");
    json_close(&json);
    json_finish(&json);
}

/* The reference. */

static void append_type(const struct conf_row *row, struct strbuf *out)
{
    if (row->type == CONF_ENUM) {
        const char *separator = "";

        for (const struct conf_choice *choice = row->choices; choice->name != NULL; choice++) {
            if (!choice->later) {
                strbuf_append_format(out, "%s`%s`", separator, choice->name);
                separator = ", ";
            }
        }
    } else if (row->type == CONF_CUSTOM) {
        strbuf_append_text(out, row->custom->form);
    } else if (row->type == CONF_ARRAY) {
        strbuf_append_format(out, "list of %ss", conf_type_row(row->element)->name);
    } else if (row->type == CONF_TABLE && row->table->shorthand != NULL) {
        strbuf_append_format(out, "table, or its `%s`", row->table->shorthand);
    } else {
        strbuf_append_text(out, conf_type_row(row->type)->name);
    }
}

static void append_rows(const struct conf_table *table, const char *prefix, struct strbuf *out)
{
    struct row_list rows = rows_of(table);

    for (size_t i = 0; i < rows.count; i++) {
        const struct conf_row *row = rows.rows[i];
        char path[256];

        (void)snprintf(path, sizeof(path), "%s%s%s", prefix, row->key,
                       row->type == CONF_ARRAY ? "[]" : "");
        strbuf_append_format(out, "| `%s` | ", path);
        append_type(row, out);
        strbuf_append_text(out, " | ");
        if (row->required) {
            strbuf_append_text(out, "required");
        } else if (row->fallback != NULL) {
            strbuf_append_format(out, "`%s`", row->fallback);
        }
        strbuf_append_format(out, " | %s |\n", row->help);
        if (row->table != NULL) {
            (void)snprintf(path + strlen(path), sizeof(path) - strlen(path), ".");
            append_rows(row->table, path, out);
        }
    }
}

void conf_table_reference(const struct conf_table *table, struct strbuf *out)
{
    strbuf_append_text(out, "| key | type | default | meaning |\n|---|---|---|---|\n");
    append_rows(table, "", out);
}

/* The document with its defaults. */

static void show_indent(struct strbuf *out, int depth)
{
    for (int i = 0; i < depth; i++) {
        strbuf_append_text(out, "  ");
    }
}

/* Always quoted, so that what was text stays text. */
static void show_scalar(struct strbuf *out, struct str text)
{
    strbuf_append_char(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c == '"' || c == '\\') {
            strbuf_append_char(out, '\\');
            strbuf_append_char(out, (char)c);
        } else if (c < 0x20 || c == 0x7f) {
            strbuf_append_format(out, "\\x%02x", c);
        } else {
            strbuf_append_char(out, (char)c);
        }
    }
    strbuf_append_char(out, '"');
}

static void show_node(const struct conf_node *node, int depth, struct strbuf *out);

static void show_child(const struct conf_node *child, int depth, struct strbuf *out)
{
    if (child->kind == CONF_SCALAR || child->count == 0) {
        strbuf_append_char(out, ' ');
        show_node(child, depth, out);
    } else {
        strbuf_append_char(out, '\n');
        show_node(child, depth + 1, out);
    }
}

/* A value without a table: as it stands. */
static void show_node(const struct conf_node *node, int depth, struct strbuf *out)
{
    if (node->kind == CONF_SCALAR) {
        show_scalar(out, node->text);
        strbuf_append_char(out, '\n');
        return;
    }
    if (node->count == 0) {
        strbuf_append_text(out, node->kind == CONF_MAP ? "{}\n" : "[]\n");
        return;
    }
    for (const struct conf_node *child = node->first; child != NULL; child = child->next) {
        show_indent(out, depth);
        if (node->kind == CONF_LIST) {
            strbuf_append_char(out, '-');
        } else {
            show_scalar(out, child->key);
            strbuf_append_char(out, ':');
        }
        show_child(child, depth, out);
    }
}

static void show_table(const struct conf_table *table, const struct conf_node *node, int depth,
                       struct strbuf *out);

static bool has_defaults(const struct conf_table *table)
{
    struct row_list rows = rows_of(table);

    for (size_t i = 0; i < rows.count; i++) {
        if (rows.rows[i]->required) {
            return false;
        }
    }
    for (size_t i = 0; i < rows.count; i++) {
        if (rows.rows[i]->fallback != NULL) {
            return true;
        }
    }
    return false;
}

static void show_array_of_tables(const struct conf_row *row, const struct conf_node *node,
                                 int depth, struct strbuf *out)
{
    for (const struct conf_node *child = node->first; child != NULL; child = child->next) {
        show_indent(out, depth + 1);
        strbuf_append_char(out, '-');
        if (child->kind == CONF_MAP) {
            strbuf_append_char(out, '\n');
            show_table(row->table, child, depth + 2, out);
        } else {
            show_child(child, depth + 1, out); /* the shorthand stays one */
        }
    }
}

static void show_row(const struct conf_row *row, bool inherits, const struct conf_node *child,
                     int depth, struct strbuf *out)
{
    static const struct conf_node empty = {.kind = CONF_MAP};
    bool table = row->type == CONF_TABLE;

    /* Sections of the file are filled in where they are absent; deeper tables mean something by being there. */
    if (child == NULL && ((table && depth > 0) || row->situational)) {
        return;
    }
    if (child == NULL &&
        (inherits || (row->fallback == NULL && !(table && has_defaults(row->table))))) {
        return;
    }
    show_indent(out, depth);
    strbuf_append_format(out, "%s:", row->key);
    if (child == NULL && !table) {
        strbuf_append_char(out, ' ');
        show_scalar(out, str_from(row->fallback));
        strbuf_append_char(out, '\n');
    } else if (table && (child == NULL || child->kind == CONF_MAP)) {
        strbuf_append_char(out, '\n');
        show_table(row->table, child != NULL ? child : &empty, depth + 1, out);
    } else if (row->type == CONF_ARRAY && row->element == CONF_TABLE && child->count > 0) {
        strbuf_append_char(out, '\n');
        show_array_of_tables(row, child, depth, out);
    } else {
        show_child(child, depth, out);
    }
}

static void show_table(const struct conf_table *table, const struct conf_node *node, int depth,
                       struct strbuf *out)
{
    struct row_list rows = rows_of(table);

    for (size_t i = 0; i < rows.count; i++) {
        show_row(rows.rows[i], table->inherits, conf_child(node, rows.rows[i]->key), depth, out);
    }
}

void conf_table_show(const struct conf_table *table, const struct conf_node *node,
                     struct strbuf *out)
{
    show_table(table, node, 0, out);
}
