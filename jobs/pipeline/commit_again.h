/*
 * The patience of a run with its store: a commit that is refused for a moment is tried again before the run gives up. The ledger ends the same, however often
 * (aggregator/ledger.h).
 */
#ifndef JOBS_PIPELINE_COMMIT_AGAIN_H
#define JOBS_PIPELINE_COMMIT_AGAIN_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/err.h"

enum { COMMIT_TRIES_MAX = 3 };
#define COMMIT_PAUSE_NS (200 * NS_PER_MS)

/* For a commit that failed: true, after a pause on clock, if another try may help and *failures, which begins at 0, leave one. A signal ends the pause, not
 * the tries. */
bool commit_again(struct clock *clock, int *failures, const struct err *err);

#endif
