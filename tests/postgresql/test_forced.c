/*
 * Two connections in an order that is forced: where a fault point is passed, the other one acts. A serial store hides these
 * races, so they are only for PostgreSQL: what the first has not committed is not visible, and its rows are locked.
 */
#include <sys/wait.h>

#include "aggregator/audit.h"
#include "aggregator/grading.h"
#include "tests/unit/aggregator/world.h"

static struct world world;
static struct strbuf expected;

/* Once, at the count-th passage of place. */
struct meeting {
    const char *place;
    int count;
    void (*act)(struct meeting *meeting);
    struct book *book;
    struct db *other;
    bool done, inside;
};

static bool at_place(const char *name, void *context)
{
    struct meeting *meeting = context;

    if (meeting->inside || meeting->done || strcmp(name, meeting->place) != 0 ||
        --meeting->count > 0) {
        return false;
    }
    meeting->inside = true;
    meeting->act(meeting);
    meeting->inside = false;
    meeting->done = true;
    return false;
}

static int make_world(void **state)
{
    (void)state;
    world_make(&world, 20261125);
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
    struct meeting *meeting = calloc(1, sizeof(*meeting));

    meeting->book = calloc(1, sizeof(*meeting->book));
    meeting->count = 1;
    book_open(meeting->book);
    meeting->other = book_connect(meeting->book);
    *state = meeting;
    return 0;
}

static int tear_down(void **state)
{
    struct meeting *meeting = *state;

    db_close(meeting->other);
    book_close(meeting->book);
    free(meeting->book);
    free(meeting);
    return 0;
}

static void must(enum err_code code, const struct err *err)
{
    if (code != ERR_OK) {
        fail_msg("%s", err->text);
    }
}

static void commit_some(struct book *book, struct db *db, int32_t partition, int count)
{
    struct ledger ledger = book_ledger(book, db);
    struct batch *batch = book_batch(book, db);
    struct err err = ERR_INIT;

    world_feed(&world, book, batch, 0, partition, count);
    must(ledger_commit(&ledger, batch, &err), &err);
    batch_free(batch);
}

static int64_t complete_ns(struct db *db)
{
    struct err err = ERR_INIT;
    int64_t ns;

    must(fold_complete_until(db, 1, &ns, &err), &err);
    return ns;
}

/* The books must be those of the undisturbed run once everything is in. */
static void finish(struct meeting *meeting)
{
    assert_true(meeting->done);
    fault_set_hook(NULL, NULL);
    world_consume(&world, meeting->book, meeting->book->db, 50);
    meeting->book->clock.time_ns += NS_PER_HOUR;
    world_fold_all(meeting->book->db, "last", 100);
    world_assert_equal(&expected, meeting->book->db);
}

static void overtake(struct meeting *meeting)
{
    /* A later batch is committed, folded and published while the first is still open. */
    commit_some(meeting->book, meeting->other, 1, 30);
    commit_some(meeting->book, meeting->other, 2, 30);
    world_note_drained(&world, meeting->book, meeting->other, BOOK_START_NS + NS_PER_HOUR);
    world_fold_all(meeting->other, "other", 1000);
    assert_int_equal(book_number(meeting->other, "SELECT count(*) FROM pending"), 0);
    assert_int_equal(complete_ns(meeting->other), INT64_MIN);
}

/* Commits become visible out of order: a fold that keeps a position, whatever it is made of, leaves the first batch behind. */
static void test_commit_that_becomes_visible_late(void **state)
{
    struct meeting *meeting = *state;

    meeting->place = "ledger.commit.rows";
    meeting->act = overtake;
    fault_set_hook(at_place, meeting);
    commit_some(meeting->book, meeting->book->db, 0, 40);
    assert_true(book_number(meeting->book->db, "SELECT count(*) FROM pending") > 0);
    finish(meeting);
}

static void note_of_another(struct meeting *meeting)
{
    struct ledger ledger = book_ledger(meeting->book, meeting->other);
    int64_t end = world_end(&world, 0, 0);
    struct err err = ERR_INIT;

    /* Its records are read but not committed: the note must not come true, and must not wait either. */
    must(ledger_note_drained(&ledger, meeting->book->requests, 0, end, BOOK_START_NS, &err), &err);
    assert_int_equal(
        book_number(meeting->other,
                    "SELECT count(*) FROM partition_offset WHERE drained_ns IS NOT NULL"),
        0);
}

