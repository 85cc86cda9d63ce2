/*
 * Incarnations of a topic: what changes at an operator's word. A topic that was deleted and created again, or that moved to another
 * cluster, has other records at the same offsets; so it is another stream, and the one before it is closed.
 *
 * Invariant: a topic has one open incarnation per cluster at most, and a closed one takes no commit any more. Closed streams keep their
 * ledger; they no longer hold complete-until back. Each function is one transaction, and a second call changes nothing.
 * Errors: ERR_STORE (retriable: nothing was changed, or all of it), ERR_FENCED (the store is locked).
 */
#ifndef AGGREGATOR_INCARNATION_H
#define AGGREGATOR_INCARNATION_H

#include "aggregator/ledger.h"
#include "aggregator/store.h"

/* Opens the next incarnation of stream->topic on stream->cluster and closes what was open of the topic there and on other clusters
 * of the same name. stream->stream_id is the open stream as the caller knows it, 0 for none: if another one is open, somebody else was faster, and that one is
 * returned. origins[i] belongs to partition i. Sets stream_id and incarnation. */
enum err_code incarnation_accept(struct ledger *ledger, struct stream *stream,
                                 const int64_t *origins, int32_t partition_count, struct err *err);
/* The last incarnation of the topic on this cluster is open again and goes on where it stood; other clusters of the same name are closed. Sets stream_id
 * and incarnation. ERR_STORE, not retriable: it has none. */
enum err_code incarnation_reopen(struct ledger *ledger, struct stream *stream, struct err *err);
/* Closes the open streams of a topic, on all clusters but the one of that name (empty: on all). *ret_closed: how many. */
enum err_code incarnation_close(struct ledger *ledger, struct str topic, struct str except_cluster,
                                int64_t *ret_closed, struct err *err);

#endif
