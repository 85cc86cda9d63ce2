/*
 * With what of the books an issued statement was last compared. As long as that is what it was, nothing can have changed its result.
 *
 * A mark is made of numbers that only grow: how often hours of its services were graded (every late event marks its hour to be graded again), how many
 * announcements and how many reclassifications there are of its time. Errors: ERR_STORE; ERR_MISMATCH (a row is damaged).
 */
#ifndef JOBS_STATEMENT_COMPARISON_H
#define JOBS_STATEMENT_COMPARISON_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/db.h"
#include "jobs/config/contract.h"

struct comparison {
    struct str digest; /* of the terms; borrowed from the contract */
    int64_t book_id;
    int64_t gradings, announcements, reclassifications;
};

/* What the books are now for [from_s, to_s) of the contract and what around it may matter. Inside the snapshot in which the statement is computed. */
enum err_code comparison_now(struct db *db, int64_t book_id, const struct contract *contract,
                             int64_t from_s, int64_t to_s, struct comparison *ret_now,
                             struct err *err);
/* Of the terms by which the period was last compared; empty: never. In arena. */
enum err_code comparison_digest(struct db *db, struct str contract, struct str period,
                                struct arena *arena, struct str *ret_digest, struct err *err);
/* Whether that revision was last compared with exactly this. False also if there is no note, or a damaged one: then it is compared again. *ret_graded:
 * there is a note, and since then hours were graded again. */
enum err_code comparison_holds(struct db *db, struct str contract, struct str period,
                               int64_t revision, const struct comparison *now, bool *ret_holds,
                               bool *ret_graded, struct err *err);
/* Notes it, inside a transaction that writes. */
enum err_code comparison_write(struct db *db, struct str contract, struct str period,
                               int64_t revision, const struct comparison *now, struct err *err);

#endif
