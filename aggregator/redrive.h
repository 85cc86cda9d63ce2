/*
 * A redrive's step: dead letters that were decoded again, and the one transaction that counts them.
 *
 * It only adds. The transaction claims each letter (`resolved_by` from NULL to its batch), writes the tallies as pending rows, and one row of
 * moved counts for each range that the letters stand in. A letter that somebody else has claimed drops the whole step. So two redrives
 * at once, a kill, a zombie, and a COMMIT whose answer was lost all end in books where each letter was counted once.
 * Event ids are tested as in a consumer's commit; those that a redrive inserts are kept for ever (ledger.lasting_ids is the caller's to set).
 *
 * Invariant: letters are added in the order of their coordinates, all of one stream. Letters that stay dead are not added.
 */
#ifndef AGGREGATOR_REDRIVE_H
#define AGGREGATOR_REDRIVE_H

#include "aggregator/ledger.h"

struct redrive;

struct redrive_stream {
    int64_t stream_id;
    struct str topic;
    struct str config_digest; /* what the letters are decoded by now */
    struct str group;         /* of event ids; empty: they are not tested */
};

/* Texts are copied. */
struct redrive *redrive_new(const struct redrive_stream *stream);
void redrive_free(struct redrive *redrive);

void redrive_add_event(struct redrive *redrive, const struct coordinate *at,
                       const struct event *event);
void redrive_add_excluded(struct redrive *redrive, const struct coordinate *at,
                          enum verdict verdict, struct str rule);
size_t redrive_letters(const struct redrive *redrive);
/* Of the events that were added, found by the commit. */
int64_t redrive_duplicates(const struct redrive *redrive);

/* Once, again only after ERR_STORE that is retriable. Errors as ledger_commit. ERR_FENCED with *ret_missed: another redrive has counted one
 * of the letters; drop this step and list what is dead again. ERR_FENCED without it: the book was replaced, or the store is locked
 * (retriable). */
enum err_code redrive_commit(struct ledger *ledger, struct redrive *redrive, bool *ret_missed,
                             struct err *err);

#endif
