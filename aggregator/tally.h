/*
 * The tally: the mergeable content of a service's hour, and its packed form.
 *
 * All fields are integers; merging is commutative and associative, so any order of batches gives the same bytes. Three
 * kinds, as in the tables `pending` and `window_hour`:
 *   window   (service, customer, hour): 60 minutes of counts, a latency histogram, offset ranges, and particulars where a contract asks;
 *   check    (service, instance, region, checker, hour): 60 minutes of results and the last one of each minute;
 *   activity ("topic" or "checker", name, hour): a mask of the minutes that carried events.
 * Packed form: first byte format version, then varints and bits (pack.h); equal contents pack to equal bytes. Unpacking checks everything.
 */
#ifndef AGGREGATOR_TALLY_H
#define AGGREGATOR_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/histogram.h"
#include "aggregator/particulars.h"
#include "base/arena.h"
#include "base/check.h"
#include "base/err.h"
#include "base/str.h"
#include "schemas/event.h"

struct window_minute {
    int64_t records;    /* tallied, unweighted: what the ledger's counts are held against */
    int64_t total;      /* requests, weighted */
    int64_t errors;     /* weighted; errors + slow <= total */
    int64_t slow;       /* weighted: successful and above the threshold */
    int64_t no_latency; /* weighted: latency unknown */
};

static inline void window_minute_add(struct window_minute *into, const struct window_minute *from)
{
    into->records += from->records;
    into->total += from->total;
    into->errors += from->errors;
    into->slow += from->slow;
    into->no_latency += from->no_latency;
}

/* What a request adds to its minute. */
static inline void window_minute_add_event(struct window_minute *minute, const struct event *event)
{
    CHECK(event->kind == EVENT_REQUEST);
    CHECK(event->weight >= 1);
    CHECK(event->outcome <= OUTCOME_ERROR);
    minute->records++;
    minute->total += event->weight;
    minute->errors += event->outcome == OUTCOME_ERROR ? event->weight : 0;
    minute->slow += event_slow(event) ? event->weight : 0;
    minute->no_latency += event->latency_ns == LATENCY_UNKNOWN ? event->weight : 0;
}

/* Lowest and highest offset of a partition whose events fell into the hour: an explanation re-reads between them. */
struct offset_range {
    int64_t stream_id;
    int32_t partition;
    int64_t low, high; /* both inclusive */
};

struct window_tally {
    struct window_minute minutes[TALLY_MINUTES];
    struct histogram latency;
    struct offset_range *ranges; /* sorted by stream, partition */
    size_t range_count;
    struct particulars particulars;
    /* Bit n: minute n is empty, for nobody has added to it. Of others, and of all of a tally that was not made by window_tally_init, that is not known. */
    uint64_t untouched;
};

struct check_minute {
    int64_t records; /* tallied */
    int64_t passed, warned, failed, unknown, removed;
    enum outcome last; /* of the last result; at equal times the worse wins */
    int64_t last_time_ns;
    int64_t last_interval_ns;
};

struct check_tally {
    struct check_minute minutes[TALLY_MINUTES];
    struct offset_range *ranges;
    size_t range_count;
};

struct activity_tally {
    uint64_t minutes; /* bit n: minute n of the hour carried events */
};

enum tally_kind { TALLY_WINDOW, TALLY_CHECK, TALLY_ACTIVITY };
const char *tally_kind_name(enum tally_kind kind); /* "window", "check", "activity" */

bool tally_kind_find(struct str name, enum tally_kind *ret_kind);

struct tally_key {
    enum tally_kind kind;
    struct str a, b, c, d; /* see above and schemas/migrations/0001_ledger.sql */
    int64_t hour;          /* since 1970 */
};

/* By kind, a, hour, b, c, d, names by their bytes: <0, 0, >0. Inside a kind it is the order of window_hour. */
int tally_key_compare(const struct tally_key *x, const struct tally_key *y);

