/*
 * Exact numbers in canonical JSON: always texts, because many readers of JSON make numbers inexact.
 */
#ifndef BASE_JSON_NUMBERS_H
#define BASE_JSON_NUMBERS_H

#include "base/fraction.h"
#include "base/json.h"

/* The exact decimal of a value that has one: "0.25". */
void json_decimal(struct json_writer *json, const char *key, struct rational value);
/* As contracts have them: "99.5" of 0.995. */
void json_percent(struct json_writer *json, const char *key, struct rational ratio);
/* Exact where there is a decimal of at most 18 places; otherwise cut, with three points. */
void json_figure(struct json_writer *json, const char *key, struct fraction value);
/* The two members "denominator" and "numerator" of the object that is open, in full. */
void json_terms(struct json_writer *json, struct fraction value);

#endif
