/*
 * Pools: what several services come to together.
 */
#ifndef JOBS_STATEMENT_POOL_H
#define JOBS_STATEMENT_POOL_H

#include "base/arena.h"
#include "jobs/statement/model.h"

/* Reads services and fills pooled, worst_service, known, uptime and lost. */
void pool_combine(struct arena *arena, struct result *result);
/* good / valid; false if nothing was measured. */
bool measure_uptime(const struct measure *measure, struct rational *ret_uptime);

#endif
