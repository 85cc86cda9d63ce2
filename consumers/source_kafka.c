/* The source on librdkafka. By hand it uses the start/stop calls of the simple consumer, because they begin and end one partition without
 * touching the others; in a group the assignment is replaced as a whole, from the offsets that were handed out last.
 *
 * Never pause or resume (2.0.2 loses records), never yield in a callback of the batch call (it would lose one record), never ask for a
 * position. Records point into librdkafka's messages, which are destroyed at the next poll, or behind their callback. */
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "consumers/kafka_close.h"
#include "consumers/source_kafka.h"

struct source_kafka *source_kafka_self(struct source *source)
{
    struct source_kafka *self = (struct source_kafka *)source;

    CHECK(self->magic == SOURCE_MAGIC);
    return self;
}

struct kafka_topic *source_kafka_topic(struct source_kafka *self, uint32_t topic)
{
    CHECK(topic < self->topic_count);
    return &self->topics[topic];
}

struct flow *source_kafka_flow(struct source_kafka *self, uint32_t topic, int32_t partition)
{
    struct kafka_topic *t = source_kafka_topic(self, topic);

    CHECK(partition >= 0);
    if (partition >= t->flow_count) {
        t->flows = memory_resize(t->flows, (size_t)partition + 1, sizeof(*t->flows));
        memset(&t->flows[t->flow_count], 0,
               (size_t)(partition + 1 - t->flow_count) * sizeof(*t->flows));
        t->flow_count = partition + 1;
    }
    return &t->flows[partition];
}

int32_t source_kafka_find(const struct source_kafka *self, const char *name)
{
    for (size_t i = 0; i < self->topic_count; i++) {
        if (strcmp(self->topics[i].name, name) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

/* Starting and stopping. */

static enum err_code kafka_start(struct source *source, struct source_partition partition,
                                 int64_t offset, struct err *err)
{
    struct source_kafka *self = source_kafka_self(source);
    struct flow *flow = source_kafka_flow(self, partition.topic, partition.partition);

    CHECK(!flow->started);
    CHECK(offset >= 0);
    flow->next_offset = offset;
    flow->started = true;
    if (self->options.group != NULL) {
        self->assignment_changed = true;
        return ERR_OK;
    }
    if (rd_kafka_consume_start_queue(source_kafka_topic(self, partition.topic)->handle,
                                     partition.partition, offset, self->queue) != 0) {
        flow->started = false;
        return kafka_client_fail(&self->reader, err, "partition cannot be started",
                                 rd_kafka_last_error());
    }
    return ERR_OK;
}

/* In a group the partition stays in librdkafka's assignment until the next change, and what it still delivers is left out: a new
 * assignment would throw away what is fetched of all the others. */
static enum err_code kafka_stop(struct source *source, struct source_partition partition,
                                struct err *err)
{
    struct source_kafka *self = source_kafka_self(source);
    struct flow *flow = source_kafka_flow(self, partition.topic, partition.partition);

    if (!flow->started) {
        return ERR_OK;
    }
    flow->started = false;
    if (self->options.group == NULL &&
        rd_kafka_consume_stop(source_kafka_topic(self, partition.topic)->handle,
                              partition.partition) != 0) {
        return kafka_client_fail(&self->reader, err, "partition cannot be stopped",
                                 rd_kafka_last_error());
    }
    return ERR_OK;
}

static enum err_code kafka_join(struct source *source, struct err *err)
{
    struct source_kafka *self = source_kafka_self(source);
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)self->topic_count);
    rd_kafka_resp_err_t code;

    CHECK(self->options.group != NULL);
    for (size_t i = 0; i < self->topic_count; i++) {
        rd_kafka_topic_partition_list_add(list, self->topics[i].name, RD_KAFKA_PARTITION_UA);
    }
    /* No rd_kafka_poll_set_consumer: the handle's own queue stays apart from the one with records in it. Questions serve it while they
     * wait, and rd_kafka_poll aborts at a record (2.0.2). */
    code = rd_kafka_subscribe(self->reader.handle, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return kafka_client_fail(&self->reader, err, "joining the group", code);
    }
    return ERR_OK;
}

/* librdkafka waits with the rebalance until rd_kafka_assign is called, which happens when the caller has done its part. */
static void on_rebalance(void *context, bool assign, const rd_kafka_topic_partition_list_t *list)
{
    struct source_kafka *self = source_kafka_self(context);
    struct rebalance *open = &self->rebalance;

    if (self->closing) { /* nobody polls any more; the last commit is done */
        (void)rd_kafka_assign(self->reader.handle, NULL);
        return;
    }
    if (open->list != NULL) {
        rd_kafka_topic_partition_list_destroy(open->list);
    }
    *open = (struct rebalance){.assign = assign,
                               .revoke = !assign,
                               .lost = !assign && rd_kafka_assignment_lost(self->reader.handle),
                               .list = rd_kafka_topic_partition_list_copy(list)};
}

static enum err_code apply_assignment(struct source_kafka *self, struct err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    rd_kafka_resp_err_t code;

    for (size_t i = 0; i < self->topic_count; i++) {
        for (int32_t p = 0; p < self->topics[i].flow_count; p++) {
            const struct flow *flow = &self->topics[i].flows[p];

            if (flow->assigned && flow->started) {
                rd_kafka_topic_partition_list_add(list, self->topics[i].name, p)->offset =
                    flow->next_offset;
            }
        }
    }
    code = rd_kafka_assign(self->reader.handle, list);
    rd_kafka_topic_partition_list_destroy(list);
    self->assignment_changed = false;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return kafka_client_fail(&self->reader, err, "taking the group's assignment", code);
    }
    return ERR_OK;
}

