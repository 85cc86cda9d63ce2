/*
 * The evidence pack: everything that a statement rests on, in one ZIP archive that its reader can check without this program.
 *
 * Documents of all revisions, the minutes and states that were measured, announcements, incidents, coordinates and batches, the explanation,
 * a manifest and SHA256SUMS. Derived from the store and nothing else: the same books and the same program (with its zlib) give the same bytes, so it
 * may be made again at any time, and then takes the place of the one before. Only what concerns the contract's services is in it, and of bad records no
 * content. One service is in memory at a time besides what the statement itself needs. Errors: ERR_STORE, ERR_MISMATCH, ERR_DELIVERY,
 * ERR_DATA (4 GiB or more).
 */
#ifndef JOBS_STATEMENT_EVIDENCE_H
#define JOBS_STATEMENT_EVIDENCE_H

#include "jobs/statement/cause.h"
#include "jobs/statement/publish.h"

#define EVIDENCE_FORMAT "uptally.evidence/1"

/* Publishes "acme/2026-10/evidence-r1.zip" for the newest revision, "evidence-provisional.zip" if there is none, of one version of a contract and
 * the calendar month (year 0: the last that has ended), and appends its place and a newline to places. *ret_present false: there is no
 * statement to prove. books.db and books.book_id are the publisher's. */
enum err_code evidence_publish(const struct publisher *publisher, const struct cause_reader *books,
                               const struct contract *contract, int32_t year, int32_t month,
                               struct strbuf *places, bool *ret_present, struct err *err);

#endif
