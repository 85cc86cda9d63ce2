/* Redrives: the books end as if the mapping had been right from the start, whatever is killed, repeated, lost or done twice. */
#include <signal.h>
#include <sys/wait.h>

#include "aggregator/audit.h"
#include "tests/unit/aggregator/world.h"

static struct world world, repaired;
static struct strbuf expected;

static int make_world(void **state)
{
    (void)state;
    world_make(&world, 20261125);
    repaired = world;
    world_repair(&repaired);
    world_expected(&repaired, &expected);
    return 0;
}

static int forget_world(void **state)
{
    (void)state;
    strbuf_release(&expected);
    return 0;
}

/* Everything is read with the wrong mapping. */
static int set_up(void **state)
{
    struct book *book = calloc(1, sizeof(*book));

    book_open(book);
    world_consume(&world, book, book->db, 30);
    *state = book;
    return 0;
}

static int tear_down(void **state)
{
    book_close(*state);
    free(*state);
    return 0;
}

static bool any_gaps(void *context, struct str topic)
{
    (void)context, (void)topic;
    return true;
}

static void refuse_finding(void *context, const char *line)
{
    (void)context;
    fail_msg("%s", line);
}

static struct audit_report assert_sound(struct db *db)
{
    struct audit_report report;
    struct err err = ERR_INIT;

    assert_int_equal(audit_run(db, 1, any_gaps, refuse_finding, NULL, &report, &err), ERR_OK);
    return report;
}

static void assert_right(struct book *book)
{
    (void)assert_sound(book->db);
    world_fold_all(book->db, "a", 40);
    (void)assert_sound(book->db);
    world_assert_equal(&expected, book->db);
}

static struct ledger redriving_ledger(struct book *book, struct db *db)
{
    struct ledger ledger = book_ledger(book, db);

    ledger.lasting_ids = true;
    return ledger;
}

static struct dead_letter_query all_requests(const struct book *book)
{
    return (struct dead_letter_query){.stream_id = book->requests,
                                      .after_partition = -1,
                                      .after_offset = -1,
                                      .count_max = 1000,
                                      .size_max = 1 << 20};
}

/* All letters of requests that are dead now and will not be. */
static struct redrive *whole_step(struct book *book, struct db *db)
{
    struct dead_letter_query query = all_requests(book);
    bool more;

    return world_step(&repaired, book, db, 0, &query, &more);
}

static void as_if_the_mapping_had_been_right(void **state)
{
    static const size_t counts[] = {1, 7, 1000};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(counts); i++) {
        struct book book;
        struct audit_report before, after;

        book_open(&book);
        world_consume(&world, &book, book.db, 30);
        before = assert_sound(book.db);
        if (i == 1) {
            world_fold_all(book.db, "early", 25); /* the letters are late events then */
        }
        world_redrive(&repaired, &book, book.db, counts[i]);
        after = assert_sound(book.db);
        assert_true(after.redriven > 20);
        assert_true(after.dead_letters > 0);
        assert_int_equal(before.dead_letters, after.dead_letters + after.redriven);
        assert_int_equal(before.records, after.records);
        world_redrive(&repaired, &book, book.db, counts[i]); /* finds nothing to add */
        assert_int_equal(assert_sound(book.db).redriven, after.redriven);
        assert_right(&book);
        book_close(&book);
    }
}

/* What happens at the next passage of a place, once. */
struct event_at {
    const char *place;
    bool fails;
    bool other_redrives; /* everything that is dead */
};

/* Events in the order in which they are to come. */
struct script {
    const struct event_at *next;
    struct book *book;
    struct db *other;
};

static bool play(const char *name, void *context)
{
    struct script *script = context;
    const struct event_at *event = script->next;

    if (event->place == NULL || strcmp(name, event->place) != 0) {
        return false;
    }
    script->next++;
    if (event->other_redrives) {
        fault_set_hook(NULL, NULL);
        world_redrive(&repaired, script->book, script->other, 5);
        fault_set_hook(play, script);
    }
    return event->fails;
}

