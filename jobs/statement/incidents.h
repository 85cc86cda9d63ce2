/*
 * Incidents of a statement, derived from raw states: the same events give the same incidents, whatever was noticed when.
 */
#ifndef JOBS_STATEMENT_INCIDENTS_H
#define JOBS_STATEMENT_INCIDENTS_H

#include "base/arena.h"
#include "jobs/statement/engine.h"

/* Fills result->incidents from the raw states and the segments of all services, within [from_s, to_s) where the contract holds. */
void incidents_derive(const struct service_input *services, int64_t from_s, int64_t to_s,
                      struct arena *arena, struct result *result);

#endif
