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
/* Writes revision 1 and the terms that it is measured by, in one transaction, unless a revision is there already. What then stands is in
 * ret_issued, perhaps another run's document. lease may be NULL: checked by the transaction. now_ns: the store's clock. */
enum err_code issued_insert(struct db *db, struct lease *lease, const struct contract *contract,
                            struct str period, struct str document, struct str journal,
                            int64_t now_ns, struct arena *arena, struct issued *ret_issued,
                            struct err *err);

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
