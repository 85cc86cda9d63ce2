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

/* As str_equal, by words. */
static inline bool same(struct str a, struct str b)
{
    size_t i = 0;

    if (a.size != b.size || str_last_word(a) != str_last_word(b)) {
        return false;
    }
    if (a.size >= 8) {
        do {
            if (str_word(a.data + i) != str_word(b.data + i)) {
                return false;
            }
            i += 8;
        } while (i + 8 < a.size);
    }
    return true;
}

/* The slot where name stands, or the free one where it belongs. */
__attribute__((always_inline)) static inline struct intern_slot *slot_of(const struct intern *set,
                                                                         struct str name,
                                                                         uint32_t hash)
{
    uint32_t mask = set->slot_count - 1;
    uint32_t i = hash & mask;

    while (set->slots[i].name != 0 &&
           (set->slots[i].hash != hash || !same(set->names[set->slots[i].name - 1], name))) {
        i = (i + 1) & mask;
    }
    return &set->slots[i];
}

static void intern_grow(struct intern *set)
{
    memory_free(set->slots);
    set->slot_count *= 2;
    set->slots = memory_calloc(set->slot_count, sizeof(set->slots[0]));
    for (uint32_t i = 0; i < set->count; i++) {
        uint32_t hash = (uint32_t)str_hash(set->names[i]);

        *slot_of(set, set->names[i], hash) = (struct intern_slot){.name = i + 1, .hash = hash};
    }
}

uint32_t intern_add(struct intern *set, struct str name)
{
    uint32_t hash = (uint32_t)str_hash(name);
    struct intern_slot *slot = slot_of(set, name, hash);

    if (slot->name != 0) {
        return slot->name - 1;
    }
    if (set->count >= set->slot_count / 4) {
        intern_grow(set);
        slot = slot_of(set, name, hash);
    }
    if ((set->count & (set->count - 1)) == 0) {
        set->names = memory_resize(set->names, set->count == 0 ? 1 : set->count * (size_t)2,
                                   sizeof(set->names[0]));
    }
    set->names[set->count] = arena_str(&set->arena, name);
    *slot = (struct intern_slot){.name = ++set->count, .hash = hash};
    return set->count - 1;
}

bool intern_find(const struct intern *set, struct str name, uint32_t *ret_number)
{
    const struct intern_slot *slot = slot_of(set, name, (uint32_t)str_hash(name));

    if (slot->name == 0) {
        return false;
    }
    *ret_number = slot->name - 1;
    return true;
}

struct str intern_name(const struct intern *set, uint32_t number)
{
    CHECK(number < set->count);
    return set->names[number];
}
