/*
 * The rows of a commit, written inside the caller's transaction. For ledger.c only.
 */
#ifndef AGGREGATOR_LEDGER_ROWS_H
#define AGGREGATOR_LEDGER_ROWS_H

#include "aggregator/batch_content.h"
#include "aggregator/ledger.h"

/* The batch, its ranges, exclusions, dead letters with their outbox rows, and pending tallies. ERR_STORE. */
enum err_code ledger_rows_write(struct ledger *ledger, const struct batch *batch, struct err *err);

/* ledger_loss.c, for batches with a loss. Before the offsets are advanced: shuts out the grading. */
enum err_code ledger_loss_lock(struct ledger *ledger, const struct batch *batch, struct err *err);
/* Marks the graded hours that a loss touches for another grading. */
enum err_code ledger_loss_mark(struct ledger *ledger, const struct batch *batch, struct err *err);

#endif
