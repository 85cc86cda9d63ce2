/*
 * What a rebuild refuses, and how it goes on: archives that end early, files that are missing, cut or rotten, another configuration, no registry; shards,
 * small batches, rivals and zombies.
 */
#include <ftw.h>
#include <pthread.h>

#include "base/fault.h"
#include "jobs/pipeline/archive_expire.h"
#include "tests/unit/jobs/rebuild_world.h"

enum { EVENTS = 6000 }; /* several files a partition */

static void open_month(struct world *world)
{
    open_world(world, PARTITIONS);
    rebuild_configure(world);
    rebuild_send_events(world, 0, EVENTS);
    rebuild_consume(world);
    rebuild_aggregate(world);
}

static void refuse(struct world *world, enum err_code code, const char *words)
{
    struct rebuild_result result;
    struct err err = ERR_INIT;

    assert_int_equal(rebuild_try(world, (struct rebuild_options){.thread_count = 2}, &result, &err),
                     code);
    if (strstr(err.text, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
    }
    rebuild_sound(world);
}

static void an_archive_that_ends_early_is_waited_for(void **state)
{
    struct world world;
    struct rebuild_result result;

    (void)state;
    open_month(&world);
    refuse(&world, ERR_DATA, "run uptally archive first");
    rebuild_archive(&world);
    rebuild_send_events(&world, EVENTS, 300);
    rebuild_consume(&world);
    refuse(&world, ERR_DATA, "run uptally archive, then this again");
    rebuild_archive(&world);
    result = rebuild_plainly(&world);
    assert_false(result.opened); /* it goes on */
    assert_true(result.records < 600);
    assert_int_equal(result.different, 0);
    close_world(&world);
}

/* --- files --- */

static char found_file[300];

static int find_file(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)walk;
    if (type == FTW_F && strstr(path, ".avro") != NULL && strstr(path, "/1/0") != NULL) {
        (void)snprintf(found_file, sizeof(found_file), "%s", path);
    }
    return 0;
}

/* A file of partition 1. */
static void pick_file(const struct world *world)
{
    char folder[128];

    (void)snprintf(folder, sizeof(folder), "%s/archive", world->folder);
    found_file[0] = '\0';
    assert_int_equal(nftw(folder, find_file, 16, FTW_PHYS), 0);
    assert_true(found_file[0] != '\0');
}

/* $F is that file. */
static void shell(const char *words)
{
    char command[800];

    (void)snprintf(command, sizeof(command), "F='%s'; %s", found_file, words);
    assert_int_equal(system(command), 0);
}

static void a_file_that_is_missing_or_cut_is_named(void **state)
{
    struct world world;

    (void)state;
    open_month(&world);
    rebuild_archive(&world);
    pick_file(&world);
    shell("mv \"$F\" \"$F.away\"");
    refuse(&world, ERR_DATA, "is missing");
    shell("head -c 700 \"$F.away\" > \"$F\"");
    refuse(&world, ERR_DATA, "it is damaged");
    shell("cp \"$F.away\" \"$F\"");
    shell("printf '\\377\\377\\377\\377' | dd of=\"$F\" bs=1 seek=2500 conv=notrunc 2> /dev/null");
    refuse(&world, ERR_DATA, "archive file");
    shell("cp \"$F.away\" \"$F\"");
    assert_int_equal(rebuild_plainly(&world).different, 0);
    close_world(&world);
}

/* Nothing but the digest tells: deflate has no checksum, and the codec null none at all. */
static void a_file_that_rotted_is_not_believed(void **state)
{
    struct world world;
    struct rebuild_result result;
    char map[2000];

    (void)state;
    open_world(&world, PARTITIONS);
    (void)snprintf(map, sizeof(map),
                   MAP
                   "      event_id: us\narchive:\n  folder: \"%s/archive\"\n  codec: \"null\"\n",
                   world.folder);
    configure(&world, world.mock.servers, NULL, map,
              "    gaps: true\n    duplicates: {horizon: 1h, count: 100000}\n");
    rebuild_send_events(&world, 0, EVENTS);
    rebuild_consume(&world);
    rebuild_aggregate(&world);
    rebuild_archive(&world);
    pick_file(&world);
    shell("cp \"$F\" \"$F.away\"");
    shell("perl -0pi -e 's/service-3/service-2/' \"$F\"");
    refuse(&world, ERR_DATA, "is not what its SHA-256 says");
    assert_true(rebuild_with(&world, (struct rebuild_options){.drop = true}).ended);
    shell("cp \"$F.away\" \"$F\"");
    result = rebuild_plainly(&world);
    assert_true(result.opened);
    assert_int_equal(result.different, 0);
    close_world(&world);
}

