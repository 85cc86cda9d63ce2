/*
 * An archive whose runs are killed at every passage of every fault point: the files end as those of an undisturbed run, byte by byte, nothing half is left, and the book
 * proves it. Also a rival that is faster, a disk that is full, a store that cannot be written.
 */
#include <signal.h>
#include <sys/wait.h>

#include "base/fault.h"
#include "tests/unit/jobs/archive_world.h"

#define SETTINGS "  file_bytes: 64 KiB\n  block_bytes: 4 KiB\n  threads: 2\n"
#define FILES "SELECT count(*) FROM archive_file"

enum { EVENTS = 7000, PARTITIONS = 2 };

static struct world world;
static struct archive_tree undisturbed;
static int stores;

static int make_world(void **state)
{
    (void)state;
    open_world(&world, PARTITIONS);
    send_events(&world, 0, EVENTS, PARTITIONS);
    archive_configure(&world, "undisturbed", SETTINGS);
    archive_store(&world, "undisturbed");
    assert_int_equal(archive_drain(&world).consume.records, EVENTS);
    archive_tree(&world, "undisturbed", &undisturbed);
    assert_true(undisturbed.files >= 2 * PARTITIONS + 1);
    return 0;
}

static int forget_world(void **state)
{
    (void)state;
    close_world(&world);
    return 0;
}

/* A folder and a store that nothing was done with. */
static void begin_afresh(char ret_name[32])
{
    (void)snprintf(ret_name, 32, "try-%d", ++stores);
    archive_configure(&world, ret_name, SETTINGS);
    archive_store(&world, ret_name);
}

static void same_as_undisturbed(const char *name)
{
    struct archive_tree *tree = calloc(1, sizeof(*tree));

    archive_tree(&world, name, tree);
    assert_string_equal(tree->text, undisturbed.text);
    assert_int_equal(tree->drafts, 0);
    free(tree);
    archive_sound(&world);
}

/* Runs in a child that is killed; true if it was. */
static bool run_and_kill(const char *name, const char *place, int count)
{
    int status;
    pid_t pid;

    db_close(world.db);
    world.db = NULL;
    pid = fork();
    if (pid == 0) {
        char plan[80];
        struct archive_result result;
        struct err err = ERR_INIT;

        (void)snprintf(plan, sizeof(plan), "%s:%d:kill", place, count);
        setenv("UPTALLY_FAULT", plan, 1);
        random_init_system(&world.random);
        archive_store(&world, name);
        _exit(archive_try(&world, &result, &err) == ERR_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    archive_store(&world, name);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGKILL);
        return true;
    }
    assert_int_equal(WEXITSTATUS(status), 0);
    return false;
}

static void a_kill_anywhere_changes_no_byte(void **state)
{
    static const char *const places[] = {
        "draft.write.created",    "archive.schema.before", "archive.volume.block",
        "archive.publish.before", "draft.write.sync",      "draft.publish.before",
        "objects.put.lasting",    "objects.publish.after", "archive.publish.after",
        "ledger.commit.begin",    "ledger.commit.offsets", "ledger.commit.ranges",
        "archive.commit.row",     "ledger.commit.before",  "ledger.commit.after",
        "archive.commit.after"};
    static const int passages[] = {1, 2, 4};
    int kills = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        for (size_t k = 0; k < sizeof(passages) / sizeof(passages[0]); k++) {
            char name[32];

            begin_afresh(name);
            if (!run_and_kill(name, places[i], passages[k])) {
                assert_true(k > 0); /* each place is passed once at least */
                continue;
            }
            kills++;
            (void)archive_drain(&world);
            same_as_undisturbed(name);
        }
    }
    assert_true(kills > 30);
}

/* One life after the other, each killed a little later. */
static void many_kills_in_a_row(void **state)
{
    char name[32];
    int lives = 0;

    (void)state;
    begin_afresh(name);
    while (
        run_and_kill(name, lives % 2 == 0 ? "archive.publish.after" : "archive.commit.after", 1)) {
        assert_true(++lives < 100);
    }
    assert_true(lives > 4);
    same_as_undisturbed(name);
}

/* Another run commits the same range while ours has its file ready: ours is dropped, and goes on behind it. */
static bool rival_commits(const char *place, void *context)
{
    int *left = context;
    struct archive_result result;
    struct err err = ERR_INIT;
    struct world rival = world;

    if (strcmp(place, "archive.publish.before") != 0 || (*left)-- != 1) {
        return false;
    }
    rival.db = NULL;
    archive_store(&rival, "rivals");
    if (archive_try(&rival, &result, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    db_close(rival.db);
    return false;
}

static void a_rival_is_faster(void **state)
{
    int left = 2;
    struct archive_result result;

    (void)state;
    archive_configure(&world, "rivals", SETTINGS);
    archive_store(&world, "rivals");
    fault_set_hook(rival_commits, &left);
    result = archive_drain(&world);
    fault_set_hook(NULL, NULL);
    assert_true(left <= 0);
    assert_true(result.consume.records < EVENTS);
    same_as_undisturbed("rivals");
}

struct failing {
    const char *place;
    int passage; /* which one fails, and all behind it */
};

static bool fail_at(const char *place, void *context)
{
    struct failing *failing = context;

    return strcmp(place, failing->place) == 0 && --failing->passage <= 0;
}

/* A write that fails ends the run with a line that says where; the next one completes it. */
static void a_full_disk_is_no_end(void **state)
{
    /* The first draft is that of a schema, the second the first file. */
    static const struct {
        const char *place;
        int passage;
        enum err_code code;
    } faults[] = {
        {"archive.volume.block", 1, ERR_DELIVERY}, {"draft.write.sync", 1, ERR_DELIVERY},
        {"draft.write.sync", 2, ERR_DELIVERY},     {"draft.publish.before", 2, ERR_DELIVERY},
        {"objects.put.lasting", 1, ERR_DELIVERY},  {"objects.put.lasting", 2, ERR_DELIVERY},
        {"archive.commit.row", 1, ERR_STORE},      {"ledger.commit.before", 1, ERR_STORE}};

    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct archive_result result;
        struct err err = ERR_INIT;
        struct failing failing = {faults[i].place, faults[i].passage};
        char name[32];

        begin_afresh(name);
        fault_set_hook(fail_at, &failing);
        assert_int_equal(archive_try(&world, &result, &err), faults[i].code);
        fault_set_hook(NULL, NULL);
        if (faults[i].code == ERR_DELIVERY && strstr(err.text, name) == NULL) {
            fail_msg("\"%s\" does not say where", err.text);
        }
        assert_int_equal(ask(&world, FILES), 0);
        (void)archive_drain(&world);
        same_as_undisturbed(name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kill_anywhere_changes_no_byte),
        cmocka_unit_test(many_kills_in_a_row),
        cmocka_unit_test(a_rival_is_faster),
        cmocka_unit_test(a_full_disk_is_no_end),
    };

    return cmocka_run_group_tests(tests, make_world, forget_world);
}
