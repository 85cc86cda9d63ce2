/*
 * Dead letters as the ledger keeps them: read one by its coordinate. They are written by ledger_rows.c.
 */
#ifndef AGGREGATOR_DEAD_LETTER_H
#define AGGREGATOR_DEAD_LETTER_H

#include "base/arena.h"
#include "base/db.h"

struct dead_letter {
    struct str reason; /* name of the verdict */
    struct str detail;
    struct str bytes;    /* may be cut */
    int64_t record_size; /* of the original */
    struct str
        schema_header; /* the record's header that named its schema; data is NULL: none is kept */
};

/* Texts in arena. *ret_found is false if the book has no such row. ERR_STORE, also for a row whose checksum is wrong. */
enum err_code dead_letter_read(struct db *db, int64_t book_id, int64_t stream_id, int32_t partition,
                               int64_t offset, struct arena *arena, struct dead_letter *ret_letter,
                               bool *ret_found, struct err *err);

#endif
