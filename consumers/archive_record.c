#include "consumers/archive_record.h"

#include "base/check.h"
#include "consumers/varint.h"

/* Plain types only, which every reader knows: a time stamp may be any 64 bits, and readers that make dates of them fail on some. */
const char archive_record_schema[] =
    "{\"type\":\"record\",\"name\":\"record\",\"namespace\":\"uptally.archive\",\"fields\":["
    "{\"name\":\"partition\",\"type\":\"int\"},"
    "{\"name\":\"offset\",\"type\":\"long\"},"
    "{\"name\":\"timestamp_ms\",\"type\":\"long\"},"
    "{\"name\":\"timestamp_type\",\"type\":{\"type\":\"enum\",\"name\":\"timestamp_type\","
    "\"symbols\":[\"none\",\"create\",\"log_append\"]}},"
    "{\"name\":\"key\",\"type\":[\"null\",\"bytes\"]},"
    "{\"name\":\"value\",\"type\":[\"null\",\"bytes\"]},"
    "{\"name\":\"headers\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\","
    "\"name\":\"header\",\"fields\":["
    "{\"name\":\"key\",\"type\":\"bytes\"},"
    "{\"name\":\"value\",\"type\":[\"null\",\"bytes\"]}]}}}]}";

_Static_assert(RECORD_TIME_NONE == 0 && RECORD_TIME_CREATE == 1 && RECORD_TIME_LOG_APPEND == 2,
               "the enum of the schema");

enum { NUMBERS_SIZE_MAX = 8 * VARINT_SIZE_MAX };

static char *put_bytes(char *at, struct str bytes)
{
    at += varint_put(at, (int64_t)bytes.size);
    if (bytes.size > 0) {
        memcpy(at, bytes.data, bytes.size);
    }
    return at + bytes.size;
}

static char *put_optional(char *at, struct str bytes)
{
    if (bytes.data == NULL) {
        return at + varint_put(at, 0);
    }
    at += varint_put(at, 1);
    return put_bytes(at, bytes);
}

static size_t size_bound(const struct record *record)
{
    size_t size = NUMBERS_SIZE_MAX + record->key.size + record->value.size;

    for (size_t i = 0; i < record->header_count; i++) {
        size += record->headers[i].name.size + record->headers[i].value.size + 3 * VARINT_SIZE_MAX;
    }
    return size;
}

static char *put_headers(char *at, const struct record *record)
{
    if (record->header_count > 0) {
        at += varint_put(at, (int64_t)record->header_count);
    }
    for (size_t i = 0; i < record->header_count; i++) {
        at = put_bytes(at, record->headers[i].name);
        at = put_optional(at, record->headers[i].value);
    }
    return at + varint_put(at, 0);
}

void archive_record_put(struct piece *piece, const struct record *record)
{
    char *begin = piece_reserve(piece, size_bound(record));
    char *at = begin;

    at += varint_put(at, record->partition);
    at += varint_put(at, record->offset);
    at += varint_put(at, record->time_ms);
    at += varint_put(at, (int64_t)record->time_type);
    at = put_optional(at, record->key);
    at = put_optional(at, record->tombstone ? str_of(NULL, 0) : record->value);
    at = put_headers(at, record);
    piece->content_size += (size_t)(at - begin);
    CHECK(piece->content_size <= piece->content_room);
}

/* A union of null and bytes. Bytes of size 0 are not null. The position behind it, or NULL. */
static inline const uint8_t *take_optional(const uint8_t *p, const uint8_t *end,
                                           struct str *ret_bytes)
{
    if (p < end && *p == 2) { /* branch 1 */
        return sized(p + 1, end, ret_bytes);
    }
    *ret_bytes = str_of(NULL, 0);
    if (p < end && *p == 0) {
        return p + 1;
    }
    return NULL;
}

/* The head of a block of an array; *ret_count 0 ends it. */
static bool take_count(struct str *rest, int64_t *ret_count)
{
    int64_t size = -1;

    if (!varint_take(rest, ret_count) || *ret_count == INT64_MIN) {
        return false;
    }
    if (*ret_count < 0) {
        *ret_count = -*ret_count;
        return varint_take(rest, &size) && size >= 0;
    }
    return true;
}

