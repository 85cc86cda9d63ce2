#include "aggregator/redrive.h"

#include <inttypes.h>
#include <stdlib.h>

#include "aggregator/dead_letter.h"
#include "aggregator/ledger_rows.h"
#include "base/check.h"
#include "base/fault.h"
#include "base/memory.h"

enum claim_fate { CLAIM_TALLIED, CLAIM_EXCLUDED, CLAIM_DUPLICATE };

struct claim {
    int32_t partition;
    int64_t offset;
    enum claim_fate fate; /* of events: as if none were a duplicate */
};

struct redrive {
    struct redrive_stream stream; /* texts are those that the caller gave, copied into arena */
    struct arena arena;
    struct batch
        *batch; /* owned; one run of offsets a partition, from the first letter to the last */
    struct claim *claims; /* owned; by coordinate */
    size_t claim_count, claim_capacity;
    int32_t partition; /* the last one that began; -1: none */
    bool missed;
};

/* Moved counts of one range. */
struct moved {
    int32_t partition;
    int64_t from, to; /* of the range */
    int64_t counts[3];
};

struct redrive *redrive_new(const struct redrive_stream *stream)
{
    struct redrive *redrive = memory_calloc(1, sizeof(*redrive));

    redrive->stream = *stream;
    redrive->stream.topic = arena_str(&redrive->arena, stream->topic);
    redrive->stream.config_digest = arena_str(&redrive->arena, stream->config_digest);
    redrive->stream.group = arena_str(&redrive->arena, stream->group);
    redrive->batch = batch_new(0);
    redrive->partition = -1;
    return redrive;
}

void redrive_free(struct redrive *redrive)
{
    if (redrive == NULL) {
        return;
    }
    batch_free(redrive->batch);
    memory_free(redrive->claims);
    arena_release(&redrive->arena);
    memory_free(redrive);
}

static void claim_add(struct redrive *redrive, const struct coordinate *at, enum claim_fate fate)
{
    const struct redrive_stream *stream = &redrive->stream;

    CHECK(at->stream_id == stream->stream_id);
    CHECK(at->partition >= redrive->partition);
    if (at->partition > redrive->partition) {
        batch_begin_partition(redrive->batch, stream->stream_id, stream->topic,
                              stream->config_digest, at->partition, at->offset);
        if (stream->group.size > 0) {
            batch_set_group(redrive->batch, stream->stream_id, at->partition, stream->group);
        }
        redrive->partition = at->partition;
    }
    if (redrive->claim_count == redrive->claim_capacity) {
        redrive->claim_capacity = redrive->claim_capacity == 0 ? 64 : redrive->claim_capacity * 2;
        redrive->claims =
            memory_resize(redrive->claims, redrive->claim_capacity, sizeof(redrive->claims[0]));
    }
    redrive->claims[redrive->claim_count++] =
        (struct claim){.partition = at->partition, .offset = at->offset, .fate = fate};
}

void redrive_add_event(struct redrive *redrive, const struct coordinate *at,
                       const struct event *event)
{
    claim_add(redrive, at, CLAIM_TALLIED);
    batch_add_event(redrive->batch, at, event);
}

void redrive_add_excluded(struct redrive *redrive, const struct coordinate *at,
                          enum verdict verdict, struct str rule)
{
    claim_add(redrive, at, CLAIM_EXCLUDED);
    batch_add_excluded(redrive->batch, at, verdict, rule);
}

size_t redrive_letters(const struct redrive *redrive)
{
    return redrive->claim_count;
}

int64_t redrive_duplicates(const struct redrive *redrive)
{
    return batch_duplicates(redrive->batch);
}

/* The same rows that a consumer's commit changes: who resolves a lost answer waits for them, and a swap cannot pass in between. */
static enum err_code lock_partition(struct ledger *ledger, const struct batch_partition *p,
                                    int64_t *ret_locked, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(ledger->db,
                   "UPDATE partition_offset SET next_offset = next_offset "
                   "WHERE book_id = $1 AND stream_id = $2 AND partition_id = $3 "
                   "AND EXISTS (SELECT 1 FROM book WHERE book_id = $1 AND name IS NOT NULL)",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, ledger->book_id);
    db_bind_int64(stmt, 2, p->stream_id);
    db_bind_int64(stmt, 3, p->partition);
    return db_run_later(stmt, ret_locked, err);
}

static enum err_code set_replaced(const struct batch_partition *p, struct err *err)
{
    return err_set(err, ERR_FENCED,
                   "topic %.*s partition %" PRId32
                   ": the book was replaced, or the ledger has no such partition; nothing more is "
                   "redriven into it",
                   STR_ARGS(p->topic), p->partition);
}