static void a_step_that_failed_leaves_nothing_and_can_be_repeated(void **state)
{
    static const char *const places[] = {"ledger.commit.begin", "redrive.commit.claims",
                                         "redrive.commit.moved", "redrive.commit.rows",
                                         "ledger.commit.before"};
    struct book *book = *state;
    struct ledger ledger = redriving_ledger(book, book->db);

    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        const struct event_at fault[2] = {{.place = places[i], .fails = true}};
        struct script script = {.next = fault};
        struct redrive *redrive = whole_step(book, book->db);
        struct err err = ERR_INIT;
        bool missed = true;

        fault_set_hook(play, &script);
        assert_int_equal(redrive_commit(&ledger, redrive, &missed, &err), ERR_STORE);
        assert_true(err.retriable);
        assert_false(missed);
        assert_ptr_equal(script.next, &fault[1]);
        assert_int_equal(assert_sound(book->db).redriven, 0);
        if (i + 1 == ARRAY_COUNT(places)) {
            assert_int_equal(redrive_commit(&ledger, redrive, &missed, &err), ERR_OK);
        }
        redrive_free(redrive);
    }
    fault_set_hook(NULL, NULL);
    world_redrive(&repaired, book, book->db, 1000);
    assert_right(book);
}

/* Both have listed the same letters. The second to commit is told so, and nothing of its step is there. */
static void of_two_redrives_with_the_same_letters_one_counts_them(void **state)
{
    struct book *book = *state;
    struct db *other = book_connect(book);
    struct ledger first = redriving_ledger(book, book->db);
    struct ledger second = redriving_ledger(book, other);
    struct dead_letter_query few = all_requests(book);
    struct redrive *a, *b;
    struct err err = ERR_INIT;
    bool missed, more;

    few.count_max = 9; /* the other one's step reaches further */
    a = world_step(&repaired, book, book->db, 0, &few, &more);
    b = whole_step(book, other);
    assert_int_equal(redrive_commit(&first, a, &missed, &err), ERR_OK);
    assert_int_equal(redrive_commit(&second, b, &missed, &err), ERR_FENCED);
    assert_true(missed);
    assert_non_null(strstr(err.text, "another redrive has counted this dead letter"));
    assert_int_equal(book_number(book->db, "SELECT count(DISTINCT batch_id) FROM moved"), 1);
    redrive_free(a);
    redrive_free(b);
    world_redrive(&repaired, book, other, 4);
    db_close(other);
    assert_right(book);
}

/* The answer to the COMMIT of one is lost, and the other one works in the meantime. "after": the step is in the store. "before": it is not.
 * The other one comes between the COMMIT and the look-up of its outcome; the store may be away at the look-up, so that the doubt outlives
 * the call. */
static const struct lost_commit {
    struct event_at events[4];
    enum err_code first;
    enum err_code second; /* if the first was retriable */
    bool first_counted;   /* whose letters they are in the end */
} lost_commits[] = {
    {{{"ledger.commit.after", true, false}, {"ledger.commit.resolve", false, true}},
     ERR_OK,
     ERR_OK,
     true},
    {{{"ledger.commit.before", true, false}, {"ledger.commit.resolve", false, true}},
     ERR_STORE,
     ERR_FENCED,
     false},
    {{{"ledger.commit.after", true, false}, {"ledger.commit.resolve", true, true}},
     ERR_STORE,
     ERR_OK,
     true},
    {{{"ledger.commit.before", true, false}, {"ledger.commit.resolve", true, true}},
     ERR_STORE,
     ERR_FENCED,
     false},
    {{{"ledger.commit.before", true, false}, {"ledger.commit.resolve", true, false}},
     ERR_STORE,
     ERR_OK,
     true},
};

static void commit_with_a_lost_answer(struct book *book, struct db *other,
                                      const struct lost_commit *lost)
{
    struct script script = {.next = lost->events, .book = book, .other = other};
    struct ledger ledger = redriving_ledger(book, book->db);
    struct redrive *redrive = whole_step(book, book->db);
    int64_t letters = (int64_t)redrive_letters(redrive);
    struct err err = ERR_INIT;
    bool missed = true;
    enum err_code code;

    fault_set_hook(play, &script);
    code = redrive_commit(&ledger, redrive, &missed, &err);
    assert_int_equal(code, lost->first);
    assert_false(missed);
    assert_null(script.next->place);
    if (code == ERR_STORE) {
        assert_true(err.retriable);
        assert_int_equal(redrive_commit(&ledger, redrive, &missed, &err), lost->second);
        assert_true(missed == (lost->second == ERR_FENCED));
    }
    fault_set_hook(NULL, NULL);
    redrive_free(redrive);
    /* The whole step is one batch; the other one works in steps of five. */
    assert_true((book_number(other, "SELECT max(n) FROM (SELECT CAST(sum(letters) AS BIGINT) AS n "
                                    "FROM moved WHERE stream_id = 1 GROUP BY batch_id) m") ==
                 letters) == lost->first_counted);
}

