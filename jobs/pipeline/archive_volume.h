/*
 * A volume: an archive file while it is written, with the batch that its range will be.
 *
 * Records become blocks, blocks are packed by the press (base/press.h), packed blocks go to a draft in the order of their records. What is known at the end only
 * stands in the head, which is written twice in one place. Memory: a block and 128 kB per open volume, and the blocks on their way through the press.
 * Errors: ERR_DELIVERY.
 */
#ifndef JOBS_PIPELINE_ARCHIVE_VOLUME_H
#define JOBS_PIPELINE_ARCHIVE_VOLUME_H

#include "aggregator/archive_file.h"
#include "base/objects.h"
#include "base/press.h"
#include "consumers/archive_head.h"
#include "consumers/source.h"

enum { VOLUME_NAME_SIZE = 512 };

struct volume_options {
    struct objects *objects; /* borrowed, as are press and texts */
    struct press *press;
    size_t block_size;
    int64_t stream_id;
    struct archive_head head; /* what is known first, and `from` */
    struct str folder;        /* of the object's name; copied */
};

/* What the event of a record is of. It shows in the row of the file, not in its bytes: mappings change. */
struct volume_date {
    int64_t event_ns; /* ARCHIVE_NO_TIME: it is none */
    bool undated;     /* it may become one, of any time */
};

struct volume {
    struct volume_options options;
    struct archive_head head;
    struct batch *batch; /* owned; of the one partition */
    struct objects_draft *draft;
    struct piece *piece; /* being filled; NULL: none */
    int64_t piece_records;
    int blocks_under_way;
    size_t head_size;
    int64_t size; /* of the file so far, with what waits */
    char *room;   /* owned; what waits to be written */
    size_t waiting;
    int64_t content_bytes; /* of its blocks, before they are packed */
    int64_t
        cut; /* where it has to end, because such a file stands there already; INT64_MAX: anywhere */
    int64_t low_event_ns, high_event_ns; /* ARCHIVE_NO_TIME: no event yet */
    int64_t undated;                     /* records that are neither events nor left out */
    int64_t opened_ns;                   /* monotonic */
    bool ended;                          /* takes no more records */
    char folder[VOLUME_NAME_SIZE];
    char name[VOLUME_NAME_SIZE]; /* of the object; once it is ended */
    struct volume *next;         /* the caller's */
};

enum err_code volume_open(const struct volume_options *options, struct volume **ret_volume,
                          struct err *err);
/* Takes what is left away; the press must hold nothing of it. NULL is allowed. */
void volume_free(struct volume *volume);
/* Records come in order, none behind `cut`. */
enum err_code volume_add(struct volume *volume, const struct record *record,
                         const struct volume_date *date, struct err *err);
/* The last call before publishing: it covers offsets up to `to`. */
enum err_code volume_end(struct volume *volume, int64_t to, struct err *err);
/* Bytes of its records so far, before they are packed. */
int64_t volume_content(const struct volume *volume);
/* Waits for its blocks, then makes it an object. *ret_file is what the store shall know of it; texts are the volume's. */
enum err_code volume_publish(struct volume *volume, struct archive_file *ret_file,
                             char ret_sha256[HASH_HEX_SIZE], struct err *err);
/* Writes the oldest block that went into the press to its file, whichever that is. False: there is none. */
enum err_code volume_write_block(struct press *press, bool *ret_written, struct err *err);
/* Appends "FROM-TO.avro", or reads it. */
void volume_name(int64_t from, int64_t to, struct strbuf *out);
bool volume_name_read(struct str name, int64_t *ret_from, int64_t *ret_to);

#endif
