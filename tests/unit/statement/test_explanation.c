/* Explanations of a small month: what was counted, which limits that passed, and where the events stand. */
#include "tests/unit/statement/publish_world.h"

#include "jobs/statement/explanation.h"

struct told {
    struct arena arena;
    struct explanation explanation;
    bool present;
};

static enum err_code explain_by(struct world *world, const char *service, int64_t limit,
                                int64_t list_max, struct told *ret_told, struct err *err)
{
    const struct explanation_options options = {
        .books = {.db = world->book.db, .book_id = 1, .rules = rules},
        .contracts = world->config->contracts,
        .contract_count = world->config->contract_count,
        .program_version = "1.0",
        .now_ns = world->book.clock.time_ns,
        .service = STR(service),
        .limit = limit,
        .list_max = list_max,
    };
    struct period period;
    enum err_code code;

    *ret_told = (struct told){.arena = ARENA_INIT};
    assert_true(period_find(world->config->contracts, world->config->contract_count,
                            &world->config->contracts[0], 2026, 10, &ret_told->arena, &period));
    assert_int_equal(db_begin_snapshot(world->book.db, err), ERR_OK);
    code = explanation_read(&options, &world->config->contracts[0], &period, &ret_told->arena,
                            &ret_told->explanation, &ret_told->present, err);
    db_rollback(world->book.db);
    return code;
}

