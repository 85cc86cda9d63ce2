/* From the books to issued statements and credit notes, on a store with a small month. */
#include "tests/unit/statement/publish_world.h"

#include "base/hash.h"

static void test_a_month_that_is_over_is_issued_once(void **state)
{
    struct world world;
    struct statement_outcome first, second;
    struct err err = ERR_INIT;

    (void)state;
    world_open(&world, 1000);
    month_over(&world);
    assert_int_equal(publish(&world, false, &first, &err), ERR_OK);
    assert_true(first.present);
    assert_false(first.provisional);
    assert_false(first.met);
    /* The checks speak for some 600 minutes; 20 of them are lost. */
    expect_text(&first, "budget.lost", "1200");
    expect_text(&first, "credit.amount", "100.00");
    assert_string_equal(strbuf_text(&first.places), "acme/2026-10/statement-r1.json\n"
                                                    "acme/2026-10/statement-r1.html\n"
                                                    "acme/2026-10/statement-r1.csv\n"
                                                    "acme/2026-10/statement-r1.pdf\n");
    assert_string_equal(shelf_text(&world.shelf, "acme/2026-10/statement-r1.json"),
                        strbuf_text(&first.document));
    assert_int_equal(book_number(world.book.db, "SELECT COUNT(*) FROM statement"), 1);
    assert_int_equal(book_number(world.book.db, "SELECT COUNT(*) FROM terms"), 1);

    /* Again, a week later and by another version of the program: the same bytes, and no complaint. */
    set_clock(&world, NOVEMBER_MINUTE + 10 * 24 * 60);
    world.publisher.program_version = "2.0";
    assert_int_equal(publish(&world, false, &second, &err), ERR_OK);
    assert_string_equal(strbuf_text(&second.document), strbuf_text(&first.document));
    assert_string_equal(world.warnings, "");
    statement_outcome_release(&first);
    statement_outcome_release(&second);
    world_close(&world);
}

/* Minutes 100 to 109 of the month and one behind it; accepted, so it stands in nobody's way. */
static void lose(struct world *world)
{
    struct book *book = &world->book;
    struct batch *batch = batch_new(0);
    struct err err = ERR_INIT;

    batch_begin_partition(batch, book->checks, STR("checks"), STR(""), 0, 600);
    batch_lose(batch, book->checks, 0, 650, BOOK_START_NS + 100 * NS_PER_MINUTE,
               BOOK_START_NS + 110 * NS_PER_MINUTE - 1);
    assert_int_equal(ledger_commit(&book->ledger, batch, &err), ERR_OK);
    batch_begin_partition(batch, book->requests, STR("requests"), STR(""), 2, 5);
    batch_lose(batch, book->requests, 2, 6, BOOK_START_NS + NOVEMBER_MINUTE * NS_PER_MINUTE,
               BOOK_START_NS + NOVEMBER_MINUTE * NS_PER_MINUTE);
    assert_int_equal(ledger_commit(&book->ledger, batch, &err), ERR_OK);
    batch_free(batch);
}

static void test_lost_time_is_issued_and_shown(void **state)
{
    struct world world;
    struct statement_outcome outcome;
    struct arena arena = ARENA_INIT;
    const struct tree *tree;
    struct err err = ERR_INIT;

    (void)state;
    world_open(&world, 1000);
    month_over(&world);
    lose(&world);
    assert_int_equal(publish(&world, false, &outcome, &err), ERR_OK);
    assert_true(outcome.provisional); /* hours wait to be graded again */
    statement_outcome_release(&outcome);
    aggregate(&world);
    assert_int_equal(publish(&world, false, &outcome, &err), ERR_OK);
    assert_false(outcome.provisional);
    assert_non_null(strstr(world.warnings, "expired before they were read"));
    assert_int_equal(tree_parse(strbuf_view(&outcome.document), &arena, &tree, &err), ERR_OK);
    assert_true(tree_present(tree, "completeness.complete"));
    assert_false(tree_truth(tree, "completeness.complete"));
    tree = tree_at(tree, "completeness.lost");
    assert_int_equal(tree->count, 1);
    assert_int_equal(tree_integer(&tree->children[0], "seconds"), 600);
    assert_true(str_equal(tree_text(&tree->children[0], "from"), STR("2026-10-01T01:40:00Z")));
    assert_non_null(strstr(shelf_text(&world.shelf, "acme/2026-10/statement-r1.html"),
                           "Time of which events were lost"));
    assert_non_null(
        strstr(shelf_text(&world.shelf, "acme/2026-10/statement-r1.html"), "Incomplete data."));
    assert_non_null(
        strstr(shelf_text(&world.shelf, "acme/2026-10/statement-r1.csv"), "lost,1,seconds,600"));
    statement_outcome_release(&outcome);
    arena_release(&arena);
    world_close(&world);
}

