/*
 * One librdkafka handle of a source, with what it last complained about.
 *
 * librdkafka tries for ever and says why in its log. A client keeps the last warning of that log, so that whoever gives up
 * can name the cause, and prints nothing. Questions (metadata, offsets) are asked again until they are answered or the patience
 * is over: old leaders and slow brokers are normal, a refused password is not and ends it at once.
 * One thread at a time, except for the log, which comes from librdkafka's threads.
 */
#ifndef CONSUMERS_KAFKA_CLIENT_H
#define CONSUMERS_KAFKA_CLIENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "consumers/kafka_library.h"
#include "consumers/kafka_pace.h"
#include "consumers/source.h"

enum { KAFKA_LINE_SIZE = 400 };

struct kafka_client {
    uint32_t magic; /* it comes back through librdkafka's void pointers */
    rd_kafka_t *handle;
    struct clock *clock;
    int64_t patience_ns;
    int64_t outage_patience_ns; /* the patience from the first answer on */
    bool (*stopped)(void);      /* NULL: never */
    char servers[200];          /* for messages */
    struct kafka_pace pace;     /* of a reader: it reports what it has not read yet */
    pthread_mutex_t lock;
    char line[KAFKA_LINE_SIZE];        /* last warning; under lock */
    char certificate[KAFKA_LINE_SIZE]; /* why one was refused; empty: none was. Under lock */
    bool refused;                      /* authentication or TLS failed, not answered since */
    int64_t down_since_ns;             /* all brokers down since then; INT64_MIN: they are not */
    void (*rebalance)(void *context, bool assign, const rd_kafka_topic_partition_list_t *list);
    /* Of a writer: what became of a message. In the thread that polls. */
    void (*delivered)(void *context, const rd_kafka_message_t *message);
    void *context;
};

enum kafka_role {
    KAFKA_READER,   /* read_committed: records, and the last stable offsets */
    KAFKA_OBSERVER, /* read_uncommitted: only asked for the ends of logs */
    KAFKA_WRITER    /* idempotent producer; a message lives as long as the patience */
};

/* ERR_CONFIG for properties that are refused, unknown or unusable. rebalance is called in the thread that polls. */
enum err_code kafka_client_open(struct kafka_client *client, const struct source_options *options,
                                enum kafka_role role, struct err *err);
/* The handle must be gone already. */
void kafka_client_release(struct kafka_client *client);

/* "broker SERVERS: WHAT: CAUSE (last warning)". Returns ERR_BROKER. */
enum err_code kafka_client_fail(struct kafka_client *client, struct err *err, const char *what,
                                rd_kafka_resp_err_t cause);
/* topic NULL: brokers only. The caller destroys the result. ERR_BROKER, ERR_INTERRUPTED. */
enum err_code kafka_client_metadata(struct kafka_client *client, rd_kafka_topic_t *topic,
                                    int64_t patience_ns,
                                    const struct rd_kafka_metadata **ret_metadata, struct err *err);
/* Fills list->elems[].offset, which holds a time in ms or RD_KAFKA_OFFSET_BEGINNING or _END. ERR_BROKER, ERR_INTERRUPTED. */
enum err_code kafka_client_offsets(struct kafka_client *client,
                                   rd_kafka_topic_partition_list_t *list, struct err *err);

#endif
