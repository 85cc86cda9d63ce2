/* Retention of an archive: what goes, what stays, and what is left of a run that dies in between. */
#include <signal.h>
#include <sys/wait.h>

#include "base/fault.h"
#include "jobs/pipeline/archive_expire.h"
#include "tests/unit/jobs/archive_world.h"

#define KEPT "SELECT count(*) FROM archive_file WHERE state = 'kept'"
#define EXPIRED "SELECT count(*) FROM archive_file WHERE state = 'expired'"
#define COVERED_ALL                                                                                \
    "SELECT CAST(sum(to_offset - from_offset) AS BIGINT) FROM batch_range WHERE book_id = 2"

enum { TOLD_SIZE = 4096 };

static struct clock_simulated later;

static void tell(void *context, const struct archive_file *file)
{
    size_t used = strlen(context);

    (void)snprintf((char *)context + used, TOLD_SIZE - used, "%.*s\n", STR_ARGS(file->name));
}

/* The store again, as it is in so many days. */
static void wait_days(struct world *world, const char *name, int days)
{
    struct db_options options = {
        .create = true, .lock_wait_ns = 20 * NS_PER_SECOND, .clock = &later.clock};
    struct err err = ERR_INIT;
    char path[128];

    clock_simulated_init(&later, clock_now_ns(clock_system()) + days * NS_PER_DAY);
    db_close(world->db);
    (void)snprintf(path, sizeof(path), "%s/%s.db", world->folder, name);
    if (store_place_open(path, options, &world->db, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
}

static struct archive_expire_result expire(struct world *world, int days, bool dry_run,
                                           char told[TOLD_SIZE])
{
    struct archive_expire_options options = {.db = world->db,
                                             .book_id = world->book_id,
                                             .retention_ns = days * NS_PER_DAY,
                                             .dry_run = dry_run,
                                             .tell = tell,
                                             .context = told};
    struct archive_expire_result result;
    struct err err = ERR_INIT;

    told[0] = '\0';
    if (archive_open_objects(world->config, false, &options.objects, &err) != ERR_OK ||
        archive_expire(&options, &result, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    options.objects->close(options.objects);
    return result;
}

static int count_files(struct world *world)
{
    struct archive_tree *tree = calloc(1, sizeof(*tree));
    int count = 0;

    archive_tree(world, "archive", tree);
    for (const char *at = tree->text; (at = strstr(at, ".avro")) != NULL; at++) {
        count++;
    }
    free(tree);
    return count;
}

/* Two files of the year 2026, by the records' stamps; then one that is a thousand days younger. */
static void fill(struct world *world, const char *store)
{
    uint8_t value[64];
    size_t size = encode(value, "service-0", TIME_MS, 200, 1000);

    archive_configure(world, "archive", "");
    archive_store(world, store);
    for (int i = 0; i < 2; i++) {
        send_events(world, 100 * i, 100, 1);
        (void)archive_drain(world);
    }
    mock_send(&world->mock, "requests", 0, value, size, TIME_MS + 1000 * 86400000LL);
    mock_flush(&world->mock);
    (void)archive_drain(world);
    assert_int_equal(count_files(world), 3);
}

static void what_is_wholly_older_goes(void **state)
{
    struct archive_expire_result result;
    char told[TOLD_SIZE];
    struct world world;

    (void)state;
    open_world(&world, 1);
    fill(&world, "a");
    /* Not a day was it in the archive: it stays, whatever its records say. */
    wait_days(&world, "a", 0);
    assert_int_equal(expire(&world, 1, false, told).files, 0);
    wait_days(&world, "a", 500);
    /* Younger than two years. */
    assert_int_equal(expire(&world, 700, false, told).files, 0);
    result = expire(&world, 400, true, told);
    assert_int_equal(result.files, 2);
    assert_int_equal(result.records, 200);
    assert_int_equal(count_files(&world), 3); /* only said */
    assert_int_equal(ask(&world, KEPT), 3);
    result = expire(&world, 400, false, told);
    assert_int_equal(result.files, 2);
    assert_non_null(strstr(told, "/0/0000000000000000000-0000000000000000100.avro"));
    assert_non_null(strstr(told, "/0/0000000000000000100-0000000000000000200.avro"));
    assert_int_equal(count_files(&world), 1);
    assert_int_equal(ask(&world, EXPIRED), 2);
    assert_int_equal(ask(&world, COVERED_ALL), 201); /* the ledger forgets nothing */
    assert_int_equal(expire(&world, 400, false, told).files, 0);
    {
        char line[LINES_SIZE];
        struct archive_verify_report report = archive_look(&world, line);

        assert_int_equal(report.findings, 0);
        assert_int_equal(report.expired, 2);
        assert_int_equal(report.files, 1);
    }
    close_world(&world);
}

static bool expire_and_kill(struct world *world, const char *place, int count)
{
    int status;
    pid_t pid;

    db_close(world->db);
    world->db = NULL;
    pid = fork();
    if (pid == 0) {
        char plan[80], told[TOLD_SIZE];

        (void)snprintf(plan, sizeof(plan), "%s:%d:kill", place, count);
        setenv("UPTALLY_FAULT", plan, 1);
        wait_days(world, "k", 500);
        (void)expire(world, 400, false, told);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    wait_days(world, "k", 500);
    return WIFSIGNALED(status);
}

static void a_kill_leaves_what_the_next_run_ends(void **state)
{
    static const char *const places[] = {"archive.expire.row", "archive.expire.marked",
                                         "archive.expire.removed"};

    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        for (int count = 1; count <= 2; count++) {
            char told[TOLD_SIZE], line[LINES_SIZE];
            struct world world;

            open_world(&world, 1);
            fill(&world, "k");
            assert_true(expire_and_kill(&world, places[i], count));
            /* Whatever happened, nothing that is said to be kept is missing. */
            assert_int_equal(archive_look(&world, line).findings, 0);
            (void)expire(&world, 400, false, told);
            assert_int_equal(count_files(&world), 1);
            assert_int_equal(ask(&world, EXPIRED), 2);
            assert_int_equal(ask(&world, KEPT), 1);
            assert_int_equal(archive_look(&world, line).findings, 0);
            close_world(&world);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wholly_older_goes),
        cmocka_unit_test(a_kill_leaves_what_the_next_run_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
