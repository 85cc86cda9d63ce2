/*
 * The ledger: all batches of a book, without gap or overlap. A commit is one store transaction that inserts the batch and
 * advances each partition's next_offset only where it still equals the batch's `from`.
 *
 * So a kill at any point, a zombie, two schedulers, or a retry of a commit whose answer was lost all end in the same ledger.
 * Errors: ERR_STORE (retriable: nothing was committed, the batch is unchanged and may be committed again), ERR_FENCED (somebody else owns
 * a partition: the batch must be dropped and positions reloaded; retriable if only the store's write lock was not to be had in time),
 * ERR_DATA (more event ids than a group may keep: the batch is unchanged, and another attempt would end alike).
 */
#ifndef AGGREGATOR_LEDGER_H
#define AGGREGATOR_LEDGER_H

#include "aggregator/batch.h"
#include "aggregator/store.h"
#include "base/arena.h"
#include "base/db.h"
#include "base/random.h"

/* Topics that share their event ids (duplicates.group). */
struct id_group {
    struct str name;
    int64_t horizon_ns; /* copies whose records are further apart are events of their own */
    int64_t count_max;  /* ids that may be kept */
    const int64_t *stream_ids;
    size_t stream_count;
};

struct ledger {
    struct db *db; /* borrowed */
    int64_t book_id;
    struct random *random; /* borrowed; batch ids */
    const char *program_version;
    const struct id_group
        *groups; /* borrowed; sorted by name. Every group of a batch's partitions is among them */
    size_t group_count;
    size_t pending_row_size; /* at most PENDING_ROW_SIZE, which 0 stands for */
    bool lasting_ids;        /* ids that are inserted are never forgotten: for redrives */
};

struct ledger_partition {
    int32_t partition;
    int64_t origin;
    int64_t next_offset;
    int64_t guard_offset; /* -1: none yet */
    int64_t guard_time_ns;
    int64_t drained_ns; /* INT64_MIN: never yet */
    struct str parked;  /* why it waits for an operator; empty: it does not */
};

/* Inserts the origins of partitions that have none, all in one transaction; those that exist are kept. If the stream has any
 * partition already, one that is missing is a later one and its origin is 0 whatever the caller resolved.
 * origins[i] belongs to partition i. */
enum err_code ledger_set_origins(struct ledger *ledger, int64_t stream_id, const int64_t *origins,
                                 int32_t partition_count, struct err *err);
/* All partitions of the stream, sorted; in arena. */
enum err_code ledger_partitions(struct ledger *ledger, int64_t stream_id, struct arena *arena,
                                struct ledger_partition **ret_partitions, size_t *ret_count,
                                struct err *err);
/* Commits and clears the batch. A commit whose answer was lost is resolved here: the offset rows are locked, then the id is
 * looked up, so the caller never sees an unknown outcome. */
enum err_code ledger_commit(struct ledger *ledger, struct batch *batch, struct err *err);
/* The same; `also` writes more rows in the same transaction, maybe more than once, if an attempt fails. */
enum err_code ledger_commit_also(struct ledger *ledger, struct batch *batch,
                                 enum err_code (*also)(struct ledger *ledger,
                                                       const struct batch *batch, void *context,
                                                       struct err *err),
                                 void *context, struct err *err);
/* Notes why the partition waits for an operator, or with an empty reason that it no longer does; only while it stands at next_offset. A
 * commit of the partition takes the note away as well. */
enum err_code ledger_park(struct ledger *ledger, int64_t stream_id, int32_t partition,
                          int64_t next_offset, struct str reason, struct err *err);
/* Sets drained_ns = greatest(drained_ns, time_ns) where next_offset >= high. Partitions without a row are inserted first. */
enum err_code ledger_note_drained(struct ledger *ledger, int64_t stream_id, int32_t partition,
                                  int64_t high, int64_t time_ns, struct err *err);
/* True if the ledger holds a batch of the stream under this configuration digest. */
enum err_code ledger_proven(struct ledger *ledger, int64_t stream_id, struct str config_digest,
                            bool *ret_proven, struct err *err);

#endif
