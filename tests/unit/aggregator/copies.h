/* A book whose streams share their event ids, for the tests of copies. */
#ifndef TESTS_UNIT_AGGREGATOR_COPIES_H
#define TESTS_UNIT_AGGREGATOR_COPIES_H

#include "aggregator/audit.h"
#include "tests/unit/aggregator/world.h"

#define DAY_NS (24 * NS_PER_HOUR)
struct fixture {
    struct book book;
    int64_t streams[2]; /* of requests and of checks */
    struct id_group group;
};

static inline int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    book_open(&fixture->book);
    fixture->streams[0] = fixture->book.requests;
    fixture->streams[1] = fixture->book.checks;
    fixture->group = (struct id_group){.name = STR("edge"),
                                       .horizon_ns = DAY_NS,
                                       .count_max = 1000000,
                                       .stream_ids = fixture->streams,
                                       .stream_count = 1};
    fixture->book.ledger.groups = &fixture->group;
    fixture->book.ledger.group_count = 1;
    *state = fixture;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;

    book_close(&fixture->book);
    free(fixture);
    return 0;
}

/* A batch whose partitions of the group's streams are tested. */
static inline struct batch *batch_of(struct fixture *fixture)
{
    struct batch *batch = book_batch(&fixture->book, fixture->book.db);

    for (size_t i = 0; i < fixture->group.stream_count; i++) {
        for (int32_t p = 0; p < BOOK_PARTITIONS; p++) {
            batch_set_group(batch, fixture->streams[i], p, fixture->group.name);
        }
    }
    return batch;
}

static inline struct event event_with(const char *id, const char *service)
{
    return (struct event){.kind = EVENT_REQUEST,
                          .time_ns = BOOK_START_NS,
                          .service = STR(service),
                          .latency_ns = LATENCY_UNKNOWN,
                          .weight = 1,
                          .id = STR(id)};
}

/* The event `id` of minute 0, in a record that is that much later than the month's start. */
static inline void send(struct fixture *fixture, struct batch *batch, int32_t partition,
                        const char *id, int64_t record_after_ns)
{
    int64_t offset = batch_next_offset(batch, fixture->book.requests, partition);
    struct coordinate at =
        book_at(fixture->book.requests, partition, offset, BOOK_START_NS + record_after_ns);
    struct event event = event_with(id, "shop");

    batch_add_event(batch, &at, &event);
}

static inline void commit(struct fixture *fixture, struct batch *batch)
{
    struct err err = ERR_INIT;

    if (ledger_commit(&fixture->book.ledger, batch, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
}

#define SUM_OF(column) "SELECT CAST(coalesce(sum(" column "), 0) AS BIGINT) FROM batch_range"

static inline int64_t ids(struct fixture *fixture)
{
    return book_number(fixture->book.db, "SELECT count(*) FROM event_id");
}

static inline bool no_gaps(void *context, struct str topic)
{
    (void)context, (void)topic;
    return false;
}

static inline void refuse_finding(void *context, const char *line)
{
    (void)context;
    fail_msg("%s", line);
}

static inline void assert_sound(struct fixture *fixture)
{
    struct audit_report report;
    struct err err = ERR_INIT;

    assert_int_equal(audit_run(fixture->book.db, 1, no_gaps, refuse_finding, NULL, &report, &err),
                     ERR_OK);
}

#endif
