#include "aggregator/audit.h"
#include "tests/unit/aggregator/world.h"

struct heard {
    struct strbuf lines;
    bool absent_allowed;
};

static struct world world, repaired;

static int make_world(void **state)
{
    (void)state;
    world_make(&world, 5);
    repaired = world;
    world_repair(&repaired);
    return 0;
}

/* Three commits and redrives; the first two commits are folded, the rest is pending. */
static int set_up(void **state)
{
    struct book *book = calloc(1, sizeof(*book));
    struct batch *batch;
    struct err err = ERR_INIT;

    book_open(book);
    for (int turn = 0; turn < 2; turn++) {
        batch = book_batch(book, book->db);
        for (int p = 0; p < BOOK_PARTITIONS; p++) {
            world_feed(&world, book, batch, 0, p, 50);
            world_feed(&world, book, batch, 1, p, 50);
        }
        assert_int_equal(ledger_commit(&book->ledger, batch, &err), ERR_OK);
        batch_free(batch);
    }
    world_fold_all(book->db, "a", 1000);
    world_consume(&world, book, book->db, WORLD_RECORDS);
    world_redrive(&repaired, book, book->db, 20);
    *state = book;
    return 0;
}

static int tear_down(void **state)
{
    book_close(*state);
    free(*state);
    return 0;
}

static bool absent_allowed(void *context, struct str topic)
{
    (void)topic;
    return ((struct heard *)context)->absent_allowed;
}

static void hear(void *context, const char *line)
{
    struct heard *heard = context;

    strbuf_append_text(&heard->lines, line);
    strbuf_append_char(&heard->lines, '\n');
}

static enum err_code audit(struct book *book, struct heard *heard, struct audit_report *report)
{
    struct err err = ERR_INIT;
    enum err_code code;

    strbuf_init(&heard->lines, 1 << 20);
    code = audit_run(book->db, 1, absent_allowed, hear, heard, report, &err);
    if (code != ERR_OK && code != ERR_MISMATCH) {
        fail_msg("%s", err.text);
    }
    return code;
}

static void test_sound_books(void **state)
{
    struct book *book = *state;
    struct heard heard = {.absent_allowed = true};
    struct audit_report report;
    enum err_code code = audit(book, &heard, &report);

    assert_string_equal(strbuf_text(&heard.lines), "");
    assert_int_equal(code, ERR_OK);
    assert_int_equal(report.partitions, 6);
    assert_int_equal(report.ranges, 18);
    assert_int_equal(report.records, 6 * WORLD_RECORDS);
    assert_int_equal(report.findings, 0);
    assert_true(report.absent > 0);
    assert_true(report.dead_letters > 0);
    assert_true(report.redriven > 0);
    assert_int_equal(
        report.dead_letters,
        book_number(book->db, "SELECT count(*) FROM dead_letter WHERE resolved_by IS NULL"));
    strbuf_release(&heard.lines);
    world_fold_all(book->db, "a", 1000);
    assert_int_equal(audit(book, &heard, &report), ERR_OK);
    strbuf_release(&heard.lines);
}

/* Complete-until never goes back. A partition that is added later is noted for the first time by a clock that was set back meanwhile. */
static void test_partition_added_behind_a_clock_step(void **state)
{
    static const int64_t origins[BOOK_PARTITIONS + 1] = {0};
    struct book *book = *state;
    struct heard heard = {.absent_allowed = true};
    struct audit_report report;
    struct err err = ERR_INIT;

    world_note_drained(&world, book, book->db, BOOK_START_NS + NS_PER_HOUR);
    world_fold_all(book->db, "a", 1000);
    assert_int_equal(book_number(book->db, "SELECT count(*) FROM complete_until"), 2);
    assert_int_equal(
        ledger_set_origins(&book->ledger, book->requests, origins, BOOK_PARTITIONS + 1, &err),
        ERR_OK);
    assert_int_equal(
        ledger_note_drained(&book->ledger, book->requests, BOOK_PARTITIONS, 0, BOOK_START_NS, &err),
        ERR_OK);
    assert_int_equal(audit(book, &heard, &report), ERR_OK);
    strbuf_release(&heard.lines);
}

