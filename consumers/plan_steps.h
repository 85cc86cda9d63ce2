/*
 * The steps of the walk over a payload that skip values or read one into its slot. Each takes a position and returns the next one, or NULL when a
 * rule is broken; begin and end: bytes between them may be looked at; count is at least 1. For plan_walk.c.
 */
#ifndef CONSUMERS_PLAN_STEPS_H
#define CONSUMERS_PLAN_STEPS_H

#include "consumers/plan_bytes.h"
#include "consumers/plan_code.h"

static inline const uint8_t *skip_boolean(const uint8_t *p, const uint8_t *end, uint32_t count)
{
    do {
        p = p < end && *p <= 1 ? p + 1 : NULL;
    } while (p != NULL && --count > 0);
    return p;
}

static inline const uint8_t *skip_int(const uint8_t *begin, const uint8_t *p, const uint8_t *end,
                                      uint32_t count)
{
    uint64_t value;

    do {
        p = varint_in(begin, p, end, &value);
        p = p != NULL && value <= UINT32_MAX ? p : NULL;
    } while (p != NULL && --count > 0);
    return p;
}

static inline const uint8_t *skip_long(const uint8_t *begin, const uint8_t *p, const uint8_t *end,
                                       uint32_t count)
{
    uint64_t value;

    do {
        p = varint_in(begin, p, end, &value);
    } while (p != NULL && --count > 0);
    return p;
}

static inline const uint8_t *skip_bytes(const uint8_t *begin, const uint8_t *p, const uint8_t *end,
                                        uint32_t count)
{
    struct str bytes;

    do {
        p = sized_in(begin, p, end, &bytes);
    } while (p != NULL && --count > 0);
    return p;
}

/* What an instruction skips: count values, or one of so many bytes or symbols. Always inline: it is called where every item is skipped. */
__attribute__((always_inline)) static inline const uint8_t *skip_values(
    const uint8_t *begin, const uint8_t *p, const uint8_t *end, enum plan_operation operation,
    uint32_t count)
{
    uint64_t index;

    switch (operation) {
    case PLAN_SKIP_BOOLEAN:
        return skip_boolean(p, end, count);
    case PLAN_SKIP_INT:
        return skip_int(begin, p, end, count);
    case PLAN_SKIP_LONG:
        return skip_long(begin, p, end, count);
    case PLAN_SKIP_FIXED:
        return fixed(p, end, count);
    case PLAN_SKIP_BYTES:
        return skip_bytes(begin, p, end, count);
    default: /* PLAN_SKIP_ENUM */
        return index_in(begin, p, end, count, &index);
    }
}

static inline const uint8_t *read_integer(const uint8_t *begin, const uint8_t *p,
                                          const uint8_t *end, uint64_t raw_max, uint32_t as,
                                          struct value *value)
{
    uint64_t raw;

    p = varint_in(begin, p, end, &raw);
    if (p == NULL || raw > raw_max) {
        return NULL;
    }
    value->number = zigzag(raw);
    value->kind = (uint8_t)(as >> 8);
    value->logical = (uint8_t)as;
    return p;
}

static inline const uint8_t *read_boolean(const uint8_t *p, const uint8_t *end, struct value *value)
{
    const uint8_t *next = skip_boolean(p, end, 1);

    if (next != NULL) {
        value->number = *p;
        value->kind = VALUE_BOOLEAN;
    }
    return next;
}

/* IEEE 754 bits, little-endian whatever this machine is. */
static inline const uint8_t *read_bits(const uint8_t *p, const uint8_t *end, unsigned size,
                                       enum value_kind kind, struct value *value)
{
    uint64_t bits = 0;

    if (fixed(p, end, size) == NULL) {
        return NULL;
    }
    for (unsigned i = 0; i < size; i++) {
        bits |= (uint64_t)p[i] << (8 * i);
    }
    value->number = (int64_t)bits;
    value->kind = (uint8_t)kind;
    return p + size;
}

static inline const uint8_t *read_sized(const uint8_t *begin, const uint8_t *p, const uint8_t *end,
                                        enum value_kind kind, struct value *value)
{
    struct str bytes;

    p = sized_in(begin, p, end, &bytes);
    if (p != NULL) {
        value->data = bytes.data;
        value->size = (uint32_t)bytes.size;
        value->kind = (uint8_t)kind;
    }
    return p;
}

static inline const uint8_t *read_fixed(const uint8_t *p, const uint8_t *end, uint32_t size,
                                        struct value *value)
{
    const uint8_t *next = fixed(p, end, size);

    if (next != NULL) {
        value->data = (const char *)p;
        value->size = size;
        value->kind = VALUE_BYTES;
    }
    return next;
}

static inline const uint8_t *read_enum(const uint8_t *begin, const uint8_t *p, const uint8_t *end,
                                       const struct plan_symbols *symbols, struct value *value)
{
    uint64_t index;
    uint32_t at = value->at;

    p = index_in(begin, p, end, symbols->count, &index);
    if (p != NULL) {
        *value = symbols->values[index];
        value->at = at;
    }
    return p;
}

#endif
