#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregator/incident.h"
#include "aggregator/tally.h"
#include "tests/unit/aggregator/book.h"

enum { HOUR = 490000, START = HOUR * 60 };

static const struct str service = {"portal", 6};

static int set_up(void **state)
{
    struct book *book = calloc(1, sizeof(*book));

    assert_non_null(book);
    book_open(book);
    *state = book;
    return 0;
}

static int tear_down(void **state)
{
    struct book *book = *state;

    book_close(book);
    free(book);
    return 0;
}

/* symbols: from START on, one a minute; the rest of the last hour is a gap. */
static void write_grades(struct book *book, const char *symbols)
{
    size_t length = strlen(symbols);
    struct err err = ERR_INIT;

    for (size_t first = 0; first < length; first += TALLY_MINUTES) {
        char grades[TALLY_MINUTES];
        char runs[2 * TALLY_MINUTES] = {0};
        size_t size = 0;
        struct db_stmt *stmt;

        memset(grades, GRADE_PIPELINE_GAP, sizeof(grades));
        for (size_t i = first; i < length && i < first + TALLY_MINUTES; i++) {
            for (int g = 0; g < GRADE_COUNT; g++) {
                if (grade_row((enum grade)g)->symbol[0] == symbols[i]) {
                    grades[i - first] = (char)g;
                }
            }
        }
        for (int i = 0; i < TALLY_MINUTES; i++) {
            if (i == 0 || grades[i] != grades[i - 1]) {
                size += 2;
                runs[size - 2] = grades[i];
            }
            runs[size - 1]++;
        }
        assert_int_equal(db_prepare(book->db,
                                    "INSERT INTO grade_hour VALUES ($1, $2, $3, $4, $5, $6, $7)"
                                    " ON CONFLICT (book_id, service, hour)"
                                    " DO UPDATE SET grades = excluded.grades,"
                                    " checksum = excluded.checksum",
                                    &stmt, &err),
                         ERR_OK);
        db_bind_int64(stmt, 1, 1);
        db_bind_text(stmt, 2, service);
        db_bind_int64(stmt, 3, HOUR + (int64_t)first / TALLY_MINUTES);
        db_bind_blob(stmt, 4, str_of(runs, size));
        db_bind_int64(stmt, 5, 0);
        db_bind_blob(stmt, 6, STR("x"));
        db_bind_checksum(stmt, 7);
        assert_int_equal(db_run(stmt, NULL, &err), ERR_OK);
    }
}

/* "3-7 P1 @1000 ~2000" per incident: minutes from START, level, detected, closed. */
static const char *incidents_of(struct book *book)
{
    static char text[1024];
    struct err err = ERR_INIT;
    struct db_stmt *stmt;
    size_t size = 0;
    bool row;

    text[0] = '\0';
    assert_int_equal(db_prepare(book->db,
                                "SELECT first_minute, end_minute, level, detected_ns, closed_ns"
                                " FROM incident ORDER BY first_minute",
                                &stmt, &err),
                     ERR_OK);
    while (db_step(stmt, &row, &err) == ERR_OK && row) {
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%s%d-", size > 0 ? ", " : "",
                                 (int)(db_column_int64(stmt, 0) - START));
        if (!db_column_null(stmt, 1)) {
            size += (size_t)snprintf(text + size, sizeof(text) - size, "%d",
                                     (int)(db_column_int64(stmt, 1) - START));
        }
        size += (size_t)snprintf(text + size, sizeof(text) - size, " %.*s @%d",
                                 STR_ARGS(db_column_text(stmt, 2)), (int)db_column_int64(stmt, 3));
        if (!db_column_null(stmt, 4)) {
            size += (size_t)snprintf(text + size, sizeof(text) - size, " ~%d",
                                     (int)db_column_int64(stmt, 4));
        }
    }
    db_reset(stmt);
    return text;
}

/* Minutes [from, to) of symbols are new, at time now. */
static void graded(struct book *book, const char *symbols, int from, int to, int64_t now_ns)
{
    struct err err = ERR_INIT;

    write_grades(book, symbols);
    book->clock.time_ns = now_ns;
    assert_int_equal(incidents_rewrite(book->db, 1, service, START + from, START + to,
                                       START + (int64_t)strlen(symbols), &err),
                     ERR_OK);
}

