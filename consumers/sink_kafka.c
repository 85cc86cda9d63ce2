/* The sink on librdkafka. A put is synchronous: what it handed over has been reported, or purged, when it returns. So no report points into
 * memory of a caller, and nothing is on its way while nobody looks. */
#include "consumers/sink.h"

#include "base/check.h"
#include "base/memory.h"
#include "consumers/kafka_client.h"
#include "consumers/kafka_close.h"

enum {
    SINK_MAGIC = 0x73696e6b,
    PATIENCE_S = 30,
    SLICE_MS = 50,
    SLACK_MS = 3000, /* librdkafka looks for messages that are too old once a second */
    PURGE_MS = 500,
    CLOSE_LIMIT_MS = 1500
};

struct slot {
    bool open; /* handed over, not reported */
    rd_kafka_resp_err_t cause;
};

struct sink_kafka {
    struct sink sink; /* first: handed out */
    uint32_t magic;
    struct kafka_client client;
    int64_t patience_ns;
    struct slot slots[SINK_RECORDS_MAX];
    size_t open_count;
};

static struct sink_kafka *self_of(void *context)
{
    struct sink_kafka *self = context;

    CHECK(self->magic == SINK_MAGIC);
    return self;
}

/* In the thread of put, while it polls. */
static void on_delivered(void *context, const rd_kafka_message_t *message)
{
    struct sink_kafka *self = self_of(context);
    struct slot *slot = message->_private;

    CHECK(slot >= self->slots);
    CHECK(slot < self->slots + SINK_RECORDS_MAX);
    CHECK(slot->open);
    slot->open = false;
    slot->cause = message->err;
    self->open_count--;
}

static rd_kafka_headers_t *make_headers(const struct sink_record *record)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count);

    CHECK(record->header_count <= SINK_HEADERS_MAX);
    for (size_t i = 0; i < record->header_count; i++) {
        const struct sink_header *header = &record->headers[i];
        const char *value = header->value.data != NULL ? header->value.data : "";

        CHECK(rd_kafka_header_add(headers, header->name, -1, value, (ssize_t)header->value.size) ==
              RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    return headers;
}

static void hand_over(struct sink_kafka *self, struct slot *slot, const struct sink_record *record)
{
    rd_kafka_headers_t *headers = make_headers(record);
    /* NULL would be a tombstone. */
    const char *value = record->value.data != NULL ? record->value.data : "";

    slot->cause =
        rd_kafka_producev(self->client.handle, RD_KAFKA_V_TOPIC(record->topic),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_KEY((void *)(uintptr_t)record->key.data, record->key.size),
                          RD_KAFKA_V_VALUE((void *)(uintptr_t)value, record->value.size),
                          RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(slot), RD_KAFKA_V_END);
    slot->open = slot->cause == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (slot->open) {
        self->open_count++;
    } else {
        rd_kafka_headers_destroy(headers); /* librdkafka takes them only with the message */
    }
}

/* True if it was cut short by a request to stop. */
static bool await_reports(struct sink_kafka *self)
{
    struct kafka_client *client = &self->client;
    int64_t deadline_ns =
        clock_monotonic_ns(client->clock) + self->patience_ns + SLACK_MS * NS_PER_MS;
    bool leaving = false;

    while (self->open_count > 0 && !client->refused) {
        int64_t now_ns;

        (void)rd_kafka_poll(client->handle, SLICE_MS);
        now_ns = clock_monotonic_ns(client->clock);
        if (now_ns >= deadline_ns) {
            break;
        }
        if (!leaving && client->stopped != NULL && client->stopped()) {
            leaving = true;
            if (deadline_ns > now_ns + SINK_GRACE_MS * NS_PER_MS) {
                deadline_ns = now_ns + SINK_GRACE_MS * NS_PER_MS;
            }
        }
    }
    return leaving && self->open_count > 0;
}

/* Nothing stays behind: the next put uses the same slots. */
static void purge(struct sink_kafka *self)
{
    if (self->open_count > 0) {
        (void)rd_kafka_purge(self->client.handle,
                             RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        (void)rd_kafka_flush(self->client.handle, PURGE_MS);
    }
}

static enum sink_fate fate_of(const struct slot *slot)
{
    if (slot->open) {
        return SINK_UNAVAILABLE;
    }
    switch (slot->cause) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return SINK_TAKEN;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
        return SINK_REFUSED;
    default:
        return SINK_UNAVAILABLE;
    }
}

static enum err_code fail(struct sink_kafka *self, const struct slot *slot,
                          const struct sink_record *record, struct err *err)
{
    (void)kafka_client_fail(&self->client, err, "record not taken",
                            slot->open ? RD_KAFKA_RESP_ERR__TIMED_OUT : slot->cause);
    err->code = ERR_DELIVERY;
    return err_context(err, "topic %s, key %.*s", record->topic, STR_ARGS(record->key));
}

/* A purged message says that we gave up, not why; what librdkafka complained about stands behind it. */
static enum err_code collect(struct sink_kafka *self, const struct sink_record *records,
                             size_t count, enum sink_fate *ret_fates, struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < count; i++) {
        ret_fates[i] = fate_of(&self->slots[i]);
        if (ret_fates[i] != SINK_TAKEN && code == ERR_OK) {
            code = fail(self, &self->slots[i], &records[i], err);
        }
    }
    return code;
}

