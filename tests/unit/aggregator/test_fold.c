#include "tests/unit/aggregator/world.h"

struct fixture {
    struct world world;
    struct book book;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    world_make(&f->world, 11);
    book_open(&f->book);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    book_close(&f->book);
    free(f);
    return 0;
}

static int64_t complete_until(struct book *book)
{
    struct err err = ERR_INIT;
    int64_t complete_ns;

    assert_int_equal(fold_complete_until(book->db, 1, &complete_ns, &err), ERR_OK);
    return complete_ns;
}

/* Brute force: every tallied event of the world in a plain array of minutes. */
static void test_windows_hold_every_event(void **state)
{
    struct fixture *f = *state;
    static int64_t total[WORLD_SERVICES][WORLD_MINUTES];
    static int64_t errors[WORLD_SERVICES][WORLD_MINUTES];
    struct db_stmt *stmt;
    struct err err = ERR_INIT;
    bool row;

    memset(total, 0, sizeof(total));
    memset(errors, 0, sizeof(errors));
    for (int p = 0; p < BOOK_PARTITIONS; p++) {
        for (int i = 0; i < WORLD_RECORDS; i++) {
            const struct world_record *record = &f->world.records[0][p][i];
            int64_t minute = (record->event.time_ns - BOOK_START_NS) / NS_PER_MINUTE;

            for (int s = 0; s < WORLD_SERVICES && record->verdict == VERDICT_TALLIED; s++) {
                if (str_equal(record->event.service, STR(world_services[s]))) {
                    total[s][minute] += record->event.weight;
                    errors[s][minute] +=
                        record->event.outcome == OUTCOME_ERROR ? record->event.weight : 0;
                }
            }
        }
    }
    world_consume(&f->world, &f->book, f->book.db, 17);
    world_fold_all(f->book.db, "a", 10);
    assert_int_equal(db_prepare(f->book.db,
                                "SELECT a, hour, tally FROM window_hour WHERE kind = 'window'",
                                &stmt, &err),
                     ERR_OK);
    while (db_step(stmt, &row, &err) == ERR_OK && row) {
        struct tally tally;

        assert_int_equal(tally_unpack(TALLY_WINDOW, db_column_blob(stmt, 2), &tally, &err), ERR_OK);
        for (int s = 0; s < WORLD_SERVICES; s++) {
            for (int m = 0;
                 m < TALLY_MINUTES && str_equal(db_column_text(stmt, 0), STR(world_services[s]));
                 m++) {
                int64_t minute = (db_column_int64(stmt, 1) - BOOK_START_NS / NS_PER_HOUR) * 60 + m;

                total[s][minute] -= tally.window.minutes[m].total;
                errors[s][minute] -= tally.window.minutes[m].errors;
            }
        }
        tally_release(TALLY_WINDOW, &tally);
    }
    for (int s = 0; s < WORLD_SERVICES; s++) {
        for (int m = 0; m < WORLD_MINUTES; m++) {
            assert_int_equal(total[s][m], 0);
            assert_int_equal(errors[s][m], 0);
        }
    }
}

/* Roll-ups say what the windows say, by hour and by day. */
static void test_rollups(void **state)
{
    struct fixture *f = *state;
    struct batch *batch = book_batch(&f->book, f->book.db);
    struct err err = ERR_INIT;

    book_request(&f->book, batch, 0, "shop", 0, true);
    book_request(&f->book, batch, 0, "shop", 59, false);
    book_request(&f->book, batch, 0, "shop", 60, false);
    book_request(&f->book, batch, 0, "shop", 24 * 60, true);
    assert_int_equal(ledger_commit(&f->book.ledger, batch, &err), ERR_OK);
    world_fold_all(f->book.db, "a", 100);
    book_request(&f->book, batch, 0, "shop", 30, true);
    book_check(&f->book, batch, 0, "shop", 30, OUTCOME_PASS);
    assert_int_equal(ledger_commit(&f->book.ledger, batch, &err), ERR_OK);
    world_fold_all(f->book.db, "a", 100);
    assert_int_equal(book_number(f->book.db, "SELECT total FROM rollup_hour ORDER BY hour"), 3);
    assert_int_equal(book_number(f->book.db, "SELECT errors FROM rollup_hour ORDER BY hour"), 2);
    assert_int_equal(book_number(f->book.db, "SELECT count(*) FROM rollup_hour"), 3);
    assert_int_equal(book_number(f->book.db, "SELECT total FROM rollup_day ORDER BY day"), 4);
    assert_int_equal(book_number(f->book.db, "SELECT errors FROM rollup_day ORDER BY day DESC"), 1);
    /* Bucket bounds at 2^(1/64): 5 ms is at most 1.1 % below what is shown. */
    assert_in_range(book_number(f->book.db, "SELECT min(latency_p50_ns) FROM rollup_hour"), 5000000,
                    5055000);
    assert_int_equal(book_number(f->book.db, "SELECT first_minute FROM service"),
                     BOOK_START_NS / NS_PER_MINUTE);
    assert_int_equal(book_number(f->book.db, "SELECT has_requests + 2 * has_checks FROM service"),
                     3);
    batch_free(batch);
}

