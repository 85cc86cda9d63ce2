/*
 * The services of a contract by name: which rows of a file concern it.
 */
#ifndef JOBS_EVALUATE_ROSTER_H
#define JOBS_EVALUATE_ROSTER_H

#include "base/intern.h"
#include "jobs/config/contract.h"

struct roster {
    const struct contract *contract; /* borrowed */
    struct intern names;             /* numbered as in the contract */
    struct str last_name; /* rows of one service often stand together; empty: none was found yet */
    size_t last;
};

enum { ROSTER_NONE = -1 };

void roster_init(struct roster *roster, const struct contract *contract);
void roster_release(struct roster *roster);
/* The service's place in the contract, or ROSTER_NONE. */
int64_t roster_find(struct roster *roster, struct str name);
/* Borrowed from the contract. */
struct str roster_name(const struct roster *roster, size_t service);
size_t roster_count(const struct roster *roster);

#endif
