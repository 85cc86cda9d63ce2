/*
 * What a schema offers, for the message about a path that leads nowhere.
 */
#include <stdio.h>

#include "base/check.h"
#include "consumers/plan_compile.h"

enum {
    FIELDS_MAX = 400,      /* paths looked at; a message cannot hold more */
    FIELDS_DEPTH_MAX = 4,  /* records within records */
    FIELDS_TEXT_SIZE = 96, /* longer paths are not shown */
    FIELDS_SHOWN_SIZE = 480
};

struct field_path {
    char text[FIELDS_TEXT_SIZE];
    size_t size;
};

struct fields {
    struct field_path *paths; /* FIELDS_MAX */
    size_t count;
};

static void fields_of_record(struct fields *fields, const struct schema_node *record,
                             const char *prefix, unsigned depth);

static void fields_below(struct fields *fields, const struct schema_node *node, const char *prefix,
                         unsigned depth)
{
    if (node->type == SCHEMA_RECORD) {
        fields_of_record(fields, node, prefix, depth);
        return;
    }
    for (size_t i = 0; node->type == SCHEMA_UNION && i < node->branches.count; i++) {
        if (node->branches.branches[i]->type == SCHEMA_RECORD) {
            fields_of_record(fields, node->branches.branches[i], prefix, depth);
        }
    }
}

static void fields_of_record(struct fields *fields, const struct schema_node *record,
                             const char *prefix, unsigned depth)
{
    for (size_t i = 0; i < record->record.count && fields->count < FIELDS_MAX; i++) {
        const struct schema_field *field = &record->record.fields[i];
        struct field_path *path = &fields->paths[fields->count];
        int size =
            snprintf(path->text, sizeof(path->text), "%s%.*s", prefix, STR_ARGS(field->name));

        if (size < 0 || (size_t)size >= sizeof(path->text) - 1) {
            continue;
        }
        path->size = (size_t)size;
        fields->count++;
        if (depth < FIELDS_DEPTH_MAX) {
            char inner[FIELDS_TEXT_SIZE + 1];

            (void)snprintf(inner, sizeof(inner), "%s.", path->text);
            fields_below(fields, field->type, inner, depth + 1);
        }
    }
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance; both texts are below FIELDS_TEXT_SIZE. */
static size_t distance(struct str a, struct str b)
{
    size_t row[FIELDS_TEXT_SIZE + 1];

    for (size_t k = 0; k <= b.size; k++) {
        row[k] = k;
    }
    for (size_t i = 1; i <= a.size; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t k = 1; k <= b.size; k++) {
            size_t replaced = diagonal + (a.data[i - 1] != b.data[k - 1]);

            diagonal = row[k];
            row[k] = smaller(replaced, smaller(row[k], row[k - 1]) + 1);
        }
    }
    return row[b.size];
}

static const struct field_path *nearest(const struct fields *fields, struct str wanted)
{
    const struct field_path *found = NULL;
    size_t best = wanted.size / 3 + 1; /* farther ones are no misspellings */

    for (size_t i = 0; i < fields->count && wanted.size < FIELDS_TEXT_SIZE; i++) {
        size_t d = distance(wanted, str_of(fields->paths[i].text, fields->paths[i].size));

        if (d < best || (d == best && found == NULL)) {
            best = d;
            found = &fields->paths[i];
        }
    }
    return found;
}

void plan_fields_describe(const struct schema_node *root, struct str wanted, struct strbuf *out)
{
    struct arena arena = ARENA_INIT;
    struct fields fields = {arena_calloc(&arena, FIELDS_MAX, sizeof(struct field_path)), 0};
    const struct field_path *near;
    size_t start;

    fields_below(&fields, root, "", 0);
    near = nearest(&fields, wanted);
    if (near != NULL) {
        strbuf_append_format(out, "; did you mean \"%s\"?", near->text);
    }
    strbuf_append_text(out, near != NULL ? " Fields: " : "; fields: ");
    start = out->size;
    for (size_t i = 0; i < fields.count; i++) {
        if (out->size - start + fields.paths[i].size > FIELDS_SHOWN_SIZE) {
            strbuf_append_text(out, ", ...");
            break;
        }
        strbuf_append_format(out, "%s%s", i > 0 ? ", " : "", fields.paths[i].text);
    }
    arena_release(&arena);
}
