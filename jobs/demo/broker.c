#include "jobs/demo/broker.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"
#include "consumers/kafka_library.h"

enum { FLUSH_LIMIT_MS = 60000, FULL_WAIT_MS = 100 };

struct broker {
    rd_kafka_t *producer;
    rd_kafka_mock_cluster_t *cluster; /* borrowed from producer */
    const struct broker_topic *topics;
    size_t topic_count;
    rd_kafka_topic_t **handles;  /* owned, by topic */
    rd_kafka_resp_err_t failure; /* first one of a delivery */
};

static const char *const settings[][2] = {
    {"test.mock.num.brokers", "1"},
    {"linger.ms", "20"},
    {"batch.num.messages", "10000"},
    {"queue.buffering.max.messages", "200000"},
    {"acks", "1"},
    {"delivery.report.only.error", "true"},
    {"message.send.max.retries", "0"}, /* a retry could leave two copies */
    {"message.timeout.ms", "60000"},
    {"log_level", "0"},
};

/* Called only for records that did not arrive. */
static void on_delivery(rd_kafka_t *producer, const rd_kafka_message_t *message, void *context)
{
    struct broker *broker = context;

    (void)producer;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR &&
        broker->failure == RD_KAFKA_RESP_ERR_NO_ERROR) {
        broker->failure = message->err;
    }
}

static enum err_code start_producer(struct broker *broker, struct err *err)
{
    rd_kafka_conf_t *conf;
    char text[256];

    if (librdkafka_open(err) != ERR_OK) {
        return err->code;
    }
    conf = rd_kafka_conf_new();
    for (size_t i = 0; i < ARRAY_COUNT(settings); i++) {
        CHECK(rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof(text)) ==
              RD_KAFKA_CONF_OK);
    }
    rd_kafka_conf_set_opaque(conf, broker);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    broker->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (broker->producer == NULL) {
        rd_kafka_conf_destroy(conf);
        return err_set(err, ERR_BROKER, "the embedded broker cannot be started: %s", text);
    }
    broker->cluster = rd_kafka_handle_mock_cluster(broker->producer);
    CHECK(broker->cluster != NULL);
    return ERR_OK;
}

enum err_code broker_open(const struct broker_topic *topics, size_t topic_count,
                          struct broker **ret_broker, struct err *err)
{
    struct broker *broker = memory_calloc(1, sizeof(*broker));

    if (start_producer(broker, err) != ERR_OK) {
        broker_close(broker);
        return err->code;
    }
    broker->topics = topics;
    broker->topic_count = topic_count;
    broker->handles = memory_calloc(topic_count, sizeof(broker->handles[0]));
    for (size_t i = 0; i < topic_count; i++) {
        rd_kafka_resp_err_t code = rd_kafka_mock_topic_create(broker->cluster, topics[i].name,
                                                              topics[i].partition_count, 1);

        broker->handles[i] = rd_kafka_topic_new(broker->producer, topics[i].name, NULL);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR || broker->handles[i] == NULL) {
            broker_close(broker);
            return err_set(err, ERR_BROKER, "the embedded broker refuses topic %s", topics[i].name);
        }
    }
    *ret_broker = broker;
    return ERR_OK;
}

void broker_close(struct broker *broker)
{
    if (broker == NULL) {
        return;
    }
    for (size_t i = 0; broker->handles != NULL && i < broker->topic_count; i++) {
        if (broker->handles[i] != NULL) {
            rd_kafka_topic_destroy(broker->handles[i]);
        }
    }
    if (broker->producer != NULL) {
        (void)rd_kafka_purge(broker->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_destroy(broker->producer);
    }
    memory_free(broker->handles);
    memory_free(broker);
}

const char *broker_bootstrap_servers(const struct broker *broker)
{
    return rd_kafka_mock_cluster_bootstraps(broker->cluster);
}

enum err_code broker_produce(struct broker *broker, size_t topic, int32_t partition,
                             int64_t time_ns, struct str key, struct str value, struct err *err)
{
    rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = broker->handles[topic]},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = time_ns / NS_PER_MS},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)key.data, key.size}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)value.data, value.size}},
    };

    CHECK(topic < broker->topic_count);
    for (;;) {
        rd_kafka_error_t *error = rd_kafka_produceva(broker->producer, parts, ARRAY_COUNT(parts));
        rd_kafka_resp_err_t code =
            error != NULL ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;

        rd_kafka_error_destroy(error);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            return ERR_OK;
        }
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            return err_set(err, ERR_BROKER, "the embedded broker: topic %s: %s",
                           broker->topics[topic].name, rd_kafka_err2str(code));
        }
        (void)rd_kafka_poll(broker->producer, FULL_WAIT_MS);
    }
}

enum err_code broker_flush(struct broker *broker, struct err *err)
{
    rd_kafka_resp_err_t code = rd_kafka_flush(broker->producer, FLUSH_LIMIT_MS);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = broker->failure;
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return err_set(err, ERR_BROKER, "the embedded broker did not take every record: %s",
                       rd_kafka_err2str(code));
    }
    return ERR_OK;
}
