/*
 * Dead letters as the ledger keeps them: their rows, and the bytes in them.
 *
 * A row is never deleted, and its checksum covers all of it. Two things change: `resolved_by` once, from NULL to the batch of the redrive
 * that counted it, and the bytes once, when they expire. Both rewrite the row with its checksum, inside a transaction that has read it.
 * Errors: ERR_STORE, also for a row whose checksum is wrong; ERR_FENCED if the store is locked.
 */
#ifndef AGGREGATOR_DEAD_LETTER_H
#define AGGREGATOR_DEAD_LETTER_H

#include "base/arena.h"
#include "base/db.h"

/* What the stored bytes are of the record. Names are stored: never reorder. */
enum letter_content {
    LETTER_WHOLE,
    LETTER_CUT,      /* its beginning */
    LETTER_REDACTED, /* fields were blanked, or nothing was kept for their sake */
    LETTER_EXPIRED   /* emptied, because they were kept for long enough */
};

struct dead_letter {
    int64_t stream_id, offset;
    int32_t partition;
    struct str batch_id; /* of the consumer that met it */
    struct str reason;   /* name of the verdict */
    struct str detail;
    int64_t time_ns;     /* Kafka time stamp, INT64_MIN if none */
    int64_t record_size; /* of the original */
    enum letter_content content;
    struct str bytes;
    struct str resolved_by; /* empty: it is still dead */
    struct str
        schema_header; /* the record's header that named its schema; data is NULL: none is kept */
};

/* "whole", ... */
const char *letter_content_name(enum letter_content content);

/* Inside the caller's transaction. */
enum err_code dead_letter_insert(struct db *db, int64_t book_id, const struct dead_letter *letter,
                                 struct err *err);
/* Texts in arena. *ret_found is false if the book has no such row. */
enum err_code dead_letter_read(struct db *db, int64_t book_id, int64_t stream_id, int32_t partition,
                               int64_t offset, struct arena *arena, struct dead_letter *ret_letter,
                               bool *ret_found, struct err *err);
/* A letter is claimed in two steps inside the caller's transaction, which may run beside others: it is locked, then rewritten. Letters are locked
 * in the order of their coordinates. *ret_locked becomes 1 if the letter is there and nobody has resolved it; db_settle tells. */
enum err_code dead_letter_lock(struct db *db, int64_t book_id, int64_t stream_id, int32_t partition,
                               int64_t offset, int64_t *ret_locked, struct err *err);
/* Of a letter that was locked. */
enum err_code dead_letter_resolve(struct db *db, int64_t book_id, int64_t stream_id,
                                  int32_t partition, int64_t offset, struct str batch_id,
                                  struct err *err);

struct dead_letter_query {
    int64_t stream_id;
    struct str reason; /* empty: any */
    int32_t after_partition;
    int64_t after_offset; /* letters behind this coordinate; -1, -1: from the first */
    size_t count_max;
    size_t size_max; /* of their bytes, and one letter more */
};
/* Letters that are still dead, in the order of their coordinates; in arena. */
enum err_code dead_letter_list(struct db *db, int64_t book_id,
                               const struct dead_letter_query *query, struct arena *arena,
                               struct dead_letter **ret_letters, size_t *ret_count,
                               struct err *err);

/* Empties the bytes of letters, resolved or not, that were stored before before_ns (store's clock). In transactions of its own, a bounded number
 * of rows each; may be killed and called again. *ret_count is also set on errors: what was emptied by then. */
enum err_code dead_letter_expire(struct db *db, int64_t book_id, int64_t before_ns,
                                 int64_t *ret_count, struct err *err);

#endif