static void test_opens_extends_and_closes(void **state)
{
    struct book *book = *state;

    graded(book, "..d", 0, 3, 1000);
    assert_string_equal(incidents_of(book), "2- P3 @1000");
    graded(book, "..dpM", 3, 5, 2000);
    assert_string_equal(incidents_of(book), "2- P1 @1000");
    graded(book, "..dpMd.", 5, 7, 3000);
    assert_string_equal(incidents_of(book), "2-6 P1 @1000 ~3000");
    graded(book, "..dpMd..pp..", 7, 12, 4000);
    assert_string_equal(incidents_of(book), "2-6 P1 @1000 ~3000, 8-10 P2 @4000 ~4000");
}

static void test_unknown_time_ends_one(void **state)
{
    struct book *book = *state;

    graded(book, "MM-M?M!M M", 0, 10, 1000);
    assert_string_equal(incidents_of(book),
                        "0-2 P1 @1000 ~1000, 3-4 P1 @1000 ~1000, 5-6 P1 @1000 ~1000,"
                        " 7-8 P1 @1000 ~1000, 9- P1 @1000");
}

static void test_regrade_joins_splits_and_removes(void **state)
{
    struct book *book = *state;

    graded(book, ".pp.pp..pp.", 0, 11, 1000);
    assert_string_equal(incidents_of(book), "1-3 P2 @1000 ~1000, 4-6 P2 @1000 ~1000,"
                                            " 8-10 P2 @1000 ~1000");
    /* A late failure at minute 3 joins the first two; the third is none of its business. */
    graded(book, ".ppdpp..pp.", 3, 4, 2000);
    assert_string_equal(incidents_of(book), "1-6 P2 @1000 ~1000, 8-10 P2 @1000 ~1000");
    /* Late good requests: split again, and one is gone. */
    graded(book, ".p..pp.....", 2, 10, 3000);
    assert_string_equal(incidents_of(book), "1-2 P2 @1000 ~1000, 4-6 P2 @3000 ~3000");
    /* The first minute moves: another incident. */
    graded(book, ".p...p.....", 4, 5, 4000);
    assert_string_equal(incidents_of(book), "1-2 P2 @1000 ~1000, 5-6 P2 @4000 ~4000");
}

static void test_reopened(void **state)
{
    struct book *book = *state;

    graded(book, ".M.", 0, 3, 1000);
    assert_string_equal(incidents_of(book), "1-2 P1 @1000 ~1000");
    graded(book, ".MM", 2, 3, 2000);
    assert_string_equal(incidents_of(book), "1- P1 @1000");
}

/* Across hours, and a hole in which nothing was graded yet. */
static void test_hours(void **state)
{
    struct book *book = *state;
    struct err err = ERR_INIT;
    char symbols[181];

    memset(symbols, '.', 180);
    symbols[180] = '\0';
    memset(symbols + 55, 'M', 70);
    graded(book, symbols, 0, 180, 1000);
    assert_string_equal(incidents_of(book), "55-125 P1 @1000 ~1000");
    assert_int_equal(
        db_exec(book->db, "DELETE FROM grade_hour WHERE hour = 490001; DELETE FROM incident", &err),
        ERR_OK);
    assert_int_equal(incidents_rewrite(book->db, 1, service, START, START + 60, START + 180, &err),
                     ERR_OK);
    assert_int_equal(
        incidents_rewrite(book->db, 1, service, START + 120, START + 180, START + 180, &err),
        ERR_OK);
    assert_string_equal(incidents_of(book), "55-60 P1 @1000 ~1000, 120-125 P1 @1000 ~1000");
    graded(book, symbols, 60, 120, 2000);
    assert_string_equal(incidents_of(book), "55-125 P1 @1000 ~1000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_opens_extends_and_closes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unknown_time_ends_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_regrade_joins_splits_and_removes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reopened, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hours, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