/* In sorted order, as the batch keeps its partitions. */
static enum err_code lock_partitions(struct ledger *ledger, const struct batch *batch,
                                     struct err *err)
{
    int64_t *locked = memory_calloc(batch->partition_count, sizeof(*locked));
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < batch->partition_count && code == ERR_OK; i++) {
        code = lock_partition(ledger, batch->partitions[i], &locked[i], err);
    }
    if (code == ERR_OK) {
        code = db_settle(ledger->db, err);
    }
    for (size_t i = 0; i < batch->partition_count && code == ERR_OK; i++) {
        if (locked[i] != 1) {
            code = set_replaced(batch->partitions[i], err);
        }
    }
    memory_free(locked);
    return code;
}

static enum err_code set_missed(struct redrive *redrive, const struct claim *claim, struct err *err)
{
    redrive->missed = true;
    return err_set(err, ERR_FENCED,
                   "topic %.*s partition %" PRId32 " offset %" PRId64
                   ": another redrive has counted this dead letter",
                   STR_ARGS(redrive->stream.topic), claim->partition, claim->offset);
}

static enum err_code lock_letters(struct ledger *ledger, struct redrive *redrive, struct err *err)
{
    int64_t *locked = memory_calloc(redrive->claim_count, sizeof(*locked));
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < redrive->claim_count && code == ERR_OK; i++) {
        code = dead_letter_lock(ledger->db, ledger->book_id, redrive->stream.stream_id,
                                redrive->claims[i].partition, redrive->claims[i].offset, &locked[i],
                                err);
    }
    if (code == ERR_OK) {
        code = db_settle(ledger->db, err);
    }
    for (size_t i = 0; i < redrive->claim_count && code == ERR_OK; i++) {
        if (locked[i] != 1) {
            code = set_missed(redrive, &redrive->claims[i], err);
        }
    }
    memory_free(locked);
    return code;
}

static enum err_code claim_all(struct ledger *ledger, const struct batch *batch, void *context,
                               struct err *err)
{
    struct redrive *redrive = context;
    struct str batch_id = str_of((const char *)batch->id, sizeof(batch->id));
    enum err_code code = lock_partitions(ledger, batch, err);

    if (code == ERR_OK) {
        code = lock_letters(ledger, redrive, err);
    }
    for (size_t i = 0; i < redrive->claim_count && code == ERR_OK; i++) {
        code = dead_letter_resolve(ledger->db, ledger->book_id, redrive->stream.stream_id,
                                   redrive->claims[i].partition, redrive->claims[i].offset,
                                   batch_id, err);
    }
    if (code == ERR_OK && FAULT("redrive.commit.claims")) {
        code = fault_error("redrive.commit.claims", err);
    }
    return code;
}

static struct claim *claim_find(struct claim *claims, size_t count, int32_t partition,
                                int64_t offset)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        struct claim *claim = &claims[middle];

        if (claim->partition < partition ||
            (claim->partition == partition && claim->offset < offset)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    CHECK(low < count);
    CHECK(claims[low].partition == partition);
    CHECK(claims[low].offset == offset);
    return &claims[low];
}

/* The claims with the duplicates that this attempt has found; owned by the caller. */
static struct claim *claims_decided(const struct redrive *redrive, const struct batch *batch,
                                    const bool *duplicates)
{
    struct claim *claims = memory_calloc(redrive->claim_count, sizeof(*claims));

    memcpy(claims, redrive->claims, redrive->claim_count * sizeof(*claims));
    for (size_t i = 0; i < batch->event_count; i++) {
        if (duplicates[i]) {
            claim_find(claims, redrive->claim_count, batch->events[i].partition->partition,
                       batch->events[i].offset)
                ->fate = CLAIM_DUPLICATE;
        }
    }
    return claims;
}

/* The range that covers the claim. */
static enum err_code find_range(struct ledger *ledger, const struct redrive *redrive,
                                const struct claim *claim, struct moved *ret_moved, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code = db_prepare(ledger->db,
                                    "SELECT from_offset, to_offset FROM batch_range "
                                    "WHERE book_id = $1 AND stream_id = $2 AND partition_id = $3 "
                                    "AND from_offset <= $4 ORDER BY from_offset DESC LIMIT 1",
                                    &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, ledger->book_id);
    db_bind_int64(stmt, 2, redrive->stream.stream_id);
    db_bind_int64(stmt, 3, claim->partition);
    db_bind_int64(stmt, 4, claim->offset);
    code = db_step(stmt, &row, err);
    if (code == ERR_OK && (!row || db_column_int64(stmt, 1) <= claim->offset)) {
        code = err_set(err, ERR_STORE,
                       "topic %.*s partition %" PRId32 " offset %" PRId64
                       ": a dead letter that no range of the ledger covers; run uptally audit",
                       STR_ARGS(redrive->stream.topic), claim->partition, claim->offset);
    }
    if (code == ERR_OK) {
        *ret_moved = (struct moved){.partition = claim->partition,
                                    .from = db_column_int64(stmt, 0),
                                    .to = db_column_int64(stmt, 1)};
    }
    db_reset(stmt);
    return code;
}

