/* Statements that live on: late events, reclassifications, changed terms, another version of the program; what follows, and what stays as it is. */
#include "tests/unit/statement/revision_world.h"

/* Of the month 602 minutes are measured: 600 with checks, and two in which the last result still holds. Two late failures at
 * minutes 200 and 201 make these two major. */
static void test_late_events_make_revision_2(void **state)
{
    struct world world;
    struct opened first, second;
    size_t count;
    char *bytes;

    (void)state;
    start(&world);
    open_revision(&world, 1, &first);
    bytes = memory_strdup(shelf_text(&world.shelf, "acme/2026-10/statement-r1.json"));
    late_checks(&world, 200, 202, OUTCOME_FAIL);
    assert_due(&world, ""); /* not folded yet */
    aggregate(&world);
    assert_due(&world, "R");
    issue(&world);
    assert_int_equal(revisions(&world), 2);
    open_revision(&world, 2, &second);

    /* The first one is untouched, in the store and in the folder. */
    assert_string_equal(shelf_text(&world.shelf, "acme/2026-10/statement-r1.json"), bytes);
    assert_non_null(shelf_text(&world.shelf, "acme/2026-10/statement-r2.json"));
    assert_non_null(shelf_text(&world.shelf, "acme/2026-10/statement-r2.html"));

    /* The second one says what became of it. */
    assert_int_equal(tree_integer(second.tree, "revision"), 2);
    expect_at(&second, "status", "restated");
    expect_causes(&second, "late_data");
    expect_at(&second, "changes.sha256_before", first.sha256);
    assert_int_equal(tree_integer(second.tree, "changes.revision_before"), 1);
    assert_int_equal(tree_integer(second.tree, "changes.seconds_moved.major"), 120);
    assert_int_equal(tree_integer(second.tree, "changes.seconds_moved.up"), -120);
    assert_true(
        tree_equal(tree_at(second.tree, "changes.before.uptime"), tree_at(first.tree, "uptime")));
    assert_true(
        tree_equal(tree_at(second.tree, "changes.after.uptime"), tree_at(second.tree, "uptime")));
    expect_at(&second, "changes.credit_difference.amount", "0.00");
    assert_false(tree_present(first.tree, "changes"));

    /* The credit is the same, so there is no note of a difference, and none is due. */
    assert_int_equal(credited(&world, &count), 10000);
    assert_int_equal(count, 1);
    assert_due(&world, "");
    memory_free(bytes);
    arena_release(&first.arena);
    arena_release(&second.arena);
    world_close(&world);
}

/* A second pass at a minute that had passed: more events, another offset range, the same result. */
static void test_the_same_result_is_no_revision(void **state)
{
    struct world world;

    (void)state;
    start(&world);
    late_checks(&world, 300, 301, OUTCOME_PASS);
    aggregate(&world);
    assert_due(&world, "R");
    issue(&world);
    assert_int_equal(revisions(&world), 1);
    assert_due(&world, ""); /* and nobody computes it again tomorrow */
    issue(&world);
    assert_int_equal(revisions(&world), 1);
    world_close(&world);
}

/* Events of another month or service are no reason to look. */
static void test_what_does_not_concern_the_month_is_not_looked_at(void **state)
{
    struct world world;
    struct batch *batch;
    struct err err = ERR_INIT;

    (void)state;
    start(&world);
    batch = book_batch(&world.book, world.book.db);
    book_check(&world.book, batch, 1, "other", 300, OUTCOME_FAIL);
    book_check(&world.book, batch, 0, "api", NOVEMBER_MINUTE + 24 * 60, OUTCOME_FAIL);
    assert_int_equal(ledger_commit(&world.book.ledger, batch, &err), ERR_OK);
    batch_free(batch);
    aggregate(&world);
    assert_due(&world, "");
    world_close(&world);
}

