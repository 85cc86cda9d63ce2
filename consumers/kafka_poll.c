/* Messages become items. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "consumers/source_kafka.h"

static struct source_item *new_item(struct source_kafka *self, enum source_item_kind kind,
                                    uint32_t topic, int32_t partition, int64_t offset)
{
    struct source_item *item;

    if (self->item_count == self->item_capacity) {
        self->item_capacity = self->item_capacity == 0 ? MESSAGES_MAX : 2 * self->item_capacity;
        self->items = memory_resize(self->items, self->item_capacity, sizeof(*self->items));
    }
    item = &self->items[self->item_count++];
    item->kind = kind;
    item->lost = false;
    item->record.topic = topic;
    item->record.partition = partition;
    item->record.offset = offset;
    return item;
}

static void tell_rebalance(struct source_kafka *self)
{
    struct rebalance *open = &self->rebalance;
    enum source_item_kind kind = open->assign ? SOURCE_ASSIGNED : SOURCE_REVOKED;

    for (int i = 0; i < open->list->cnt; i++) {
        int32_t topic = source_kafka_find(self, open->list->elems[i].topic);

        if (topic >= 0) {
            int32_t partition = open->list->elems[i].partition;
            struct source_item *item = new_item(self, kind, (uint32_t)topic, partition, -1);

            item->lost = open->lost;
            source_kafka_flow(self, (uint32_t)topic, partition)->assigned = open->assign;
        }
    }
    if (open->assign && open->list->cnt == 0) {
        (void)new_item(self, SOURCE_ASSIGNED, 0, -1, -1);
    }
    self->assignment_changed = open->assign; /* also an empty assignment wants its answer */
    self->revoke_told = open->revoke;
    rd_kafka_topic_partition_list_destroy(open->list);
    open->list = NULL;
}

static uint32_t topic_of_message(struct source_kafka *self, const rd_kafka_message_t *message)
{
    if (message->rkt != self->last_handle) {
        int32_t topic = source_kafka_find(self, rd_kafka_topic_name(message->rkt));

        CHECK(topic >= 0);
        self->last_handle = message->rkt;
        self->last_topic = (uint32_t)topic;
    }
    return self->last_topic;
}

/* Headers that cannot be parsed are none: the framing that looks for one says that it is missing. */
static struct str find_header(const rd_kafka_message_t *message, const char *name)
{
    rd_kafka_headers_t *headers;
    const void *value = NULL;
    size_t size = 0;

    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return str_of(NULL, 0);
    }
    return value != NULL ? str_of(value, size) : str_of("", 0);
}

static enum record_time_type time_type_of(rd_kafka_timestamp_type_t type)
{
    switch (type) {
    case RD_KAFKA_TIMESTAMP_CREATE_TIME:
        return RECORD_TIME_CREATE;
    case RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME:
        return RECORD_TIME_LOG_APPEND;
    default:
        return RECORD_TIME_NONE;
    }
}

/* For an archive. Headers that cannot be parsed would be lost without a word: the run stops before them. */
static void add_everything(struct source_kafka *self, const rd_kafka_message_t *message,
                           struct record *record)
{
    rd_kafka_timestamp_type_t type;
    rd_kafka_headers_t *list;
    rd_kafka_resp_err_t code = rd_kafka_message_headers(message, &list);
    struct record_header *headers;

    record->time_ms = rd_kafka_message_timestamp(message, &type);
    record->time_type = time_type_of(type);
    record->headers = NULL;
    record->header_count = 0;
    if (code == RD_KAFKA_RESP_ERR__NOENT) {
        return;
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        self->has_trouble = true;
        self->item_count--;
        (void)err_set(&self->trouble, ERR_BROKER,
                      "broker %s: %s, partition %" PRId32 ", offset %" PRId64
                      ": the headers of the record cannot be read",
                      self->reader.servers, rd_kafka_topic_name(message->rkt), record->partition,
                      record->offset);
        return;
    }
    record->header_count = rd_kafka_header_cnt(list);
    headers = arena_calloc(&self->headers, record->header_count, sizeof(*headers));
    for (size_t i = 0; i < record->header_count; i++) {
        const char *name;
        const void *value;
        size_t size;

        CHECK(rd_kafka_header_get_all(list, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR);
        headers[i] = (struct record_header){STR(name), str_of(value, value != NULL ? size : 0)};
    }
    record->headers = headers;
}

static void add_record(struct source_kafka *self, const rd_kafka_message_t *message, uint32_t topic)
{
    struct flow *flow = &self->topics[topic].flows[message->partition];
    rd_kafka_timestamp_type_t type;
    int64_t time_ms;
    struct record *record;

    if (!flow->started) {
        return;
    }
    time_ms = rd_kafka_message_timestamp(message, &type);
    record = &new_item(self, SOURCE_RECORD, topic, message->partition, message->offset)->record;
    record->time_ns = record_time_ns(time_ms);
    record->key = str_of(message->key, message->key_len);
    record->value = str_of(message->payload, message->len);
    record->tombstone = message->payload == NULL;
    record->schema_header = str_of(NULL, 0);
    if (self->topics[topic].header != NULL) {
        record->schema_header = find_header(message, self->topics[topic].header);
    }
    flow->next_offset = message->offset + 1;
    if (self->options.everything) {
        add_everything(self, message, record);
    }
}

/* Errors that pass by themselves; librdkafka goes on trying. */
static bool is_transient(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED: /* a rebalance follows */
    case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
    case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
        return true;
    default:
        return false;
    }
}