static enum err_code kafka_put(struct sink *sink, const struct sink_record *records, size_t count,
                               enum sink_fate *ret_fates, struct err *err)
{
    struct sink_kafka *self = self_of(sink);
    struct err cause = ERR_INIT;
    bool leaving;

    CHECK(count <= SINK_RECORDS_MAX);
    if (self->open_count > 0) {
        for (size_t i = 0; i < count; i++) {
            ret_fates[i] = SINK_UNAVAILABLE;
        }
        return err_set_retriable(err, ERR_DELIVERY, "broker %s: earlier records are still open",
                                 self->client.servers);
    }
    self->client.refused = false;
    for (size_t i = 0; i < count; i++) {
        hand_over(self, &self->slots[i], &records[i]);
    }
    leaving = await_reports(self);
    purge(self);
    if (collect(self, records, count, ret_fates, &cause) == ERR_OK) {
        return ERR_OK;
    }
    if (leaving) {
        return err_set(err, ERR_INTERRUPTED, "stopped while waiting for broker %s",
                       self->client.servers);
    }
    *err = cause;
    return cause.code;
}

/* In the closing thread; touches nothing but librdkafka. */
static void close_handle(void *context)
{
    struct sink_kafka *self = self_of(context);

    rd_kafka_destroy(self->client.handle);
}

static void free_self(struct sink_kafka *self)
{
    kafka_client_release(&self->client);
    memory_free(self);
}

static void kafka_close(struct sink *sink)
{
    struct sink_kafka *self = self_of(sink);

    if (kafka_close_within(close_handle, self, CLOSE_LIMIT_MS * NS_PER_MS)) {
        free_self(self);
    }
}

enum err_code sink_kafka_open(const struct sink_options *options, struct sink **ret_sink,
                              struct err *err)
{
    struct sink_kafka *self = memory_calloc(1, sizeof(*self));
    struct source_options client = {
        .bootstrap_servers = options->bootstrap_servers,
        .client_id = options->client_id,
        .properties = options->properties,
        .property_count = options->property_count,
        .request_timeout_ns =
            options->patience_ns > 0 ? options->patience_ns : PATIENCE_S * NS_PER_SECOND,
        .clock = options->clock != NULL ? options->clock : clock_system(),
        .stopped = options->stopped};

    self->sink = (struct sink){.put = kafka_put, .close = kafka_close};
    self->magic = SINK_MAGIC;
    self->patience_ns = client.request_timeout_ns;
    self->client.delivered = on_delivered;
    self->client.context = self;
    if (kafka_client_open(&self->client, &client, KAFKA_WRITER, err) != ERR_OK) {
        free_self(self);
        return err->code;
    }
    *ret_sink = &self->sink;
    return ERR_OK;
}
