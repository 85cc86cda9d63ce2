#include "jobs/pipeline/peek.h"

#include <inttypes.h>

#include "base/check.h"
#include "jobs/stop.h"

enum { POLL_MS = 100, PATIENCE_S = 60, TRIES_MAX = 4 };

static struct peek *find(struct peek *peeks, size_t count, const struct source_item *item)
{
    for (size_t i = 0; i < count; i++) {
        if (peeks[i].partition.topic == item->record.topic &&
            peeks[i].partition.partition == item->record.partition) {
            return &peeks[i];
        }
    }
    return NULL;
}

/* A broker that has just become the leader may not know better: it is asked again before a person is. */
static enum err_code take_expired(struct source *source, struct peek *peek, struct err *err)
{
    if (++peek->tries >= TRIES_MAX) {
        peek->sight = PEEK_EXPIRED;
        return ERR_OK;
    }
    if (source->stop(source, peek->partition, err) != ERR_OK) {
        return err->code;
    }
    return source->start(source, peek->partition, peek->offset, err);
}

static enum err_code take(struct source *source, struct peek *peek, const struct source_item *item,
                          struct err *err)
{
    switch (item->kind) {
    case SOURCE_RECORD:
        if (item->record.offset >= peek->offset) {
            peek->sight = PEEK_RECORD;
            peek->record_offset = item->record.offset;
            peek->record_time_ns = item->record.time_ns;
        }
        return ERR_OK;
    case SOURCE_END:
        peek->sight = PEEK_END;
        return ERR_OK;
    case SOURCE_EXPIRED:
        return take_expired(source, peek, err);
    case SOURCE_ASSIGNED:
    case SOURCE_REVOKED:
        break;
    }
    CHECK(!"a peek in a group");
    return ERR_OK;
}

static size_t waiting(const struct peek *peeks, size_t count)
{
    size_t left = 0;

    for (size_t i = 0; i < count; i++) {
        left += peeks[i].sight == PEEK_WAITING;
    }
    return left;
}

static enum err_code poll_once(struct source *source, struct peek *peeks, size_t count,
                               struct err *err)
{
    const struct source_item *items;
    size_t item_count;

    if (stop_requested() != 0) {
        return err_set(err, ERR_INTERRUPTED, "stopped while looking at records");
    }
    if (source->poll(source, POLL_MS * NS_PER_MS, &items, &item_count, err) != ERR_OK) {
        return err->code;
    }
    for (size_t i = 0; i < item_count; i++) {
        struct peek *peek = find(peeks, count, &items[i]);

        if (peek != NULL && peek->sight == PEEK_WAITING &&
            take(source, peek, &items[i], err) != ERR_OK) {
            return err->code;
        }
    }
    return ERR_OK;
}

static enum err_code wait_for_all(struct source *source, struct peek *peeks, size_t count,
                                  struct err *err)
{
    int64_t deadline_ns = clock_monotonic_ns(clock_system()) + PATIENCE_S * NS_PER_SECOND;

    while (waiting(peeks, count) > 0) {
        if (poll_once(source, peeks, count, err) != ERR_OK) {
            return err->code;
        }
        if (clock_monotonic_ns(clock_system()) > deadline_ns) {
            return err_set_retriable(err, ERR_BROKER,
                                     "the broker gave nothing of %zu partitions for %d s",
                                     waiting(peeks, count), (int)PATIENCE_S);
        }
    }
    return ERR_OK;
}

enum err_code peek_records(struct source *source, struct peek *peeks, size_t count, struct err *err)
{
    struct err ignored = ERR_INIT;
    size_t started = 0;
    enum err_code code = ERR_OK;

    while (started < count && code == ERR_OK) {
        peeks[started].sight = PEEK_WAITING;
        peeks[started].tries = 0;
        code = source->start(source, peeks[started].partition, peeks[started].offset, err);
        started += code == ERR_OK;
    }
    if (code == ERR_OK) {
        code = wait_for_all(source, peeks, count, err);
    }
    for (size_t i = 0; i < started; i++) {
        struct err *into = code == ERR_OK ? err : &ignored;
        enum err_code stopped = source->stop(source, peeks[i].partition, into);

        code = code == ERR_OK ? stopped : code;
    }
    return code;
}
