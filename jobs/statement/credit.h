/*
 * Tiers and credits: from an exact fraction to an amount in minor units, step by step.
 */
#ifndef JOBS_STATEMENT_CREDIT_H
#define JOBS_STATEMENT_CREDIT_H

#include "base/arena.h"
#include "jobs/statement/model.h"

/* Reads pooled, known and uptime; fills met, borders, tier, credit. end_s: the local end of the period, from which the claim runs. */
void credit_decide(struct arena *arena, int64_t end_s, struct result *result);
/* The tier that this uptime falls into; NULL if none. A border that is hit exactly belongs to the better tier. */
const struct credit_tier *credit_tier_of(const struct credit_terms *terms, struct rational uptime);

#endif
