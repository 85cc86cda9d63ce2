/* Issuing happens once: lost answers of COMMIT, several processes at one moment, a lease that was lost, months that are caught up. */
#include "tests/unit/statement/publish_world.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/db_driver.h"
#include "jobs/statement/due.h"

/* A driver whose COMMIT goes wrong: the nth from now on loses its answer, with or without its effect. */

static struct db_ops sound_ops, lossy_ops;
static int commits_left;
static bool effect;
static int losses;

static enum err_code lossy_commit(struct db *db, bool *ret_unknown, struct err *err)
{
    if (commits_left == 0 || --commits_left > 0) {
        return sound_ops.commit(db, ret_unknown, err);
    }
    losses++;
    if (effect) {
        assert_int_equal(sound_ops.commit(db, ret_unknown, err), ERR_OK);
    }
    *ret_unknown = true;
    return err_set_retriable(err, ERR_STORE, "the answer was lost");
}

static void lose_answer(struct db *db, int nth, bool with_effect)
{
    if (db->ops != &lossy_ops) {
        sound_ops = *db->ops;
        lossy_ops = sound_ops;
        lossy_ops.commit = lossy_commit;
        db->ops = &lossy_ops;
    }
    commits_left = nth;
    effect = with_effect;
}

static enum err_code note_credit(struct world *world, int64_t *ret_count, struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct credit_note *notes;
    size_t count = 0;
    enum err_code code = credits_issue(&world->publisher, 2026, 10, &arena, &notes, &count, err);

    *ret_count = (int64_t)count;
    if (code == ERR_OK && count == 1) {
        assert_int_equal(notes[0].amount_minor, 10000);
    }
    arena_release(&arena);
    return code;
}

/* The statement, what is drawn from it, the credit note. */
enum { COMMITS = 3 };

/* Every COMMIT on the way loses its answer once, with both outcomes. */
static void test_lost_answers_are_looked_up(void **state)
{
    (void)state;
    losses = 0;
    for (int nth = 1; nth <= COMMITS; nth++) {
        for (int with_effect = 0; with_effect < 2; with_effect++) {
            struct world world;
            struct statement_outcome outcome;
            struct err err = ERR_INIT;
            int64_t count;

            world_open(&world, 1000);
            month_over(&world);
            lose_answer(world.book.db, nth, with_effect);
            if (publish(&world, false, &outcome, &err) != ERR_OK) {
                fail_msg("commit %d, effect %d: %s", nth, with_effect, err.text);
            }
            assert_int_equal(book_number(world.book.db, "SELECT COUNT(*) FROM statement"), 1);
            assert_int_equal(book_number(world.book.db, "SELECT COUNT(*) FROM terms"), 1);
            assert_string_equal(shelf_text(&world.shelf, "acme/2026-10/statement-r1.json"),
                                strbuf_text(&outcome.document));
            statement_outcome_release(&outcome);
            assert_int_equal(commits_left, nth == COMMITS ? 1 : 0);
            assert_int_equal(note_credit(&world, &count, &err), ERR_OK);
            assert_int_equal(count, 1);
            assert_int_equal(book_number(world.book.db, "SELECT COUNT(*) FROM credit_note"), 1);
            world_close(&world);
        }
    }
    assert_int_equal(losses, 2 * COMMITS);
}

/* An answer that is lost again and again is an error, not a loop. */
static enum err_code refuse_commit(struct db *db, bool *ret_unknown, struct err *err)
{
    (void)db;
    *ret_unknown = true;
    return err_set_retriable(err, ERR_STORE, "no answer at all");
}

static void test_a_store_that_never_answers_is_an_error(void **state)
{
    struct world world;
    struct statement_outcome outcome;
    struct err err = ERR_INIT;

    (void)state;
    world_open(&world, 1000);
    month_over(&world);
    lose_answer(world.book.db, 0, false);
    assert_int_equal(publish(&world, false, &outcome, &err), ERR_OK);
    statement_outcome_release(&outcome);
    book_exec(world.book.db, "DELETE FROM credit_note");
    lossy_ops.commit = refuse_commit;
    {
        int64_t count;

        assert_int_equal(note_credit(&world, &count, &err), ERR_STORE);
        assert_string_equal(err.text, "no answer at all");
    }
    lossy_ops.commit = lossy_commit;
    assert_int_equal(book_number(world.book.db, "SELECT COUNT(*) FROM credit_note"), 0);
    world_close(&world);
}

