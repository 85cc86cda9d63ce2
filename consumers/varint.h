/*
 * Avro's integers, written, and taken off a text by the rules of the decode plan: zigzag, then seven bits a byte, low ones first.
 */
#ifndef CONSUMERS_VARINT_H
#define CONSUMERS_VARINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "consumers/plan_bytes.h"

enum { VARINT_SIZE_MAX = 10 };

/* Returns its size. */
static inline size_t varint_put(char *at, int64_t value)
{
    uint64_t rest = ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
    size_t size = 0;

    for (; rest > 127; rest >>= 7) {
        at[size++] = (char)(rest | 128);
    }
    at[size++] = (char)rest;
    return size;
}

/* Takes a number off *rest; false if it ends early or does not fit 64 bits. */
static inline bool varint_take(struct str *rest, int64_t *ret_value)
{
    const uint8_t *at = (const uint8_t *)rest->data;
    uint64_t value;
    const uint8_t *behind = varint(at, at + rest->size, &value);

    if (behind == NULL) {
        return false;
    }
    *rest = str_of((const char *)behind, rest->size - (size_t)(behind - at));
    *ret_value = zigzag(value);
    return true;
}

/* Bytes behind their size. */
static inline bool varint_take_bytes(struct str *rest, struct str *ret_bytes)
{
    const uint8_t *at = (const uint8_t *)rest->data;
    const uint8_t *behind = sized(at, at + rest->size, ret_bytes);

    if (behind == NULL) {
        return false;
    }
    *rest = str_of((const char *)behind, rest->size - (size_t)(behind - at));
    return true;
}

#endif
