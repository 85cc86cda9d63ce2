/*
 * The files of an archive against what the store says of them: every byte and every record.
 *
 * Of each file that is kept: it is there, its size and SHA-256 are those of the row, its head has the row's coordinates, its blocks and records are
 * sound, ascend, and are as many as the row and the ledger's range say. What the ranges themselves have to say is the audit's.
 */
#ifndef JOBS_PIPELINE_ARCHIVE_VERIFY_H
#define JOBS_PIPELINE_ARCHIVE_VERIFY_H

#include "base/db.h"
#include "base/objects.h"

struct archive_verify_options {
    struct db *db;
    int64_t book_id;         /* of the archive */
    struct objects *objects; /* NULL: there is nothing */
    void (*finding)(void *context, const char *line);
    void (*progress)(void *context, int64_t done, int64_t total); /* bytes; may be NULL */
    void *context;
};

struct archive_verify_report {
    int64_t files, records, bytes; /* looked at */
    int64_t expired;               /* files that retention has deleted: nothing to look at */
    int64_t findings;
};

/* ERR_MISMATCH if anything was found; each finding is a line that begins with the file's name. ERR_STORE; ERR_DELIVERY, ERR_FAILED: a file cannot be read;
 * ERR_INTERRUPTED. */
enum err_code archive_verify(const struct archive_verify_options *options,
                             struct archive_verify_report *ret_report, struct err *err);

#endif
