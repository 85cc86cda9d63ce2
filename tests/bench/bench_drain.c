/*
 * The least that a consumer on librdkafka can do: take every record of a topic from the batch queue and look at its first byte. What
 * uptally costs is measured against it by `run` beside this file. usage: bench_drain BROKER TOPIC [PROPERTY VALUE]...
 */
#include <librdkafka/rdkafka.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

enum { MESSAGES = 256, WAIT_MS = 20, ANSWER_MS = 10000 };

/* The same buffers as uptally's own source. */
static const char *const settings[][2] = {
    {"group.id", "bench-drain"},        {"enable.auto.commit", "false"},
    {"queued.min.messages", "1000000"}, {"fetch.message.max.bytes", "524288"},
    {"fetch.max.bytes", "1048576"},     {"fetch.error.backoff.ms", "10"},
};

/* more: properties and values in turn, until NULL. */
static rd_kafka_t *open_handle(const char *servers, char *const *more)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[256];
    rd_kafka_t *handle;

    CHECK(rd_kafka_conf_set(conf, "bootstrap.servers", servers, text, sizeof(text)) == 0);
    for (size_t i = 0; i < ARRAY_COUNT(settings); i++) {
        CHECK(rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof(text)) == 0);
    }
    for (; more[0] != NULL && more[1] != NULL; more += 2) {
        CHECK(rd_kafka_conf_set(conf, more[0], more[1], text, sizeof(text)) == 0);
    }
    handle = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    CHECK(handle != NULL);
    return handle;
}

/* Starts all partitions into one queue; the number of records there are. */
static int64_t start(rd_kafka_t *handle, rd_kafka_topic_t *topic, rd_kafka_queue_t *queue)
{
    const struct rd_kafka_metadata *metadata;
    int64_t total = 0;

    CHECK(rd_kafka_metadata(handle, 0, topic, &metadata, ANSWER_MS) == 0);
    for (int32_t p = 0; p < metadata->topics[0].partition_cnt; p++) {
        int64_t low, high;

        CHECK(rd_kafka_query_watermark_offsets(handle, rd_kafka_topic_name(topic), p, &low, &high,
                                               ANSWER_MS) == 0);
        total += high - low;
        CHECK(rd_kafka_consume_start_queue(topic, p, RD_KAFKA_OFFSET_BEGINNING, queue) == 0);
    }
    rd_kafka_metadata_destroy(metadata);
    return total;
}

int main(int argc, char **argv)
{
    static rd_kafka_message_t *messages[MESSAGES];
    rd_kafka_t *handle;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue;
    int64_t total, left;
    uint64_t sum = 0;

    if (argc < 3 || argc % 2 == 0) {
        (void)fprintf(stderr, "usage: bench_drain BROKER TOPIC [PROPERTY VALUE]...\n");
        return 2;
    }
    handle = open_handle(argv[1], argv + 3);
    topic = rd_kafka_topic_new(handle, argv[2], NULL);
    queue = rd_kafka_queue_new(handle);
    for (total = left = start(handle, topic, queue); left > 0;) {
        ssize_t count = rd_kafka_consume_batch_queue(queue, WAIT_MS, messages, MESSAGES);

        for (ssize_t i = 0; i < count; i++) {
            if (messages[i]->err == 0 && messages[i]->len > 0) {
                left--;
                sum += *(const uint8_t *)messages[i]->payload;
            }
            rd_kafka_message_destroy(messages[i]);
        }
    }
    (void)printf("%lld records, sum of first bytes %llu\n", (long long)total,
                 (unsigned long long)sum);
    (void)fflush(stdout);
    _Exit(0); /* taking librdkafka down is no part of the measurement */
}
