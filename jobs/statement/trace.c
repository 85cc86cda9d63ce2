#include "jobs/statement/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "aggregator/windows.h"
#include "base/check.h"
#include "base/clock.h"

/* All columns in the order of the table, so that the checksum can be held against them. */
#define RANGE_COLUMNS                                                                              \
    "SELECT book_id, stream_id, partition_id, from_offset, to_offset, batch_id, kind,"             \
    " config_digest, delivered, tallied, excluded, duplicate, dead_lettered, absent,"              \
    " first_time_ns, last_time_ns, checksum FROM batch_range"
enum {
    COLUMN_FROM = 3,
    COLUMN_TO = 4,
    COLUMN_BATCH = 5,
    COLUMN_KIND = 6,
    COLUMN_FIRST = 14,
    COLUMN_LAST = 15,
    COLUMN_CHECKSUM = 16
};

static void format_id(struct str id, char ret_text[TRACE_ID_SIZE])
{
    for (size_t i = 0; i < id.size && i < (TRACE_ID_SIZE - 1) / 2; i++) {
        (void)snprintf(ret_text + 2 * i, 3, "%02x", (unsigned)(unsigned char)id.data[i]);
    }
}

static enum err_code check_range(struct db_stmt *stmt, struct err *err)
{
    if (db_column_checksum(stmt, COLUMN_CHECKSUM) != db_column_int64(stmt, COLUMN_CHECKSUM)) {
        return err_set(err, ERR_MISMATCH,
                       "stream %" PRId64 " partition %" PRId64 ": the row of the range at %" PRId64
                       " is damaged (run the audit)",
                       db_column_int64(stmt, 1), db_column_int64(stmt, 2),
                       db_column_int64(stmt, COLUMN_FROM));
    }
    return ERR_OK;
}

/* Lists grow by doubling in the arena. */
static void *add_item(struct arena *arena, void *items, size_t count, size_t size)
{
    void *grown = items;

    if ((count & (count - 1)) == 0) {
        grown = arena_calloc(arena, count == 0 ? 1 : count * 2, size);
        if (count > 0) {
            memcpy(grown, items, count * size);
        }
    }
    return grown;
}

enum err_code trace_streams_read(struct db *db, struct arena *arena,
                                 struct trace_streams *ret_streams, struct err *err)
{
    struct trace_streams streams = {0};
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code = db_prepare(
        db, "SELECT stream_id, cluster_name, topic, incarnation FROM stream ORDER BY stream_id",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        streams.items = add_item(arena, streams.items, streams.count, sizeof(streams.items[0]));
        streams.items[streams.count++] =
            (struct trace_stream){.id = db_column_int64(stmt, 0),
                                  .cluster = arena_str(arena, db_column_text(stmt, 1)),
                                  .topic = arena_str(arena, db_column_text(stmt, 2)),
                                  .incarnation = db_column_int64(stmt, 3)};
    }
    db_reset(stmt);
    if (code == ERR_OK) {
        *ret_streams = streams;
    }
    return code;
}

enum err_code trace_streams_find(const struct trace_streams *streams, int64_t id,
                                 const struct trace_stream **ret_stream, struct err *err)
{
    for (size_t i = 0; i < streams->count; i++) {
        if (streams->items[i].id == id) {
            *ret_stream = &streams->items[i];
            return ERR_OK;
        }
    }
    return err_set(err, ERR_MISMATCH, "the books name stream %" PRId64 ", which is not there", id);
}

static void add_batch(const struct tracer *tracer, struct trace_partition *partition,
                      struct arena *arena, struct str id, int64_t from, int64_t to, bool redrive)
{
    struct trace_batch *batch;

    partition->batches_in_all++;
    if (partition->batches_in_all > tracer->list_max) {
        return;
    }
    partition->batches =
        add_item(arena, partition->batches, partition->batch_count, sizeof(partition->batches[0]));
    batch = &partition->batches[partition->batch_count++];
    *batch = (struct trace_batch){.from_offset = from, .to_offset = to, .redrive = redrive};
    format_id(id, batch->id);
}

