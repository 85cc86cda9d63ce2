/* Consume runs that meet something: a signal, a rival on the same partition, other members of a group. */
#include <pthread.h>
#include <signal.h>

#include "jobs/stop.h"
#include "tests/unit/jobs/consume_world.h"

struct interruption {
    int64_t after;
    int signal_number;
};

static void interrupt(void *context, int64_t done, int64_t total)
{
    struct interruption *interruption = context;

    (void)total;
    if (done >= interruption->after) {
        stop_set(interruption->signal_number);
    }
}

static void a_signal_ends_a_drain_with_a_commit(void **state)
{
    struct interruption interruption = {1000, SIGTERM}; /* not in the records that are held back */
    struct world world;
    struct consume_options options;
    struct consume_result result;
    struct err err = ERR_INIT;

    (void)state;
    open_world(&world, 1);
    send_events(&world, 0, 20000, 1);
    options = options_of(&world);
    options.progress = interrupt;
    options.context = &interruption;
    assert_int_equal(consume_run(&options, &result, &err), ERR_OK);
    assert_true(result.interrupted);
    assert_in_range(result.records, 1000, 19999);
    assert_int_equal(ask(&world, COVERED), result.records);
    assert_int_equal(ask(&world, DRAINED), 0);
    stop_set(0);
    assert_int_equal(drain(&world).records, 20000 - result.records);
    assert_int_equal(ask(&world, TALLIED), 20000);
    close_world(&world);
}

static void following_goes_on_until_it_is_told_to_stop(void **state)
{
    struct interruption interruption = {30, SIGTERM};
    struct world world;
    struct consume_options options;
    struct consume_result result;
    struct err err = ERR_INIT;

    (void)state;
    open_world(&world, 2);
    send_events(&world, 0, 30, 2);
    options = options_of(&world);
    options.follow = true;
    options.progress = interrupt;
    options.context = &interruption;
    assert_int_equal(consume_run(&options, &result, &err), ERR_OK);
    assert_true(result.interrupted);
    assert_int_equal(result.records, 30);
    assert_int_equal(ask(&world, TALLIED), 30);
    stop_set(0);
    close_world(&world);
}

/* While this run reads, another one of the same shard commits the same partition: the second commit is fenced. */
struct rival {
    struct world *world;
    bool done;
};

static void let_the_rival_run(void *context, int64_t done, int64_t total)
{
    struct rival *rival = context;

    (void)total;
    if (done > 0 && !rival->done) {
        rival->done = true;
        assert_int_equal(drain(rival->world).records, 2000);
    }
}

static void two_runs_on_one_partition_count_it_once(void **state)
{
    struct world world;
    struct rival rival = {.world = &world};
    struct consume_options options;
    struct consume_result result;

    (void)state;
    open_world(&world, 1);
    send_events(&world, 0, 2000, 1);
    options = options_of(&world);
    options.progress = let_the_rival_run;
    options.context = &rival;
    result = run_through(&options);
    assert_true(rival.done);
    assert_int_equal(result.records, 0); /* all of it was the other's */
    assert_int_equal(ask(&world, TALLIED), 2000);
    assert_int_equal(ask(&world, COVERED), 2000);
    close_world(&world);
}

/* Moves the ledger by one record behind the run's back, `times` times: at the first records, and again whenever a fence has set
 * the run back. Each makes the next commit fenced. */
struct push {
    struct world *world;
    int times;
    int64_t last_done;
};

static void push_the_offset(void *context, int64_t done, int64_t total)
{
    struct push *push = context;
    struct err err = ERR_INIT;

    (void)total;
    if (done > 0 && push->times > 0 && (push->last_done == 0 || done < push->last_done)) {
        push->times--;
        assert_int_equal(db_exec(push->world->db,
                                 "UPDATE partition_offset SET next_offset = next_offset + 1", &err),
                         ERR_OK);
    }
    push->last_done = done;
}

static enum err_code run_pushed(struct world *world, int times, struct consume_result *ret_result)
{
    struct push push = {world, times, 0};
    struct consume_options options = options_of(world);
    struct err err = ERR_INIT;

    options.progress = push_the_offset;
    options.context = &push;
    options.batch_records_max =
        2500; /* in the middle of a poll: what is behind it is stale after a fence */
    return consume_run(&options, ret_result, &err);
}

static void a_shard_that_is_fenced_goes_on_from_the_ledger(void **state)
{
    struct world world;
    struct consume_result result;

    (void)state;
    open_world(&world, 1);
    send_events(&world, 0, 20000, 1);
    assert_int_equal(run_pushed(&world, 1, &result), ERR_OK);
    assert_int_equal(result.records, 19999);
    assert_int_equal(result.absent, 0);
    assert_int_equal(ask(&world, TALLIED), 19999);
    close_world(&world);
}

/* Two schedulers are at work: one has to go. */
static void a_shard_that_is_fenced_twice_gives_up(void **state)
{
    struct world world;
    struct consume_result result;

    (void)state;
    open_world(&world, 1);
    send_events(&world, 0, 20000, 1);
    assert_int_equal(run_pushed(&world, 2, &result), ERR_FENCED);
    close_world(&world);
}

static void a_group_member_drains_what_the_group_gives_it(void **state)
{
    struct world world;
    struct consume_result result;

    (void)state;
    open_world(&world, 4);
    configure(&world, world.mock.servers, "members", MAP, "");
    send_events(&world, 0, 2000, 4);
    result = drain(&world);
    assert_int_equal(result.records, 2000);
    assert_int_equal(ask(&world, TALLIED), 2000);
    assert_int_equal(ask(&world, DRAINED), 4);
    close_world(&world);
}

