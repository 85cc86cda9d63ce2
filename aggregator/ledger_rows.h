/*
 * The rows of a commit, written inside the caller's transaction. For ledger.c only.
 */
#ifndef AGGREGATOR_LEDGER_ROWS_H
#define AGGREGATOR_LEDGER_ROWS_H

#include "aggregator/batch_content.h"
#include "aggregator/ledger.h"

/* The batch, its ranges, exclusions, dead letters with their outbox rows, and pending tallies. ERR_STORE. */
enum err_code ledger_rows_write(struct ledger *ledger, const struct batch *batch, struct err *err);

#endif
