/*
 * A month counted again from its archive: bit for bit what the live book has, with letters, redrives and duplicates taken over; a damaged window is named and
 * replaced; events that come late during it are in both, once.
 */
#include <sys/wait.h>

#include "base/fault.h"
#include "tests/unit/jobs/rebuild_world.h"

enum { EVENTS = 6000 };

/* Everything is read, redriven in part, folded, graded and archived. */
static void open_month(struct world *world)
{
    open_world(world, PARTITIONS);
    rebuild_configure(world);
    rebuild_send_events(world, 0, EVENTS / 2);
    rebuild_consume(world);
    rebuild_learn_schema(world);
    rebuild_redrive(world);
    rebuild_send_events(world, EVENTS / 2, EVENTS / 2);
    rebuild_consume(world);
    rebuild_aggregate(world);
    rebuild_archive(world);
    rebuild_sound(world);
    assert_true(ask(world, "SELECT count(*) FROM dead_letter WHERE resolved_by IS NOT NULL") > 20);
    assert_true(ask(world, "SELECT count(*) FROM dead_letter WHERE resolved_by IS NULL") > 20);
}

/* Hour of event number i. */
static int64_t hour_of(int i)
{
    return (TIME_MS + EVENT_STEP_MS * (int64_t)i) / 3600000;
}

struct seen {
    int64_t windows;
    struct tally_key key; /* of the last one; names are copied */
    char service[80];
    bool missing, extra, damaged;
};

static enum err_code see(void *context, const struct rebuild_pair *pair, struct err *err)
{
    struct seen *seen = context;

    (void)err;
    seen->windows++;
    seen->key = pair->key;
    (void)snprintf(seen->service, sizeof(seen->service), "%.*s", STR_ARGS(pair->key.a));
    seen->missing = pair->live.data == NULL;
    seen->extra = pair->truth.data == NULL;
    seen->damaged = pair->damaged;
    return ERR_OK;
}

static struct rebuild_result look(struct world *world, struct seen *seen)
{
    *seen = (struct seen){.windows = 0};
    return rebuild_with(
        world, (struct rebuild_options){.thread_count = 1, .differs = see, .context = seen});
}

static struct rebuild_result swap(struct world *world)
{
    return rebuild_with(world, (struct rebuild_options){.thread_count = 2, .swap = true});
}

/* Every request of that hour failed, says the window now. */
static void fail_all(struct world *world, const char *service, int64_t hour)
{
    struct tally tally;

    rebuild_window(world, service, hour, &tally);
    for (int i = 0; i < TALLY_MINUTES; i++) {
        tally.window.minutes[i].errors = tally.window.minutes[i].total;
        tally.window.minutes[i].slow = 0;
    }
    rebuild_replace(world, "window", service, hour, &tally);
    tally_release(TALLY_WINDOW, &tally);
}

/* A count that somebody changed, checksum and all: the audit sees that it does not add up, the rebuild sees where. */
static void a_changed_window_is_named_and_replaced(void **state)
{
    const int64_t hour = hour_of(1234);
    struct world world;
    struct rebuild_result result;
    struct seen seen;
    char *before, *after;

    (void)state;
    open_month(&world);
    before = rebuild_windows(&world);
    fail_all(&world, "service-2", hour);
    result = look(&world, &seen);
    assert_int_equal(result.different, 1);
    assert_false(result.ended);
    assert_int_equal(seen.windows, 1);
    assert_string_equal(seen.service, "service-2");
    assert_int_equal(seen.key.hour, hour);
    assert_false(seen.missing || seen.extra || seen.damaged);
    result = look(&world, &seen); /* it is still open, and nothing is read again */
    assert_int_equal(result.records, 0);
    assert_int_equal(result.different, 1);
    result = swap(&world);
    assert_true(result.swapped && result.ended);
    assert_int_equal(ask(&world, "SELECT count(*) FROM regrade WHERE book_id = 1"), 1);
    rebuild_sound(&world);
    rebuild_aggregate(&world);
    after = rebuild_windows(&world);
    assert_string_equal(after, before);
    rebuild_sound(&world);
    assert_int_equal(rebuild_plainly(&world).different, 0);
    free(before);
    free(after);
    close_world(&world);
}

