/*
 * librdkafka's mock cluster for tests: a broker in this process, with a producer beside it.
 *
 * Offsets begin at 0. It keeps 5 MiB per partition and drops what is older: `mock_expire` makes use of that.
 */
#ifndef TESTS_UNIT_MOCK_BROKER_H
#define TESTS_UNIT_MOCK_BROKER_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "consumers/kafka_library.h"

struct mock_broker {
    rd_kafka_t *producer;
    rd_kafka_mock_cluster_t *cluster;
    const char *servers;
};

static inline void mock_ignore_log(const rd_kafka_t *handle, int level, const char *facility,
                                   const char *text)
{
    (void)handle, (void)level, (void)facility, (void)text;
}

/* brokers: how many. */
static inline void mock_open_cluster(struct mock_broker *mock, const char *brokers)
{
    struct err err = ERR_INIT;
    char text[256];
    rd_kafka_conf_t *conf;

    CHECK(librdkafka_open(&err) == ERR_OK);
    conf = rd_kafka_conf_new();
    CHECK(rd_kafka_conf_set(conf, "test.mock.num.brokers", brokers, text, sizeof(text)) == 0);
    CHECK(rd_kafka_conf_set(conf, "linger.ms", "1", text, sizeof(text)) == 0);
    rd_kafka_conf_set_log_cb(conf, mock_ignore_log);
    mock->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    CHECK(mock->producer != NULL);
    mock->cluster = rd_kafka_handle_mock_cluster(mock->producer);
    mock->servers = rd_kafka_mock_cluster_bootstraps(mock->cluster);
}

static inline void mock_open(struct mock_broker *mock)
{
    mock_open_cluster(mock, "1");
}

static inline void mock_close(struct mock_broker *mock)
{
    rd_kafka_destroy(mock->producer);
}

static inline void mock_topic(struct mock_broker *mock, const char *name, int partition_count)
{
    CHECK(rd_kafka_mock_topic_create(mock->cluster, name, partition_count, 1) == 0);
}

/* value NULL: a tombstone. time_ms 0: now. */
static inline void mock_send(struct mock_broker *mock, const char *topic, int32_t partition,
                             const void *value, size_t size, int64_t time_ms)
{
    rd_kafka_resp_err_t code;

    do {
        code = rd_kafka_producev(mock->producer, RD_KAFKA_V_TOPIC(topic),
                                 RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_TIMESTAMP(time_ms),
                                 RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                 RD_KAFKA_V_VALUE((void *)(uintptr_t)value, size), RD_KAFKA_V_END);
        if (code != 0) {
            (void)rd_kafka_poll(mock->producer, 10);
        }
    } while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL);
    CHECK(code == 0);
}

struct mock_header {
    const char *name;
    const char *value;
    size_t size;
};

/* The same with headers, in this order. */
static inline void mock_send_headers(struct mock_broker *mock, const char *topic, int32_t partition,
                                     const void *value, size_t size, int64_t time_ms,
                                     const struct mock_header *headers, size_t header_count)
{
    rd_kafka_resp_err_t code;

    do {
        rd_kafka_headers_t *list = rd_kafka_headers_new(header_count);

        for (size_t i = 0; i < header_count; i++) {
            CHECK(rd_kafka_header_add(list, headers[i].name, -1, headers[i].value,
                                      (ssize_t)headers[i].size) == 0);
        }
        code = rd_kafka_producev(mock->producer, RD_KAFKA_V_TOPIC(topic),
                                 RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_TIMESTAMP(time_ms),
                                 RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                 RD_KAFKA_V_VALUE((void *)(uintptr_t)value, size),
                                 RD_KAFKA_V_HEADERS(list), RD_KAFKA_V_END);
        if (code != 0) {
            rd_kafka_headers_destroy(list);
            (void)rd_kafka_poll(mock->producer, 10);
        }
    } while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL);
    CHECK(code == 0);
}

/* Until everything sent is in the broker. */
static inline void mock_flush(struct mock_broker *mock)
{
    CHECK(rd_kafka_flush(mock->producer, 20000) == 0);
}

/* Pushes the partition's oldest records out with 6 MiB of ballast; returns how many records that was. */
static inline int mock_expire(struct mock_broker *mock, const char *topic, int32_t partition)
{
    enum { SIZE = 512 * 1024, COUNT = 12 };
    char *ballast = calloc(1, SIZE);

    CHECK(ballast != NULL);
    for (int i = 0; i < COUNT; i++) {
        ballast[0] = 2; /* bad framing */
        mock_send(mock, topic, partition, ballast, SIZE, 0);
        mock_flush(mock);
    }
    free(ballast);
    return COUNT;
}

#endif