static void test_batches_leave_no_trace_in_the_document(void **state)
{
    struct world one, many;
    struct statement_outcome first, second;
    struct err err = ERR_INIT;

    (void)state;
    world_open(&one, 1000);
    world_open(&many, 7);
    month_over(&one);
    month_over(&many);
    assert_int_equal(publish(&one, false, &first, &err), ERR_OK);
    assert_int_equal(publish(&many, false, &second, &err), ERR_OK);
    assert_true(first.present);
    assert_string_equal(strbuf_text(&first.document), strbuf_text(&second.document));
    statement_outcome_release(&first);
    statement_outcome_release(&second);
    world_close(&one);
    world_close(&many);
}

/* Eight hours in: what is measured ends where the books do, nothing is stored, and the page may be replaced. */
static void test_a_running_month_is_provisional(void **state)
{
    struct world world;
    struct statement_outcome outcome;
    struct err err = ERR_INIT;

    (void)state;
    world_open(&world, 1000);
    set_clock(&world, 600);
    drained(&world, 480);
    aggregate(&world);
    assert_int_equal(publish(&world, true, &outcome, &err), ERR_OK);
    assert_true(outcome.provisional);
    expect_text(&outcome, "status", "provisional");
    expect_text(&outcome, "period.to", "2026-10-01T08:00:00Z");
    expect_text(&outcome, "budget.measured", "28800");
    assert_non_null(strstr(world.warnings, "even with --force"));
    assert_non_null(shelf_text(&world.shelf, "acme/2026-10/provisional.html"));
    assert_int_equal(book_number(world.book.db, "SELECT COUNT(*) FROM statement"), 0);
    statement_outcome_release(&outcome);

    drained(&world, 540);
    aggregate(&world);
    assert_int_equal(publish(&world, false, &outcome, &err), ERR_OK);
    expect_text(&outcome, "budget.measured", "32400");
    statement_outcome_release(&outcome);
    world_close(&world);
}

static void test_within_grace_a_month_is_provisional(void **state)
{
    struct world world;
    struct statement_outcome outcome;
    struct err err = ERR_INIT;

    (void)state;
    world_open(&world, 1000);
    month_over(&world);
    set_clock(&world, NOVEMBER_MINUTE + 3 * 24 * 60 - 1);
    assert_int_equal(publish(&world, false, &outcome, &err), ERR_OK);
    assert_true(outcome.provisional);
    assert_non_null(strstr(world.warnings, "grace"));
    statement_outcome_release(&outcome);
    world_close(&world);
}

static void test_incomplete_data_are_issued_by_force_only(void **state)
{
    struct world world;
    struct statement_outcome outcome;
    struct err err = ERR_INIT;

    (void)state;
    world_open(&world, 1000);
    set_clock(&world, NOVEMBER_MINUTE + 3 * 24 * 60);
    drained(&world, NOVEMBER_MINUTE - 1);
    aggregate(&world);
    assert_int_equal(publish(&world, false, &outcome, &err), ERR_OK);
    assert_true(outcome.provisional);
    statement_outcome_release(&outcome);
    assert_int_equal(publish(&world, true, &outcome, &err), ERR_OK);
    assert_false(outcome.provisional);
    assert_non_null(strstr(strbuf_text(&outcome.document), "\"complete\": false"));
    assert_int_equal(book_number(world.book.db, "SELECT COUNT(*) FROM statement"), 1);
    statement_outcome_release(&outcome);
    world_close(&world);
}

static void test_a_damaged_statement_is_not_published(void **state)
{
    static const char *const damages[] = {
        "UPDATE statement SET document = replace(document, '\"100.00\"', '\"1.00\"')",
        "UPDATE statement SET sha256 = upper(sha256)",
        "UPDATE statement SET checksum = checksum + 1",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(damages); i++) {
        struct world world;
        struct statement_outcome outcome;
        struct err err = ERR_INIT;

        world_open(&world, 1000);
        month_over(&world);
        assert_int_equal(publish(&world, false, &outcome, &err), ERR_OK);
        statement_outcome_release(&outcome);
        book_exec(world.book.db, damages[i]);
        assert_int_equal(publish(&world, false, &outcome, &err), ERR_MISMATCH);
        statement_outcome_release(&outcome);
        world_close(&world);
    }
}

