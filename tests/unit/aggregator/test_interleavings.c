/* Forced interleavings: whatever happens in between, the books end as in the undisturbed run. */
#include "tests/unit/aggregator/world.h"

static struct world world;
static struct strbuf expected;

static int make_world(void **state)
{
    (void)state;
    world_make(&world, 20261123);
    world_expected(&world, &expected);
    return 0;
}

static int forget_world(void **state)
{
    (void)state;
    strbuf_release(&expected);
    return 0;
}

static int set_up(void **state)
{
    struct book *book = calloc(1, sizeof(*book));

    book_open(book);
    *state = book;
    return 0;
}

static int tear_down(void **state)
{
    book_close(*state);
    free(*state);
    return 0;
}

/* Calls back at the count-th passage of a place, once. */
struct interruption {
    const char *place;
    int count;
    bool (*act)(struct interruption *interruption);
    struct book *book;
    struct db *db;
    bool done;
};

static bool interrupt(const char *name, void *context)
{
    struct interruption *i = context;

    if (i->done || strcmp(name, i->place) != 0 || --i->count > 0) {
        return false;
    }
    i->done = true;
    return i->act(i);
}

static bool fail_here(struct interruption *interruption)
{
    (void)interruption;
    return true;
}

/* Two consumers read the same partitions. The second to commit is fenced, drops its batch, reloads, and both go on. */
static void test_two_consumers_with_the_same_partition(void **state)
{
    struct book *book = *state;
    struct db *other = book_connect(book);
    struct ledger second = book_ledger(book, other);
    struct batch *a = book_batch(book, book->db);
    struct batch *b = book_batch(book, other);
    struct err err = ERR_INIT;
    int64_t before;

    world_feed(&world, book, a, 0, 1, 10);
    world_feed(&world, book, b, 0, 0, 5);
    world_feed(&world, book, b, 0, 1, 20);
    assert_int_equal(ledger_commit(&book->ledger, a, &err), ERR_OK);
    before = book_number(book->db, "SELECT count(*) FROM pending");
    assert_int_equal(ledger_commit(&second, b, &err), ERR_FENCED);
    assert_false(err.retriable);
    assert_non_null(strstr(err.text, "topic requests partition 1"));
    /* Nothing of the fenced batch is there, of its other partition neither. */
    assert_int_equal(book_number(book->db, "SELECT count(*) FROM batch"), 1);
    assert_int_equal(book_number(book->db, "SELECT count(*) FROM pending"), before);
    assert_int_equal(book_number(book->db, "SELECT next_offset FROM partition_offset WHERE "
                                           "stream_id = 1 AND partition_id = 0"),
                     0);
    batch_free(b);
    batch_free(a);
    /* Both continue, in turns. */
    for (int turn = 0; turn < 6; turn++) {
        struct ledger *ledger = turn % 2 == 0 ? &second : &book->ledger;
        struct batch *batch = book_batch(book, ledger->db);

        world_feed(&world, book, batch, turn % 2, turn % 3, 40);
        assert_int_equal(ledger_commit(ledger, batch, &err), ERR_OK);
        batch_free(batch);
    }
    world_consume(&world, book, other, 25);
    world_fold_all(other, "a", 13);
    world_assert_equal(&expected, book->db);
    db_close(other);
}

/* The book was replaced: whoever still commits to it is fenced. */
static void test_commit_to_a_replaced_book(void **state)
{
    struct book *book = *state;
    struct batch *batch = book_batch(book, book->db);
    struct err err = ERR_INIT;

    world_feed(&world, book, batch, 0, 0, 5);
    book_exec(book->db, "UPDATE book SET name = NULL");
    assert_int_equal(ledger_commit(&book->ledger, batch, &err), ERR_FENCED);
    assert_int_equal(book_number(book->db, "SELECT count(*) FROM batch"), 0);
    batch_free(batch);
}

static bool try_to_fold(struct interruption *i)
{
    struct fold fold = world_fold(i->db, "f", 3);
    struct err err = ERR_INIT;
    bool done;

    if (store_place_on_server()) {
        /* Both go on. What the other has not committed is not there. */
        assert_int_equal(fold_acquire(&fold, &err), ERR_OK);
        assert_int_equal(fold_step(&fold, &done, &err), ERR_OK);
        fold_release(&fold);
        return false;
    }
    /* SQLite has one writer: the fold hears that the store is locked, and nothing else happens. */
    fold.lease.fence = 1;
    assert_int_equal(fold_step(&fold, &done, &err), ERR_FENCED);
    assert_true(err.retriable);
    return false;
}

