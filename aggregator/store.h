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

/* The same; a book that is not there is made. */
enum err_code store_book_make(struct db *db, const char *name, int64_t *ret_book_id,
                              struct err *err);
/* *ret_found is false if there is none. */
enum err_code store_book_find(struct db *db, const char *name, bool *ret_found,
                              int64_t *ret_book_id, struct err *err);

struct stream {
    int64_t stream_id;
    int64_t incarnation;
    struct str cluster; /* id of the broker */
    struct str cluster_name;
    struct str topic;
    enum event_kind kind;
};

/* As stream.kind has it: "requests", "checks". */
const char *store_kind_name(enum event_kind kind);

enum stream_state {
    STREAM_NONE, /* nothing of the topic was ever read */
    STREAM_OPEN,
    STREAM_CLOSED, /* its last incarnation was closed by an operator */
    STREAM_MOVED   /* not open here, but open on another cluster of the same configured name */
};

/* The last incarnation of (cluster, topic), created as number 1 if the topic is new (STREAM_NONE is never returned). What is closed or moved waits for an
 * operator's word (aggregator/incarnation.h) and is left as it is; without any incarnation here, stream_id is 0. Texts are borrowed from the
 * arguments. ERR_CONFIG: the kind is not what it was; ERR_STORE, ERR_FENCED (the store is locked). */
enum err_code store_stream(struct db *db, struct str cluster, struct str cluster_name,
                           struct str topic, enum event_kind kind, struct stream *ret_stream,
                           enum stream_state *ret_state, struct err *err);
/* The parts of it, for incarnation.c. The look: sets stream_id and incarnation. */
enum err_code store_stream_find(struct db *db, struct stream *stream, enum stream_state *ret_state,
                                struct err *err);
/* The next incarnation, inside the caller's transaction. */
enum err_code store_stream_insert(struct db *db, struct stream *stream, struct err *err);
/* The row of a stream, with its checksum; what changes is the cluster's name and whether it is closed. */
#define STREAM_NOT_CLOSED INT64_MIN
enum err_code store_stream_write(struct db *db, const struct stream *stream, int64_t closed_ns,
                                 struct err *err);

#endif
