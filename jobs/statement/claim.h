/*
 * Claims: what customers claimed, and when, held against the deadline of the contract. Rows that are only added.
 *
 * A claim is in time if it was made before the deadline: `claim_within` after the local end of the period. A day is in time if it began before the
 * deadline. The deadline is that of the newest issued statement; while nothing is issued, that of the contract as it is configured. It is kept
 * with the claim. Errors: ERR_USAGE, ERR_STORE, ERR_FENCED, ERR_MISMATCH (a row is damaged).
 */
#ifndef JOBS_STATEMENT_CLAIM_H
#define JOBS_STATEMENT_CLAIM_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/db.h"
#include "jobs/config/contract.h"

struct claim {
    int64_t id;
    struct str contract, period;
    struct str claimed; /* "2026-11-20" or RFC 3339, as it was given */
    int64_t claimed_ns; /* that moment, or the start of that day in the contract's zone */
    bool has_deadline;
    int64_t deadline_ns;
    struct str author;
    struct str reference; /* of the customer; may be empty */
    int64_t recorded_ns;
};

/* contract, period, claimed, author and reference are given; the rest is filled in. period_to_s: the local end of the period in which zone and
 * claim_within of the contract count, unless a statement is issued. */
enum err_code claim_add(struct db *db, const struct contract *contract, int64_t period_to_s,
                        struct claim *claim, struct err *err);
/* In the order of contract, period and id. contract and period may be empty: all; in arena. */
enum err_code claim_list(struct db *db, struct str contract, struct str period, struct arena *arena,
                         struct claim **ret_claims, size_t *ret_count, struct err *err);
/* Without a deadline every claim is in time. */
bool claim_in_time(const struct claim *claim);
/* Appends "claimed 2026-11-20, in time", "claimed 2026-12-20, LATE by 19 d". */
void claim_words(const struct claim *claim, struct strbuf *out);

#endif