/* A minute in which the topic turned out to be alive regrades the silent services too, but none that came later. */
static void test_activity_marks_other_services(void **state)
{
    struct fixture *f = *state;
    struct batch *batch = book_batch(&f->book, f->book.db);
    struct err err = ERR_INIT;

    book_request(&f->book, batch, 0, "old", 0, false);
    book_request(&f->book, batch, 0, "young", 300, false);
    assert_int_equal(ledger_commit(&f->book.ledger, batch, &err), ERR_OK);
    world_fold_all(f->book.db, "a", 100);
    book_exec(f->book.db, "DELETE FROM regrade");
    book_request(&f->book, batch, 0, "other", 130, false);
    assert_int_equal(ledger_commit(&f->book.ledger, batch, &err), ERR_OK);
    world_fold_all(f->book.db, "a", 100);
    assert_int_equal(book_number(f->book.db, "SELECT count(*) FROM regrade"), 2);
    assert_int_equal(book_number(f->book.db, "SELECT count(*) FROM regrade WHERE service = 'old'"),
                     1);
    /* The same minute again changes nothing for the others. */
    book_exec(f->book.db, "DELETE FROM regrade");
    book_request(&f->book, batch, 0, "other", 130, false);
    assert_int_equal(ledger_commit(&f->book.ledger, batch, &err), ERR_OK);
    world_fold_all(f->book.db, "a", 100);
    assert_int_equal(book_number(f->book.db, "SELECT count(*) FROM regrade"), 1);
    batch_free(batch);
}

/* Complete-until comes from drained notes less lateness, needs all partitions of all streams, and never goes back. */
static void test_complete_until(void **state)
{
    struct fixture *f = *state;
    struct book *book = &f->book;
    struct err err = ERR_INIT;

    assert_int_equal(complete_until(book), INT64_MIN);
    world_consume(&f->world, book, book->db, 50);
    world_note_drained(&f->world, book, book->db, BOOK_START_NS + NS_PER_HOUR);
    assert_int_equal(complete_until(book), INT64_MIN);
    world_fold_all(book->db, "a", 10);
    assert_int_equal(complete_until(book), BOOK_START_NS + NS_PER_HOUR - 5 * NS_PER_MINUTE);
    /* One partition that is further moves nothing. */
    assert_int_equal(ledger_note_drained(&book->ledger, book->requests, 0,
                                         world_end(&f->world, 0, 0),
                                         BOOK_START_NS + 2 * NS_PER_HOUR, &err),
                     ERR_OK);
    world_fold_all(book->db, "a", 10);
    assert_int_equal(complete_until(book), BOOK_START_NS + NS_PER_HOUR - 5 * NS_PER_MINUTE);
    /* A new partition stops the clock, it does not turn it back. */
    world_note_drained(&f->world, book, book->db, BOOK_START_NS + 2 * NS_PER_HOUR);
    assert_int_equal(ledger_note_drained(&book->ledger, book->requests, 7, 10,
                                         BOOK_START_NS + 3 * NS_PER_HOUR, &err),
                     ERR_OK);
    world_fold_all(book->db, "a", 10);
    assert_int_equal(complete_until(book), BOOK_START_NS + NS_PER_HOUR - 5 * NS_PER_MINUTE);
    /* A closed incarnation no longer counts. */
    book_exec(book->db, "UPDATE stream SET closed_ns = 1 WHERE topic = 'requests'");
    world_fold_all(book->db, "a", 10);
    assert_int_equal(complete_until(book), BOOK_START_NS + 2 * NS_PER_HOUR - 5 * NS_PER_MINUTE);
}