static void test_other_content_under_the_name_is_refused(void **state)
{
    struct world world;
    struct statement_outcome outcome;
    struct err err = ERR_INIT;

    (void)state;
    world_open(&world, 1000);
    month_over(&world);
    assert_int_equal(shelf_put(&world.shelf.objects, "acme/2026-10/statement-r1.html", STR("mine"),
                               OBJECTS_NEW, &err),
                     ERR_OK);
    assert_int_equal(publish(&world, false, &outcome, &err), ERR_DELIVERY);
    assert_string_equal(shelf_text(&world.shelf, "acme/2026-10/statement-r1.html"), "mine");
    statement_outcome_release(&outcome);
    world_close(&world);
}

/* Killed between row and files: the next run publishes the row's document. */
static bool fail_at(const char *name, void *context)
{
    return strcmp(name, context) == 0;
}

static void test_a_run_that_dies_before_its_files_is_finished_by_the_next(void **state)
{
    static const struct {
        const char *fault;
        int64_t rows;
    } rows[] = {{"statement.issue.before", 0}, {"statement.publish.file", 1}};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct world world;
        struct statement_outcome outcome;
        struct err err = ERR_INIT;

        world_open(&world, 1000);
        month_over(&world);
        fault_set_hook(fail_at, (void *)(uintptr_t)rows[i].fault);
        assert_int_equal(publish(&world, false, &outcome, &err), ERR_FAILED);
        fault_set_hook(NULL, NULL);
        statement_outcome_release(&outcome);
        assert_int_equal(book_number(world.book.db, "SELECT COUNT(*) FROM statement"),
                         rows[i].rows);
        assert_int_equal(world.shelf.count, 0);
        assert_int_equal(publish(&world, false, &outcome, &err), ERR_OK);
        assert_int_equal(world.shelf.count, 4);
        assert_int_equal(book_number(world.book.db, "SELECT COUNT(*) FROM statement"), 1);
        statement_outcome_release(&outcome);
        world_close(&world);
    }
}

static void test_announced_maintenance_reaches_the_statement(void **state)
{
    struct world world;
    struct statement_outcome outcome;
    struct err err = ERR_INIT;
    int64_t id;
    bool late;

    (void)state;
    world_open(&world, 1000);
    set_clock(&world, FAILED_FROM - 60);
    assert_int_equal(announce_add(world.book.db, STR("*"),
                                  BOOK_START_NS + FAILED_FROM * NS_PER_MINUTE,
                                  BOOK_START_NS + (FAILED_FROM + 10) * NS_PER_MINUTE,
                                  STR("upgrade"), STR("ops"), &id, &late, &err),
                     ERR_OK);
    assert_false(late);
    month_over(&world);
    assert_int_equal(publish(&world, false, &outcome, &err), ERR_OK);
    expect_text(&outcome, "budget.lost", "600");
    statement_outcome_release(&outcome);
    world_close(&world);
}

static void test_credit_notes_are_written_once(void **state)
{
    struct world world;
    struct statement_outcome outcome;
    struct arena arena = ARENA_INIT;
    struct credit_note *notes;
    struct err err = ERR_INIT;
    size_t count;

    (void)state;
    world_open(&world, 1000);
    month_over(&world);
    assert_int_equal(credits_issue(&world.publisher, 2026, 10, &arena, &notes, &count, &err),
                     ERR_OK);
    assert_int_equal(count, 0); /* nothing is issued yet */
    assert_int_equal(publish(&world, false, &outcome, &err), ERR_OK);
    statement_outcome_release(&outcome);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(credits_issue(&world.publisher, again == 0 ? 2026 : 0, 10, &arena, &notes,
                                       &count, &err),
                         ERR_OK);
        assert_int_equal(count, 1);
        assert_string_equal(arena_text(&arena, notes[0].id), "CN-acme-2026-10-r1");
        assert_int_equal(notes[0].amount_minor, 10000);
        assert_string_equal(arena_text(&arena, notes[0].amount), "100.00");
    }
    assert_int_equal(book_number(world.book.db, "SELECT COUNT(*) FROM credit_note"), 1);
    assert_non_null(shelf_text(&world.shelf, "acme/2026-10/credit-note-r1.json"));
    arena_release(&arena);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_month_that_is_over_is_issued_once),
        cmocka_unit_test(test_batches_leave_no_trace_in_the_document),
        cmocka_unit_test(test_a_running_month_is_provisional),
        cmocka_unit_test(test_within_grace_a_month_is_provisional),
        cmocka_unit_test(test_incomplete_data_are_issued_by_force_only),
        cmocka_unit_test(test_a_damaged_statement_is_not_published),
        cmocka_unit_test(test_other_content_under_the_name_is_refused),
        cmocka_unit_test(test_a_run_that_dies_before_its_files_is_finished_by_the_next),
        cmocka_unit_test(test_announced_maintenance_reaches_the_statement),
        cmocka_unit_test(test_lost_time_is_issued_and_shown),
        cmocka_unit_test(test_credit_notes_are_written_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
