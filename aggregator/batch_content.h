/*
 * What is inside a batch: for batch*.c, which fill it, and for the ledger, which writes it. Nobody else includes this.
 *
 * Events with an id whose partition belongs to a group are undecided: whether one is a duplicate only the transaction of the commit can
 * tell. So a batch keeps them beside its tallies, and each attempt to commit makes a decided copy. The batch itself stays as it was,
 * for another attempt may find other duplicates.
 */
#ifndef AGGREGATOR_BATCH_CONTENT_H
#define AGGREGATOR_BATCH_CONTENT_H

#include "aggregator/batch.h"
#include "aggregator/tally.h"
#include "base/arena.h"
#include "base/hash.h"
#include "base/intern.h"

struct batch_exclusion {
    enum verdict verdict;
    struct str rule; /* in the arena; for VERDICT_RULE */
    int64_t records;
};

/*
 * A recent: the last events of a service in a partition, which are not in the tally of their hour yet. They are gathered in two lines of the
 * cache and go on to the tally, which has many, some at a time: when there are latencies enough, when the minute or the service is another,
 * or when somebody asks (batch_settle). Only for events that carry their service's number, which those of one partition have from one catalog.
 */
enum { BATCH_RECENT_LATENCIES = 24 };

struct batch_recent {
    uint32_t service;                           /* its number; 0: free, and nothing is gathered */
    uint32_t latency_count;                     /* of `latencies` */
    int64_t minute_ns;                          /* when the minute of `counts` begins */
    struct window_tally *tally;                 /* of an entry: where all of it goes */
    struct window_minute counts;                /* of the minute */
    int64_t low, high;                          /* offsets */
    uint16_t latencies[BATCH_RECENT_LATENCIES]; /* places in the histogram, of one request each */
};
_Static_assert(sizeof(struct batch_recent) == 128, "two lines of the cache");

struct batch_partition {
    int64_t stream_id;
    int32_t partition;
    struct str topic, config_digest;
    struct str group;       /* of event ids; empty: they are not tested */
    struct str destination; /* of its dead letters; empty: they stay in the store */
    int64_t from, to;
    int64_t delivered, absent;                           /* counted apart from ... */
    int64_t tallied, excluded, duplicate, dead_lettered; /* ... the verdicts */
    int64_t undecided;                                   /* events; none in a decided copy */
    int64_t first_time_ns, last_time_ns, last_offset;    /* of records; valid if delivered > 0 */
    bool lost; /* nothing was delivered and nothing will be; the two times are the span */
    struct batch_exclusion *exclusions; /* owned */
    size_t exclusion_count;
    /* Of the last event, and of `activity`; meaningless while that is NULL. */
    int64_t hour, minute_ns; /* the hour, and when its minute begins */
    struct tally *activity;
    struct batch_recent *recents; /* owned; by number of the service, which wraps around */
    uint32_t recent_count;        /* 0 or a power of two */
    uint32_t recent_reach;        /* a number as large as this asks for more of them */
};

struct batch_dead_letter {
    const struct batch_partition *partition;
    int64_t offset, time_ns;
    enum verdict verdict;
    struct str detail, bytes; /* in the arena */
    struct str schema_header; /* in the arena; data is NULL: none */
    int64_t record_size;      /* of the original */
    bool redacted;            /* bytes are not, or not all, those of the record */
};

struct batch_entry {
    uint64_t hash;
    struct tally_key key; /* names in the arena */
    struct tally *tally;  /* in the arena, as large as its kind; what it owns is on the heap */
    struct tally *checker_activity; /* of a check with a checker: that of the same hour */
};

