/*
 * A set of names that gives each a small number: 0, 1, 2 ... in order of first appearance.
 *
 * Invariant: a name keeps its number and its bytes keep their address until release. Numbers are of this
 * process only and are never stored.
 */
#ifndef BASE_INTERN_H
#define BASE_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

struct intern_slot {
    uint32_t name; /* number + 1, 0 if free */
    uint32_t hash; /* of the name: most others differ in it */
};

struct intern {
    struct arena arena;
    struct str *names; /* by number */
    uint32_t count;
    struct intern_slot *slots; /* at most a quarter full */
    uint32_t slot_count;       /* power of two */
};

void intern_init(struct intern *set);
void intern_release(struct intern *set);
/* The number of name; adds a copy if it is new. */
uint32_t intern_add(struct intern *set, struct str name);
/* True and the number if name is known. */
bool intern_find(const struct intern *set, struct str name, uint32_t *ret_number);
/* Borrowed until release. */
struct str intern_name(const struct intern *set, uint32_t number);

#endif
