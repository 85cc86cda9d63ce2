/*
 * Traces: where the events behind a stretch of time stand. Coordinates come from the windows, which keep the lowest and highest offset of
 * each partition per service and hour; batches are those of the ledger whose ranges overlap them. So a trace says where to look: between
 * its offsets there are events of other services and of other minutes of these hours as well.
 *
 * Read inside the caller's snapshot, all in the arena. Errors: ERR_STORE; ERR_MISMATCH: a row is damaged.
 */
#ifndef JOBS_STATEMENT_TRACE_H
#define JOBS_STATEMENT_TRACE_H

#include "base/arena.h"
#include "base/db.h"
#include "base/err.h"

enum { TRACE_ID_SIZE = 33 };

/* One committed range of a batch, or what a redrive counted of its dead letters. */
struct trace_batch {
    char id[TRACE_ID_SIZE];         /* hexadecimal */
    int64_t from_offset, to_offset; /* half-open */
    bool redrive;
};

/* The names of a stream, which is a number of this store only. */
struct trace_stream {
    int64_t id;
    struct str cluster, topic; /* the configured name of the cluster */
    int64_t incarnation;
};

struct trace_partition {
    const struct trace_stream *stream;
    int32_t partition;
    int64_t low, high;           /* inclusive */
    int64_t dead_letters;        /* between them, not resolved */
    int64_t lost;                /* offsets between them that expired before they were read */
    struct trace_batch *batches; /* by offset; the first ones */
    size_t batch_count;
    int64_t batches_in_all;
};

/* Records that expired before they were read and may be from this time. */
struct trace_loss {
    const struct trace_stream *stream;
    int32_t partition;
    int64_t from_offset, to_offset;
    int64_t first_ns, last_ns; /* the span that they may be from */
    char id[TRACE_ID_SIZE];
};

struct trace {
    struct trace_partition *partitions; /* by topic, incarnation, partition */
    size_t partition_count;
    struct trace_loss *losses;
    size_t loss_count;
    int64_t losses_in_all;
};

/* All streams of the store, by id. */
struct trace_streams {
    struct trace_stream *items;
    size_t count;
};

struct tracer {
    struct db *db; /* borrowed */
    int64_t book_id;
    struct trace_streams streams;
    int64_t
        list_max; /* so many batches of a partition, and so many losses, are listed; all are counted */
};

enum err_code trace_streams_read(struct db *db, struct arena *arena,
                                 struct trace_streams *ret_streams, struct err *err);
/* ERR_MISMATCH: there is no such stream. */
enum err_code trace_streams_find(const struct trace_streams *streams, int64_t id,
                                 const struct trace_stream **ret_stream, struct err *err);
/* Of one service in [from_ns, to_ns), widened to whole hours. with_losses: the service's data are known to be incomplete there. */
enum err_code trace_read(const struct tracer *tracer, struct str service, int64_t from_ns,
                         int64_t to_ns, bool with_losses, struct arena *arena,
                         struct trace *ret_trace, struct err *err);

#endif