static void another_configuration_is_refused(void **state)
{
    struct world world;
    char map[2000];

    (void)state;
    open_month(&world);
    rebuild_archive(&world);
    (void)snprintf(map, sizeof(map),
                   "      service: service\n      time: ts\n      outcome: {path: status, success: "
                   "[200], error: [503]}\n      latency: {path: us, unit: us}\n"
                   "      event_id: us\narchive:\n  folder: \"%s/archive\"\n",
                   world.folder);
    configure(&world, world.mock.servers, NULL, map,
              "    gaps: true\n    duplicates: {horizon: 1h, count: 100000}\n");
    refuse(&world, ERR_CONFIG, "counted by another configuration");
    rebuild_configure(&world);
    assert_int_equal(rebuild_plainly(&world).different, 0);
    close_world(&world);
}

/* Schemas stand beside the files. */
static void the_registry_may_be_gone(void **state)
{
    struct world world;
    struct rebuild_result result;

    (void)state;
    open_month(&world);
    rebuild_archive(&world);
    world.fake.down = true;
    result = rebuild_plainly(&world);
    assert_int_equal(result.different, 0);
    assert_true(result.known_dead > 20);
    close_world(&world);
}

/* --- several --- */

static void shards_share_it_and_a_run_without_ends_it(void **state)
{
    struct world world;
    struct rebuild_result results[3];
    int64_t sum = 0;

    (void)state;
    open_month(&world);
    rebuild_archive(&world);
    for (int32_t i = 0; i < 3; i++) {
        results[i] = rebuild_with(&world, (struct rebuild_options){.shard = i, .shard_count = 3});
        assert_int_equal(results[i].waiting, 2 - i);
        assert_int_equal(results[i].compared, i == 2);
        assert_false(results[i].ended);
        sum += results[i].records;
        rebuild_sound(&world);
    }
    assert_int_equal(ask(&world, "SELECT CAST(sum(delivered) AS BIGINT) FROM batch_range WHERE "
                                 "book_id = 1"),
                     sum);
    assert_true(rebuild_plainly(&world).ended);
    close_world(&world);
}

/* Who reads the first file of a partition is slow to commit it. */
static bool delay_some(const char *name, void *context)
{
    static int passed;

    (void)context;
    if (strcmp(name, "rebuild.work.commit") == 0 &&
        __atomic_fetch_add(&passed, 1, __ATOMIC_RELAXED) % 3 == 0) {
        clock_sleep_ns(clock_system(), 100 * NS_PER_MS);
    }
    return false;
}

static void small_batches_of_many_threads_are_the_same(void **state)
{
    struct world world;
    struct rebuild_result result;

    (void)state;
    open_month(&world);
    rebuild_archive(&world);
    fault_set_hook(delay_some, NULL);
    result = rebuild_with(&world, (struct rebuild_options){.thread_count = 5, .batch_size_max = 1});
    fault_set_hook(NULL, NULL);
    assert_int_equal(result.different, 0);
    rebuild_sound(&world);
    close_world(&world);
}

/* One of two threads stands still before its first commit until the other one has read on. */
struct standing {
    pthread_t caller;
    bool caller_stands;
    int commits, others;
    bool alone; /* the other one did not come on */
};

enum { OTHERS = 2, PATIENCE_MS = 60000 }; /* as many as the shelf has room for */

static bool stand(const char *name, void *context)
{
    struct standing *standing = context;
    bool stands = (pthread_equal(pthread_self(), standing->caller) != 0) == standing->caller_stands;

    if (strcmp(name, "rebuild.work.committed") == 0 && !stands) {
        (void)__atomic_fetch_add(&standing->others, 1, __ATOMIC_RELAXED);
    }
    if (strcmp(name, "rebuild.work.commit") == 0 && stands && standing->commits++ == 0) {
        for (int i = 0; __atomic_load_n(&standing->others, __ATOMIC_RELAXED) < OTHERS; i++) {
            if (i == PATIENCE_MS) {
                standing->alone = true;
                break;
            }
            clock_sleep_ns(clock_system(), NS_PER_MS);
        }
    }
    return false;
}

