/*
 * The audit of a folder of published files against the store that issued them.
 *
 * Found are: files of statements and credit notes that the store has not issued (it was restored from an old backup), files whose content is not
 * that of their row, files that are missing, and whatever stands in their place that is no regular file. A name that no statement or
 * credit note can have is none of our business. Nothing is followed or written, and no more is read of a file than it should have.
 */
#ifndef JOBS_STATEMENT_PUBLISHED_H
#define JOBS_STATEMENT_PUBLISHED_H

#include "base/db.h"
#include "base/objects.h"

struct published_report {
    int64_t files; /* looked at */
    int64_t findings;
};

/* Calls `finding` for each (at most shown_max; all are counted) with a line that begins with the file's place. ERR_STORE, ERR_DELIVERY (the
 * folder cannot be listed). */
enum err_code published_audit(struct db *db, struct objects *objects, int64_t shown_max,
                              void (*finding)(void *context, const char *line), void *context,
                              struct published_report *ret_report, struct err *err);

#endif