/* The difference is a note of its own and may be negative: all notes add up to the credit of the last revision. */
static void test_a_reclassification_takes_the_credit_back(void **state)
{
    struct world world;
    struct opened second, third;
    struct err err = ERR_INIT;
    size_t count;
    int64_t id, withdrawal;

    (void)state;
    start(&world);
    id = reclassify(&world, FAILED_FROM, FAILED_TO, GRADE_OPERATIONAL);
    assert_due(&world, "R");
    issue(&world);
    open_revision(&world, 2, &second);
    expect_causes(&second, "reclassification");
    expect_at(&second, "uptime.percent", "100.000");
    expect_at(&second, "changes.credit_difference.amount", "-100.00");
    assert_int_equal(tree_at(second.tree, "reclassifications")->count, 1);
    assert_int_equal(tree_at(second.tree, "incidents")->count, 0);
    assert_due(&world, "C");
    assert_int_equal(credited(&world, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(book_number(world.book.db, "SELECT amount_minor FROM credit_note"
                                                " WHERE credit_note_id = 'CN-acme-2026-10-r2'"),
                     -10000);
    assert_due(&world, "");

    /* Withdrawn: it is owed again, and the third revision names both. */
    assert_int_equal(reclassify_withdraw(world.book.db, id, STR("the logs say otherwise"),
                                         STR("bob"), &withdrawal, &err),
                     ERR_OK);
    assert_int_equal(
        reclassify_withdraw(world.book.db, id, STR("again"), STR("bob"), &withdrawal, &err),
        ERR_USAGE);
    issue(&world);
    open_revision(&world, 3, &third);
    expect_causes(&third, "reclassification");
    expect_at(&third, "changes.sha256_before", second.sha256);
    expect_at(&third, "changes.credit_difference.amount", "100.00");
    assert_int_equal(tree_at(third.tree, "reclassifications")->count, 1);
    assert_int_equal(credited(&world, &count), 10000);
    assert_int_equal(count, 3);
    arena_release(&second.arena);
    arena_release(&third.arena);
    world_close(&world);
}

/* A state that was known already, and unknown time beside the measured: nothing moves, nothing is issued. */
static void test_a_reclassification_without_effect_is_no_revision(void **state)
{
    struct world world;

    (void)state;
    start(&world);
    (void)reclassify(&world, 10, 20, GRADE_OPERATIONAL);
    assert_due(&world, "R");
    issue(&world);
    assert_int_equal(revisions(&world), 1);
    assert_due(&world, "");
    world_close(&world);
}

/* As many minutes of trouble as before, on the same day, but other ones: no sum moves, and yet it is another result. */
static void test_other_minutes_are_another_result(void **state)
{
    struct world world;
    struct opened second;

    (void)state;
    start(&world);
    (void)reclassify(&world, FAILED_FROM, FAILED_TO, GRADE_OPERATIONAL);
    (void)reclassify(&world, FAILED_FROM + 100, FAILED_TO + 100, GRADE_MAJOR);
    issue(&world);
    assert_int_equal(revisions(&world), 2);
    open_revision(&world, 2, &second);
    assert_int_equal(tree_at(second.tree, "changes.seconds_moved")->count, 0);
    assert_true(
        tree_equal(tree_at(second.tree, "changes.before"), tree_at(second.tree, "changes.after")));
    arena_release(&second.arena);
    world_close(&world);
}

/* An announcement that was withdrawn after the statement excuses nothing any more. */
static void test_a_withdrawn_announcement_is_a_cause(void **state)
{
    struct world world;
    struct opened second;
    struct err err = ERR_INIT;
    int64_t id, cancelled;
    size_t count;
    bool late;

    (void)state;
    world_open(&world, 1000);
    set_clock(&world, 0);
    assert_int_equal(announce_add(world.book.db, STR("api"),
                                  BOOK_START_NS + FAILED_FROM * NS_PER_MINUTE,
                                  BOOK_START_NS + FAILED_TO * NS_PER_MINUTE, STR("upgrade"),
                                  STR("eve"), &id, &late, &err),
                     ERR_OK);
    month_over(&world);
    issue(&world);
    assert_int_equal(credited(&world, &count), 0);
    assert_int_equal(
        announce_cancel(world.book.db, id, STR("not agreed"), STR("eve"), &cancelled, &err),
        ERR_OK);
    assert_due(&world, "R");
    issue(&world);
    open_revision(&world, 2, &second);
    expect_causes(&second, "announcement");
    assert_int_equal(credited(&world, &count), 10000);
    assert_int_equal(count, 1);
    /* One that is entered after the fact is only listed, by the next revision. */
    assert_int_equal(announce_add(world.book.db, STR("api"),
                                  BOOK_START_NS + FAILED_FROM * NS_PER_MINUTE,
                                  BOOK_START_NS + FAILED_TO * NS_PER_MINUTE, STR("late"),
                                  STR("eve"), &id, &late, &err),
                     ERR_OK);
    assert_due(&world, "R");
    issue(&world);
    assert_int_equal(revisions(&world), 2);
    assert_due(&world, "");
    arena_release(&second.arena);
    world_close(&world);
}

/* The same contract with another tier. */
static struct config *other_terms(struct world *world)
{
    char text[sizeof(configuration)];
    char *percent;
    struct config *config;
    struct err err = ERR_INIT;

    memcpy(text, configuration, sizeof(text));
    percent = strstr(text, "percent: 10");
    assert_non_null(percent);
    memcpy(percent, "percent: 25", 11);
    if (config_parse(STR(text), "other.yaml", &config, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    world->publisher.contracts = config->contracts;
    return config;
}

static enum err_code publish_other(struct world *world, struct err *err)
{
    struct statement_options options = {.formats = STATEMENT_ALL};
    struct statement_outcome outcome;
    enum err_code code;

    world->warnings[0] = '\0';
    statement_outcome_init(&outcome);
    code = statement_publish_month(&world->publisher, &world->publisher.contracts[0], 2026, 10,
                                   &options, &outcome, err);
    statement_outcome_release(&outcome);
    return code;
}

static void test_changed_terms_need_a_word(void **state)
{
    struct world world;
    struct config *config;
    struct opened second, third;
    struct err err = ERR_INIT;
    size_t count;

    (void)state;
    start(&world);
    config = other_terms(&world);
    assert_due(&world, "");
    assert_int_equal(publish_other(&world, &err), ERR_OK);
    assert_int_equal(revisions(&world), 1);
    assert_non_null(strstr(world.warnings, "other terms than those that it was issued under"));

    /* Late data meanwhile are measured by the terms it was issued under: still 10 % of 1,000. */
    late_checks(&world, 200, 202, OUTCOME_FAIL);
    aggregate(&world);
    assert_due(&world, "R");
    assert_int_equal(publish_other(&world, &err), ERR_OK);
    open_revision(&world, 2, &second);
    expect_causes(&second, "late_data");
    expect_at(&second, "credit.amount", "100.00");
    expect_at(&second, "contract.digest", world.config->contracts[0].digest);
    assert_due(&world, "");

    /* With the word: 25 %, and the word is in it. */
    revise(&world, "the tier was wrong");
    open_revision(&world, 3, &third);
    expect_causes(&third, "terms");
    expect_at(&third, "changes.reason", "the tier was wrong");
    expect_at(&third, "credit.amount", "250.00");
    expect_at(&third, "changes.credit_difference.amount", "150.00");
    expect_at(&third, "changes.terms.before", world.config->contracts[0].digest);
    expect_at(&third, "changes.terms.after", config->contracts[0].digest);
    assert_int_equal(credited(&world, &count), 25000);
    /* Once more is nothing new. */
    revise(&world, "the tier was wrong");
    assert_non_null(strstr(world.warnings, "the result is what it was"));
    assert_int_equal(revisions(&world), 3);
    assert_due(&world, "");
    arena_release(&second.arena);
    arena_release(&third.arena);
    config_free(config);
    world_close(&world);
}

/* A credit note cannot be the difference of two currencies. */
static void test_a_revision_keeps_its_currency(void **state)
{
    struct world world;
    struct config *config;
    char text[sizeof(configuration)];
    struct statement_options options = {.revise = true, .cause = STR("dollars")};
    struct statement_outcome outcome;
    struct err err = ERR_INIT;

    (void)state;
    start(&world);
    memcpy(text, configuration, sizeof(text));
    memcpy(strstr(text, "currency: EUR"), "currency: USD", 13);
    assert_int_equal(config_parse(STR(text), "other.yaml", &config, &err), ERR_OK);
    world.publisher.contracts = config->contracts;
    statement_outcome_init(&outcome);
    /* The amount is the same, and yet another one. */
    assert_int_equal(statement_publish_month(&world.publisher, &config->contracts[0], 2026, 10,
                                             &options, &outcome, &err),
                     ERR_CONFIG);
    assert_non_null(strstr(err.text, "acme: its credit is in EUR; a revision cannot be in USD"));
    assert_int_equal(revisions(&world), 1);
    statement_outcome_release(&outcome);
    config_free(config);
    world_close(&world);
}

/* A release that computes otherwise: played by a document that the store holds, with a right checksum, and that says something else. */
static void test_another_program_needs_a_word(void **state)
{
    struct world world;
    struct opened first, second;

    (void)state;
    start(&world);
    /* As an older version would have issued it: 12 more seconds of trouble in the books of this month than today's rules find. */
    {
        struct issued issued = {0};
        struct err err = ERR_INIT;
        struct db_stmt *stmt;
        struct arena arena = ARENA_INIT;
        struct strbuf text;
        char digest[HASH_HEX_SIZE];
        char *at;

        assert_int_equal(
            issued_find(world.book.db, STR("acme"), STR("2026-10"), &arena, &issued, &err), ERR_OK);
        strbuf_init(&text, 1 << 20);
        strbuf_append(&text, issued.document);
        at = strstr(text.data, "\"version\": \"1.0\"");
        assert_non_null(at);
        memcpy(at, "\"version\": \"0.9\"", 16);
        at = strstr(text.data, "\"major\": 1200");
        assert_non_null(at);
        memcpy(at, "\"major\": 1212", 13);
        hash_sha256_hex(strbuf_view(&text), digest);
        book_exec(world.book.db, "DELETE FROM statement");
        assert_int_equal(db_prepare(world.book.db,
                                    "INSERT INTO statement (contract, period, revision, issued_ns,"
                                    " sha256, document, journal, checksum)"
                                    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                                    &stmt, &err),
                         ERR_OK);
        db_bind_text(stmt, 1, STR("acme"));
        db_bind_text(stmt, 2, STR("2026-10"));
        db_bind_int64(stmt, 3, 1);
        db_bind_int64(stmt, 4, 1);
        db_bind_text(stmt, 5, STR(digest));
        db_bind_text(stmt, 6, strbuf_view(&text));
        db_bind_text(stmt, 7, STR("{}"));
        db_bind_checksum(stmt, 8);
        assert_int_equal(db_run(stmt, NULL, &err), ERR_OK);
        strbuf_release(&text);
        arena_release(&arena);
    }
    world.publisher.objects = NULL;
    book_exec(world.book.db, "DELETE FROM comparison");
    open_revision(&world, 1, &first);
    assert_due(&world, "R");
    issue(&world);
    assert_non_null(strstr(world.warnings, "this version of the program computes another result"));
    assert_int_equal(revisions(&world), 1);
    assert_due(&world, "F"); /* it is said once; without a shelf all files are missing */
    revise(&world, "corrected");
    open_revision(&world, 2, &second);
    expect_causes(&second, "program");
    expect_at(&second, "changes.program.before", "0.9");
    expect_at(&second, "changes.program.after", "1.0");
    expect_at(&second, "changes.reason", "corrected");
    arena_release(&first.arena);
    arena_release(&second.arena);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_late_events_make_revision_2),
        cmocka_unit_test(test_the_same_result_is_no_revision),
        cmocka_unit_test(test_what_does_not_concern_the_month_is_not_looked_at),
        cmocka_unit_test(test_a_reclassification_takes_the_credit_back),
        cmocka_unit_test(test_a_reclassification_without_effect_is_no_revision),
        cmocka_unit_test(test_other_minutes_are_another_result),
        cmocka_unit_test(test_a_withdrawn_announcement_is_a_cause),
        cmocka_unit_test(test_changed_terms_need_a_word),
        cmocka_unit_test(test_a_revision_keeps_its_currency),
        cmocka_unit_test(test_another_program_needs_a_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
