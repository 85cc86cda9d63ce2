/*
 * Numbers and lengths as Avro writes them: the smallest steps of the walk over a payload, whose header has the rules (plan_walk.c).
 * Each takes a position and the end, and returns the position behind what it read, or NULL if a rule is broken. For plan_walk.c, plan_lanes.c, varint.h and archive_record.c.
 */
#ifndef CONSUMERS_PLAN_BYTES_H
#define CONSUMERS_PLAN_BYTES_H

#include <stdint.h>
#include <string.h>

#include "base/str.h"

/* Non-minimal forms are accepted; the tenth byte holds only the 64th bit. */
static inline const uint8_t *varint_long(const uint8_t *p, const uint8_t *end, uint64_t *ret_value)
{
    uint64_t value = 0;

    for (unsigned shift = 0; p < end && shift < 70; shift += 7) {
        unsigned char byte = *p++;

        if (shift == 63 && byte > 1) {
            return NULL;
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret_value = value;
            return p;
        }
    }
    return NULL;
}

/* The position some bytes further on: never NULL, which the compiler cannot know where pointers may wrap. */
static inline const uint8_t *further(const uint8_t *p, uint64_t size)
{
    p += size;
    if (p == NULL) {
        __builtin_unreachable();
    }
    return p;
}

/* A number and the position behind it, which is NULL if there is none: both fit the registers that a call returns. */
struct varint {
    const uint8_t *behind;
    uint64_t value;
};

/* Of up to eight bytes, without a branch for each: the groups of seven bits are moved together two by two. */
static inline struct varint varint_word(const uint8_t *p, uint64_t word, uint64_t ends)
{
    word &= ends ^ (ends - 1); /* up to the end of the byte that ends the number */
    word = (word & UINT64_C(0x007f007f007f007f)) | (word & UINT64_C(0x7f007f007f007f00)) >> 1;
    word = (word & UINT64_C(0x00003fff00003fff)) | (word & UINT64_C(0x3fff00003fff0000)) >> 2;
    word = (word & UINT64_C(0x0fffffff)) | (word & UINT64_C(0x0fffffff00000000)) >> 4;
    return (struct varint){further(p, (unsigned)__builtin_ctzll(ends) / 8 + 1), word};
}

/* Of more than one byte. Not inlined: what is around it is short, and shall keep its registers. A word that would run past the end is taken
 * from in front of it, so that the last field of a record, a number as a rule, costs no loop whose length nobody can foretell. */
__attribute__((noinline)) static struct varint varint_more(const uint8_t *begin, const uint8_t *p,
                                                           const uint8_t *end)
{
    struct varint number = {NULL, 0};
    size_t left = (size_t)(end - p);
    size_t missing = left < 8 ? 8 - left : 0;
    uint64_t word, ends;

    if (left >= 2 && p[1] < 0x80) {
        return (struct varint){further(p, 2), (p[0] & 0x7fU) | (unsigned)p[1] << 7};
    }
    if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && (size_t)(p - begin) >= missing) {
        memcpy(&word, p - missing, 8);
        word >>=
            8 *
            missing; /* zeros behind the end: a number that ran on would end in the first of them */
        ends = ~word & UINT64_C(0x8080808080808080);
        if (ends != 0) {
            number = varint_word(p, word, ends);
            number.behind = number.behind <= end ? number.behind : NULL;
            return number;
        }
    }
    number.behind = varint_long(p, end, &number.value);
    return number;
}

/* begin: bytes from there on may be looked at. */
static inline const uint8_t *varint_in(const uint8_t *begin, const uint8_t *p, const uint8_t *end,
                                       uint64_t *ret_value)
{
    struct varint number;

    if (p >= end) {
        return NULL;
    }
    if (*p < 0x80) {
        *ret_value = *p;
        return further(p, 1);
    }
    number = varint_more(begin, p, end);
    *ret_value = number.value;
    return number.behind;
}

static inline const uint8_t *varint(const uint8_t *p, const uint8_t *end, uint64_t *ret_value)
{
    return varint_in(p, p, end, ret_value);
}

static inline int64_t zigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static inline const uint8_t *fixed(const uint8_t *p, const uint8_t *end, uint64_t size)
{
    return size <= (uint64_t)(end - p) ? further(p, size) : NULL;
}

/* An index below count: of a branch or a symbol. */
static inline const uint8_t *index_in(const uint8_t *begin, const uint8_t *p, const uint8_t *end,
                                      uint64_t count, uint64_t *ret_index)
{
    uint64_t value, index;

    p = varint_in(begin, p, end, &value);
    index = value >> 1 | value << 63; /* odd ones, negative, become larger than anything */
    if (p == NULL || index >= count) {
        return NULL;
    }
    *ret_index = index;
    return p;
}

/* The bytes at p of a length as it is written: odd ones, negative, become larger than anything. */
static inline const uint8_t *bytes_of(const uint8_t *p, const uint8_t *end, uint64_t length,
                                      struct str *ret_bytes)
{
    uint64_t size = length >> 1 | length << 63;

    if (size > (uint64_t)(end - p)) {
        return NULL;
    }
    *ret_bytes = str_of((const char *)p, size);
    return further(p, size);
}

/* Length and bytes. */
static inline const uint8_t *sized_in(const uint8_t *begin, const uint8_t *p, const uint8_t *end,
                                      struct str *ret_bytes)
{
    uint64_t length;

    p = varint_in(begin, p, end, &length);
    return p != NULL ? bytes_of(p, end, length, ret_bytes) : NULL;
}

static inline const uint8_t *sized(const uint8_t *p, const uint8_t *end, struct str *ret_bytes)
{
    return sized_in(p, p, end, ret_bytes);
}

#endif
