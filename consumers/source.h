/*
 * The seam for the broker: records of partitions, in order, with the truth about what is missing.
 *
 * A source hands out what one consumer reads. Offsets are taken from records and end-of-partition notices only, never from
 * a position query. The real one is librdkafka (source_kafka.c, read_committed, batch queue, auto.offset.reset=error).
 * One thread per source. Records of a poll are valid until the next poll.
 */
#ifndef CONSUMERS_SOURCE_H
#define CONSUMERS_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

enum record_time_type { RECORD_TIME_NONE, RECORD_TIME_CREATE, RECORD_TIME_LOG_APPEND };

struct record_header {
    struct str name;  /* a client's text; a name with a NUL in it ends there */
    struct str value; /* data is NULL: null */
};

struct record {
    uint32_t topic; /* index into source_options.topics */
    int32_t partition;
    int64_t offset;
    int64_t time_ns; /* Kafka time stamp; INT64_MIN if it has none */
    struct str key;
    struct str value;
    bool tombstone; /* null payload */
    struct str
        schema_header; /* the last header of the name in source_options.headers; data is NULL without one */
    /* Only with source_options.everything. */
    int64_t time_ms; /* as Kafka has it; -1: none */
    enum record_time_type time_type;
    const struct record_header *headers; /* all of them, in their order */
    size_t header_count;
};

/* Milliseconds of Kafka as record.time_ns. */
static inline int64_t record_time_ns(int64_t time_ms)
{
    return time_ms < 0 || time_ms > INT64_MAX / NS_PER_MS ? INT64_MIN : time_ms * NS_PER_MS;
}

enum source_item_kind {
    SOURCE_RECORD,
    SOURCE_END,     /* nothing more below `offset` of this partition at the moment */
    SOURCE_EXPIRED, /* the broker no longer has (or not yet has) the offset asked for: the partition stands still until it is
                       stopped and started again */
    SOURCE_ASSIGNED, /* the group gave us this partition; nothing is read before source_start. Partition -1: it gave nothing */
    SOURCE_REVOKED /* the group takes it away: commit or drop, then source_stop; `lost` means drop */
};

struct source_item {
    enum source_item_kind kind;
    struct record record; /* kind SOURCE_RECORD; otherwise topic, partition and offset only */
    bool lost;
};

struct source_partition {
    uint32_t topic;
    int32_t partition;
};

struct source_watermarks {
    int64_t low;         /* first offset that still exists */
    int64_t last_stable; /* end of what read_committed shows */
    int64_t high;        /* end of the log */
};

struct source_property {
    const char *name;
    const char *value;
};

struct source_options {
    const char *bootstrap_servers;
    const char *const *topics;
    size_t topic_count;
    /* By topic: the header whose value records carry along; NULL for none. May be NULL for all of them. */
    const char *const *headers;
    bool everything;   /* records carry all that Kafka has of them, for an archive */
    const char *group; /* consumer group, or NULL: partitions are started by hand */
    const char *client_id;
    const struct source_property
        *properties; /* librdkafka settings of the user (security, buffers) */
    size_t property_count;
    int64_t request_timeout_ns; /* of metadata and watermark queries; default 10 s */
    int64_t
        outage_timeout_ns; /* the same, once a broker has answered: it may be restarting. 0: no longer */
    struct clock *clock; /* of the system: a broker does not wait in simulated time */
    bool (*stopped)(
        void); /* may be NULL: asked while a question waits; true ends it with ERR_INTERRUPTED */
};

/* Who is given items one by one. An item is valid until `take` returns, which may start and stop partitions and ask for watermarks.
 * Where it fails, nothing is read from the source any more. */
struct source_taker {
    enum err_code (*take)(void *context, const struct source_item *item, struct err *err);
    void *context;
};

struct source {
    /* The broker's own cluster id. */
    enum err_code (*cluster_id)(struct source *source, struct strbuf *ret_id, struct err *err);
    /* ERR_BROKER if the topic does not exist; the text says so. */
    enum err_code (*partition_count)(struct source *source, uint32_t topic, int32_t *ret_count,
                                     struct err *err);
    /* Of several partitions in a few requests; ret_watermarks[i] belongs to partitions[i]. All were read after the call began, the end
     * of the log before the last stable offset: a drain up to the second has passed the first, unless a transaction is open. */
    enum err_code (*watermarks)(struct source *source, const struct source_partition *partitions,
                                size_t count, struct source_watermarks *ret_watermarks,
                                struct err *err);
    /* First offset whose record has this time stamp or a later one; the end if there is none. */
    enum err_code (*offset_for_time)(struct source *source, struct source_partition partition,
                                     int64_t time_ns, int64_t *ret_offset, struct err *err);
    enum err_code (*start)(struct source *source, struct source_partition partition, int64_t offset,
                           struct err *err);
    enum err_code (*stop)(struct source *source, struct source_partition partition,
                          struct err *err);
    /* Joins the group; assignments arrive as items. Only with a group. */
    enum err_code (*join)(struct source *source, struct err *err);
    /* Waits at most timeout_ns for something; *ret_count may be 0. ERR_BROKER: authentication or authorization failed, all brokers have
     * been down for longer than request_timeout_ns while nothing arrived, or a fatal client error. */
    enum err_code (*poll)(struct source *source, int64_t timeout_ns,
                          const struct source_item **ret_items, size_t *ret_count, struct err *err);
    /* See source_give; NULL: it polls. */
    enum err_code (*give)(struct source *source, int64_t timeout_ns,
                          const struct source_taker *taker, size_t *ret_count, struct err *err);
    /* Tells the group where we are, for foreign lag displays; best effort, after the store's commit. */
    void (*hint)(struct source *source, struct source_partition partition, int64_t next_offset);
    /* Leaves the group and frees; never hangs for longer than a few seconds. */
    void (*close)(struct source *source);
};

/* Waits like poll, and gives *ret_count items to the taker. Errors of poll and of take. */
enum err_code source_give(struct source *source, int64_t timeout_ns,
                          const struct source_taker *taker, size_t *ret_count, struct err *err);

/* Why a run of ours does not take this librdkafka setting from its user; NULL if it does. */
const char *source_property_refusal(const char *name, const char *value);

/* ERR_CONFIG: a property is not ours to set, unknown, or has a wrong value (a file that is not there). It does not wait for
 * the broker: the first question does. */
enum err_code source_kafka_open(const struct source_options *options, struct source **ret_source,
                                struct err *err);

#endif
