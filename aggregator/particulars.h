/*
 * Particulars: what a window keeps of its minutes beyond their counts, because a contract asks for it.
 *
 *   times:  first and last success and failure, for runs of total failure;
 *   limits: how many requests took longer than an exact limit, for percentiles of latency.
 * Each says of how many records it is: a minute's particulars are complete if that is what the window counted. Older requests than the contract
 * have none, and a service without such a contract has none at all.
 *
 * Part of the tally of a window: integers, merged commutatively and associatively, with one packed form. Owns what it points to; all zero is empty.
 */
#ifndef AGGREGATOR_PARTICULARS_H
#define AGGREGATOR_PARTICULARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "schemas/event.h"

enum { TALLY_MINUTES = 60 };
#define TALLY_MINUTES_ALL                                                                          \
    ((UINT64_C(1) << TALLY_MINUTES) - 1) /* a bit for each, of a mask of minutes */

/* Times count from the start of the minute; 0 if there is no such record. */
struct times_minute {
    int64_t ok, failed; /* records, unweighted */
    int64_t first_ok_ns, last_ok_ns;
    int64_t first_failed_ns, last_failed_ns;
};

struct limit_minute {
    int64_t records; /* unweighted; also failed ones, and those whose latency is unknown */
    int64_t known;   /* weighted: successful with a known latency */
    int64_t over;    /* of them, weighted: strictly above the limit */
};

struct limit_hour {
    int64_t limit_ns; /* 1..LATENCY_NS_MAX */
    struct limit_minute minutes[TALLY_MINUTES];
};

struct particulars {
    struct times_minute *times; /* of TALLY_MINUTES; NULL: none */
    struct limit_hour *limits;  /* ascending */
    size_t limit_count;
};

struct window_minute;

/* Adds what event->wanted says of a request. */
void particulars_add(struct particulars *particulars, const struct event *event);
void particulars_merge(struct particulars *into, const struct particulars *from);
void particulars_release(struct particulars *particulars);
bool particulars_empty(const struct particulars *particulars);
size_t particulars_size(const struct particulars *particulars); /* bytes */
/* NULL: none of that limit. */
const struct limit_hour *particulars_limit(const struct particulars *particulars, int64_t limit_ns);

/* The invariants, with those that the counts of the window's minutes add: never more records than it has. */
bool particulars_valid(const struct particulars *particulars, const struct window_minute *minutes);
/* Of what is not empty. */
void particulars_pack(const struct particulars *particulars, struct strbuf *out);
/* Into an empty one. Advances *packed; false: the bytes are none, and what was read is to be released. */
bool particulars_unpack(struct str *packed, struct particulars *particulars);

/* += of one minute. */
void times_minute_merge(struct times_minute *into, const struct times_minute *from);
void limit_minute_merge(struct limit_minute *into, const struct limit_minute *from);

#endif
