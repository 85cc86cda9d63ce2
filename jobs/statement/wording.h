/*
 * How figures are put into words: the same everywhere in a statement. All texts are in the arena.
 */
#ifndef JOBS_STATEMENT_WORDING_H
#define JOBS_STATEMENT_WORDING_H

#include "base/arena.h"
#include "base/money.h"

/* "1,339.2": exact, with commas between thousands; what has no short decimal is cut to "0.333333...". */
const char *wording_number(struct arena *arena, struct fraction value);
const char *wording_integer(struct arena *arena, int64_t value);
/* "0.25": exact, as the contract has it. */
const char *wording_decimal(struct arena *arena, struct rational value);
/* The same digits, with commas between thousands before the point; what is no decimal stays as it is. */
const char *wording_grouped(struct arena *arena, struct str decimal);
/* "1,339.2 s", "12 requests". */
const char *wording_quantity(struct arena *arena, struct fraction value, const char *unit);
/* "99.5 %" of the ratio 0.995: exact, as the contract has it. */
const char *wording_percent(struct arena *arena, struct rational ratio);
/* "99.949": floored to digits, so that it never shows 100 or a met target for less. */
const char *wording_percent_floor(struct arena *arena, struct fraction ratio, int digits);
/* "1240.00 EUR", exact or cut like a number, with at least the digits of the currency. */
const char *wording_money(struct arena *arena, const struct currency *currency,
                          struct fraction amount);
/* "500 ms", "2 s", "1,500 us": exact, in the largest of these units that has no rest. */
const char *wording_latency(struct arena *arena, int64_t latency_ns);
/* "1 d 2 h", "22 min 20 s", "0 s". */
const char *wording_duration(struct arena *arena, int64_t seconds);

#endif
