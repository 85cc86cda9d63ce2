/* Event ids: what counts as a copy, in which order, for how long, and what is left behind by commits that fail. */

#include "tests/unit/aggregator/copies.h"

static int64_t tallied(struct fixture *fixture)
{
    return book_number(fixture->book.db, SUM_OF("tallied"));
}

static int64_t duplicates(struct fixture *fixture)
{
    return book_number(fixture->book.db, SUM_OF("duplicate"));
}

/* The order of the ledger is that of partitions and offsets, not that of arrival. */
static void test_copies_in_one_batch(void **state)
{
    struct fixture *fixture = *state;
    struct batch *batch = batch_of(fixture);

    send(fixture, batch, 1, "a", 1);
    send(fixture, batch, 0, "b", 0);
    send(fixture, batch, 0, "a", 0);
    send(fixture, batch, 0, "a", 2);
    batch_check(batch);
    assert_int_equal(batch_records(batch), 4);
    commit(fixture, batch);
    assert_int_equal(batch_duplicates(batch), 2);
    assert_int_equal(tallied(fixture), 2);
    assert_int_equal(book_number(fixture->book.db, "SELECT record_offset FROM duplicate WHERE "
                                                   "partition_id = 1"),
                     100);
    assert_int_equal(book_number(fixture->book.db, "SELECT record_offset FROM duplicate WHERE "
                                                   "partition_id = 0"),
                     2);
    assert_sound(fixture);
    world_fold_all(fixture->book.db, "a", 100);
    assert_int_equal(book_number(fixture->book.db, "SELECT total FROM rollup_hour"), 2);
    assert_sound(fixture);
    batch_free(batch);
}

static void test_copies_across_batches_and_partitions(void **state)
{
    struct fixture *fixture = *state;
    struct batch *batch = batch_of(fixture);

    send(fixture, batch, 0, "a", 0);
    commit(fixture, batch);
    assert_int_equal(batch_duplicates(batch), 0);
    send(fixture, batch, 0, "a", 1);
    send(fixture, batch, 2, "a", 1);
    send(fixture, batch, 2, "b", 1);
    commit(fixture, batch);
    assert_int_equal(batch_duplicates(batch), 2);
    /* A batch of nothing but copies. */
    send(fixture, batch, 1, "b", 2);
    commit(fixture, batch);
    assert_int_equal(batch_duplicates(batch), 1);
    assert_int_equal(tallied(fixture), 2);
    assert_int_equal(duplicates(fixture), 3);
    assert_int_equal(ids(fixture), 2);
    assert_sound(fixture);
    world_fold_all(fixture->book.db, "a", 1);
    assert_int_equal(book_number(fixture->book.db, "SELECT records FROM rollup_day"), 2);
    assert_sound(fixture);
    batch_free(batch);
}

/* The same id at another time, in another group, and no id at all. */
static void test_what_is_no_copy(void **state)
{
    struct fixture *fixture = *state;
    struct id_group groups[2] = {fixture->group, fixture->group};
    struct batch *batch = batch_of(fixture);

    groups[0].name = STR("checks");
    fixture->book.ledger.groups = groups;
    fixture->book.ledger.group_count = 2;
    batch_set_group(batch, fixture->book.requests, 2, STR("checks"));
    send(fixture, batch, 0, "a", 0);
    send(fixture, batch, 2, "a", 0);
    send(fixture, batch, 0, "", 0);
    send(fixture, batch, 0, "", 0);
    {
        struct coordinate at = book_at(fixture->book.requests, 0, 3, BOOK_START_NS);
        struct event event = event_with("a", "shop");

        event.time_ns++;
        batch_add_event(batch, &at, &event);
    }
    commit(fixture, batch);
    assert_int_equal(batch_duplicates(batch), 0);
    assert_int_equal(tallied(fixture), 5);
    assert_int_equal(ids(fixture), 3);
    assert_sound(fixture);
    batch_free(batch);
}

/* Copies are looked for as far as the horizon and no further, and both ways: partitions are not read in step. */
static void test_horizon(void **state)
{
    struct fixture *fixture = *state;
    struct batch *batch = batch_of(fixture);

    send(fixture, batch, 0, "a", 0);
    send(fixture, batch, 0, "b", 0);
    send(fixture, batch, 0, "c", 2 * DAY_NS);
    commit(fixture, batch);
    send(fixture, batch, 1, "a", DAY_NS);     /* just within */
    send(fixture, batch, 1, "b", DAY_NS + 1); /* just outside: an event of its own */
    send(fixture, batch, 2, "c", DAY_NS - 1); /* outside, seen from the later record */
    commit(fixture, batch);
    assert_int_equal(batch_duplicates(batch), 1);
    /* The id was renewed. */
    send(fixture, batch, 1, "b", 2 * DAY_NS);
    commit(fixture, batch);
    assert_int_equal(batch_duplicates(batch), 1);
    assert_int_equal(tallied(fixture), 5);
    assert_sound(fixture);
    batch_free(batch);
}

