#include "base/intern.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"

void intern_init(struct intern *set)
{
    *set = (struct intern){.slot_count = 64};
    set->slots = memory_calloc(set->slot_count, sizeof(set->slots[0]));
}

void intern_release(struct intern *set)
{
    arena_release(&set->arena);
    memory_free(set->names);
    memory_free(set->slots);
    *set = (struct intern){0};
}

/* The slot where name stands, or the free one where it belongs. */
static uint32_t intern_slot(const struct intern *set, struct str name)
{
    uint32_t mask = set->slot_count - 1;
    uint32_t slot = (uint32_t)str_hash(name) & mask;

    while (set->slots[slot] != 0 && !str_equal(set->names[set->slots[slot] - 1], name)) {
        slot = (slot + 1) & mask;
    }
    return slot;
}

static void intern_grow(struct intern *set)
{
    memory_free(set->slots);
    set->slot_count *= 2;
    set->slots = memory_calloc(set->slot_count, sizeof(set->slots[0]));
    for (uint32_t i = 0; i < set->count; i++) {
        set->slots[intern_slot(set, set->names[i])] = i + 1;
    }
}

uint32_t intern_add(struct intern *set, struct str name)
{
    uint32_t slot = intern_slot(set, name);

    if (set->slots[slot] != 0) {
        return set->slots[slot] - 1;
    }
    if (set->count >= set->slot_count / 2) {
        intern_grow(set);
        slot = intern_slot(set, name);
    }
    if ((set->count & (set->count - 1)) == 0) {
        set->names = memory_resize(set->names, set->count == 0 ? 1 : set->count * (size_t)2,
                                   sizeof(set->names[0]));
    }
    set->names[set->count] = arena_str(&set->arena, name);
    set->slots[slot] = ++set->count;
    return set->count - 1;
}

bool intern_find(const struct intern *set, struct str name, uint32_t *ret_number)
{
    uint32_t slot = intern_slot(set, name);

    if (set->slots[slot] == 0) {
        return false;
    }
    *ret_number = set->slots[slot] - 1;
    return true;
}

struct str intern_name(const struct intern *set, uint32_t number)
{
    CHECK(number < set->count);
    return set->names[number];
}
