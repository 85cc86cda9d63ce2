/*
 * Pools: what several services come to together, one level of the agreement at a time.
 *
 * Services are added one after the other, in any order, so a pool needs no more memory than its own time line.
 */
#ifndef JOBS_STATEMENT_POOL_H
#define JOBS_STATEMENT_POOL_H

#include "base/arena.h"
#include "jobs/statement/model.h"

/* How moments add up to good and valid. */
enum pool_unit {
    POOL_UNIT_TIME,
    POOL_UNIT_SLICES,
    POOL_UNIT_NONE /* there are no moments: the method is of requests */
};

struct pool_terms {
    enum pool kind;
    enum pool_unit unit;
    int64_t from_s, to_s; /* the period */
    int64_t slice_s;
};

struct pool_run;

/* In arena, as its result; what it needs on its way is released by pool_finish. */
struct pool_run *pool_begin(const struct pool_terms *terms, struct arena *arena);
/* index: of the service in the contract; the smaller one speaks where all else is equal. measure is only read. */
void pool_add(struct pool_run *run, size_t index, const struct measure *measure);
/* Instead of pool_finish. */
void pool_abandon(struct pool_run *run);
/* *ret_worst: index of the service whose measure it is, of POOL_NONE and POOL_PER_SERVICE; of others unchanged. */
void pool_finish(struct pool_run *run, struct measure *ret_measure, size_t *ret_worst);

#endif
