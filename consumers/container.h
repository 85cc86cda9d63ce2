/*
 * Avro object container files (Avro 1.11, "Object Container Files"): head, then blocks, each with a count, a size, bytes, and the file's marker.
 *
 * What is written here any Avro tool reads. The reader takes its file for hostile: every size is held against what is left and against limits before
 * anything is allocated, and memory is bounded by one block whatever the file's size. What blocks hold is not looked into: archive_record.h does
 * that for our own files.
 * Errors: ERR_DATA with the place (the file is not whole, or not what it says), ERR_FAILED (it cannot be read).
 */
#ifndef CONSUMERS_CONTAINER_H
#define CONSUMERS_CONTAINER_H

#include <stdint.h>

#include "base/arena.h"
#include "base/codec.h"
#include "base/err.h"
#include "base/str.h"

enum {
    CONTAINER_MARKER_SIZE = 16,
    CONTAINER_ENTRIES_MAX = 1000,               /* of a head */
    CONTAINER_HEAD_SIZE_MAX = 16 * 1024 * 1024, /* schemas are at most 1 MiB */
    CONTAINER_PREFIX_SIZE_MAX = 20              /* of a block */
};

struct container_entry {
    struct str key, value;
};

/* Appends magic, metadata and marker. */
void container_write_head(struct strbuf *out, const struct container_entry *entries, size_t count,
                          const char marker[CONTAINER_MARKER_SIZE]);
/* What stands before the bytes of a block; returns its size. */
size_t container_write_prefix(char at[CONTAINER_PREFIX_SIZE_MAX], int64_t records, size_t size);

/* Where a file is read from. */
struct container_input {
    /* Reads up to size bytes at offset; -1 with errno; less than size only at the end. */
    int64_t (*read)(void *context, int64_t offset, char *into, size_t size);
    void *context;
    int64_t size;
};

/* An open file, which stays the caller's. ERR_FAILED. */
enum err_code container_input_file(int *fd, struct container_input *ret_input, struct err *err);
/* Bytes in memory. */
struct container_input container_input_memory(const struct str *bytes);

struct container_block {
    int64_t at;         /* where it begins in the file */
    int64_t records;    /* as it says; what it holds is for the caller to count */
    struct str content; /* unpacked, with CODEC_BEHIND bytes behind it; valid until the next call */
};

struct container_reader {
    struct container_input input;
    struct arena arena;
    struct container_entry *entries; /* in the arena; of the head, in its order */
    size_t entry_count;
    enum codec codec;
    char marker[CONTAINER_MARKER_SIZE];
    struct unpacker *unpacker; /* owned */
    char *packed;              /* owned */
    size_t packed_room;
    int64_t at;         /* behind the last block */
    size_t content_max; /* larger blocks are refused */
    size_t size_hint;   /* of blocks; 0: not known */
};

/* Reads the head. content_max: of a block, packed or not. Also after a failure it is to be released. */
enum err_code container_open(struct container_reader *reader, const struct container_input *input,
                             size_t content_max, struct err *err);
void container_release(struct container_reader *reader);
/* data is NULL if the head has no such key. */
struct str container_meta(const struct container_reader *reader, const char *key);
/* *ret_found is false at the end. After ERR_DATA the reader stands where the block began. */
enum err_code container_next(struct container_reader *reader, bool *ret_found,
                             struct container_block *ret_block, struct err *err);
/* After ERR_DATA: goes behind the next marker, or to the end. *ret_skipped: how many bytes that were. ERR_FAILED. */
enum err_code container_resync(struct container_reader *reader, int64_t *ret_skipped,
                               struct err *err);

#endif
