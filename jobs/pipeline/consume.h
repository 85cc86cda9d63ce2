/*
 * A consume run: source → decoder → batch → ledger, until the topics are drained or somebody asks to stop.
 *
 * The only commit is the ledger's. Origins of all partitions are stored before the first record is read. A drain aims at the last stable offsets
 * seen at its start; --follow has no aim. SIGTERM: stop reading, commit what is whole, leave within 10 s.
 */
#ifndef JOBS_PIPELINE_CONSUME_H
#define JOBS_PIPELINE_CONSUME_H

#include "aggregator/ledger.h"
#include "base/http.h"
#include "consumers/source.h"
#include "jobs/config/config.h"

struct consume_keeper;

struct consume_options {
    const struct config *config; /* borrowed */
    struct db *db;               /* borrowed */
    int64_t book_id;
    struct clock *clock;
    struct clock *
        wait_clock; /* on which it waits for the store and the group; NULL: clock_system(), for a broker does not wait in
                                 simulated time */
    struct random *random;
    struct http *http;     /* for the registry */
    struct source *source; /* borrowed; NULL: opened and closed here from the configuration */
    struct consume_keeper *keeper; /* borrowed; NULL: what is read is tallied (consume_state.h) */
    bool follow;
    int32_t shard,
        shard_count; /* without a group: partitions with number % count == shard; count 0 means 1 */
    int64_t batch_records_max; /* 0: as configured */
    size_t pending_row_size;   /* 0: that of aggregator/pending.h */
    /* An operator's word on what the run found; each a topic's name or "all", NULL if nothing was said. Where there is nothing to accept, it
     * changes nothing. */
    const char
        *accept_loss; /* also "TOPIC/PARTITION": expired offsets become a range of kind 'lost' */
    const char
        *accept_new; /* the topic was created again, or moved here: open its next incarnation */
    const char *same_topic; /* it is the same, though nothing is left to tell, or it was closed */
    const char
        *close_topic; /* a topic that is read no more lets go of complete-until; a name only */
    int64_t delivery_patience_ns; /* of the dead-letter topic; 0: 30 s */
    /* May be NULL. total is 0 with follow. */
    void (*progress)(void *context, int64_t done, int64_t total);
    void *context;
};

struct consume_result {
    int64_t records, tallied, excluded, duplicate, dead_lettered, absent, batches, bytes;
    int64_t without_id; /* tallied without a test for duplicates, of topics that map event_id */
    int64_t parked_partitions;
    int64_t lost;            /* offsets accepted as lost */
    int64_t accepted_topics; /* incarnations that were opened */
    int64_t closed_streams;
    bool interrupted; /* a signal ended it before the aim */
};

/* ret_result is also set on errors. ERR_BROKER, ERR_STORE, ERR_FENCED, ERR_CONFIG (mapping), ERR_DATA (the breaker);
 * ERR_DELIVERY: all is committed, but dead letters were not taken; the next run delivers them. */
enum err_code consume_run(const struct consume_options *options, struct consume_result *ret_result,
                          struct err *err);

#endif