static enum err_code write_moved(struct ledger *ledger, const struct redrive *redrive,
                                 const struct moved *moved, struct err *err)
{
    const int64_t *counts = moved->counts;
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(ledger->db,
                   "INSERT INTO moved (batch_id, book_id, stream_id, partition_id, from_offset, "
                   "config_digest, letters, tallied, excluded, duplicate, checksum) "
                   "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_blob(stmt, 1, str_of((const char *)redrive->batch->id, sizeof(redrive->batch->id)));
    db_bind_int64(stmt, 2, ledger->book_id);
    db_bind_int64(stmt, 3, redrive->stream.stream_id);
    db_bind_int64(stmt, 4, moved->partition);
    db_bind_int64(stmt, 5, moved->from);
    db_bind_text(stmt, 6, redrive->stream.config_digest);
    db_bind_int64(stmt, 7,
                  counts[CLAIM_TALLIED] + counts[CLAIM_EXCLUDED] + counts[CLAIM_DUPLICATE]);
    db_bind_int64(stmt, 8, counts[CLAIM_TALLIED]);
    db_bind_int64(stmt, 9, counts[CLAIM_EXCLUDED]);
    db_bind_int64(stmt, 10, counts[CLAIM_DUPLICATE]);
    db_bind_checksum(stmt, 11);
    return db_run(stmt, NULL, err);
}

/* One row for each range; the claims are in the order of their coordinates. */
static enum err_code write_all_moved(struct ledger *ledger, const struct redrive *redrive,
                                     const struct claim *claims, struct err *err)
{
    struct moved moved = {.partition = -1};
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < redrive->claim_count && code == ERR_OK; i++) {
        const struct claim *claim = &claims[i];

        if (claim->partition != moved.partition || claim->offset >= moved.to) {
            if (moved.partition >= 0) {
                code = write_moved(ledger, redrive, &moved, err);
            }
            if (code == ERR_OK) {
                code = find_range(ledger, redrive, claim, &moved, err);
            }
        }
        moved.counts[claim->fate]++;
    }
    return code == ERR_OK ? write_moved(ledger, redrive, &moved, err) : code;
}

static enum err_code write_exclusions(struct ledger *ledger, const struct batch *batch,
                                      struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < batch->partition_count && code == ERR_OK; i++) {
        code = ledger_rows_write_exclusions(ledger, batch, batch->partitions[i], err);
    }
    return code;
}

static enum err_code write_redriven(struct ledger *ledger, const struct batch *decided,
                                    const struct batch *batch, const bool *duplicates,
                                    void *context, struct err *err)
{
    const struct redrive *redrive = context;
    struct claim *claims = claims_decided(redrive, batch, duplicates);
    enum err_code code = ledger_rows_write_batch(ledger, decided, err);

    if (code == ERR_OK) {
        code = write_all_moved(ledger, redrive, claims, err);
    }
    if (code == ERR_OK && FAULT("redrive.commit.moved")) {
        code = fault_error("redrive.commit.moved", err);
    }
    if (code == ERR_OK) {
        code = write_exclusions(ledger, decided, err);
    }
    if (code == ERR_OK) {
        code = ledger_rows_write_pending(ledger, decided, err);
    }
    if (code == ERR_OK && FAULT("redrive.commit.rows")) {
        code = fault_error("redrive.commit.rows", err);
    }
    memory_free(claims);
    return code;
}

enum err_code redrive_commit(struct ledger *ledger, struct redrive *redrive, bool *ret_missed,
                             struct err *err)
{
    const struct ledger_work work = {
        .take = claim_all, .write = write_redriven, .context = redrive};
    enum err_code code;

    CHECK(redrive->claim_count > 0);
    CHECK(ledger->lasting_ids);
    redrive->missed = false;
    code = ledger_commit_work(ledger, redrive->batch, &work, err);
    *ret_missed = code == ERR_FENCED && redrive->missed;
    return code;
}