/* An undecided event, as small as it can be: names are numbers of the batch's event_names. */
struct batch_event {
    const struct batch_partition *partition;
    int64_t offset;
    int64_t record_time_ns; /* Kafka time stamp; the event's time if the record has none */
    int64_t time_ns;        /* of the event */
    unsigned char key[HASH_KEY_SIZE];
    uint32_t service;
    uint8_t kind, outcome; /* enum event_kind, enum outcome */
    union {
        struct {
            uint32_t customer;
            int64_t latency_ns, latency_threshold_ns, weight;
            const struct particulars_wanted *wanted;
        } request;
        struct {
            uint32_t instance, region, checker;
            int64_t interval_ns;
        } check;
    };
};

enum { BATCH_LAST_COUNT = 64 };

struct batch {
    struct batch_partition **partitions; /* owned; sorted by stream and partition */
    size_t partition_count;
    /* Partitions that records came from, by their number, which wraps around; or NULL. */
    struct batch_partition *last[BATCH_LAST_COUNT];
    struct intern names; /* topics and digests; they outlive a clear */
    struct arena arena;  /* everything else, until the next clear */
    struct batch_entry *entries;
    size_t entry_count, entry_capacity;
    uint32_t *slots; /* entry + 1, 0 if free; power of two */
    size_t slot_count;
    struct batch_dead_letter *dead_letters;
    size_t dead_letter_count, dead_letter_capacity;
    size_t dead_letter_bytes_max;
    struct batch_event *events; /* owned; undecided, in the order of their arrival */
    size_t event_count, event_capacity;
    struct intern event_names; /* until the next clear */
    int64_t records;
    size_t heap_size; /* histograms, ranges and particulars, about */
    bool settled;     /* the tallies hold all that was tallied: no recent is in use */
    /* The ledger's: chosen before the first attempt to commit and kept until the batch is cleared. */
    bool has_id;
    bool in_doubt; /* an attempt whose outcome is not known yet: nothing may be added */
    unsigned char id[BATCH_ID_SIZE];
    int64_t duplicates; /* found by the last attempt; outlives a clear */
};

/* batch.c: counts the record as delivered, and what is missing before it as absent. */
struct batch_partition *batch_deliver(struct batch *batch, const struct coordinate *at);
struct batch_partition *batch_partition_get(const struct batch *batch, int64_t stream_id,
                                            int32_t partition);

/* batch_tally.c: counts the event in the tallies, but not in the partition's counts. */
void batch_tally(struct batch *batch, struct batch_partition *partition,
                 const struct coordinate *at, const struct event *event);
/* Widens the offset ranges of the event's window without counting it. */
void batch_touch(struct batch *batch, const struct coordinate *at, const struct event *event);
/* += for a tally of another batch. */
void batch_merge_entry(struct batch *batch, const struct batch_entry *entry);
/* The tally of a request's service and hour; it stays where it is until the clear. */
struct window_tally *batch_window_of(struct batch *batch, const struct event *event);
/* What it owns but for its ranges, in bytes; what it gains belongs to batch->heap_size. */
size_t batch_tally_size(const struct window_tally *tally);
void batch_add_range(struct batch *batch, struct offset_range **ranges, size_t *range_count,
                     const struct coordinate *at);

/* batch_recent.c: counts a request that carries its service's number. */
void batch_recent_add(struct batch *batch, struct batch_partition *partition,
                      const struct coordinate *at, const struct event *event);
/* How many records stand in no tally yet. */
int64_t batch_recent_records(const struct batch_partition *partition);
/* What is gathered goes to the tallies: before somebody reads them. */
void batch_settle(struct batch *batch);

/* batch_excluded.c: counts that many delivered records as excluded. */
void batch_exclude(struct batch *batch, struct batch_partition *partition, enum verdict verdict,
                   struct str rule, int64_t records);

/* batch_decide.c: keeps the event until the commit. */
void batch_defer(struct batch *batch, const struct batch_partition *partition,
                 const struct coordinate *at, const struct event *event);
/* The batch with all its events decided: event i is a duplicate if duplicates[i]. The copy borrows names and dead letters. */
struct batch *batch_decide(const struct batch *batch, const bool *duplicates);
void batch_decided_free(struct batch *decided);

#endif
