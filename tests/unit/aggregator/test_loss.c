/* Losses that an operator accepts: once, whatever happens meanwhile, and seen by grading and audit. */
#include <string.h>
#include <sys/wait.h>

#include "aggregator/audit.h"
#include "aggregator/grading.h"
#include "aggregator/windows.h"
#include "tests/unit/aggregator/book.h"

enum { FROM = 20, TO = 50, FROM_MINUTE = 10, TO_MINUTE = 80 };

static int set_up(void **state)
{
    struct book *book = calloc(1, sizeof(*book));

    book_open(book);
    *state = book;
    return 0;
}

static int tear_down(void **state)
{
    book_close(*state);
    free(*state);
    return 0;
}

static void must(enum err_code code, const struct err *err)
{
    if (code != ERR_OK) {
        fail_msg("%s", err->text);
    }
}

/* Twenty requests at minute 0 of partition 0, so that the ledger stands at FROM and has a guard. */
static void read_some(struct book *book)
{
    struct batch *batch = book_batch(book, book->db);
    struct err err = ERR_INIT;

    for (int i = 0; i < FROM; i++) {
        book_request(book, batch, 0, "shop", 0, false);
    }
    must(ledger_commit(&book->ledger, batch, &err), &err);
    batch_free(batch);
}

/* A batch that loses [FROM, TO) of partition 0 and the minutes from FROM_MINUTE to TO_MINUTE. */
static struct batch *losing_batch(struct book *book)
{
    struct batch *batch = batch_new(0);

    batch_begin_partition(batch, book->requests, STR("requests"), STR(""), 0, FROM);
    batch_lose(batch, book->requests, 0, TO, BOOK_START_NS + FROM_MINUTE * NS_PER_MINUTE + 1,
               BOOK_START_NS + TO_MINUTE * NS_PER_MINUTE);
    return batch;
}

static enum err_code accept_once(struct book *book, struct db *db, struct err *err)
{
    struct ledger ledger = book_ledger(book, db);
    struct batch *batch = losing_batch(book);
    enum err_code code = ledger_commit(&ledger, batch, err);

    batch_free(batch);
    return code;
}

static bool nothing_absent(void *context, struct str topic)
{
    (void)context, (void)topic;
    return false;
}

static void hear(void *context, const char *line)
{
    strncat(context, line, 999 - strlen(context));
}

/* The findings of an audit of topics that must have no gaps. */
static enum err_code audit(struct book *book, char findings[1000], struct audit_report *report)
{
    struct err err = ERR_INIT;
    enum err_code code;

    findings[0] = '\0';
    code = audit_run(book->db, 1, nothing_absent, hear, findings, report, &err);
    if (code != ERR_OK && code != ERR_MISMATCH) {
        fail_msg("%s", err.text);
    }
    return code;
}

static void assert_sound(struct book *book, int64_t lost)
{
    struct audit_report report;
    char findings[1000];

    (void)audit(book, findings, &report);
    assert_string_equal(findings, "");
    assert_int_equal(report.lost, lost);
    assert_int_equal(report.absent, 0);
}

static void assert_accepted(struct book *book)
{
    assert_int_equal(book_number(book->db,
                                 "SELECT count(*) FROM batch_range WHERE kind = 'lost' AND "
                                 "from_offset = 20 AND to_offset = 50 AND absent = 30 "
                                 "AND delivered = 0 AND config_digest = ''"),
                     1);
    assert_int_equal(book_number(book->db, "SELECT next_offset FROM partition_offset WHERE "
                                           "stream_id = 1 AND partition_id = 0"),
                     TO);
    assert_sound(book, TO - FROM);
}

static void test_a_loss_is_a_range_of_its_own(void **state)
{
    struct book *book = *state;
    struct err err = ERR_INIT;
    bool proven;

    read_some(book);
    must(ledger_park(&book->ledger, book->requests, 0, FROM, STR("expired"), &err), &err);
    must(accept_once(book, book->db, &err), &err);
    assert_accepted(book);
    assert_int_equal(book_number(book->db, "SELECT count(*) FROM partition_offset WHERE parked IS "
                                           "NOT NULL OR (partition_id = 0 AND stream_id = 1 AND "
                                           "guard_offset IS NOT NULL)"),
                     0);
    must(ledger_proven(&book->ledger, book->requests, STR(""), &proven, &err), &err);
    assert_int_equal(book_number(book->db, "SELECT count(*) FROM batch_range WHERE "
                                           "config_digest = 'digest-1'"),
                     1);
    read_some(book); /* and the ledger goes on behind it */
    assert_sound(book, TO - FROM);
}