enum err_code kafka_answer_group(struct source_kafka *self, struct err *err)
{
    if (self->revoke_told) {
        self->revoke_told = false;
        self->assignment_changed = false;
        (void)rd_kafka_assign(self->reader.handle, NULL);
        return ERR_OK;
    }
    return self->assignment_changed ? apply_assignment(self, err) : ERR_OK;
}

void kafka_send_hints(struct source_kafka *self)
{
    if (self->hints->cnt > 0) {
        (void)rd_kafka_commit(self->reader.handle, self->hints, 1);
        rd_kafka_topic_partition_list_destroy(self->hints);
        self->hints = rd_kafka_topic_partition_list_new(16);
    }
}

static void kafka_hint(struct source *source, struct source_partition partition,
                       int64_t next_offset)
{
    struct source_kafka *self = source_kafka_self(source);

    if (self->options.group != NULL) {
        rd_kafka_topic_partition_list_add(
            self->hints, source_kafka_topic(self, partition.topic)->name, partition.partition)
            ->offset = next_offset;
    }
}

/* Opening and closing. */

static void copy_options(struct source_kafka *self, const struct source_options *options)
{
    struct arena *arena = &self->arena;
    struct source_property *properties =
        arena_calloc(arena, options->property_count, sizeof(*properties));

    for (size_t i = 0; i < options->property_count; i++) {
        properties[i].name = arena_text(arena, STR(options->properties[i].name));
        properties[i].value = arena_text(arena, STR(options->properties[i].value));
    }
    self->options = *options;
    self->options.bootstrap_servers = arena_text(arena, STR(options->bootstrap_servers));
    self->options.properties = properties;
    self->options.topics = NULL; /* see self->topics */
    self->options.headers = NULL;
    if (options->group != NULL) {
        self->options.group = arena_text(arena, STR(options->group));
    }
    if (options->client_id != NULL) {
        self->options.client_id = arena_text(arena, STR(options->client_id));
    }
    if (self->options.request_timeout_ns <= 0) {
        self->options.request_timeout_ns = 10 * NS_PER_SECOND;
    }
    if (self->options.clock == NULL) {
        self->options.clock = clock_system();
    }
}