/* Gaps are findings unless the topic may have them. */
static void test_absent_offsets(void **state)
{
    struct book *book = *state;
    struct heard heard = {.absent_allowed = false};
    struct audit_report report;

    assert_int_equal(audit(book, &heard, &report), ERR_MISMATCH);
    assert_non_null(strstr(strbuf_text(&heard.lines), "neither compacted nor transactional"));
    strbuf_release(&heard.lines);
}

struct damage {
    const char *sql;
    const char *expected; /* in some finding */
};

/* Everything that a hand can do to the books in SQL. The first range of partition 0 begins at 0, the second at about 50. */
static const struct damage damages[] = {
    /* ranges */
    {"DELETE FROM batch_range WHERE stream_id = 1 AND partition_id = 0 AND from_offset = 0",
     "topic requests partition 0 offsets [0, "},
    {"DELETE FROM batch_range WHERE stream_id = 2 AND partition_id = 2 AND to_offset = (SELECT "
     "max(to_offset) FROM batch_range WHERE stream_id = 2 AND partition_id = 2)",
     "covered by no range"},
    {"UPDATE batch_range SET to_offset = to_offset + 3 WHERE stream_id = 1 AND partition_id = 1 "
     "AND from_offset = 100",
     "covered more than once"},
    {"UPDATE batch_range SET to_offset = to_offset - 1 WHERE stream_id = 1 AND partition_id = 1 "
     "AND from_offset = 100",
     "topic requests partition 1 offsets [1"},
    {"UPDATE batch_range SET from_offset = from_offset + 1, to_offset = to_offset + 1 WHERE "
     "stream_id = 1 AND partition_id = 1 AND from_offset = 100",
     "topic requests partition 1 offsets [100, 101): covered by no range"},
    {"UPDATE batch_range SET to_offset = from_offset WHERE stream_id = 1 AND from_offset = 0",
     "the range covers nothing"},
    {"UPDATE batch_range SET tallied = tallied + 1 WHERE stream_id = 1 AND from_offset = 0",
     "make another sum"},
    {"UPDATE batch_range SET delivered = delivered - 1 WHERE stream_id = 1 AND from_offset = 0",
     "do not make the offsets that it covers"},
    {"UPDATE batch_range SET tallied = tallied + 1, excluded = excluded - 1 WHERE stream_id = 1 "
     "AND "
     "from_offset = 0",
     "excluded records, their reasons add up to"},
    {"UPDATE batch_range SET tallied = tallied - 1, duplicate = duplicate + 1 WHERE stream_id = 2 "
     "AND from_offset = 0",
     "duplicates, the store holds 0"},
    {"UPDATE batch_range SET tallied = -9223372036854775807, excluded = 9223372036854775807 WHERE "
     "from_offset = 0",
     "a count is negative"},
    {"UPDATE batch_range SET kind = 'lost' WHERE stream_id = 1 AND from_offset = 0",
     "the row of the range was changed"},
    {"UPDATE batch_range SET kind = 'x' WHERE stream_id = 1 AND from_offset = 0", "unknown kind"},
    {"UPDATE batch_range SET config_digest = 'x' WHERE stream_id = 1 AND from_offset = 0",
     "topic requests partition 0 offsets [0, "},
    {"UPDATE batch_range SET first_time_ns = NULL WHERE stream_id = 1 AND from_offset = 0",
     "the row of the range was changed"},
    {"UPDATE batch SET book_id = 2", "its batch is not in this book"},
    {"UPDATE partition_offset SET next_offset = next_offset + 1 WHERE stream_id = 1 AND "
     "partition_id = 2",
     "topic requests partition 2 offsets ["},
    {"UPDATE partition_offset SET next_offset = next_offset - 1 WHERE stream_id = 1 AND "
     "partition_id = 2",
     "covered, but the position is"},
    {"UPDATE partition_offset SET origin = origin - 1 WHERE stream_id = 1 AND partition_id = 1",
     "topic requests partition 1 offsets [99, 100): covered by no range"},
    {"UPDATE partition_offset SET origin = origin + 1 WHERE stream_id = 1 AND partition_id = 1",
     "before the origin"},
    {"DELETE FROM partition_offset WHERE stream_id = 1 AND partition_id = 1",
     "a range of a partition that the ledger does not have"},
    /* what explains the counts */
    {"DELETE FROM dead_letter WHERE stream_id = 1 AND partition_id = 0",
     "dead letters, the store holds"},
    {"UPDATE dead_letter SET record_offset = record_offset + 100000 WHERE stream_id = 1",
     "outside of the ranges of their batches"},
    {"UPDATE dead_letter SET bytes = x'00' WHERE stream_id = 1", "dead_letter 1 0 "},
    {"UPDATE dead_letter SET schema_header = x'00' WHERE stream_id = 1", "dead_letter 1 0 "},
    {"UPDATE dead_letter SET reason = 'bad_name' WHERE reason = 'malformed'",
     "the row was changed (checksum)"},
    {"UPDATE exclusion SET records = records + 1 WHERE stream_id = 2", "their reasons add up to"},
    {"UPDATE exclusion SET reason = 'rule:other' WHERE reason = 'rule:healthz'",
     "rule:other: the row was changed (checksum)"},
    {"DELETE FROM exclusion", "their reasons add up to 0"},
    {"INSERT INTO duplicate VALUES (1, 1, 0, 1, (SELECT batch_id FROM batch_range WHERE stream_id "
     "= "
     "1 AND from_offset = 0), 1)",
     "counts 0 duplicates, the store holds 1"},
    {"INSERT INTO duplicate VALUES (1, 1, 0, 1, x'00', 1)",
     "duplicate 1 0 1: the row was changed (checksum)"},
    {"INSERT INTO duplicate VALUES (1, 1, 0, 1, x'00', 1)",
     "1 duplicates stand outside of the ranges of their batches"},
    {"INSERT INTO duplicate VALUES (1, 9, 0, 1, x'00', 1)",
     "a duplicate of a partition that the ledger does not have"},
    {"INSERT INTO event_id VALUES (1, x'00', 'edge', 5, 0)",
     "event_group edge: counts 0 event ids, the store holds 1"},
    {"INSERT INTO event_group VALUES (1, 'edge', 2)",
     "event_group edge: counts 2 event ids, the store holds 0"},
    /* redrives */
    {"DELETE FROM moved WHERE stream_id = 1", "dead letters count as redriven, the moved counts"},
    {"DELETE FROM moved WHERE stream_id = 1", "requests: the ledger counts"},
    {"UPDATE moved SET tallied = tallied + 1 WHERE stream_id = 1", "make another sum"},
    {"UPDATE moved SET tallied = tallied + 1, letters = letters + 1 WHERE stream_id = 2",
     "that it resolved"},
    {"UPDATE moved SET tallied = tallied - 1, excluded = excluded + 1 WHERE stream_id = 2",
     "a redrive counts"},
    {"UPDATE moved SET tallied = tallied - 1, duplicate = duplicate + 1 WHERE tallied > 0",
     "duplicates, the store holds 0"},
    {"UPDATE moved SET config_digest = 'x'", "the row of moved counts was changed (checksum)"},
    {"UPDATE moved SET from_offset = from_offset + 1 WHERE stream_id = 1",
     "moved counts of a range that is not there"},
    {"UPDATE moved SET book_id = 2", "dead letters count as redriven"},
    {"UPDATE moved SET partition_id = 9 WHERE stream_id = 1 AND partition_id = 1",
     "moved counts of a partition that the ledger does not have"},
    {"UPDATE dead_letter SET resolved_by = NULL WHERE stream_id = 1", "that it resolved"},
    {"UPDATE dead_letter SET resolved_by = NULL WHERE stream_id = 1",
     "the row was changed (checksum)"},
    {"UPDATE dead_letter SET resolved_by = x'00' WHERE stream_id = 1 AND resolved_by IS NULL",
     "dead letters count as redriven"},
    {"UPDATE dead_letter SET content = 'expired' WHERE stream_id = 1",
     "the row was changed (checksum)"},
    /* windows and pending rows */
    {"DELETE FROM window_hour WHERE kind = 'window' AND a = 'zeta'", "requests: the ledger counts"},
    {"DELETE FROM window_hour WHERE kind = 'check' AND a = 'zeta'", "checks: the ledger counts"},
    {"DELETE FROM pending WHERE part = 0", "requests: the ledger counts"},
    {"UPDATE window_hour SET tally = substr(tally, 1, 9) || x'05' || substr(tally, 11) WHERE kind "
     "= "
     "'window' AND a = 'zeta'",
     "window_hour window zeta"},
    {"UPDATE window_hour SET hour = hour + 1000 WHERE kind = 'window' AND a = 'shop'",
     "the row was changed (checksum)"},
    {"UPDATE window_hour SET hour = 9223372036854775807 WHERE kind = 'check' AND hour = (SELECT "
     "min(hour) FROM window_hour WHERE kind = 'check')",
     "holds results of another minute"},
    {"UPDATE window_hour SET a = a || char(10) WHERE a = 'shop'", "shop?"},
    {"UPDATE pending SET packed = x'01'", "part 1: damaged near byte 1 of 1"},
    {"UPDATE pending SET packed = packed || x'00' WHERE part = 1", "part 1: damaged near byte"},
    {"UPDATE pending SET packed = substr(packed, 1, length(packed) - 1) || x'ff' WHERE part = 0",
     "part 0 window basket hour 2026-10-01T"},
    {"UPDATE pending SET packed = substr(packed, 1, length(packed) - 1) || x'ff' WHERE part = 0",
     "packed window: damaged near byte"},
    {"UPDATE pending SET packed = replace(packed, 'basket', 'zetata') WHERE part = 0",
     "part 0: the row was changed (checksum)"},
    {"UPDATE pending SET part = part + 1000", "part 1000: the row was changed (checksum)"},
    {"UPDATE pending SET tallies = tallies + 1 WHERE part = 2",
     "part 2: holds another number of tallies than it says"},
    /* a window whose first byte says that particulars follow, and none do */
    {"UPDATE window_hour SET tally = x'04' || substr(tally, 2) WHERE kind = 'window' AND a = "
     "'zeta'",
     "packed window: damaged near byte"},
    {"UPDATE window_hour SET kind = 'other' WHERE kind = 'window'", "unknown kind"},
    {"UPDATE batch SET folded = 1", "its batch counts as folded"},
    {"UPDATE rollup_hour SET errors = errors + 1 WHERE service = 'shop'", "rollup_hour shop / "},
    {"DELETE FROM rollup_hour WHERE service = 'shop'", "differs from its window"},
    {"UPDATE rollup_day SET total = total - 1 WHERE service = 'shop'", "rollup_day differs"},
    {"UPDATE rollup_hour SET hour = hour + 100000 WHERE service = 'shop'",
     "rollup_hour without a window"},
    {"UPDATE service SET first_minute = first_minute + 1 WHERE service = 'shop'",
     "service shop: differs from what its windows show"},
    {"UPDATE service SET has_checks = 0 WHERE service = 'zeta'", "service zeta"},
    {"DELETE FROM service WHERE service = 'zeta'", "1 of 4 services that have windows are missing"},
    {"DELETE FROM rollup_day WHERE service = 'shop'", "rollup_day is missing"},
    {"UPDATE rollup_hour SET slow = x'' WHERE slow = 0",
     "table rollup_hour holds a value of another type"},
    {"UPDATE service SET first_minute = CAST(first_minute AS REAL) + 0.5",
     "table service holds a value of another type"},
    {"UPDATE batch_range SET kind = CAST(kind AS BLOB)",
     "table batch_range holds a value of another type"},
    /* streams, completeness, the work list */
    {"UPDATE stream SET cluster_name = 'other' WHERE topic = 'requests'",
     "stream requests 1: the row was changed (checksum)"},
    {"UPDATE stream SET kind = 'request' WHERE topic = 'requests'",
     "neither of requests nor of checks: topic requests 1"},
    {"UPDATE stream SET closed_ns = 0 WHERE topic = 'checks'",
     "stream checks 1: the row was changed (checksum)"},
    {"UPDATE batch SET committed_ns = committed_ns + 1", "the row was changed (checksum)"},
    {"UPDATE partition_offset SET drained_ns = 5 WHERE stream_id = 2 AND partition_id = 1",
     "partition_offset (completeness) 2 1: the row was changed (checksum)"},
    {"UPDATE partition_offset SET guard_time_ns = guard_time_ns + 1 WHERE stream_id = 1 AND "
     "partition_id = 2",
     "its guard is not the last record read: stream, partition 1 2"},
    {"UPDATE partition_offset SET guard_offset = next_offset WHERE stream_id = 1 AND "
     "partition_id = 2",
     "its guard is not the last record read: stream, partition 1 2"},
    {"INSERT INTO complete_until VALUES (1, 1, 5, 1)",
     "complete_until 1: the row was changed (checksum)"},
    {"UPDATE partition_offset SET drained_ns = 5; INSERT INTO complete_until VALUES (1, 1, 6, 1)",
     "later than any partition of its stream was drained: stream 1 6"},
    {"INSERT INTO regrade VALUES (1, 'nobody', 5)",
     "regrade: the book has no such service or hour"},
    {"DELETE FROM regrade; INSERT INTO grade_hour SELECT 1, service, first_minute / 60 + 1, x'00', "
     "0, x'', 1 FROM service WHERE service = 'shop'",
     "hours without grades, and none marked in regrade"},
    {"INSERT INTO grade_hour VALUES (1, 'nobody', 5, x'00', 0, x'', 1)",
     "grade_hour: the book has no such service"},
    {"INSERT INTO incident VALUES (1, 'shop', 5, 6, 3, 'P1', 1, 2, 1)",
     "incident shop 5: the row was changed (checksum)"},
    /* everything else with a checksum */
    {"INSERT INTO grade_hour VALUES (1, 'shop', 5, x'00', 0, x'', 1)", "grade_hour shop 5"},
    {"INSERT INTO announcement VALUES (3, 'shop', 1, 2, 3, 'a', 'r', NULL, 1)",
     "announcement 3 shop"},
    {"INSERT INTO terms VALUES ('acme', 'digest', 'text', 1, 1)",
     "terms acme digest: the content is not what its SHA-256 says"},
    {"INSERT INTO statement VALUES ('acme', '2026-10', 1, 1, 'x', '{}', '{}', 1)",
     "statement acme 2026-10 1"},
    {"INSERT INTO credit_note VALUES ('id', 'acme', '2026-10', 1, 'EUR', 1, 1, 1, 1)",
     "credit_note id"},
};

