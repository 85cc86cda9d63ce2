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

#endif
