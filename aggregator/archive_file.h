/*
 * Files of an archive, as the store knows them: one row a file, inserted by the commit of the range that the file holds.
 *
 * The book of an archive (ARCHIVE_BOOK) is a ledger like any other, in which each record has the verdict `archived`, and each range with records
 * has one file. A row whose file was deleted by retention stays: the ranges say for ever what was archived.
 * Errors: ERR_STORE, ERR_FENCED (locked).
 */
#ifndef AGGREGATOR_ARCHIVE_FILE_H
#define AGGREGATOR_ARCHIVE_FILE_H

#include "aggregator/ledger.h"
#include "base/hash.h"

#define ARCHIVE_BOOK "archive"

enum archive_state {
    ARCHIVE_KEPT,
    ARCHIVE_EXPIRING, /* its object is being deleted, and may be there or not */
    ARCHIVE_EXPIRED
};

#define ARCHIVE_NO_TIME INT64_MIN

struct archive_file {
    int64_t stream_id;
    int32_t partition;
    int64_t from, to;
    struct str batch_id;
    struct str name;   /* of the object */
    int64_t size;      /* bytes */
    struct str sha256; /* lower-case hexadecimal */
    int64_t records;
    int64_t low_time_ns, high_time_ns;   /* of Kafka; ARCHIVE_NO_TIME: no record has one */
    int64_t low_event_ns, high_event_ns; /* of the events in it; ARCHIVE_NO_TIME: there is none */
    int64_t
        undated; /* bad records, whose events may be from any time once they are none any more */
    enum archive_state state;
    int64_t expired_ns; /* when its deletion began; ARCHIVE_NO_TIME: it is kept */
};

/* NULL if there is no such state. */
const char *archive_state_name(enum archive_state state);

/* Inside the caller's transaction. A row that is there already with this key is replaced: that is how its state changes. */
enum err_code archive_file_write(struct db *db, int64_t book_id, const struct archive_file *file,
                                 struct err *err);
/* Up to count_max files behind (stream, partition, from), in the order of their keys; texts in arena. The first page begins behind (0, 0, -1). ERR_MISMATCH: a row
 * was changed from outside. */
enum err_code archive_file_page(struct db *db, int64_t book_id, const struct archive_file *behind,
                                size_t count_max, struct arena *arena,
                                struct archive_file *ret_files, size_t *ret_count, struct err *err);
/* Changes the state of a kept or expiring file, in a transaction of its own; nothing happens if it is another one by now. */
enum err_code archive_file_set_state(struct db *db, int64_t book_id,
                                     const struct archive_file *file, enum archive_state state,
                                     struct err *err);

#endif
