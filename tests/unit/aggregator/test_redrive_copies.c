/* Copies of an event of which at least one was a dead letter: whenever they come back, the event is counted once. */
#include "aggregator/audit.h"
#include "tests/unit/aggregator/world.h"

#define DAY_NS (24 * NS_PER_HOUR)
struct fixture {
    struct book book;
    int64_t streams[2]; /* of requests and of checks */
    struct id_group group;
};

static int set_up(void **state)
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

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    book_close(&fixture->book);
    free(fixture);
    return 0;
}

/* A batch whose partitions of the group's streams are tested. */
static struct batch *batch_of(struct fixture *fixture)
{
    struct batch *batch = book_batch(&fixture->book, fixture->book.db);

    for (size_t i = 0; i < fixture->group.stream_count; i++) {
        for (int32_t p = 0; p < BOOK_PARTITIONS; p++) {
            batch_set_group(batch, fixture->streams[i], p, fixture->group.name);
        }
    }
    return batch;
}

static struct event event_with(const char *id, const char *service)
{
    return (struct event){.kind = EVENT_REQUEST,
                          .time_ns = BOOK_START_NS,
                          .service = STR(service),
                          .latency_ns = LATENCY_UNKNOWN,
                          .weight = 1,
                          .id = STR(id)};
}

/* The event `id` of minute 0, in a record that is that much later than the month's start. */
static void send(struct fixture *fixture, struct batch *batch, int32_t partition, const char *id,
                 int64_t record_after_ns)
{
    int64_t offset = batch_next_offset(batch, fixture->book.requests, partition);
    struct coordinate at =
        book_at(fixture->book.requests, partition, offset, BOOK_START_NS + record_after_ns);
    struct event event = event_with(id, "shop");

    batch_add_event(batch, &at, &event);
}

static void commit(struct fixture *fixture, struct batch *batch)
{
    struct err err = ERR_INIT;

    if (ledger_commit(&fixture->book.ledger, batch, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
}

#define SUM_OF(column) "SELECT CAST(coalesce(sum(" column "), 0) AS BIGINT) FROM batch_range"

static int64_t ids(struct fixture *fixture)
{
    return book_number(fixture->book.db, "SELECT count(*) FROM event_id");
}

static bool no_gaps(void *context, struct str topic)
{
    (void)context, (void)topic;
    return false;
}

static void refuse_finding(void *context, const char *line)
{
    (void)context;
    fail_msg("%s", line);
}

static void assert_sound(struct fixture *fixture)
{
    struct audit_report report;
    struct err err = ERR_INIT;

    assert_int_equal(audit_run(fixture->book.db, 1, no_gaps, refuse_finding, NULL, &report, &err),
                     ERR_OK);
}

/* A letter of the partition at its next offset, whose record is that much later than the month's start. */
static void send_dead(struct fixture *fixture, struct batch *batch, int32_t partition,
                      int64_t record_after_ns)
{
    int64_t offset = batch_next_offset(batch, fixture->book.requests, partition);
    struct coordinate at =
        book_at(fixture->book.requests, partition, offset, BOOK_START_NS + record_after_ns);

    batch_add_dead_letter(batch, &at, VERDICT_BAD_OUTCOME, STR("why"), STR("bytes"),
                          str_of(NULL, 0));
}

/* The letter at that place is the event `id` now. Returns how many duplicates the step found. */
static int64_t redrive_one(struct fixture *fixture, int32_t partition, int64_t offset,
                           const char *id, int64_t record_after_ns)
{
    struct redrive_stream stream = {.stream_id = fixture->book.requests,
                                    .topic = STR("requests"),
                                    .config_digest = STR("digest-2"),
                                    .group = fixture->group.name};
    struct redrive *redrive = redrive_new(&stream);
    struct ledger ledger = fixture->book.ledger;
    struct coordinate at =
        book_at(fixture->book.requests, partition, offset, BOOK_START_NS + record_after_ns);
    struct event event = event_with(id, "shop");
    struct err err = ERR_INIT;
    int64_t count;
    bool missed;

    ledger.lasting_ids = true;
    redrive_add_event(redrive, &at, &event);
    if (redrive_commit(&ledger, redrive, &missed, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    count = redrive_duplicates(redrive);
    redrive_free(redrive);
    return count;
}

static void test_a_redriven_copy_of_a_counted_event(void **state)
{
    struct fixture *fixture = *state;
    struct batch *batch = batch_of(fixture);

    send(fixture, batch, 0, "a", 0);
    send_dead(fixture, batch, 1, 1);
    commit(fixture, batch);
    assert_int_equal(redrive_one(fixture, 1, world_origins[1], "a", 1), 1);
    assert_int_equal(book_number(fixture->book.db, "SELECT duplicate FROM moved"), 1);
    assert_int_equal(book_number(fixture->book.db, "SELECT record_offset FROM duplicate"),
                     world_origins[1]);
    assert_sound(fixture);
    batch_free(batch);
}

/* Both copies were dead. Between the redrives that bring them back, all that is old is forgotten; not so the id of a redrive. */
static void test_two_dead_copies_are_counted_once_however_far_apart_they_come_back(void **state)
{
    struct fixture *fixture = *state;
    struct batch *batch = batch_of(fixture);

    send_dead(fixture, batch, 0, 0);
    send_dead(fixture, batch, 1, 1);
    send(fixture, batch, 2, "other", 0);
    commit(fixture, batch);
    assert_int_equal(redrive_one(fixture, 0, world_origins[0], "a", 0), 0);
    fixture->book.clock.time_ns += 100 * DAY_NS;
    for (int32_t p = 0; p < BOOK_PARTITIONS; p++) {
        send(fixture, batch, p, p == 0 ? "x" : p == 1 ? "y" : "z", 90 * DAY_NS);
    }
    commit(fixture, batch);
    send(fixture, batch, 0, "w", 90 * DAY_NS);
    commit(fixture, batch);
    assert_int_equal(ids(fixture), 5); /* "other" is gone, "a" is not */
    assert_int_equal(redrive_one(fixture, 1, world_origins[1], "a", 1), 1);
    assert_sound(fixture);
    batch_free(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_redriven_copy_of_a_counted_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_two_dead_copies_are_counted_once_however_far_apart_they_come_back, set_up,
            tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
