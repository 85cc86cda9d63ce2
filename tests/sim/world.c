#include "tests/sim/world.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"

const char *const world_services[WORLD_SERVICES] = {"basket", "shop", "shop/eu", "zeta"};

#define FIELD_TEXT(name) "{\\\"name\\\":\\\"" name "\\\",\\\"type\\\":\\\"string\\\"},"
#define FIELD_TIME                                                                                 \
    "{\\\"name\\\":\\\"ts\\\",\\\"type\\\":{\\\"type\\\":\\\"long\\\",\\\"logicalType\\\":"        \
    "\\\"timestamp-millis\\\"}},"
#define RECORD(fields)                                                                             \
    "{\"schema\":\"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"R\\\",\\\"fields\\\":[" fields    \
    "]}\"}"

const char *const world_schemas[WORLD_TOPICS] = {
    RECORD(FIELD_TEXT("service") FIELD_TIME
           "{\\\"name\\\":\\\"status\\\",\\\"type\\\":\\\"int\\\"}"
           ",{\\\"name\\\":\\\"us\\\",\\\"type\\\":\\\"long\\\"},"
           "{\\\"name\\\":\\\"id\\\",\\\"type\\\":\\\"string\\\"}"),
    RECORD(FIELD_TEXT("service") FIELD_TEXT("instance") FIELD_TIME
           "{\\\"name\\\":\\\"status\\\",\\\"type\\\":\\\"string\\\"}")};

static void put_long(struct world_entry *entry, int64_t value)
{
    uint64_t zigzag = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);

    for (; zigzag > 127; zigzag >>= 7) {
        entry->value[entry->size++] = (uint8_t)(zigzag | 128);
    }
    entry->value[entry->size++] = (uint8_t)zigzag;
}

static void put_text(struct world_entry *entry, const char *text)
{
    size_t size = strlen(text);

    put_long(entry, (int64_t)size);
    memcpy(entry->value + entry->size, text, size);
    entry->size = (uint8_t)(entry->size + size);
}

static void put_schema(struct world_entry *entry, int id)
{
    uint8_t head[5] = {0, 0, 0, 0, (uint8_t)id};

    memcpy(entry->value, head, sizeof(head));
    entry->size = sizeof(head);
}

static void encode_request(struct world_entry *entry, struct random *random, int number)
{
    char id[24];

    (void)snprintf(id, sizeof(id), "r-%d", number);
    entry->error = random_below(random, 6) == 0;
    put_schema(entry, 1);
    put_text(entry, world_services[entry->service]);
    put_long(entry, entry->event_ns / NS_PER_MS);
    put_long(entry, entry->error ? 503 : 200);
    put_long(entry, (int64_t)random_below(random, 1000000));
    put_text(entry, id);
}

static void encode_check(struct world_entry *entry, struct random *random)
{
    static const char *const results[] = {"pass", "pass", "pass", "warn", "fail", "unknown"};

    put_schema(entry, 2);
    put_text(entry, world_services[entry->service]);
    put_text(entry, random_below(random, 2) == 0 ? "i-1" : "i-2");
    put_long(entry, entry->event_ns / NS_PER_MS);
    put_text(entry, results[random_below(random, ARRAY_COUNT(results))]);
}

/* Mostly of the last two minutes; some are late by hours, some are ahead. */
static int64_t event_time(struct random *random, int64_t arrival_ns)
{
    uint64_t kind = random_below(random, 20);
    int64_t away_s = (int64_t)random_below(random, 120);

    if (kind < 4) {
        away_s = (int64_t)random_below(random, 3 * 3600);
    } else if (kind == 4) {
        away_s = -(int64_t)random_below(random, 1800);
    }
    return (arrival_ns - away_s * NS_PER_SECOND) / NS_PER_MS * NS_PER_MS;
}

/* What makes a record one that is not tallied. */
static void spoil(struct world_entry *entry, struct random *random)
{
    switch (random_below(random, 4)) {
    case 0:
        entry->tombstone = true;
        entry->size = 0;
        entry->fate = FATE_EXCLUDED;
        return;
    case 1:
        entry->value[0] = 7; /* bad_framing */
        break;
    case 2:
        entry->size--; /* malformed */
        break;
    default:
        entry->value[4] = 9; /* unknown_schema */
        break;
    }
    entry->fate = FATE_DEAD;
}

static void make_record(struct world_entry *entry, struct random *random, int topic, int number)
{
    entry->fate = FATE_TALLIED;
    entry->service = (int)random_below(random, WORLD_SERVICES);
    entry->event_ns = event_time(random, entry->arrival_ns);
    entry->time_ns = entry->arrival_ns / NS_PER_MS * NS_PER_MS;
    if (topic == 0) {
        encode_request(entry, random, number);
    } else {
        encode_check(entry, random);
    }
    if (random_below(random, 14) == 0) {
        spoil(entry, random);
    }
}

