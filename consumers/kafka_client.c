#include "consumers/kafka_client.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "base/check.h"
#include "base/memory.h"
#include "consumers/kafka_certificate.h"

enum { CLIENT_MAGIC = 0x6b636c69, ERROR_SIZE = 512, SLICE_MS_FIRST = 500, SLICE_MS_MAX = 4000 };

static struct kafka_client *client_of(void *opaque)
{
    struct kafka_client *client = opaque;

    CHECK(client != NULL);
    CHECK(client->magic == CLIENT_MAGIC);
    return client;
}

/* "[thrd:x]: y: Connect failed (after 0ms in state CONNECT)" becomes "y: Connect failed": what remains is the same from
 * run to run. */
static void clean_line(const char *text, char ret_line[KAFKA_LINE_SIZE])
{
    const char *start = strncmp(text, "[thrd:", 6) == 0 ? strstr(text, "]: ") : NULL;
    char *end;

    (void)snprintf(ret_line, KAFKA_LINE_SIZE, "%s", start != NULL ? start + 3 : text);
    end = strstr(ret_line, " (after ");
    if (end != NULL) {
        *end = '\0';
    }
}

/* Of a failed handshake and the "Disconnected" behind it the first one says more. */
static bool says_little(const char *line)
{
    static const char ending[] = ": Disconnected";
    size_t size = strlen(line);

    return size >= sizeof(ending) - 1 && strcmp(line + size - (sizeof(ending) - 1), ending) == 0;
}

/* Called from librdkafka's threads. */
static void on_log(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
    struct kafka_client *client = client_of(rd_kafka_opaque(handle));
    char line[KAFKA_LINE_SIZE];

    (void)facility;
    if (level > LOG_WARNING) {
        return;
    }
    clean_line(text, line);
    CHECK(pthread_mutex_lock(&client->lock) == 0);
    if (client->line[0] == '\0' || !says_little(line)) {
        memcpy(client->line, line, sizeof(line));
    }
    CHECK(pthread_mutex_unlock(&client->lock) == 0);
}

static void forget_line(struct kafka_client *client)
{
    CHECK(pthread_mutex_lock(&client->lock) == 0);
    client->line[0] = '\0';
    CHECK(pthread_mutex_unlock(&client->lock) == 0);
}

/* Served while polling, so in the source's own thread. */
static void on_error(rd_kafka_t *handle, int code, const char *reason, void *opaque)
{
    struct kafka_client *client = client_of(opaque);

    (void)handle;
    (void)reason;
    if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL) {
        client->refused = true;
    }
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && client->down_since_ns == INT64_MIN) {
        client->down_since_ns = clock_monotonic_ns(client->clock);
    }
}

static void on_rebalance(rd_kafka_t *handle, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kafka_client *client = client_of(opaque);

    (void)handle;
    client->rebalance(client->context, code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS, list);
}

static enum err_code set_property(rd_kafka_conf_t *conf, const char *name, const char *value,
                                  struct err *err)
{
    char text[ERROR_SIZE];

    if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) != RD_KAFKA_CONF_OK) {
        /* librdkafka's text repeats the value, which may be a secret. */
        return err_set(err, ERR_CONFIG, "property %s: librdkafka does not know it or its value",
                       name);
    }
    return ERR_OK;
}

/* Buffers hold more than a second of a fast partition: a full queue makes this librdkafka sleep for a second. Short waits
 * let a drain see the end of a quiet partition soon. */
static const struct source_property tuning[] = {
    {"queued.min.messages", "1000000"},   {"fetch.message.max.bytes", "524288"},
    {"fetch.max.bytes", "1048576"},       {"fetch.error.backoff.ms", "10"},
    {"fetch.wait.max.ms", "100"},         {"socket.nagle.disable", "true"},
    {"reconnect.backoff.max.ms", "2000"}, {"topic.metadata.refresh.interval.ms", "60000"},
};

/* Behind the user's properties, for these are not the user's. Statistics that nobody takes would gather in the queue of a handle that is
 * rarely polled. */
static const struct source_property law[] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"},
    {"enable.partition.eof", "true"},
    {"partition.assignment.strategy", "range"},
    {"allow.auto.create.topics", "false"},
    {"statistics.interval.ms", "0"},
};

static const struct source_property writer_tuning[] = {
    {"socket.nagle.disable", "true"},
    {"reconnect.backoff.max.ms", "2000"},
};

/* Idempotence needs some of these; the sink counts on each message's report, and gives at most a thousand at a time. The largest record that
 * the store keeps has 16 MiB. */