static void nobody_waits_for_the_file_before(void **state)
{
    struct world world;
    struct rebuild_result result;

    (void)state;
    /* Either of them may have taken the first file. */
    for (int i = 0; i < 2; i++) {
        struct standing standing = {.caller = pthread_self(), .caller_stands = i == 0};

        open_month(&world);
        rebuild_archive(&world);
        fault_set_hook(stand, &standing);
        result = rebuild_with(&world, (struct rebuild_options){.thread_count = 2});
        fault_set_hook(NULL, NULL);
        assert_false(standing.alone);
        assert_int_equal(result.different, 0);
        rebuild_sound(&world);
        close_world(&world);
    }
}

/* Somebody else does something at the first commit of a run. */
struct meeting {
    struct world *world;
    void (*act)(struct world *world);
};

static bool meet(const char *name, void *context)
{
    struct meeting *meeting = context;

    if (strcmp(name, "rebuild.work.commit") == 0) {
        fault_set_hook(NULL, NULL);
        meeting->act(meeting->world);
    }
    return false;
}

static void meet_and_be_fenced(void (*act)(struct world *world))
{
    struct world world;
    struct meeting meeting = {&world, act};
    struct rebuild_result result;
    struct err err = ERR_INIT;

    open_month(&world);
    rebuild_archive(&world);
    fault_set_hook(meet, &meeting);
    assert_int_equal(
        rebuild_try(&world, (struct rebuild_options){.thread_count = 1}, &result, &err),
        ERR_FENCED);
    fault_set_hook(NULL, NULL);
    rebuild_sound(&world);
    assert_int_equal(rebuild_plainly(&world).different, 0);
    rebuild_sound(&world);
    close_world(&world);
}

static void do_all(struct world *world)
{
    assert_true(rebuild_plainly(world).ended);
}

static void do_one_shard(struct world *world)
{
    (void)rebuild_with(world, (struct rebuild_options){.shard = 0, .shard_count = 3});
}

static bool fail_now(const char *name, void *context)
{
    (void)context;
    return strcmp(name, "rebuild.work.commit") == 0;
}

/* The books of the new one begin at the same offsets as those of the old one did. */
static void drop_and_begin_again(struct world *world)
{
    struct rebuild_result result;
    struct err err = ERR_INIT;

    assert_true(rebuild_with(world, (struct rebuild_options){.drop = true}).ended);
    fault_set_hook(fail_now, NULL);
    assert_int_equal(rebuild_try(world, (struct rebuild_options){.thread_count = 1}, &result, &err),
                     ERR_STORE);
    fault_set_hook(NULL, NULL);
    assert_true(result.opened);
}

static void a_rival_fences(void **state)
{
    (void)state;
    meet_and_be_fenced(do_all);
    meet_and_be_fenced(do_one_shard);
    meet_and_be_fenced(drop_and_begin_again);
}

/* --- what the archive does not have --- */

/* The archive begins behind the first events. Their month cannot be counted again; the next one can, for no window of it is from there. */
static void a_month_needs_only_its_own_part_of_the_archive(void **state)
{
    struct world world;
    struct rebuild_result result;
    char map[2000];

    (void)state;
    open_world(&world, PARTITIONS);
    (void)snprintf(map, sizeof(map), MAP "      event_id: us\narchive:\n  folder: \"%s/archive\"\n",
                   world.folder);
    rebuild_configure(&world);
    rebuild_send_events(&world, 0, 3000); /* all of September */
    rebuild_consume(&world);
    configure(&world, world.mock.servers, NULL, map,
              "    gaps: true\n    start: latest\n"
              "    duplicates: {horizon: 1h, count: 100000}\n");
    rebuild_archive(&world);
    rebuild_send_events(&world, 5000, 3000); /* all of October */
    rebuild_consume(&world);
    rebuild_archive(&world);
    rebuild_aggregate(&world);
    refuse(&world, ERR_DATA, "were never archived");
    assert_true(rebuild_with(&world, (struct rebuild_options){.drop = true}).ended);
    result = rebuild_with(&world, (struct rebuild_options){.month = "2026-10"});
    assert_int_equal(result.different, 0);
    assert_true(result.tallied > 2900);
    assert_int_equal(result.other_month, 0); /* nothing was read of what is not there */
    rebuild_sound(&world);
    close_world(&world);
}

static void accept_losses(struct world *world, bool archives)
{
    struct archive_options options = {.consume = options_of(world)};
    struct archive_result archived;
    struct consume_result result;
    struct err err = ERR_INIT;
    enum err_code code = ERR_OK;

    options.consume.accept_loss = "all";
    if (archives) {
        code = store_book_make(world->db, ARCHIVE_BOOK, &options.consume.book_id, &err);
        code = code != ERR_OK ? code
                              : archive_open_objects(world->config, false, &options.objects, &err);
        code = code != ERR_OK ? code : archive_run(&options, &archived, &err);
        options.objects->close(options.objects);
    } else {
        code = consume_run(&options.consume, &result, &err);
    }
    if (code != ERR_OK) {
        fail_msg("%s", err.text);
    }
}

