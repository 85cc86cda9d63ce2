/*
 * Inside of the source on librdkafka: the state that its three files share. Nobody else includes this.
 *
 * kafka_questions.c asks about partitions, kafka_poll.c turns messages into items, source_kafka.c starts, stops, talks with the group,
 * opens and closes.
 */
#ifndef CONSUMERS_SOURCE_KAFKA_H
#define CONSUMERS_SOURCE_KAFKA_H

#include "base/arena.h"
#include "consumers/kafka_client.h"
#include "consumers/source.h"

enum {
    SOURCE_MAGIC = 0x736f7572,
    MESSAGES_MAX =
        256, /* of one poll: enough to forget the cost of the call, small enough for the cache */
    GIVEN_MAX =
        1024, /* messages of one giving; between two of them the rest is in the queue, where its bounds hold */
    SLICE_MS = 20, /* the batch call waits until it is full or this is over */
    CHECK_AFTER_DOWN_MS = 2000,
    CLOSE_LIMIT_MS = 5000
};

/* One partition as the source sees it. */
struct flow {
    int64_t next_offset; /* behind the last record handed out */
    bool started;
    bool assigned; /* in a group: ours at the moment */
};

struct kafka_topic {
    const char *name;
    const char *header; /* that its records carry along; NULL: none */
    rd_kafka_topic_t *handle;
    struct flow *flows; /* by partition; owned */
    int32_t flow_count;
};

/* A change of the group's mind that is not yet told, or not yet answered. */
struct rebalance {
    bool assign, revoke, lost;
    rd_kafka_topic_partition_list_t *list; /* owned; NULL if nothing is open */
};

struct source_kafka {
    struct source source; /* first: handed out */
    uint32_t magic;
    struct arena arena;            /* of options and names */
    struct source_options options; /* a copy, for the observer is opened later */
    struct kafka_client reader;
    struct kafka_client observer; /* opened at the first question for the end of a log */
    struct kafka_topic *topics;   /* owned */
    size_t topic_count;
    bool closing;
    rd_kafka_queue_t *queue;
    struct rebalance rebalance;
    bool assignment_changed; /* tell librdkafka at the next poll */
    bool revoke_told;        /* the caller has seen SOURCE_REVOKED: give it up at the next poll */
    rd_kafka_topic_partition_list_t *hints;
    rd_kafka_message_t *messages[MESSAGES_MAX];
    size_t message_count;
    struct arena headers;      /* of the records of the last poll; with options.everything */
    struct source_item *items; /* owned */
    size_t item_count, item_capacity;
    rd_kafka_topic_t *last_handle; /* topic of the last message, and its index */
    uint32_t last_topic;
    struct err trouble; /* found in a batch behind good records: told at the next poll */
    bool has_trouble;
};

/* CHECKs the magic. */
struct source_kafka *source_kafka_self(struct source *source);
struct kafka_topic *source_kafka_topic(struct source_kafka *self, uint32_t topic);
/* Grows the topic's table if need be. */
struct flow *source_kafka_flow(struct source_kafka *self, uint32_t topic, int32_t partition);
/* -1 if the topic is none of ours. */
int32_t source_kafka_find(const struct source_kafka *self, const char *name);

/* struct source, see there. */
enum err_code kafka_cluster_id(struct source *source, struct strbuf *ret_id, struct err *err);
enum err_code kafka_partition_count(struct source *source, uint32_t topic, int32_t *ret_count,
                                    struct err *err);
enum err_code kafka_watermarks(struct source *source, const struct source_partition *partitions,
                               size_t count, struct source_watermarks *ret_watermarks,
                               struct err *err);
enum err_code kafka_offset_for_time(struct source *source, struct source_partition partition,
                                    int64_t time_ns, int64_t *ret_offset, struct err *err);
enum err_code kafka_poll(struct source *source, int64_t timeout_ns,
                         const struct source_item **ret_items, size_t *ret_count, struct err *err);
/* Not in a group. */
enum err_code kafka_give(struct source *source, int64_t timeout_ns,
                         const struct source_taker *taker, size_t *ret_count, struct err *err);

/* Called by kafka_poll before it receives: tells librdkafka what the caller made of the last rebalance. ERR_BROKER. */
enum err_code kafka_answer_group(struct source_kafka *self, struct err *err);
void kafka_send_hints(struct source_kafka *self);
/* The records of the last poll. */
void kafka_destroy_messages(struct source_kafka *self);

#endif
