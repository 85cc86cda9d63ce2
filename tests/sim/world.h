/*
 * The world of one seed: what stands in every partition, when it came there, and what should become of it.
 *
 * Nothing here knows of consumers: the truth is written down while the records are made. Times are true times (baton.h). Two topics:
 * "requests" (three partitions, perhaps a fourth one during the run) and "checks" (two). Partitions begin at some offset, have gaps (aborted transactions,
 * compaction), transactions that stay open for a while, copies by producers that retry, bad records, tombstones, late and early events.
 */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "base/str.h"

enum {
    WORLD_TOPICS = 2,
    WORLD_PARTITIONS_MAX = 4,
    WORLD_ENTRIES_MAX = 96, /* of a partition */
    WORLD_SERVICES = 4,
    WORLD_VALUE_SIZE = 64,
    WORLD_MINUTES = 9 /* records arrive for so long */
};

/* A moment half a minute away from the next full one: nothing depends on a few seconds at the end. */
#define WORLD_START_NS (INT64_C(1790001030) * INT64_C(1000000000))

enum world_fate { FATE_ABSENT, FATE_TALLIED, FATE_EXCLUDED, FATE_DUPLICATE, FATE_DEAD };

struct world_entry {
    enum world_fate fate;
    int64_t arrival_ns; /* ascending: when the end of the log moves past it */
    int64_t stable_ns;  /* ascending: when read_committed shows it */
    int64_t time_ns;    /* Kafka time stamp */
    int64_t event_ns;
    int service;
    bool error, tombstone;
    uint8_t size;
    uint8_t value[WORLD_VALUE_SIZE];
};

struct world_partition {
    int64_t created_ns;
    int64_t low; /* offset of the first entry */
    int count;
    struct world_entry entries[WORLD_ENTRIES_MAX];
};

struct world_topic {
    const char *name;
    int partition_count;
    struct world_partition partitions[WORLD_PARTITIONS_MAX];
};

struct world {
    struct world_topic topics[WORLD_TOPICS];
    int64_t end_ns; /* by then everything is there and visible */
};

extern const char *const world_services[WORLD_SERVICES];

void world_make(struct world *world, struct random *random);

/* How many partitions there are at that time. */
int world_partition_count(const struct world *world, int topic, int64_t now_ns);
/* Behind the last offset that had arrived, or was visible, before now_ns. */
int64_t world_high(const struct world_partition *partition, int64_t now_ns);
int64_t world_last_stable(const struct world_partition *partition, int64_t now_ns);
const struct world_entry *world_entry(const struct world_partition *partition, int64_t offset);
/* Tallied requests of a service that arrived before now_ns; those with errors. */
int64_t world_tallied(const struct world *world, int service, int64_t now_ns, bool errors);

/* Answers of the schema registry to the ids 1 (requests) and 2 (checks). */
extern const char *const world_schemas[WORLD_TOPICS];

#endif