static void test_every_damage_is_named(void **state)
{
    struct book *book = *state;

    book_exec(book->db, "PRAGMA foreign_keys = OFF");
    for (size_t i = 0; i < ARRAY_COUNT(damages); i++) {
        struct heard heard = {.absent_allowed = true};
        struct audit_report report;

        book_exec(book->db, "PRAGMA wal_checkpoint(TRUNCATE)");
        {
            /* Each damage on a copy of the file, beside the sound one. */
            struct book copy = *book;
            char command[1100];

            snprintf(copy.path, sizeof(copy.path), "%s", temporary_file(&copy.folder, "copy.db"));
            (void)unlink(copy.path);
            snprintf(command, sizeof(command), "cp '%s' '%s'", book->path, copy.path);
            assert_int_equal(system(command), 0);
            copy.db = book_connect(&copy);
            book_exec(copy.db, "PRAGMA foreign_keys = OFF");
            book_exec(copy.db, damages[i].sql);
            if (audit(&copy, &heard, &report) != ERR_MISMATCH ||
                strstr(strbuf_text(&heard.lines), damages[i].expected) == NULL) {
                fail_msg("%s\nwas to give: %s\nbut gave:\n%.1000s", damages[i].sql,
                         damages[i].expected, strbuf_text(&heard.lines));
            }
            assert_true(report.findings > 0);
            strbuf_release(&heard.lines);
            db_close(copy.db);
        }
    }
}

