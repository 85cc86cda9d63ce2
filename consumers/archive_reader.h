/*
 * An archive file, read record by record: what a source is for a topic.
 *
 * It believes nothing: head, blocks, records, their order and their number are held against each other. Memory: one block, packed and unpacked. One
 * reader per file and thread; several read at once. Nothing is copied: a record borrows from its block, until the next one.
 * Errors: ERR_DATA with the place, ERR_FAILED (it cannot be read).
 */
#ifndef CONSUMERS_ARCHIVE_READER_H
#define CONSUMERS_ARCHIVE_READER_H

#include "consumers/archive_head.h"
#include "consumers/archive_record.h"
#include "consumers/container.h"

/* A block ends with the record that fills it, and no broker takes one of that size. */
#define ARCHIVE_BLOCK_SIZE_MAX (INT64_C(1) << 30)

struct archive_reader {
    struct container_reader container;
    struct archive_head head;
    struct container_block block;
    struct str rest; /* of the block, not read yet */
    int64_t left;    /* records of it */
    int64_t next;    /* the least offset that the next record may have */
    int64_t records; /* read so far */
    bool damaged;    /* something was passed over: the totals of the head do not hold */
    struct archive_record_guess guess;
    int64_t low_ms, high_ms; /* time stamps so far; low above high: none */
};

/* Also after a failure it is to be released. */
enum err_code archive_reader_open(struct archive_reader *reader,
                                  const struct container_input *input, struct err *err);
void archive_reader_release(struct archive_reader *reader);
/* *ret_found is false at the end. After ERR_DATA, archive_reader_pass_over may help. */
enum err_code archive_reader_next(struct archive_reader *reader, bool *ret_found,
                                  struct archive_record *ret_record, struct err *err);
/* The next ones, of one block, as a source would have handed them out, but that each value has CODEC_BEHIND bytes behind it; header as archive_record_view has it. *ret_count 0: the end. Before a
 * record that is not sound it stops; the next call complains of it. */
enum err_code archive_reader_take(struct archive_reader *reader, const char *header,
                                  struct record *records, size_t room, size_t *ret_count,
                                  struct err *err);
/* Gives up the block that is damaged and goes on behind the next marker. *ret_skipped: bytes. ERR_FAILED. */
enum err_code archive_reader_pass_over(struct archive_reader *reader, int64_t *ret_skipped,
                                       struct err *err);

#endif
