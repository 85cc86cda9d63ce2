/*
 * Waiting for a lease, as long as for a locked store, and the name of who waits.
 */
#ifndef JOBS_PIPELINE_LEASE_WAIT_H
#define JOBS_PIPELINE_LEASE_WAIT_H

#include <stdbool.h>

#include "aggregator/lease.h"

enum { LEASE_HOLDER_SIZE = 320 };

/* What jobs hold a lease for: short, because after a kill the next run waits it out; each transaction extends it. */
#define LEASE_DURATION_NS (60 * NS_PER_SECOND)

/* Host and process for people, and some random digits: in containers every process is number 1 of a host called localhost. */
void lease_holder(char ret_holder[LEASE_HOLDER_SIZE]);

struct lease_waiting {
    int64_t wait_ns;
    struct lease *outer;   /* may be NULL: a lease that is held meanwhile, and kept */
    struct clock *clock;   /* on which it waits; NULL: clock_system() */
    bool (*stopped)(void); /* may be NULL */
};

/* ERR_FENCED if another one holds it for longer than wait_ns (the text says who), ERR_INTERRUPTED, ERR_STORE. */
enum err_code lease_wait(struct lease *lease, const struct lease_waiting *waiting, struct err *err);

#endif