static void damage(struct world *world, const char *sql)
{
    struct err err = ERR_INIT;

    if (db_exec(world->db, sql, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
}

/* Windows that are gone, that nobody made, that rotted; the first one of a service among them: what follows from windows is restored as well. */
static void whatever_happened_to_windows_is_undone(void **state)
{
    char sql[400];
    struct world world;
    struct rebuild_result result;
    struct tally tally;
    struct seen seen;
    char *before, *after;

    (void)state;
    open_month(&world);
    before = rebuild_windows(&world);
    (void)snprintf(sql, sizeof(sql),
                   "DELETE FROM window_hour WHERE book_id = 1 AND kind = 'window' AND "
                   "a = 'service-0' AND hour <= %" PRId64,
                   hour_of(200));
    damage(&world, sql);
    rebuild_window(&world, "service-1", hour_of(300), &tally);
    rebuild_replace(&world, "window", "service-1", hour_of(0) - 30, &tally); /* before its first */
    rebuild_replace(&world, "window", "nobody", hour_of(900), &tally);
    tally_release(TALLY_WINDOW, &tally);
    (void)snprintf(sql, sizeof(sql),
                   "UPDATE window_hour SET checksum = checksum + 1 WHERE book_id = 1 AND "
                   "a = 'service-4' AND hour = %" PRId64,
                   hour_of(404));
    damage(&world, sql);
    damage(&world, "DELETE FROM rollup_hour WHERE book_id = 1 AND service = 'service-0' AND hour < "
                   "(SELECT min(hour) + 5 FROM rollup_hour)");
    damage(&world, "UPDATE rollup_day SET total = total - 7 WHERE book_id = 1 AND "
                   "service = 'service-0' AND day = (SELECT min(day) FROM rollup_day)");
    damage(&world, "UPDATE service SET first_minute = first_minute - 1800 WHERE book_id = 1 AND "
                   "service = 'service-1'");
    damage(&world, "INSERT INTO service (book_id, service, first_minute, has_requests, has_checks) "
                   "VALUES (1, 'nobody', 1, 1, 0)");
    result = look(&world, &seen);
    assert_int_equal(result.different, 14);
    result = swap(&world);
    assert_int_equal(result.different, 14);
    rebuild_sound(&world);
    rebuild_aggregate(&world);
    after = rebuild_windows(&world);
    assert_string_equal(after, before);
    rebuild_sound(&world);
    free(before);
    free(after);
    close_world(&world);
}

/* A consumer that commits between the last fold and the opening, and in the middle of the reading a redrive and late events, all of it folded. */
static bool live_on(const char *name, void *context)
{
    struct world *world = context;
    static int passed;

    if (strcmp(name, "rebuild.open.begin") == 0) {
        rebuild_send_events(world, 1200, 90);
        rebuild_consume(world);
        rebuild_archive(world);
    }
    if (strcmp(name, "rebuild.work.committed") == 0 && ++passed == 1) {
        fault_set_hook(NULL, NULL);
        rebuild_learn_schema(world);
        rebuild_redrive(world);
        rebuild_send_events(world, 1500, 600); /* their copies are long forgotten */
        rebuild_consume(world);
        rebuild_aggregate(world);
    }
    return false;
}

/* Events of the month, a redrive, and events of the next month, while the rebuild is opened, read and open: the difference stays what it was, and a swap
 * keeps all of them. */
static void what_comes_meanwhile_is_in_both(void **state)
{
    struct world world;
    struct rebuild_result result;
    struct seen seen;
    char *before, *after;

    (void)state;
    open_world(&world, PARTITIONS);
    rebuild_configure(&world);
    rebuild_send_events(&world, 0, EVENTS);
    rebuild_consume(&world);
    rebuild_aggregate(&world);
    rebuild_archive(&world);
    fail_all(&world, "service-3", hour_of(2300)); /* so that it stays open */
    fault_set_hook(live_on, &world);
    seen = (struct seen){.windows = 0};
    result = rebuild_with(
        &world, (struct rebuild_options){
                    .thread_count = 1, .batch_size_max = 100000, .differs = see, .context = &seen});
    fault_set_hook(NULL, NULL);
    assert_int_equal(result.different, 1);
    assert_true(ask(&world, "SELECT count(*) FROM dead_letter WHERE resolved_by IS NOT NULL") > 50);
    rebuild_send_events(&world, 2500, 600);
    rebuild_send_events(&world, EVENTS, 200);
    rebuild_consume(&world);
    result = look(&world, &seen); /* committed and not folded: in neither */
    assert_int_equal(result.different, 1);
    assert_int_equal(result.records, 0);
    rebuild_aggregate(&world);
    assert_true(ask(&world, "SELECT count(*) FROM window_hour WHERE book_id = "
                            "(SELECT since_book FROM rebuild)") > 100);
    assert_int_equal(look(&world, &seen).different, 1);
    assert_string_equal(seen.service, "service-3");
    assert_true(swap(&world).swapped);
    rebuild_sound(&world);
    rebuild_aggregate(&world);
    before = rebuild_windows(&world);
    rebuild_archive(&world);
    result = rebuild_plainly(&world); /* the same again, from files alone */
    assert_int_equal(result.different, 0);
    after = rebuild_windows(&world);
    assert_string_equal(after, before);
    free(before);
    free(after);
    close_world(&world);
}

static void an_untouched_month_is_the_same_bit_by_bit(void **state)
{
    static const char *const months[] = {"2026-09", "2026-10"};
    struct world world;
    char *before;

    (void)state;
    open_month(&world);
    before = rebuild_windows(&world);
    for (size_t i = 0; i < 2; i++) {
        struct rebuild_result result =
            rebuild_with(&world, (struct rebuild_options){.month = months[i], .thread_count = 2});
        char *after = rebuild_windows(&world);

        assert_true(result.opened);
        assert_true(result.ended);
        assert_int_equal(result.different, 0);
        assert_true(result.windows > 300);
        assert_true(result.tallied > 1000);
        assert_true(result.known_dead > 0);
        assert_true(result.known_duplicate > 0);
        assert_true(result.other_month > 0);
        assert_string_equal(after, before);
        rebuild_sound(&world);
        free(after);
    }
    assert_int_equal(ask(&world, "SELECT count(*) FROM rebuild"), 0);
    assert_int_equal(ask(&world, "SELECT count(*) FROM window_hour WHERE book_id > 2"), 0);
    free(before);
    close_world(&world);
}

/* --- the audit --- */

static bool fail_second(const char *name, void *context)
{
    int *passed = context;

    return strcmp(name, "rebuild.work.committed") == 0 && ++*passed == 2;
}

/* Half a rebuild, with something that came since. */
static void open_half(struct world *world)
{
    struct rebuild_result result;
    struct err err = ERR_INIT;
    int passed = 0;

    open_month(world);
    fault_set_hook(fail_second, &passed);
    assert_int_equal(
        rebuild_try(world, (struct rebuild_options){.batch_size_max = 100000}, &result, &err),
        ERR_STORE);
    fault_set_hook(NULL, NULL);
    rebuild_send_events(world, 1000, 200);
    rebuild_consume(world);
    rebuild_aggregate(world);
    rebuild_sound(world);
}

/* Whoever changes what a rebuild rests on is found out, whether its numbers could be or not. */
static void the_audit_proves_an_open_rebuild(void **state)
{
    static const struct {
        const char *change, *back, *finding;
    } rows[] = {
        {"UPDATE rebuild SET end_hour = end_hour + 1", "UPDATE rebuild SET end_hour = end_hour - 1",
         "rebuild 2026-09: the row was changed"},
        {"UPDATE rebuild_boundary SET boundary = boundary + 1 WHERE partition_id = 1",
         "UPDATE rebuild_boundary SET boundary = boundary - 1 WHERE partition_id = 1",
         "rebuild_boundary"},
        {"UPDATE rebuild_redrive SET checksum = checksum + 1",
         "UPDATE rebuild_redrive SET checksum = checksum - 1", "rebuild_redrive"},
        {"UPDATE partition_offset SET next_offset = next_offset + 7 WHERE partition_id = 0 AND "
         "book_id = (SELECT rebuild_book FROM rebuild)",
         "UPDATE partition_offset SET next_offset = next_offset - 7 WHERE partition_id = 0 AND "
         "book_id = (SELECT rebuild_book FROM rebuild)",
         "rebuild 2026-09: topic requests partition 0"},
        {"UPDATE window_hour SET checksum = checksum + 1 WHERE "
         "book_id = (SELECT since_book FROM rebuild) AND kind = 'activity'",
         "UPDATE window_hour SET checksum = checksum - 1 WHERE "
         "book_id = (SELECT since_book FROM rebuild) AND kind = 'activity'",
         "since 2026-09: window_hour activity"},
        {"UPDATE exclusion SET records = records + 1 WHERE reason = 'known_duplicate'",
         "UPDATE exclusion SET records = records - 1 WHERE reason = 'known_duplicate'",
         "rebuild 2026-09: exclusion"},
    };
    struct world world;

    (void)state;
    open_half(&world);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char lines[LINES_SIZE] = "";
        struct audit_report report;
        struct err err = ERR_INIT;

        damage(&world, rows[i].change);
        assert_int_equal(
            audit_run(world.db, LIVE_BOOK, archive_gaps, archive_show, lines, &report, &err),
            ERR_MISMATCH);
        if (strstr(lines, rows[i].finding) == NULL) {
            fail_msg("%s: %s", rows[i].change, lines);
        }
        damage(&world, rows[i].back);
    }
    rebuild_sound(&world);
    assert_true(rebuild_plainly(&world).ended);
    close_world(&world);
}

/* --- two machines --- */

static pid_t begin_shard(struct world *world, int32_t shard)
{
    struct rebuild_options options = {
        .shard = shard, .shard_count = 2, .thread_count = 2, .batch_size_max = 100000};
    struct rebuild_result result;
    struct err err = ERR_INIT;
    pid_t pid = fork();

    if (pid == 0) {
        random_init_system(&world->random);
        open_store(world);
        _exit(rebuild_try(world, options, &result, &err) == ERR_OK ? 0 : 1);
    }
    return pid;
}

/* Two shards at the same time, whichever opens it, while late events are folded. */
static void two_machines_share_a_month(void **state)
{
    struct world world;
    struct rebuild_result result;
    pid_t pids[2];

    (void)state;
    open_month(&world);
    fail_all(&world, "service-3", hour_of(2300));
    db_close(world.db);
    for (int32_t i = 0; i < 2; i++) {
        pids[i] = begin_shard(&world, i);
    }
    open_store(&world);
    rebuild_send_events(&world, 2000, 100);
    rebuild_consume(&world);
    rebuild_archive(&world);
    rebuild_aggregate(&world);
    for (int i = 0; i < 2; i++) {
        int status;

        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    result = swap(&world);
    assert_int_equal(result.records, 0); /* the shards have read everything */
    assert_int_equal(result.different, 1);
    rebuild_sound(&world);
    assert_int_equal(rebuild_plainly(&world).different, 0);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_untouched_month_is_the_same_bit_by_bit),
        cmocka_unit_test(a_changed_window_is_named_and_replaced),
        cmocka_unit_test(whatever_happened_to_windows_is_undone),
        cmocka_unit_test(what_comes_meanwhile_is_in_both),
        cmocka_unit_test(the_audit_proves_an_open_rebuild),
        cmocka_unit_test(two_machines_share_a_month),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