static void bind_partition(struct db_stmt *stmt, const struct tracer *tracer,
                           const struct trace_partition *partition)
{
    db_bind_int64(stmt, 1, tracer->book_id);
    db_bind_int64(stmt, 2, partition->stream->id);
    db_bind_int64(stmt, 3, partition->partition);
    db_bind_int64(stmt, 4, partition->low);
    db_bind_int64(stmt, 5, partition->high);
}

/* The ranges that overlap [low, high]: from the last one that begins at or before it. */
static enum err_code read_batches(const struct tracer *tracer, struct trace_partition *partition,
                                  struct arena *arena, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code = db_prepare(
        tracer->db,
        RANGE_COLUMNS " WHERE book_id = $1 AND stream_id = $2 AND partition_id = $3"
                      " AND from_offset >= COALESCE((SELECT MAX(p.from_offset) FROM batch_range p"
                      " WHERE p.book_id = $1 AND p.stream_id = $2 AND p.partition_id = $3"
                      " AND p.from_offset <= $4), 0) AND from_offset <= $5 AND to_offset > $4"
                      " ORDER BY from_offset",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    bind_partition(stmt, tracer, partition);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        int64_t from = db_column_int64(stmt, COLUMN_FROM);
        int64_t to = db_column_int64(stmt, COLUMN_TO);

        code = check_range(stmt, err);
        if (code != ERR_OK) {
            break;
        }
        if (str_equal(db_column_text(stmt, COLUMN_KIND), STR("lost"))) {
            int64_t begin = from > partition->low ? from : partition->low;
            int64_t end = to <= partition->high ? to : partition->high + 1;

            partition->lost += end - begin;
        }
        add_batch(tracer, partition, arena, db_column_blob(stmt, COLUMN_BATCH), from, to, false);
    }
    db_reset(stmt);
    return code;
}

/* Redrives that counted dead letters of those ranges. */
static enum err_code read_redrives(const struct tracer *tracer, struct trace_partition *partition,
                                   struct arena *arena, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code = db_prepare(
        tracer->db,
        "SELECT m.batch_id, r.from_offset, r.to_offset FROM moved m JOIN batch_range r"
        " ON r.book_id = m.book_id AND r.stream_id = m.stream_id"
        " AND r.partition_id = m.partition_id AND r.from_offset = m.from_offset"
        " WHERE m.book_id = $1 AND m.stream_id = $2 AND m.partition_id = $3"
        " AND r.to_offset > $4 AND m.from_offset <= $5 ORDER BY m.from_offset, m.batch_id",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    bind_partition(stmt, tracer, partition);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        add_batch(tracer, partition, arena, db_column_blob(stmt, 0), db_column_int64(stmt, 1),
                  db_column_int64(stmt, 2), true);
    }
    db_reset(stmt);
    return code;
}

