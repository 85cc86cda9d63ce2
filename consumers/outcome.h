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
/* Of the numbers of HTTP, without rules. 4xx is the caller's business: docs/ingest.md, roles. */
static inline enum outcome_judgement outcome_default(int64_t number, enum outcome *ret_outcome)
{
    *ret_outcome = number >= 500 ? OUTCOME_ERROR : OUTCOME_SUCCESS;
    return number >= 100 && number <= 599 ? OUTCOME_JUDGED : OUTCOME_NOT_NAMED;
}

/* The same as outcome_of_request of an integer; most mappings have no rules. */
static inline enum outcome_judgement outcome_of_status(const struct outcome_rules *rules,
                                                       int64_t number, enum outcome *ret_outcome)
{
    const struct value value = {.number = number, .kind = VALUE_INTEGER};

    return rules->use_defaults && rules->exclude_count == 0
               ? outcome_default(number, ret_outcome)
               : outcome_of_request(rules, &value, ret_outcome);
}

enum outcome_judgement outcome_of_check(const struct check_symbols *symbols,
                                        const struct value *value, enum outcome *ret_outcome);

#endif