static const struct source_property writer_law[] = {
    {"enable.idempotence", "true"},
    {"acks", "all"},
    {"retries", "2147483647"},
    {"max.in.flight.requests.per.connection", "5"},
    {"queuing.strategy", "fifo"},
    {"delivery.report.only.error", "false"},
    {"linger.ms", "5"},
    {"queue.buffering.max.messages", "1000"},
    {"queue.buffering.max.kbytes", "65536"},
    {"message.max.bytes", "33554432"},
    {"statistics.interval.ms", "0"},
};

static enum err_code set_properties(rd_kafka_conf_t *conf, const struct source_property *rows,
                                    size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (set_property(conf, rows[i].name, rows[i].value, err) != ERR_OK) {
            return err->code;
        }
    }
    return ERR_OK;
}

static enum err_code set_user_properties(rd_kafka_conf_t *conf,
                                         const struct source_options *options, struct err *err)
{
    for (size_t i = 0; i < options->property_count; i++) {
        const struct source_property *row = &options->properties[i];
        const char *reason = source_property_refusal(row->name, row->value);

        if (reason != NULL) {
            return err_set(err, ERR_CONFIG, "property %s cannot be set: %s", row->name, reason);
        }
    }
    return set_properties(conf, options->properties, options->property_count, err);
}

/* A topic that does not exist is waited for half of the patience: metadata may be late. */
static enum err_code set_lifetime(rd_kafka_conf_t *conf, int64_t patience_ns, struct err *err)
{
    char message[32], topic[32];

    (void)snprintf(message, sizeof(message), "%" PRId64, patience_ns / NS_PER_MS);
    (void)snprintf(topic, sizeof(topic), "%" PRId64, patience_ns / NS_PER_MS / 2);
    if (set_property(conf, "message.timeout.ms", message, err) != ERR_OK) {
        return err->code;
    }
    return set_property(conf, "topic.metadata.propagation.max.ms", topic, err);
}

static enum err_code configure_writer(rd_kafka_conf_t *conf, const struct source_options *options,
                                      struct err *err)
{
    if (set_properties(conf, writer_tuning, ARRAY_COUNT(writer_tuning), err) != ERR_OK ||
        set_user_properties(conf, options, err) != ERR_OK ||
        set_properties(conf, writer_law, ARRAY_COUNT(writer_law), err) != ERR_OK ||
        set_lifetime(conf, options->request_timeout_ns, err) != ERR_OK ||
        set_property(conf, "bootstrap.servers", options->bootstrap_servers, err) != ERR_OK) {
        return err->code;
    }
    return options->client_id != NULL ? set_property(conf, "client.id", options->client_id, err)
                                      : ERR_OK;
}

static enum err_code configure(rd_kafka_conf_t *conf, const struct source_options *options,
                               enum kafka_role role, struct err *err)
{
    bool reader = role == KAFKA_READER;

    if (role == KAFKA_WRITER) {
        return configure_writer(conf, options, err);
    }
    if (set_properties(conf, tuning, ARRAY_COUNT(tuning), err) != ERR_OK ||
        set_user_properties(conf, options, err) != ERR_OK ||
        set_properties(conf, law, ARRAY_COUNT(law), err) != ERR_OK ||
        set_property(conf, "bootstrap.servers", options->bootstrap_servers, err) != ERR_OK ||
        set_property(conf, "isolation.level", reader ? "read_committed" : "read_uncommitted",
                     err) != ERR_OK) {
        return err->code;
    }
    if (options->client_id != NULL &&
        set_property(conf, "client.id", options->client_id, err) != ERR_OK) {
        return err->code;
    }
    if (reader && options->group != NULL) {
        return set_property(conf, "group.id", options->group, err);
    }
    return ERR_OK;
}

static void on_delivered(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka_client *client = client_of(opaque);

    (void)handle;
    client->delivered(client->context, message);
}

static void set_callbacks(rd_kafka_conf_t *conf, struct kafka_client *client,
                          const struct source_options *options, enum kafka_role role)
{
    rd_kafka_conf_set_opaque(conf, client);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    (void)rd_kafka_conf_set_ssl_cert_verify_cb(conf, kafka_certificate_verify); /* if it has TLS */
    if (role == KAFKA_READER) {
        kafka_pace_install(&client->pace, conf);
    }
    if (role == KAFKA_READER && options->group != NULL) {
        rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    }
    if (role == KAFKA_WRITER) {
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivered);
    }
}