static bool take_header(struct str *rest, struct record_header *ret_header)
{
    const uint8_t *p, *end;

    if (!varint_take_bytes(rest, &ret_header->name)) {
        return false;
    }
    p = (const uint8_t *)rest->data;
    end = p + rest->size;
    p = take_optional(p, end, &ret_header->value);
    if (p == NULL) {
        return false;
    }
    *rest = str_of((const char *)p, (size_t)(end - p));
    return true;
}

/* Each header has bytes of its own, so a count that lies is found out at the end of the block. */
static bool take_headers(struct str *rest, struct str *ret_headers)
{
    const char *begin = rest->data;
    int64_t count = 0;

    do {
        struct record_header header;

        for (; count > 0; count--) {
            if (!take_header(rest, &header)) {
                return false;
            }
        }
        if (!take_count(rest, &count)) {
            return false;
        }
    } while (count > 0);
    *ret_headers = str_of(begin, (size_t)(rest->data - begin));
    return true;
}

/* Partition and offset. */
static inline const uint8_t *take_place(const uint8_t *p, const uint8_t *end,
                                        struct archive_record *record)
{
    uint64_t partition, offset;

    p = varint(p, end, &partition);
    p = p != NULL ? varint(p, end, &offset) : NULL;
    if (p == NULL || zigzag(partition) < 0 || zigzag(partition) > INT32_MAX || zigzag(offset) < 0 ||
        zigzag(offset) == INT64_MAX) {
        return NULL;
    }
    record->partition = (int32_t)zigzag(partition);
    record->offset = zigzag(offset);
    return p;
}

static inline const uint8_t *take_time(const uint8_t *p, const uint8_t *end,
                                       struct archive_record *record)
{
    uint64_t time_ms, type;

    p = varint(p, end, &time_ms);
    p = p != NULL ? varint(p, end, &type) : NULL;
    if (p == NULL || zigzag(type) < 0 || zigzag(type) > RECORD_TIME_LOG_APPEND) {
        return NULL;
    }
    record->time_ms = zigzag(time_ms);
    record->time_type = (enum record_time_type)zigzag(type);
    return p;
}

/* This and the reader's check are all that stands between a block and the decoder: positions stay in registers, and nothing is copied. */
const char *archive_record_take(struct str *rest, struct archive_record *ret_record)
{
    const uint8_t *p = (const uint8_t *)rest->data, *end = p + rest->size;

    if ((p = take_place(p, end, ret_record)) == NULL) {
        return "has no coordinate";
    }
    if ((p = take_time(p, end, ret_record)) == NULL) {
        return "has no time stamp";
    }
    if ((p = take_optional(p, end, &ret_record->key)) == NULL) {
        return "has no sound key";
    }
    if ((p = take_optional(p, end, &ret_record->value)) == NULL) {
        return "has no sound value";
    }
    if (p < end && *p == 0) {
        ret_record->headers = str_of((const char *)p, 1); /* none, as nearly always */
        *rest = str_of((const char *)p + 1, (size_t)(end - p - 1));
        return NULL;
    }
    *rest = str_of((const char *)p, (size_t)(end - p));
    return take_headers(rest, &ret_record->headers) ? NULL : "has no sound headers";
}

bool archive_header_next(struct archive_header_walk *walk, struct record_header *ret_header)
{
    if (walk->left == 0 && (!take_count(&walk->rest, &walk->left) || walk->left == 0)) {
        return false;
    }
    walk->left--;
    return take_header(&walk->rest, ret_header);
}

struct record archive_record_view(const struct archive_record *record, uint32_t topic,
                                  const char *header)
{
    struct record view = {.topic = topic,
                          .partition = record->partition,
                          .offset = record->offset,
                          .time_ns = record_time_ns(record->time_ms),
                          .time_ms = record->time_ms,
                          .time_type = record->time_type,
                          .key = record->key,
                          .value = record->value,
                          .tombstone = record->value.data == NULL};
    struct archive_header_walk walk = archive_headers(record);
    struct record_header found;

    while (header != NULL && archive_header_next(&walk, &found)) {
        if (str_equal(found.name, STR(header))) {
            view.schema_header = found.value.data != NULL ? found.value : STR("");
        }
    }
    return view;
}