struct tally {
    union {
        struct window_tally window;
        struct check_tally check;
        struct activity_tally activity;
    };
};

/* The hour of a time and its minute within, also before 1970. */
int64_t tally_hour(int64_t time_ns);
int tally_minute(int64_t time_ns);
/* When its minute begins. */
int64_t tally_minute_ns(int64_t time_ns);

/* Adds one event; the caller has chosen the tally by its key. */
void window_tally_add(struct window_tally *tally, const struct event *event);
void check_tally_add(struct check_tally *tally, const struct event *event);
/* Widens the range of (stream, partition) to offset, or inserts it at its place. *ranges is owned by a tally. */
void offset_ranges_add(struct offset_range **ranges, size_t *range_count, int64_t stream_id,
                       int32_t partition, int64_t offset);

/* An empty tally of any kind. */
void tally_init(struct tally *tally);
/* tally: all zeros. From now on it knows which minutes have been added to: the few that a batch has of an hour are all that somebody looks at then. */
void window_tally_init(struct window_tally *tally);
/* Minutes that may have something. */
static inline uint64_t window_tally_touched(const struct window_tally *tally)
{
    return ~tally->untouched & TALLY_MINUTES_ALL;
}
/* The minute, to be added to. There is no other way to it for who adds. */
static inline struct window_minute *window_tally_touch(struct window_tally *tally, int minute)
{
    tally->untouched &= ~(UINT64_C(1) << minute);
    return &tally->minutes[minute];
}
/* What is inside; its counts stay what they are, so it is to be made anew before it is used again. NULL is allowed. */
void tally_release(enum tally_kind kind, struct tally *tally);
/* into += from. */
void tally_merge(enum tally_kind kind, struct tally *into, const struct tally *from);
/* The same of a packed one, whose content is looked at as by tally_unpack. ERR_MISMATCH: it is none, or what comes out is none; `into` is only
 * good for tally_release then. */
enum err_code tally_merge_packed(enum tally_kind kind, struct tally *into, struct str packed,
                                 struct err *err);
/* The invariants: what packs and unpacks again. Honest tallies that are merged keep them; those of a store that somebody else wrote may be too
 * large together, or of different hours. */
bool tally_valid(enum tally_kind kind, const struct tally *tally);
void tally_check(enum tally_kind kind, const struct tally *tally); /* CHECKs that */
/* Asks the memory for what packing will look at soon: first for where it stands, then for itself. */
void tally_fetch_outline(enum tally_kind kind, const struct tally *tally);
void tally_fetch(enum tally_kind kind, const struct tally *tally);
void tally_pack(enum tally_kind kind, const struct tally *tally, struct strbuf *out);
/* ERR_MISMATCH: the bytes are not a packed tally of this kind. */
enum err_code tally_unpack(enum tally_kind kind, struct str packed, struct tally *ret_tally,
                           struct err *err);
/* The part of a window that statements and grades are made of. Reused from row to row: nothing is allocated for most. */
struct window_counts {
    struct window_minute minutes[TALLY_MINUTES];
    uint64_t counted;            /* bit n: minute n has records */
    struct offset_range *ranges; /* owned; sorted by stream, partition */
    size_t range_count, range_capacity;
};

/* Unpacks no more than that of a packed window: what stands behind it is left to whoever reads it, and to the row's checksum. ERR_MISMATCH.
 * counts: empty, or of an earlier call. */
enum err_code window_counts_unpack(struct str packed, struct window_counts *counts,
                                   struct err *err);
/* The same of the ranges alone, which both kinds of tallies that have some begin with. */
enum err_code tally_unpack_ranges(enum tally_kind kind, struct str packed,
                                  struct window_counts *counts, struct err *err);
void window_counts_release(struct window_counts *counts);
/* Records (unweighted) in it; 0 for activity. */
int64_t tally_records(enum tally_kind kind, const struct tally *tally);

#endif
