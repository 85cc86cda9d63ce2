#include "jobs/pipeline/commit_again.h"

bool commit_again(struct clock *clock, int *failures, const struct err *err)
{
    if (err->code != ERR_STORE || !err->retriable || ++*failures >= COMMIT_TRIES_MAX) {
        return false;
    }
    clock_sleep_ns(clock, COMMIT_PAUSE_NS);
    return true;
}
