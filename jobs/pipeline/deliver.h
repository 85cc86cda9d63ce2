/*
 * Delivery of dead letters: outbox → sink, beside a consume run.
 *
 * At least once: a row is marked after the broker acknowledged it, so a death in between, or two runs at the same time, deliver it twice with
 * the same key. Nothing that goes wrong here stops the run: it is remembered, and is the run's result if nothing else went wrong. Without a
 * dead_letter_topic in the configuration, or with an outbox that is empty, no connection is opened.
 * A step is at most 1,000 rows and about 8 MiB. A topic that does not take its records is left alone for the rest of the pass.
 */
#ifndef JOBS_PIPELINE_DELIVER_H
#define JOBS_PIPELINE_DELIVER_H

#include "base/arena.h"
#include "base/db.h"
#include "consumers/sink.h"
#include "jobs/config/config.h"

struct deliver_options {
    const struct config *config; /* borrowed */
    struct db *db;               /* borrowed */
    int64_t book_id;
    int32_t shard,
        shard_count;     /* only rows of partitions with number % count == shard; count 0 means 1 */
    int64_t patience_ns; /* 0: 30 s */
    bool follow;         /* warn of trouble when it begins: the end may be far */
};

struct deliver {
    struct deliver_options options;
    bool wanted;        /* some topic has a dead_letter_topic */
    struct arena arena; /* of the run */
    struct sink *sink;  /* owned; opened when there is something to deliver */
    int64_t next_ns;    /* monotonic: when the next pass is due */
    struct err trouble; /* of the last pass; ERR_OK: none */
};

void deliver_open(struct deliver *deliver, const struct deliver_options *options);
/* One pass over all that is not delivered yet. */
void deliver_run(struct deliver *deliver);
/* Every 10 s; 5 min after a pass that had trouble, for a pass may wait for 30 s and nothing is read meanwhile. */
bool deliver_due(const struct deliver *deliver);
/* What was wrong in the last pass: ERR_DELIVERY; ERR_STORE, ERR_FENCED, ERR_CONFIG (properties). */
enum err_code deliver_result(const struct deliver *deliver, struct err *err);
void deliver_close(struct deliver *deliver);

#endif
