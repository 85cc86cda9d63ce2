/* Trees compared and written again: apart from tree.c, which has another library's words for JSON. */
#include <stdlib.h>

#include "base/json.h"
#include "base/memory.h"
#include "jobs/statement/tree.h"

enum { KEY_SIZE_MAX = 63 };

bool tree_equal(const struct tree *a, const struct tree *b)
{
    if (a->kind != b->kind || a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (!str_equal(a->children[i].key, b->children[i].key) ||
            !tree_equal(&a->children[i], &b->children[i])) {
            return false;
        }
    }
    return a->truth == b->truth && a->integer == b->integer && str_equal(a->text, b->text);
}

static int by_key(const void *a, const void *b)
{
    const struct tree *const *x = a;
    const struct tree *const *y = b;

    return str_compare((*x)->key, (*y)->key);
}

static bool write_object(struct json_writer *json, const char *key, const struct tree *tree)
{
    const struct tree **sorted;
    bool good = true;

    if (json->depth + 1 >= JSON_DEPTH_MAX) {
        return false;
    }
    sorted = memory_resize(NULL, tree->count + 1, sizeof(const struct tree *));

    for (size_t i = 0; i < tree->count; i++) {
        sorted[i] = &tree->children[i];
        good = good && tree->children[i].key.size <= KEY_SIZE_MAX;
    }
    qsort(sorted, tree->count, sizeof(const struct tree *), by_key);
    json_open_object(json, key);
    for (size_t i = 0; i < tree->count && good; i++) {
        good = tree_write(json, sorted[i]->key.data, sorted[i]);
    }
    json_close(json);
    memory_free(sorted);
    return good;
}

static bool write_list(struct json_writer *json, const char *key, const struct tree *tree)
{
    bool good = true;

    if (json->depth + 1 >= JSON_DEPTH_MAX) {
        return false;
    }
    json_open_array(json, key);
    for (size_t i = 0; i < tree->count && good; i++) {
        good = tree_write(json, NULL, &tree->children[i]);
    }
    json_close(json);
    return good;
}

bool tree_write(struct json_writer *json, const char *key, const struct tree *tree)
{
    switch (tree->kind) {
    case TREE_NULL:
        json_nothing(json, key);
        break;
    case TREE_BOOL:
        json_bool(json, key, tree->truth);
        break;
    case TREE_INTEGER:
        json_int64(json, key, tree->integer);
        break;
    case TREE_TEXT:
        json_str(json, key, tree->text);
        break;
    case TREE_LIST:
        return write_list(json, key, tree);
    case TREE_OBJECT:
        return write_object(json, key, tree);
    }
    return true;
}
