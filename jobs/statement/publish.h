/*
 * Publishing: from the books to issued statements, credit notes and announcements.
 *
 * A statement is issued once: its row in the store comes first, files are derived from it, and issuing again publishes the stored bytes
 * again. Before complete-until has passed the period's end and grace is over it is provisional: files under another name, no row. If the books changed
 * since it was issued, and say another result, the next revision is issued beside it, by the terms of the one before; decision 22.
 * Errors: ERR_CONFIG (input.h), ERR_STORE, ERR_FENCED (the store is locked, or the lease was lost), ERR_DELIVERY (other content stands under that name), ERR_MISMATCH (a stored
 * statement is not what its checksum says).
 */
#ifndef JOBS_STATEMENT_PUBLISH_H
#define JOBS_STATEMENT_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregator/lease.h"
#include "base/db.h"
#include "base/err.h"
#include "base/objects.h"
#include "jobs/config/contract.h"

enum statement_format {
    STATEMENT_JSON = 1,
    STATEMENT_HTML = 2,
    STATEMENT_CSV = 4,
    STATEMENT_PDF = 8,
    STATEMENT_ALL = 15
};

/* What all of this module's functions need. Everything is borrowed. */
struct publisher {
    struct db *db;
    int64_t book_id;
    struct objects *objects; /* NULL: nothing is published; documents are only handed out */
    const struct contract *contracts; /* all versions of all contracts */
    size_t contract_count;
    const char *program_version;
    struct lease *lease;             /* may be NULL: every transaction that writes checks it */
    struct journal_batches *batches; /* may be NULL: kept for no other statement */
    /* One line for people; warning or plain note. May be NULL. */
    void (*note)(void *context, bool warning, const char *line);
    void *context;
};

struct statement_options {
    unsigned formats; /* bits of enum statement_format */
    bool force;       /* issue although data are incomplete or grace is not over */
    bool final_only;  /* no outcome rather than a provisional one */
    bool revise;      /* measure an issued month again, by the terms as they are now */
    struct str cause; /* of revise, in an operator's words */
};

struct statement_outcome {
    bool present; /* false: the contract is not valid in that period, or there are no data yet */
    bool provisional;       /* neither stored nor final */
    bool known;             /* the result is a fraction: something was measured */
    bool met;               /* of a known result */
    int64_t revision;       /* 0: provisional */
    bool issued;            /* by this call, and not before */
    struct strbuf document; /* canonical JSON; the caller owns it */
    struct strbuf places;   /* one path per line; the caller owns it */
    struct strbuf sentence; /* the verdict in one sentence; the caller owns it */
};

/* Appends the name under which that revision is published: "acme/2026-10/statement-r1.json". */
void statement_name(struct str contract, struct str period, int64_t revision, const char *suffix,
                    struct strbuf *out);

void statement_outcome_init(struct statement_outcome *outcome);
void statement_outcome_release(struct statement_outcome *outcome);

/* One version of a contract and the period in its zone that goes with that month (year 0: the last that has ended there). Issues it if it is due (or forced) and not issued yet, or the revision that is due,
 * and publishes all revisions. A version that is not valid in that period has no outcome. ret_outcome is initialised by the caller. */
enum err_code statement_publish_month(const struct publisher *publisher,
                                      const struct contract *contract, int32_t year, int32_t month,
                                      const struct statement_options *options,
                                      struct statement_outcome *ret_outcome, struct err *err);

#endif
