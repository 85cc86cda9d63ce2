/* The folder of a month with several revisions: files that are gone, that another release drew, that a run left behind in the middle. */
#include "tests/unit/statement/revision_world.h"

#include "jobs/statement/publication.h"

/* Files of all revisions come back, and what an older version drew stays as it was. */
static void test_files_of_all_revisions(void **state)
{
    struct world world;
    char *html;
    int at;

    (void)state;
    start(&world);
    (void)reclassify(&world, FAILED_FROM, FAILED_TO, GRADE_OPERATIONAL);
    issue(&world);
    (void)credited(&world, &(size_t){0});
    html = memory_strdup(shelf_text(&world.shelf, "acme/2026-10/statement-r1.html"));
    strcpy(world.shelf.items[shelf_find(&world.shelf, "acme/2026-10/statement-r1.html")].name, "x");
    assert_due(&world, "F");
    issue(&world);
    assert_string_equal(shelf_text(&world.shelf, "acme/2026-10/statement-r1.html"), html);
    assert_due(&world, "");

    /* "mine" is nobody's; as soon as it was published by an older version it is ours. */
    at = shelf_find(&world.shelf, "acme/2026-10/statement-r1.html");
    memcpy(world.shelf.items[at].content, "mine", 5);
    world.shelf.items[at].size = 4;
    {
        struct statement_outcome outcome;
        struct err err = ERR_INIT;

        assert_int_equal(publish(&world, false, &outcome, &err), ERR_DELIVERY);
        statement_outcome_release(&outcome);
        err = ERR_INIT;
        assert_int_equal(
            publication_note(
                world.book.db, NULL,
                &(struct drawing){{STR("acme"), STR("2026-10"), 1, "html"}, STR("mine")}, 1, "0.9",
                &err),
            ERR_OK);
        assert_int_equal(publish(&world, false, &outcome, &err), ERR_OK);
        statement_outcome_release(&outcome);
        /* As another form or revision it would still be a stranger's. */
        at = shelf_find(&world.shelf, "acme/2026-10/statement-r1.csv");
        memcpy(world.shelf.items[at].content, "mine", 5);
        world.shelf.items[at].size = 4;
        assert_int_equal(publish(&world, false, &outcome, &err), ERR_DELIVERY);
        statement_outcome_release(&outcome);
    }
    memory_free(html);
    world_close(&world);
}

/* Killed before the revision's COMMIT: nothing; behind it: the next run finds the row and finishes. */
static bool fail_at(const char *name, void *context)
{
    return strcmp(name, context) == 0;
}

static void test_a_revision_that_was_interrupted_is_finished(void **state)
{
    static const char *const places[] = {"statement.issue.before", "statement.publication.before",
                                         "statement.publish.file"};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        struct world world;
        struct statement_outcome outcome;
        struct err err = ERR_INIT;
        size_t count;

        start(&world);
        (void)reclassify(&world, FAILED_FROM, FAILED_TO, GRADE_OPERATIONAL);
        fault_set_hook(fail_at, (void *)(uintptr_t)places[i]);
        assert_int_equal(publish(&world, false, &outcome, &err), ERR_FAILED);
        statement_outcome_release(&outcome);
        fault_set_hook(NULL, NULL);
        assert_int_equal(revisions(&world), i == 0 ? 1 : 2);
        assert_due(&world, i == 0 ? "R" : "C");
        issue(&world);
        assert_int_equal(revisions(&world), 2);
        assert_int_equal(credited(&world, &count), 0);
        assert_int_equal(count, 2);
        assert_due(&world, "");
        world_close(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_of_all_revisions),
        cmocka_unit_test(test_a_revision_that_was_interrupted_is_finished),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