/* Where it refuses a configuration, librdkafka 2.0 frees the interceptors in it and would free them again with it. So it is not freed; a run ends
 * soon after a refusal. Reachable for those who look for leaks. */
static void leave_refused(rd_kafka_conf_t *conf)
{
    static struct refused {
        rd_kafka_conf_t *conf;
        struct refused *before;
    } *refused;
    struct refused *one = memory_calloc(1, sizeof(*one));

    *one = (struct refused){.conf = conf, .before = refused};
    refused = one;
}

enum err_code kafka_client_open(struct kafka_client *client, const struct source_options *options,
                                enum kafka_role role, struct err *err)
{
    char text[ERROR_SIZE];
    rd_kafka_conf_t *conf;

    if (librdkafka_open(err) != ERR_OK) {
        return err->code;
    }
    conf = rd_kafka_conf_new();
    CHECK(conf != NULL);
    if (configure(conf, options, role, err) != ERR_OK) {
        rd_kafka_conf_destroy(conf);
        return err->code;
    }
    client->magic = CLIENT_MAGIC;
    client->clock = options->clock;
    client->patience_ns = options->request_timeout_ns;
    client->outage_patience_ns = options->outage_timeout_ns;
    client->stopped = options->stopped;
    client->down_since_ns = INT64_MIN;
    client->refused = false;
    client->line[0] = '\0';
    client->certificate[0] = '\0';
    (void)snprintf(client->servers, sizeof(client->servers), "%s", options->bootstrap_servers);
    CHECK(pthread_mutex_init(&client->lock, NULL) == 0);
    kafka_pace_init(&client->pace);
    set_callbacks(conf, client, options, role);
    client->handle = rd_kafka_new(role == KAFKA_WRITER ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER,
                                  conf, text, sizeof(text));
    if (client->handle == NULL && role == KAFKA_READER) {
        leave_refused(conf);
    } else if (client->handle == NULL) {
        rd_kafka_conf_destroy(conf);
    }
    if (client->handle == NULL) {
        kafka_client_release(client);
        return err_set(err, ERR_CONFIG, "broker %s: %s", options->bootstrap_servers, text);
    }
    if (role == KAFKA_WRITER) {
        forget_line(client); /* it complains about each property that only consumers have */
    }
    return ERR_OK;
}

void kafka_client_release(struct kafka_client *client)
{
    if (client->magic == CLIENT_MAGIC) {
        CHECK(pthread_mutex_destroy(&client->lock) == 0);
        kafka_pace_release(&client->pace);
        client->magic = 0;
    }
}

enum err_code kafka_client_fail(struct kafka_client *client, struct err *err, const char *what,
                                rd_kafka_resp_err_t cause)
{
    char line[KAFKA_LINE_SIZE];

    CHECK(pthread_mutex_lock(&client->lock) == 0);
    /* Which says more than the handshake that failed for it. */
    memcpy(line, client->certificate[0] != '\0' ? client->certificate : client->line, sizeof(line));
    CHECK(pthread_mutex_unlock(&client->lock) == 0);
    return err_set_retriable(err, ERR_BROKER, "broker %s: %s: %s%s%s", client->servers, what,
                             rd_kafka_err2str(cause), line[0] != '\0' ? "; " : "", line);
}

/* Answers that waiting does not change. */
static bool is_final(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION || code == RD_KAFKA_RESP_ERR__INVALID_ARG ||
           code == RD_KAFKA_RESP_ERR__FATAL;
}

/* One question, asked in slices that grow: between them the error callback runs, so a refused password ends it early. */
struct patience {
    struct kafka_client *client;
    int64_t deadline_ns;
    int slice_ms;
};

static struct patience patience_begin(struct kafka_client *client, int64_t patience_ns)
{
    client->refused = false;
    kafka_pace_open(&client->pace);
    return (struct patience){client, clock_monotonic_ns(client->clock) + patience_ns,
                             SLICE_MS_FIRST};
}

static int patience_slice_ms(const struct patience *patience)
{
    int64_t left_ms =
        (patience->deadline_ns - clock_monotonic_ns(patience->client->clock)) / NS_PER_MS;

    if (left_ms > patience->slice_ms) {
        return patience->slice_ms;
    }
    return left_ms > 1 ? (int)left_ms : 1;
}

static bool stopped(const struct kafka_client *client)
{
    return client->stopped != NULL && client->stopped();
}

