/*
 * The outbox: what has to leave the store, written by the transaction that makes it true and marked once it has arrived.
 *
 * A row is named by what it is about, so writing it twice is writing it once, and whoever receives it a second time can tell. Rows are
 * never deleted. Between arrival and mark a process may die: delivery is at least once.
 * Errors: ERR_STORE; ERR_FENCED if the store's write lock was not to be had in time.
 */
#ifndef AGGREGATOR_OUTBOX_H
#define AGGREGATOR_OUTBOX_H

#include "base/arena.h"
#include "base/db.h"

/* Of the kind: ID_PREFIX CLUSTER/TOPIC/INCARNATION/PARTITION/OFFSET. */
#define OUTBOX_DEAD_LETTER "dead-letter"
#define OUTBOX_DEAD_LETTER_PREFIX OUTBOX_DEAD_LETTER "/"

struct outbox_row {
    struct str id;
    struct str payload; /* canonical JSON */
};

struct outbox_dead_letter {
    int64_t stream_id;
    int32_t partition;
    int64_t offset;
    struct str destination;
};

/* Inside the caller's transaction. The payload is {destination, offset, partition, stream_id}; the bytes stay in dead_letter. A row that is
 * there already is kept. The stream must be there. */
enum err_code outbox_add_dead_letter(struct db *db, const struct outbox_dead_letter *letter,
                                     struct err *err);
/* The first rows of the kind that are not delivered yet and whose id is greater than `after`, in the order of their ids, at most
 * row_count_max; in arena. */
enum err_code outbox_list(struct db *db, const char *kind, struct str after, size_t row_count_max,
                          struct arena *arena, struct outbox_row **ret_rows, size_t *ret_count,
                          struct err *err);
/* All in one transaction of its own. */
enum err_code outbox_mark_delivered(struct db *db, const struct str *ids, size_t id_count,
                                    struct err *err);

#endif
