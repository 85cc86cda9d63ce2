/*
 * What the parts of input*.c share while the books of a statement are read. Nobody else includes this.
 */
#ifndef JOBS_STATEMENT_INPUT_PARTS_H
#define JOBS_STATEMENT_INPUT_PARTS_H

#include "aggregator/windows.h"
#include "jobs/statement/input.h"

struct input_reader {
    struct db *db;
    int64_t book_id;
    const struct contract *contract;
    struct arena *arena;
    int64_t from_s, to_s;           /* of the period, and */
    int64_t from_minute, to_minute; /* its minutes */
    struct lost_time *lost;         /* grows in the arena */
    size_t lost_count, lost_capacity;
    struct reclassification *reclassified; /* of all services, around the period too */
    size_t reclassified_count;
    bool summed;                     /* requests of adjoining minutes may stand in one row */
    struct offset_coverage coverage; /* of the period's hours, all services */
};

/* Reads minutes [from_minute, to_minute) of a service. Errors as input_read. */
enum err_code input_service(struct input_reader *reader, struct str service, int64_t from_minute,
                            int64_t to_minute, struct service_input *ret_service, struct err *err);

#endif
