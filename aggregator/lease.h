/*
 * A lease: the right to do something alone, for a limited time, told apart by a fencing number.
 *
 * Invariant: the number in the row grows with every holder. Each transaction that writes what the lease protects begins with lease_lock, so
 * whoever was stopped for longer than the lease and was replaced can write nothing afterwards. Times are those of the store's clock. The
 * struct borrows everything. Errors: ERR_FENCED, ERR_STORE.
 */
#ifndef AGGREGATOR_LEASE_H
#define AGGREGATOR_LEASE_H

#include "base/db.h"

enum { LEASE_NAME_SIZE = 40 };

struct lease_options {
    struct db *db;
    const char *kind; /* "fold", "nightly": with the book it is the name of the row */
    const char *who;  /* in messages: "aggregator", "nightly run" */
    const char
        *holder; /* no two processes share one: whoever has the same text takes the lease at once */
    int64_t book_id;
    int64_t duration_ns; /* > 0 */
};

struct lease {
    struct lease_options options;
    char name[LEASE_NAME_SIZE];
    int64_t fence; /* 0: not held */
};

/* The name of its row, for whoever must not run beside its holder. */
void lease_name(const char *kind, int64_t book_id, char ret_name[LEASE_NAME_SIZE]);
void lease_init(struct lease *lease, const struct lease_options *options);
/* ERR_FENCED if another holder's lease is still running; the text says whose and for how long. */
enum err_code lease_acquire(struct lease *lease, struct err *err);
/* Inside a write transaction, first of all: locks the row, checks the number, extends the lease. ERR_FENCED if another holder took over. */
enum err_code lease_lock(struct lease *lease, struct err *err);
/* Between transactions, where there is nothing to write for long: the same in a transaction of its own. */
enum err_code lease_extend(struct lease *lease, struct err *err);
/* Gives it back; best effort: what is not given back expires. */
void lease_release(struct lease *lease);

#endif
