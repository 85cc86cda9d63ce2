/* Real processes on one store: killed at every fault point, and racing each other. The books end as in the undisturbed run. */
#include <signal.h>
#include <sys/wait.h>

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

/* A whole run as a process does it: origins, consume, drained notes, fold. `latest` is what the broker's end is now. */
static void run_process(struct book *book, int64_t latest)
{
    int64_t origins[BOOK_PARTITIONS];
    struct err err = ERR_INIT;

    book->db = book_connect(book);
    book->ledger = book_ledger(book, book->db);
    random_init_system(&book->random);
    if (store_migrate(book->db, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    for (int s = 0; s < 2; s++) {
        enum stream_state state;
        struct stream stream;

        assert_int_equal(store_stream(book->db, STR("cluster"), STR("prod"),
                                      STR(s == 0 ? "requests" : "checks"),
                                      s == 0 ? EVENT_REQUEST : EVENT_CHECK, &stream, &state, &err),
                         ERR_OK);
        *(s == 0 ? &book->requests : &book->checks) = stream.stream_id;
        for (int p = 0; p < BOOK_PARTITIONS; p++) {
            origins[p] = world_origins[p] + latest;
        }
        assert_int_equal(
            ledger_set_origins(&book->ledger, stream.stream_id, origins, BOOK_PARTITIONS, &err),
            ERR_OK);
    }
    world_consume(&world, book, book->db, 50);
    world_note_drained(&world, book, book->db, BOOK_START_NS);
    world_fold_all(book->db, "process", 150);
    db_close(book->db);
    book->db = NULL;
}

/* Runs it in a child that is killed at a passage of a fault point; true if it was. */
static bool run_and_kill(struct book *book, const char *place, int count)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        char plan[80];

        snprintf(plan, sizeof(plan), "%s:%d:kill", place, count);
        setenv("UPTALLY_FAULT", plan, 1);
        run_process(book, 0);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGKILL);
        return true;
    }
    assert_int_equal(WEXITSTATUS(status), 0);
    return false;
}

/* Killed at every passage of every fault point, one after the other until a run is untouched. The next run finds other
 * ends of the topic, and must keep the origins of the first if they were stored: no record between them may be lost. */
static void test_kill_at_every_fault_point(void **state)
{
    static const char *const places[] = {"store.migrate.before",
                                         "ledger.origins.before",
                                         "ledger.origins.after",
                                         "ledger.commit.begin",
                                         "ledger.commit.offsets",
                                         "ledger.commit.ranges",
                                         "ledger.commit.dead_letters",
                                         "ledger.commit.rows",
                                         "ledger.commit.before",
                                         "ledger.commit.after",
                                         "fold.step.begin",
                                         "fold.step.lease",
                                         "fold.step.round",
                                         "fold.step.merged",
                                         "fold.step.before",
                                         "fold.step.after"};
    int kills = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        bool killed = true;

        for (int count = 1; killed; count++) {
            /* With nothing stored yet the second run resolves its own origins, so they must be the same there. */
            bool unborn = strcmp(places[i], "store.migrate.before") == 0 ||
                          (strcmp(places[i], "ledger.origins.before") == 0) ||
                          (strcmp(places[i], "ledger.origins.after") == 0 && count == 1);
            struct book book = {0};

            temporary_make(&book.folder);
            snprintf(book.path, sizeof(book.path), "%s", temporary_file(&book.folder, "store.db"));
            clock_simulated_init(&book.clock, BOOK_START_NS);
            killed = run_and_kill(&book, places[i], count);
            kills += killed;
            run_process(&book, killed && unborn ? 0 : 40);
            book.db = book_connect(&book);
            world_assert_equal(&expected, book.db);
            book_close(&book);
        }
    }
    print_message("%d kills\n", kills);
    assert_in_range(kills, 30, 200);
}

/* The clock of these books does not sleep, and another process may just be leaving the store as the last one. */
static struct db *connect_among_others(struct book *book)
{
    struct err err = ERR_INIT;
    struct db *db = NULL;