/* A parked note belongs to the position it was made at. */
static void test_parking(void **state)
{
    struct book *book = *state;
    struct ledger_partition *partitions;
    struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    size_t count;

    read_some(book);
    must(ledger_park(&book->ledger, book->requests, 0, FROM, STR("expired"), &err), &err);
    must(ledger_park(&book->ledger, book->requests, 1, 7, STR("stale"), &err), &err);
    must(ledger_partitions(&book->ledger, book->requests, &arena, &partitions, &count, &err), &err);
    assert_true(str_equal(partitions[0].parked, STR("expired")));
    assert_int_equal(partitions[1].parked.size, 0);
    must(ledger_park(&book->ledger, book->requests, 0, FROM, STR(""), &err), &err);
    must(ledger_park(&book->ledger, book->requests, 2, 5, STR("expired"), &err), &err);
    {
        struct batch *batch = book_batch(book, book->db);

        book_request(book, batch, 2, "shop", 1, false);
        must(ledger_commit(&book->ledger, batch, &err), &err);
        batch_free(batch);
    }
    assert_int_equal(
        book_number(book->db, "SELECT count(*) FROM partition_offset WHERE parked IS NOT NULL"), 0);
    arena_release(&arena);
}

static void test_two_accept_at_once(void **state)
{
    struct book *book = *state;
    struct db *other = book_connect(book);
    struct err err = ERR_INIT;

    read_some(book);
    must(accept_once(book, other, &err), &err);
    assert_int_equal(accept_once(book, book->db, &err), ERR_FENCED);
    assert_false(err.retriable);
    assert_accepted(book);
    db_close(other);
}

static const char *failing;

static bool fail_there(const char *name, void *context)
{
    (void)context;
    if (failing != NULL && strcmp(name, failing) == 0) {
        failing = NULL;
        return true;
    }
    return false;
}

static const char *const places[] = {
    "ledger.commit.begin", "ledger.commit.offsets", "ledger.commit.ranges", "ledger.loss.marked",
    "ledger.commit.rows",  "ledger.commit.before",  "ledger.commit.after"};

/* The same batch is tried again after an error, as a run does. */
static void test_errors_at_every_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        struct book book;
        struct batch *batch;
        struct err err = ERR_INIT;

        book_open(&book);
        read_some(&book);
        batch = losing_batch(&book);
        failing = places[i];
        fault_set_hook(fail_there, NULL);
        if (ledger_commit(&book.ledger, batch, &err) != ERR_OK) {
            assert_true(err.retriable);
            must(ledger_commit(&book.ledger, batch, &err), &err);
        }
        assert_null(failing);
        batch_free(batch);
        assert_accepted(&book);
        book_close(&book);
    }
}

static void test_kills_at_every_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        struct book book;
        struct err err = ERR_INIT;
        enum err_code code;
        int status;
        pid_t pid;

        book_open(&book);
        read_some(&book);
        db_close(book.db);
        pid = fork();
        if (pid == 0) {
            char plan[80];

            snprintf(plan, sizeof(plan), "%s:1:kill", places[i]);
            setenv("UPTALLY_FAULT", plan, 1);
            (void)accept_once(&book, book_connect(&book), &err);
            _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        book.db = book_connect(&book);
        book.ledger = book_ledger(&book, book.db);
        code = accept_once(&book, book.db, &err); /* by another batch: the id died with the run */
        assert_int_equal(code, strcmp(places[i], "ledger.commit.after") == 0 ? ERR_FENCED : ERR_OK);
        assert_accepted(&book);
        book_close(&book);
    }
}

/* --- grading --- */

static const struct grading_rules *rules_of(void *context, struct str service)
{
    static const struct grading_rules rules = GRADING_RULES_DEFAULT;

    (void)context, (void)service;
    return &rules;
}

static void fold_and_grade(struct book *book)
{
    struct fold_options options = {.db = book->db,
                                   .book_id = 1,
                                   .holder = "test",
                                   .lease_ns = 60 * NS_PER_SECOND,
                                   .rows_per_step = 1000};
    struct grading_options grading = {.db = book->db,
                                      .book_id = 1,
                                      .until_ns = BOOK_START_NS + 180 * NS_PER_MINUTE,
                                      .rules = rules_of};
    struct fold fold;
    struct err err = ERR_INIT;

    fold_init(&fold, &options);
    must(fold_acquire(&fold, &err), &err);
    must(fold_run(&fold, NULL, NULL, &err), &err);
    must(grading_run(&fold, &grading, &err), &err);
    fold_release(&fold);
}