/* In the closing thread; touches nothing but librdkafka. */
static void close_handles(void *context)
{
    struct source_kafka *self = source_kafka_self(context);

    if (self->options.group != NULL) {
        /* Of a revocation that was told and not answered, it would wait for the answer if the assignment is lost (2.0.2). */
        (void)rd_kafka_assign(self->reader.handle, NULL);
        (void)rd_kafka_consumer_close(self->reader.handle);
    }
    for (size_t i = 0; i < self->topic_count; i++) {
        for (int32_t p = 0; p < self->topics[i].flow_count && self->options.group == NULL; p++) {
            if (self->topics[i].flows[p].started) {
                (void)rd_kafka_consume_stop(self->topics[i].handle, p);
            }
        }
        if (self->topics[i].handle != NULL) {
            rd_kafka_topic_destroy(self->topics[i].handle);
        }
    }
    if (self->queue != NULL) {
        rd_kafka_queue_destroy(self->queue);
    }
    if (self->observer.handle != NULL) {
        rd_kafka_destroy(self->observer.handle);
    }
    rd_kafka_destroy(self->reader.handle);
}

static void free_self(struct source_kafka *self)
{
    kafka_client_release(&self->reader);
    kafka_client_release(&self->observer);
    for (size_t i = 0; i < self->topic_count; i++) {
        memory_free(self->topics[i].flows);
    }
    memory_free(self->topics);
    memory_free(self->items);
    arena_release(&self->headers);
    arena_release(&self->arena);
    memory_free(self);
}

static void kafka_close(struct source *source)
{
    struct source_kafka *self = source_kafka_self(source);

    kafka_destroy_messages(self);
    kafka_send_hints(self);
    rd_kafka_topic_partition_list_destroy(self->hints);
    if (self->rebalance.list != NULL) {
        rd_kafka_topic_partition_list_destroy(self->rebalance.list);
    }
    self->closing = true;
    kafka_pace_open(&self->reader.pace);
    if (kafka_close_within(close_handles, self, CLOSE_LIMIT_MS * NS_PER_MS)) {
        free_self(self);
    }
}

static enum err_code open_topics(struct source_kafka *self, const struct source_options *options,
                                 struct err *err)
{
    self->topics = memory_calloc(options->topic_count, sizeof(*self->topics));
    self->topic_count = options->topic_count;
    for (size_t i = 0; i < options->topic_count; i++) {
        struct kafka_topic *topic = &self->topics[i];

        topic->name = arena_text(&self->arena, STR(options->topics[i]));
        if (options->headers != NULL && options->headers[i] != NULL) {
            topic->header = arena_text(&self->arena, STR(options->headers[i]));
        }
        topic->handle = rd_kafka_topic_new(self->reader.handle, topic->name, NULL);
        if (topic->handle == NULL) {
            return err_set(err, ERR_CONFIG, "topic %s: %s", topic->name,
                           rd_kafka_err2str(rd_kafka_last_error()));
        }
    }
    return ERR_OK;
}

static const struct source kafka_calls = {
    .cluster_id = kafka_cluster_id,
    .partition_count = kafka_partition_count,
    .watermarks = kafka_watermarks,
    .offset_for_time = kafka_offset_for_time,
    .start = kafka_start,
    .stop = kafka_stop,
    .join = kafka_join,
    .poll = kafka_poll,
    .give = kafka_give,
    .hint = kafka_hint,
    .close = kafka_close,
};

enum err_code source_kafka_open(const struct source_options *options, struct source **ret_source,
                                struct err *err)
{
    struct source_kafka *self = memory_calloc(1, sizeof(*self));

    self->source = kafka_calls;
    if (options->group != NULL) {
        self->source.give = NULL; /* librdkafka's call knows nothing of rebalances */
    }
    self->magic = SOURCE_MAGIC;
    copy_options(self, options);
    self->reader.rebalance = on_rebalance;
    self->reader.context = self;
    if (kafka_client_open(&self->reader, &self->options, KAFKA_READER, err) != ERR_OK) {
        free_self(self);
        return err->code;
    }
    self->hints = rd_kafka_topic_partition_list_new(16);
    self->queue = self->options.group != NULL ? rd_kafka_queue_get_consumer(self->reader.handle)
                                              : rd_kafka_queue_new(self->reader.handle);
    if (open_topics(self, options, err) != ERR_OK) {
        kafka_close(&self->source);
        return err->code;
    }
    *ret_source = &self->source;
    return ERR_OK;
}
