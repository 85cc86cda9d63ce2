#include "aggregator/batch.h"

#include <string.h>

#include "aggregator/batch_content.h"
#include "base/check.h"
#include "base/memory.h"

enum { SLOTS_MIN = 256 };

struct batch *batch_new(size_t dead_letter_bytes_max)
{
    struct batch *batch = memory_calloc(1, sizeof(*batch));

    intern_init(&batch->names);
    intern_init(&batch->event_names);
    batch->slot_count = SLOTS_MIN;
    batch->slots = memory_calloc(batch->slot_count, sizeof(batch->slots[0]));
    batch->dead_letter_bytes_max = dead_letter_bytes_max;
    return batch;
}

static void partition_restart(struct batch_partition *partition)
{
    struct batch_recent *recent = partition->recent;

    memory_free(partition->exclusions);
    if (recent != NULL) {
        memset(recent, 0, BATCH_RECENT_COUNT * sizeof(*recent));
    }
    *partition = (struct batch_partition){.stream_id = partition->stream_id,
                                          .partition = partition->partition,
                                          .topic = partition->topic,
                                          .config_digest = partition->config_digest,
                                          .group = partition->group,
                                          .destination = partition->destination,
                                          .recent = recent,
                                          .from = partition->to,
                                          .to = partition->to};
}

static void partition_free(struct batch_partition *partition)
{
    memory_free(partition->exclusions);
    memory_free(partition->recent);
    memory_free(partition);
}

void batch_clear(struct batch *batch)
{
    for (size_t i = 0; i < batch->entry_count; i++) {
        tally_release(batch->entries[i].key.kind, batch->entries[i].tally);
    }
    for (size_t i = 0; i < batch->partition_count; i++) {
        partition_restart(batch->partitions[i]);
    }
    memset(batch->slots, 0, batch->slot_count * sizeof(batch->slots[0]));
    batch->entry_count = 0;
    batch->dead_letter_count = 0;
    batch->event_count = 0;
    intern_release(&batch->event_names);
    intern_init(&batch->event_names);
    batch->records = 0;
    batch->heap_size = 0;
    batch->has_id = false;
    batch->in_doubt = false;
    arena_clear(&batch->arena);
}

void batch_free(struct batch *batch)
{
    if (batch == NULL) {
        return;
    }
    batch_clear(batch);
    for (size_t i = 0; i < batch->partition_count; i++) {
        partition_free(batch->partitions[i]);
    }
    memory_free(batch->partitions);
    memory_free(batch->entries);
    memory_free(batch->slots);
    memory_free(batch->dead_letters);
    memory_free(batch->events);
    intern_release(&batch->names);
    intern_release(&batch->event_names);
    arena_release(&batch->arena);
    memory_free(batch);
}