/* A second member joins while the first one reads, in a thread with a store connection of its own. */
struct member {
    struct world *world;
    pthread_t thread;
    bool started;
    struct consume_result result;
    struct err err;
    enum err_code code;
};

static void *run_member(void *argument)
{
    struct member *member = argument;
    struct world world = *member->world;
    struct consume_options options;

    random_init_seed(&world.random, 2);
    open_store(&world);
    options = options_of(&world);
    options.batch_records_max = 1000;
    member->code = consume_run(&options, &member->result, &member->err);
    db_close(world.db);
    return NULL;
}

static void start_member(void *context, int64_t done, int64_t total)
{
    struct member *member = context;

    (void)total;
    if (done > 0 && !member->started) {
        member->started = true;
        assert_int_equal(pthread_create(&member->thread, NULL, run_member, member), 0);
    }
    if (done > 0) {
        clock_sleep_ns(clock_system(),
                       20 * NS_PER_MS); /* slow enough for the rebalance to come in between */
    }
}

static void members_that_come_and_go_count_every_record_once(void **state)
{
    enum { RECORDS = 60000 };
    struct world world;
    struct member second = {.world = &world, .err = ERR_INIT};
    struct consume_options options;
    struct consume_result result;

    (void)state;
    open_world(&world, 4);
    configure(&world, world.mock.servers, "members", MAP, "");
    send_events(&world, 0, RECORDS, 4);
    options = options_of(&world);
    options.batch_records_max = 1000;
    options.progress = start_member;
    options.context = &second;
    result = run_through(&options);
    assert_true(second.started);
    assert_int_equal(pthread_join(second.thread, NULL), 0);
    if (second.code != ERR_OK) {
        fail_msg("%s", second.err.text);
    }
    assert_int_equal(result.records + second.result.records, RECORDS);
    assert_int_equal(result.absent + second.result.absent, 0);
    assert_int_equal(ask(&world, TALLIED), RECORDS);
    assert_int_equal(ask(&world, COVERED), RECORDS);
    assert_int_equal(ask(&world, DRAINED), 4);
    close_world(&world);
}

/* A group that gives this member nothing: the others have read everything, and one of them is just leaving. */
static enum err_code join_nothing(struct source *source, struct err *err)
{
    (void)source, (void)err;
    return ERR_OK;
}

static enum err_code poll_nothing(struct source *source, int64_t timeout_ns,
                                  const struct source_item **ret_items, size_t *ret_count,
                                  struct err *err)
{
    static const struct source_item nothing = {.kind = SOURCE_ASSIGNED, .record.partition = -1};

    (void)source, (void)err;
    clock_sleep_ns(clock_system(), timeout_ns);
    *ret_items = &nothing;
    *ret_count = 1;
    return ERR_OK;
}

/* Between two members a partition is nobody's for a moment. If the drain ends then, somebody has to note it all the same. */
static void a_member_without_partitions_notes_what_others_have_drained(void **state)
{
    static const char *const topics[] = {"requests"};
    struct source_options source_options = {.topics = topics, .topic_count = 1};
    struct world world;
    struct consume_options options;
    struct consume_result result;
    struct err err = ERR_INIT;

    (void)state;
    open_world(&world, 2);
    send_events(&world, 0, 100, 2);
    (void)drain(&world);
    assert_int_equal(db_exec(world.db, "UPDATE partition_offset SET drained_ns = NULL", &err),
                     ERR_OK);
    configure(&world, world.mock.servers, "members", MAP, "");
    options = options_of(&world);
    source_options.bootstrap_servers = world.mock.servers;
    assert_int_equal(source_kafka_open(&source_options, &options.source, &err), ERR_OK);
    options.source->join = join_nothing;
    options.source->poll = poll_nothing;
    result = run_through(&options);
    assert_int_equal(result.records, 0);
    assert_int_equal(ask(&world, DRAINED), 2);
    options.source->close(options.source);
    close_world(&world);
}

static void a_partition_that_was_added_later_begins_at_zero(void **state)
{
    struct world world;

    (void)state;
    open_world(&world, 1);
    send_events(&world, 0, 10, 1);
    (void)drain(&world);
    /* The mock cannot add partitions: take one away from the ledger instead. */
    close_world(&world);
    open_world(&world, 2);
    configure(&world, world.mock.servers, NULL, MAP, "    start: latest\n");
    send_events(&world, 0, 10, 2);
    assert_int_equal(drain(&world).records, 0);
    {
        struct err err = ERR_INIT;

        assert_int_equal(
            db_exec(world.db, "DELETE FROM partition_offset WHERE partition_id = 1", &err), ERR_OK);
    }
    assert_int_equal(drain(&world).records, 5);
    assert_int_equal(ask(&world, "SELECT origin FROM partition_offset WHERE partition_id = 1"), 0);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_ends_a_drain_with_a_commit),
        cmocka_unit_test(following_goes_on_until_it_is_told_to_stop),
        cmocka_unit_test(two_runs_on_one_partition_count_it_once),
        cmocka_unit_test(a_shard_that_is_fenced_goes_on_from_the_ledger),
        cmocka_unit_test(a_shard_that_is_fenced_twice_gives_up),
        cmocka_unit_test(a_group_member_drains_what_the_group_gives_it),
        cmocka_unit_test(members_that_come_and_go_count_every_record_once),
        cmocka_unit_test(a_member_without_partitions_notes_what_others_have_drained),
        cmocka_unit_test(a_partition_that_was_added_later_begins_at_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
