/*
 * Makes a topic and fills it with the events of events.h, in Confluent framing under schema id 1, compressed with lz4.
 * usage: bench_produce BROKER TOPIC SCHEMA EVENTS PARTITIONS SERVICES START TRUTH
 * START is where the hour of the events begins, in seconds since 1970. TRUTH is a file that says what was written, to be compared with what was counted: SERVICE,MINUTE,TOTAL,ERRORS,SLOW of each
 * service's minute that has events, where MINUTE is seconds since 1970. The last line of output is the bytes of all bodies.
 */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "tests/bench/events.h"

enum { PREFIX_SIZE = 5, MINUTES = EVENTS_SPAN_MS / 60000, ANSWER_MS = 60000 };

static const char *const settings[][2] = {
    {"compression.codec", "lz4"},   {"linger.ms", "50"},
    {"batch.size", "1000000"},      {"queue.buffering.max.messages", "200000"},
    {"enable.idempotence", "true"},
};

struct truth {
    int64_t total, errors, slow;
};

static void failed(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
    (void)handle;
    (void)opaque;
    if (message->err != 0) {
        (void)fprintf(stderr, "bench_produce: %s\n", rd_kafka_err2str(message->err));
        exit(1);
    }
}

static rd_kafka_t *open_producer(const char *servers)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[256];
    rd_kafka_t *handle;

    CHECK(rd_kafka_conf_set(conf, "bootstrap.servers", servers, text, sizeof(text)) == 0);
    for (size_t i = 0; i < ARRAY_COUNT(settings); i++) {
        CHECK(rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof(text)) == 0);
    }
    rd_kafka_conf_set_dr_msg_cb(conf, failed);
    handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    CHECK(handle != NULL);
    return handle;
}

static void create_topic(rd_kafka_t *handle, const char *name, int partitions)
{
    char text[256];
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, partitions, 1, text, sizeof(text));
    rd_kafka_queue_t *queue = rd_kafka_queue_new(handle);
    rd_kafka_event_t *event;
    const rd_kafka_topic_result_t **results;
    size_t count;

    CHECK(topic != NULL);
    rd_kafka_CreateTopics(handle, &topic, 1, NULL, queue);
    event = rd_kafka_queue_poll(queue, ANSWER_MS);
    CHECK(event != NULL);
    results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    if (count != 1 || rd_kafka_topic_result_error(results[0]) != 0) {
        (void)fprintf(stderr, "bench_produce: topic %s cannot be made\n", name);
        exit(1);
    }
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(topic);
}

static void produce(rd_kafka_t *handle, const char *topic, int32_t partition, const char *key,
                    const char *value, size_t size, int64_t time_ms)
{
    rd_kafka_resp_err_t code;

    do {
        code = rd_kafka_producev(handle, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
                                 RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                 RD_KAFKA_V_KEY(key, strlen(key)),
                                 RD_KAFKA_V_VALUE((void *)(uintptr_t)value, size),
                                 RD_KAFKA_V_TIMESTAMP(time_ms), RD_KAFKA_V_END);
        (void)rd_kafka_poll(handle, code == RD_KAFKA_RESP_ERR__QUEUE_FULL ? 10 : 0);
    } while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL);
    CHECK(code == RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void write_truth(const struct events *events, const struct truth *truth, const char *path)
{
    FILE *file = fopen(path, "w");

    CHECK(file != NULL);
    for (uint32_t service = 0; service < events->service_count; service++) {
        for (int minute = 0; minute < MINUTES; minute++) {
            const struct truth *t = &truth[service * MINUTES + (uint32_t)minute];

            if (t->total > 0) {
                (void)fprintf(file, "%s,%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 "\n",
                              events->services[service], events->start_ms / 1000 + minute * 60,
                              t->total, t->errors, t->slow);
            }
        }
    }
    CHECK(fclose(file) == 0);
}

/* The bytes of all bodies. */
static int64_t fill(rd_kafka_t *handle, const char *topic, struct events *events,
                    int32_t partitions, struct truth *truth)
{
    char value[PREFIX_SIZE + EVENTS_SIZE_MAX] = {0, 0, 0, 0, 1};
    int64_t bytes = 0;

    for (int64_t i = 0; i < events->count; i++) {
        struct event_draw draw = events_next(events);
        struct truth *t =
            &truth[draw.service * MINUTES + (uint32_t)((draw.time_ms - events->start_ms) / 60000)];

        t->total++;
        t->errors += event_draw_error(&draw);
        t->slow += event_draw_slow(&draw);
        bytes += events->body_size;
        memcpy(value + PREFIX_SIZE, events->body, events->body_size);
        produce(handle, topic, (int32_t)(draw.service % (uint32_t)partitions),
                events->services[draw.service], value, PREFIX_SIZE + events->body_size,
                draw.time_ms);
    }
    return bytes;
}

int main(int argc, char **argv)
{
    struct events events;
    struct truth *truth;
    rd_kafka_t *handle;
    int64_t bytes;

    if (argc != 9 || atoll(argv[4]) < 1 || atoi(argv[5]) < 1 || atoi(argv[6]) < 1 ||
        !events_init(&events, argv[3], (uint32_t)atoi(argv[6]), atoll(argv[4]),
                     atoll(argv[7]) * 1000, 1)) {
        (void)fprintf(stderr, "usage: bench_produce BROKER TOPIC narrow|request|wide EVENTS "
                              "PARTITIONS SERVICES START TRUTH\n");
        return 2;
    }
    truth = memory_calloc((size_t)events.service_count * MINUTES, sizeof(*truth));
    handle = open_producer(argv[1]);
    create_topic(handle, argv[2], atoi(argv[5]));
    bytes = fill(handle, argv[2], &events, atoi(argv[5]), truth);
    CHECK(rd_kafka_flush(handle, 10 * ANSWER_MS) == 0);
    write_truth(&events, truth, argv[8]);
    (void)printf("%" PRId64 "\n", bytes);
    rd_kafka_destroy(handle);
    memory_free(truth);
    events_release(&events);
    return 0;
}