/* Whether the audit passes; then the books must be the sound ones. */
static bool reads_the_same(struct book *book, struct strbuf *sound)
{
    struct db_options options = {.path = book->path, .read_only = true};
    struct heard heard = {.absent_allowed = true};
    struct audit_report report;
    struct err err = ERR_INIT;
    struct db *db = NULL;
    enum err_code code = db_open(&options, &db, &err);

    strbuf_init(&heard.lines, 1 << 20);
    if (code == ERR_OK) {
        code = store_check_version(db, &err);
    }
    if (code == ERR_OK) {
        code = audit_run(db, 1, absent_allowed, hear, &heard, &report, &err);
    }
    if (code == ERR_OK) {
        struct strbuf dump;

        world_dump(db, &dump);
        if (strstr(strbuf_text(&dump), "error:") != NULL) {
            code = ERR_STORE; /* the store notices what the audit does not read */
        } else if (!str_equal(strbuf_view(&dump), strbuf_view(sound))) {
            world_show_difference(strbuf_text(&dump), strbuf_text(sound));
        }
        strbuf_release(&dump);
    }
    db_close(db);
    strbuf_release(&heard.lines);
    return code == ERR_OK;
}

/* A byte of the file is flipped: the store or the audit says so, or the books still read the same. Never a wrong figure in
 * silence, and never a crash. */
