/*
 * Keeps what is fetched and not yet read small enough for the processor's cache.
 *
 * librdkafka fetches until its queue is full, and then looks again only after a second, so the queue has to be large, and a record in a
 * large queue has left the cache by the time it is read. So the thread that fetches is held up before it unpacks an answer while more
 * than BACKLOG_SIZE_MAX waits to be read. Never for longer than PACE_MS_MAX, and not while the reader asks something: the answer
 * comes through that same thread. The bounds of librdkafka's own queue hold as well.
 *
 * One thread reads and reports; any number of librdkafka's threads is held up.
 */
#ifndef CONSUMERS_KAFKA_PACE_H
#define CONSUMERS_KAFKA_PACE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "consumers/kafka_library.h"

struct kafka_pace {
    pthread_mutex_t lock;
    pthread_cond_t room;
    size_t backlog_size; /* bytes that wait to be read, about; under lock */
    bool held;           /* somebody waits for room; under lock */
};

void kafka_pace_init(struct kafka_pace *pace);
/* The handle must be gone already. */
void kafka_pace_release(struct kafka_pace *pace);
/* Before the handle is made of conf. */
void kafka_pace_install(struct kafka_pace *pace, rd_kafka_conf_t *conf);
/* Nobody is held up until more has come: before a question, and before the handle is closed. */
void kafka_pace_open(struct kafka_pace *pace);
/* What is still in the queue: so many messages, of which the last ones read had message_size bytes on average. */
void kafka_pace_report(struct kafka_pace *pace, size_t message_count, size_t message_size);

#endif
