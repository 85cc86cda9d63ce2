/*
 * A rebuild run: archive → decoder → batch → the book of the rebuild, on several threads; then the difference, and on request the swap.
 *
 * What was decided when a record was read first is taken over: dead letters, duplicates and losses of the live book are left out, letters that redrives
 * counted before the opening are counted. Records whose events are of another month are left out as well, and files in which there is none of the month are not even
 * opened. A run that is killed is followed by one that goes on; several share the partitions by shard. aggregator/rebuild.h says why nothing counts twice.
 */
#ifndef JOBS_PIPELINE_REBUILD_H
#define JOBS_PIPELINE_REBUILD_H

#include "aggregator/rebuild.h"
#include "base/http.h"
#include "base/objects.h"
#include "jobs/config/config.h"

enum { REBUILD_THREADS_MAX = 64 };

struct rebuild_options {
    const struct config *config; /* borrowed */
    struct db *db;               /* borrowed; used by one thread at a time */
    int64_t book_id;             /* that is rebuilt */
    struct clock *clock;
    struct clock *wait_clock; /* on which it waits for leases; NULL: clock_system() */
    struct random *random;
    struct http *http;          /* for the registry, where the archive lacks a schema */
    struct objects *objects;    /* borrowed; the archive. NULL: there is none */
    const char *month;          /* "2026-10" */
    bool swap;                  /* put the result in the place of the month */
    bool drop;                  /* only let go of an open rebuild */
    int32_t shard, shard_count; /* partitions with number % count == shard; count 0 means 1 */
    int32_t thread_count;       /* at least 1 */
    int64_t batch_size_max;     /* bytes; 0: 16 MiB */
    /* Each may be NULL. One thread at a time. */
    void (*progress)(void *context, int64_t done, int64_t total);
    /* A window that differs; by kind, name and hour. */
    enum err_code (*differs)(void *context, const struct rebuild_pair *pair, struct err *err);
    void *context;
};

struct rebuild_result {
    bool opened, swapped, ended;                     /* ended: nothing of it is open any more */
    int64_t records, tallied, other_month, excluded; /* read in this run */
    int64_t known_dead, known_duplicate, known_lost; /* parts of excluded */
    int64_t files, files_passed;                     /* read; not even opened */
    int64_t bytes;                                   /* of files that were read, packed */
    int64_t waiting; /* partitions that are not read to the boundary */
    bool compared;
    int64_t windows, different; /* of the month: keys, and those that differ */
};

/* ret_result is also set on errors. ERR_DATA: the archive does not reach as far as the book has read, or a file is missing or damaged; nothing is lost, the
 * next run goes on. ERR_CONFIG: the month was counted by another configuration. ERR_MISMATCH: what is recorded contradicts the records. ERR_FENCED, ERR_STORE, ERR_BROKER
 * (registry), ERR_INTERRUPTED. A difference is no error here. */
enum err_code rebuild_run(const struct rebuild_options *options, struct rebuild_result *ret_result,
                          struct err *err);

#endif
