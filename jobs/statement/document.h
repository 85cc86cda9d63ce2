/*
 * The statement as canonical JSON: the one form that is stored, hashed and rendered from.
 *
 * It holds what the figure depends on and nothing that depends on batches, on the number of consumers, or on the wall clock: the same
 * events and terms give the same bytes. Decimals and fractions are strings, counts and seconds integers, times RFC 3339 with the offset
 * of the contract's zone. schemas/statement.schema.json describes it.
 */
#ifndef JOBS_STATEMENT_DOCUMENT_H
#define JOBS_STATEMENT_DOCUMENT_H

#include "base/err.h"
#include "base/json.h"
#include "jobs/statement/difference.h"
#include "jobs/statement/model.h"
#include "jobs/statement/reclassify.h"

#define DOCUMENT_FORMAT "uptally.statement/1"
enum { DOCUMENT_SIZE_MAX = 128 * 1024 * 1024 };

/* A partition's part in the period: the lowest and highest offset among the events of hours that overlap it. */
struct covered_partition {
    struct str cluster, topic; /* the configured name of the cluster */
    int64_t incarnation;
    int32_t partition;
    int64_t low, high;    /* both inclusive */
    int64_t dead_letters; /* between them, not resolved */
};

/* Time of a service in which records of it were lost before they were read; an operator accepted that. */
struct lost_time {
    struct str service;
    int64_t from_s, to_s;
};

struct document_facts {
    const char *program_version;
    bool provisional;
    int64_t revision;
    const char *period;               /* "2026-10" */
    int64_t whole_from_s, whole_to_s; /* the whole period, whatever part of it was measured */
    bool complete; /* every event of the period that there is has been read, folded and graded */
    const struct lost_time
        *lost; /* sorted by service as in the contract, then by time; within the period */
    size_t lost_count;
    const struct covered_partition *partitions; /* sorted by topic, incarnation, partition */
    size_t partition_count;
    const struct reclassification *reclassified; /* within the period, in the order of their ids */
    size_t reclassified_count;
    const struct difference *difference; /* to the revision before; NULL: there is none */
};

/* Pretty canonical JSON with a final newline; the caller owns *ret_document. ERR_DATA: larger than DOCUMENT_SIZE_MAX. */
enum err_code document_write(const struct document_facts *facts, const struct result *result,
                             struct strbuf *ret_document, struct err *err);

#endif