/* An id is kept until the slowest partition is past it: a copy may wait there. */
static void test_ids_are_forgotten_behind_the_slowest_partition(void **state)
{
    struct fixture *fixture = *state;
    struct batch *batch = batch_of(fixture);

    fixture->book.clock.time_ns += 30 * DAY_NS;
    send(fixture, batch, 0, "old", 0);
    send(fixture, batch, 1, "x", 10);
    commit(fixture, batch);
    send(fixture, batch, 0, "new", 3 * DAY_NS);
    send(fixture, batch, 1, "y", 3 * DAY_NS);
    commit(fixture, batch);
    assert_int_equal(ids(fixture), 4); /* partition 2 was never read */
    send(fixture, batch, 2, "old", 20);
    commit(fixture, batch);
    assert_int_equal(batch_duplicates(batch), 1);
    assert_int_equal(ids(fixture), 4);
    send(fixture, batch, 2, "z", 3 * DAY_NS);
    commit(fixture, batch);
    assert_int_equal(ids(fixture), 3); /* new, y and z */
    assert_sound(fixture);
    batch_free(batch);
}

/* An idle partition that was drained does not hold ids back. */
static void test_drained_partitions_count_as_read(void **state)
{
    struct fixture *fixture = *state;
    struct batch *batch = batch_of(fixture);
    struct err err = ERR_INIT;

    fixture->book.clock.time_ns += 30 * DAY_NS;
    send(fixture, batch, 0, "old", 0);
    commit(fixture, batch);
    for (int32_t p = 1; p < BOOK_PARTITIONS; p++) {
        assert_int_equal(ledger_note_drained(&fixture->book.ledger, fixture->book.requests, p,
                                             world_origins[p], BOOK_START_NS + 5 * DAY_NS, &err),
                         ERR_OK);
    }
    send(fixture, batch, 0, "new", 4 * DAY_NS);
    commit(fixture, batch);
    assert_int_equal(ids(fixture), 1);
    assert_int_equal(book_number(fixture->book.db, "SELECT ids FROM event_group"), 1);
    assert_sound(fixture);
    batch_free(batch);
}

/* A producer with a wrong clock must not make us forget what others have sent. */
static void test_a_time_stamp_in_the_future_forgets_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct batch *batch = batch_of(fixture);

    for (int32_t p = 0; p < BOOK_PARTITIONS; p++) {
        send(fixture, batch, p, p == 0 ? "a" : p == 1 ? "b" : "c", 0);
    }
    commit(fixture, batch);
    for (int32_t p = 0; p < BOOK_PARTITIONS; p++) {
        send(fixture, batch, p, "future", 10000 * DAY_NS);
    }
    commit(fixture, batch);
    assert_int_equal(ids(fixture), 4);
    send(fixture, batch, 0, "b", 1);
    commit(fixture, batch);
    assert_int_equal(batch_duplicates(batch), 1);
    batch_free(batch);
}

static void test_too_many_ids_stop_before_anything_is_committed(void **state)
{
    struct fixture *fixture = *state;
    struct batch *batch = batch_of(fixture);
    struct err err = ERR_INIT;

    fixture->group.count_max = 3;
    send(fixture, batch, 0, "a", 0);
    send(fixture, batch, 0, "b", 0);
    send(fixture, batch, 0, "c", 0);
    commit(fixture, batch);
    send(fixture, batch, 0, "a", 0);
    send(fixture, batch, 0, "d", 0);
    assert_int_equal(ledger_commit(&fixture->book.ledger, batch, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "group edge: 4 event ids"));
    assert_non_null(strstr(err.text, "duplicates.count allows (3)"));
    assert_int_equal(ids(fixture), 3);
    assert_int_equal(tallied(fixture), 3);
    assert_int_equal(batch_records(batch), 2);
    fixture->group.count_max = 4;
    commit(fixture, batch);
    assert_int_equal(batch_duplicates(batch), 1);
    assert_int_equal(tallied(fixture), 4);
    assert_sound(fixture);
    batch_free(batch);
}

/* Fires once at the named place. */
static bool fail_once(const char *name, void *context)
{
    const char **place = context;

    if (*place != NULL && strcmp(name, *place) == 0) {
        *place = NULL;
        return true;
    }
    return false;
}