static const struct explanation *explain(struct world *world, struct told *told)
{
    struct err err = ERR_INIT;

    if (explain_by(world, "", 20, 20, told, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    assert_true(told->present);
    return &told->explanation;
}

static int64_t fraction_number(struct fraction value)
{
    int64_t number;

    assert_true(fraction_scale(value, 0, ROUND_FLOOR, &number));
    return number;
}

static void issue(struct world *world)
{
    struct statement_outcome outcome;
    struct err err = ERR_INIT;

    assert_int_equal(publish(world, false, &outcome, &err), ERR_OK);
    assert_true(outcome.present);
    statement_outcome_release(&outcome);
}

/* Ten requests of the minute, failed of them failed; in partition 1, whose ledger begins at 100. */
static void request(struct world *world, int64_t minute, int failed)
{
    struct book *book = &world->book;
    struct batch *batch = book_batch(book, book->db);
    struct err err = ERR_INIT;

    for (int i = 0; i < 10; i++) {
        book_request(book, batch, 1, "api", minute, i < failed);
    }
    assert_int_equal(ledger_commit(&book->ledger, batch, &err), ERR_OK);
    batch_free(batch);
}

static void test_an_outage_its_checks_and_its_batches(void **state)
{
    struct world world;
    struct told told;
    const struct explanation *explanation;
    const struct cause *cause;
    const struct trace_partition *partition;

    (void)state;
    world_open(&world, 7);
    request(&world, 105, 6);
    month_over(&world);
    issue(&world);
    explanation = explain(&world, &told);
    assert_int_equal(explanation->books, BOOKS_AGREE);
    assert_int_equal(explanation->issued.revision, 1);
    /* the twenty minutes out come first; then what is excluded behind the ten hours of checks */
    assert_int_equal(explanation->told[0].group->count, 1);
    assert_true(explanation->told[0].group->incident != NULL);
    assert_int_equal(explanation->told[0].group->from_ns,
                     BOOK_START_NS + FAILED_FROM * NS_PER_MINUTE);
    assert_int_equal(fraction_number(explanation->told[0].group->cost), 1200);
    cause = &explanation->told[0].causes[0];
    assert_int_equal(cause->minutes, 20);
    assert_int_equal(cause->request_minutes, 1);
    assert_int_equal(cause->total, 10);
    assert_int_equal(cause->errors, 6);
    assert_int_equal(cause->major_errors, 1);
    assert_int_equal(cause->checks_bad, 20);
    assert_int_equal(cause->failed_max, 1);
    assert_int_equal(cause->instances_max, 1);
    assert_int_equal(cause->quorum, 1);

    /* One check a minute: those of the hour from minute 60 on, in batches of seven. */
    assert_int_equal(explanation->told[0].trace.partition_count, 2);
    partition = &explanation->told[0].trace.partitions[0];
    assert_true(str_equal(partition->stream->topic, STR("checks")));
    assert_int_equal(partition->low, 60);
    assert_int_equal(partition->high, 119);
    assert_int_equal(partition->batches_in_all, 10);
    assert_int_equal(partition->batch_count, 10);
    assert_int_equal(partition->batches[0].from_offset, 56);
    assert_int_equal(partition->batches[0].to_offset, 63);
    assert_int_equal(partition->batches[9].from_offset, 119);
    assert_int_equal(strlen(partition->batches[0].id), 32);
    partition = &explanation->told[0].trace.partitions[1];
    assert_true(str_equal(partition->stream->topic, STR("requests")));
    assert_int_equal(partition->partition, 1);
    assert_int_equal(partition->low, 100);
    assert_int_equal(partition->high, 109);
    assert_int_equal(partition->batches_in_all, 1);
    arena_release(&told.arena);
    world_close(&world);
}

/* A redrive counted a dead letter of the range at 63: it is one more batch that the events may be from. */
static void test_redrives_are_among_the_batches(void **state)
{
    struct world world;
    struct told told;
    const struct trace_partition *partition;

    (void)state;
    world_open(&world, 7);
    month_over(&world);
    book_exec(world.book.db,
              "INSERT INTO moved SELECT batch_id, book_id, stream_id, partition_id, from_offset,"
              " 'digest-2', 1, 1, 0, 0, 0 FROM batch_range WHERE from_offset IN (63, 560)"
              " AND partition_id = 0");
    partition = &explain(&world, &told)->told[0].trace.partitions[0];
    assert_int_equal(partition->batches_in_all, 11);
    assert_true(partition->batches[10].redrive);
    assert_int_equal(partition->batches[10].from_offset, 63);
    assert_false(partition->batches[9].redrive);
    arena_release(&told.arena);
    world_close(&world);
}

/* The minutes before and behind the failed checks have one failed request of ten: more than partial_errors, and nothing that checks say. */
static void test_each_stretch_of_an_incident_has_its_own_cause(void **state)
{
    struct world world;
    struct told told;
    const struct told_group *group;
    const char *lines[CAUSE_LINES_MAX];

    (void)state;
    world_open(&world, 1000);
    request(&world, FAILED_FROM - 1, 1);
    request(&world, FAILED_TO, 1);
    month_over(&world);
    group = &explain(&world, &told)->told[0];
    assert_int_equal(group->group->count, 3);
    assert_int_equal(group->causes[0].checks_bad, 0);
    assert_int_equal(group->causes[0].partial_errors, 1);
    assert_int_equal(group->causes[1].checks_bad, 20);
    assert_int_equal(group->causes[1].total, 0);
    assert_int_equal(
        cause_lines(&group->causes[1], told.explanation.contract, group->rules, &told.arena, lines),
        1);
    assert_string_equal(lines[0], "checks: at worst 1 of 1 instance failed, 1 needed; too few "
                                  "healthy in 20 minutes");
    assert_int_equal(group->causes[2].minutes, 1);
    assert_int_equal(group->causes[2].checks_bad, 0);
    assert_int_equal(group->causes[2].instances_max, 1); /* it was healthy */
    assert_int_equal(group->causes[2].partial_errors, 1);
    assert_int_equal(
        cause_lines(&group->causes[2], told.explanation.contract, group->rules, &told.arena, lines),
        2);
    assert_string_equal(lines[0], "1 of 10 requests failed (10.0 %), 0 slow");
    assert_string_equal(lines[1], "limits: partial_errors 5 % reached in 1 minute");
    arena_release(&told.arena);
    world_close(&world);
}

/* What was held against a percentile; nothing is said of a stretch whose requests have no latency. */
static void test_a_percentile_is_a_cause(void **state)
{
    static const struct grading_rules rules_of_nobody = GRADING_RULES_DEFAULT;
    struct contract contract = {
        .availability = {.percentile = {true, {999, 1000}}, .below_ns = 1500 * NS_PER_MS}};
    struct cause cause = {.total = 2000, .errors = 500, .known = 1200, .over = 13};
    struct cause more = {.total = 1, .known = 34, .over = 34};
    struct arena arena = ARENA_INIT;
    const char *lines[CAUSE_LINES_MAX];

    (void)state;
    assert_int_equal(cause_lines(&cause, &contract, &rules_of_nobody, &arena, lines), 2);
    assert_string_equal(lines[1],
                        "13 of 1,200 good requests took longer than 1,500 ms (1.0 %), 0.1 % may");
    cause_add(&cause, &more);
    assert_int_equal(cause_lines(&cause, &contract, &rules_of_nobody, &arena, lines), 2);
    assert_string_equal(lines[1],
                        "47 of 1,234 good requests took longer than 1,500 ms (3.8 %), 0.1 % may");
    cause.known = cause.over = 0;
    assert_int_equal(cause_lines(&cause, &contract, &rules_of_nobody, &arena, lines), 1);
    cause.known = 1;
    contract.availability.percentile.present = false;
    assert_int_equal(cause_lines(&cause, &contract, &rules_of_nobody, &arena, lines), 1);
    arena_release(&arena);
}

static void test_lists_are_cut_and_say_so(void **state)
{
    struct world world;
    struct told told;
    struct err err = ERR_INIT;
    size_t groups;

    (void)state;
    world_open(&world, 7);
    month_over(&world);
    groups = explain(&world, &told)->stretches.group_count;
    arena_release(&told.arena);
    assert_true(groups > 1);
    assert_int_equal(explain_by(&world, "", 1, 3, &told, &err), ERR_OK);
    assert_int_equal(told.explanation.told_count, 1);
    assert_int_equal(told.explanation.left_count, groups - 1);
    assert_int_equal(told.explanation.told[0].trace.partitions[0].batch_count, 3);
    assert_int_equal(told.explanation.told[0].trace.partitions[0].batches_in_all, 10);
    assert_non_null(explanation_left(&told.arena, &told.explanation));
    arena_release(&told.arena);
    assert_int_equal(explain_by(&world, "", 0, 3, &told, &err), ERR_OK);
    assert_int_equal(fraction_number(told.explanation.left_cost), 1200);
    assert_int_equal(fraction_number(explanation_told_loss(&told.explanation)), 1200);
    arena_release(&told.arena);
    assert_int_equal(explain_by(&world, "nobody", 20, 3, &told, &err), ERR_USAGE);
    arena_release(&told.arena);
    world_close(&world);
}

/* Minutes 105 to 109 were lost before they were read: another failure of the same checks. */
static void test_losses_behind_a_stretch(void **state)
{
    struct world world;
    struct told told;
    struct err err = ERR_INIT;
    const struct trace *trace;
    struct batch *batch = batch_new(0);

    (void)state;
    world_open(&world, 1000);
    batch_begin_partition(batch, world.book.checks, STR("checks"), STR(""), 0, 600);
    batch_lose(batch, world.book.checks, 0, 650, BOOK_START_NS + 105 * NS_PER_MINUTE,
               BOOK_START_NS + 110 * NS_PER_MINUTE - 1);
    assert_int_equal(ledger_commit(&world.book.ledger, batch, &err), ERR_OK);
    batch_free(batch);
    month_over(&world);
    trace = &explain(&world, &told)->told[0].trace;
    assert_int_equal(trace->loss_count, 1);
    assert_int_equal(trace->losses_in_all, 1);
    assert_int_equal(trace->losses[0].from_offset, 600);
    assert_int_equal(trace->losses[0].to_offset, 650);
    assert_int_equal(trace->losses[0].last_ns, BOOK_START_NS + 110 * NS_PER_MINUTE - 1);
    assert_true(str_equal(trace->losses[0].stream->topic, STR("checks")));
    arena_release(&told.arena);
    world_close(&world);
}

static void test_books_that_changed_since_are_said(void **state)
{
    struct world world;
    struct told told;
    struct err err = ERR_INIT;
    struct batch *batch;

    (void)state;
    world_open(&world, 1000);
    month_over(&world);
    assert_int_equal(explain(&world, &told)->books, BOOKS_UNISSUED);
    arena_release(&told.arena);
    issue(&world);
    assert_int_equal(explain(&world, &told)->books, BOOKS_AGREE);
    arena_release(&told.arena);
    batch = book_batch(&world.book, world.book.db);
    book_check(&world.book, batch, 0, "api", 300, OUTCOME_FAIL);
    assert_int_equal(ledger_commit(&world.book.ledger, batch, &err), ERR_OK);
    batch_free(batch);
    aggregate(&world);
    assert_int_equal(explain(&world, &told)->books, BOOKS_DIFFER);
    assert_string_equal(told.explanation.issued_lost, "1200");
    assert_int_equal(fraction_number(explanation_told_loss(&told.explanation)), 1260);
    arena_release(&told.arena);
    world_close(&world);
}

/* Issued by force in the middle of grace and of the data: the explanation ends where the statement does. */
static void test_a_forced_statement_is_explained_as_it_was_measured(void **state)
{
    struct world world;
    struct told told;
    struct statement_outcome outcome;
    struct err err = ERR_INIT;

    (void)state;
    world_open(&world, 1000);
    set_clock(&world, NOVEMBER_MINUTE + 60);
    drained(&world, NOVEMBER_MINUTE - 600);
    aggregate(&world);
    assert_int_equal(publish(&world, true, &outcome, &err), ERR_OK);
    assert_false(outcome.provisional);
    statement_outcome_release(&outcome);
    assert_int_equal(explain(&world, &told)->books, BOOKS_AGREE);
    arena_release(&told.arena);
    world_close(&world);
}

static void test_nothing_to_explain(void **state)
{
    struct world world;
    struct told told;
    struct err err = ERR_INIT;

    (void)state;
    world_open(&world, 1000); /* nothing is folded yet */
    assert_int_equal(explain_by(&world, "", 20, 20, &told, &err), ERR_OK);
    assert_false(told.present);
    arena_release(&told.arena);
    world_close(&world);
}

static void test_a_damaged_range_is_no_evidence(void **state)
{
    struct world world;
    struct told told;
    struct err err = ERR_INIT;

    (void)state;
    world_open(&world, 7);
    month_over(&world);
    book_exec(world.book.db, "UPDATE batch_range SET tallied = tallied + 1 WHERE from_offset = 63");
    assert_int_equal(explain_by(&world, "", 20, 20, &told, &err), ERR_MISMATCH);
    assert_non_null(strstr(err.text, "the range at 63 is damaged"));
    arena_release(&told.arena);
    world_close(&world);
}

/* What stands at the border, in words: exactly at it, and one request to either side. */
static void test_what_would_have_changed_a_border(void **state)
{
    static const struct credit_tier tier = {0};
    static const struct {
        const char *unit;
        bool is_target, missed;
        struct rational lost, allowed;
        const char *words;
    } rows[] = {
        {"s", true, true, {1340, 1}, {6696, 5}, "0.8 s less lost would have met it"},
        {"s", false, false, {1, 1}, {5, 2}, "it takes more than 1.5 s more to reach it"},
        {"s", true, false, {5, 2}, {5, 2}, "any more lost would have missed it"},
        /* 12.25 too many: 13 whole requests; 2.5 to spare: a third one is too many */
        {"requests", true, true, {49, 4}, {0, 1}, "13 requests less lost would have met it"},
        {"requests", false, true, {3, 1}, {2, 1}, "1 requests less lost would have avoided it"},
        {"requests", true, false, {0, 1}, {5, 2}, "it takes more than 2 requests more to miss it"},
        {"slices", true, true, {7, 2}, {3, 1}, "0.5 slices less lost would have met it"},
    };
    struct arena arena = ARENA_INIT;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct level level = {
            .unit = rows[i].unit, .known = true, .lost = fraction_of(&arena, rows[i].lost)};
        struct border border = {.tier = rows[i].is_target ? NULL : &tier,
                                .missed = rows[i].missed,
                                .allowed = fraction_of(&arena, rows[i].allowed)};

        assert_string_equal(explanation_change(&arena, &level, &border), rows[i].words);
    }
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_would_have_changed_a_border),
        cmocka_unit_test(test_an_outage_its_checks_and_its_batches),
        cmocka_unit_test(test_each_stretch_of_an_incident_has_its_own_cause),
        cmocka_unit_test(test_redrives_are_among_the_batches),
        cmocka_unit_test(test_a_percentile_is_a_cause),
        cmocka_unit_test(test_lists_are_cut_and_say_so),
        cmocka_unit_test(test_losses_behind_a_stretch),
        cmocka_unit_test(test_books_that_changed_since_are_said),
        cmocka_unit_test(test_a_forced_statement_is_explained_as_it_was_measured),
        cmocka_unit_test(test_nothing_to_explain),
        cmocka_unit_test(test_a_damaged_range_is_no_evidence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