/* Whether to ask again after this answer. */
static bool patience_left(struct patience *patience, rd_kafka_resp_err_t code)
{
    struct kafka_client *client = patience->client;

    (void)rd_kafka_poll(client->handle, 0);
    if (is_final(code) || client->refused || stopped(client) ||
        clock_monotonic_ns(client->clock) >= patience->deadline_ns) {
        return false;
    }
    clock_sleep_ns(client->clock, 50 * NS_PER_MS);
    patience->slice_ms = patience->slice_ms < SLICE_MS_MAX ? 2 * patience->slice_ms : SLICE_MS_MAX;
    return true;
}

static enum err_code give_up(struct kafka_client *client, struct err *err, const char *what,
                             rd_kafka_resp_err_t cause)
{
    if (stopped(client)) {
        return err_set(err, ERR_INTERRUPTED, "stopped while waiting for broker %s",
                       client->servers);
    }
    return kafka_client_fail(client, err, what, cause);
}

static void answered(struct kafka_client *client)
{
    client->refused = false;
    client->down_since_ns = INT64_MIN;
    if (client->patience_ns < client->outage_patience_ns) {
        client->patience_ns = client->outage_patience_ns;
    }
}

enum err_code kafka_client_metadata(struct kafka_client *client, rd_kafka_topic_t *topic,
                                    int64_t patience_ns,
                                    const struct rd_kafka_metadata **ret_metadata, struct err *err)
{
    struct patience patience = patience_begin(client, patience_ns);
    rd_kafka_resp_err_t code;

    do {
        code =
            rd_kafka_metadata(client->handle, 0, topic, ret_metadata, patience_slice_ms(&patience));
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            answered(client);
            return ERR_OK;
        }
    } while (patience_left(&patience, code));
    return give_up(client, err, "no answer", code);
}

/* The first error of the list, or of the request as a whole. */
static rd_kafka_resp_err_t ask_offsets(struct kafka_client *client,
                                       rd_kafka_topic_partition_list_t *list, int timeout_ms)
{
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(client->handle, list, timeout_ms);

    for (int i = 0; i < list->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        code = list->elems[i].err;
    }
    return code;
}

/* A handle looks at its topics every few minutes only, and one that reads none of them not even when an answer tells that the leader is
 * another one by now, or that there are more partitions: it has to be told to look. What it finds shows in the next answer. */
static void look_again(struct kafka_client *client, const rd_kafka_topic_partition_list_t *list)
{
    const char *last = "";

    for (int i = 0; i < list->cnt; i++) {
        const struct rd_kafka_metadata *metadata;
        rd_kafka_topic_t *topic;

        if (strcmp(list->elems[i].topic, last) == 0) {
            continue;
        }
        last = list->elems[i].topic;
        topic = rd_kafka_topic_new(client->handle, last, NULL);
        if (topic == NULL) {
            continue;
        }
        if (rd_kafka_metadata(client->handle, 0, topic, &metadata, SLICE_MS_FIRST) ==
            RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_metadata_destroy(metadata);
        }
        rd_kafka_topic_destroy(topic);
    }
}

/* Kafka's ListOffsets takes -1 (end) and -2 (beginning) in the place of a time; rd_kafka_offsets_for_times passes them on and
 * asks each leader once for all of its partitions, which rd_kafka_query_watermark_offsets cannot. */
enum err_code kafka_client_offsets(struct kafka_client *client,
                                   rd_kafka_topic_partition_list_t *list, struct err *err)
{
    struct patience patience = patience_begin(client, client->patience_ns);
    rd_kafka_resp_err_t code;

    _Static_assert(RD_KAFKA_OFFSET_END == -1, "LATEST_TIMESTAMP of the protocol");
    _Static_assert(RD_KAFKA_OFFSET_BEGINNING == -2, "EARLIEST_TIMESTAMP of the protocol");
    do {
        rd_kafka_topic_partition_list_t *copy = rd_kafka_topic_partition_list_copy(list);

        code = ask_offsets(client, copy, patience_slice_ms(&patience));
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR && !is_final(code) && !stopped(client)) {
            look_again(client, list);
        }
        for (int i = 0; i < list->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
            const rd_kafka_topic_partition_t *answer = rd_kafka_topic_partition_list_find(
                copy, list->elems[i].topic, list->elems[i].partition);

            CHECK(answer != NULL);
            list->elems[i].offset = answer->offset;
        }
        rd_kafka_topic_partition_list_destroy(copy);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            answered(client);
            return ERR_OK;
        }
    } while (patience_left(&patience, code));
    return give_up(client, err, "offsets of partitions", code);
}
