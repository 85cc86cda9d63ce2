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

/* A union of null and bytes. Bytes of size 0 are not null. */
static bool take_optional(struct str *rest, struct str *ret_bytes)
{
    int64_t branch;

    *ret_bytes = str_of(NULL, 0);
    if (!varint_take(rest, &branch) || (branch != 0 && branch != 1)) {
        return false;
    }
    return branch == 0 || varint_take_bytes(rest, ret_bytes);
}

/* The head of a block of an array; *ret_count 0 ends it. */
static bool take_count(struct str *rest, int64_t *ret_count)
{
    int64_t size;

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
    return varint_take_bytes(rest, &ret_header->name) && take_optional(rest, &ret_header->value);
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

const char *archive_record_take(struct str *rest, struct archive_record *ret_record)
{
    int64_t partition, type;

    if (!varint_take(rest, &partition) || partition < 0 || partition > INT32_MAX ||
        !varint_take(rest, &ret_record->offset) || ret_record->offset < 0 ||
        ret_record->offset == INT64_MAX) {
        return "has no coordinate";
    }
    if (!varint_take(rest, &ret_record->time_ms) || !varint_take(rest, &type) || type < 0 ||
        type > RECORD_TIME_LOG_APPEND) {
        return "has no time stamp";
    }
    ret_record->partition = (int32_t)partition;
    ret_record->time_type = (enum record_time_type)type;
    if (!take_optional(rest, &ret_record->key)) {
        return "has no sound key";
    }
    if (!take_optional(rest, &ret_record->value)) {
        return "has no sound value";
    }
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
