/*
 * What is inside a batch: for batch.c, which fills it, and for the ledger, which writes it. Nobody else includes this.
 */
#ifndef AGGREGATOR_BATCH_CONTENT_H
#define AGGREGATOR_BATCH_CONTENT_H

#include "aggregator/batch.h"
#include "aggregator/tally.h"
#include "base/arena.h"
#include "base/intern.h"

struct batch_exclusion {
    enum verdict verdict;
    struct str rule; /* in the arena; for VERDICT_RULE */
    int64_t records;
};

struct batch_partition {
    int64_t stream_id;
    int32_t partition;
    struct str topic, config_digest;
    int64_t from, to;
    int64_t delivered, absent;                           /* counted apart from ... */
    int64_t tallied, excluded, duplicate, dead_lettered; /* ... the verdicts */
    int64_t first_time_ns, last_time_ns, last_offset;    /* of records; valid if delivered > 0 */
    struct batch_exclusion *exclusions;                  /* owned */
    size_t exclusion_count;
    int64_t activity_hour; /* of `activity`; meaningless while that is NULL */
    struct tally *activity;
};

struct batch_dead_letter {
    const struct batch_partition *partition;
    int64_t offset, time_ns;
    enum verdict verdict;
    struct str detail, bytes; /* in the arena */
    int64_t record_size;      /* of the original */
};

struct batch_entry {
    uint64_t hash;
    struct tally_key key;           /* names in the arena */
    struct tally *tally;            /* in the arena; what it owns is on the heap */
    struct tally *checker_activity; /* of a check with a checker: that of the same hour */
};

struct batch {
    struct batch_partition **partitions; /* owned; sorted by stream and partition */
    size_t partition_count;
    struct batch_partition *last; /* the partition of the last record */
    struct intern names;          /* topics and digests; they outlive a clear */
    struct arena arena;           /* everything else, until the next clear */
    struct batch_entry *entries;
    size_t entry_count, entry_capacity;
    uint32_t *slots; /* entry + 1, 0 if free; power of two */
    size_t slot_count;
    struct batch_dead_letter *dead_letters;
    size_t dead_letter_count, dead_letter_capacity;
    size_t dead_letter_bytes_max;
    int64_t records;
    size_t heap_size; /* histograms and ranges, about */
    /* The ledger's: chosen before the first attempt to commit and kept until the batch is cleared. */
    bool has_id;
    bool in_doubt; /* an attempt whose outcome is not known yet: nothing may be added */
    unsigned char id[BATCH_ID_SIZE];
};

#endif