static void read_minutes(struct book *book, const char *service, struct arena *arena,
                         struct minute **ret_minutes)
{
    int64_t from = BOOK_START_NS / NS_PER_MINUTE;
    struct err err = ERR_INIT;

    must(windows_minutes(book->db, 1, STR(service), from, from + 180, arena, ret_minutes, &err),
         &err);
}

/* `busy` has a request in every minute on partition 1, `quiet` had one at minute 0; so its silence is no traffic, until records of the topic
 * turn out to be lost. */
static void test_grades_of_lost_time(void **state)
{
    struct book *book = *state;
    struct batch *batch = book_batch(book, book->db);
    struct arena arena = ARENA_INIT;
    struct minute *busy, *quiet;
    struct err err = ERR_INIT;

    for (int minute = 0; minute < 180; minute++) {
        book_request(book, batch, 1, "busy", minute, false);
    }
    for (int i = 0; i < FROM; i++) {
        book_request(book, batch, 0, "quiet", 0, false);
    }
    must(ledger_commit(&book->ledger, batch, &err), &err);
    batch_free(batch);
    fold_and_grade(book);
    read_minutes(book, "quiet", &arena, &quiet);
    assert_int_equal(quiet[FROM_MINUTE].grade, GRADE_NO_TRAFFIC);
    must(accept_once(book, book->db, &err), &err);
    /* Hours 0 and 1 of both services, not hour 2. */
    assert_int_equal(book_number(book->db, "SELECT count(*) FROM regrade"), 4);
    fold_and_grade(book);
    read_minutes(book, "quiet", &arena, &quiet);
    read_minutes(book, "busy", &arena, &busy);
    for (int m = 1; m < 180; m++) {
        bool lost = m >= FROM_MINUTE && m <= TO_MINUTE;

        assert_int_equal(quiet[m].grade, lost ? GRADE_PIPELINE_GAP : GRADE_NO_TRAFFIC);
        assert_int_equal(busy[m].grade, GRADE_OPERATIONAL);
        assert_int_equal(quiet[m].incomplete, lost);
        assert_int_equal(busy[m].incomplete, lost);
    }
    assert_int_equal(book_number(book->db, "SELECT count(*) FROM regrade"), 0);
    assert_sound(book, TO - FROM);
    arena_release(&arena);
}

/* --- damage --- */

static void test_damage_is_found(void **state)
{
    static const struct {
        const char *sql, *expected;
    } damages[] = {
        {"UPDATE batch_range SET first_time_ns = NULL WHERE kind = 'lost'",
         "without the span of time"},
        {"UPDATE batch_range SET first_time_ns = last_time_ns + 1 WHERE kind = 'lost'",
         "without the span of time"},
        {"UPDATE batch_range SET delivered = 30, tallied = 30, absent = 0 WHERE kind = 'lost'",
         "records of it count as delivered"},
        {"UPDATE batch_range SET absent = 29 WHERE kind = 'lost'", "do not make the offsets"},
        {"UPDATE batch_range SET last_time_ns = last_time_ns + 60000000000 WHERE kind = 'lost'",
         "checksum"},
        {"DELETE FROM batch_range WHERE kind = 'lost'", "covered by no range"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(damages); i++) {
        struct audit_report report;
        struct book book;
        struct err err = ERR_INIT;
        char findings[1000];

        book_open(&book);
        read_some(&book);
        must(accept_once(&book, book.db, &err), &err);
        book_exec(book.db, damages[i].sql);
        assert_int_equal(audit(&book, findings, &report), ERR_MISMATCH);
        if (strstr(findings, damages[i].expected) == NULL) {
            fail_msg("%s: %s", damages[i].sql, findings);
        }
        book_close(&book);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_loss_is_a_range_of_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_parking, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_two_accept_at_once, set_up, tear_down),
        cmocka_unit_test(test_errors_at_every_place),
        cmocka_unit_test(test_kills_at_every_place),
        cmocka_unit_test_setup_teardown(test_grades_of_lost_time, set_up, tear_down),
        cmocka_unit_test(test_damage_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
