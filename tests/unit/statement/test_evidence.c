/* Evidence packs of a small month: which files, from which rows; tests/cli/test_explain.sh looks into them. */
#include "tests/unit/statement/publish_world.h"

#include "jobs/statement/evidence.h"

static enum err_code prove(struct world *world, struct strbuf *ret_places, bool *ret_present,
                           struct err *err)
{
    const struct cause_reader books = {.db = world->book.db, .book_id = 1, .rules = rules};

    strbuf_init(ret_places, 1000);
    return evidence_publish(&world->publisher, &books, &world->config->contracts[0], 2026, 10,
                            ret_places, ret_present, err);
}

/* The names in the directory at the end of the archive, one a line. */
static void assert_names(const char *expected)
{
    const unsigned char *bytes = (const unsigned char *)pack.data;
    const unsigned char *end = bytes + pack.size - 22;
    const unsigned char *row = bytes + ((unsigned)end[16] | (unsigned)end[17] << 8 |
                                        (unsigned)end[18] << 16 | (unsigned)end[19] << 24);
    struct strbuf names;

    strbuf_init(&names, 10000);
    while (row < end) {
        size_t size = (size_t)row[28] | (size_t)row[29] << 8;

        strbuf_append(&names, str_of((const char *)row + 46, size));
        strbuf_append_char(&names, '\n');
        row += 46 + size;
    }
    assert_string_equal(strbuf_text(&names), expected);
    strbuf_release(&names);
}

#define IN "evidence-acme-2026-10-r1/"

static void test_a_pack_of_an_issued_statement(void **state)
{
    struct world world;
    struct statement_outcome outcome;
    struct credit_note *notes;
    size_t note_count;
    struct strbuf places, first;
    struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    bool present;

    (void)state;
    world_open(&world, 7);
    month_over(&world);
    assert_int_equal(publish(&world, false, &outcome, &err), ERR_OK);
    statement_outcome_release(&outcome);
    assert_int_equal(credit_note_issue(&world.publisher, STR("acme"), STR("2026-10"), &arena,
                                       &notes, &note_count, &err),
                     ERR_OK);
    assert_int_equal(prove(&world, &places, &present, &err), ERR_OK);
    assert_true(present);
    assert_string_equal(strbuf_text(&places), "acme/2026-10/evidence-r1.zip\n");
    strbuf_release(&places);
    assert_names(IN "README.txt\n" IN "SHA256SUMS\n" IN "announcements.csv\n" IN "batches.csv\n" IN
                    "coordinates.csv\n" IN "credit-note-r1.csv\n" IN "credit-note-r1.json\n" IN
                    "dead-letters.csv\n" IN "explanation.json\n" IN "explanation.txt\n" IN
                    "incidents.csv\n" IN "instances.csv\n" IN "manifest.json\n" IN
                    "reclassifications.csv\n" IN "statement-r1.csv\n" IN "statement-r1.html\n" IN
                    "statement-r1.json\n" IN "states.csv\n" IN "terms.json\n" IN "windows.csv\n");

    /* A week later, with nothing new for this month: the same bytes. */
    first = pack;
    strbuf_init(&pack, 1);
    set_clock(&world, NOVEMBER_MINUTE + 10 * 24 * 60);
    drained(&world, NOVEMBER_MINUTE + 10 * 24 * 60);
    aggregate(&world);
    assert_int_equal(prove(&world, &places, &present, &err), ERR_OK);
    assert_true(str_equal(strbuf_view(&first), strbuf_view(&pack)));
    strbuf_release(&first);
    strbuf_release(&pack);
    strbuf_release(&places);
    arena_release(&arena);
    world_close(&world);
}

static void test_nothing_to_prove(void **state)
{
    struct world world;
    struct strbuf places;
    struct err err = ERR_INIT;
    bool present = true;

    (void)state;
    world_open(&world, 1000); /* nothing is folded */
    assert_int_equal(prove(&world, &places, &present, &err), ERR_OK);
    assert_false(present);
    assert_int_equal(places.size, 0);
    assert_int_equal(world.shelf.count, 0);
    strbuf_release(&places);
    world_close(&world);
}

/* Whatever a statement rests on is held against its checksum before it is handed out. */
static void test_damaged_books_are_no_evidence(void **state)
{
    static const char *const damages[] = {
        "UPDATE terms SET text = replace(text, 'ACME', 'Acme')",
        "UPDATE statement SET document = replace(document, 'ACME', 'Acme')",
        "UPDATE window_hour SET checksum = checksum + 1 WHERE hour = (SELECT MIN(hour) FROM "
        "window_hour)",
        "DELETE FROM terms",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(damages); i++) {
        struct world world;
        struct statement_outcome outcome;
        struct strbuf places;
        struct err err = ERR_INIT;
        bool present;
        int count;

        world_open(&world, 1000);
        month_over(&world);
        assert_int_equal(publish(&world, false, &outcome, &err), ERR_OK);
        statement_outcome_release(&outcome);
        count = world.shelf.count;
        book_exec(world.book.db, damages[i]);
        assert_int_equal(prove(&world, &places, &present, &err), ERR_MISMATCH);
        assert_int_equal(world.shelf.count, count);
        strbuf_release(&pack);
        strbuf_release(&places);
        world_close(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_pack_of_an_issued_statement),
        cmocka_unit_test(test_nothing_to_prove),
        cmocka_unit_test(test_damaged_books_are_no_evidence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