static void test_damaged_rows_stop_the_fold(void **state)
{
    static const char *const damages[] = {
        "UPDATE pending SET checksum = checksum + 1 WHERE part = 3",
        "UPDATE pending SET packed = x'0100' WHERE part = 1",
        "UPDATE pending SET tallies = tallies + 1 WHERE part = 0",
        "UPDATE pending SET part = part + 1000 WHERE part = 2"};
    struct fixture *f = *state;

    world_consume(&f->world, &f->book, f->book.db, 50);
    for (size_t i = 0; i < ARRAY_COUNT(damages); i++) {
        struct fold fold = world_fold(f->book.db, "a", 1 << 20);
        struct err err = ERR_INIT;

        book_exec(f->book.db, "CREATE TABLE saved AS SELECT * FROM pending");
        book_exec(f->book.db, damages[i]);
        assert_int_equal(fold_acquire(&fold, &err), ERR_OK);
        assert_int_equal(fold_run(&fold, NULL, NULL, &err), ERR_MISMATCH);
        assert_non_null(strstr(err.text, "pending"));
        assert_int_equal(book_number(f->book.db, "SELECT count(*) FROM window_hour"), 0);
        fold_release(&fold);
        book_exec(f->book.db, "DELETE FROM pending; INSERT INTO pending SELECT * FROM saved; "
                              "DROP TABLE saved");
    }
    world_fold_all(f->book.db, "a", 100);
    book_exec(f->book.db, "UPDATE window_hour SET checksum = checksum + 1");
    {
        struct fold fold = world_fold(f->book.db, "a", 1 << 20);
        struct batch *batch = book_batch(&f->book, f->book.db);
        struct err err = ERR_INIT;

        book_request(&f->book, batch, 0, "shop", 0, false);
        assert_int_equal(ledger_commit(&f->book.ledger, batch, &err), ERR_OK);
        assert_int_equal(fold_acquire(&fold, &err), ERR_OK);
        assert_int_equal(fold_run(&fold, NULL, NULL, &err), ERR_MISMATCH);
        assert_non_null(strstr(err.text, "window_hour"));
        batch_free(batch);
    }
}

/* The row of part 0 once more, with a checksum that is right and another number of tallies. */
static void say_more_tallies(struct db *db)
{
    struct db_stmt *stmt, *insert;
    struct arena arena = ARENA_INIT;
    struct str id, packed;
    struct err err = ERR_INIT;
    int64_t tallies;
    bool row;

    assert_int_equal(
        db_prepare(db, "SELECT batch_id, tallies, packed FROM pending WHERE part = 0", &stmt, &err),
        ERR_OK);
    assert_int_equal(db_step(stmt, &row, &err), ERR_OK);
    assert_true(row);
    id = arena_str(&arena, db_column_blob(stmt, 0));
    tallies = db_column_int64(stmt, 1);
    packed = arena_str(&arena, db_column_blob(stmt, 2));
    db_reset(stmt);
    book_exec(db, "DELETE FROM pending WHERE part = 0");
    assert_int_equal(db_prepare(db,
                                "INSERT INTO pending (book_id, batch_id, part, tallies, packed, "
                                "checksum) VALUES ($1, $2, $3, $4, $5, $6)",
                                &insert, &err),
                     ERR_OK);
    db_bind_int64(insert, 1, 1);
    db_bind_blob(insert, 2, id);
    db_bind_int64(insert, 3, 0);
    db_bind_int64(insert, 4, tallies + 1);
    db_bind_blob(insert, 5, packed);
    db_bind_checksum(insert, 6);
    assert_int_equal(db_run(insert, NULL, &err), ERR_OK);
    arena_release(&arena);
}

/* A row that says how many tallies it holds, and holds others, is damaged whatever its checksum says. */
static void test_a_row_of_other_tallies(void **state)
{
    struct fixture *f = *state;
    struct fold fold = world_fold(f->book.db, "a", 1 << 20);
    struct err err = ERR_INIT;

    world_consume(&f->world, &f->book, f->book.db, WORLD_RECORDS);
    say_more_tallies(f->book.db);
    assert_int_equal(fold_acquire(&fold, &err), ERR_OK);
    assert_int_equal(fold_run(&fold, NULL, NULL, &err), ERR_MISMATCH);
    assert_non_null(strstr(err.text, "part 0: the row is damaged"));
}