static enum err_code count_letters(const struct tracer *tracer, struct trace_partition *partition,
                                   struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code =
        db_prepare(tracer->db,
                   "SELECT COUNT(*) FROM dead_letter WHERE book_id = $1 AND stream_id = $2"
                   " AND partition_id = $3 AND record_offset >= $4 AND record_offset <= $5"
                   " AND resolved_by IS NULL",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    bind_partition(stmt, tracer, partition);
    code = db_step(stmt, &row, err);
    partition->dead_letters = code == ERR_OK && row ? db_column_int64(stmt, 0) : 0;
    db_reset(stmt);
    return code;
}

static enum err_code read_partition(const struct tracer *tracer, const struct offset_range *range,
                                    struct arena *arena, struct trace_partition *ret_partition,
                                    struct err *err)
{
    struct trace_partition partition = {
        .partition = range->partition, .low = range->low, .high = range->high};
    enum err_code code =
        trace_streams_find(&tracer->streams, range->stream_id, &partition.stream, err);

    if (code == ERR_OK) {
        code = read_batches(tracer, &partition, arena, err);
    }
    if (code == ERR_OK) {
        code = read_redrives(tracer, &partition, arena, err);
    }
    if (code == ERR_OK) {
        code = count_letters(tracer, &partition, err);
    }
    *ret_partition = partition;
    return code;
}

static int by_topic(const void *a, const void *b)
{
    const struct trace_partition *x = a;
    const struct trace_partition *y = b;
    int order = str_compare(x->stream->cluster, y->stream->cluster);

    order = order != 0 ? order : str_compare(x->stream->topic, y->stream->topic);
    if (order != 0) {
        return order;
    }
    if (x->stream->incarnation != y->stream->incarnation) {
        return x->stream->incarnation < y->stream->incarnation ? -1 : 1;
    }
    return (x->partition > y->partition) - (x->partition < y->partition);
}

static enum err_code take_loss(const struct tracer *tracer, struct db_stmt *stmt,
                               struct arena *arena, struct trace *trace, struct err *err)
{
    struct trace_loss loss = {.partition = (int32_t)db_column_int64(stmt, 2),
                              .from_offset = db_column_int64(stmt, COLUMN_FROM),
                              .to_offset = db_column_int64(stmt, COLUMN_TO),
                              .first_ns = db_column_int64(stmt, COLUMN_FIRST),
                              .last_ns = db_column_int64(stmt, COLUMN_LAST)};
    enum err_code code = check_range(stmt, err);

    trace->losses_in_all++;
    if (code != ERR_OK || trace->losses_in_all > tracer->list_max) {
        return code;
    }
    format_id(db_column_blob(stmt, COLUMN_BATCH), loss.id);
    code = trace_streams_find(&tracer->streams, db_column_int64(stmt, 1), &loss.stream, err);
    if (code == ERR_OK) {
        trace->losses = add_item(arena, trace->losses, trace->loss_count, sizeof(loss));
        trace->losses[trace->loss_count++] = loss;
    }
    return code;
}

static enum err_code read_losses(const struct tracer *tracer, int64_t from_ns, int64_t to_ns,
                                 struct arena *arena, struct trace *trace, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code =
        db_prepare(tracer->db,
                   RANGE_COLUMNS " WHERE book_id = $1 AND kind = 'lost' AND first_time_ns < $2"
                                 " AND last_time_ns >= $3"
                                 " ORDER BY stream_id, partition_id, from_offset",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, tracer->book_id);
    db_bind_int64(stmt, 2, to_ns);
    db_bind_int64(stmt, 3, from_ns);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        code = take_loss(tracer, stmt, arena, trace, err);
        if (code != ERR_OK) {
            break;
        }
    }
    db_reset(stmt);
    return code;
}

enum err_code trace_read(const struct tracer *tracer, struct str service, int64_t from_ns,
                         int64_t to_ns, bool with_losses, struct arena *arena,
                         struct trace *ret_trace, struct err *err)
{
    struct offset_range *ranges = NULL;
    struct trace trace = {0};
    int64_t from_minute = from_ns / NS_PER_MINUTE;
    int64_t to_minute = (to_ns + NS_PER_MINUTE - 1) / NS_PER_MINUTE;
    enum err_code code;

    CHECK(from_ns < to_ns);
    code = windows_ranges(tracer->db, tracer->book_id, &service, 1, from_minute, to_minute, arena,
                          &ranges, &trace.partition_count, err);
    if (code != ERR_OK) {
        return code;
    }
    trace.partitions = arena_calloc(arena, trace.partition_count + 1, sizeof(trace.partitions[0]));
    for (size_t i = 0; i < trace.partition_count && code == ERR_OK; i++) {
        code = read_partition(tracer, &ranges[i], arena, &trace.partitions[i], err);
    }
    if (code == ERR_OK && with_losses) {
        code = read_losses(tracer, from_ns, to_ns, arena, &trace, err);
    }
    if (code == ERR_OK) {
        qsort(trace.partitions, trace.partition_count, sizeof(trace.partitions[0]), by_topic);
        *ret_trace = trace;
    }
    return code;
}