/* Everything that is neither known nor transient stops the run: a broken batch that is passed over would be a silent gap. */
static void keep_trouble(struct source_kafka *self, const rd_kafka_message_t *message)
{
    rd_kafka_resp_err_t code = message->err;
    char text[256];

    if (is_transient(code) || self->has_trouble) {
        return;
    }
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        code = rd_kafka_fatal_error(self->reader.handle, text, sizeof(text));
    } else {
        (void)snprintf(text, sizeof(text), "%s", rd_kafka_message_errstr(message));
    }
    self->has_trouble = true;
    (void)err_set(
        &self->trouble, code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID ? ERR_FENCED : ERR_BROKER,
        "broker %s: %s%s%s%s", self->reader.servers,
        message->rkt != NULL ? rd_kafka_topic_name(message->rkt) : "",
        message->rkt != NULL ? ": " : "", rd_kafka_err2str(code),
        code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID ? ": another member has this group.instance.id"
                                                     : "");
    if (text[0] != '\0' && strcmp(text, rd_kafka_err2str(code)) != 0) {
        size_t used = strlen(self->trouble.text);

        (void)snprintf(self->trouble.text + used, sizeof(self->trouble.text) - used, " (%s)", text);
    }
}

static void add_notice(struct source_kafka *self, const rd_kafka_message_t *message)
{
    enum source_item_kind kind;
    uint32_t topic;

    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        kind = SOURCE_END;
    } else if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
               message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
        kind = SOURCE_EXPIRED;
    } else {
        keep_trouble(self, message);
        return;
    }
    topic = topic_of_message(self, message);
    if (source_kafka_flow(self, topic, message->partition)->started) {
        (void)new_item(self, kind, topic, message->partition, message->offset);
    }
}

/* message_count: of the last poll; size: of their values together. */
static void report_backlog(struct source_kafka *self, size_t message_count, size_t size)
{
    if (message_count == 0) {
        kafka_pace_open(&self->reader.pace); /* what came had nothing in it */
        return;
    }
    kafka_pace_report(&self->reader.pace, rd_kafka_queue_length(self->queue), size / message_count);
}

static size_t values_size(const struct source_kafka *self)
{
    size_t size = 0;

    for (size_t i = 0; i < self->message_count; i++) {
        size += self->messages[i]->len;
    }
    return size;
}

static void add_message(struct source_kafka *self, const rd_kafka_message_t *message)
{
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        add_record(self, message, topic_of_message(self, message));
    } else {
        add_notice(self, message);
    }
}

static void translate(struct source_kafka *self)
{
    for (size_t i = 0; i < self->message_count && !self->has_trouble; i++) {
        add_message(self, self->messages[i]);
    }
}

void kafka_destroy_messages(struct source_kafka *self)
{
    for (size_t i = 0; i < self->message_count; i++) {
        rd_kafka_message_destroy(self->messages[i]);
    }
    self->message_count = 0;
    self->item_count = 0;
    arena_clear(&self->headers);
}

/* Brokers that librdkafka calls down may be back, and a quiet topic sends nothing: only a question tells. */
static enum err_code check_reachable(struct source_kafka *self, struct err *err)
{
    struct kafka_client *client = &self->reader;
    const struct rd_kafka_metadata *metadata;
    int64_t down_ns;

