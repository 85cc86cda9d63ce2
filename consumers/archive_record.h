/*
 * A record as archive files hold it: its coordinate and its original bytes, bit by bit.
 *
 * One Avro record (archive_record_schema) a Kafka record. Null and empty are told apart for key, value and headers' values. The names of headers are bytes:
 * nobody makes sure that they are text. The file's head says of which topic the records are; docs/archive.md describes the format.
 */
#ifndef CONSUMERS_ARCHIVE_RECORD_H
#define CONSUMERS_ARCHIVE_RECORD_H

#include <stdint.h>

#include "base/press.h"
#include "base/str.h"
#include "consumers/source.h"

/* The schema of every archive file of this format, as it stands in the head. */
extern const char archive_record_schema[];

struct archive_record {
    int32_t partition;
    int64_t offset;
    int64_t time_ms; /* as Kafka has it; -1: none */
    enum record_time_type time_type;
    struct str key; /* data is NULL: null. All of these borrow from the block */
    struct str value;
    struct str headers; /* the whole array, walked and found sound; for archive_header_next */
};

/* Appends the record to the piece's content. */
void archive_record_put(struct piece *piece, const struct record *record);
/* Takes the record that begins at p. The position behind it; NULL: *ret_complaint says what is wrong with it (static text). */
const uint8_t *archive_record_take(const uint8_t *p, const uint8_t *end,
                                   struct archive_record *ret_record, const char **ret_complaint);

/*
 * What the next record probably begins with: the same partition, the next offset, nearly the same time, the same type and again a key. Two comparisons of words
 * then stand for five numbers, and what is behind them is found without waiting for their lengths. Nothing rests on it: other bytes are read one by one.
 */
struct archive_record_guess {
    uint64_t place, place_mask; /* bytes of partition and offset, low ones first */
    uint64_t time, time_mask;   /* of time stamp, its type and the branch of the key */
    int64_t offset, time_base;
    int32_t partition;
    enum record_time_type time_type;
    uint8_t place_size, offset_at, time_size; /* bytes; 0: nothing is guessed */
};
/* The same, as archive_record_view has it; *guess is about the record behind it afterwards. */
const uint8_t *archive_record_take_next(const uint8_t *p, const uint8_t *end, const char *header,
                                        struct archive_record_guess *guess,
                                        struct record *ret_record, const char **ret_complaint);

/* Takes a header off *headers, which begins as record.headers; false behind the last one. */
struct archive_header_walk {
    struct str rest;
    int64_t left; /* of the present block of the array */
};
static inline struct archive_header_walk archive_headers(const struct archive_record *record)
{
    return (struct archive_header_walk){record->headers, 0};
}
bool archive_header_next(struct archive_header_walk *walk, struct record_header *ret_header);
/* As a source would have handed it out; header: the name of the one that its framing looks at, or NULL. Borrows like the record does. */
struct record archive_record_view(const struct archive_record *record, uint32_t topic,
                                  const char *header);

#endif
