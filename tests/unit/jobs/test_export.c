#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aggregator/redrive.h"
#include "jobs/command.h"
#include "jobs/options.h"
#include "tests/unit/aggregator/book.h"

static struct book book;
static char *output; /* of the last run; malloc'ed by the stream */

/* Words of the command line behind `uptally export`, without CONFIG. */
static enum err_code export(const char *words, struct err *err) {
    static struct option_value values[OPTIONS_ROWS_MAX];
    struct option_set set = {command_export.options, values};
    struct option_arguments arguments = {.count = 0}; char copy[256]; char * argv[16]; int argc = 0;
    struct run run = {.db = book.db, .book_id = 1, .options = values}; size_t size;
    enum err_code code;

    (void)snprintf(copy, sizeof(copy), "%s", words);
    for (char *word = strtok(copy, " "); word != NULL;
         word = strtok(NULL, " ")){argv[argc++] = word;}
options_reset(&set);
assert_int_equal(options_parse(&set, 1, argv, argc, false, &arguments, NULL, err), ERR_OK);
run.arguments = arguments.items;
run.argument_count = arguments.count;
free(output);
run.out = open_memstream(&output, &size);
assert_non_null(run.out);
code = command_export.run(&run, err);
assert_int_equal(fclose(run.out), 0);
return code;
}

static void assert_export(const char *words, const char *expected)
{
    struct err err = ERR_INIT;

    if (export(words, &err) != ERR_OK) {
        fail_msg("%s: %s", words, err.text);
    }
    assert_string_equal(output, expected);
}

static void add_for_customer(struct batch *batch, const char *customer, int64_t minute,
                             enum outcome outcome, int64_t latency_ns)
{
    struct coordinate at =
        book_at(book.requests, 1, batch_next_offset(batch, book.requests, 1), BOOK_START_NS);
    struct event event = {.kind = EVENT_REQUEST,
                          .outcome = outcome,
                          .time_ns = BOOK_START_NS + minute * NS_PER_MINUTE,
                          .service = STR("shop"),
                          .customer = STR(customer),
                          .latency_ns = latency_ns,
                          .latency_threshold_ns = 100,
                          .weight = 1};

    batch_add_event(batch, &at, &event);
}

