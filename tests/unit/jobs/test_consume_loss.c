/* What a run finds and an operator answers: expired records, topics that are not what they were, topics that are read no more. */
#include "base/fault.h"
#include "tests/unit/jobs/consume_world.h"

#define LOST "SELECT CAST(COALESCE(SUM(absent), 0) AS BIGINT) FROM batch_range WHERE kind = 'lost'"
#define LOST_RANGES "SELECT COUNT(*) FROM batch_range WHERE kind = 'lost'"
#define PARKED "SELECT COUNT(*) FROM partition_offset WHERE parked IS NOT NULL"
#define STREAMS "SELECT COUNT(*) FROM stream"

/* A run that ends so; words: in its error. */
static struct consume_result run(const struct consume_options *options, enum err_code code,
                                 const char *words)
{
    struct consume_result result;
    struct err err = ERR_INIT;

    if (consume_run(options, &result, &err) != code) {
        fail_msg("%d: %s", (int)err.code, err.text);
    }
    if (words != NULL && strstr(err.text, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
    }
    return result;
}

static struct consume_options losing(struct world *world, const char *word)
{
    struct consume_options options = options_of(world);

    options.accept_loss = word;
    return options;
}

static void change(struct world *world, const char *sql)
{
    struct err err = ERR_INIT;

    if (db_exec(world->db, sql, &err) != ERR_OK) {
        fail_msg("%s: %s", sql, err.text);
    }
}

/* Ten records of each of two partitions were read, ten more of each written, and those of partition 1 have expired. */
static void open_expired(struct world *world)
{
    open_world(world, 2);
    send_events(world, 0, 20, 2);
    (void)drain(world);
    send_events(world, 20, 20, 2);
    (void)mock_expire(&world->mock, "requests", 1);
}

static void a_parked_partition_waits_for_the_word_that_names_it(void **state)
{
    struct world world;
    struct consume_options options;
    struct consume_result result;

    (void)state;
    open_expired(&world);
    options = losing(&world, NULL);
    (void)run(&options, ERR_BROKER, "--accept-loss requests/1");
    assert_int_equal(ask(&world, PARKED), 1);
    options = losing(&world, "requests/0");
    result = run(&options, ERR_BROKER, "partition 1: offsets 10 to ");
    assert_int_equal(result.lost, 0);
    assert_int_equal(ask(&world, LOST_RANGES), 0);
    options = losing(&world, "requests/1");
    result = run(&options, ERR_OK, NULL);
    assert_int_equal(ask(&world, PARKED), 0);
    assert_int_equal(ask(&world, LOST), result.lost);
    assert_true(result.lost > 10);
    assert_int_equal(result.parked_partitions, 0);
    /* Everything from there on was read, and nothing is accepted twice. */
    assert_int_equal(ask(&world, COVERED), 20 + 10 + 22);
    options = losing(&world, "all");
    assert_int_equal(run(&options, ERR_OK, NULL).lost, 0);
    assert_int_equal(ask(&world, LOST_RANGES), 1);
    close_world(&world);
}

/* Record 19, the last that was read of partition 1, has the time stamp TIME_MS + 19 s; what is left was written now. */
static void a_loss_spans_the_time_between_its_neighbours(void **state)
{
    struct world world;
    struct consume_options options;
    int64_t before_ns = clock_now_ns(clock_system());

    (void)state;
    open_expired(&world);
    options = losing(&world, "requests");
    (void)run(&options, ERR_OK, NULL);
    assert_int_equal(ask(&world, "SELECT first_time_ns FROM batch_range WHERE kind = 'lost'"),
                     (TIME_MS + 19000) * NS_PER_MS);
    assert_true(ask(&world, "SELECT last_time_ns FROM batch_range WHERE kind = 'lost'") >=
                before_ns / NS_PER_MS * NS_PER_MS);
    close_world(&world);
}

/* Nothing was ever read of the partition: the records are younger than what was known to be complete. */
static void a_loss_without_a_record_before_begins_at_the_last_note(void **state)
{
    struct world world;
    struct consume_options options;

    (void)state;
    open_world(&world, 1);
    (void)drain(&world);
    send_events(&world, 0, 10, 1);
    (void)mock_expire(&world.mock, "requests", 0);
    change(&world, "UPDATE partition_offset SET drained_ns = 1700000000000000000");
    options = losing(&world, "all");
    (void)run(&options, ERR_OK, NULL);
    assert_int_equal(ask(&world, "SELECT first_time_ns FROM batch_range WHERE kind = 'lost'"),
                     INT64_C(1700000000000000000));
    close_world(&world);
}

/* --- faults and rivals --- */

struct fault_plan {
    struct world *world;
    const char *place;
    bool meet; /* another run accepts there, instead of an error */
    bool done;
};

static bool at_place(const char *name, void *context)
{
    struct fault_plan *plan = context;
    struct consume_options options;

    if (plan->done || strcmp(name, plan->place) != 0) {
        return false;
    }
    plan->done = true;
    if (plan->meet) {
        options = losing(plan->world, "all");
        assert_true(run(&options, ERR_OK, NULL).lost > 0);
    }
    return !plan->meet;
}

static void a_run_that_fails_on_the_way_is_repeated_once(void **state)
{
    static const char *const places[] = {"consume.loss.before", "consume.loss.after",
                                         "ledger.commit.after"};

    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct world world;
        struct fault_plan plan = {.world = &world, .place = places[i]};
        struct consume_options options;
        struct consume_result result;
        struct err err = ERR_INIT;

        open_expired(&world);
        options = losing(&world, "all");
        fault_set_hook(at_place, &plan);
        (void)consume_run(&options, &result, &err);
        assert_true(plan.done);
        fault_set_hook(NULL, NULL);
        (void)run(&options, ERR_OK, NULL);
        assert_int_equal(ask(&world, LOST_RANGES), 1);
        assert_int_equal(ask(&world, COVERED), 20 + 10 + 22);
        close_world(&world);
    }
}

