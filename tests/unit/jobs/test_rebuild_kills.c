/*
 * A rebuild and its swap that are killed, or fail, at every fault point that they pass, while consumers commit late events and aggregators fold them: the
 * books are sound at that moment, and end as those of an undisturbed life, byte by byte. With UPTALLY_REBUILD_KILLS=N, which tests/campaign --rebuilds N sets, as many faults as that, at
 * any passage of a point instead of the first and the last one.
 */
#include <limits.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/fault.h"
#include "tests/unit/jobs/rebuild_world.h"

enum { EVENTS = 2000, LATE = 60, NAMES_MAX = 100, NAME_SIZE = 48 };

/* Passages of fault points, counted by a child for its parent. */
struct passages {
    struct {
        char name[NAME_SIZE];
        int count;
    } places[NAMES_MAX];
    int place_count;
};

static struct world world;
static struct passages *passages;
static char *undisturbed;
static int64_t ends[PARTITIONS]; /* where the late events begin */
static int tries, faults;

/* --- stores --- */

static void place(const char *name, char ret_path[128])
{
    (void)snprintf(ret_path, 128, "%s/%s.db", world.folder, name);
}

static void open_try(const char *name)
{
    struct db_options options = {
        .create = true, .lock_wait_ns = 20 * NS_PER_SECOND, .clock = clock_system()};
    struct err err = ERR_INIT;
    char path[128];

    place(name, path);
    if (store_place_open(path, options, &world.db, &err) != ERR_OK ||
        store_migrate(world.db, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
}

static void close_try(void)
{
    db_close(world.db);
    world.db = NULL;
}

static void execute(const char *sql)
{
    struct err err = ERR_INIT;

    if (db_exec(world.db, sql, &err) != ERR_OK) {
        fail_msg("%s: %s", sql, err.text);
    }
}

/* All rows of the template, into a store that is migrated and otherwise new. */
static void copy_rows(const char *schema)
{
    char names[60][64], sql[400];
    struct db_stmt *stmt;
    struct err err = ERR_INIT;
    size_t count = 0;
    bool row;

    assert_int_equal(
        db_prepare(world.db, "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = $1",
                   &stmt, &err),
        ERR_OK);
    db_bind_text(stmt, 1, STR(schema));
    while (db_step(stmt, &row, &err) == ERR_OK && row) {
        (void)snprintf(names[count++], sizeof(names[0]), "%.*s", STR_ARGS(db_column_text(stmt, 0)));
    }
    db_reset(stmt);
    execute("SET session_replication_role = replica");
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(sql, sizeof(sql), "DELETE FROM %s; INSERT INTO %s SELECT * FROM %s.%s",
                       names[i], names[i], schema, names[i]);
        execute(sql);
    }
    execute("SET session_replication_role = DEFAULT");
}

static void begin_try(char ret_name[32])
{
    struct db_options options = {.path = NULL};
    struct store_place template;
    char path[128], command[300];

    (void)snprintf(ret_name, 32, "try-%d", ++tries);
    place("template", path);
    if (!store_place_on_server()) {
        (void)snprintf(command, sizeof(command), "cp %s %s/%s.db", path, world.folder, ret_name);
        assert_int_equal(system(command), 0);
        return;
    }
    store_place_set(&template, path, &options);
    open_try(ret_name);
    copy_rows(template.schema);
    close_try();
}

static void end_try(const char *name)
{
    char command[300];

    close_try();
    if (!store_place_on_server()) {
        (void)snprintf(command, sizeof(command), "rm -f %s/%s.db*", world.folder, name);
        assert_int_equal(system(command), 0);
    }
}

/* --- what happens meanwhile --- */

/* A consumer that commits the late events of a partition, unless somebody has. */
static enum err_code try_late(struct db *db, int32_t partition, struct err *err)
{
    const struct topic_config *topic = &world.config->topics[0];
    struct ledger ledger = {
        .db = db, .book_id = LIVE_BOOK, .random = &world.random, .program_version = "test"};
    struct batch *batch = batch_new(0);
    enum err_code code;

    batch_begin_partition(batch, 1, topic->name, STR(topic->digest), partition, ends[partition]);
    for (int i = 0; i < LATE; i++) {
        struct coordinate at = {1, partition, ends[partition] + i, TIME_MS * NS_PER_MS};
        struct event event = {.kind = EVENT_REQUEST,
                              .outcome = i % 3 == 0 ? OUTCOME_ERROR : OUTCOME_SUCCESS,
                              .time_ns = (TIME_MS + EVENT_STEP_MS * INT64_C(7) * i) * NS_PER_MS,
                              .service = STR(i % 2 == 0 ? "service-1" : "service-4"),
                              .latency_ns = 1000000 + i,
                              .latency_threshold_ns = NS_PER_SECOND,
                              .weight = 1};

        batch_add_event(batch, &at, &event);
    }
    code = ledger_commit(&ledger, batch, err);
    batch_free(batch);
    return code == ERR_FENCED ? ERR_OK : code;
}

static void consume_late(int32_t partition)
{
    struct err err = ERR_INIT;

    if (try_late(world.db, partition, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
}

/* A consumer and an aggregator beside the rebuild. They may meet the fault as well; then their schedulers start them again. */
static void live_on(const char *name, int32_t partition)
{
    struct db *mine = world.db;
    struct err ignored = ERR_INIT;
    int64_t complete_ns;

    open_try(name);
    for (int i = 0; i < 2; i++) {
        (void)try_late(world.db, partition, &ignored);
        (void)aggregate_run(world.config, world.db, LIVE_BOOK, NULL, NULL, &complete_ns, &ignored);
    }
    close_try();
    world.db = mine;
}

/* --- one life --- */

struct life {
    const char *name;
    const char *place; /* of the fault; NULL: none */
    int passage;
    bool kills;
    int passed, committed;
    bool busy; /* the others are at work */
};

static void count_passage(const char *name)
{
    int i = 0;

    while (i < passages->place_count && strcmp(passages->places[i].name, name) != 0) {
        i++;
    }
    if (i == passages->place_count) {
        assert_true(i < NAMES_MAX);
        assert_true(strlen(name) < NAME_SIZE);
        strcpy(passages->places[passages->place_count++].name, name);
    }
    passages->places[i].count++;
}

static bool pass(const char *name, void *context)
{
    struct life *life = context;

    if (life->place == NULL) {
        count_passage(name);
    } else if (strcmp(name, life->place) == 0 && ++life->passed == life->passage) {
        if (life->kills) {
            (void)kill(getpid(), SIGKILL);
        }
        return true;
    }
    /* In the middle of the reading, and between the difference and the swap. */
    if (!life->busy && ((strcmp(name, "rebuild.work.committed") == 0 && ++life->committed == 2) ||
                        strcmp(name, "rebuild.swap.begin") == 0)) {
        life->busy = true;
        live_on(life->name, strcmp(name, "rebuild.swap.begin") == 0 ? 1 : 0);
        life->busy = false;
    }
    return false;
}

/* Until it is over, or something fails. */
static enum err_code live(struct life *life)
{
    struct rebuild_options options = {.thread_count = 1, .batch_size_max = 200000};
    struct rebuild_result result;
    struct err err = ERR_INIT;
    enum err_code code;

    fault_set_hook(pass, life);
    code = rebuild_try(&world, options, &result, &err);
    if (code == ERR_OK) {
        options.swap = true;
        code = rebuild_try(&world, options, &result, &err);
    }
    if (code == ERR_OK) {
        live_on(life->name, 2);
    }
    fault_set_hook(NULL, NULL);
    return code;
}

static void consume_all_late(void)
{
    for (int32_t p = 0; p < PARTITIONS; p++) {
        consume_late(p);
    }
}

/* What schedulers do after whatever has happened: the same again. Late events are not in the archive, so a rebuild that is open goes on beside them, and one that is to be opened is
 * opened before they come. */
static void finish(void)
{
    struct err err = ERR_INIT;
    struct rebuild open;
    bool found;

    assert_int_equal(rebuild_find(world.db, LIVE_BOOK, MONTH, &found, &open, &err), ERR_OK);
    if (found) {
        consume_all_late();
    }
    if (found || ask(&world, "SELECT count(*) FROM book WHERE name IS NULL") == 0) {
        assert_true(rebuild_with(&world, (struct rebuild_options){.thread_count = 2, .swap = true})
                        .swapped);
    }
    consume_all_late();
}

static void check_end(const char *name)
{
    char *windows;

    open_try(name);
    rebuild_sound(&world);                      /* at whatever moment it ended */
    execute("UPDATE lease SET expires_ns = 0"); /* a minute later */
    finish();
    rebuild_sound(&world);
    rebuild_aggregate(&world);
    rebuild_sound(&world);
    windows = rebuild_windows(&world);
    if (undisturbed == NULL) {
        undisturbed = windows;
    } else {
        assert_string_equal(windows, undisturbed);
        free(windows);
    }
    end_try(name);
}

/* Whether the fault was met. */
static bool try_life(const char *place_name, int passage, bool kills)
{
    char name[32];
    struct life life = {.name = name, .place = place_name, .passage = passage, .kills = kills};
    int status;
    pid_t pid;

    begin_try(name);
    (void)fflush(NULL);
    pid = fork();
    if (pid == 0) {
        random_init_system(&world.random);
        open_try(name);
        status = live(&life) == ERR_OK ? 0 : 1;
        close_try();
        _exit(life.passed >= life.passage && place_name != NULL ? 2 : status);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    check_end(name);
    return WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 2;
}

/* --- the world --- */

/* An error that stands in another minute than it should: an hour's sums are what they were, so that no audit can see it. */
static void damage(int64_t hours)
{
    struct window_minute *minute;
    struct tally tally;
    int from = 0, to = 0;

    rebuild_window(&world, "service-0", TIME_MS / 3600000 + hours, &tally);
    minute = tally.window.minutes;
    while (minute[from].errors == 0) {
        from++;
    }
    while (minute[to].total == minute[to].errors) {
        to++;
    }
    minute[from].errors--;
    minute[to].errors++;
    rebuild_replace(&world, "window", "service-0", TIME_MS / 3600000 + hours, &tally);
    tally_release(TALLY_WINDOW, &tally);
}

static int make_world(void **state)
{
    (void)state;
    passages =
        mmap(NULL, sizeof(*passages), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(passages != MAP_FAILED);
    open_world(&world, PARTITIONS);
    rebuild_configure(&world);
    close_try();
    open_try("template");
    rebuild_send_events(&world, 0, EVENTS);
    rebuild_consume(&world);
    rebuild_learn_schema(&world);
    rebuild_redrive(&world);
    rebuild_aggregate(&world);
    rebuild_archive(&world);
    damage(20);
    damage(21);
    for (int p = 0; p < PARTITIONS; p++) {
        struct db_stmt *stmt;
        struct err err = ERR_INIT;
        bool row;

        assert_int_equal(db_prepare(world.db,
                                    "SELECT next_offset FROM partition_offset WHERE book_id = 1 "
                                    "AND partition_id = $1",
                                    &stmt, &err),
                         ERR_OK);
        db_bind_int64(stmt, 1, p);
        assert_int_equal(db_step(stmt, &row, &err), ERR_OK);
        ends[p] = db_column_int64(stmt, 0);
        db_reset(stmt);
    }
    close_try();
    return 0;
}

static int forget_world(void **state)
{
    (void)state;
    open_try("template");
    close_world(&world);
    free(undisturbed);
    return 0;
}

/* The undisturbed life, with late events in the middle, equals one in which they came at the end; and one without a rebuild, but for the damage. */
static void an_undisturbed_life(void **state)
{
    char name[32];

    (void)state;
    assert_false(try_life(NULL, 0, false));
    assert_true(passages->place_count > 15);
    begin_try(name);
    check_end(name);
}

/* Whether this passage is one of those that are tried where nobody asks for more. */
static bool at_an_end(int place_number, int passage)
{
    return passage == 1 || passage == passages->places[place_number].count;
}

static void no_disturbance_shows(void **state)
{
    const char *words = getenv("UPTALLY_REBUILD_KILLS");
    int wanted = words != NULL ? atoi(words) : INT_MAX, longest = 0;

    (void)state;
    for (int i = 0; i < passages->place_count; i++) {
        longest = passages->places[i].count > longest ? passages->places[i].count : longest;
    }
    for (int passage = 1; passage <= longest; passage++) {
        for (int i = 0; i < passages->place_count && faults < wanted; i++) {
            if (passage <= passages->places[i].count && (words != NULL || at_an_end(i, passage))) {
                faults += try_life(passages->places[i].name, passage, true);
                faults += passage == 1 && try_life(passages->places[i].name, passage, false);
            }
        }
    }
    assert_true(words != NULL || faults > passages->place_count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_undisturbed_life),
        cmocka_unit_test(no_disturbance_shows),
    };

    int failed = cmocka_run_group_tests(tests, make_world, forget_world);

    /* For tests/campaign. */
    (void)printf("%d faults, %d wrong\n", faults, failed);
    return failed;
}
