#include "jobs/statement/tree.h"

#include <jansson.h> /* not together with base/json.h: both have a json_string */

enum { DEPTH_MAX = 14 };

static const struct tree nothing = {.kind = TREE_NULL};

const struct tree *tree_at(const struct tree *tree, const char *path)
{
    while (*path != '\0') {
        size_t size = strcspn(path, ".");
        const struct tree *found = &nothing;

        for (size_t i = 0; tree->kind == TREE_OBJECT && i < tree->count; i++) {
            if (str_equal(tree->children[i].key, str_of(path, size))) {
                found = &tree->children[i];
            }
        }
        tree = found;
        path += size + (path[size] == '.');
    }
    return tree;
}

struct str tree_text(const struct tree *tree, const char *path)
{
    const struct tree *found = tree_at(tree, path);

    return found->kind == TREE_TEXT ? found->text : (struct str){"", 0};
}

int64_t tree_integer(const struct tree *tree, const char *path)
{
    const struct tree *found = tree_at(tree, path);

    return found->kind == TREE_INTEGER ? found->integer : 0;
}

bool tree_truth(const struct tree *tree, const char *path)
{
    const struct tree *found = tree_at(tree, path);

    return found->kind == TREE_BOOL && found->truth;
}

bool tree_present(const struct tree *tree, const char *path)
{
    return tree_at(tree, path)->kind != TREE_NULL;
}

static bool convert(const json_t *json, int depth, struct arena *arena, struct tree *ret_node);

static bool convert_list(const json_t *json, int depth, struct arena *arena, struct tree *ret_node)
{
    size_t count = json_array_size(json);
    struct tree *children = arena_calloc(arena, count + 1, sizeof(children[0]));

    for (size_t i = 0; i < count; i++) {
        if (!convert(json_array_get(json, i), depth + 1, arena, &children[i])) {
            return false;
        }
    }
    *ret_node = (struct tree){.kind = TREE_LIST, .children = children, .count = count};
    return true;
}

static bool convert_object(const json_t *json, int depth, struct arena *arena,
                           struct tree *ret_node)
{
    json_t *object = (json_t *)(uintptr_t)json; /* iterators are not const in jansson */
    struct tree *children = arena_calloc(arena, json_object_size(json) + 1, sizeof(children[0]));
    size_t count = 0;

    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
        struct tree *child = &children[count++];
        struct str key = STR(json_object_iter_key(at));

        if (!convert(json_object_iter_value(at), depth + 1, arena, child)) {
            return false;
        }
        child->key = str_of(arena_text(arena, key), key.size);
    }
    *ret_node = (struct tree){.kind = TREE_OBJECT, .children = children, .count = count};
    return true;
}

static bool convert(const json_t *json, int depth, struct arena *arena, struct tree *ret_node)
{
    if (depth > DEPTH_MAX) {
        return false;
    }
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return convert_object(json, depth, arena, ret_node);
    case JSON_ARRAY:
        return convert_list(json, depth, arena, ret_node);
    case JSON_STRING:
        ret_node->kind = TREE_TEXT;
        ret_node->text =
            arena_str(arena, str_of(json_string_value(json), json_string_length(json)));
        return true;
    case JSON_INTEGER:
        ret_node->kind = TREE_INTEGER;
        ret_node->integer = json_integer_value(json);
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        ret_node->kind = TREE_BOOL;
        ret_node->truth = json_is_true(json);
        return true;
    case JSON_NULL:
        ret_node->kind = TREE_NULL;
        return true;
    case JSON_REAL:
        break;
    }
    return false;
}

enum err_code tree_parse(struct str text, struct arena *arena, const struct tree **ret_tree,
                         struct err *err)
{
    json_error_t error;
    struct tree *root = arena_alloc(arena, sizeof(*root));
    json_t *json =
        json_loadb(text.size > 0 ? text.data : "", text.size, JSON_REJECT_DUPLICATES, &error);
    bool converted;

    if (json == NULL) {
        return err_set(err, ERR_MISMATCH, "line %d: %s", error.line, error.text);
    }
    converted = convert(json, 0, arena, root);
    json_decref(json);
    if (!converted) {
        return err_set(err, ERR_MISMATCH, "too deep, or a number that is no integer");
    }
    *ret_tree = root;
    return ERR_OK;
}