/* A producer that did not hear the answer sends the same bytes again. */
static void repeat_record(struct world_entry *entry, const struct world_entry *original)
{
    int64_t arrival_ns = entry->arrival_ns;
    int64_t stable_ns = entry->stable_ns;

    *entry = *original;
    entry->arrival_ns = arrival_ns;
    entry->stable_ns = stable_ns;
    entry->time_ns = arrival_ns / NS_PER_MS * NS_PER_MS;
    if (original->fate == FATE_TALLIED) {
        entry->fate = FATE_DUPLICATE;
    }
}

static void make_partition(struct world *world, struct random *random, int topic, int partition)
{
    struct world_partition *p = &world->topics[topic].partitions[partition];
    int64_t span_ns = WORLD_START_NS + WORLD_MINUTES * NS_PER_MINUTE - p->created_ns;
    int64_t now_ns = p->created_ns, stable_ns = now_ns;
    uint64_t gap_ns = (uint64_t)(2 * span_ns / (p->count + 1));
    int absent = 0;

    for (int i = 0; i < p->count; i++) {
        struct world_entry *entry = &p->entries[i];

        now_ns += random_below(random, 4) == 0 ? 1 : (int64_t)random_below(random, gap_ns);
        if (now_ns + NS_PER_SECOND > stable_ns && random_below(random, 16) == 0) {
            stable_ns = now_ns + (int64_t)random_below(random, 90) * NS_PER_SECOND;
        }
        stable_ns = stable_ns < now_ns ? now_ns : stable_ns;
        *entry = (struct world_entry){.arrival_ns = now_ns, .stable_ns = stable_ns};
        if (absent == 0 && random_below(random, 12) == 0) {
            absent = 1 + (int)random_below(random, 3);
        }
        if (absent > 0) {
            absent--;
        } else if (topic == 0 && i > 0 && p->entries[i - 1].fate == FATE_TALLIED &&
                   random_below(random, 10) == 0) {
            repeat_record(entry, &p->entries[i - 1]);
        } else {
            make_record(entry, random, topic, partition * 1000 + i);
        }
    }
    world->end_ns = world->end_ns < stable_ns ? stable_ns : world->end_ns;
}

void world_make(struct world *world, struct random *random)
{
    static const char *const names[WORLD_TOPICS] = {"requests", "checks"};
    static const int first_count[WORLD_TOPICS] = {3, 2};

    memset(world, 0, sizeof(*world));
    for (int t = 0; t < WORLD_TOPICS; t++) {
        struct world_topic *topic = &world->topics[t];

        topic->name = names[t];
        topic->partition_count = first_count[t] + (random_below(random, 3) == 0);
        for (int p = 0; p < topic->partition_count; p++) {
            struct world_partition *partition = &topic->partitions[p];
            bool later = p >= first_count[t];

            partition->created_ns = WORLD_START_NS - NS_PER_MINUTE;
            if (later) {
                partition->created_ns +=
                    (int64_t)(1 + random_below(random, WORLD_MINUTES)) * NS_PER_MINUTE;
            }
            partition->low = later ? 0 : (int64_t)random_below(random, 3) * 50;
            partition->count = 8 + (int)random_below(random, t == 0 ? 50 : 30);
            make_partition(world, random, t, p);
        }
    }
}

int world_partition_count(const struct world *world, int topic, int64_t now_ns)
{
    int count = 0;

    while (count < world->topics[topic].partition_count &&
           world->topics[topic].partitions[count].created_ns <= now_ns) {
        count++;
    }
    return count;
}

int64_t world_high(const struct world_partition *partition, int64_t now_ns)
{
    int i = 0;

    while (i < partition->count && partition->entries[i].arrival_ns < now_ns) {
        i++;
    }
    return partition->low + i;
}

int64_t world_last_stable(const struct world_partition *partition, int64_t now_ns)
{
    int i = 0;

    while (i < partition->count && partition->entries[i].stable_ns < now_ns) {
        i++;
    }
    return partition->low + i;
}

const struct world_entry *world_entry(const struct world_partition *partition, int64_t offset)
{
    CHECK(offset >= partition->low);
    CHECK(offset < partition->low + partition->count);
    return &partition->entries[offset - partition->low];
}

int64_t world_tallied(const struct world *world, int service, int64_t now_ns, bool errors)
{
    const struct world_topic *topic = &world->topics[0];
    int64_t count = 0;

    for (int p = 0; p < topic->partition_count; p++) {
        for (int i = 0; i < topic->partitions[p].count; i++) {
            const struct world_entry *entry = &topic->partitions[p].entries[i];

            count += entry->arrival_ns < now_ns && entry->fate == FATE_TALLIED &&
                     entry->service == service && (!errors || entry->error);
        }
    }
    return count;
}
