/*
 * Parts that statements and answers of evaluations write alike, in canonical JSON.
 */
#ifndef JOBS_STATEMENT_FIGURES_H
#define JOBS_STATEMENT_FIGURES_H

#include "base/json_numbers.h"
#include "jobs/statement/model.h"

/* Seconds of each column; those of 0 as well if `all`. */
void figures_seconds(struct json_writer *json, const char *key,
                     const int64_t seconds[TIME_CLASS_COUNT], bool all);
/* The member "tier": its border and what it gives, or null. */
void figures_tier(struct json_writer *json, const struct credit_tier *tier);
/* The member "steps": from the fee to the amount that is paid. Texts on their way are in arena. */
void figures_steps(struct json_writer *json, struct arena *arena, const struct currency *currency,
                   const struct credit *credit);

#endif
