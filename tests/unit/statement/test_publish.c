/* From the books to issued statements and credit notes, on a store with a small month. */
#include "tests/unit/aggregator/book.h"

#include <stdlib.h>

#include "aggregator/grading.h"
#include "base/memory.h"
#include "jobs/config/config.h"
#include "jobs/statement/announce.h"
#include "jobs/statement/credit_note.h"
#include "jobs/statement/publish.h"
#include "jobs/statement/tree.h"

enum { OBJECTS_MAX = 32, NOVEMBER_MINUTE = 31 * 24 * 60, FAILED_FROM = 100, FAILED_TO = 120 };

/* Objects in memory, with the rules of base/objects.h. */
struct shelf {
    struct objects objects;
    struct {
        char *name;
        char *content;
    } items[OBJECTS_MAX];
    int count;
};

static int shelf_find(const struct shelf *shelf, const char *name)
{
    for (int i = 0; i < shelf->count; i++) {
        if (strcmp(shelf->items[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

static enum err_code shelf_put(struct objects *objects, const char *name, struct str content,
                               enum objects_mode mode, struct err *err)
{
    struct shelf *shelf = (struct shelf *)objects;
    int at = shelf_find(shelf, name);

    if (at >= 0 && mode == OBJECTS_NEW && !str_equal(STR(shelf->items[at].content), content)) {
        return err_set(err, ERR_DELIVERY, "%s: other content", name);
    }
    if (at < 0) {
        at = shelf->count++;
        assert_true(at < OBJECTS_MAX);
        shelf->items[at].name = memory_strdup(name);
    }
    memory_free(shelf->items[at].content);
    shelf->items[at].content = memory_alloc(content.size + 1);
    memcpy(shelf->items[at].content, content.data, content.size);
    shelf->items[at].content[content.size] = '\0';
    return ERR_OK;
}

static void shelf_locate(struct objects *objects, const char *name, struct strbuf *ret_place)
{
    (void)objects;
    strbuf_append_text(ret_place, name);
}

static const char *shelf_text(const struct shelf *shelf, const char *name)
{
    int at = shelf_find(shelf, name);

    return at < 0 ? NULL : shelf->items[at].content;
}

struct world {
    struct book book;
    struct config *config;
    struct shelf shelf;
    struct publisher publisher;
    char warnings[4096];
};

static const char configuration[] =
    "store: {sqlite: u.db}\n"
    "output: out\n"
    "contracts:\n"
    "  - id: acme\n"
    "    customer: ACME\n"
    "    services: [api]\n"
    "    time_zone: UTC\n"
    "    currency: EUR\n"
    "    fee: 1000.00\n"
    "    grace: 3d\n"
    "    availability:\n"
    "      target: 99\n"
    "      method: state_time\n"
    "      weights: {degraded: 0.25, partial: 0.5, major: 1}\n"
    "      unknown: {no_traffic: up, probe_down: exclude, pipeline_gap: exclude, "
    "not_provisioned: exclude}\n"
    "    maintenance: {notice: 1h, excluded: remove}\n"
    "    credits:\n"
    "      tiers: [{below: 99, percent: 10}]\n"
    "      rounding: half_even\n";

static void note(void *context, bool warning, const char *line)
{
    struct world *world = context;

    if (warning) {
        strncat(world->warnings, line, sizeof(world->warnings) - strlen(world->warnings) - 1);
        strncat(world->warnings, "\n", sizeof(world->warnings) - strlen(world->warnings) - 1);
    }
}

static const struct grading_rules *rules(void *context, struct str service)
{
    static const struct grading_rules defaults = GRADING_RULES_DEFAULT;

    (void)context;
    (void)service;
    return &defaults;
}

static void aggregate(struct world *world)
{
    struct fold fold;
    struct err err = ERR_INIT;
    int64_t complete_ns;
    struct grading_options options = {.db = world->book.db, .book_id = 1, .rules = rules};

    fold_init(&fold, &(struct fold_options){.db = world->book.db,
                                            .book_id = 1,
                                            .holder = "test",
                                            .lease_ns = NS_PER_MINUTE,
                                            .lateness_ns = 0,
                                            .rows_per_step = 2000});
    assert_int_equal(fold_acquire(&fold, &err), ERR_OK);
    assert_int_equal(fold_run(&fold, NULL, NULL, &err), ERR_OK);
    assert_int_equal(fold_complete_until(world->book.db, 1, &complete_ns, &err), ERR_OK);
    options.until_ns = complete_ns;
    assert_int_equal(grading_run(&fold, &options, &err), ERR_OK);
    fold_release(&fold);
}

/* Checks of ten hours, one a minute; the instance fails for 20 of the 600 minutes. Committed `step` at a time. */
static void consume(struct world *world, int step)
{
    struct book *book = &world->book;
    struct batch *batch = book_batch(book, book->db);
    struct err err = ERR_INIT;

    for (int minute = 0; minute < 600; minute++) {
        bool fails = minute >= FAILED_FROM && minute < FAILED_TO;

        book_check(book, batch, 0, "api", minute, fails ? OUTCOME_FAIL : OUTCOME_PASS);
        if (minute % step == step - 1) {
            assert_int_equal(ledger_commit(&book->ledger, batch, &err), ERR_OK);
        }
    }
    assert_int_equal(ledger_commit(&book->ledger, batch, &err), ERR_OK);
    batch_free(batch);
}

static void drained(struct world *world, int64_t minute)
{
    struct book *book = &world->book;
    struct err err = ERR_INIT;

    for (int32_t p = 0; p < BOOK_PARTITIONS; p++) {
        int64_t time_ns = BOOK_START_NS + minute * NS_PER_MINUTE;

        assert_int_equal(ledger_note_drained(&book->ledger, book->requests, p, 0, time_ns, &err),
                         ERR_OK);
        assert_int_equal(ledger_note_drained(&book->ledger, book->checks, p, 0, time_ns, &err),
                         ERR_OK);
    }
}

static void set_clock(struct world *world, int64_t minute)
{
    world->book.clock.time_ns = BOOK_START_NS + minute * NS_PER_MINUTE;
}

static void world_open(struct world *world, int step)
{
    struct err err = ERR_INIT;

    *world = (struct world){.shelf = {.objects = {.put = shelf_put, .locate = shelf_locate}}};
    book_open(&world->book);
    if (config_parse(STR(configuration), "test.yaml", &world->config, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    world->publisher = (struct publisher){.db = world->book.db,
                                          .book_id = 1,
                                          .objects = &world->shelf.objects,
                                          .contracts = world->config->contracts,
                                          .contract_count = world->config->contract_count,
                                          .program_version = "1.0",
                                          .note = note,
                                          .context = world};
    consume(world, step);
}

static void world_close(struct world *world)
{
    for (int i = 0; i < world->shelf.count; i++) {
        memory_free(world->shelf.items[i].name);
        memory_free(world->shelf.items[i].content);
    }
    config_free(world->config);
    book_close(&world->book);
}

/* The month is complete and grace is over. */
static void month_over(struct world *world)
{
    set_clock(world, NOVEMBER_MINUTE + 3 * 24 * 60);
    drained(world, NOVEMBER_MINUTE + 3 * 24 * 60);
    aggregate(world);
}

static enum err_code publish(struct world *world, bool force, struct statement_outcome *outcome,
                             struct err *err)
{
    struct statement_options options = {.formats = STATEMENT_ALL, .force = force};

    world->warnings[0] = '\0';
    statement_outcome_init(outcome);
    return statement_publish_month(&world->publisher, &world->config->contracts[0], 2026, 10,
                                   &options, outcome, err);
}

static void expect_text(const struct statement_outcome *outcome, const char *path,
                        const char *expected)
{
    struct arena arena = ARENA_INIT;
    const struct tree *tree;
    struct err err = ERR_INIT;

    assert_int_equal(tree_parse(strbuf_view(&outcome->document), &arena, &tree, &err), ERR_OK);
    assert_string_equal(arena_text(&arena, tree_text(tree, path)), expected);
    arena_release(&arena);
}

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
                                                    "acme/2026-10/statement-r1.csv\n");
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

static void test_books_that_changed_since_are_said_and_change_nothing(void **state)
{
    struct world world;
    struct statement_outcome first, second;
    struct err err = ERR_INIT;
    struct batch *batch;

    (void)state;
    world_open(&world, 1000);
    month_over(&world);
    assert_int_equal(publish(&world, false, &first, &err), ERR_OK);
    batch = book_batch(&world.book, world.book.db);
    book_check(&world.book, batch, 0, "api", 700, OUTCOME_FAIL);
    assert_int_equal(ledger_commit(&world.book.ledger, batch, &err), ERR_OK);
    batch_free(batch);
    aggregate(&world);
    assert_int_equal(publish(&world, false, &second, &err), ERR_OK);
    assert_non_null(strstr(world.warnings, "differs from the issued statement"));
    assert_string_equal(strbuf_text(&second.document), strbuf_text(&first.document));
    statement_outcome_release(&first);
    statement_outcome_release(&second);
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
        assert_int_equal(world.shelf.count, 3);
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
        cmocka_unit_test(test_books_that_changed_since_are_said_and_change_nothing),
        cmocka_unit_test(test_a_damaged_statement_is_not_published),
        cmocka_unit_test(test_other_content_under_the_name_is_refused),
        cmocka_unit_test(test_a_run_that_dies_before_its_files_is_finished_by_the_next),
        cmocka_unit_test(test_announced_maintenance_reaches_the_statement),
        cmocka_unit_test(test_credit_notes_are_written_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
