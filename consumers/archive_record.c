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

/* Positions stay in registers, and nothing is copied. */
const uint8_t *archive_record_take(const uint8_t *p, const uint8_t *end,
                                   struct archive_record *ret_record, const char **ret_complaint)
{
    struct str rest;

    *ret_complaint = "has no coordinate";
    if ((p = take_place(p, end, ret_record)) == NULL) {
        return NULL;
    }
    *ret_complaint = "has no time stamp";
    if ((p = take_time(p, end, ret_record)) == NULL) {
        return NULL;
    }
    *ret_complaint = "has no sound key";
    if ((p = take_optional(p, end, &ret_record->key)) == NULL) {
        return NULL;
    }
    *ret_complaint = "has no sound value";
    if ((p = take_optional(p, end, &ret_record->value)) == NULL) {
        return NULL;
    }
    *ret_complaint = "has no sound headers";
    rest = str_of((const char *)p, (size_t)(end - p));
    return take_headers(&rest, &ret_record->headers) ? (const uint8_t *)rest.data : NULL;
}

/* --- records in a row --- */

enum {
    GUESS_ROOM = 2 * sizeof(uint64_t),
    TIME_FREE_BITS = 20, /* of a time stamp may be any: a quarter of an hour */
    TIME_SIZE_MIN = 3,   /* bytes that hold them, and the sign below */
    TIME_SIZE_MAX = 6    /* type and branch of the key stand in the same word */
};
#define TIME_FREE_MASK UINT64_C(0x7f7f7e) /* where those bits stand */

static uint64_t mask_of(size_t size)
{
    return size < 8 ? (UINT64_C(1) << 8 * size) - 1 : UINT64_MAX;
}

static void guess_place(struct archive_record_guess *guess, int32_t partition, int64_t offset)
{
    char bytes[2 * VARINT_SIZE_MAX] = {0};
    size_t at = varint_put(bytes, partition);
    size_t size = at + varint_put(bytes + at, offset);

    guess->place_size = size <= 8 ? (uint8_t)size : 0;
    guess->offset_at = (uint8_t)at;
    guess->partition = partition;
    guess->offset = offset;
    guess->place_mask = mask_of(size);
    memcpy(&guess->place, bytes, 8);
}

static void guess_time(struct archive_record_guess *guess, const struct archive_record *record)
{
    char bytes[2 * VARINT_SIZE_MAX] = {0};
    size_t size = varint_put(bytes, record->time_ms);

    guess->time_size = 0;
    if (size < TIME_SIZE_MIN || size > TIME_SIZE_MAX || record->time_ms < 0 ||
        record->key.data == NULL) {
        return;
    }
    bytes[size++] = (char)(2 * record->time_type);
    bytes[size++] = 2;
    guess->time_size = (uint8_t)size;
    guess->time_base = record->time_ms >> TIME_FREE_BITS << TIME_FREE_BITS;
    guess->time_type = record->time_type;
    guess->time_mask = mask_of(size) & ~TIME_FREE_MASK;
    memcpy(&guess->time, bytes, 8);
    guess->time &= guess->time_mask;
}

/* Only where words have their low bytes first. */
static void guess_all(struct archive_record_guess *guess, const struct archive_record *record)
{
    guess_place(guess, record->partition, record->offset + 1);
    guess_time(guess, record);
    if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ || guess->time_size == 0) {
        guess->place_size = 0;
    }
}

/* The next offset: its first byte holds six bits of it, above the sign. */
static inline void guess_on(struct archive_record_guess *guess)
{
    unsigned shift = 8 * (unsigned)guess->offset_at;

    if ((guess->place >> shift & 0x7e) == 0x7e) {
        guess_place(guess, guess->partition, guess->offset + 1);
        return;
    }
    guess->place += UINT64_C(2) << shift;
    guess->offset++;
}

/* Bytes behind their size, which is less than 8 KiB as a rule; NULL also if it is not. */
static inline const uint8_t *sized_short(const uint8_t *p, const uint8_t *end,
                                         struct str *ret_bytes)
{
    uint64_t length;

    if (end - p < 2) {
        return NULL;
    }
    length = *p++;
    if (length >= 0x80) {
        if (*p >= 0x80) {
            return NULL;
        }
        length = (length & 0x7f) | (uint64_t)*p++ << 7;
    }
    return bytes_of(p, end, length, ret_bytes);
}

/* The position behind the record; NULL: it is another one. */
__attribute__((always_inline)) static inline const uint8_t *take_guessed(
    const uint8_t *p, const uint8_t *end, struct archive_record_guess *guess, struct record *record)
{
    struct str key, value;
    uint64_t place, time;
    int64_t time_ms;

    if (guess->place_size == 0 || end - p < GUESS_ROOM) {
        return NULL;
    }
    memcpy(&place, p, 8);
    memcpy(&time, p + guess->place_size, 8);
    if ((((place ^ guess->place) & guess->place_mask) |
         ((time ^ guess->time) & guess->time_mask)) != 0) {
        return NULL;
    }
    p = sized_short(p + guess->place_size + guess->time_size, end, &key);
    if (p == NULL || p == end || *p != 2) {
        return NULL;
    }
    p = sized_short(p + 1, end, &value);
    if (p == NULL || p == end || *p != 0) {
        return NULL;
    }
    time_ms = guess->time_base |
              (int64_t)((time & 0x7e) >> 1 | (time & 0x7f00) >> 2 | (time & 0x7f0000) >> 3);
    record->topic = 0;
    record->partition = guess->partition;
    record->offset = guess->offset;
    record->time_ns = record_time_ns(time_ms);
    record->key = key;
    record->value = value;
    record->tombstone = false;
    record->schema_header = str_of(NULL, 0);
    record->time_ms = time_ms;
    record->time_type = guess->time_type;
    record->headers = NULL;
    record->header_count = 0;
    guess_on(guess);
    return p + 1;
}

const uint8_t *archive_record_take_next(const uint8_t *p, const uint8_t *end, const char *header,
                                        struct archive_record_guess *guess,
                                        struct record *ret_record, const char **ret_complaint)
{
    const uint8_t *behind = take_guessed(p, end, guess, ret_record);
    struct archive_record kept;

    if (__builtin_expect(behind != NULL, 1)) {
        return behind;
    }
    behind = archive_record_take(p, end, &kept, ret_complaint);
    if (behind != NULL) {
        *ret_record = archive_record_view(&kept, 0, header);
        guess_all(guess, &kept);
    }
    return behind;
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
