/*
 * Credit notes: what is owed for an issued statement. One per contract, period and revision, with a deterministic id.
 *
 * A later revision yields the difference to the notes before it, never a second full credit. A statement without credit has no note.
 */
#ifndef JOBS_STATEMENT_CREDIT_NOTE_H
#define JOBS_STATEMENT_CREDIT_NOTE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "jobs/statement/publish.h"

struct credit_note {
    struct str id; /* "CN-acme-2026-2026-10-r1" */
    struct str contract, customer, period, currency;
    int64_t revision;
    int64_t amount_minor;   /* of this note */
    int64_t total_minor;    /* owed for the period in all */
    struct str amount;      /* "1240.00" */
    struct str claim_until; /* RFC 3339; empty: no deadline */
    struct str statement_sha256;
};

/* Credit notes of the issued statements of that month (year 0: of each contract's last month that has ended), written where they are missing and published as JSON and CSV; sorted by
 * contract; in arena. Statements that are not issued yet have none. Errors as in publish.h. */
enum err_code credits_issue(const struct publisher *publisher, int32_t year, int32_t month,
                            struct arena *arena, struct credit_note **ret_notes, size_t *ret_count,
                            struct err *err);
/* Appends the name under which the note is published; suffix is "json" or "csv". */
void credit_note_name(const struct credit_note *note, const char *suffix, struct strbuf *out);

#endif
