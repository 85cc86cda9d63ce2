/*
 * The explanation: why a result is what it is, in sentences with the exact figures.
 */
#ifndef JOBS_STATEMENT_EXPLAIN_H
#define JOBS_STATEMENT_EXPLAIN_H

#include "base/arena.h"
#include "jobs/statement/model.h"

/* Fills explanation; everything else is there. */
void explain_result(struct arena *arena, struct result *result);
/* "1,340 s lost, 1,339.2 s allowed: missed" for one border. */
const char *explain_border(struct arena *arena, const struct level *level,
                           const struct border *border);

#endif
