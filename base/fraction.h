/*
 * Exact fractions of any size: what statements compute with.
 *
 * Means of ratios have denominators of thousands of digits, so base/rational.h, which is for the bounded decimals of contracts, does not reach.
 * Values are immutable, reduced, and live in an arena; they are copied freely. Arithmetic is GMP's.
 */
#ifndef BASE_FRACTION_H
#define BASE_FRACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/rational.h"

struct fraction {
    const uint64_t *numerator, *denominator; /* limbs, least first; NULL: the value 0 */
    int32_t numerator_size;                  /* negative: so is the value */
    int32_t denominator_size;
};

#define FRACTION_ZERO ((struct fraction){0})

struct fraction fraction_of(struct arena *arena, struct rational value);
struct fraction fraction_of_int(struct arena *arena, int64_t value);
/*
 * From documents that anybody can make: digits only, at least one and at most digits_max in each. False: anything else, or a denominator of 0.
 * Time grows little faster than the digits do: half a second for two numbers of a million.
 */
bool fraction_parse(struct arena *arena, struct str numerator, struct str denominator,
                    size_t digits_max, struct fraction *ret_value);
/* "99.95" or "10", without a sign; at most digits_max digits on both sides of the point together. */
bool fraction_parse_decimal(struct arena *arena, struct str text, size_t digits_max,
                            struct fraction *ret_value);
struct fraction fraction_add(struct arena *arena, struct fraction a, struct fraction b);
struct fraction fraction_subtract(struct arena *arena, struct fraction a, struct fraction b);
struct fraction fraction_multiply(struct arena *arena, struct fraction a, struct fraction b);
struct fraction fraction_divide(struct arena *arena, struct fraction a,
                                struct fraction b);         /* b != 0 */
int fraction_compare(struct fraction a, struct fraction b); /* <0, 0, >0 */
int fraction_sign(struct fraction value);                   /* -1, 0, 1 */

/* value times 10^digits as an integer, rounded as told. False: it does not fit. */
bool fraction_scale(struct fraction value, int digits, enum rounding rounding, int64_t *ret_value);
/* With exactly `digits` decimals; appended to buf. */
void fraction_format(struct strbuf *buf, struct fraction value, int digits, enum rounding rounding);
/* The shortest exact decimal, if it has at most `digits` decimals; otherwise that many, rounded down, and "...". */
void fraction_format_short(struct strbuf *buf, struct fraction value, int digits);
/* All digits of numerator and denominator. */
void fraction_format_numerator(struct strbuf *buf, struct fraction value);
void fraction_format_denominator(struct strbuf *buf, struct fraction value);

/* A sum of many fractions, in time that does not explode: terms of one denominator are added as integers first, the rest by halves. */
struct fraction_sum; /* in an arena */
struct fraction_sum *fraction_sum_new(struct arena *arena);
/* Adds times x value; times >= 0. */
void fraction_sum_add(struct fraction_sum *sum, int64_t times, struct rational value);
struct fraction fraction_sum_total(struct arena *arena, const struct fraction_sum *sum);

#endif
