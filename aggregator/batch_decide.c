/* Undecided events: kept small until the commit, and the copy of a batch in which they are decided. */
#include <string.h>

#include "aggregator/batch_content.h"
#include "base/check.h"
#include "base/memory.h"

enum { KEY_TEXT_SIZE_MAX = 2 * (NAME_SIZE_MAX + (int)sizeof(int64_t)) };

static size_t put_int64(char *at, int64_t value)
{
    for (int i = 0; i < 8; i++) {
        at[i] = (char)((uint64_t)value >> (8 * i));
    }
    return sizeof(int64_t);
}

/* The size of the group before its name: no other group and id run together into the same bytes. */
static void make_key(struct str group, const struct event *event,
                     unsigned char ret_key[HASH_KEY_SIZE])
{
    char text[KEY_TEXT_SIZE_MAX];
    size_t size = put_int64(text, (int64_t)group.size);

    CHECK(group.size <= NAME_SIZE_MAX);
    CHECK(event->id.size <= NAME_SIZE_MAX);
    memcpy(text + size, group.data, group.size);
    size += group.size;
    size += put_int64(text + size, event->time_ns);
    memcpy(text + size, event->id.data, event->id.size);
    size += event->id.size;
    hash_key(str_of(text, size), ret_key);
}

static struct batch_event *event_slot(struct batch *batch)
{
    if (batch->event_count == batch->event_capacity) {
        batch->event_capacity = batch->event_capacity == 0 ? 256 : batch->event_capacity * 2;
        batch->events =
            memory_resize(batch->events, batch->event_capacity, sizeof(batch->events[0]));
    }
    return &batch->events[batch->event_count++];
}

/* Apart from batch_add_event, which most of the time has nothing to keep. */
__attribute__((noinline)) void batch_defer(struct batch *batch,
                                           const struct batch_partition *partition,
                                           const struct coordinate *at, const struct event *event)
{
    struct intern *names = &batch->event_names;
    struct batch_event *kept = event_slot(batch);

    *kept = (struct batch_event){.partition = partition,
                                 .offset = at->offset,
                                 .record_time_ns =
                                     at->time_ns != INT64_MIN ? at->time_ns : event->time_ns,
                                 .time_ns = event->time_ns,
                                 .service = intern_add(names, event->service),
                                 .kind = (uint8_t)event->kind,
                                 .outcome = (uint8_t)event->outcome};
    if (event->kind == EVENT_REQUEST) {
        kept->request.customer = intern_add(names, event->customer);
        kept->request.latency_ns = event->latency_ns;
        kept->request.latency_threshold_ns = event->latency_threshold_ns;
        kept->request.weight = event->weight;
        kept->request.wanted = event->wanted;
    } else {
        kept->check.instance = intern_add(names, event->instance);
        kept->check.region = intern_add(names, event->region);
        kept->check.checker = intern_add(names, event->checker);
        kept->check.interval_ns = event->interval_ns;
    }
    make_key(partition->group, event, kept->key);
}

/* The event again, without its id: that is in the key. Names are borrowed from the batch. */
static struct event restore(const struct batch *batch, const struct batch_event *kept)
{
    const struct intern *names = &batch->event_names;
    struct event event = {.kind = (enum event_kind)kept->kind,
                          .outcome = (enum outcome)kept->outcome,
                          .time_ns = kept->time_ns,
                          .service = intern_name(names, kept->service)};

    if (event.kind == EVENT_REQUEST) {
        event.customer = intern_name(names, kept->request.customer);
        event.latency_ns = kept->request.latency_ns;
        event.latency_threshold_ns = kept->request.latency_threshold_ns;
        event.weight = kept->request.weight;
        event.wanted = kept->request.wanted;
    } else {
        event.instance = intern_name(names, kept->check.instance);
        event.region = intern_name(names, kept->check.region);
        event.checker = intern_name(names, kept->check.checker);
        event.interval_ns = kept->check.interval_ns;
    }
    return event;
}

/* Names stay with the original, which outlives the copy; exclusions are freed with it. */
static struct batch_partition *copy_partition(const struct batch_partition *partition)
{
    struct batch_partition *copy = memory_alloc(sizeof(*copy));

    *copy = *partition;
    copy->activity = NULL; /* points into the tallies of the original, ... */
    copy->recents = NULL;  /* ... and so did these */
    copy->recent_count = copy->recent_reach = 0;
    copy->exclusions = memory_calloc(copy->exclusion_count, sizeof(copy->exclusions[0]));
    if (copy->exclusion_count > 0) {
        memcpy(copy->exclusions, partition->exclusions,
               copy->exclusion_count * sizeof(copy->exclusions[0]));
    }
    return copy;
}

static struct batch *copy_counted(const struct batch *batch)
{
    struct batch *copy = batch_new(0);

    CHECK(batch->settled);
    copy->partitions = memory_calloc(batch->partition_count, sizeof(copy->partitions[0]));
    copy->partition_count = batch->partition_count;
    for (size_t i = 0; i < batch->partition_count; i++) {
        copy->partitions[i] = copy_partition(batch->partitions[i]);
    }
    for (size_t i = 0; i < batch->entry_count; i++) {
        batch_merge_entry(copy, &batch->entries[i]);
    }
    copy->dead_letters = batch->dead_letters;
    copy->dead_letter_count = batch->dead_letter_count;
    copy->records = batch->records;
    copy->has_id = batch->has_id;
    memcpy(copy->id, batch->id, sizeof(copy->id));
    return copy;
}

/* Which of two copies was counted shall not be seen in the windows: a duplicate widens their offset ranges like the event itself. So any
 * order of batches gives the same bytes, and who reads again between the offsets meets all copies. */
static void decide(struct batch *decided, const struct batch *batch, const struct batch_event *kept,
                   bool duplicate)
{
    struct batch_partition *partition =
        batch_partition_get(decided, kept->partition->stream_id, kept->partition->partition);
    struct coordinate at = {.stream_id = partition->stream_id,
                            .partition = partition->partition,
                            .offset = kept->offset,
                            .time_ns = kept->record_time_ns};
    struct event event = restore(batch, kept);

    partition->undecided--;
    if (duplicate) {
        partition->duplicate++;
        batch_touch(decided, &at, &event);
    } else {
        partition->tallied++;
        batch_tally(decided, partition, &at, &event);
    }
}

struct batch *batch_decide(const struct batch *batch, const bool *duplicates)
{
    struct batch *decided = copy_counted(batch);

    for (size_t i = 0; i < batch->event_count; i++) {
        decide(decided, batch, &batch->events[i], duplicates[i]);
    }
    batch_check(decided);
    return decided;
}

void batch_decided_free(struct batch *decided)
{
    if (decided != NULL) {
        decided->dead_letters = NULL; /* borrowed */
        decided->dead_letter_count = 0;
        batch_free(decided);
    }
}
