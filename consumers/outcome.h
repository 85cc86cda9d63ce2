/*
 * Rules over values: what an outcome means, and whether an exclusion applies.
 *
 * Texts are compared byte by byte; bytes and fixed as lower-case hexadecimal, integers as decimal, booleans as "true" and "false".
 * RULE_RANGE takes integers and text that is one. Nothing is allocated.
 */
#ifndef CONSUMERS_OUTCOME_H
#define CONSUMERS_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>

#include "consumers/mapping.h"
#include "consumers/value.h"
#include "schemas/event.h"

enum outcome_judgement { OUTCOME_JUDGED, OUTCOME_EXCLUDED, OUTCOME_NOT_NAMED };

/* True if any of the rules matches. An absent value matches none. */
bool rules_match(const struct rule_value *rules, size_t rule_count, const struct value *value);
enum outcome_judgement outcome_of_request(const struct outcome_rules *rules,
                                          const struct value *value, enum outcome *ret_outcome);
enum outcome_judgement outcome_of_check(const struct check_symbols *symbols,
                                        const struct value *value, enum outcome *ret_outcome);

#endif
