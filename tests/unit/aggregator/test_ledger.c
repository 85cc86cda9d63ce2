#include "tests/unit/aggregator/book.h"

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

/* The first call decides all origins; a partition that appears later begins at 0 whatever was resolved for it. */
static void test_origins(void **state)
{
    static const int64_t later[5] = {77, 77, 77, 77, 77};
    struct book *book = *state;
    struct arena arena = ARENA_INIT;
    struct ledger_partition *partitions;
    struct err err = ERR_INIT;
    size_t count;

    assert_int_equal(ledger_set_origins(&book->ledger, book->requests, later, 5, &err), ERR_OK);
    assert_int_equal(
        ledger_partitions(&book->ledger, book->requests, &arena, &partitions, &count, &err),
        ERR_OK);
    assert_int_equal(count, 5);
    assert_int_equal(partitions[1].origin, 100);
    assert_int_equal(partitions[1].next_offset, 100);
    assert_int_equal(partitions[3].origin, 0);
    assert_int_equal(partitions[4].next_offset, 0);
    assert_int_equal(partitions[4].guard_offset, -1);
    assert_false(partitions[4].parked.size > 0);
    arena_release(&arena);
}

static void test_commit_writes_everything(void **state)
{
    struct book *book = *state;
    struct batch *batch = book_batch(book, book->db);
    struct coordinate at = book_at(book->requests, 1, 103, BOOK_START_NS + 7);
    struct err err = ERR_INIT;
    bool proven = true;

    assert_int_equal(ledger_proven(&book->ledger, book->requests, STR("digest-1"), &proven, &err),
                     ERR_OK);
    assert_false(proven);
    book_request(book, batch, 0, "shop", 0, false);
    book_request(book, batch, 0, "shop", 61, true);
    batch_add_excluded(batch, &at, VERDICT_RULE, STR("healthz"));
    at.offset = 104;
    batch_add_dead_letter(batch, &at, VERDICT_MALFORMED, STR("why"), STR("bytes"), str_of(NULL, 0));
    assert_int_equal(ledger_commit(&book->ledger, batch, &err), ERR_OK);
    assert_true(batch_empty(batch));
    assert_int_equal(batch_next_offset(batch, book->requests, 1), 105);
    assert_int_equal(book_number(book->db, "SELECT count(*) FROM batch_range"), 2);
    assert_int_equal(book_number(book->db, "SELECT absent FROM batch_range WHERE partition_id = 1"),
                     3);
    assert_int_equal(book_number(book->db, "SELECT records FROM exclusion WHERE reason = "
                                           "'rule:healthz' AND partition_id = 1"),
                     1);
    assert_int_equal(
        book_number(book->db, "SELECT record_offset FROM dead_letter WHERE reason = 'malformed'"),
        104);
    assert_int_equal(book_number(book->db, "SELECT CAST(sum(tallies) AS BIGINT) FROM pending"), 4);
    assert_int_equal(book_number(book->db, "SELECT next_offset FROM partition_offset WHERE "
                                           "partition_id = 1 AND stream_id = 1"),
                     105);
    assert_int_equal(book_number(book->db, "SELECT guard_offset FROM partition_offset WHERE "
                                           "partition_id = 1 AND stream_id = 1"),
                     104);
    assert_int_equal(ledger_proven(&book->ledger, book->requests, STR("digest-1"), &proven, &err),
                     ERR_OK);
    assert_true(proven);
    assert_int_equal(ledger_proven(&book->ledger, book->requests, STR("digest-2"), &proven, &err),
                     ERR_OK);
    assert_false(proven);
    /* An empty batch leaves no row. */
    assert_int_equal(ledger_commit(&book->ledger, batch, &err), ERR_OK);
    assert_int_equal(book_number(book->db, "SELECT count(*) FROM batch"), 1);
    /* What is only known to be empty moves the offset and keeps the guard. */
    batch_advance(batch, book->requests, 1, 200);
    assert_int_equal(ledger_commit(&book->ledger, batch, &err), ERR_OK);
    assert_int_equal(book_number(book->db, "SELECT guard_offset FROM partition_offset WHERE "
                                           "partition_id = 1 AND stream_id = 1"),
                     104);
    assert_int_equal(book_number(book->db, "SELECT folded FROM batch ORDER BY folded DESC"), 1);
    batch_free(batch);
}

/* A drained note moves forward only, and only once everything up to the mark is committed. */
static void test_drained(void **state)
{
    struct book *book = *state;
    struct err err = ERR_INIT;

    assert_int_equal(ledger_note_drained(&book->ledger, book->requests, 0, 1, 1000, &err), ERR_OK);
    assert_int_equal(
        book_number(book->db, "SELECT count(*) FROM partition_offset WHERE drained_ns IS NOT NULL"),
        0);
    assert_int_equal(ledger_note_drained(&book->ledger, book->requests, 0, 0, 1000, &err), ERR_OK);
    assert_int_equal(ledger_note_drained(&book->ledger, book->requests, 0, 0, 900, &err), ERR_OK);
    assert_int_equal(book_number(book->db, "SELECT drained_ns FROM partition_offset WHERE "
                                           "stream_id = 1 AND partition_id = 0"),
                     1000);
    /* A partition that nobody knew holds completeness back until it is read. */
    assert_int_equal(ledger_note_drained(&book->ledger, book->requests, 9, 4, 1000, &err), ERR_OK);
    assert_int_equal(book_number(book->db, "SELECT count(*) FROM partition_offset WHERE stream_id "
                                           "= 1 AND partition_id = 9 AND drained_ns IS NULL"),
                     1);
}

/* A commit that fails before its end leaves nothing, and the same batch goes through afterwards. */
static bool fail_once(const char *name, void *context)
{
    const char **place = context;

    if (*place != NULL && strcmp(name, *place) == 0) {
        *place = NULL;
        return true;
    }
    return false;
}

static void test_failed_commit_can_be_repeated(void **state)
{
    static const char *const places[] = {"ledger.commit.begin",  "ledger.commit.offsets",
                                         "ledger.commit.ranges", "ledger.commit.dead_letters",
                                         "ledger.commit.rows",   "ledger.commit.before"};
    struct book *book = *state;
    struct batch *batch = book_batch(book, book->db);

    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        const char *place = places[i];
        struct err err = ERR_INIT;

        book_request(book, batch, 0, "shop", 0, false);
        fault_set_hook(fail_once, &place);
        assert_int_equal(ledger_commit(&book->ledger, batch, &err), ERR_STORE);
        assert_true(err.retriable);
        assert_null(place);
        assert_int_equal(batch_records(batch), 1);
        assert_int_equal(book_number(book->db, "SELECT count(*) FROM batch"), (int64_t)i);
        assert_int_equal(
            book_number(book->db, "SELECT CAST(coalesce(sum(tallies), 0) AS BIGINT) FROM pending"),
            2 * (int64_t)i);
        assert_int_equal(ledger_commit(&book->ledger, batch, &err), ERR_OK);
        assert_int_equal(
            book_number(book->db, "SELECT CAST(sum(tallied) AS BIGINT) FROM batch_range"),
            (int64_t)i + 1);
    }
    batch_free(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_origins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_commit_writes_everything, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_drained, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failed_commit_can_be_repeated, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
