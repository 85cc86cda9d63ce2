/*
 * Avro's integers where speed is of no matter: zigzag, then seven bits a byte, low ones first. The decode plan has its own.
 */
#ifndef CONSUMERS_VARINT_H
#define CONSUMERS_VARINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

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
    uint64_t value = 0;

    for (size_t i = 0; i < rest->size && i < VARINT_SIZE_MAX; i++) {
        uint64_t byte = (unsigned char)rest->data[i];

        if (i == VARINT_SIZE_MAX - 1 && byte > 1) {
            return false;
        }
        value |= (byte & 127) << (7 * i);
        if (byte < 128) {
            *rest = str_of(rest->data + i + 1, rest->size - i - 1);
            *ret_value = (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
            return true;
        }
    }
    return false;
}

/* Bytes behind their size. */
static inline bool varint_take_bytes(struct str *rest, struct str *ret_bytes)
{
    int64_t size;

    if (!varint_take(rest, &size) || size < 0 || (uint64_t)size > rest->size) {
        return false;
    }
    *ret_bytes = str_of(rest->data, (size_t)size);
    *rest = str_of(rest->data + size, rest->size - (size_t)size);
    return true;
}

#endif