/* A stored note is what is published, and must be what its statement says. */
static void test_a_damaged_note_is_not_published(void **state)
{
    static const char *const damages[] = {
        "UPDATE credit_note SET amount_minor = 1",
        "UPDATE credit_note SET checksum = checksum + 1",
        "UPDATE credit_note SET total_minor = 1",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(damages); i++) {
        struct world world;
        struct statement_outcome outcome;
        struct err err = ERR_INIT;
        int64_t count;

        world_open(&world, 1000);
        month_over(&world);
        assert_int_equal(publish(&world, false, &outcome, &err), ERR_OK);
        statement_outcome_release(&outcome);
        assert_int_equal(note_credit(&world, &count, &err), ERR_OK);
        book_exec(world.book.db, damages[i]);
        assert_int_equal(note_credit(&world, &count, &err), ERR_MISMATCH);
        assert_non_null(strstr(err.text, "CN-acme-2026-10-r1"));
        world_close(&world);
    }
}

/* Another holder has the lease by now: nothing may be written any more, neither statement nor credit note. */
static void test_whoever_lost_the_lease_issues_nothing(void **state)
{
    struct world world;
    struct lease old, new;
    struct statement_outcome outcome;
    struct err err = ERR_INIT;
    struct lease_options options = {.kind = "nightly",
                                    .who = "nightly run",
                                    .holder = "old",
                                    .book_id = 1,
                                    .duration_ns = NS_PER_MINUTE};
    int64_t count;

    (void)state;
    world_open(&world, 1000);
    month_over(&world);
    options.db = world.book.db;
    lease_init(&old, &options);
    options.holder = "new";
    lease_init(&new, &options);
    assert_int_equal(lease_acquire(&old, &err), ERR_OK);
    assert_int_equal(lease_acquire(&new, &err), ERR_FENCED);
    assert_non_null(strstr(err.text, "another nightly run, old, holds the lease for 60 more"));
    world.book.clock.time_ns += NS_PER_MINUTE;
    /* Expired, but nobody took it: it still is ours, and longer. */
    assert_int_equal(lease_extend(&old, &err), ERR_OK);
    err = ERR_INIT;
    assert_int_equal(lease_acquire(&new, &err), ERR_FENCED);
    world.book.clock.time_ns += NS_PER_MINUTE;
    assert_int_equal(lease_acquire(&new, &err), ERR_OK);

    world.publisher.lease = &old;
    err = ERR_INIT;
    assert_int_equal(publish(&world, false, &outcome, &err), ERR_FENCED);
    assert_non_null(strstr(err.text, "another nightly run took over the lease"));
    statement_outcome_release(&outcome);
    assert_int_equal(book_number(world.book.db, "SELECT COUNT(*) FROM statement"), 0);
    assert_int_equal(world.shelf.count, 0);
    assert_int_equal(lease_extend(&old, &err), ERR_FENCED);

    world.publisher.lease = &new;
    assert_int_equal(publish(&world, false, &outcome, &err), ERR_OK);
    statement_outcome_release(&outcome);
    world.publisher.lease = &old;
    assert_int_equal(note_credit(&world, &count, &err), ERR_FENCED);
    assert_int_equal(book_number(world.book.db, "SELECT COUNT(*) FROM credit_note"), 0);
    /* Giving back what is no longer ours takes nothing from its holder. */
    lease_release(&old);
    lease_init(&old, &old.options);
    assert_int_equal(lease_acquire(&old, &err), ERR_FENCED);
    world_close(&world);
}