static void a_lost_commit_in_one_of_two_redrives(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(lost_commits); i++) {
        struct book book;
        struct db *other;

        book_open(&book);
        world_consume(&world, &book, book.db, 30);
        other = book_connect(&book);
        commit_with_a_lost_answer(&book, other, &lost_commits[i]);
        world_redrive(&repaired, &book, other, 1000); /* the checks, where nobody has yet */
        db_close(other);
        assert_right(&book);
        book_close(&book);
    }
}

static void a_book_that_was_replaced_is_left_alone(void **state)
{
    struct book *book = *state;
    struct ledger ledger = redriving_ledger(book, book->db);
    struct redrive *redrive = whole_step(book, book->db);
    struct err err = ERR_INIT;
    bool missed = true;

    book_exec(book->db, "UPDATE book SET name = NULL");
    assert_int_equal(redrive_commit(&ledger, redrive, &missed, &err), ERR_FENCED);
    assert_false(missed);
    assert_false(err.retriable);
    assert_non_null(strstr(err.text, "the book was replaced"));
    redrive_free(redrive);
    assert_int_equal(assert_sound(book->db).redriven, 0);
}

static void run_process(struct book *book)
{
    book->db = book_connect(book);
    random_init_system(&book->random);
    world_redrive(&repaired, book, book->db, 11);
    db_close(book->db);
    book->db = NULL;
}

static bool run_and_kill(struct book *book, const char *place, int count)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        char plan[80];

        snprintf(plan, sizeof(plan), "%s:%d:kill", place, count);
        setenv("UPTALLY_FAULT", plan, 1);
        run_process(book);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* Every passage of every place, all on one store: each kill meets a run in progress, and the last run ends it. */
static void killed_at_every_fault_point(void **state)
{
    static const char *const places[] = {"ledger.commit.begin",  "redrive.commit.claims",
                                         "redrive.commit.moved", "redrive.commit.rows",
                                         "ledger.commit.before", "ledger.commit.after"};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        struct book book;
        int kills = 0;

        book_open(&book);
        world_consume(&world, &book, book.db, 30);
        db_close(book.db);
        book.db = NULL;
        while (run_and_kill(&book, places[i], 1 + kills % 2)) {
            kills++;
            assert_true(kills < 100);
            if (strcmp(places[i], "ledger.commit.after") != 0 && kills == 3) {
                break; /* a step that never gets through would be killed for ever */
            }
        }
        assert_true(kills > 1);
        run_process(&book);
        book.db = book_connect(&book);
        assert_right(&book);
        book_close(&book);
    }
}

/* A process that waits for the others' locks. */
static pid_t start_process(struct book *book, size_t count)
{
    struct db_options options = {
        .create = true, .clock = &book->clock.clock, .lock_wait_ns = 60 * NS_PER_SECOND};
    struct err err = ERR_INIT;
    pid_t pid = fork();

    if (pid == 0) {
        if (store_place_open(book->path, options, &book->db, &err) != ERR_OK) {
            _exit(1);
        }
        random_init_system(&book->random);
        world_redrive(&repaired, book, book->db, count);
        db_close(book->db);
        _exit(0);
    }
    return pid;
}

static void several_processes_at_once(void **state)
{
    enum { PROCESSES = 4 };

    (void)state;
    for (int turn = 0; turn < 3; turn++) {
        struct book book;
        pid_t pids[PROCESSES];

        book_open(&book);
        world_consume(&world, &book, book.db, 30);
        db_close(book.db);
        for (int i = 0; i < PROCESSES; i++) {
            pids[i] = start_process(&book, 2 + 3 * (size_t)i);
        }
        for (int i = 0; i < PROCESSES; i++) {
            int status;

            assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        }
        book.db = book_connect(&book);
        assert_right(&book);
        book_close(&book);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_if_the_mapping_had_been_right),
        cmocka_unit_test_setup_teardown(a_step_that_failed_leaves_nothing_and_can_be_repeated,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_two_redrives_with_the_same_letters_one_counts_them,
                                        set_up, tear_down),
        cmocka_unit_test(a_lost_commit_in_one_of_two_redrives),
        cmocka_unit_test_setup_teardown(a_book_that_was_replaced_is_left_alone, set_up, tear_down),
        cmocka_unit_test(killed_at_every_fault_point),
        cmocka_unit_test(several_processes_at_once),
    };

    return cmocka_run_group_tests(tests, make_world, forget_world);
}
