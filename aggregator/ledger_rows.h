/*
 * The rows of a commit, written inside the caller's transaction, and the way every batch is committed. For ledger*.c, redrive.c and rebuild_commit.c only.
 */
#ifndef AGGREGATOR_LEDGER_ROWS_H
#define AGGREGATOR_LEDGER_ROWS_H

#include "aggregator/batch_content.h"
#include "aggregator/ledger.h"

/* What a batch does inside of its transaction: it takes what it stands for, then writes its rows. */
struct ledger_work {
    /* ERR_FENCED: somebody else has it. Offset rows of the batch's partitions are locked here, in their sorted order. */
    enum err_code (*take)(struct ledger *ledger, const struct batch *batch, void *context,
                          struct err *err);
    /* decided: the batch with its events decided; duplicates[i] belongs to event i of the batch as it was. */
    enum err_code (*write)(struct ledger *ledger, const struct batch *decided,
                           const struct batch *batch, const bool *duplicates, void *context,
                           struct err *err);
    void *context;
};

/* ledger_commit with that work: chooses the id, tries once, resolves a lost answer. The batch covers something. */
enum err_code ledger_commit_work(struct ledger *ledger, struct batch *batch,
                                 const struct ledger_work *work, struct err *err);

/* Parts of ledger_rows_write. */
enum err_code ledger_rows_write_batch(struct ledger *ledger, const struct batch *batch,
                                      struct err *err);
enum err_code ledger_rows_write_exclusions(struct ledger *ledger, const struct batch *batch,
                                           const struct batch_partition *p, struct err *err);
enum err_code ledger_rows_write_pending(struct ledger *ledger, const struct batch *batch,
                                        struct err *err);
/* The batch, its ranges, exclusions, dead letters with their outbox rows, and pending tallies. ERR_STORE. */
enum err_code ledger_rows_write(struct ledger *ledger, const struct batch *batch, struct err *err);

/* ledger_loss.c, for batches with a loss. Before the offsets are advanced: shuts out the grading. */
enum err_code ledger_loss_lock(struct ledger *ledger, const struct batch *batch, struct err *err);
/* Marks the graded hours that a loss touches for another grading. */
enum err_code ledger_loss_mark(struct ledger *ledger, const struct batch *batch, struct err *err);

#endif
