/*
 * Natural numbers of hundreds of digits, and decimals made of them: to check figures of documents that come from anywhere, where 128 bits may not be
 * enough and nothing may stop the program.
 *
 * A value holds up to NATURAL_DIGITS_MAX decimal digits when it is parsed; products of two of them, times a power of ten, still fit. What does not fit is refused by
 * the parser, so that arithmetic never fails.
 */
#ifndef JOBS_STATEMENT_NATURAL_H
#define JOBS_STATEMENT_NATURAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum { NATURAL_DIGITS_MAX = 400, NATURAL_POWER_MAX = 60, NATURAL_LIMBS = 110 };

struct natural {
    uint32_t limbs[NATURAL_LIMBS]; /* base 10^9, least first */
    size_t count;                  /* without leading zeros; 0: zero */
};

/* value / 10^scale */
struct natural_decimal {
    struct natural value;
    unsigned scale;
};

/* Digits only, at least one and no more than NATURAL_DIGITS_MAX. */
bool natural_parse(struct str text, struct natural *ret_value);
/* "99.95"; no sign. At most NATURAL_POWER_MAX digits behind the point. */
bool natural_parse_decimal(struct str text, struct natural_decimal *ret_value);
/* <0, 0, >0 */
int natural_compare(const struct natural *a, const struct natural *b);
void natural_add(const struct natural *a, const struct natural *b, struct natural *ret_sum);
/* a >= b */
void natural_subtract(const struct natural *a, const struct natural *b, struct natural *ret_rest);
void natural_multiply(const struct natural *a, const struct natural *b,
                      struct natural *ret_product);
/* Times 10^power, which is at most 2 * NATURAL_POWER_MAX. */
void natural_shift(struct natural *value, unsigned power);
/* Decimals, by value: "1.50" is "1.5". */
int natural_compare_decimals(const struct natural_decimal *a, const struct natural_decimal *b);

#endif
