/*
 * The demo's broker: librdkafka's mock cluster in this process, and the producer that fills it.
 *
 * The mock keeps 5 MiB or 100,000 batches per partition and then drops the oldest: whoever produces lets everything be consumed every
 * now and then. Records go to the partition that the caller names, in the order of the calls; nothing is ever sent twice, because a
 * second copy would be another offset. Errors: ERR_BROKER.
 */
#ifndef JOBS_DEMO_BROKER_H
#define JOBS_DEMO_BROKER_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct broker;

struct broker_topic {
    const char *name;
    int partition_count;
};

/* topics is borrowed until broker_close. */
enum err_code broker_open(const struct broker_topic *topics, size_t topic_count,
                          struct broker **ret_broker, struct err *err);
/* NULL is allowed. */
void broker_close(struct broker *broker);
/* "127.0.0.1:40123"; borrowed until broker_close. */
const char *broker_bootstrap_servers(const struct broker *broker);
/* key and value are copied. A value without data is a tombstone. */
enum err_code broker_produce(struct broker *broker, size_t topic, int32_t partition,
                             int64_t time_ns, struct str key, struct str value, struct err *err);
/* Waits until everything has arrived. */
enum err_code broker_flush(struct broker *broker, struct err *err);

#endif