static void two_runs_accept_at_once(void **state)
{
    struct world world;
    struct fault_plan plan = {.world = &world, .place = "consume.loss.before", .meet = true};
    struct consume_options options;

    (void)state;
    open_expired(&world);
    options = losing(&world, "all");
    fault_set_hook(at_place, &plan);
    assert_int_equal(run(&options, ERR_OK, NULL).lost, 0);
    fault_set_hook(NULL, NULL);
    assert_true(plan.done);
    assert_int_equal(ask(&world, LOST_RANGES), 1);
    assert_int_equal(ask(&world, COVERED), 20 + 10 + 22);
    close_world(&world);
}

static void words_that_name_nothing_are_refused(void **state)
{
    static const char *const words[] = {"request", "requests/", "requests/x", "requests/-1",
                                        "other/0"};
    struct world world;
    struct consume_options options;

    (void)state;
    open_world(&world, 1);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        options = losing(&world, words[i]);
        (void)run(&options, ERR_USAGE, "--accept-loss");
    }
    options = options_of(&world);
    options.accept_new = "requests/0";
    (void)run(&options, ERR_USAGE, "--accept-new requests/0");
    options = options_of(&world);
    options.close_topic = "other";
    (void)run(&options, ERR_USAGE, "no topic of that name");
    close_world(&world);
}

/* --- which topic it is --- */

static void a_topic_that_was_created_again_is_read_anew_once_accepted(void **state)
{
    struct world world;
    struct consume_options options;

    (void)state;
    open_world(&world, 2);
    send_events(&world, 0, 20, 2);
    (void)drain(&world);
    change(&world, "UPDATE partition_offset SET next_offset = 50 WHERE partition_id = 1");
    options = options_of(&world);
    options.same_topic = "all";
    (void)run(&options, ERR_BROKER, "--accept-new requests");
    options = options_of(&world);
    options.accept_new = "requests";
    assert_int_equal(run(&options, ERR_OK, NULL).records, 20);
    assert_int_equal(ask(&world, "SELECT incarnation FROM stream WHERE closed_ns IS NULL"), 2);
    assert_int_equal(run(&options, ERR_OK, NULL).records, 0);
    assert_int_equal(ask(&world, STREAMS), 2);
    close_world(&world);
}

static void a_guard_of_another_time_is_another_topic(void **state)
{
    struct world world;
    struct consume_options options;

    (void)state;
    open_world(&world, 2);
    send_events(&world, 0, 20, 2);
    (void)drain(&world);
    change(&world, "UPDATE partition_offset SET guard_time_ns = guard_time_ns + 1000000");
    options = options_of(&world);
    (void)run(&options, ERR_BROKER, "offset 9 is not the record that was read there");
    options.accept_new = "all";
    assert_int_equal(run(&options, ERR_OK, NULL).accepted_topics, 1);
    close_world(&world);
}

