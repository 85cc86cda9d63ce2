/*
 * Files that were drawn from issued statements, remembered by their SHA-256.
 *
 * The JSON is the statement and never changes. What is drawn from it (HTML, CSV) stays as it was published, too, although a later release may draw it
 * differently: a file whose hash is noted here is ours and is left alone. Any other content under its name is refused. Noted before
 * the file is there, so that no file of ours is ever unknown. Errors: ERR_STORE, ERR_FENCED.
 */
#ifndef JOBS_STATEMENT_PUBLICATION_H
#define JOBS_STATEMENT_PUBLICATION_H

#include <stdbool.h>
#include <stddef.h>

#include "aggregator/lease.h"
#include "base/db.h"

/* A form of one revision; borrowed. */
struct publication {
    struct str contract, period;
    int64_t revision;
    const char *format; /* "html" */
};

/* Whether that content was published under this name. A damaged row vouches for nothing. */
enum err_code publication_known(struct db *db, const struct publication *publication,
                                struct str content, bool *ret_known, struct err *err);
struct drawing {
    struct publication publication;
    struct str content;
};

/* Notes those that are not known yet, in one transaction. lease may be NULL. */
enum err_code publication_note(struct db *db, struct lease *lease, const struct drawing *drawings,
                               size_t count, const char *program_version, struct err *err);

#endif
