/*
 * The words of packed blobs: unsigned integers as LEB128, seven bits a byte, low ones first.
 *
 * Each number has exactly one form: readers refuse a last byte of 0 behind another one, so that equal contents are equal bytes.
 */
#ifndef AGGREGATOR_PACK_H
#define AGGREGATOR_PACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* No honest sum comes near it; sums of two such numbers cannot overflow. */
#define PACK_COUNT_MAX (INT64_C(1) << 56)

void pack_uint(struct strbuf *out, uint64_t value);
/* value >= 0. */
void pack_count(struct strbuf *out, int64_t value);
/* Any sign: zigzag. */
void pack_int(struct strbuf *out, int64_t value);

/* Advance *packed; false if it ends early, is not minimal or too large. */
bool unpack_uint(struct str *packed, uint64_t *ret_value);
/* At most max. */
bool unpack_count(struct str *packed, int64_t max, int64_t *ret_value);
bool unpack_int(struct str *packed, int64_t *ret_value);

/* Numbers of few bits, one behind the other, low ones first; what is left of the last byte is 0. */
enum { PACK_BITS_MAX = 57 }; /* of one number: what fits beside seven other bits in a word */

struct bit_writer {
    struct strbuf *out;
    uint64_t held; /* bits that did not go out yet */
    int held_count;
};

/* value < 2^width, width <= PACK_BITS_MAX. */
void bits_put(struct bit_writer *writer, uint64_t value, int width);
void bits_end(struct bit_writer *writer);

struct bit_reader {
    struct str bytes;
    size_t at; /* bit */
};

/* What stands next, PACK_BITS_MAX bits of it at least, zeros behind the end; nothing is read by it. */
uint64_t bits_peek(const struct bit_reader *reader);
/* Bits that are left. */
size_t bits_left(const struct bit_reader *reader);
/* `count` numbers of `width` bits each, 0 to PACK_BITS_MAX; *ret_any: the bits that any of them has. False behind the end. */
bool bits_get(struct bit_reader *reader, int width, int64_t *ret_values, size_t count,
              uint64_t *ret_any);
/* Advances *packed, where the reader began, behind the last bit that was read. False if the rest of its byte is not 0. */
bool bits_finish(const struct bit_reader *reader, struct str *packed);
int bits_width(uint64_t value); /* 0 has none */

/* A column: the lowest number, how many bits the others differ in, and those bits. Nothing if there are none. Numbers from 0 to PACK_COUNT_MAX. */
void pack_column(struct strbuf *out, const int64_t *values, size_t count);
bool unpack_column(struct str *packed, int64_t *ret_values, size_t count);

#endif
