/*
 * A batch: what a consumer has read since its last commit. It keeps nothing older.
 *
 * Per partition it covers [from, to) and holds three independent counts: records delivered, offsets that were missing between
 * them, verdicts. batch_check holds them against each other: to - from = delivered + absent and delivered = sum of verdicts
 * and undecided events. An event is undecided if its partition has a group and it has an id: the commit decides whether it is a duplicate.
 * Memory is bounded by what the caller commits: ask batch_records and batch_size.
 */
#ifndef AGGREGATOR_BATCH_H
#define AGGREGATOR_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"
#include "base/str.h"
#include "schemas/event.h"
#include "schemas/verdict.h"

enum {
    BATCH_ID_SIZE = 16,
    DEAD_LETTER_BYTES_MAX = 64 * 1024,
    DEAD_LETTER_HEADER_MAX = 64 /* more than any header that names a schema */
};

struct batch;

/* Where a record stands. */
struct coordinate {
    int64_t stream_id;
    int32_t partition;
    int64_t offset;
    int64_t time_ns; /* Kafka time stamp, INT64_MIN if none */
};

/* dead_letter_bytes_max: longer originals are cut. topic names appear in activity masks. */
struct batch *batch_new(size_t dead_letter_bytes_max);
void batch_free(struct batch *batch);
/* Empties it for the next batch: partitions keep their `to` as the next `from`. */
void batch_clear(struct batch *batch);
/* Begins a partition at next_offset, as the ledger has it. topic and config_digest are copied. A partition begins once. */
void batch_begin_partition(struct batch *batch, int64_t stream_id, struct str topic,
                           struct str config_digest, int32_t partition, int64_t next_offset);
/* From now on event ids of this partition are tested for duplicates among the partitions of the same group. */
void batch_set_group(struct batch *batch, int64_t stream_id, int32_t partition, struct str group);
/* From now on each dead letter of this partition is also put into the outbox, for that destination. */
void batch_set_destination(struct batch *batch, int64_t stream_id, int32_t partition,
                           struct str destination);
/* Drops a partition with what was read of it since the last commit (revoked, fenced). Only on an empty batch. */
void batch_end_partition(struct batch *batch, int64_t stream_id, int32_t partition);

/* Each delivered record is added exactly once, in the order of its partition; a gap before it counts as absent. */
void batch_add_event(struct batch *batch, const struct coordinate *at, const struct event *event);
/* rule: for VERDICT_RULE. */
void batch_add_excluded(struct batch *batch, const struct coordinate *at, enum verdict verdict,
                        struct str rule);
/* schema_header: the header that named the record's schema, without which its bytes cannot be decoded again; data is NULL: none. Longer ones
 * than DEAD_LETTER_HEADER_MAX are cut: they name nothing. */
void batch_add_dead_letter(struct batch *batch, const struct coordinate *at, enum verdict verdict,
                           struct str detail, struct str bytes, struct str schema_header);
/* The same for a record whose bytes must not be kept as they are: bytes is what may be, record_size what it had. */
void batch_add_redacted(struct batch *batch, const struct coordinate *at, enum verdict verdict,
                        struct str detail, struct str bytes, struct str schema_header,
                        int64_t record_size);
/* The partition is known to be empty up to `to`: what is missing before it is absent. */
void batch_advance(struct batch *batch, int64_t stream_id, int32_t partition, int64_t to);

/* [from, to) of the partition expired before it was read, and an operator accepted that; its records may be from any time of
 * [from_ns, to_ns]. The partition covers nothing else in this batch. */
void batch_lose(struct batch *batch, int64_t stream_id, int32_t partition, int64_t to,
                int64_t from_ns, int64_t to_ns);

/* For those who read again what another book has decided (batch_excluded.c). A duplicate of that book: it is left out of the counts, but its window
 * names its offset, as when it was read first. */
void batch_add_known_duplicate(struct batch *batch, const struct coordinate *at,
                               const struct event *event);
/* Nobody looks into [next, to): `records` of it are left out, all for this reason; the rest is absent. */
void batch_pass_over(struct batch *batch, int64_t stream_id, int32_t partition, int64_t to,
                     int64_t records, enum verdict verdict);

int64_t batch_next_offset(const struct batch *batch, int64_t stream_id, int32_t partition);
int64_t batch_first_offset(const struct batch *batch, int64_t stream_id, int32_t partition);
int64_t batch_records(const struct batch *batch); /* delivered since the last clear */
int64_t batch_dead_letters_of(const struct batch *batch, int64_t stream_id);
int64_t batch_records_of(const struct batch *batch, int64_t stream_id);
/* Duplicates that the last commit found; they were among the events added. Valid once ledger_commit has returned ERR_OK. */
int64_t batch_duplicates(const struct batch *batch);
size_t batch_size(const struct batch *batch); /* bytes, about */
bool batch_empty(const struct batch *batch);  /* covers nothing */
/* The id under which the ledger is writing it; only while it does. */
struct str batch_id_of(const struct batch *batch);
void batch_check(const struct batch *batch);

#endif
