/* Stored bytes of dead letters: what they are of the record, how they expire, and that nothing else of a row is lost by it. */
#include <signal.h>
#include <sys/wait.h>

#include "aggregator/audit.h"
#include "tests/unit/aggregator/world.h"

enum { LETTERS = 1200 };

static struct dead_letter read_letter(struct book *book, int32_t partition, int64_t offset,
                                      struct arena *arena)
{
    struct dead_letter letter = {.stream_id = -1};
    struct err err = ERR_INIT;
    bool found;

    if (dead_letter_read(book->db, 1, book->requests, partition, offset, arena, &letter, &found,
                         &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    assert_true(found);
    return letter;
}

static void add_letter(struct book *book, struct batch *batch, struct str bytes)
{
    struct coordinate at =
        book_at(book->requests, 0, batch_next_offset(batch, book->requests, 0), BOOK_START_NS);

    batch_add_dead_letter(batch, &at, VERDICT_MALFORMED, STR("why"), bytes, STR("h"));
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

static void assert_sound(struct book *book)
{
    struct audit_report report;
    struct err err = ERR_INIT;

    assert_int_equal(audit_run(book->db, 1, no_gaps, refuse_finding, NULL, &report, &err), ERR_OK);
}

static void test_content(void **state)
{
    struct book *book = *state;
    struct batch *batch = book_batch(book, book->db);
    struct coordinate at = book_at(book->requests, 0, 3, INT64_MIN);
    struct arena arena = ARENA_INIT;
    char *large = calloc(1, DEAD_LETTER_BYTES_MAX + 1);
    struct dead_letter letter;
    struct err err = ERR_INIT;

    add_letter(book, batch, STR(""));
    add_letter(book, batch, STR("bytes"));
    add_letter(book, batch, str_of(large, DEAD_LETTER_BYTES_MAX + 1));
    batch_add_redacted(batch, &at, VERDICT_BAD_NAME, STR(""), STR("b***s"), str_of(NULL, 0), 5);
    assert_int_equal(ledger_commit(&book->ledger, batch, &err), ERR_OK);
    assert_int_equal(read_letter(book, 0, 0, &arena).content, LETTER_WHOLE);
    assert_int_equal(read_letter(book, 0, 1, &arena).content, LETTER_WHOLE);
    letter = read_letter(book, 0, 2, &arena);
    assert_int_equal(letter.content, LETTER_CUT);
    assert_int_equal(letter.bytes.size, DEAD_LETTER_BYTES_MAX);
    assert_int_equal(letter.record_size, DEAD_LETTER_BYTES_MAX + 1);
    letter = read_letter(book, 0, 3, &arena);
    assert_int_equal(letter.content, LETTER_REDACTED);
    assert_int_equal(letter.time_ns, INT64_MIN);
    assert_true(str_equal(letter.bytes, STR("b***s")));
    assert_sound(book);
    arena_release(&arena);
    batch_free(batch);
    free(large);
}

/* Old bytes go, the row stays, young ones stay whole. What was empty from the beginning does not become expired. */
static void test_expiry_by_the_time_of_storing(void **state)
{
    struct book *book = *state;
    struct batch *batch = book_batch(book, book->db);
    struct arena arena = ARENA_INIT;
    struct dead_letter letter;
    struct err err = ERR_INIT;
    int64_t count;

    add_letter(book, batch, STR(""));
    for (int i = 1; i < LETTERS; i++) {
        add_letter(book, batch, STR("bytes"));
    }
    assert_int_equal(ledger_commit(&book->ledger, batch, &err), ERR_OK);
    book->clock.time_ns += NS_PER_HOUR;
    add_letter(book, batch, STR("young"));
    assert_int_equal(ledger_commit(&book->ledger, batch, &err), ERR_OK);
    assert_int_equal(dead_letter_expire(book->db, 1, BOOK_START_NS, &count, &err), ERR_OK);
    assert_int_equal(count, 0);
    assert_int_equal(dead_letter_expire(book->db, 1, BOOK_START_NS + 1, &count, &err), ERR_OK);
    assert_int_equal(count, LETTERS - 1);
    assert_int_equal(dead_letter_expire(book->db, 1, BOOK_START_NS + 1, &count, &err), ERR_OK);
    assert_int_equal(count, 0);
    letter = read_letter(book, 0, 7, &arena);
    assert_int_equal(letter.content, LETTER_EXPIRED);
    assert_int_equal(letter.bytes.size, 0);
    assert_int_equal(letter.record_size, 5);
    assert_true(str_equal(letter.reason, STR("malformed")));
    assert_true(str_equal(letter.detail, STR("why")));
    assert_int_equal(letter.time_ns, BOOK_START_NS);
    assert_int_equal(read_letter(book, 0, 0, &arena).content, LETTER_WHOLE);
    assert_true(str_equal(read_letter(book, 0, LETTERS, &arena).bytes, STR("young")));
    assert_sound(book);
    arena_release(&arena);
    batch_free(batch);
}

static void test_a_claim_outlives_the_bytes(void **state)
{
    struct book *book = *state;
    struct batch *batch = book_batch(book, book->db);
    struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct dead_letter letter;
    int64_t count, locked[3];
    bool unknown;

    add_letter(book, batch, STR("bytes"));
    assert_int_equal(ledger_commit(&book->ledger, batch, &err), ERR_OK);
    assert_int_equal(db_begin(book->db, &err), ERR_OK);
    assert_int_equal(dead_letter_lock(book->db, 1, book->requests, 0, 0, &locked[0], &err), ERR_OK);
    assert_int_equal(dead_letter_lock(book->db, 1, book->requests, 0, 9, &locked[1], &err), ERR_OK);
    assert_int_equal(db_settle(book->db, &err), ERR_OK);
    assert_int_equal(locked[0], 1);
    assert_int_equal(locked[1], 0);
    assert_int_equal(dead_letter_resolve(book->db, 1, book->requests, 0, 0, STR("one"), &err),
                     ERR_OK);
    assert_int_equal(dead_letter_lock(book->db, 1, book->requests, 0, 0, &locked[2], &err), ERR_OK);
    assert_int_equal(db_settle(book->db, &err), ERR_OK);
    assert_int_equal(locked[2], 0);
    assert_int_equal(db_commit(book->db, &unknown, &err), ERR_OK);
    assert_int_equal(dead_letter_expire(book->db, 1, INT64_MAX, &count, &err), ERR_OK);
    assert_int_equal(count, 1);
    letter = read_letter(book, 0, 0, &arena);
    assert_true(str_equal(letter.resolved_by, STR("one")));
    assert_int_equal(letter.content, LETTER_EXPIRED);
    arena_release(&arena);
    batch_free(batch);
}

/* Killed in its second step: what the first one emptied is whole and sound, and the next run ends it. */
static void test_killed_while_bytes_expire(void **state)
{
    struct book *book = *state;
    struct batch *batch = book_batch(book, book->db);
    struct err err = ERR_INIT;
    int64_t count;
    int status;
    pid_t pid;

    for (int i = 0; i < LETTERS; i++) {
        add_letter(book, batch, STR("bytes"));
    }
    assert_int_equal(ledger_commit(&book->ledger, batch, &err), ERR_OK);
    batch_free(batch);
    db_close(book->db);
    pid = fork();
    if (pid == 0) {
        setenv("UPTALLY_FAULT", "dead_letter.expire:2:kill", 1);
        book->db = book_connect(book);
        (void)dead_letter_expire(book->db, 1, INT64_MAX, &count, &err);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    book->db = book_connect(book);
    assert_sound(book);
    count = book_number(book->db, "SELECT count(*) FROM dead_letter WHERE content = 'expired'");
    assert_in_range(count, 1, LETTERS - 1);
    {
        int64_t rest;

        assert_int_equal(dead_letter_expire(book->db, 1, INT64_MAX, &rest, &err), ERR_OK);
        assert_int_equal(count + rest, LETTERS);
    }
    assert_sound(book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_content, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_expiry_by_the_time_of_storing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_claim_outlives_the_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_killed_while_bytes_expire, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