/* A drained note of another run does not count what is not committed. */
static void test_note_during_a_commit(void **state)
{
    struct meeting *meeting = *state;

    meeting->place = "ledger.commit.before";
    meeting->act = note_of_another;
    fault_set_hook(at_place, meeting);
    commit_some(meeting->book, meeting->book->db, 0, WORLD_RECORDS);
    finish(meeting);
}

static void commit_the_same(struct meeting *meeting)
{
    struct ledger ledger = book_ledger(meeting->book, meeting->other);
    struct batch *batch = book_batch(meeting->book, meeting->other);
    struct err err = ERR_INIT;

    world_feed(&world, meeting->book, batch, 0, 0, 10);
    assert_int_equal(ledger_commit(&ledger, batch, &err), ERR_FENCED);
    assert_true(err.retriable); /* locked, so far */
    batch_free(batch);
}

/* Two commits of one partition: the second waits for the first, and is fenced when that is in. */
static void test_two_commits_of_a_partition(void **state)
{
    struct meeting *meeting = *state;
    struct ledger ledger = book_ledger(meeting->book, meeting->other);
    struct batch *late = book_batch(meeting->book, meeting->other);
    struct err err = ERR_INIT;

    world_feed(&world, meeting->book, late, 0, 0, 10);
    meeting->place = "ledger.commit.offsets";
    meeting->act = commit_the_same;
    fault_set_hook(at_place, meeting);
    commit_some(meeting->book, meeting->book->db, 0, 40);
    fault_set_hook(NULL, NULL);
    assert_int_equal(ledger_commit(&ledger, late, &err), ERR_FENCED);
    assert_false(err.retriable);
    batch_free(late);
    finish(meeting);
}

static void fold_too(struct meeting *meeting)
{
    struct fold fold = world_fold(meeting->other, "second", 100);
    struct err err = ERR_INIT;

    /* Long past the lease: but the first is in the middle of its transaction, and holds the row. */
    meeting->book->clock.time_ns += 2 * NS_PER_HOUR;
    assert_int_equal(fold_acquire(&fold, &err), ERR_FENCED);
    assert_true(err.retriable);
}

/* Two folds: the second gets the lease between two steps of the first at the earliest, and the first then writes nothing more. */
static void test_two_folds(void **state)
{
    struct meeting *meeting = *state;
    struct fold first = world_fold(meeting->book->db, "first", 5);
    struct fold second = world_fold(meeting->other, "second", 5);
    struct err err = ERR_INIT;
    bool done;

    commit_some(meeting->book, meeting->book->db, 0, 60);
    must(fold_acquire(&first, &err), &err);
    meeting->place = "fold.step.merged";
    meeting->act = fold_too;
    fault_set_hook(at_place, meeting);
    must(fold_step(&first, &done, &err), &err);
    fault_set_hook(NULL, NULL);
    meeting->book->clock.time_ns += 2 * NS_PER_HOUR;
    must(fold_acquire(&second, &err), &err);
    must(fold_step(&second, &done, &err), &err);
    assert_int_equal(fold_step(&first, &done, &err), ERR_FENCED);
    assert_non_null(strstr(err.text, "took over"));
    finish(meeting);
}

static void fold_and_publish(struct meeting *meeting)
{
    world_fold_all(meeting->other, "other", 1000);
}

