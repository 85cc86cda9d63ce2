/* Blanking fields of a payload that is to be kept although it is bad. When in doubt, it is not kept. */
#include <string.h>

#include "base/check.h"
#include "consumers/plan_code.h"

/* A value whose bytes can be replaced without moving others. Symbols and defaults are not in the payload at all. */
static bool value_blank(const struct value *value, char *payload, size_t size)
{
    const char *end = payload + size;

    switch ((enum value_kind)value->kind) {
    case VALUE_ABSENT:
        return true;
    case VALUE_TEXT:
    case VALUE_BYTES:
        if (value->size == 0) {
            return true;
        }
        if ((uintptr_t)value->data < (uintptr_t)payload ||
            (uintptr_t)value->data + value->size > (uintptr_t)end) {
            return false;
        }
        memset(payload + (value->data - payload), '*', value->size);
        return true;
    default:
        return false;
    }
}

bool plan_redact(const struct plan *plan, char *payload, size_t size)
{
    struct value slots[PLAN_SLOTS_MAX];
    struct plan_fault fault;

    memset(slots, 0, plan->slot_count * sizeof(slots[0]));
    if (size == 0 || !plan_walk(plan, str_of(payload, size), slots, &fault)) {
        return false;
    }
    for (size_t i = 0; i < plan->mapping->redaction_count; i++) {
        int slot = plan->redaction_slots[i];

        if (slot == PLAN_SLOT_NONE || plan->slot_in_map[slot] ||
            !value_blank(&slots[slot], payload, size)) {
            return false;
        }
    }
    return true;
}