/* The fold of a larger job keeps that job's lease, and writes nothing once it is lost. */
static void test_a_fold_keeps_the_lease_of_its_job(void **state)
{
    struct world world;
    struct lease outer, thief;
    struct fold fold;
    struct err err = ERR_INIT;
    bool done;
    struct lease_options options = {.kind = "nightly",
                                    .who = "nightly run",
                                    .holder = "job",
                                    .book_id = 1,
                                    .duration_ns = NS_PER_MINUTE};

    (void)state;
    world_open(&world, 1000);
    options.db = world.book.db;
    lease_init(&outer, &options);
    options.holder = "thief";
    lease_init(&thief, &options);
    assert_int_equal(lease_acquire(&outer, &err), ERR_OK);
    fold_init(&fold, &(struct fold_options){.db = world.book.db,
                                            .book_id = 1,
                                            .holder = "job",
                                            .rows_per_step = 1,
                                            .outer = &outer});
    assert_int_equal(fold_acquire(&fold, &err), ERR_OK);
    world.book.clock.time_ns += 50 * NS_PER_SECOND;
    assert_int_equal(fold_step(&fold, &done, &err), ERR_OK);
    assert_false(done);
    world.book.clock.time_ns += 50 * NS_PER_SECOND;
    assert_int_equal(lease_acquire(&thief, &err), ERR_FENCED);
    world.book.clock.time_ns += 50 * NS_PER_SECOND;
    assert_int_equal(lease_acquire(&thief, &err), ERR_OK);
    assert_int_equal(fold_step(&fold, &done, &err), ERR_FENCED);
    fold_release(&fold);
    world_close(&world);
}

enum { MEETING = 6 };

/* Waits at both places until all have come: every process has looked before the first one writes. */
static bool meet(const char *name, void *context)
{
    _Atomic int *arrived = context;
    int place = strcmp(name, "statement.issue.begin") == 0     ? 0
                : strcmp(name, "credit_note.issue.begin") == 0 ? 1
                                                               : -1;

    if (place >= 0) {
        arrived[place]++;
        for (int i = 0; arrived[place] < MEETING && i < 600000; i++) {
            usleep(100);
        }
    }
    return false;
}

/* Six processes issue and note at one moment, each with a document of its own in hand. */
static void test_processes_at_one_moment(void **state)
{
    struct world world;
    struct statement_outcome outcome;
    struct err err = ERR_INIT;
    pid_t pids[MEETING];
    _Atomic int *arrived =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    (void)state;
    world_open(&world, 1000);
    month_over(&world);
    for (size_t i = 0; i < ARRAY_COUNT(pids); i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            struct db_options options = {.lock_wait_ns = 60 * NS_PER_SECOND,
                                         .clock = &world.book.clock.clock};
            int64_t count = 0;

            if (store_place_open(world.book.path, options, &world.publisher.db, &err) != ERR_OK) {
                _exit(2);
            }
            fault_set_hook(meet, (void *)(uintptr_t)arrived);
            if (publish(&world, false, &outcome, &err) != ERR_OK || !outcome.present ||
                note_credit(&world, &count, &err) != ERR_OK || count != 1) {
                _exit(1);
            }
            _exit(0);
        }
    }
    for (size_t i = 0; i < ARRAY_COUNT(pids); i++) {
        int status;

        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    assert_in_range(arrived[0], MEETING, 2 * MEETING); /* more: attempts at a busy moment */
    assert_in_range(arrived[1], MEETING, 2 * MEETING);
    assert_int_equal(munmap((void *)(uintptr_t)arrived, 4096), 0);
    assert_int_equal(book_number(world.book.db, "SELECT COUNT(*) FROM statement"), 1);
    assert_int_equal(book_number(world.book.db, "SELECT COUNT(*) FROM credit_note"), 1);
    world_close(&world);
}

