/*
 * Retention of an archive: files whose records are all older than the policy are deleted; what the ledger says of them stays.
 *
 * A file goes when its highest time stamp and its commit are both older: producers may stamp what they like. A file without any time stamp stays. First
 * its row says that it is expiring, then the object is removed, then the row says that it is gone: a run that dies in between is finished by the next one.
 */
#ifndef JOBS_PIPELINE_ARCHIVE_EXPIRE_H
#define JOBS_PIPELINE_ARCHIVE_EXPIRE_H

#include "aggregator/archive_file.h"
#include "base/objects.h"

struct archive_expire_options {
    struct db *db;
    int64_t book_id;
    struct objects *objects;
    int64_t retention_ns;
    bool dry_run; /* only says what it would do */
    /* Before each file goes. */
    void (*tell)(void *context, const struct archive_file *file);
    void *context;
};

struct archive_expire_result {
    int64_t files, bytes, records; /* that are gone, or would be */
};

/* ERR_STORE, ERR_FENCED, ERR_DELIVERY, ERR_INTERRUPTED; ret_result is also set then. */
enum err_code archive_expire(const struct archive_expire_options *options,
                             struct archive_expire_result *ret_result, struct err *err);

#endif
