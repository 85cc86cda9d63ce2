/*
 * A YAML document as a bounded tree that remembers where everything stood.
 *
 * A subset on purpose: maps, lists and scalars; no anchors, aliases, tags, merge keys or keys that are not text, so
 * that a file says what it means and cannot grow when it is read. Bounds: CONF_SIZE_MAX bytes, CONF_DEPTH_MAX levels, CONF_NODES_MAX nodes,
 * CONF_KEYS_MAX keys per map. Keys are unique. Scalars stay text: what they mean is decided by base/conf_table.h.
 *
 * Everything lives in the arena given. Lines and columns count from 1, columns in characters. Errors: ERR_CONFIG "FILE:LINE:COLUMN: what".
 */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum {
    CONF_SIZE_MAX = 1024 * 1024,
    CONF_DEPTH_MAX = 32,
    CONF_NODES_MAX = 100000,
    CONF_KEYS_MAX = 256
};

enum conf_kind { CONF_SCALAR, CONF_MAP, CONF_LIST };

struct conf_node {
    enum conf_kind kind;
    bool plain; /* scalar without quotes */
    int line;   /* of the value */
    int column;
    struct str text; /* scalar; ends with a NUL that size does not count */
    struct str key;  /* inside a map */
    int key_line;
    int key_column;
    const struct conf_node *first; /* children, in the order of the file */
    const struct conf_node *next;  /* sibling */
    size_t count;                  /* of children */
};

/* name stands for the file in messages. An empty document is an empty map. */
enum err_code conf_parse(struct arena *arena, struct str text, const char *name,
                         const struct conf_node **ret_root, struct err *err);
/* The same, but what stands under that key of the document is checked and not kept: that list or table is an empty one. */
enum err_code conf_parse_without(struct arena *arena, struct str text, const char *name,
                                 const char *key, const struct conf_node **ret_root,
                                 struct err *err);
/* The same of a stream of documents, linked by `next`: with the bounds of one document for all of them. Those that are empty do not count. */
enum err_code conf_parse_all(struct arena *arena, struct str text, const char *name,
                             const struct conf_node **ret_first, size_t *ret_count,
                             struct err *err);
/* The child of that key, or NULL. */
const struct conf_node *conf_child(const struct conf_node *map, const char *key);
/* True for a plain scalar that is empty, "~" or "null". */
bool conf_is_null(const struct conf_node *node);
/* "a list", "a table", "text" */
const char *conf_kind_name(const struct conf_node *node);

#endif
