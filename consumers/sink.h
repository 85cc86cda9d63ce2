/*
 * The seam for what leaves through the broker: records with a key, acknowledged one by one.
 *
 * put hands over a few records, waits, and tells of each one what became of it. It may have arrived although the answer says that it has
 * not: the key is what tells a second delivery from a first one. The real one is librdkafka's idempotent producer (sink_kafka.c).
 * Memory: everything in a record is borrowed during put. One thread per sink.
 */
#ifndef CONSUMERS_SINK_H
#define CONSUMERS_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "consumers/source.h"

enum {
    SINK_RECORDS_MAX = 1000, /* of one put */
    SINK_HEADERS_MAX = 8,
    SINK_GRACE_MS = 1000 /* how long put goes on waiting once somebody asked to stop */
};

enum sink_fate {
    SINK_UNAVAILABLE, /* the topic or the broker did not take it in time; others to this topic fare alike */
    SINK_REFUSED, /* this record is not taken: it is too large, or the broker finds it wrong */
    SINK_TAKEN    /* acknowledged by all replicas that are in sync */
};

struct sink_header {
    const char *name;
    struct str value;
};

struct sink_record {
    const char *topic;
    struct str key;
    struct str value; /* may be empty, which is not a tombstone */
    struct sink_header headers[SINK_HEADERS_MAX];
    size_t header_count;
};

struct sink_options {
    const char *bootstrap_servers;
    const char *client_id;                    /* may be NULL */
    const struct source_property *properties; /* librdkafka settings of the user */
    size_t property_count;
    int64_t patience_ns;   /* of one put; default 30 s */
    struct clock *clock;   /* of the system; NULL: that */
    bool (*stopped)(void); /* may be NULL */
};

struct sink {
    /* ret_fates[i] belongs to records[i] and is set whatever is returned. ERR_OK: all were taken. ERR_DELIVERY: the first
     * one that was not, with its cause. ERR_INTERRUPTED: somebody asked to stop before all was known. */
    enum err_code (*put)(struct sink *sink, const struct sink_record *records, size_t count,
                         enum sink_fate *ret_fates, struct err *err);
    /* Gives up what is on its way, and frees; never hangs for longer than a few seconds. */
    void (*close)(struct sink *sink);
};

/* ERR_CONFIG as source_kafka_open. It does not wait for the broker. */
enum err_code sink_kafka_open(const struct sink_options *options, struct sink **ret_sink,
                              struct err *err);

#endif
