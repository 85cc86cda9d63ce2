#include "consumers/archive_head.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "consumers/archive_record.h"

enum { NUMBER_WIDTH = 20, MARKER_TEXT_MAX = 8192 };

_Static_assert((int)HASH_KEY_SIZE == (int)CONTAINER_MARKER_SIZE, "a hash is a marker");

/* Numbers of the head, each with its key. */
static const struct {
    const char *key;
    size_t offset;
    bool optional; /* a time, which may be missing */
} numbers[] = {
    {"uptally.incarnation", offsetof(struct archive_head, incarnation), false},
    {"uptally.from", offsetof(struct archive_head, from), false},
    {"uptally.to", offsetof(struct archive_head, to), false},
    {"uptally.records", offsetof(struct archive_head, records), false},
    {"uptally.block_bytes", offsetof(struct archive_head, block_size_max), false},
    {"uptally.time.low", offsetof(struct archive_head, low_time_ns), true},
    {"uptally.time.high", offsetof(struct archive_head, high_time_ns), true},
};

static const int64_t *number_at(const struct archive_head *head, size_t index)
{
    return (const int64_t *)(const void *)((const char *)head + numbers[index].offset);
}

void archive_head_marker(const struct archive_head *head, char ret_marker[CONTAINER_MARKER_SIZE])
{
    struct strbuf text;

    strbuf_init(&text, MARKER_TEXT_MAX);
    strbuf_append_format(&text, "uptally archive\n%.*s\n%.*s\n%" PRId64 "\n%" PRId32 "\n%" PRId64,
                         STR_ARGS(head->cluster), STR_ARGS(head->topic), head->incarnation,
                         head->partition, head->from);
    CHECK(!text.overflow);
    hash_key(strbuf_view(&text), (unsigned char *)ret_marker);
    strbuf_release(&text);
}

void archive_head_write(const struct archive_head *head, struct strbuf *out)
{
    struct container_entry entries[8 + ARRAY_COUNT(numbers)];
    char texts[ARRAY_COUNT(numbers)][NUMBER_WIDTH + 1];
    char partition[12], marker[CONTAINER_MARKER_SIZE];
    size_t count = 0;

    (void)snprintf(partition, sizeof(partition), "%" PRId32, head->partition);
    entries[count++] = (struct container_entry){STR("avro.schema"), STR(archive_record_schema)};
    entries[count++] = (struct container_entry){STR("avro.codec"), STR(codec_name(head->codec))};
    entries[count++] = (struct container_entry){STR("uptally.format"), STR(ARCHIVE_FORMAT)};
    entries[count++] = (struct container_entry){STR("uptally.cluster"), head->cluster};
    entries[count++] = (struct container_entry){STR("uptally.topic"), head->topic};
    entries[count++] = (struct container_entry){STR("uptally.partition"), STR(partition)};
    entries[count++] = (struct container_entry){STR("uptally.framing"), head->framing};
    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
        int64_t number = *number_at(head, i);

        if (numbers[i].optional && number == ARCHIVE_HEAD_NO_TIME) {
            (void)snprintf(texts[i], sizeof(texts[i]), "%-*s", NUMBER_WIDTH, "");
        } else {
            (void)snprintf(texts[i], sizeof(texts[i]), "%-*" PRId64, NUMBER_WIDTH, number);
        }
        entries[count++] = (struct container_entry){STR(numbers[i].key), STR(texts[i])};
    }
    if (head->schema.size > 0) {
        entries[count++] = (struct container_entry){STR("uptally.schema"), head->schema};
    }
    archive_head_marker(head, marker);
    container_write_head(out, entries, count, marker);
}

static struct str trim(struct str text)
{
    while (text.size > 0 && text.data[text.size - 1] == ' ') {
        text.size--;
    }
    return text;
}

static bool read_numbers(const struct container_reader *reader, struct archive_head *head)
{
    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
        struct str text = container_meta(reader, numbers[i].key);
        int64_t *number = (int64_t *)(uintptr_t)number_at(head, i);

        if (text.data == NULL) {
            return false;
        }
        text = trim(text);
        if (numbers[i].optional && text.size == 0) {
            *number = ARCHIVE_HEAD_NO_TIME;
        } else if (!str_to_int64(text, number)) {
            return false;
        }
    }
    return true;
}

enum err_code archive_head_read(const struct container_reader *reader,
                                struct archive_head *ret_head, struct err *err)
{
    struct str format = container_meta(reader, "uptally.format");
    struct str schema = container_meta(reader, "uptally.schema");
    char marker[CONTAINER_MARKER_SIZE];
    int64_t partition;

    if (format.data == NULL) {
        return err_set(err, ERR_DATA, "it is no file of an archive of uptally");
    }
    if (!str_equal(format, STR(ARCHIVE_FORMAT)) ||
        !str_equal(container_meta(reader, "avro.schema"), STR(archive_record_schema))) {
        return err_set(err, ERR_DATA, "it is of a format that this program does not know");
    }
    ret_head->cluster = container_meta(reader, "uptally.cluster");
    ret_head->topic = container_meta(reader, "uptally.topic");
    ret_head->framing = container_meta(reader, "uptally.framing");
    ret_head->schema = schema.data != NULL ? schema : str_of("", 0);
    ret_head->codec = reader->codec;
    if (ret_head->cluster.data == NULL || ret_head->topic.data == NULL ||
        ret_head->framing.data == NULL || ret_head->cluster.size > 1024 ||
        ret_head->topic.size > 1024 ||
        !str_to_int64(container_meta(reader, "uptally.partition"), &partition) || partition < 0 ||
        partition > INT32_MAX || !read_numbers(reader, ret_head)) {
        return err_set(err, ERR_DATA, "its head does not say which records it holds");
    }
    ret_head->partition = (int32_t)partition;
    if (ret_head->from < 0 || ret_head->to <= ret_head->from || ret_head->records < 0 ||
        ret_head->records > ret_head->to - ret_head->from || ret_head->block_size_max < 0) {
        return err_set(err, ERR_DATA, "the numbers of its head contradict each other");
    }
    archive_head_marker(ret_head, marker);
    if (memcmp(marker, reader->marker, sizeof(marker)) != 0) {
        return err_set(err, ERR_DATA, "its marker is not that of its coordinates");
    }
    return ERR_OK;
}
