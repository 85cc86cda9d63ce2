/*
 * Bad records: one kind for each way in which a record can be unusable, to show what becomes of them.
 */
#ifndef JOBS_DEMO_BAD_RECORD_H
#define JOBS_DEMO_BAD_RECORD_H

#include "base/str.h"
#include "schemas/event.h"
#include "schemas/verdict.h"

enum bad_kind {
    BAD_NONE,
    BAD_TRUNCATED,
    BAD_TRAILING,
    BAD_VARINT,
    BAD_MAGIC,
    BAD_SHORT,
    BAD_UNKNOWN_ID,
    BAD_NOT_AVRO,
    BAD_UNMAPPED,
    BAD_YEAR_9999,
    BAD_YEAR_1970,
    BAD_NEGATIVE_LATENCY,
    BAD_EMPTY_NAME,
    BAD_CONTROL_NAME,
    BAD_LONG_NAME,
    BAD_STATUS,
    BAD_SYMBOL,
    BAD_GHOST,
    BAD_LARGE,
    BAD_DEEP,
    BAD_KIND_COUNT
};

struct bad_row {
    enum event_kind topic; /* the topic on which it appears */
    int count;             /* in a month */
    enum verdict verdict;  /* what it becomes */
};

const struct bad_row *bad_row(enum bad_kind kind);

#endif