static void test_a_failed_commit_leaves_the_batch_as_it_was(void **state)
{
    static const char *const places[] = {"ledger.commit.begin", "ledger.commit.offsets",
                                         "ledger.commit.ids",   "ledger.commit.ranges",
                                         "ledger.commit.rows",  "ledger.commit.dead_letters",
                                         "ledger.commit.before"};
    struct fixture *fixture = *state;
    struct batch *batch = batch_of(fixture);

    send(fixture, batch, 2, "x", 0);
    commit(fixture, batch);
    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        const char *place = places[i];
        struct err err = ERR_INIT;
        char id[8];

        (void)snprintf(id, sizeof(id), "%zu", i);
        send(fixture, batch, 0, id, 0);
        send(fixture, batch, 1, id, 0);
        send(fixture, batch, 1, "x", 0);
        fault_set_hook(fail_once, &place);
        assert_int_equal(ledger_commit(&fixture->book.ledger, batch, &err), ERR_STORE);
        assert_true(err.retriable);
        assert_int_equal(ids(fixture), (int64_t)i + 1);
        assert_int_equal(duplicates(fixture), 2 * (int64_t)i);
        batch_check(batch);
        assert_int_equal(batch_records(batch), 3);
        commit(fixture, batch);
        assert_int_equal(batch_duplicates(batch), 2);
        assert_int_equal(tallied(fixture), (int64_t)i + 2);
    }
    assert_sound(fixture);
    batch_free(batch);
}

/* COMMIT was done, its answer lost: what that attempt found is what counts. */
static void test_a_lost_answer_keeps_its_duplicates(void **state)
{
    struct fixture *fixture = *state;
    struct batch *batch = batch_of(fixture);
    const char *place = "ledger.commit.after";

    send(fixture, batch, 0, "a", 0);
    send(fixture, batch, 1, "a", 0);
    fault_set_hook(fail_once, &place);
    commit(fixture, batch);
    assert_null(place);
    assert_int_equal(batch_duplicates(batch), 1);
    assert_int_equal(tallied(fixture), 1);
    assert_int_equal(ids(fixture), 1);
    assert_true(batch_empty(batch));
    assert_sound(fixture);
    batch_free(batch);
}

/* Between two attempts another consumer commits a copy: then ours is the duplicate. */
static void test_a_retry_may_find_other_duplicates(void **state)
{
    struct fixture *fixture = *state;
    struct batch *batch = batch_of(fixture);
    struct batch *other = batch_of(fixture);
    const char *place = "ledger.commit.rows";
    struct err err = ERR_INIT;

    send(fixture, batch, 0, "a", 0);
    fault_set_hook(fail_once, &place);
    assert_int_equal(ledger_commit(&fixture->book.ledger, batch, &err), ERR_STORE);
    send(fixture, other, 1, "a", 0);
    commit(fixture, other);
    assert_int_equal(batch_duplicates(other), 0);
    commit(fixture, batch);
    assert_int_equal(batch_duplicates(batch), 1);
    assert_int_equal(tallied(fixture), 1);
    assert_sound(fixture);
    batch_free(batch);
    batch_free(other);
}

static void test_a_fenced_batch_leaves_no_ids(void **state)
{
    struct fixture *fixture = *state;
    struct batch *batch = batch_of(fixture);
    struct batch *other = batch_of(fixture);
    struct err err = ERR_INIT;

    send(fixture, batch, 0, "a", 0);
    send(fixture, batch, 1, "b", 0);
    send(fixture, other, 1, "b", 0);
    commit(fixture, other);
    assert_int_equal(ledger_commit(&fixture->book.ledger, batch, &err), ERR_FENCED);
    assert_int_equal(ids(fixture), 1);
    batch_free(batch);
    /* After reloading, what nobody else has read counts. */
    batch = batch_of(fixture);
    send(fixture, batch, 0, "a", 0);
    commit(fixture, batch);
    assert_int_equal(batch_duplicates(batch), 0);
    assert_int_equal(tallied(fixture), 2);
    assert_sound(fixture);
    batch_free(batch);
    batch_free(other);
}

/* Copies that claim another service are outside of the promise of equal bytes, but they must not break anything. */
static void test_copies_that_differ(void **state)
{
    struct fixture *fixture = *state;
    struct batch *batch = batch_of(fixture);
    struct coordinate at = book_at(fixture->book.requests, 1, 100, BOOK_START_NS);
    struct event event = event_with("a", "other");

    send(fixture, batch, 0, "a", 0);
    commit(fixture, batch);
    batch_add_event(batch, &at, &event);
    commit(fixture, batch);
    assert_int_equal(batch_duplicates(batch), 1);
    world_fold_all(fixture->book.db, "a", 1);
    assert_int_equal(book_number(fixture->book.db, "SELECT count(*) FROM service"), 1);
    assert_int_equal(book_number(fixture->book.db, "SELECT count(*) FROM regrade"), 1);
    assert_sound(fixture);
    batch_free(batch);
}

enum { RECORDS = 300, EVENTS = 150 };

struct stream_record {
    int stream, partition, number;
};

static struct event event_of(int number)
{
    struct random random;
    struct event event;

