/*
 * An archive file in memory, as a run would have written it, for tests of its readers.
 */
#ifndef TESTS_UNIT_CONSUMERS_ARCHIVE_BYTES_H
#define TESTS_UNIT_CONSUMERS_ARCHIVE_BYTES_H

#include "base/check.h"
#include "consumers/archive_head.h"
#include "consumers/archive_record.h"

enum { ARCHIVE_BYTES_MAX = 64 * 1024 * 1024, ARCHIVE_BYTES_START = 1000 };
#define ARCHIVE_BYTES_TIME_MS INT64_C(1790000000000)

struct archive_bytes_options {
    enum codec codec;
    int threads;
    int records;       /* offsets ascend by 2: every other one is absent */
    int block_records; /* a block ends after so many */
};

/* Record number i, with everything that may be null or empty being so at times. It is valid until the next call. */
static inline struct record archive_bytes_record(int i)
{
    static char value[64];
    static struct record_header headers[2];
    size_t size = (size_t)(i * 7 % 60);

    for (size_t k = 0; k < size; k++) {
        value[k] = (char)(i + (int)k % 5);
    }
    headers[0] = (struct record_header){STR("trace"), str_of(value, size)};
    headers[1] = (struct record_header){STR(""), str_of(i % 2 == 0 ? NULL : "", 0)};
    return (struct record){.partition = 3,
                           .offset = ARCHIVE_BYTES_START + 2 * (int64_t)i,
                           .time_ms = i % 11 == 10 ? -1 : ARCHIVE_BYTES_TIME_MS + i,
                           .time_ns = record_time_ns(i % 11 == 10 ? -1 : ARCHIVE_BYTES_TIME_MS + i),
                           .time_type = (enum record_time_type)(i % 3),
                           .key = str_of(i % 4 == 0 ? NULL : value, i % 4 == 0 ? 0 : size / 2),
                           .value = str_of(i % 5 == 0 ? NULL : value, i % 5 == 0 ? 0 : size),
                           .tombstone = i % 5 == 0,
                           .headers = headers,
                           .header_count = (size_t)(i % 3)};
}

static inline void archive_bytes_take(struct press *press, const char *marker, struct strbuf *out)
{
    struct piece *piece;
    char prefix[CONTAINER_PREFIX_SIZE_MAX];

    while ((piece = press_take(press)) != NULL) {
        strbuf_append(
            out, str_of(prefix, container_write_prefix(prefix, piece->number, piece->packed_size)));
        strbuf_append(out, str_of(piece->packed, piece->packed_size));
        strbuf_append(out, str_of(marker, CONTAINER_MARKER_SIZE));
        press_free_piece(press, piece);
    }
}

/* Appends the file to out. */
static inline struct archive_head archive_bytes(const struct archive_bytes_options *options,
                                                struct strbuf *out)
{
    struct press_options press_options = {.codec = options->codec,
                                          .level = 1,
                                          .thread_count = options->threads,
                                          .queue_max = 8,
                                          .size_kept = 1024};
    struct archive_head head = {.cluster = STR("cluster"),
                                .topic = STR("requests"),
                                .incarnation = 2,
                                .partition = 3,
                                .framing = STR("confluent"),
                                .codec = options->codec,
                                .from = ARCHIVE_BYTES_START,
                                .to = ARCHIVE_BYTES_START + 2 * (int64_t)options->records,
                                .records = options->records,
                                .block_size_max = 100000};
    char marker[CONTAINER_MARKER_SIZE];
    struct err err = ERR_INIT;
    struct press *press;
    int last = options->records - 1;

    head.low_time_ns = ARCHIVE_BYTES_TIME_MS * NS_PER_MS;
    head.high_time_ns = (ARCHIVE_BYTES_TIME_MS + (last % 11 == 10 ? last - 1 : last)) * NS_PER_MS;
    archive_head_write(&head, out);
    archive_head_marker(&head, marker);
    CHECK(press_open(&press_options, &press, &err) == ERR_OK);
    for (int i = 0; i < options->records;) {
        struct piece *piece = press_piece(press);

        for (int k = 0; k < options->block_records && i < options->records; k++, i++) {
            struct record record = archive_bytes_record(i);

            archive_record_put(piece, &record);
            piece->number++;
        }
        if (press_full(press)) {
            archive_bytes_take(press, marker, out);
        }
        press_put(press, piece);
    }
    archive_bytes_take(press, marker, out);
    press_close(press);
    CHECK(!out->overflow);
    return head;
}

#endif
