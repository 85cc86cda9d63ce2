/* Copies of an event of which at least one was a dead letter: whenever they come back, the event is counted once. */

#include "tests/unit/aggregator/copies.h"

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