/* The guard stands at an offset that has no record any more; where another partition still has its own, nobody is asked. */
static void a_guard_that_is_gone_asks_unless_another_decides(void **state)
{
    struct world world;
    struct consume_options options;

    (void)state;
    open_world(&world, 2);
    send_events(&world, 0, 20, 2);
    (void)drain(&world);
    change(&world, "UPDATE partition_offset SET guard_offset = 9, next_offset = 10"); /* as it is */
    send_events(&world, 20, 20, 2);
    change(&world, "UPDATE partition_offset SET guard_offset = 25 WHERE partition_id = 1");
    assert_int_equal(drain(&world).records, 20);
    send_events(&world, 40, 20, 2);
    change(&world, "UPDATE partition_offset SET guard_offset = 100");
    options = options_of(&world);
    (void)run(&options, ERR_BROKER, "--same-topic requests");
    assert_int_equal(ask(&world, TALLIED), 40);
    options.same_topic = "requests";
    assert_int_equal(run(&options, ERR_OK, NULL).records, 20);
    assert_int_equal(ask(&world, STREAMS), 1);
    close_world(&world);
}

static void a_topic_with_a_gone_guard_and_nothing_to_read_is_left_alone(void **state)
{
    struct world world;

    (void)state;
    open_world(&world, 1);
    send_events(&world, 0, 10, 1);
    (void)drain(&world);
    change(&world, "UPDATE partition_offset SET guard_offset = 100");
    assert_int_equal(drain(&world).records, 0);
    close_world(&world);
}

static void a_move_to_another_cluster_is_accepted_or_left(void **state)
{
    struct world world;
    struct consume_options options;

    (void)state;
    open_world(&world, 1);
    send_events(&world, 0, 10, 1);
    (void)drain(&world);
    change(&world, "UPDATE stream SET cluster = 'the one before'");
    options = options_of(&world);
    options.same_topic = "all"; /* offsets of another cluster are not these */
    (void)run(&options, ERR_BROKER, "was read from another cluster named test");
    assert_int_equal(ask(&world, STREAMS), 1);
    options = options_of(&world);
    options.accept_new = "all";
    assert_int_equal(run(&options, ERR_OK, NULL).records, 10);
    assert_int_equal(run(&options, ERR_OK, NULL).records, 0);
    assert_int_equal(ask(&world, "SELECT COUNT(*) FROM stream WHERE closed_ns IS NULL AND "
                                 "incarnation = 1"),
                     1);
    close_world(&world);
}

static void a_topic_that_is_read_no_more_is_closed_and_may_come_back(void **state)
{
    struct world world;
    struct consume_options options;

    (void)state;
    open_world(&world, 1);
    send_events(&world, 0, 10, 1);
    (void)drain(&world);
    options = options_of(&world);
    options.close_topic = "requests";
    (void)run(&options, ERR_USAGE, "take it out first");
    change(
        &world,
        "INSERT INTO stream (stream_id, cluster, cluster_name, topic, incarnation, kind, checksum) "
        "VALUES (9, 'x', 'test', 'old', 1, 'requests', 0)");
    options.close_topic = "old";
    assert_int_equal(run(&options, ERR_OK, NULL).closed_streams, 1);
    assert_int_equal(run(&options, ERR_OK, NULL).closed_streams, 0);
    change(&world, "UPDATE stream SET closed_ns = 1");
    options = options_of(&world);
    send_events(&world, 10, 5, 1);
    (void)run(&options, ERR_BROKER, "--same-topic requests");
    options.same_topic = "requests";
    assert_int_equal(run(&options, ERR_OK, NULL).records, 5);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_parked_partition_waits_for_the_word_that_names_it),
        cmocka_unit_test(a_loss_spans_the_time_between_its_neighbours),
        cmocka_unit_test(a_loss_without_a_record_before_begins_at_the_last_note),
        cmocka_unit_test(a_run_that_fails_on_the_way_is_repeated_once),
        cmocka_unit_test(two_runs_accept_at_once),
        cmocka_unit_test(words_that_name_nothing_are_refused),
        cmocka_unit_test(a_topic_that_was_created_again_is_read_anew_once_accepted),
        cmocka_unit_test(a_guard_of_another_time_is_another_topic),
        cmocka_unit_test(a_guard_that_is_gone_asks_unless_another_decides),
        cmocka_unit_test(a_topic_with_a_gone_guard_and_nothing_to_read_is_left_alone),
        cmocka_unit_test(a_move_to_another_cluster_is_accepted_or_left),
        cmocka_unit_test(a_topic_that_is_read_no_more_is_closed_and_may_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
