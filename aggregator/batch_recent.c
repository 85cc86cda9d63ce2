/* Where the events of a partition went last; batch_content.h says what a recent is. */
#include <string.h>

#include "aggregator/batch_content.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"

/* Of a partition, all powers of two; services beyond them take turns. */
enum { COUNT_MIN = 16, COUNT_MAX = 4096, COUNT_OF_BATCH = 128 * 1024 };

static void settle_minute(struct batch_recent *recent)
{
    window_minute_add(window_tally_touch(recent->tally, tally_minute(recent->minute_ns)),
                      &recent->counts);
    recent->counts = (struct window_minute){.records = 0};
}

/* This and what else is seldom stays outside of batch_recent_add, which is short and often. */
__attribute__((noinline)) static void settle_latencies(struct batch *batch,
                                                       struct batch_recent *recent)
{
    size_t before = batch_tally_size(recent->tally);

    histogram_add_places(&recent->tally->latency, recent->latencies, recent->latency_count);
    recent->latency_count = 0;
    batch->heap_size += batch_tally_size(recent->tally) - before;
}

static void settle(struct batch *batch, const struct batch_partition *partition,
                   struct batch_recent *recent)
{
    struct window_tally *tally = recent->tally;
    struct coordinate at = {.stream_id = partition->stream_id, .partition = partition->partition};

    settle_minute(recent);
    settle_latencies(batch, recent);
    at.offset = recent->low;
    batch_add_range(batch, &tally->ranges, &tally->range_count, &at);
    at.offset = recent->high;
    batch_add_range(batch, &tally->ranges, &tally->range_count, &at);
    recent->service = 0;
}

static void settle_all(struct batch *batch, const struct batch_partition *partition)
{
    for (uint32_t i = 0; i < partition->recent_count; i++) {
        if (partition->recents[i].service != 0) {
            settle(batch, partition, &partition->recents[i]);
        }
    }
}

void batch_settle(struct batch *batch)
{
    for (size_t i = 0; i < batch->partition_count && !batch->settled; i++) {
        settle_all(batch, batch->partitions[i]);
    }
    batch->settled = true;
}

int64_t batch_recent_records(const struct batch_partition *partition)
{
    int64_t records = 0;

    for (uint32_t i = 0; i < partition->recent_count; i++) {
        records += partition->recents[i].counts.records;
    }
    return records;
}

/* The more partitions there are, the fewer recents each may have. */
static uint32_t count_max(const struct batch *batch)
{
    uint32_t count = COUNT_MAX;

    while (count > COUNT_MIN && count * batch->partition_count > COUNT_OF_BATCH) {
        count /= 2;
    }
    return count;
}

/* A place for the number of a service, or turns if there are too many of them. */
__attribute__((noinline)) static void grow(struct batch *batch, struct batch_partition *partition,
                                           uint32_t number)
{
    uint32_t max = count_max(batch);
    uint32_t count = partition->recent_count == 0 ? COUNT_MIN : partition->recent_count;

    while (count < max && count <= number) {
        count *= 2;
    }
    settle_all(batch, partition);
    memory_free(partition->recents);
    partition->recents = memory_calloc(count, sizeof(*partition->recents));
    partition->recent_count = count;
    partition->recent_reach = count < max ? count : UINT32_MAX;
}

/* Another service, another minute, or another hour. */
__attribute__((noinline)) static void turn(struct batch *batch,
                                           const struct batch_partition *partition,
                                           struct batch_recent *recent, const struct coordinate *at,
                                           const struct event *event)
{
    if (recent->service == event->service_number &&
        tally_hour(recent->minute_ns) == partition->hour) {
        settle_minute(recent);
    } else {
        if (recent->service != 0) {
            settle(batch, partition, recent);
        }
        batch->settled = false;
        recent->service = event->service_number;
        recent->tally = batch_window_of(batch, event);
        recent->low = at->offset;
    }
    recent->minute_ns = partition->minute_ns;
}

/* What a recent has no place for: a latency of several requests, and particulars. */
__attribute__((noinline)) static void add_rest(struct batch *batch, struct window_tally *tally,
                                               const struct event *event)
{
    size_t before = batch_tally_size(tally);

    if (event->weight != 1 && event->latency_ns != LATENCY_UNKNOWN) {
        histogram_add(&tally->latency, event->latency_ns, event->weight);
    }
    if (event->wanted != NULL) {
        particulars_add(&tally->particulars, event);
    }
    batch->heap_size += batch_tally_size(tally) - before;
}

void batch_recent_add(struct batch *batch, struct batch_partition *partition,
                      const struct coordinate *at, const struct event *event)
{
    uint32_t number = event->service_number;
    struct batch_recent *recent;

    if (number >= partition->recent_reach) {
        grow(batch, partition, number);
    }
    recent = &partition->recents[number & (partition->recent_count - 1)];
    if (recent->service != number || recent->minute_ns != partition->minute_ns) {
        turn(batch, partition, recent, at, event);
    }
    recent->high = at->offset;
    window_minute_add_event(&recent->counts, event);
    if (event->weight == 1 && event->latency_ns != LATENCY_UNKNOWN) {
        recent->latencies[recent->latency_count++] = histogram_place(event->latency_ns);
        if (recent->latency_count == BATCH_RECENT_LATENCIES) {
            settle_latencies(batch, recent);
        }
    }
    if (event->weight != 1 || event->wanted != NULL) {
        add_rest(batch, recent->tally, event);
    }
}
