/* Live statements of periods other than months: when they are due, what they are called, and what is refused. */
#include "tests/unit/statement/publish_world.h"

#include "jobs/statement/due.h"

enum { DAY = 24 * 60, JANUARY_MINUTE = NOVEMBER_MINUTE + 61 * DAY };

static void until(struct world *world, int64_t minute)
{
    set_clock(world, minute);
    drained(world, minute);
    aggregate(world);
}

/* What is due of all contracts, in their order. */
static void assert_due(struct world *world, const char *expected)
{
    struct arena arena = ARENA_INIT;
    struct strbuf text;

    strbuf_init(&text, 1000);
    for (size_t i = 0; i < world->publisher.contract_count; i++) {
        struct due *due;
        struct err err = ERR_INIT;
        size_t count;
        bool started;

        if (due_list(&world->publisher, &world->publisher.contracts[i], &arena, &due, &count,
                     &started, &err) != ERR_OK) {
            fail_msg("%s", err.text);
        }
        for (size_t k = 0; k < count; k++) {
            strbuf_append_format(&text, "%s%s ", due[k].kind == DUE_INCOMPLETE ? "?" : "",
                                 due[k].period.name);
        }
    }
    assert_string_equal(strbuf_text(&text), expected);
    strbuf_release(&text);
    arena_release(&arena);
}

static enum err_code publish_for(struct world *world, size_t index, int32_t year, int32_t month,
                                 struct statement_outcome *outcome, struct err *err)
{
    struct statement_options options = {.formats = STATEMENT_JSON, .final_only = true};

    statement_outcome_init(outcome);
    return statement_publish_month(&world->publisher, &world->publisher.contracts[index], year,
                                   month, &options, outcome, err);
}

/* Of a quarter nothing is due before it is over, whichever of its months are; any of them names it. */
static void test_a_quarter(void **state)
{
    struct world world;
    struct statement_outcome outcome;
    struct arena arena = ARENA_INIT;
    struct credit_note *notes;
    struct err err = ERR_INIT;
    size_t count;

    (void)state;
    world_open(&world, 1000);
    world.config->contracts[0].period = PERIOD_QUARTER;
    until(&world, NOVEMBER_MINUTE + 10 * DAY);
    assert_due(&world, "");
    until(&world, JANUARY_MINUTE + 3 * DAY - 1);
    assert_due(&world, "");
    until(&world, JANUARY_MINUTE + 3 * DAY);
    assert_due(&world, "2026-Q4 ");
    assert_int_equal(publish_for(&world, 0, 2026, 11, &outcome, &err), ERR_OK);
    assert_true(outcome.present);
    expect_text(&outcome, "period.name", "2026-Q4");
    expect_text(&outcome, "period.from", "2026-10-01T00:00:00Z");
    expect_text(&outcome, "period.to", "2027-01-01T00:00:00Z");
    expect_text(&outcome, "period.whole.to", "2027-01-01T00:00:00Z");
    expect_text(&outcome, "contract.terms.period", "quarter");
    assert_string_equal(shelf_text(&world.shelf, "acme/2026-Q4/statement-r1.json"),
                        strbuf_text(&outcome.document));
    statement_outcome_release(&outcome);

    /* December names the same one, and so does no month at all. */
    for (int32_t month = 12; month >= 0; month -= 12) {
        assert_int_equal(credits_issue(&world.publisher, month == 0 ? 0 : 2026, month, &arena,
                                       &notes, &count, &err),
                         ERR_OK);
        assert_int_equal(count, 1);
        assert_string_equal(notes[0].id.data, "CN-acme-2026-Q4-r1");
        assert_int_equal(notes[0].amount_minor, 10000);
    }
    assert_int_equal(book_number(world.book.db, "SELECT COUNT(*) FROM statement"), 1);
    assert_int_equal(book_number(world.book.db, "SELECT COUNT(*) FROM credit_note"), 1);
    arena_release(&arena);
    world_close(&world);
}

static void test_a_year(void **state)
{
    struct world world;

    (void)state;
    world_open(&world, 1000);
    world.config->contracts[0].period = PERIOD_YEAR;
    until(&world, JANUARY_MINUTE - 1);
    assert_due(&world, "");
    until(&world, JANUARY_MINUTE + 3 * DAY);
    assert_due(&world, "2026 ");
    world_close(&world);
}

/* Every month ends one of them. */
static void test_rolling_days(void **state)
{
    struct world world;
    struct statement_outcome outcome;
    struct err err = ERR_INIT;

    (void)state;
    world_open(&world, 1000);
    world.config->contracts[0].period = PERIOD_ROLLING;
    world.config->contracts[0].rolling_days = 60;
    until(&world, JANUARY_MINUTE + 3 * DAY);
    assert_due(&world, "2026-10-60d 2026-11-60d 2026-12-60d ");
    assert_int_equal(publish_for(&world, 0, 2026, 11, &outcome, &err), ERR_OK);
    expect_text(&outcome, "period.name", "2026-11-60d");
    expect_text(&outcome, "period.from", "2026-10-02T00:00:00Z");
    expect_text(&outcome, "period.to", "2026-12-01T00:00:00Z");
    statement_outcome_release(&outcome);
    assert_due(&world, "2026-10-60d 2026-11-60d 2026-12-60d "); /* files of the second one */
    world_close(&world);
}

/* Two versions of the terms within a quarter: a statement each. */
static void test_versions_within_a_quarter(void **state)
{
    struct world world;
    struct contract versions[2];
    struct statement_outcome outcome;
    struct err err = ERR_INIT;

    (void)state;
    world_open(&world, 1000);
    versions[0] = versions[1] = world.config->contracts[0];
    versions[0].period = versions[1].period = PERIOD_QUARTER;
    versions[0].valid_until_s = versions[1].valid_from_s =
        BOOK_START_NS / NS_PER_SECOND + (int64_t)(NOVEMBER_MINUTE + 14 * DAY) * 60;
    world.publisher.contracts = versions;
    world.publisher.contract_count = 2;
    until(&world, JANUARY_MINUTE + 3 * DAY);
    assert_due(&world, "2026-Q4 2026-11-15 ");
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(publish_for(&world, i, 2026, 10, &outcome, &err), ERR_OK);
        assert_true(outcome.present);
        expect_text(&outcome, "period.from",
                    i == 0 ? "2026-10-01T00:00:00Z" : "2026-11-15T00:00:00Z");
        expect_text(&outcome, "period.to",
                    i == 0 ? "2026-11-15T00:00:00Z" : "2027-01-01T00:00:00Z");
        expect_text(&outcome, "period.whole.from", "2026-10-01T00:00:00Z");
        statement_outcome_release(&outcome);
    }
    assert_int_equal(book_number(world.book.db, "SELECT COUNT(*) FROM statement"), 2);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_quarter),
        cmocka_unit_test(test_a_year),
        cmocka_unit_test(test_rolling_days),
        cmocka_unit_test(test_versions_within_a_quarter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
