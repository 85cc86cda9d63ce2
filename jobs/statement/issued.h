/*
 * Issued statements in the store. A row is written once and never changed.
 *
 * Errors: ERR_STORE, ERR_FENCED, ERR_MISMATCH (a row is not what its checksum or SHA-256 says).
 */
#ifndef JOBS_STATEMENT_ISSUED_H
#define JOBS_STATEMENT_ISSUED_H

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
/* Writes revision 1 and the terms that it is measured by, in one transaction. Harmless if another run was faster: read again with issued_find.
 * now_ns: the store's clock. */
enum err_code issued_insert(struct db *db, const struct contract *contract, struct str period,
                            struct str document, struct str journal, int64_t now_ns,
                            struct err *err);

#endif
