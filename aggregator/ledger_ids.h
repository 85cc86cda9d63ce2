/*
 * Event ids inside the transaction of a commit: which of the batch's undecided events are duplicates. For ledger.c only.
 *
 * An event is a duplicate if an event of the same group, id and time was counted before, in the order of the ledger (commits; within one the order of
 * stream, partition, offset), and the Kafka time stamps of both records are at most the group's horizon apart. Ids are inserted in
 * sorted order, so that two commits can wait for each other, but never in a ring.
 *
 * An id is forgotten once no copy within the horizon can come any more: when every partition of the group has been read past its time stamp and the
 * horizon. So when it is deleted decides nothing, and consumers may be as far apart as they like. The limit of count is the price: ERR_DATA.
 */
#ifndef AGGREGATOR_LEDGER_IDS_H
#define AGGREGATOR_LEDGER_IDS_H

#include "aggregator/batch_content.h"
#include "aggregator/ledger.h"

/* Inserts ids and tells for each event of the batch whether it is a duplicate; then forgets old ids and holds the rest against the limit.
 * The offsets must have been advanced. ret_duplicates has room for batch->event_count. ERR_STORE, ERR_DATA. */
enum err_code ledger_ids_test(struct ledger *ledger, const struct batch *batch,
                              bool *ret_duplicates, struct err *err);
/* One row for each duplicate, by coordinate. The row of the batch must be there. ERR_STORE. */
enum err_code ledger_ids_write(struct ledger *ledger, const struct batch *batch,
                               const bool *duplicates, struct err *err);

#endif
