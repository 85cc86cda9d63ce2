/*
 * Credit notes: what is owed for an issued statement. One per contract, period and revision, with a deterministic id.
 *
 * A later revision yields the difference to the notes before it, which may be negative, never a second full credit: so all notes of a period add up to the
 * credit of its last revision. A statement without credit has no note.
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
    bool fresh; /* written by this call, and not before */
};

/* Credit notes of the issued statements of that month (year 0: of each contract's last month that has ended), written where they are
 * missing and published as JSON and CSV; sorted by contract, period and revision; in arena. Statements that are not issued yet have none. Errors as in
 * publish.h; ERR_MISMATCH also if a stored note is damaged or not what its statement says. */
enum err_code credits_issue(const struct publisher *publisher, int32_t year, int32_t month,
                            struct arena *arena, struct credit_note **ret_notes, size_t *ret_count,
                            struct err *err);
/* The same for one period of one contract: the notes of its revisions, in their order. */
enum err_code credit_note_issue(const struct publisher *publisher, struct str contract,
                                struct str period, struct arena *arena,
                                struct credit_note **ret_notes, size_t *ret_count, struct err *err);
/* What an issued statement comes to, and its note as far as the store has one: *ret_owed, *ret_stored. Reads only. */
enum err_code credit_note_find(struct db *db, struct str contract, struct str period,
                               int64_t revision, struct arena *arena, struct credit_note *ret_note,
                               bool *ret_owed, bool *ret_stored, struct err *err);

/* The forms in which a note is published. */
struct credit_note_form {
    const char *suffix; /* of its name */
    void (*write)(const struct credit_note *note, struct strbuf *out);
};
enum { CREDIT_NOTE_FORMS = 2, CREDIT_NOTE_SIZE_MAX = 1024 * 1024 };
extern const struct credit_note_form credit_note_forms[CREDIT_NOTE_FORMS];
/* Appends the name under which the note of that revision is published: "acme/2026-10/credit-note-r1.json". */
void credit_note_name(struct str contract, struct str period, int64_t revision, const char *suffix,
                      struct strbuf *out);

#endif
