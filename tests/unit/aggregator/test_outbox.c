/* What a commit promises to deliver: as much as it commits, and nothing if it does not. */
#include "aggregator/dead_letter.h"
#include "aggregator/outbox.h"
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

static struct batch *batch_with_destination(struct book *book, struct db *db)
{
    struct batch *batch = book_batch(book, db);

    batch_set_destination(batch, book->requests, 1, STR("elsewhere"));
    return batch;
}

static void add_dead(struct batch *batch, int64_t stream_id, int32_t partition)
{
    struct coordinate at = book_at(stream_id, partition,
                                   batch_next_offset(batch, stream_id, partition), BOOK_START_NS);

    batch_add_dead_letter(batch, &at, VERDICT_MALFORMED, STR("why"), STR("bytes"), str_of(NULL, 0));
}

static void commit(struct ledger *ledger, struct batch *batch)
{
    struct err err = ERR_INIT;

    if (ledger_commit(ledger, batch, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
}

static void only_streams_with_a_destination_are_promised(void **state)
{
    struct book *book = *state;
    struct batch *batch = batch_with_destination(book, book->db);
    struct arena arena = ARENA_INIT;
    struct outbox_row *rows;
    struct err err = ERR_INIT;
    size_t count;

    add_dead(batch, book->requests, 1);
    add_dead(batch, book->requests, 0);
    add_dead(batch, book->checks, 1);
    commit(&book->ledger, batch);
    add_dead(batch, book->requests, 1); /* the destination outlives a commit */
    commit(&book->ledger, batch);
    assert_int_equal(
        outbox_list(book->db, OUTBOX_DEAD_LETTER, STR(""), 10, &arena, &rows, &count, &err),
        ERR_OK);
    assert_int_equal(count, 2);
    assert_true(str_equal(rows[0].id, STR("dead-letter/cluster/requests/1/1/100")));
    assert_true(str_equal(rows[1].id, STR("dead-letter/cluster/requests/1/1/101")));
    assert_true(str_equal(rows[0].payload, STR("{\"destination\":\"elsewhere\",\"offset\":100,"
                                               "\"partition\":1,\"stream_id\":1}")));
    arena_release(&arena);
    batch_free(batch);
}

static void a_list_is_bounded_goes_on_and_leaves_out_what_is_delivered(void **state)
{
    struct book *book = *state;
    struct batch *batch = batch_with_destination(book, book->db);
    struct arena arena = ARENA_INIT;
    struct outbox_row *rows;
    struct err err = ERR_INIT;
    size_t count;

    for (int i = 0; i < 5; i++) {
        add_dead(batch, book->requests, 1);
    }
    commit(&book->ledger, batch);
    assert_int_equal(
        outbox_list(book->db, OUTBOX_DEAD_LETTER, STR(""), 2, &arena, &rows, &count, &err), ERR_OK);
    assert_int_equal(count, 2);
    assert_int_equal(outbox_mark_delivered(book->db, &rows[0].id, 1, &err), ERR_OK);
    assert_int_equal(
        outbox_list(book->db, OUTBOX_DEAD_LETTER, rows[1].id, 10, &arena, &rows, &count, &err),
        ERR_OK);
    assert_int_equal(count, 3);
    assert_int_equal(
        outbox_list(book->db, OUTBOX_DEAD_LETTER, STR(""), 10, &arena, &rows, &count, &err),
        ERR_OK);
    assert_int_equal(count, 4);
    assert_int_equal(outbox_list(book->db, "mail", STR(""), 10, &arena, &rows, &count, &err),
                     ERR_OK);
    assert_int_equal(count, 0);
    arena_release(&arena);
    batch_free(batch);
}

static void a_fenced_commit_promises_nothing(void **state)
{
    struct book *book = *state;
    struct db *other = book_connect(book);
    struct ledger ledger = book_ledger(book, other);
    struct batch *late = batch_with_destination(book, other);
    struct batch *first = batch_with_destination(book, book->db);
    struct err err = ERR_INIT;

    add_dead(first, book->requests, 1);
    add_dead(late, book->requests, 1);
    add_dead(late, book->requests, 1);
    commit(&book->ledger, first);
    assert_int_equal(ledger_commit(&ledger, late, &err), ERR_FENCED);
    assert_int_equal(book_number(book->db, "SELECT count(*) FROM outbox"), 1);
    assert_int_equal(book_number(book->db, "SELECT count(*) FROM dead_letter"), 1);
    batch_free(first);
    batch_free(late);
    db_close(other);
}

static bool fail_at(const char *name, void *context)
{
    return strcmp(name, context) == 0;
}

static void a_commit_that_fails_behind_the_letters_promises_nothing(void **state)
{
    struct book *book = *state;
    struct batch *batch = batch_with_destination(book, book->db);
    struct err err = ERR_INIT;

    add_dead(batch, book->requests, 1);
    fault_set_hook(fail_at, (void *)(uintptr_t) "ledger.commit.rows");
    assert_int_equal(ledger_commit(&book->ledger, batch, &err), ERR_STORE);
    fault_set_hook(NULL, NULL);
    assert_int_equal(book_number(book->db, "SELECT count(*) FROM outbox"), 0);
    commit(&book->ledger, batch);
    assert_int_equal(book_number(book->db, "SELECT count(*) FROM outbox"), 1);
    batch_free(batch);
}

static void a_letter_is_read_back_and_a_damaged_one_is_refused(void **state)
{
    struct book *book = *state;
    struct batch *batch = batch_with_destination(book, book->db);
    struct arena arena = ARENA_INIT;
    struct dead_letter letter;
    struct err err = ERR_INIT;
    bool found;

    add_dead(batch, book->requests, 1);
    commit(&book->ledger, batch);
    assert_int_equal(
        dead_letter_read(book->db, 1, book->requests, 1, 100, &arena, &letter, &found, &err),
        ERR_OK);
    assert_true(found);
    assert_true(str_equal(letter.bytes, STR("bytes")));
    assert_true(str_equal(letter.reason, STR("malformed")));
    assert_true(str_equal(letter.detail, STR("why")));
    assert_int_equal(letter.record_size, 5);
    assert_int_equal(
        dead_letter_read(book->db, 2, book->requests, 1, 100, &arena, &letter, &found, &err),
        ERR_OK);
    assert_false(found);
    book_exec(book->db, "UPDATE dead_letter SET detail = 'other'");
    assert_int_equal(
        dead_letter_read(book->db, 1, book->requests, 1, 100, &arena, &letter, &found, &err),
        ERR_STORE);
    arena_release(&arena);
    batch_free(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_streams_with_a_destination_are_promised, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_list_is_bounded_goes_on_and_leaves_out_what_is_delivered,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_fenced_commit_promises_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_commit_that_fails_behind_the_letters_promises_nothing,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_letter_is_read_back_and_a_damaged_one_is_refused, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
