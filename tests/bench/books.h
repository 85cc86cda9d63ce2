/*
 * Books for measurements: a store with one topic of requests, filled through the program's own ledger, fold and grading.
 *
 * Hour after hour of many services from 2026-01-01 on: daily waves, a fifth of the services busy and a fifth nearly idle, some errors,
 * a broken stretch now and then, latencies that are about lognormal, events spread over the partitions. The same numbers give the same
 * windows; batch ids and times of commits come from a seed and a simulated clock. The first thing that does not work ends the program.
 */
#ifndef BENCH_BOOKS_H
#define BENCH_BOOKS_H

#include <stdint.h>

#include "aggregator/ledger.h"
#include "base/clock.h"
#include "base/random.h"

enum { BOOKS_PARTITIONS = 4, BOOKS_RATE_MAX = 10000 };
#define BOOKS_START_S INT64_C(1767225600) /* 2026-01-01T00:00:00Z */

struct books {
    struct db *db;
    struct clock_simulated clock;
    struct random random; /* of the traffic */
    struct random ids;    /* of the batches */
    struct ledger ledger;
    struct batch *batch;
    int64_t stream_id;
    int service_count;
    int rate; /* events per minute of a service, about */
    int64_t offsets[BOOKS_PARTITIONS];
    int64_t events;  /* committed so far */
    int64_t tallies; /* that were pending when a fold began */
};

void books_open(struct books *books, const char *path, int service_count, int rate, uint64_t seed);
/* Fills the batch with the events of minutes [from, to) since the start. */
void books_fill(struct books *books, int64_t from_minute, int64_t to_minute);
/* Commits the batch. */
void books_commit(struct books *books);
/* The topic is read up to that minute. */
void books_drained(struct books *books, int64_t to_minute);
void books_fold(struct books *books);
void books_grade(struct books *books);
void books_close(struct books *books);

#endif
