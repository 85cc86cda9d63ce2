#include "base/check.h"
#include "consumers/source_kafka.h"

enum err_code kafka_cluster_id(struct source *source, struct strbuf *ret_id, struct err *err)
{
    struct source_kafka *self = source_kafka_self(source);
    const struct rd_kafka_metadata *metadata;
    char *id;

    if (kafka_client_metadata(&self->reader, NULL, self->reader.patience_ns, &metadata, err) !=
        ERR_OK) {
        return err->code;
    }
    rd_kafka_metadata_destroy(metadata);
    id = rd_kafka_clusterid(self->reader.handle, (int)(self->reader.patience_ns / NS_PER_MS));
    if (id == NULL) {
        return err_set_retriable(err, ERR_BROKER, "broker %s does not tell its cluster id",
                                 self->reader.servers);
    }
    strbuf_append_text(ret_id, id);
    rd_kafka_mem_free(self->reader.handle, id);
    return ERR_OK;
}

enum err_code kafka_partition_count(struct source *source, uint32_t topic, int32_t *ret_count,
                                    struct err *err)
{
    struct source_kafka *self = source_kafka_self(source);
    struct kafka_topic *t = source_kafka_topic(self, topic);
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    int32_t count = 0;

    if (kafka_client_metadata(&self->reader, t->handle, self->reader.patience_ns, &metadata, err) !=
        ERR_OK) {
        return err->code;
    }
    if (metadata->topic_cnt == 1) {
        code = metadata->topics[0].err;
        count = metadata->topics[0].partition_cnt;
    }
    rd_kafka_metadata_destroy(metadata);
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
        (code == RD_KAFKA_RESP_ERR_NO_ERROR && count <= 0)) {
        return err_set(err, ERR_BROKER, "topic %s does not exist on broker %s", t->name,
                       self->reader.servers);
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return err_set_retriable(err, ERR_BROKER, "topic %s: %s", t->name, rd_kafka_err2str(code));
    }
    *ret_count = count;
    return ERR_OK;
}

static enum err_code ask(struct source_kafka *self, struct kafka_client *client,
                         const struct source_partition *partitions, size_t count, int64_t question,
                         rd_kafka_topic_partition_list_t **ret_list, struct err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);

    for (size_t i = 0; i < count; i++) {
        rd_kafka_topic_partition_list_add(list, source_kafka_topic(self, partitions[i].topic)->name,
                                          partitions[i].partition)
            ->offset = question;
    }
    if (kafka_client_offsets(client, list, err) != ERR_OK) {
        rd_kafka_topic_partition_list_destroy(list);
        return err->code;
    }
    *ret_list = list;
    return ERR_OK;
}

static enum err_code open_observer(struct source_kafka *self, struct err *err)
{
    if (self->observer.handle != NULL) {
        return ERR_OK;
    }
    return kafka_client_open(&self->observer, &self->options, KAFKA_OBSERVER, err);
}

/* The end that read_committed sees and the end of the log are two questions of two handles: the answer depends on the
 * isolation level of who asks. The end of the log is asked for first: without open transactions the last stable offset then is
 * not below it, whatever arrives in between, and who reads up to the one has read up to the other. */
enum err_code kafka_watermarks(struct source *source, const struct source_partition *partitions,
                               size_t count, struct source_watermarks *ret_watermarks,
                               struct err *err)
{
    struct source_kafka *self = source_kafka_self(source);
    rd_kafka_topic_partition_list_t *low = NULL, *stable = NULL, *high = NULL;

    if (count == 0) {
        return ERR_OK;
    }
    if (open_observer(self, err) == ERR_OK &&
        ask(self, &self->observer, partitions, count, RD_KAFKA_OFFSET_END, &high, err) == ERR_OK &&
        ask(self, &self->reader, partitions, count, RD_KAFKA_OFFSET_BEGINNING, &low, err) ==
            ERR_OK &&
        ask(self, &self->reader, partitions, count, RD_KAFKA_OFFSET_END, &stable, err) == ERR_OK) {
        for (size_t i = 0; i < count; i++) {
            ret_watermarks[i] = (struct source_watermarks){
                low->elems[i].offset, stable->elems[i].offset, high->elems[i].offset};
        }
    }
    if (high != NULL) {
        rd_kafka_topic_partition_list_destroy(high);
    }
    if (low != NULL) {
        rd_kafka_topic_partition_list_destroy(low);
    }
    if (stable == NULL) {
        return err->code;
    }
    rd_kafka_topic_partition_list_destroy(stable);
    return ERR_OK;
}

enum err_code kafka_offset_for_time(struct source *source, struct source_partition partition,
                                    int64_t time_ns, int64_t *ret_offset, struct err *err)
{
    struct source_kafka *self = source_kafka_self(source);
    rd_kafka_topic_partition_list_t *list = NULL;
    int64_t time_ms = time_ns / NS_PER_MS + (time_ns % NS_PER_MS > 0 ? 1 : 0);
    int64_t offset;

    if (ask(self, &self->reader, &partition, 1, time_ms > 0 ? time_ms : 0, &list, err) != ERR_OK) {
        return err->code;
    }
    offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    if (offset < 0) { /* nothing is that late */
        struct source_watermarks watermarks;

        if (kafka_watermarks(source, &partition, 1, &watermarks, err) != ERR_OK) {
            return err->code;
        }
        offset = watermarks.last_stable;
    }
    *ret_offset = offset;
    return ERR_OK;
}