/* Where the partition stands or belongs in the sorted array. */
static size_t partition_place(const struct batch *batch, int64_t stream_id, int32_t partition)
{
    size_t low = 0;
    size_t high = batch->partition_count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct batch_partition *p = batch->partitions[middle];

        if (p->stream_id < stream_id || (p->stream_id == stream_id && p->partition < partition)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct batch_partition *partition_find(const struct batch *batch, int64_t stream_id,
                                              int32_t partition)
{
    size_t place = partition_place(batch, stream_id, partition);
    struct batch_partition *found;

    if (place == batch->partition_count) {
        return NULL;
    }
    found = batch->partitions[place];
    return found->stream_id == stream_id && found->partition == partition ? found : NULL;
}

/* Naming a partition that was not begun is a bug of the caller. */
struct batch_partition *batch_partition_get(const struct batch *batch, int64_t stream_id,
                                            int32_t partition)
{
    struct batch_partition *found = partition_find(batch, stream_id, partition);

    CHECK(found != NULL);
    return found;
}

void batch_begin_partition(struct batch *batch, int64_t stream_id, struct str topic,
                           struct str config_digest, int32_t partition, int64_t next_offset)
{
    size_t place = partition_place(batch, stream_id, partition);
    struct batch_partition *added = memory_calloc(1, sizeof(*added));

    CHECK(!batch->in_doubt);
    CHECK(next_offset >= 0);
    CHECK(partition >= 0);
    CHECK(partition_find(batch, stream_id, partition) == NULL);
    added->stream_id = stream_id;
    added->partition = partition;
    added->topic = intern_name(&batch->names, intern_add(&batch->names, topic));
    added->config_digest = intern_name(&batch->names, intern_add(&batch->names, config_digest));
    added->from = next_offset;
    added->to = next_offset;
    batch->partitions =
        memory_resize(batch->partitions, batch->partition_count + 1, sizeof(batch->partitions[0]));
    memmove(batch->partitions + place + 1, batch->partitions + place,
            (batch->partition_count - place) * sizeof(batch->partitions[0]));
    batch->partitions[place] = added;
    batch->partition_count++;
}

void batch_set_group(struct batch *batch, int64_t stream_id, int32_t partition, struct str group)
{
    struct batch_partition *member = batch_partition_get(batch, stream_id, partition);

    CHECK(group.size > 0);
    CHECK(group.size <= NAME_SIZE_MAX);
    member->group = intern_name(&batch->names, intern_add(&batch->names, group));
}

void batch_set_destination(struct batch *batch, int64_t stream_id, int32_t partition,
                           struct str destination)
{
    struct batch_partition *member = batch_partition_get(batch, stream_id, partition);

    CHECK(destination.size > 0);
    CHECK(destination.size <= NAME_SIZE_MAX);
    member->destination = intern_name(&batch->names, intern_add(&batch->names, destination));
}

void batch_end_partition(struct batch *batch, int64_t stream_id, int32_t partition)
{
    struct batch_partition *ended = batch_partition_get(batch, stream_id, partition);
    size_t place = partition_place(batch, stream_id, partition);

    CHECK(batch_empty(batch));
    if (batch->last == ended) {
        batch->last = NULL;
    }
    partition_free(ended);
    batch->partition_count--;
    memmove(batch->partitions + place, batch->partitions + place + 1,
            (batch->partition_count - place) * sizeof(batch->partitions[0]));
}

struct batch_partition *batch_deliver(struct batch *batch, const struct coordinate *at)
{
    struct batch_partition *partition = batch->last;

    CHECK(!batch->in_doubt);
    if (partition == NULL || partition->partition != at->partition ||
        partition->stream_id != at->stream_id) {
        partition = batch_partition_get(batch, at->stream_id, at->partition);
        batch->last = partition;
    }
    CHECK(at->offset >= partition->to);
    partition->absent += at->offset - partition->to;
    if (partition->delivered == 0) {
        partition->first_time_ns = at->time_ns;
    }
    partition->last_time_ns = at->time_ns;
    partition->last_offset = at->offset;
    partition->delivered++;
    partition->to = at->offset + 1;
    batch->records++;
    return partition;
}

static uint64_t key_hash(const struct tally_key *key)
{
    const uint64_t k = UINT64_C(0x9e3779b97f4a7c15);
    const struct str *names[] = {&key->b, &key->c, &key->d};
    uint64_t hash = (str_hash(key->a) + (uint64_t)key->hour) * k + (uint64_t)key->kind;

    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        hash = (hash ^ (hash >> 31)) * k;
        hash ^= names[i]->size > 0 ? str_hash(*names[i]) : 0;
    }
    return hash ^ (hash >> 29);
}

static bool key_equal(const struct tally_key *x, const struct tally_key *y)
{
    return x->hour == y->hour && x->kind == y->kind && str_equal(x->a, y->a) &&
           str_equal(x->b, y->b) && str_equal(x->c, y->c) && str_equal(x->d, y->d);
}

static size_t entry_slot(const struct batch *batch, uint64_t hash, const struct tally_key *key)
{
    size_t mask = batch->slot_count - 1;
    size_t slot = (size_t)hash & mask;

    while (batch->slots[slot] != 0) {
        const struct batch_entry *entry = &batch->entries[batch->slots[slot] - 1];

        if (entry->hash == hash && key_equal(&entry->key, key)) {
            break;
        }
        slot = (slot + 1) & mask;
    }
    return slot;
}

static void slots_grow(struct batch *batch)
{
    memory_free(batch->slots);
    batch->slot_count *= 2;
    batch->slots = memory_calloc(batch->slot_count, sizeof(batch->slots[0]));
    for (size_t i = 0; i < batch->entry_count; i++) {
        const struct batch_entry *entry = &batch->entries[i];

        batch->slots[entry_slot(batch, entry->hash, &entry->key)] = (uint32_t)(i + 1);
    }
}

static struct batch_entry *entry_add(struct batch *batch, uint64_t hash,
                                     const struct tally_key *key)
{
    struct batch_entry *entry;

    if (batch->entry_count >= batch->slot_count / 2) {
        slots_grow(batch);
    }
    if (batch->entry_count == batch->entry_capacity) {
        batch->entry_capacity = batch->entry_capacity == 0 ? 64 : batch->entry_capacity * 2;
        batch->entries =
            memory_resize(batch->entries, batch->entry_capacity, sizeof(batch->entries[0]));
    }
    batch->slots[entry_slot(batch, hash, key)] = (uint32_t)(batch->entry_count + 1);
    entry = &batch->entries[batch->entry_count++];
    *entry = (struct batch_entry){.hash = hash,
                                  .key = {.kind = key->kind,
                                          .a = arena_str(&batch->arena, key->a),
                                          .b = arena_str(&batch->arena, key->b),
                                          .c = arena_str(&batch->arena, key->c),
                                          .d = arena_str(&batch->arena, key->d),
                                          .hour = key->hour},
                                  .tally = arena_alloc(&batch->arena, sizeof(struct tally))};
    return entry;
}

/* Borrowed until the next entry is added. */
static struct batch_entry *entry_get(struct batch *batch, const struct tally_key *key)
{
    uint64_t hash = key_hash(key);
    size_t slot = entry_slot(batch, hash, key);

    if (batch->slots[slot] != 0) {
        return &batch->entries[batch->slots[slot] - 1];
    }
    return entry_add(batch, hash, key);
}

static struct tally *activity_get(struct batch *batch, const char *kind, struct str name,
                                  int64_t hour)
{
    struct tally_key key = {.kind = TALLY_ACTIVITY, .a = STR(kind), .b = name, .hour = hour};

    return entry_get(batch, &key)->tally;
}

static void add_topic_activity(struct batch *batch, struct batch_partition *partition, int64_t hour,
                               int minute)
{
    if (partition->activity == NULL || partition->activity_hour != hour) {
        partition->activity = activity_get(batch, "topic", partition->topic, hour);
        partition->activity_hour = hour;
    }
    partition->activity->activity.minutes |= UINT64_C(1) << minute;
}

static struct tally_key tally_key_of(const struct event *event)
{
    int64_t hour = tally_hour(event->time_ns);

    if (event->kind == EVENT_REQUEST) {
        return (struct tally_key){
            .kind = TALLY_WINDOW, .a = event->service, .b = event->customer, .hour = hour};
    }
    return (struct tally_key){.kind = TALLY_CHECK,
                              .a = event->service,
                              .b = event->instance,
                              .c = event->region,
                              .d = event->checker,
                              .hour = hour};
}

static void add_range(struct batch *batch, struct offset_range **ranges, size_t *range_count,
                      const struct coordinate *at)
{
    size_t before = *range_count;

    offset_ranges_add(ranges, range_count, at->stream_id, at->partition, at->offset);
    batch->heap_size += (*range_count - before) * sizeof(struct offset_range);
}

static struct batch_recent *recent_get(struct batch *batch, struct batch_partition *partition,
                                       const struct event *event, int64_t hour)
{
    struct batch_recent *recent;

    if (partition->recent == NULL) {
        partition->recent = memory_calloc(BATCH_RECENT_COUNT, sizeof(*partition->recent));
    }
    recent = &partition->recent[event->service_number % BATCH_RECENT_COUNT];
    if (recent->service != event->service_number || recent->hour != hour) {
        struct tally_key key = tally_key_of(event);

        *recent = (struct batch_recent){.service = event->service_number,
                                        .hour = hour,
                                        .tally = &entry_get(batch, &key)->tally->window};
    }
    return recent;
}

static bool range_is_of(const struct window_tally *tally, uint32_t index,
                        const struct coordinate *at)
{
    return index < tally->range_count && tally->ranges[index].stream_id == at->stream_id &&
           tally->ranges[index].partition == at->partition;
}

/* As add_range, for offsets that follow each other. */
static void widen_recent(struct batch *batch, struct batch_recent *recent,
                         const struct coordinate *at)
{
    struct window_tally *tally = recent->tally;

    if (!range_is_of(tally, recent->range, at)) {
        add_range(batch, &tally->ranges, &tally->range_count, at);
        for (recent->range = 0; !range_is_of(tally, recent->range, at);) {
            recent->range++;
        }
    }
    if (tally->ranges[recent->range].high < at->offset) {
        tally->ranges[recent->range].high = at->offset;
    }
}

static void add_to_window(struct batch *batch, struct window_tally *tally,
                          const struct event *event)
{
    int32_t buckets = tally->latency.size;
    size_t particulars = event->wanted != NULL ? particulars_size(&tally->particulars) : 0;

    window_tally_add(tally, event);
    if (event->wanted != NULL) {
        batch->heap_size += particulars_size(&tally->particulars) - particulars;
    }
    batch->heap_size += (size_t)(tally->latency.size - buckets) * sizeof(int64_t);
}

static void add_request(struct batch *batch, struct batch_partition *partition,
                        const struct coordinate *at, const struct event *event)
{
    struct tally_key key;
    struct window_tally *tally;

    if (event->service_number != 0 && event->customer.size == 0) {
        struct batch_recent *recent =
            recent_get(batch, partition, event, tally_hour(event->time_ns));

        add_to_window(batch, recent->tally, event);
        widen_recent(batch, recent, at);
        return;
    }
    key = tally_key_of(event);
    tally = &entry_get(batch, &key)->tally->window;
    add_to_window(batch, tally, event);
    add_range(batch, &tally->ranges, &tally->range_count, at);
}

static void add_check(struct batch *batch, const struct coordinate *at, const struct event *event,
                      int minute)
{
    struct tally_key key = tally_key_of(event);
    struct batch_entry *entry = entry_get(batch, &key);
    struct check_tally *tally = &entry->tally->check;

    check_tally_add(tally, event);
    add_range(batch, &tally->ranges, &tally->range_count, at);
    /* An instance that reports itself has no checker whose silence could be told from its own. */
    if (event->checker.size == 0) {
        return;
    }
    if (entry->checker_activity == NULL) {
        struct tally *activity = activity_get(batch, "checker", event->checker, key.hour);

        entry = entry_get(batch, &key); /* the array may have moved */
        entry->checker_activity = activity;
    }
    entry->checker_activity->activity.minutes |= UINT64_C(1) << minute;
}

void batch_tally(struct batch *batch, struct batch_partition *partition,
                 const struct coordinate *at, const struct event *event)
{
    int minute = tally_minute(event->time_ns);

    CHECK(event->service.size > 0);
    add_topic_activity(batch, partition, tally_hour(event->time_ns), minute);
    if (event->kind == EVENT_REQUEST) {
        add_request(batch, partition, at, event);
    } else {
        add_check(batch, at, event, minute);
    }
}

void batch_touch(struct batch *batch, const struct coordinate *at, const struct event *event)
{
    struct tally_key key = tally_key_of(event);
    struct tally *tally = entry_get(batch, &key)->tally;

    if (key.kind == TALLY_WINDOW) {
        add_range(batch, &tally->window.ranges, &tally->window.range_count, at);
    } else {
        add_range(batch, &tally->check.ranges, &tally->check.range_count, at);
    }
}

void batch_merge_entry(struct batch *batch, const struct batch_entry *entry)
{
    tally_merge(entry->key.kind, entry_get(batch, &entry->key)->tally, entry->tally);
}

void batch_add_event(struct batch *batch, const struct coordinate *at, const struct event *event)
{
    struct batch_partition *partition = batch_deliver(batch, at);

    if (partition->group.size > 0 && event->id.size > 0) {
        partition->undecided++;
        batch_defer(batch, partition, at, event);
        return;
    }
    partition->tallied++;
    batch_tally(batch, partition, at, event);
}

void batch_advance(struct batch *batch, int64_t stream_id, int32_t partition, int64_t to)
{
    struct batch_partition *advanced = batch_partition_get(batch, stream_id, partition);

    CHECK(!batch->in_doubt);
    if (to > advanced->to) {
        advanced->absent += to - advanced->to;
        advanced->to = to;
    }
}

void batch_lose(struct batch *batch, int64_t stream_id, int32_t partition, int64_t to,
                int64_t from_ns, int64_t to_ns)
{
    struct batch_partition *loser = batch_partition_get(batch, stream_id, partition);

    CHECK(loser->to == loser->from);
    CHECK(to > loser->from);
    CHECK(from_ns <= to_ns);
    batch_advance(batch, stream_id, partition, to);
    loser->first_time_ns = from_ns;
    loser->last_time_ns = to_ns;
    loser->lost = true;
}

int64_t batch_next_offset(const struct batch *batch, int64_t stream_id, int32_t partition)
{
    return batch_partition_get(batch, stream_id, partition)->to;
}

int64_t batch_records(const struct batch *batch)
{
    return batch->records;
}

int64_t batch_dead_letters_of(const struct batch *batch, int64_t stream_id)
{
    int64_t count = 0;

    for (size_t i = 0; i < batch->partition_count; i++) {
        if (batch->partitions[i]->stream_id == stream_id) {
            count += batch->partitions[i]->dead_lettered;
        }
    }
    return count;
}

int64_t batch_records_of(const struct batch *batch, int64_t stream_id)
{
    int64_t count = 0;

    for (size_t i = 0; i < batch->partition_count; i++) {
        if (batch->partitions[i]->stream_id == stream_id) {
            count += batch->partitions[i]->delivered;
        }
    }
    return count;
}

int64_t batch_duplicates(const struct batch *batch)
{
    return batch->duplicates;
}

size_t batch_size(const struct batch *batch)
{
    return batch->arena.size + batch->heap_size + batch->event_count * sizeof(struct batch_event) +
           batch->event_names.arena.size +
           batch->entry_count * (sizeof(struct batch_entry) + 4 * sizeof(uint32_t)) +
           batch->dead_letter_count * sizeof(struct batch_dead_letter);
}

bool batch_empty(const struct batch *batch)
{
    for (size_t i = 0; i < batch->partition_count; i++) {
        if (batch->partitions[i]->to > batch->partitions[i]->from) {
            return false;
        }
    }
    return true;
}

struct str batch_id_of(const struct batch *batch)
{
    CHECK(batch->has_id);
    return str_of((const char *)batch->id, sizeof(batch->id));
}
