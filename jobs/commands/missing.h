/*
 * What status says of offsets that are missing: partitions that are parked until an operator decides, and ranges accepted as lost.
 *
 * Read in the caller's snapshot; everything in arena. Errors: ERR_STORE.
 */
#ifndef JOBS_COMMANDS_MISSING_H
#define JOBS_COMMANDS_MISSING_H

#include "base/arena.h"
#include "base/json.h"
#include "jobs/command.h"

struct missing_offsets {
    struct str topic;
    int64_t partition, from, to; /* parked: both are where the ledger stands */
    int64_t from_ns, to_ns;      /* lost: the span of time that the records may be from */
    struct str reason;           /* parked: why */
};

struct missing_list {
    struct missing_offsets *items;
    size_t count;
};

struct missing {
    struct missing_list parked, lost;
};

enum err_code missing_read(struct run *run, struct arena *arena, struct missing *ret_missing,
                           struct err *err);
/* For people: nothing if nothing is missing. */
void missing_print(FILE *out, const struct missing *missing);
/* The keys "lost" and "parked" of an object that is open. */
void missing_write(struct json_writer *json, const struct missing *missing);

#endif