    random_init_seed(&random, (uint64_t)number);
    event = world_event(&random, number % 2);
    return event;
}

/* Reads all partitions in a random order, in batches of about `size` records, on a store of its own. */
static void read_all(struct fixture *fixture, const struct stream_record *records,
                     struct random *random, int size)
{
    struct batch *batch = batch_of(fixture);
    int place[2][BOOK_PARTITIONS] = {0};
    int left = RECORDS;

    while (left > 0) {
        int s = (int)random_below(random, 2);
        int p = (int)random_below(random, BOOK_PARTITIONS);
        int *at = &place[s][p];
        char id[16];
        struct event event;
        struct coordinate where;

        while (*at < RECORDS && (records[*at].stream != s || records[*at].partition != p)) {
            ++*at;
        }
        if (*at == RECORDS) {
            continue;
        }
        event = event_of(records[*at].number);
        (void)snprintf(id, sizeof(id), "%d", records[*at].number);
        event.id = STR(id);
        where = book_at(fixture->streams[s], p, batch_next_offset(batch, fixture->streams[s], p),
                        BOOK_START_NS);
        batch_add_event(batch, &where, &event);
        ++*at;
        left--;
        if (batch_records(batch) >= size || left == 0) {
            commit(fixture, batch);
        }
    }
    batch_free(batch);
}

/* Figures only: which hours wait to be graded also depends on when a service became known. */
static void dump_windows(struct db *db, struct strbuf *out)
{
    strbuf_init(out, 1 << 20);
    world_dump_rows(db, "SELECT * FROM window_hour ORDER BY book_id, kind, a, b, c, d, hour", 9,
                    out);
    world_dump_rows(db, "SELECT * FROM rollup_hour ORDER BY book_id, service, customer, hour", 12,
                    out);
    world_dump_rows(db, "SELECT * FROM service ORDER BY book_id, service", 5, out);
    assert_false(out->overflow);
}

/* Copies on any partition and topic of the group: whatever the order and the size of batches, the windows are the same bytes, and each
 * event counts once. */
static void test_any_order_gives_the_same_windows(void **state)
{
    static const int sizes[] = {RECORDS, 1, 7, 50, 111};
    struct stream_record records[RECORDS];
    bool seen[EVENTS] = {false};
    int64_t distinct = 0;
    struct random random;
    struct strbuf expected = {0};
    uint64_t seed = 20261123;

    (void)state;
    print_message("seed %" PRIu64 "\n", seed);
    random_init_seed(&random, seed);
    for (int i = 0; i < RECORDS; i++) {
        int number = (int)random_below(&random, EVENTS);

        /* An event is a request or a check for ever; topics of one kind only. */
        records[i] =
            (struct stream_record){number % 2, (int)random_below(&random, BOOK_PARTITIONS), number};
        distinct += !seen[number];
        seen[number] = true;
    }
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        struct fixture *fixture;
        void *made;
        struct strbuf dump;

        set_up(&made);
        fixture = made;
        fixture->group.stream_count = 2;
        read_all(fixture, records, &random, sizes[i]);
        assert_int_equal(tallied(fixture), distinct);
        assert_int_equal(duplicates(fixture), RECORDS - distinct);
        assert_sound(fixture);
        world_fold_all(fixture->book.db, "a", 1 + (int64_t)random_below(&random, 20));
        assert_sound(fixture);
        dump_windows(fixture->book.db, &dump);
        if (i == 0) {
            expected = dump;
        } else {
            if (!str_equal(strbuf_view(&dump), strbuf_view(&expected))) {
                world_show_difference(strbuf_text(&dump), strbuf_text(&expected));
            }
            strbuf_release(&dump);
        }
        tear_down(&made);
    }
    strbuf_release(&expected);
}

#define ON_A_BOOK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_A_BOOK(test_copies_in_one_batch),
        ON_A_BOOK(test_copies_across_batches_and_partitions),
        ON_A_BOOK(test_what_is_no_copy),
        ON_A_BOOK(test_horizon),
        ON_A_BOOK(test_ids_are_forgotten_behind_the_slowest_partition),
        ON_A_BOOK(test_drained_partitions_count_as_read),
        ON_A_BOOK(test_a_time_stamp_in_the_future_forgets_nothing),
        ON_A_BOOK(test_too_many_ids_stop_before_anything_is_committed),
        ON_A_BOOK(test_a_failed_commit_leaves_the_batch_as_it_was),
        ON_A_BOOK(test_a_lost_answer_keeps_its_duplicates),
        ON_A_BOOK(test_a_retry_may_find_other_duplicates),
        ON_A_BOOK(test_a_fenced_batch_leaves_no_ids),
        ON_A_BOOK(test_copies_that_differ),
        cmocka_unit_test(test_any_order_gives_the_same_windows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
