/*
 * The store as a whole: opening, migrations, books, streams.
 *
 * Migrations are the numbered SQL files of schemas/migrations; each runs in a transaction of its own. A store newer
 * than the program is refused (ERR_STORE) untouched, and so is one whose tables are not what the migrations made.
 */
#ifndef AGGREGATOR_STORE_H
#define AGGREGATOR_STORE_H

#include "base/db.h"
#include "schemas/event.h"

/* Brings an open store to this program's version; creates the book "live" in a new one. */
enum err_code store_migrate(struct db *db, struct err *err);
/* Checks only: ERR_STORE if the store is empty, older, newer, or not of our making, with what to do. */
enum err_code store_check_version(struct db *db, struct err *err);
/* ERR_STORE if there is no book of that name. */
enum err_code store_book(struct db *db, const char *name, int64_t *ret_book_id, struct err *err);

struct stream {
    int64_t stream_id;
    int64_t incarnation;
    struct str cluster; /* id of the broker */
    struct str cluster_name;
    struct str topic;
    enum event_kind kind;
};

/* The open incarnation of (cluster, topic), created as number 1 if there is none. Texts are borrowed from the arguments. */
enum err_code store_stream(struct db *db, struct str cluster, struct str cluster_name,
                           struct str topic, enum event_kind kind, struct stream *ret_stream,
                           struct err *err);

#endif
