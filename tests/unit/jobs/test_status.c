#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aggregator/grading.h"
#include "jobs/command.h"
#include "jobs/options.h"
#include "jobs/ui.h"
#include "tests/unit/aggregator/book.h"

static struct book book;
static char *output; /* of the last run; malloc'ed by the stream */

static void status(int format, enum ui_color color)
{
    static struct option_value values[OPTIONS_ROWS_MAX];
    struct option_set set = {command_status.options, values};
    struct run run = {.db = book.db, .book_id = 1, .options = values, .clock = &book.clock.clock};
    struct err err = ERR_INIT;
    size_t size;

    ui_init(true, false, color);
    options_reset(&set);
    values[0].number = format;
    free(output);
    run.out = open_memstream(&output, &size);
    assert_non_null(run.out);
    if (command_status.run(&run, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(fclose(run.out), 0);
}

static const struct grading_rules *rules_of(void *context, struct str service)
{
    static const struct grading_rules rules = {1, {1, 2}, {1, 20}, {1, 10}, 0};

    (void)context;
    (void)service;
    return &rules;
}

/* Everything is complete until minute 70, four minutes ago. */
static void fill(void)
{
    struct fold_options options = {.db = book.db,
                                   .book_id = 1,
                                   .holder = "test",
                                   .lease_ns = NS_PER_HOUR,
                                   .rows_per_step = 1000};
    struct grading_options grading = {.db = book.db, .book_id = 1, .rules = rules_of};
    struct batch *batch = book_batch(&book, book.db);
    const int64_t streams[] = {book.requests, book.checks};
    struct err err = ERR_INIT;
    struct fold fold;

    book_request(&book, batch, 0, "portal", 63, true); /* an incident that is over */
    book_request(&book, batch, 0, "portal", 67, false);
    book_request(&book, batch, 0, "portal", 68, true);
    book_request(&book, batch, 0, "portal", 69, true);
    /* Of this service the last one is. */
    book_request(&book, batch, 0, "evil \033[2J\xe2\x80\xae\xc2\x9b name", 65, true);
    book_request(&book, batch, 0, "evil \033[2J\xe2\x80\xae\xc2\x9b name", 66, false);
    book_check(&book, batch, 0, "d\xc3\xbcrr", 60, OUTCOME_PASS);
    book_check(&book, batch, 0, "d\xc3\xbcrr", 69, OUTCOME_WARN);
    assert_int_equal(ledger_commit(&book.ledger, batch, &err), ERR_OK);
    for (size_t s = 0; s < ARRAY_COUNT(streams); s++) {
        for (int32_t p = 0; p < BOOK_PARTITIONS; p++) {
            int64_t next = batch_next_offset(batch, streams[s], p);

            assert_int_equal(ledger_note_drained(&book.ledger, streams[s], p, next,
                                                 BOOK_START_NS + 70 * NS_PER_MINUTE, &err),
                             ERR_OK);
        }
    }
    batch_free(batch);
    book.clock.time_ns = BOOK_START_NS + 74 * NS_PER_MINUTE;
    fold_init(&fold, &options);
    assert_int_equal(fold_acquire(&fold, &err), ERR_OK);
    assert_int_equal(fold_run(&fold, NULL, NULL, &err), ERR_OK);
    assert_int_equal(fold_complete_until(book.db, 1, &grading.until_ns, &err), ERR_OK);
    assert_int_equal(grading_run(&fold, &grading, &err), ERR_OK);
}

static int set_up(void **state)
{
    (void)state;
    book_open(&book);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(output);
    output = NULL;
    book_close(&book);
    return 0;
}

static void test_nothing_yet(void **state)
{
    (void)state;
    status(0, UI_COLOR_NEVER);
    assert_string_equal(output,
                        "Nothing is complete yet: run uptally consume, then uptally aggregate.\n"
                        "No service has had an event.\n");
    status(1, UI_COLOR_NEVER);
    assert_string_equal(
        output,
        "{\n  \"complete_until\": null,\n  \"incidents\": [],\n"
        "  \"lag_seconds\": null,\n  \"lost\": [],\n  \"parked\": [],\n  \"rebuilds\": [],\n"
        "  \"services\": [],\n"
        "  \"version\": 1\n}\n");
}

static void test_table(void **state)
{
    (void)state;
    fill();
    status(0, UI_COLOR_NEVER);
    assert_string_equal(
        output,
        "Complete until 2026-10-01T01:10:00Z, 4 min behind the clock\n\n"
        "Service           Grade                   Last 60 minutes\n"
        "d\xc3\xbcrr              d Degraded performance  "
        "                                                  ..???????d\n"
        "evil ?[2J?? name  - No traffic            "
        "                                                       M.---\n"
        "portal            M Major outage          "
        "                                                     M!--.MM\n"
        "\nOpen incidents:\n"
        "  P1  portal            Major outage, since 2026-10-01T01:08:00Z (2 min)\n"
        "  P3  d\xc3\xbcrr              Degraded performance, since 2026-10-01T01:09:00Z (1 min)\n"
        "\nSymbols: . Operational, d Degraded performance, p Partial outage, M Major outage, "
        "- No traffic, ? Probe down, ! Pipeline gap, blank Not provisioned\n");
}

static void test_color_and_json(void **state)
{
    (void)state;
    fill();
    status(0, UI_COLOR_ALWAYS);
    assert_non_null(strstr(output, "\033[1;31m  M Major outage"));
    assert_null(strstr(output, "\033[2J"));
    status(1, UI_COLOR_ALWAYS);
    assert_null(strchr(output, '\033'));
    assert_non_null(strstr(output, "\"complete_until\": \"2026-10-01T01:10:00Z\""));
    assert_non_null(strstr(output, "\"lag_seconds\": 240"));
    assert_non_null(strstr(output, "\"from\": \"2026-10-01T01:08:00Z\""));
    assert_non_null(strstr(output, "\"grade\": \"major\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_yet, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_color_and_json, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