static bool try_to_commit(struct interruption *i)
{
    struct ledger ledger = book_ledger(i->book, i->db);
    struct batch *batch = book_batch(i->book, i->db);
    struct err err = ERR_INIT;

    world_feed(&world, i->book, batch, 0, 0, 5);
    if (store_place_on_server()) {
        assert_int_equal(ledger_commit(&ledger, batch, &err), ERR_OK);
    } else {
        assert_int_equal(ledger_commit(&ledger, batch, &err), ERR_FENCED);
        assert_true(err.retriable);
    }
    batch_free(batch);
    return false;
}

/* A fold arrives in the middle of a commit, and a commit in the middle of a fold. */
static void test_fold_while_a_batch_commits(void **state)
{
    struct book *book = *state;
    struct db *other = book_connect(book);
    struct interruption fold_in_commit = {
        .place = "ledger.commit.rows", .count = 2, .act = try_to_fold, .book = book, .db = other};
    struct interruption commit_in_fold = {
        .place = "fold.step.merged", .count = 2, .act = try_to_commit, .book = book, .db = other};

    fault_set_hook(interrupt, &fold_in_commit);
    for (int turn = 0; turn < 2; turn++) {
        struct batch *batch = book_batch(book, book->db);
        struct err err = ERR_INIT;

        world_feed(&world, book, batch, turn, 0, 40);
        world_feed(&world, book, batch, 0, 1, 40);
        assert_int_equal(ledger_commit(&book->ledger, batch, &err), ERR_OK);
        batch_free(batch);
    }
    assert_true(fold_in_commit.done);
    fault_set_hook(interrupt, &commit_in_fold);
    world_fold_all(book->db, "a", 11);
    assert_true(commit_in_fold.done);
    world_consume(&world, book, book->db, 30);
    world_fold_all(book->db, "a", 11);
    world_assert_equal(&expected, book->db);
    db_close(other);
}

/* Commits between the steps of a round are not of that round, and what it publishes says nothing about them. */
static void test_commit_between_steps_of_a_round(void **state)
{
    struct book *book = *state;
    struct batch *batch = book_batch(book, book->db);
    struct fold fold = world_fold(book->db, "a", 2);
    struct err err = ERR_INIT;
    bool done = false;
    int64_t complete_ns;

    for (int s = 0; s < 2; s++) {
        for (int p = 0; p < BOOK_PARTITIONS; p++) {
            assert_int_equal(ledger_note_drained(&book->ledger,
                                                 s == 0 ? book->requests : book->checks, p,
                                                 world_origins[p], BOOK_START_NS, &err),
                             ERR_OK);
        }
    }
    world_feed(&world, book, batch, 0, 0, 6);
    assert_int_equal(ledger_commit(&book->ledger, batch, &err), ERR_OK);
    assert_int_equal(fold_acquire(&fold, &err), ERR_OK);
    assert_int_equal(fold_step(&fold, &done, &err), ERR_OK);
    assert_false(done);
    world_consume(&world, book, book->db, 60);
    world_note_drained(&world, book, book->db, BOOK_START_NS + NS_PER_HOUR);
    while (!done) {
        assert_int_equal(fold_step(&fold, &done, &err), ERR_OK);
    }
    assert_int_equal(fold_complete_until(book->db, 1, &complete_ns, &err), ERR_OK);
    assert_int_equal(complete_ns, BOOK_START_NS - 5 * NS_PER_MINUTE);
    assert_true(book_number(book->db, "SELECT count(*) FROM pending") > 0);
    assert_int_equal(fold_run(&fold, NULL, NULL, &err), ERR_OK);
    assert_int_equal(fold_complete_until(book->db, 1, &complete_ns, &err), ERR_OK);
    assert_int_equal(complete_ns, BOOK_START_NS + NS_PER_HOUR - 5 * NS_PER_MINUTE);
    batch_free(batch);
    world_assert_equal(&expected, book->db);
}

/* The first aggregator is stopped past its lease; the second takes over in the middle of the round. What the first wakes up
 * to do is refused without a trace. */
