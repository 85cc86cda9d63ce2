/* What a batch counts: its entries, a tally each, and where an event goes among them. */
#include "aggregator/batch_content.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"

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

/* Of a window no more than a window: there are thousands of them, and checks are nearly twice as large. */
static size_t size_of(enum tally_kind kind)
{
    static const size_t sizes[] = {[TALLY_WINDOW] = sizeof(struct window_tally),
                                   [TALLY_CHECK] = sizeof(struct check_tally),
                                   [TALLY_ACTIVITY] = sizeof(struct activity_tally)};

    CHECK((unsigned)kind < ARRAY_COUNT(sizes));
    return sizes[kind];
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
                                  .tally = arena_alloc(&batch->arena, size_of(key->kind))};
    if (key->kind == TALLY_WINDOW) {
        window_tally_init(&entry->tally->window);
    }
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

/* Another minute than that of the partition's last event. It and the ways of other events stay outside of batch_tally, whose way for most of
 * them is short. */
__attribute__((noinline)) static void turn_minute(struct batch *batch,
                                                  struct batch_partition *partition,
                                                  int64_t time_ns)
{
    int64_t hour = tally_hour(time_ns);
    int minute = tally_minute(time_ns);

    if (partition->activity == NULL || partition->hour != hour) {
        partition->activity = activity_get(batch, "topic", partition->topic, hour);
        partition->hour = hour;
    }
    partition->activity->activity.minutes |= UINT64_C(1) << minute;
    partition->minute_ns = tally_minute_ns(time_ns);
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

void batch_add_range(struct batch *batch, struct offset_range **ranges, size_t *range_count,
                     const struct coordinate *at)
{
    size_t before = *range_count;

    offset_ranges_add(ranges, range_count, at->stream_id, at->partition, at->offset);
    batch->heap_size += (*range_count - before) * sizeof(struct offset_range);
}

struct window_tally *batch_window_of(struct batch *batch, const struct event *event)
{
    struct tally_key key = tally_key_of(event);

    CHECK(key.kind == TALLY_WINDOW);
    return &entry_get(batch, &key)->tally->window;
}

size_t batch_tally_size(const struct window_tally *tally)
{
    return (size_t)tally->latency.size * sizeof(int64_t) + particulars_size(&tally->particulars);
}

__attribute__((noinline)) static void add_request(struct batch *batch, const struct coordinate *at,
                                                  const struct event *event)
{
    struct window_tally *tally = batch_window_of(batch, event);
    size_t before = batch_tally_size(tally);

    window_tally_add(tally, event);
    batch->heap_size += batch_tally_size(tally) - before;
    batch_add_range(batch, &tally->ranges, &tally->range_count, at);
}

__attribute__((noinline)) static void add_check(struct batch *batch, const struct coordinate *at,
                                                const struct event *event)
{
    struct tally_key key = tally_key_of(event);
    struct batch_entry *entry = entry_get(batch, &key);
    struct check_tally *tally = &entry->tally->check;

    check_tally_add(tally, event);
    batch_add_range(batch, &tally->ranges, &tally->range_count, at);
    /* An instance that reports itself has no checker whose silence could be told from its own. */
    if (event->checker.size == 0) {
        return;
    }
    if (entry->checker_activity == NULL) {
        struct tally *activity = activity_get(batch, "checker", event->checker, key.hour);

        entry = entry_get(batch, &key); /* the array may have moved */
        entry->checker_activity = activity;
    }
    entry->checker_activity->activity.minutes |= UINT64_C(1) << tally_minute(event->time_ns);
}

void batch_tally(struct batch *batch, struct batch_partition *partition,
                 const struct coordinate *at, const struct event *event)
{
    CHECK(event->service.size > 0);
    if (partition->activity == NULL ||
        (uint64_t)event->time_ns - (uint64_t)partition->minute_ns >= NS_PER_MINUTE) {
        turn_minute(batch, partition, event->time_ns);
    }
    if (event->kind == EVENT_CHECK) {
        add_check(batch, at, event);
    } else if (event->service_number != 0 && event->customer.size == 0) {
        batch_recent_add(batch, partition, at, event);
    } else {
        add_request(batch, at, event);
    }
}

void batch_touch(struct batch *batch, const struct coordinate *at, const struct event *event)
{
    struct tally_key key = tally_key_of(event);
    struct tally *tally = entry_get(batch, &key)->tally;

    if (key.kind == TALLY_WINDOW) {
        batch_add_range(batch, &tally->window.ranges, &tally->window.range_count, at);
    } else {
        batch_add_range(batch, &tally->check.ranges, &tally->check.range_count, at);
    }
}

void batch_merge_entry(struct batch *batch, const struct batch_entry *entry)
{
    tally_merge(entry->key.kind, entry_get(batch, &entry->key)->tally, entry->tally);
}
