/*
 * Issued statements in the store. A row is written once and never changed: by a transaction that is alone in the store, so that of two runs
 * the second finds what the first has written, and that looks again if its own answer was lost.
 *
 * Errors: ERR_STORE, ERR_FENCED, ERR_MISMATCH (a row is not what its checksum or SHA-256 says).
 */
#ifndef JOBS_STATEMENT_ISSUED_H
#define JOBS_STATEMENT_ISSUED_H

#include "aggregator/lease.h"
#include "base/arena.h"
#include "base/db.h"
#include "base/hash.h"
#include "jobs/config/contract.h"
#include "jobs/statement/comparison.h"

struct issued {
    bool found;
    int64_t revision;
    int64_t issued_ns;
    struct str document; /* canonical JSON */
    char sha256[HASH_HEX_SIZE];
};

/* The newest revision for contract and period; in arena. */
enum err_code issued_find(struct db *db, struct str contract, struct str period,
                          struct arena *arena, struct issued *ret_issued, struct err *err);
/* What is issued; everything is borrowed. */
struct issued_new {
    const struct contract *contract; /* its terms are kept, too */
    struct str period;
    int64_t revision;
    struct str document, journal;
    int64_t now_ns;                    /* the store's clock */
    const struct comparison *compared; /* what it was computed from */
};

/* Writes that revision, the terms that it is measured by and what it was computed from, in one transaction, unless a revision with that number is there
 * already. What then stands is in ret_issued, perhaps another run's document. lease may be NULL: checked by the transaction. ERR_MISMATCH
 * also if the revision before is not the newest one. */
enum err_code issued_insert(struct db *db, struct lease *lease, const struct issued_new *new,
                            struct arena *arena, struct issued *ret_issued, struct err *err);
/* Notes that this revision was held against the books, and says what they say. */
enum err_code issued_compared(struct db *db, struct lease *lease, struct str contract,
                              struct str period, int64_t revision,
                              const struct comparison *compared, struct err *err);

struct issued_row {
    struct str contract, period;
    int64_t revision;
    bool noted; /* its credit note is written */
};

/* All revisions of a contract (of all if it is empty), sorted; in arena. Their documents are not looked at. */
enum err_code issued_list(struct db *db, struct str contract, struct arena *arena,
                          struct issued_row **ret_rows, size_t *ret_count, struct err *err);
/* One revision; as issued_find. */
enum err_code issued_revision(struct db *db, struct str contract, struct str period,
                              int64_t revision, struct arena *arena, struct issued *ret_issued,
                              struct err *err);

#endif