    for (int tries = 0; tries < 10000; tries++) {
        err = ERR_INIT;
        if (book_try_connect(book, &db, &err) == ERR_OK) {
            return db;
        }
        clock_sleep_ns(clock_system(), NS_PER_MS);
    }
    fail_msg("%s", err.text);
    return NULL;
}

/* One of several consumers that all want everything: it commits what it can and reloads whenever it was too late. */
static void race(struct book *book)
{
    bool more = true;

    book->db = connect_among_others(book);
    book->ledger = book_ledger(book, book->db);
    random_init_system(&book->random);
    for (int turn = 0; more && turn < 10000; turn++) {
        struct batch *batch = book_batch(book, book->db);
        struct err err = ERR_INIT;

        more = false;
        for (int s = 0; s < 2; s++) {
            for (int p = 0; p < BOOK_PARTITIONS; p++) {
                more =
                    world_feed(&world, book, batch, s, p, (int)random_below(&book->random, 25)) ||
                    more;
            }
        }
        if (ledger_commit(&book->ledger, batch, &err) == ERR_FENCED) {
            more = true;
        }
        batch_free(batch);
    }
    db_close(book->db);
    book->db = NULL;
}

/* The same against the aggregator's lease: whoever gets it folds a little. */
static void race_fold(struct book *book, const char *holder)
{
    struct db *db = connect_among_others(book);

    for (int turn = 0; turn < 60; turn++) {
        struct fold fold = world_fold(db, holder, 1 + turn);
        struct err err = ERR_INIT;
        bool done;

        if (fold_acquire(&fold, &err) == ERR_OK) {
            (void)fold_step(&fold, &done, &err);
            fold_release(&fold);
        }
    }
    db_close(db);
}

/* Real processes, all at once: three consumers of everything and two aggregators. */
static void test_racing_processes(void **state)
{
    struct book *book = *state;
    pid_t pids[5];

    db_close(book->db);
    book->db = NULL;
    for (size_t i = 0; i < ARRAY_COUNT(pids); i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            if (i < 3) {
                race(book);
            } else {
                race_fold(book, i == 3 ? "x" : "y");
            }
            _exit(0);
        }
    }
    for (size_t i = 0; i < ARRAY_COUNT(pids); i++) {
        int status;

        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    book->db = book_connect(book);
    book->ledger = book_ledger(book, book->db);
    world_consume(&world, book, book->db, 50);
    book->clock.time_ns += NS_PER_HOUR; /* past any lease that is left */
    world_fold_all(book->db, "last", 100);
    world_assert_equal(&expected, book->db);
}

/* Programs that meet at an empty store make its tables once, and nobody fails. */
static void test_racing_migrations(void **state)
{
    struct book book = {.clock = {.time_ns = 0}};
    pid_t pids[4];

    (void)state;
    temporary_make(&book.folder);
    snprintf(book.path, sizeof(book.path), "%s", temporary_file(&book.folder, "new.db"));
    for (size_t i = 0; i < ARRAY_COUNT(pids); i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            struct db_options options = {.create = true, .lock_wait_ns = NS_PER_MINUTE};
            struct err err = ERR_INIT;
            struct db *db;
            bool good = store_place_open(book.path, options, &db, &err) == ERR_OK &&
                        store_migrate(db, &err) == ERR_OK;

            (void)fprintf(stderr, "%s", err.text);
            _exit(good ? 0 : 1);
        }
    }
    for (size_t i = 0; i < ARRAY_COUNT(pids); i++) {
        int status;

        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    clock_simulated_init(&book.clock, BOOK_START_NS);
    book.db = book_connect(&book);
    assert_int_equal(book_number(book.db, "SELECT count(*) FROM book"), 1);
    db_close(book.db);
    temporary_remove(&book.folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_racing_migrations),
        cmocka_unit_test(test_kill_at_every_fault_point),
        cmocka_unit_test_setup_teardown(test_racing_processes, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, make_world, forget_world);
}
