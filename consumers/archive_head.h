/*
 * The head of an archive file: which records it holds, and what is needed to read them.
 *
 * What is known only when the file ends has a fixed width, so that a head can be written first and again at last, in place. The marker
 * between blocks is made of the coordinates: the same records give the same bytes.
 */
#ifndef CONSUMERS_ARCHIVE_HEAD_H
#define CONSUMERS_ARCHIVE_HEAD_H

#include "consumers/container.h"
#include "consumers/framing.h"

#define ARCHIVE_FORMAT "1"
#define ARCHIVE_HEAD_NO_TIME INT64_MIN

struct archive_head {
    struct str cluster; /* the broker's own id */
    struct str topic;
    int64_t incarnation;
    int32_t partition;
    struct str framing; /* of the topic, as the configuration names it */
    struct str schema;  /* of framing avro: the one of all records; else empty */
    enum codec codec;
    /* Known last. */
    int64_t from, to; /* offsets, to is exclusive */
    int64_t records;
    int64_t block_size_max;            /* of the blocks, unpacked; bytes */
    int64_t low_time_ns, high_time_ns; /* of Kafka; ARCHIVE_HEAD_NO_TIME: no record has one */
};

/* What ends each block. */
void archive_head_marker(const struct archive_head *head, char ret_marker[CONTAINER_MARKER_SIZE]);
/* Appends it. */
void archive_head_write(const struct archive_head *head, struct strbuf *out);
/* Texts borrow from the reader. ERR_DATA: the file is not one of an archive, or of a format that is not known. */
enum err_code archive_head_read(const struct container_reader *reader,
                                struct archive_head *ret_head, struct err *err);

#endif