static void test_two_aggregators(void **state)
{
    struct book *book = *state;
    struct db *other = book_connect(book);
    struct fold first = world_fold(book->db, "first", 10);
    struct fold second = world_fold(other, "second", 10);
    struct strbuf before;
    struct err err = ERR_INIT;
    bool done;

    world_consume(&world, book, book->db, 30);
    assert_int_equal(fold_acquire(&first, &err), ERR_OK);
    assert_int_equal(fold_step(&first, &done, &err), ERR_OK);
    assert_int_equal(fold_acquire(&second, &err), ERR_FENCED);
    book->clock.time_ns += 60 * NS_PER_SECOND;
    assert_int_equal(fold_acquire(&second, &err), ERR_OK);
    assert_int_equal(fold_step(&second, &done, &err), ERR_OK);
    world_dump(book->db, &before);
    assert_int_equal(fold_step(&first, &done, &err), ERR_FENCED);
    assert_non_null(strstr(err.text, "took over"));
    world_assert_equal(&before, book->db);
    strbuf_release(&before);
    fold_release(&first);
    assert_int_equal(book_number(book->db, "SELECT expires_ns FROM lease"),
                     BOOK_START_NS + 120 * NS_PER_SECOND);
    assert_int_equal(fold_run(&second, NULL, NULL, &err), ERR_OK);
    world_assert_equal(&expected, book->db);
    db_close(other);
}

/* An expired lease that nobody wanted goes on being valid. */
static void test_paused_aggregator_without_a_rival(void **state)
{
    struct book *book = *state;
    struct fold fold = world_fold(book->db, "only", 10);
    struct err err = ERR_INIT;
    bool done;

    world_consume(&world, book, book->db, 30);
    assert_int_equal(fold_acquire(&fold, &err), ERR_OK);
    assert_int_equal(fold_step(&fold, &done, &err), ERR_OK);
    book->clock.time_ns += NS_PER_HOUR;
    assert_int_equal(fold_run(&fold, NULL, NULL, &err), ERR_OK);
    world_assert_equal(&expected, book->db);
}

/* The answer to the third commit is lost: once it was done, once it was not. The outcome is found out, never guessed. */
static void test_lost_answer(void **state)
{
    static const char *const places[] = {"ledger.commit.after", "ledger.commit.before"};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        struct book book;
        struct interruption lost = {.place = places[i], .count = 3, .act = fail_here};

        book_open(&book);
        fault_set_hook(interrupt, &lost);
        world_consume(&world, &book, book.db, 20);
        assert_true(lost.done);
        assert_int_equal(book_number(book.db, "SELECT count(*) FROM batch"), 6);
        world_fold_all(book.db, "a", 30);
        world_assert_equal(&expected, book.db);
        book_close(&book);
    }
}

static bool lose_and_fail_to_resolve(const char *name, void *context)
{
    const char *lost = context;

    return strcmp(name, lost) == 0 || strcmp(name, "ledger.commit.resolve") == 0;
}

/* The store goes away together with the answer: the batch stays in doubt, and the next commit settles it first. */
static void test_lost_answer_and_lost_store(void **state)
{
    static const char *const places[] = {"ledger.commit.after", "ledger.commit.before"};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        struct book book;
        struct batch *batch;
        struct err err = ERR_INIT;

        book_open(&book);
        batch = book_batch(&book, book.db);
        world_feed(&world, &book, batch, 0, 2, 15);
        fault_set_hook(lose_and_fail_to_resolve, (void *)(uintptr_t)places[i]);
        assert_int_equal(ledger_commit(&book.ledger, batch, &err), ERR_STORE);
        assert_true(err.retriable);
        assert_int_equal(ledger_commit(&book.ledger, batch, &err), ERR_STORE);
        fault_set_hook(NULL, NULL);
        assert_int_equal(ledger_commit(&book.ledger, batch, &err), ERR_OK);
        assert_int_equal(book_number(book.db, "SELECT count(*) FROM batch"), 1);
        batch_free(batch);
        world_consume(&world, &book, book.db, 50);
        world_fold_all(book.db, "a", 30);
        world_assert_equal(&expected, book.db);
        book_close(&book);
    }
}

