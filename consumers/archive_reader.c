#include "consumers/archive_reader.h"

#include <inttypes.h>

/* A head may say anything; what is really there may be larger. */
enum { HINT_MAX = 64 * 1024 * 1024 };

enum err_code archive_reader_open(struct archive_reader *reader,
                                  const struct container_input *input, struct err *err)
{
    *reader = (struct archive_reader){.low_ms = INT64_MAX, .high_ms = INT64_MIN};
    if (container_open(&reader->container, input, (size_t)ARCHIVE_BLOCK_SIZE_MAX, err) != ERR_OK ||
        archive_head_read(&reader->container, &reader->head, err) != ERR_OK) {
        return err->code;
    }
    if (reader->head.block_size_max <= HINT_MAX) {
        reader->container.size_hint = (size_t)reader->head.block_size_max;
    }
    reader->next = reader->head.from;
    return ERR_OK;
}

void archive_reader_release(struct archive_reader *reader)
{
    container_release(&reader->container);
}

static enum err_code refuse(const struct archive_reader *reader, const char *what, struct err *err)
{
    return err_set(
        err, ERR_DATA, "the block at byte %" PRId64 ": record %" PRId64 " of %" PRId64 " %s",
        reader->block.at, reader->block.records - reader->left + 1, reader->block.records, what);
}

/* The totals of the head, at the end. */
static enum err_code check_totals(const struct archive_reader *reader, struct err *err)
{
    int64_t low =
        reader->low_ms <= reader->high_ms ? record_time_ns(reader->low_ms) : ARCHIVE_HEAD_NO_TIME;
    int64_t high =
        reader->low_ms <= reader->high_ms ? record_time_ns(reader->high_ms) : ARCHIVE_HEAD_NO_TIME;

    if (reader->damaged) {
        return ERR_OK;
    }
    if (reader->records != reader->head.records) {
        return err_set(err, ERR_DATA, "it holds %" PRId64 " records, its head says %" PRId64,
                       reader->records, reader->head.records);
    }
    if (low != reader->head.low_time_ns || high != reader->head.high_time_ns) {
        return err_set(err, ERR_DATA,
                       "its head does not name the lowest and the highest time stamp");
    }
    return ERR_OK;
}

/* The next block that has records. *ret_found false: there is none. */
static enum err_code next_block(struct archive_reader *reader, bool *ret_found, struct err *err)
{
    *ret_found = true;
    while (reader->left == 0 && *ret_found) {
        if (reader->rest.size > 0) {
            return err_set(err, ERR_DATA,
                           "the block at byte %" PRId64 " is longer than its records",
                           reader->block.at);
        }
        if (container_next(&reader->container, ret_found, &reader->block, err) != ERR_OK) {
            return err->code;
        }
        if (*ret_found) {
            reader->rest = reader->block.content;
            reader->left = reader->block.records;
        }
    }
    return ERR_OK;
}

/* Where a record has to stand that is read when `next` is the least offset. NULL, or what is wrong. */
static inline const char *check_place(const struct archive_head *head, int64_t next,
                                      int32_t partition, int64_t offset)
{
    if (partition != head->partition) {
        return "is of another partition";
    }
    if (offset < next) {
        return "stands before the range of the file, or before the one in front of it";
    }
    return offset < head->to ? NULL : "stands behind the range of the file";
}

/* Behind so many records that are sound; `next`: the offset behind the last one. */
static inline void pass(struct archive_reader *reader, const uint8_t *behind, const uint8_t *end,
                        int64_t count, int64_t next)
{
    reader->rest = str_of((const char *)behind, (size_t)(end - behind));
    reader->left -= count;
    reader->records += count;
    reader->next = next;
}

static inline void widen(int64_t *low_ms, int64_t *high_ms, int64_t time_ms)
{
    if (record_time_ns(time_ms) != INT64_MIN) {
        *low_ms = time_ms < *low_ms ? time_ms : *low_ms;
        *high_ms = time_ms > *high_ms ? time_ms : *high_ms;
    }
}

enum err_code archive_reader_next(struct archive_reader *reader, bool *ret_found,
                                  struct archive_record *ret_record, struct err *err)
{
    const uint8_t *p, *end;
    const char *complaint;

    if (next_block(reader, ret_found, err) != ERR_OK) {
        return err->code;
    }
    if (!*ret_found) {
        return check_totals(reader, err);
    }
    p = (const uint8_t *)reader->rest.data;
    end = p + reader->rest.size;
    p = archive_record_take(p, end, ret_record, &complaint);
    if (p != NULL) {
        complaint =
            check_place(&reader->head, reader->next, ret_record->partition, ret_record->offset);
    }
    if (complaint != NULL) {
        return refuse(reader, complaint, err);
    }
    pass(reader, p, end, 1, ret_record->offset + 1);
    widen(&reader->low_ms, &reader->high_ms, ret_record->time_ms);
    return ERR_OK;
}

enum err_code archive_reader_take(struct archive_reader *reader, const char *header,
                                  struct record *records, size_t room, size_t *ret_count,
                                  struct err *err)
{
    int64_t low_ms = reader->low_ms, high_ms = reader->high_ms, next = reader->next;
    const uint8_t *p, *behind, *end;
    const char *complaint = NULL;
    size_t count = 0;
    bool found;

    if (next_block(reader, &found, err) != ERR_OK) {
        return err->code;
    }
    *ret_count = 0;
    if (!found) {
        return check_totals(reader, err);
    }
    p = (const uint8_t *)reader->rest.data;
    end = p + reader->rest.size;
    room = (uint64_t)reader->left < room ? (size_t)reader->left : room;
    for (; count < room; count++, p = behind) {
        struct record *record = &records[count];

        behind = archive_record_take_next(p, end, header, &reader->guess, record, &complaint);
        if (behind == NULL || (complaint = check_place(&reader->head, next, record->partition,
                                                       record->offset)) != NULL) {
            break;
        }
        next = record->offset + 1;
        widen(&low_ms, &high_ms, record->time_ms);
    }
    pass(reader, p, end, (int64_t)count, next);
    reader->low_ms = low_ms;
    reader->high_ms = high_ms;
    *ret_count = count;
    return count > 0 ? ERR_OK : refuse(reader, complaint, err);
}

enum err_code archive_reader_pass_over(struct archive_reader *reader, int64_t *ret_skipped,
                                       struct err *err)
{
    bool inside = reader->left > 0 || reader->rest.size > 0;

    reader->damaged = true;
    reader->left = 0;
    reader->rest = str_of(NULL, 0);
    *ret_skipped = reader->container.at - reader->block.at;
    /* A block that could be unpacked ends where the next one begins. */
    return inside ? ERR_OK : container_resync(&reader->container, ret_skipped, err);
}
