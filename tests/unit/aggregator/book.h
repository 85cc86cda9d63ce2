/* A store in a folder of its own with a book, two streams and a simulated clock, for the tests of the ledger and the fold. */
#ifndef TESTS_UNIT_AGGREGATOR_BOOK_H
#define TESTS_UNIT_AGGREGATOR_BOOK_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "aggregator/fold.h"
#include "aggregator/ledger.h"
#include "aggregator/store.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/fault.h"
#include "tests/unit/store_place.h"
#include "tests/unit/temporary.h"

/* Small, so that the few tallies of a test make several pending rows, and several steps of a fold. */
enum { BOOK_PENDING_ROW_SIZE = 64 };
/* 2026-10-01T00:00:00Z */
#define BOOK_START_NS (INT64_C(1790812800) * NS_PER_SECOND)
enum { BOOK_PARTITIONS = 3 };

struct book {
    struct temporary folder;
    char path[512];
    struct db *db;
    struct clock_simulated clock;
    struct random random;
    struct ledger ledger;
    int64_t requests, checks; /* stream ids */
};

static inline enum err_code book_try_connect(struct book *book, struct db **ret_db, struct err *err)
{
    struct db_options options = {.create = true,
                                 .clock = &book->clock.clock,
                                 .lock_wait_ns = store_place_on_server() ? 300 * NS_PER_MS : 0};

    return store_place_open(book->path, options, ret_db, err);
}

static inline struct db *book_connect(struct book *book)
{
    struct err err = ERR_INIT;
    struct db *db = NULL;

    if (book_try_connect(book, &db, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    return db;
}

static inline struct ledger book_ledger(struct book *book, struct db *db)
{
    return (struct ledger){.db = db,
                           .book_id = 1,
                           .random = &book->random,
                           .program_version = "test",
                           .pending_row_size = BOOK_PENDING_ROW_SIZE};
}

static inline void book_open(struct book *book)
{
    static const int64_t origins[BOOK_PARTITIONS] = {0, 100, 5};
    enum stream_state opened;
    struct stream stream;
    struct err err = ERR_INIT;

    *book = (struct book){0};
    temporary_make(&book->folder);
    snprintf(book->path, sizeof(book->path), "%s", temporary_file(&book->folder, "store.db"));
    clock_simulated_init(&book->clock, BOOK_START_NS);
    random_init_seed(&book->random, 1);
    book->db = book_connect(book);
    book->ledger = book_ledger(book, book->db);
    assert_int_equal(store_migrate(book->db, &err), ERR_OK);
    assert_int_equal(store_stream(book->db, STR("cluster"), STR("prod"), STR("requests"),
                                  EVENT_REQUEST, &stream, &opened, &err),
                     ERR_OK);
    book->requests = stream.stream_id;
    assert_int_equal(store_stream(book->db, STR("cluster"), STR("prod"), STR("checks"), EVENT_CHECK,
                                  &stream, &opened, &err),
                     ERR_OK);
    book->checks = stream.stream_id;
    assert_int_equal(
        ledger_set_origins(&book->ledger, book->requests, origins, BOOK_PARTITIONS, &err), ERR_OK);
    assert_int_equal(
        ledger_set_origins(&book->ledger, book->checks, origins, BOOK_PARTITIONS, &err), ERR_OK);
}

static inline void book_close(struct book *book)
{
    fault_set_hook(NULL, NULL);
    db_close(book->db);
    temporary_remove(&book->folder);
}

/* A batch with all partitions of both streams, where the ledger has them. */
static inline struct batch *book_batch(struct book *book, struct db *db)
{
    const int64_t streams[2] = {book->requests, book->checks};
    static const char *const topics[2] = {"requests", "checks"};
    struct ledger ledger = book_ledger(book, db);
    struct batch *batch = batch_new(DEAD_LETTER_BYTES_MAX);
    struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;

    for (int s = 0; s < 2; s++) {
        struct ledger_partition *partitions;
        size_t count;

        assert_int_equal(ledger_partitions(&ledger, streams[s], &arena, &partitions, &count, &err),
                         ERR_OK);
        for (size_t i = 0; i < count; i++) {
            batch_begin_partition(batch, streams[s], STR(topics[s]), STR("digest-1"),
                                  partitions[i].partition, partitions[i].next_offset);
        }
    }
    arena_release(&arena);
    return batch;
}

static inline struct coordinate book_at(int64_t stream_id, int32_t partition, int64_t offset,
                                        int64_t time_ns)
{
    return (struct coordinate){
        .stream_id = stream_id, .partition = partition, .offset = offset, .time_ns = time_ns};
}

/* One request of `service` at minute `minute` of the month, at the next offset of the partition. */
static inline void book_request(struct book *book, struct batch *batch, int32_t partition,
                                const char *service, int64_t minute, bool error)
{
    struct coordinate at =
        book_at(book->requests, partition, batch_next_offset(batch, book->requests, partition),
                BOOK_START_NS);
    struct event event = {.kind = EVENT_REQUEST,
                          .outcome = error ? OUTCOME_ERROR : OUTCOME_SUCCESS,
                          .time_ns = BOOK_START_NS + minute * NS_PER_MINUTE,
                          .service = STR(service),
                          .latency_ns = 5 * NS_PER_MS,
                          .latency_threshold_ns = LATENCY_THRESHOLD_NONE,
                          .weight = 1};

    batch_add_event(batch, &at, &event);
}

static inline void book_check(struct book *book, struct batch *batch, int32_t partition,
                              const char *service, int64_t minute, enum outcome outcome)
{
    struct coordinate at = book_at(
        book->checks, partition, batch_next_offset(batch, book->checks, partition), BOOK_START_NS);
    struct event event = {.kind = EVENT_CHECK,
                          .outcome = outcome,
                          .time_ns = BOOK_START_NS + minute * NS_PER_MINUTE,
                          .service = STR(service),
                          .instance = STR("i-1"),
                          .region = STR("eu"),
                          .checker = STR("probe"),
                          .interval_ns = NS_PER_MINUTE};

    batch_add_event(batch, &at, &event);
}

/* One number from the store. The text must be a literal. */
static inline int64_t book_number(struct db *db, const char *sql)
{
    struct db_stmt *stmt;
    struct err err = ERR_INIT;
    bool row = false;
    int64_t value;

    if (db_prepare(db, sql, &stmt, &err) != ERR_OK || db_step(stmt, &row, &err) != ERR_OK) {
        fail_msg("%s: %s", sql, err.text);
    }
    value = row ? db_column_int64(stmt, 0) : INT64_MIN;
    db_reset(stmt);
    return value;
}

static inline void book_exec(struct db *db, const char *sql)
{
    char text[4096];
    struct err err = ERR_INIT;

    store_place_sql(sql, text, sizeof(text));
    if (db_exec(db, text, &err) != ERR_OK) {
        fail_msg("%s: %s", sql, err.text);
    }
}

#endif