/* The archive was faster than retention, the live book was not: what that has lost stays lost. */
static void what_the_live_book_lost_is_not_found_again(void **state)
{
    struct world world;
    struct rebuild_result result;

    (void)state;
    open_world(&world, PARTITIONS);
    rebuild_configure(&world);
    rebuild_send_events(&world, 0, 150);
    rebuild_consume(&world);
    rebuild_send_events(&world, 150, 2850);
    rebuild_archive(&world);
    (void)mock_expire(&world.mock, "requests", 1);
    accept_losses(&world, false);
    accept_losses(&world, true); /* of the ballast */
    rebuild_aggregate(&world);
    result = rebuild_plainly(&world);
    assert_int_equal(result.different, 0);
    assert_true(result.known_lost > 900);
    rebuild_sound(&world);
    close_world(&world);
}

/* The other way round: that month cannot be counted again, but the next one can. */
static void what_the_archive_lost_is_missed_where_it_matters(void **state)
{
    struct world world;

    (void)state;
    open_world(&world, PARTITIONS);
    rebuild_configure(&world);
    rebuild_send_events(&world, 0, 3000);
    rebuild_consume(&world);
    rebuild_archive(&world);
    rebuild_send_events(&world, 3000, 900);
    rebuild_consume(&world);
    (void)mock_expire(&world.mock, "requests", 1);
    accept_losses(&world, true);
    accept_losses(&world, false); /* of the ballast */
    rebuild_send_events(&world, 5000, 900);
    rebuild_consume(&world);
    rebuild_archive(&world);
    rebuild_aggregate(&world);
    assert_true(ask(&world, "SELECT to_offset - from_offset FROM batch_range WHERE kind = 'lost' "
                            "AND book_id > 1") > 300);
    refuse(&world, ERR_DATA, "are lost to the archive");
    assert_int_equal(
        rebuild_with(&world, (struct rebuild_options){.month = "2026-10", .thread_count = 2})
            .different,
        0);
    rebuild_sound(&world);
    close_world(&world);
}

/* --- retention --- */

static void tell(void *context, const struct archive_file *file)
{
    (void)context, (void)file;
}

static int64_t expire(struct world *world)
{
    struct archive_expire_options options = {.db = world->db, .retention_ns = 1, .tell = tell};
    struct archive_expire_result result;
    struct err err = ERR_INIT;

    if (store_book(world->db, ARCHIVE_BOOK, &options.book_id, &err) != ERR_OK ||
        archive_open_objects(world->config, false, &options.objects, &err) != ERR_OK ||
        archive_expire(&options, &result, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    options.objects->close(options.objects);
    return result.files;
}

static void retention_leaves_what_an_open_rebuild_counts_from(void **state)
{
    struct world world;
    struct rebuild_result result;
    struct err err = ERR_INIT;

    (void)state;
    open_month(&world);
    rebuild_archive(&world);
    fault_set_hook(fail_now, NULL);
    assert_int_equal(
        rebuild_try(&world, (struct rebuild_options){.thread_count = 1}, &result, &err), ERR_STORE);
    fault_set_hook(NULL, NULL);
    assert_int_equal(expire(&world), 0);
    assert_true(rebuild_plainly(&world).ended);
    assert_true(expire(&world) > 0);
    refuse(&world, ERR_DATA, "was deleted (archive.retention)");
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_archive_that_ends_early_is_waited_for),
        cmocka_unit_test(a_file_that_is_missing_or_cut_is_named),
        cmocka_unit_test(a_file_that_rotted_is_not_believed),
        cmocka_unit_test(another_configuration_is_refused),
        cmocka_unit_test(the_registry_may_be_gone),
        cmocka_unit_test(shards_share_it_and_a_run_without_ends_it),
        cmocka_unit_test(small_batches_of_many_threads_are_the_same),
        cmocka_unit_test(nobody_waits_for_the_file_before),
        cmocka_unit_test(a_rival_fences),
        cmocka_unit_test(a_month_needs_only_its_own_part_of_the_archive),
        cmocka_unit_test(what_the_live_book_lost_is_not_found_again),
        cmocka_unit_test(what_the_archive_lost_is_missed_where_it_matters),
        cmocka_unit_test(retention_leaves_what_an_open_rebuild_counts_from),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
