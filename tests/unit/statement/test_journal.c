/* What a journal says of batches is true of its moment, whoever kept what of journals before it. */
#include "aggregator/redrive.h"
#include "jobs/statement/journal.h"
#include "tests/unit/aggregator/book.h"

static struct book book;
static struct journal_batches kept;

static void write_journal(int64_t book_id, struct journal_batches *batches,
                          struct strbuf *ret_journal)
{
    const struct journal_facts facts = {.book_id = book_id,
                                        .batches = batches,
                                        .complete_ns = INT64_MIN,
                                        .now_ns = BOOK_START_NS,
                                        .program_version = "1.0"};
    struct err err = ERR_INIT;

    if (journal_write(book.db, &facts, ret_journal, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
}

static void assert_true_now(int64_t count)
{
    struct strbuf fresh, after;

    write_journal(1, NULL, &fresh);
    write_journal(1, &kept, &after);
    assert_string_equal(strbuf_text(&after), strbuf_text(&fresh));
    assert_int_equal(kept.count, count);
    assert_int_equal(strstr(strbuf_text(&after), "\"first_committed\": null") != NULL, count == 0);
    strbuf_release(&fresh);
    strbuf_release(&after);
}

/* One event, or one letter, of partition 0. */
static void commit(bool dead)
{
    struct batch *batch = book_batch(&book, book.db);
    int64_t offset = batch_next_offset(batch, book.requests, 0);
    struct coordinate at = book_at(book.requests, 0, offset, BOOK_START_NS);
    struct err err = ERR_INIT;

    if (dead) {
        batch_add_dead_letter(batch, &at, VERDICT_MALFORMED, STR("detail"), STR("bytes"), STR(""));
    } else {
        book_request(&book, batch, 0, "shop", 0, false);
    }
    book.clock.time_ns += NS_PER_SECOND;
    assert_int_equal(ledger_commit(&book.ledger, batch, &err), ERR_OK);
    batch_free(batch);
}

/* The letter at that offset becomes an event. */
static void redrive(int64_t offset)
{
    const struct redrive_stream stream = {
        .stream_id = book.requests, .topic = STR("requests"), .config_digest = STR("d")};
    struct redrive *redrive = redrive_new(&stream);
    struct coordinate at = book_at(book.requests, 0, offset, BOOK_START_NS);
    const struct event event = {.kind = EVENT_REQUEST,
                                .time_ns = BOOK_START_NS,
                                .service = STR("shop"),
                                .latency_ns = LATENCY_UNKNOWN,
                                .weight = 1};
    struct ledger ledger = book.ledger;
    struct err err = ERR_INIT;
    bool missed;

    ledger.lasting_ids = true;
    redrive_add_event(redrive, &at, &event);
    book.clock.time_ns += NS_PER_SECOND;
    assert_int_equal(redrive_commit(&ledger, redrive, &missed, &err), ERR_OK);
    redrive_free(redrive);
}

static void every_batch_is_noticed(void **state)
{
    (void)state;
    kept = (struct journal_batches){.counted = false};
    book_open(&book);
    book_exec(book.db, "UPDATE partition_offset SET origin = 0, next_offset = 0");
    assert_true_now(0);
    assert_true_now(0);
    commit(false);
    assert_true_now(1);
    commit(true);
    commit(true);
    assert_true_now(3);
    redrive(1);
    assert_true_now(4);
    redrive(2);
    assert_true_now(5);
    commit(false);
    assert_true_now(6);
    /* A store may hold any number. */
    book_exec(book.db, "UPDATE partition_offset SET next_offset = 9223372036854775807");
    assert_true_now(6);
    book_close(&book);
}

/* A book with one batch, which `kept` has counted. */
static void open_counted(void)
{
    kept = (struct journal_batches){.counted = false};
    book_open(&book);
    commit(false);
    assert_true_now(1);
}

static void assert_kept_says(int64_t book_id, const char *text)
{
    struct strbuf journal;

    write_journal(book_id, &kept, &journal);
    assert_non_null(strstr(strbuf_text(&journal), text));
    strbuf_release(&journal);
}

static void what_has_not_changed_is_not_counted_again(void **state)
{
    (void)state;
    open_counted();
    kept.count = 99;
    assert_kept_says(1, "\"count\": 99,");
    commit(false);
    assert_true_now(2);
    book_close(&book);
}

/* One that was swapped in may stand at the same offsets. */
static void another_book_is_another_count(void **state)
{
    (void)state;
    open_counted();
    book_exec(book.db, "INSERT INTO book (book_id, name, created_ns) VALUES (2, 'other', 1)");
    book_exec(book.db, "UPDATE partition_offset SET book_id = 2");
    assert_kept_says(2, "\"count\": 0,");
    book_close(&book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_batch_is_noticed),
        cmocka_unit_test(what_has_not_changed_is_not_counted_again),
        cmocka_unit_test(another_book_is_another_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
