/*
 * A look at single records, before a run begins: is a record still what it was, and what stands where a log begins now?
 *
 * Partitions are started and stopped by hand, so the source must not be a member of a group, and nothing else may be running on it: what it delivers of
 * other partitions meanwhile is dropped.
 */
#ifndef JOBS_PIPELINE_PEEK_H
#define JOBS_PIPELINE_PEEK_H

#include "consumers/source.h"

enum peek_sight {
    PEEK_WAITING, /* for peek_records only */
    PEEK_RECORD,
    PEEK_END,    /* no record from there on at the moment */
    PEEK_EXPIRED /* the log does not have that offset, however often it is asked */
};

struct peek {
    struct source_partition partition;
    int64_t offset; /* where to look */
    enum peek_sight sight;
    int tries; /* for peek_records only */
    int64_t record_offset,
        record_time_ns; /* of the first record at or behind offset; valid for PEEK_RECORD */
};

/* Partitions are distinct. ERR_BROKER (retriable if no answer came in time), ERR_INTERRUPTED. */
enum err_code peek_records(struct source *source, struct peek *peeks, size_t count,
                           struct err *err);

#endif
