/*
 * Tiers and credits: from an exact fraction to an amount in minor units, step by step.
 */
#ifndef JOBS_STATEMENT_CREDIT_H
#define JOBS_STATEMENT_CREDIT_H

#include "base/arena.h"
#include "jobs/statement/model.h"

/* What credits depend on beside the measure. */
struct credit_input {
    const struct contract *contract;
    int32_t period_days; /* local days of the whole period */
    int64_t end_s;       /* the local end of the period, from which the claim runs */
};

/* "10 % of the fee", "3 days of service", "100.00 EUR". */
const char *credit_tier_text(struct arena *arena, const struct contract *contract,
                             const struct credit_tier *tier);
/* Reads name, unit, target and measure of each level; fills the rest, and of verdicts everything but the levels. */
void credit_decide(const struct credit_input *input, struct arena *arena,
                   struct verdicts *verdicts);

#endif