/* A lease keeps others out until it ends or is given back; its holder may take it again. */
static void test_lease(void **state)
{
    struct fixture *f = *state;
    struct db *other = book_connect(&f->book);
    struct fold a = world_fold(f->book.db, "a", 10);
    struct fold b = world_fold(other, "b", 10);
    struct err err = ERR_INIT;

    assert_int_equal(fold_acquire(&a, &err), ERR_OK);
    assert_int_equal(fold_acquire(&b, &err), ERR_FENCED);
    assert_non_null(strstr(err.text, "another aggregator, a, holds the lease for 60 more"));
    assert_int_equal(fold_acquire(&a, &err), ERR_OK);
    assert_int_equal(a.lease.fence, 2);
    fold_release(&a);
    assert_int_equal(fold_acquire(&b, &err), ERR_OK);
    assert_int_equal(b.lease.fence, 3);
    f->book.clock.time_ns += 61 * NS_PER_SECOND;
    assert_int_equal(fold_acquire(&a, &err), ERR_OK);
    assert_int_equal(a.lease.fence, 4);
    /* The one that was taken over can neither fold nor give away what is not its own. */
    fold_release(&b);
    assert_int_equal(fold_run(&a, NULL, NULL, &err), ERR_OK);
    db_close(other);
}

static void count_progress(void *context, int64_t folded, int64_t total)
{
    int64_t *seen = context;

    assert_true(folded <= total);
    assert_true(folded >= seen[0]);
    seen[0] = folded;
    seen[1] = total;
}

static void test_progress(void **state)
{
    struct fixture *f = *state;
    struct fold fold = world_fold(f->book.db, "a", 7);
    struct err err = ERR_INIT;
    int64_t pending;
    int64_t seen[2] = {0, 0};

    world_consume(&f->world, &f->book, f->book.db, 50);
    pending = book_number(f->book.db, "SELECT CAST(sum(tallies) AS BIGINT) FROM pending");
    assert_int_equal(fold_acquire(&fold, &err), ERR_OK);
    assert_int_equal(fold_run(&fold, count_progress, seen, &err), ERR_OK);
    assert_int_equal(seen[0], pending);
    assert_int_equal(seen[1], pending);
    assert_int_equal(book_number(f->book.db, "SELECT count(*) FROM batch WHERE folded = 0"), 0);
}

/* However few bytes a step may take, it takes a row, and any size of steps ends in the same windows. */
static void test_steps_of_few_bytes(void **state)
{
    struct fixture *f = *state;
    struct strbuf expected;
    size_t sizes[] = {1, 3000, 20000};

    world_expected(&f->world, &expected);
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        struct fold_options options = {
            .holder = "a", .book_id = 1, .bytes_per_step = sizes[i], .rows_per_step = 1 << 20};
        struct err err = ERR_INIT;
        struct fold fold;
        struct book book;
        int64_t rows;
        bool done = false;
        int steps = 0;

        book_open(&book);
        world_consume(&f->world, &book, book.db, 17);
        rows = book_number(book.db, "SELECT count(*) FROM pending");
        options.db = book.db;
        fold_init(&fold, &options);
        assert_int_equal(fold_acquire(&fold, &err), ERR_OK);
        for (; !done; steps++) {
            assert_int_equal(fold_step(&fold, &done, &err), ERR_OK);
        }
        assert_true(i == 0 ? steps == rows : steps > 1 && steps < rows);
        world_assert_equal(&expected, book.db);
        book_close(&book);
    }
    strbuf_release(&expected);
}

static bool always(void)
{
    return true;
}

/* A signal ends a fold between two transactions: what is folded stays so, the rest is for the next run, and the lease can be given back. */
static void test_a_stop_between_steps(void **state)
{
    struct fixture *f = *state;
    struct fold_options options = {
        .db = f->book.db, .book_id = 1, .holder = "a", .rows_per_step = 1, .stopped = always};
    struct fold fold;
    struct err err = ERR_INIT;
    int64_t pending;

    world_consume(&f->world, &f->book, f->book.db, 17);
    pending = book_number(f->book.db, "SELECT count(*) FROM pending");
    fold_init(&fold, &options);
    assert_int_equal(fold_acquire(&fold, &err), ERR_OK);
    assert_int_equal(fold_run(&fold, NULL, NULL, &err), ERR_INTERRUPTED);
    assert_int_equal(book_number(f->book.db, "SELECT count(*) FROM pending"), pending - 1);
    fold_release(&fold);
    world_fold_all(f->book.db, "b", 10);
    assert_int_equal(book_number(f->book.db, "SELECT count(*) FROM pending"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_windows_hold_every_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_stop_between_steps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_steps_of_few_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rollups, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_activity_marks_other_services, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_complete_until, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damaged_rows_stop_the_fold, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_row_of_other_tallies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lease, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_progress, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
