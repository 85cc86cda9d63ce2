/*
 * An archive run: source → volumes → objects → ledger. Topics are copied to Avro container files, each record with its coordinate and its bytes as they are.
 *
 * It reads as a consume run does (consume_state.h), into a book of its own, ARCHIVE_BOOK. A file is complete and lasting under its name before the transaction
 * begins that inserts its range and its row and moves next_offset. So a kill at any point leaves at most a file that no row names; the next run makes the
 * same file again, finds it there and takes it as its own. A drain closes all files at its end; --follow by size and age.
 */
#ifndef JOBS_PIPELINE_ARCHIVE_H
#define JOBS_PIPELINE_ARCHIVE_H

#include "base/objects.h"
#include "jobs/pipeline/consume.h"

struct archive_options {
    struct consume_options
        consume; /* with the book of the archive; `keeper` is set here, `source` may be */
    struct objects *objects; /* borrowed; where to */
};

struct archive_result {
    struct consume_result consume; /* records, absent, bytes (of values), batches, ... */
    int64_t files, adopted; /* committed; of them, those that an earlier run had left behind */
    int64_t content_bytes;  /* of blocks, unpacked */
    int64_t file_bytes;
    int64_t schemas; /* that were seen */
    int64_t
        schemas_missing; /* that nobody knows, or that are none: their records are archived nevertheless */
};

/* ret_result is also set on errors. As consume_run; ERR_DELIVERY: a file cannot be written, or other content stands under its name. */
enum err_code archive_run(const struct archive_options *options, struct archive_result *ret_result,
                          struct err *err);

/* Where the archive of the configuration is. reads: nothing is made there; *ret_objects is NULL then if there is none. ERR_CONFIG, ERR_DELIVERY. */
enum err_code archive_open_objects(const struct config *config, bool reads,
                                   struct objects **ret_objects, struct err *err);

#endif