/* A round begins while a commit with a note behind it is on its way: what it publishes never counts that commit. */
static void test_round_during_a_commit(void **state)
{
    struct meeting *meeting = *state;

    world_note_drained(&world, meeting->book, meeting->book->db, BOOK_START_NS);
    for (int32_t p = 0; p < BOOK_PARTITIONS; p++) {
        commit_some(meeting->book, meeting->book->db, p, WORLD_RECORDS);
    }
    {
        struct ledger ledger = book_ledger(meeting->book, meeting->book->db);
        struct batch *batch = book_batch(meeting->book, meeting->book->db);
        struct err err = ERR_INIT;

        for (int32_t p = 0; p < BOOK_PARTITIONS; p++) {
            world_feed(&world, meeting->book, batch, 1, p, WORLD_RECORDS);
        }
        meeting->place = "ledger.commit.before";
        meeting->act = fold_and_publish;
        fault_set_hook(at_place, meeting);
        must(ledger_commit(&ledger, batch, &err), &err);
        batch_free(batch);
    }
    assert_int_equal(complete_ns(meeting->book->db), INT64_MIN);
    world_note_drained(&world, meeting->book, meeting->book->db, BOOK_START_NS + NS_PER_HOUR);
    assert_int_equal(complete_ns(meeting->book->db), INT64_MIN);
    finish(meeting);
    assert_int_equal(complete_ns(meeting->book->db),
                     BOOK_START_NS + NS_PER_HOUR - 5 * NS_PER_MINUTE);
}

/* Copies of the same events, committed at the same moment by processes that read different partitions: each is counted once. */
static void commit_copies(struct book *book, int32_t partition)
{
    int64_t streams[1] = {book->requests};
    struct id_group group = {.name = STR("edge"),
                             .horizon_ns = NS_PER_DAY,
                             .count_max = 1000000,
                             .stream_ids = streams,
                             .stream_count = 1};
    struct db_options options = {
        .create = true, .clock = &book->clock.clock, .lock_wait_ns = NS_PER_MINUTE};
    struct db *db = NULL;
    struct err err = ERR_INIT;
    struct ledger ledger;

    must(store_place_open(book->path, options, &db, &err), &err);
    ledger = book_ledger(book, db);
    ledger.groups = &group;
    ledger.group_count = 1;
    random_init_system(&book->random);
    for (int round = 0; round < 20; round++) {
        struct batch *batch = book_batch(book, db);
        int tries = 0;

        batch_set_group(batch, book->requests, partition, STR("edge"));
        for (int i = 0; i < 50; i++) {
            char id[24];
            struct event event = {.kind = EVENT_REQUEST,
                                  .time_ns = BOOK_START_NS,
                                  .service = STR("shop"),
                                  .latency_ns = LATENCY_UNKNOWN,
                                  .weight = 1};
            struct coordinate at =
                book_at(book->requests, partition,
                        batch_next_offset(batch, book->requests, partition), BOOK_START_NS);

            /* Backwards in every other process: only sorting keeps them from waiting in a ring. */
            snprintf(id, sizeof(id), "%d-%d", round, partition % 2 == 0 ? i : 49 - i);
            event.id = STR(id);
            batch_add_event(batch, &at, &event);
        }
        do {
            err = ERR_INIT;
        } while (ledger_commit(&ledger, batch, &err) != ERR_OK && db_again(db, &tries, &err));
        must(err.code, &err);
        assert_int_equal(tries, 0); /* they wait for each other, but never in a ring */
        batch_free(batch);
    }
    db_close(db);
}

static void test_racing_copies(void **state)
{
    struct meeting *meeting = *state;
    struct book *book = meeting->book;
    pid_t pids[BOOK_PARTITIONS];

    for (int32_t p = 0; p < BOOK_PARTITIONS; p++) {
        pids[p] = fork();
        if (pids[p] == 0) {
            commit_copies(book, p);
            _exit(0);
        }
    }
    for (int32_t p = 0; p < BOOK_PARTITIONS; p++) {
        int status;

        assert_int_equal(waitpid(pids[p], &status, 0), pids[p]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    assert_int_equal(book_number(book->db, "SELECT CAST(sum(tallied) AS BIGINT) FROM batch_range"),
                     1000);
    assert_int_equal(
        book_number(book->db, "SELECT CAST(sum(duplicate) AS BIGINT) FROM batch_range"), 2000);
    assert_int_equal(book_number(book->db, "SELECT count(*) FROM event_id"), 1000);
    assert_int_equal(book_number(book->db, "SELECT ids FROM event_group"), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_commit_that_becomes_visible_late, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_note_during_a_commit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_two_commits_of_a_partition, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_two_folds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_round_during_a_commit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_racing_copies, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, make_world, forget_world);
}
