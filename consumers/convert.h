/*
 * Exact conversion of values to nanoseconds. No floating point: the bits of an IEEE number are taken apart and scaled as integers.
 *
 * Results are rounded to the nearest nanosecond, ties to even. All functions are pure; false means: not a number, or
 * not representable in an int64_t of nanoseconds.
 */
#ifndef CONSUMERS_CONVERT_H
#define CONSUMERS_CONVERT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "consumers/schema_tree.h"

/* value times unit_ns, 1 <= unit_ns <= one day. */
bool convert_integer(int64_t value, int64_t unit_ns, int64_t *ret_ns);
/* The unit of a logical type of time; not SCHEMA_LOGICAL_NONE. */
int64_t convert_unit_ns(enum schema_logical logical);
/* value in that unit. */
bool convert_instant(int64_t value, enum schema_logical logical, int64_t *ret_ns);
/* The value of binary64 (or binary32) bits times unit_ns. NaN and infinities are false. */
bool convert_double(uint64_t bits, int64_t unit_ns, int64_t *ret_ns);
bool convert_float(uint32_t bits, int64_t unit_ns, int64_t *ret_ns);
/* "0.123s", the JSON form of a protobuf Duration: digits, at most one dot between digits, "s". No sign. */
bool convert_seconds_text(struct str text, int64_t *ret_ns);
/* The bits of a number; that of convert_float_bits is rounded to binary32 first. */
uint64_t convert_double_bits(double number);
uint32_t convert_float_bits(double number);

#endif
