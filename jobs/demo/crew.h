/*
 * The demo's crew: several consumers of the same topics, each a thread with its own store connection, source and clock.
 *
 * The partitions are shared out by number, as with `uptally consume --shard I/N`. Sources stay open from one drain to the next. Between
 * calls no thread runs.
 */
#ifndef JOBS_DEMO_CREW_H
#define JOBS_DEMO_CREW_H

#include <stdint.h>

#include "base/err.h"
#include "base/http.h"
#include "jobs/config/config.h"
#include "jobs/pipeline/consume.h"

enum { CREW_SIZE_MAX = 16 };

struct crew;

struct crew_options {
    const struct config *config;   /* borrowed */
    const char *bootstrap_servers; /* instead of the configuration's */
    struct http *http;             /* borrowed; used by all threads at once */
    int size;                      /* consumers, 1..CREW_SIZE_MAX */
    int64_t batch_records_max;     /* 0: as configured */
};

enum err_code crew_open(const struct crew_options *options, struct crew **ret_crew,
                        struct err *err);
/* NULL is allowed. */
void crew_close(struct crew *crew);
/* Drains the topics at that simulated time and adds up what was done. The error is that of the first member that failed. */
enum err_code crew_drain(struct crew *crew, int64_t now_ns, struct consume_result *total,
                         struct err *err);

#endif