static void test_flipped_bytes(void **state)
{
    struct book *book = *state;
    struct strbuf sound;
    struct random random;
    uint64_t seed = 4;
    long size;
    FILE *file;
    int noticed = 0;

    print_message("seed %" PRIu64 "\n", seed);
    random_init_seed(&random, seed);
    world_fold_all(book->db, "a", 1000);
    /* What is left to be graded is a list of work, not a figure. */
    book_exec(book->db, "DELETE FROM regrade; VACUUM");
    world_dump(book->db, &sound);
    db_close(book->db);
    book->db = NULL;
    file = fopen(book->path, "r+");
    (void)fseek(file, 0, SEEK_END);
    size = ftell(file);
    for (int i = 0; i < 300; i++) {
        long at = 100 + (long)random_below(&random, (uint64_t)size - 100);
        int old;

        (void)fseek(file, at, SEEK_SET);
        old = fgetc(file);
        (void)fseek(file, at, SEEK_SET);
        (void)fputc(old ^ (1 << random_below(&random, 8)), file);
        (void)fflush(file);
        noticed += !reads_the_same(book, &sound);
        (void)fseek(file, at, SEEK_SET);
        (void)fputc(old, file);
        (void)fflush(file);
    }
    (void)fclose(file);
    print_message("%d of 300 flips were noticed\n", noticed);
    assert_in_range(noticed, 30, 300);
    strbuf_release(&sound);
}

/* All findings are counted, a hundred are shown. */
static void test_many_findings(void **state)
{
    struct book *book = *state;
    struct heard heard = {.absent_allowed = true};
    struct audit_report report;
    int lines = 0;

    book_exec(book->db, "UPDATE window_hour SET checksum = 0; UPDATE pending SET checksum = 0");
    assert_int_equal(audit(book, &heard, &report), ERR_MISMATCH);
    assert_true(report.findings > 100);
    for (const char *c = strbuf_text(&heard.lines); *c != '\0'; c++) {
        lines += *c == '\n';
    }
    assert_int_equal(lines, 100);
    strbuf_release(&heard.lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sound_books, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_partition_added_behind_a_clock_step, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_absent_offsets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_findings, set_up, tear_down),
    };
    const struct CMUnitTest file_tests[] = {
        cmocka_unit_test_setup_teardown(test_every_damage_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_flipped_bytes, set_up, tear_down),
    };
    int failed = cmocka_run_group_tests(tests, make_world, NULL);

    return store_place_on_server() ? failed
                                   : failed + cmocka_run_group_tests(file_tests, make_world, NULL);
}