/* A round stops half way, its holder is gone, another one goes on where it stood. */
static void test_round_continued_by_another_holder(void **state)
{
    struct book *book = *state;

    world_consume(&world, book, book->db, 30);
    for (int holder = 0; holder < 5; holder++) {
        struct db *db = book_connect(book);
        char name[16];
        struct fold fold;
        struct err err = ERR_INIT;
        bool done;

        snprintf(name, sizeof(name), "holder-%d", holder);
        fold = world_fold(db, name, 7 + holder);
        assert_int_equal(fold_acquire(&fold, &err), ERR_OK);
        assert_int_equal(fold_step(&fold, &done, &err), ERR_OK);
        assert_false(done);
        db_close(db); /* without giving the lease back */
        book->clock.time_ns += 61 * NS_PER_SECOND;
    }
    assert_int_equal(book_number(book->db, "SELECT count(*) FROM fold_round"), 1);
    world_fold_all(book->db, "last", 100);
    world_assert_equal(&expected, book->db);
}

/* Failures inside a step leave the step undone. */
static void test_failed_steps(void **state)
{
    static const char *const places[] = {"fold.step.begin",  "fold.step.lease",  "fold.step.round",
                                         "fold.step.merged", "fold.step.before", "fold.step.after"};
    struct book *book = *state;
    struct fold fold = world_fold(book->db, "a", 40);
    struct err err = ERR_INIT;

    world_consume(&world, book, book->db, 30);
    assert_int_equal(fold_acquire(&fold, &err), ERR_OK);
    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        struct interruption failure = {.place = places[i], .count = 1, .act = fail_here};
        struct strbuf before;
        bool done;

        if (strcmp(places[i], "fold.step.round") == 0) {
            book_exec(book->db, "DELETE FROM fold_round; DELETE FROM fold_round_complete; "
                                "DELETE FROM fold_round_batch");
        }
        world_dump(book->db, &before);
        fault_set_hook(interrupt, &failure);
        assert_int_equal(fold_step(&fold, &done, &err), ERR_STORE);
        assert_true(failure.done);
        if (strcmp(places[i], "fold.step.after") != 0) {
            world_assert_equal(&before, book->db);
        }
        strbuf_release(&before);
        fault_set_hook(NULL, NULL);
    }
    assert_int_equal(fold_run(&fold, NULL, NULL, &err), ERR_OK);
    world_assert_equal(&expected, book->db);
}

/* Any partition of the records into commits, in any order of the partitions, with folds of any size in between. */
static void test_random_schedules(void **state)
{
    struct random random;
    uint64_t seed = 77;

    (void)state;
    print_message("seed %" PRIu64 "\n", seed);
    random_init_seed(&random, seed);
    for (int round = 0; round < 12; round++) {
        struct book book;

        book_open(&book);
        for (int step = 0; step < 25; step++) {
            struct batch *batch = book_batch(&book, book.db);
            struct err err = ERR_INIT;

            for (uint64_t part = random_below(&random, 5); part > 0; part--) {
                world_feed(&world, &book, batch, (int)random_below(&random, 2),
                           (int)random_below(&random, BOOK_PARTITIONS),
                           (int)random_below(&random, 20));
            }
            assert_int_equal(ledger_commit(&book.ledger, batch, &err), ERR_OK);
            batch_free(batch);
            if (random_below(&random, 6) == 0) {
                world_fold_all(book.db, "a", 1 + (int64_t)random_below(&random, 60));
            }
        }
        world_consume(&world, &book, book.db, 1 + (int)random_below(&random, 60));
        world_fold_all(book.db, "a", 1 + (int64_t)random_below(&random, 300));
        world_assert_equal(&expected, book.db);
        book_close(&book);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_two_consumers_with_the_same_partition, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_commit_to_a_replaced_book, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fold_while_a_batch_commits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_commit_between_steps_of_a_round, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_two_aggregators, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_paused_aggregator_without_a_rival, set_up, tear_down),
        cmocka_unit_test(test_lost_answer),
        cmocka_unit_test(test_lost_answer_and_lost_store),
        cmocka_unit_test_setup_teardown(test_round_continued_by_another_holder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failed_steps, set_up, tear_down),
        cmocka_unit_test(test_random_schedules),
    };

    return cmocka_run_group_tests(tests, make_world, forget_world);
}