    if (client->down_since_ns == INT64_MIN && !client->refused) {
        return ERR_OK;
    }
    down_ns = client->down_since_ns == INT64_MIN
                  ? 0
                  : clock_monotonic_ns(client->clock) - client->down_since_ns;
    if (!client->refused && down_ns < client->patience_ns) {
        return ERR_OK;
    }
    if (kafka_client_metadata(client, NULL, CHECK_AFTER_DOWN_MS * NS_PER_MS, &metadata, err) !=
        ERR_OK) {
        return err->code;
    }
    rd_kafka_metadata_destroy(metadata);
    return ERR_OK;
}

/* What one call of source_give is about. */
struct giving {
    struct source_kafka *self;
    const struct source_taker *taker;
    struct err *err;
    enum err_code code;
    size_t messages, items;
    size_t size; /* of the messages' values */
};

/* What librdkafka has left behind a yield goes back to the head of its queue. */
static void give_message(rd_kafka_message_t *message, void *opaque)
{
    struct giving *giving = opaque;
    struct source_kafka *self = giving->self;

    giving->messages++;
    giving->size += message->len;
    add_message(self, message);
    for (size_t i = 0; i < self->item_count && giving->code == ERR_OK; i++) {
        giving->items++;
        giving->code = giving->taker->take(giving->taker->context, &self->items[i], giving->err);
    }
    self->item_count = 0;
    arena_clear(&self->headers);
    if (giving->messages == GIVEN_MAX || giving->code != ERR_OK || self->has_trouble) {
        rd_kafka_yield(self->reader.handle);
    }
}

/* The number of messages. giving NULL: they are kept. */
static size_t receive_once(struct source_kafka *self, int timeout_ms, struct giving *giving)
{
    ssize_t count;

    if (giving != NULL) {
        (void)rd_kafka_consume_callback_queue(self->queue, timeout_ms, give_message, giving);
        return giving->messages;
    }
    count = rd_kafka_consume_batch_queue(self->queue, timeout_ms, self->messages, MESSAGES_MAX);
    self->message_count = count > 0 ? (size_t)count : 0;
    return self->message_count;
}

static void receive(struct source_kafka *self, int64_t timeout_ns, struct giving *giving)
{
    int64_t deadline_ns = clock_monotonic_ns(self->reader.clock) + timeout_ns;
    int64_t left_ns = timeout_ns;
    size_t count;

    do {
        int64_t left_ms = left_ns / NS_PER_MS;

        count = receive_once(self, left_ms < SLICE_MS ? (int)left_ms : SLICE_MS, giving);
        (void)rd_kafka_poll(self->reader.handle, 0); /* callbacks, but for rebalances */
        left_ns = deadline_ns - clock_monotonic_ns(self->reader.clock);
    } while (count == 0 && self->rebalance.list == NULL && left_ns > 0);
    if (count > 0) {
        self->reader.down_since_ns = INT64_MIN;
        self->reader.refused = false;
    }
}

enum err_code kafka_poll(struct source *source, int64_t timeout_ns,
                         const struct source_item **ret_items, size_t *ret_count, struct err *err)
{
    struct source_kafka *self = source_kafka_self(source);

    kafka_destroy_messages(self);
    if (self->has_trouble) {
        *err = self->trouble;
        return err->code;
    }
    kafka_send_hints(self);
    if (self->options.group != NULL && kafka_answer_group(self, err) != ERR_OK) {
        return err->code;
    }
    receive(self, timeout_ns, NULL);
    report_backlog(self, self->message_count, values_size(self));
    translate(self);
    if (self->rebalance.list != NULL) {
        tell_rebalance(self);
    }
    if (self->item_count == 0 && check_reachable(self, err) != ERR_OK) {
        return err->code;
    }
    *ret_items = self->items;
    *ret_count = self->item_count;
    return ERR_OK;
}

/* A message is taken and destroyed while the cache has it, and a queue is locked once for all that it holds: the batch call locks it for each. */
enum err_code kafka_give(struct source *source, int64_t timeout_ns,
                         const struct source_taker *taker, size_t *ret_count, struct err *err)
{
    struct source_kafka *self = source_kafka_self(source);
    struct giving giving = {.taker = taker, .self = self, .err = err, .code = ERR_OK};

    CHECK(self->options.group == NULL);
    kafka_destroy_messages(self);
    if (self->has_trouble) {
        *err = self->trouble;
        return err->code;
    }
    receive(self, timeout_ns, &giving);
    report_backlog(self, giving.messages, giving.size);
    *ret_count = giving.items;
    if (giving.code != ERR_OK) {
        return giving.code;
    }
    return giving.items == 0 ? check_reachable(self, err) : ERR_OK;
}
