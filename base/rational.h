/*
 * Exact numbers: decimals as people write them, and fractions of integers.
 *
 * A fraction has a denominator > 0. Arithmetic is on 128-bit integers, is reduced, and stops the program (CHECK)
 * rather than to overflow silently; inputs from outside are bounded (counts below 2^62, decimals of at most 18
 * digits), which keeps all uses far from that. Comparison is by cross multiplication of 256-bit width, never by rounding.
 */
#ifndef BASE_RATIONAL_H
#define BASE_RATIONAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

typedef __int128 int128; /* the one typedef of the program: there is no shorter standard name */

struct rational {
    int128 numerator;
    int128 denominator; /* > 0 */
};

struct rational rational_make(int128 numerator, int128 denominator); /* denominator != 0 */
/* "99.95", "-0.5", "10"; no exponent, at most 18 digits. False otherwise. Exact. */
bool rational_parse(struct str text, struct rational *ret_value);
struct rational rational_add(struct rational a, struct rational b);
struct rational rational_subtract(struct rational a, struct rational b);
struct rational rational_multiply(struct rational a, struct rational b);
struct rational rational_divide(struct rational a, struct rational b); /* b != 0 */
int rational_compare(struct rational a, struct rational b);            /* <0, 0, >0 */

enum rounding {
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP
}; /* half up: away from zero at exactly half */
/* value times 10^digits as an integer, rounded as told. */
int128 rational_scale(struct rational value, int digits, enum rounding rounding);
/* value with exactly `digits` decimals; appended to buf. */
void rational_format(struct strbuf *buf, struct rational value, int digits, enum rounding rounding);
/* The shortest exact decimal of a value whose denominator divides a power of ten ("99.95"). */
void rational_format_exact(struct strbuf *buf, struct rational value);
void int128_format(struct strbuf *buf, int128 value);

#endif