static int set_up(void **state)
{
    struct fold_options options = {
        .book_id = 1, .holder = "test", .lease_ns = NS_PER_MINUTE, .rows_per_step = 1000};
    struct err err = ERR_INIT;
    struct coordinate at;
    struct batch *batch;
    struct fold fold;

    (void)state;
    book_open(&book);
    options.db = book.db;
    batch = book_batch(&book, book.db);
    add_for_customer(batch, "", 61, OUTCOME_SUCCESS, 100);
    add_for_customer(batch, "acme", 61, OUTCOME_SUCCESS, 101);
    add_for_customer(batch, "acme", 61, OUTCOME_ERROR, 500);
    add_for_customer(batch, "zeta", 59, OUTCOME_SUCCESS, 1);
    book_request(&book, batch, 0, "=1+1,\"x\"", 2, false);
    book_check(&book, batch, 0, "shop", 61, OUTCOME_FAIL);
    book_check(&book, batch, 0, "shop", 59, OUTCOME_PASS);
    at = book_at(book.requests, 2, batch_next_offset(batch, book.requests, 2) + 3, BOOK_START_NS);
    batch_add_dead_letter(batch, &at, VERDICT_BAD_NAME, STR("a \"quoted\", name"), STR("bytes"),
                          str_of(NULL, 0));
    at.offset++;
    batch_add_excluded(batch, &at, VERDICT_RULE, STR("healthz"));
    at.offset++;
    at.time_ns += NS_PER_DAY;
    batch_add_dead_letter(batch, &at, VERDICT_MALFORMED, STR(""), STR("bytes"), str_of(NULL, 0));
    assert_int_equal(ledger_commit(&book.ledger, batch, &err), ERR_OK);
    batch_free(batch);
    fold_init(&fold, &options);
    assert_int_equal(fold_acquire(&fold, &err), ERR_OK);
    assert_int_equal(fold_run(&fold, NULL, NULL, &err), ERR_OK);
    book_exec(book.db,
              "INSERT INTO incident VALUES (1, 'shop', 29846880, 29846882, 3, 'P1', 0, 0, 0),"
              " (1, 'portal', 29846890, NULL, 1, 'P3', 0, NULL, 0)");
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

static void test_windows(void **state)
{
    (void)state;
    assert_export("windows", "service,minute,total,errors,slow\r\n"
                             "\"=1+1,\"\"x\"\"\",2026-10-01T00:02:00Z,1,0,0\r\n"
                             "shop,2026-10-01T00:59:00Z,1,0,0\r\n"
                             "shop,2026-10-01T01:01:00Z,3,1,1\r\n");
    assert_export("windows --service shop --from 2026-10-01T00:59:00Z --to 2026-10-01T01:01:00Z",
                  "service,minute,total,errors,slow\r\n"
                  "shop,2026-10-01T00:59:00Z,1,0,0\r\n");
    assert_export("windows --service shop --from 2026-10-01T00:59:00.000000001Z --format ndjson",
                  "{\"errors\":1,\"minute\":\"2026-10-01T01:01:00Z\",\"service\":\"shop\","
                  "\"slow\":1,\"total\":3}\n");
}

static void test_instances(void **state)
{
    (void)state;
    assert_export("instances", "service,instance,region,minute,passed,warned,failed,unknown\r\n"
                               "shop,i-1,eu,2026-10-01T00:59:00Z,1,0,0,0\r\n"
                               "shop,i-1,eu,2026-10-01T01:01:00Z,0,0,1,0\r\n");
}

static void test_ledger(void **state)
{
    (void)state;
    assert_export("dead-letters", "topic,partition,offset,reason,detail\r\n"
                                  "requests,2,8,bad_name,\"a \"\"quoted\"\", name\"\r\n"
                                  "requests,2,10,malformed,\r\n");
    assert_export("dead-letters --from 2026-10-02T00:00:00Z",
                  "topic,partition,offset,reason,detail\r\n"
                  "requests,2,10,malformed,\r\n");
    assert_export("exclusions", "topic,partition,from,to,reason,records\r\n"
                                "requests,2,5,11,rule:healthz,1\r\n");
    assert_export("batches", "topic,partition,from,to,delivered,tallied,excluded,duplicate,"
                             "dead_lettered,absent,kind\r\n"
                             "checks,0,0,2,2,2,0,0,0,0,read\r\n"
                             "requests,0,0,1,1,1,0,0,0,0,read\r\n"
                             "requests,1,100,104,4,4,0,0,0,0,read\r\n"
                             "requests,2,5,11,3,0,1,0,2,3,read\r\n");
}

/* Of the two letters one becomes an event and the other one is excluded: batches count them as that, and dead letters no more. */
static void test_redriven(void **state)
{
    struct redrive_stream stream = {
        .stream_id = book.requests, .topic = STR("requests"), .config_digest = STR("d")};
    struct redrive *redrive = redrive_new(&stream);
    struct ledger ledger = book.ledger;
    struct coordinate at = book_at(book.requests, 2, 8, BOOK_START_NS);
    struct event event = {.kind = EVENT_REQUEST,
                          .time_ns = BOOK_START_NS,
                          .service = STR("shop"),
                          .latency_ns = LATENCY_UNKNOWN,
                          .weight = 1};
    struct err err = ERR_INIT;
    bool missed;

    (void)state;
    redrive_add_event(redrive, &at, &event);
    at.offset = 10;
    redrive_add_excluded(redrive, &at, VERDICT_RULE, STR("probes"));
    ledger.lasting_ids = true;
    assert_int_equal(redrive_commit(&ledger, redrive, &missed, &err), ERR_OK);
    redrive_free(redrive);
    assert_export("dead-letters", "topic,partition,offset,reason,detail\r\n");
    assert_export("redriven", "topic,partition,offset,reason,detail\r\n"
                              "requests,2,8,bad_name,\"a \"\"quoted\"\", name\"\r\n"
                              "requests,2,10,malformed,\r\n");
    assert_export("exclusions", "topic,partition,from,to,reason,records\r\n"
                                "requests,2,5,11,rule:healthz,1\r\n"
                                "requests,2,5,11,rule:probes,1\r\n");
    assert_export("batches --from 2026-10-01T12:00:00Z",
                  "topic,partition,from,to,delivered,tallied,excluded,duplicate,dead_lettered,"
                  "absent,kind\r\n"
                  "requests,2,5,11,3,1,2,0,0,3,read\r\n");
}

static void test_incidents(void **state)
{
    (void)state;
    assert_export("incidents", "service,from,to,worst,level\r\n"
                               "portal,2026-10-01T00:10:00Z,,degraded,P3\r\n"
                               "shop,2026-10-01T00:00:00Z,2026-10-01T00:02:00Z,major,P1\r\n");
    assert_export("incidents --from 2026-10-01T00:02:00Z --format ndjson",
                  "{\"from\":\"2026-10-01T00:10:00Z\",\"level\":\"P3\",\"service\":\"portal\","
                  "\"to\":null,\"worst\":\"degraded\"}\n");
    assert_export("incidents --service shop --to 2026-10-01T00:00:00Z",
                  "service,from,to,worst,level\r\n");
}

static void test_refusals(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(export("window", &err), ERR_USAGE);
    assert_string_equal(err.text, "\"window\" cannot be exported; it must be one of windows|"
                                  "instances|dead-letters|redriven|exclusions|batches|incidents");
    assert_int_equal(export("batches --service shop", &err), ERR_USAGE);
    assert_string_equal(err.text, "--service does not apply to batches");
    assert_int_equal(export("windows --from 2026-10-01T00:00:00Z --to 2026-10-01T00:00:00Z", &err),
                     ERR_USAGE);
    book_exec(book.db, "UPDATE window_hour SET tally = X'00' WHERE kind = 'check'");
    assert_int_equal(export("instances", &err), ERR_MISMATCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_windows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_instances, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ledger, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_redriven, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_incidents, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
