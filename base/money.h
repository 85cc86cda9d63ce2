/*
 * Money: amounts in the minor unit of an ISO 4217 currency. No floating point, one rounding, named by the contract.
 */
#ifndef BASE_MONEY_H
#define BASE_MONEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fraction.h"

struct currency {
    char code[4];
    int digits; /* of the minor unit: JPY 0, EUR 2, KWD 3 */
};

/* NULL if ISO 4217 has no such active code. */
const struct currency *currency_find(struct str code);
/* Exact amount (major units) to minor units. Amounts are below 10^14 major units: whoever reads one checks that. */
int64_t money_round(const struct currency *currency, struct fraction amount,
                    enum rounding rounding);
/* "12400.00" without the code. */
void money_format(struct strbuf *buf, const struct currency *currency, int64_t amount_minor);

#endif
