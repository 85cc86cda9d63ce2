/*
 * A JSON document read back: a tree of values in an arena.
 *
 * Documents are made by this program, but they come back from a store that others can reach: size and depth are bounded, and looking for what is
 * not there gives an empty text, 0 or an empty list, never a crash.
 */
#ifndef JOBS_STATEMENT_TREE_H
#define JOBS_STATEMENT_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum tree_kind { TREE_NULL, TREE_BOOL, TREE_INTEGER, TREE_TEXT, TREE_LIST, TREE_OBJECT };

struct tree {
    enum tree_kind kind;
    struct str key; /* in its object; NUL-terminated */
    bool truth;
    int64_t integer;
    struct str text;
    const struct tree *children; /* of lists and objects, in the order of the text */
    size_t count;
};

/* ERR_MISMATCH: not JSON, too deep, duplicate keys, or with numbers that are no integers. */
enum err_code tree_parse(struct str text, struct arena *arena, const struct tree **ret_tree,
                         struct err *err);
/* path: keys joined by '.'; an empty null value if there is nothing. */
const struct tree *tree_at(const struct tree *tree, const char *path);
struct str tree_text(const struct tree *tree, const char *path);
int64_t tree_integer(const struct tree *tree, const char *path);
bool tree_truth(const struct tree *tree, const char *path);
bool tree_present(const struct tree *tree, const char *path); /* there and not null */

bool tree_equal(const struct tree *a, const struct tree *b);
/* Writes a value as a member of a document; keys are sorted, as canonical JSON wants them. False, and nothing useful written, if a key is too long or the
 * value too deep for that form: no document of ours is. */
struct json_writer;
bool tree_write(struct json_writer *json, const char *key, const struct tree *tree);

#endif