static struct due *due_now(struct world *world, struct arena *arena, size_t *ret_count,
                           bool *ret_started)
{
    struct due *due = NULL;
    struct err err = ERR_INIT;

    if (due_list(&world->publisher, &world->config->contracts[0], arena, &due, ret_count,
                 ret_started, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    return due;
}

static void assert_due(struct world *world, const char *expected)
{
    static const char letters[] = {[DUE_STATEMENT] = 'S',
                                   [DUE_COMPARISON] = 'R',
                                   [DUE_CREDIT_NOTE] = 'C',
                                   [DUE_FILES] = 'F',
                                   [DUE_INCOMPLETE] = '?'};
    struct arena arena = ARENA_INIT;
    char text[200] = "";
    size_t count;
    bool started;
    struct due *due = due_now(world, &arena, &count, &started);

    for (size_t i = 0; i < count; i++) {
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%c%s ", letters[due[i].kind],
                 due[i].period.name);
    }
    assert_string_equal(text, expected);
    arena_release(&arena);
}

static void test_what_is_due(void **state)
{
    enum { DAY = 24 * 60, JANUARY = NOVEMBER_MINUTE + 61 * DAY };
    struct world world;
    struct statement_outcome outcome;
    struct err err = ERR_INIT;
    int64_t count;

    (void)state;
    world_open(&world, 1000);
    aggregate(&world);
    set_clock(&world, 20 * DAY);
    assert_due(&world, ""); /* the month of the first event goes on */
    set_clock(&world, NOVEMBER_MINUTE + 3 * DAY - 1);
    drained(&world, NOVEMBER_MINUTE + 3 * DAY - 1);
    aggregate(&world);
    assert_due(&world, ""); /* within grace */
    set_clock(&world, NOVEMBER_MINUTE + 3 * DAY);
    assert_due(&world, "S2026-10 ");

    /* Nobody ran for two months, and the consumers stood still for one of them: all are caught up, oldest first. */
    set_clock(&world, JANUARY + 3 * DAY);
    assert_due(&world, "S2026-10 ?2026-11 ?2026-12 ");
    drained(&world, NOVEMBER_MINUTE + 30 * DAY);
    aggregate(&world);
    assert_due(&world, "S2026-10 S2026-11 ?2026-12 ");

    assert_int_equal(publish(&world, false, &outcome, &err), ERR_OK);
    statement_outcome_release(&outcome);
    assert_due(&world, "C2026-10 S2026-11 ?2026-12 ");
    assert_int_equal(note_credit(&world, &count, &err), ERR_OK);
    assert_due(&world, "S2026-11 ?2026-12 ");
    /* One file is gone. */
    strcpy(world.shelf.items[world.shelf.count - 1].name, "x");
    assert_due(&world, "F2026-10 S2026-11 ?2026-12 ");
    world.publisher.objects = NULL;
    assert_due(&world, "F2026-10 S2026-11 ?2026-12 ");
    world_close(&world);
}

static void test_without_an_event_nothing_is_due(void **state)
{
    struct world world;
    struct arena arena = ARENA_INIT;
    size_t count = 1;
    bool started = true;

    (void)state;
    world_open(&world, 1000);
    month_over(&world);
    book_exec(world.book.db, "DELETE FROM service");
    due_now(&world, &arena, &count, &started);
    assert_int_equal(count, 0);
    assert_false(started);
    arena_release(&arena);
    world_close(&world);
}

static void test_final_only_publishes_nothing_provisional(void **state)
{
    struct world world;
    struct statement_outcome outcome;
    struct statement_options options = {.formats = STATEMENT_ALL, .final_only = true};
    struct err err = ERR_INIT;

    (void)state;
    world_open(&world, 1000);
    set_clock(&world, 600);
    drained(&world, 480);
    aggregate(&world);
    statement_outcome_init(&outcome);
    assert_int_equal(statement_publish_month(&world.publisher, &world.config->contracts[0], 2026,
                                             10, &options, &outcome, &err),
                     ERR_OK);
    assert_false(outcome.present);
    assert_int_equal(world.shelf.count, 0);
    statement_outcome_release(&outcome);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lost_answers_are_looked_up),
        cmocka_unit_test(test_a_store_that_never_answers_is_an_error),
        cmocka_unit_test(test_a_damaged_note_is_not_published),
        cmocka_unit_test(test_whoever_lost_the_lease_issues_nothing),
        cmocka_unit_test(test_a_fold_keeps_the_lease_of_its_job),
        cmocka_unit_test(test_processes_at_one_moment),
        cmocka_unit_test(test_what_is_due),
        cmocka_unit_test(test_without_an_event_nothing_is_due),
        cmocka_unit_test(test_final_only_publishes_nothing_provisional),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
