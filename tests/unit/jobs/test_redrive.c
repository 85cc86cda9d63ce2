/* A redrive run beside consume runs: from dead letters under a wrong mapping to the books of one that was right. */
#include "aggregator/audit.h"
#include "base/fault.h"
#include "jobs/pipeline/connect.h"
#include "jobs/pipeline/redrive.h"
#include "tests/unit/jobs/consume_world.h"

/* Success is a number that nobody sends, so that every record is bad_outcome; a topic with records that were good before is proven. */
#define MAP_WITH(outcome)                                                                          \
    "      service: service\n      time: ts\n      outcome: " outcome                              \
    "\n      latency: {path: us, unit: us}\n"
#define WRONG MAP_WITH("{path: status, success: [200], error: [500]}")
#define RIGHT MAP_WITH("{path: status, success: [200], error: [500, 503]}")
#define STILL_DEAD "SELECT COUNT(*) FROM dead_letter WHERE resolved_by IS NULL"
#define IN_BOOKS                                                                                   \
    "SELECT CAST(SUM(tallied) AS BIGINT) FROM (SELECT tallied FROM batch_range UNION ALL "         \
    "SELECT tallied FROM moved) r"

static struct redrive_options redrive_options_of(struct world *world)
{
    return (struct redrive_options){.config = world->config,
                                    .db = world->db,
                                    .book_id = world->book_id,
                                    .clock = clock_system(),
                                    .random = &world->random,
                                    .http = &world->fake.http,
                                    .patience_ns = 20 * NS_PER_SECOND};
}

static struct redrive_result redrive(struct world *world)
{
    struct redrive_options options = redrive_options_of(world);
    struct redrive_result result;
    struct err err = ERR_INIT;

    if (redrive_run(&options, &result, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    return result;
}

static bool no_gaps(void *context, struct str topic)
{
    (void)context, (void)topic;
    return false;
}

static void refuse_finding(void *context, const char *line)
{
    (void)context;
    fail_msg("%s", line);
}

static void assert_sound(struct world *world)
{
    struct audit_report report;
    struct err err = ERR_INIT;

    assert_int_equal(
        audit_run(world->db, world->book_id, no_gaps, refuse_finding, NULL, &report, &err), ERR_OK);
}

/* 1,000 events over three partitions; the 100 errors are dead letters. */
static void open_wrong(struct world *world, const char *more)
{
    open_world(world, 3);
    configure(world, world->mock.servers, NULL, WRONG, more);
    send_events(world, 0, 1000, 3);
    assert_int_equal(drain(world).dead_lettered, 100);
    configure(world, world->mock.servers, NULL, RIGHT, more);
}

static void a_repaired_mapping_counts_what_was_dead(void **state)
{
    struct world world;
    struct redrive_options options;
    struct redrive_result result;
    struct err err = ERR_INIT;

    (void)state;
    open_wrong(&world, "");
    options = redrive_options_of(&world);
    options.dry_run = true;
    assert_int_equal(redrive_run(&options, &result, &err), ERR_OK);
    assert_int_equal(result.tallied, 100);
    assert_int_equal(ask(&world, STILL_DEAD), 100); /* a dry run writes nothing */
    assert_int_equal(ask(&world, "SELECT COUNT(*) FROM moved"), 0);
    options.dry_run = false;
    options.reason = STR("bad_name");
    assert_int_equal(redrive_run(&options, &result, &err), ERR_OK);
    assert_int_equal(result.letters, 0);
    options.reason = STR("bad_outcome");
    options.letters_max = 7;
    assert_int_equal(redrive_run(&options, &result, &err), ERR_OK);
    assert_int_equal(result.letters, 100);
    assert_int_equal(result.tallied, 100);
    assert_int_equal(result.batches, 15);
    assert_int_equal(ask(&world, STILL_DEAD), 0);
    assert_int_equal(ask(&world, IN_BOOKS), 1000);
    assert_sound(&world);
    assert_int_equal(redrive(&world).letters, 0);
    assert_int_equal(ask(&world, IN_BOOKS), 1000);
    close_world(&world);
}

/* At the third step of the one, the other one counts everything that is left. */
struct meeting {
    struct world *world;
    int passages;
    int64_t others;
};

static bool meet(const char *name, void *context)
{
    struct meeting *meeting = context;
    struct world other = *meeting->world;

    if (strcmp(name, "jobs.redrive.commit") != 0 || ++meeting->passages != 3) {
        return false;
    }
    fault_set_hook(NULL, NULL);
    open_store(&other);
    meeting->others = redrive(&other).tallied;
    db_close(other.db);
    fault_set_hook(meet, meeting);
    return false;
}

static void two_runs_share_what_is_dead(void **state)
{
    struct world world;
    struct meeting meeting = {.world = &world};
    struct redrive_options options;
    struct redrive_result result;
    struct err err = ERR_INIT;

    (void)state;
    open_wrong(&world, "");
    options = redrive_options_of(&world);
    options.letters_max = 10;
    fault_set_hook(meet, &meeting);
    assert_int_equal(redrive_run(&options, &result, &err), ERR_OK);
    fault_set_hook(NULL, NULL);
    assert_int_equal(meeting.passages, 3);
    assert_int_equal(meeting.others, 80);
    assert_int_equal(result.tallied, 20);
    assert_int_equal(result.letters, 20); /* the step that was dropped is not reported */
    assert_int_equal(result.missed, 1);
    assert_int_equal(ask(&world, IN_BOOKS), 1000);
    assert_int_equal(ask(&world, STILL_DEAD), 0);
    assert_sound(&world);
    close_world(&world);
}

/* Letters that are bad in another way now are reported by that, and stay as they were. */
static void what_still_fails_stays_as_it_is(void **state)
{
    struct world world;
    struct redrive_result result;

    (void)state;
    open_wrong(&world, "");
    configure(&world, world.mock.servers, NULL, RIGHT "services: [{name: other}]\n",
              "    services: declared\n");
    result = redrive(&world);
    assert_int_equal(result.letters, 100);
    assert_int_equal(result.tallied, 0);
    assert_int_equal(result.dead[VERDICT_UNDECLARED_SERVICE].letters, 100);
    assert_string_equal(result.dead[VERDICT_UNDECLARED_SERVICE].example,
                        "topic requests, partition 0, offset 0: service \"service-0\"");
    assert_int_equal(ask(&world, "SELECT COUNT(*) FROM dead_letter WHERE reason = 'bad_outcome' "
                                 "AND resolved_by IS NULL"),
                     100);
    assert_int_equal(ask(&world, "SELECT COUNT(*) FROM batch"), 1);
    /* An exclusion of the new mapping. */
    configure(&world, world.mock.servers, NULL,
              MAP_WITH("{path: status, success: [200], exclude: [503]}"), "");
    result = redrive(&world);
    assert_int_equal(result.excluded, 100);
    assert_int_equal(ask(&world, STILL_DEAD), 0);
    assert_int_equal(ask(&world, IN_BOOKS), 900);
    assert_sound(&world);
    close_world(&world);
}

static void a_mapping_that_finds_nothing_is_a_configuration_error(void **state)
{
    struct world world;
    struct redrive_options options;
    struct redrive_result result;
    struct err err = ERR_INIT;

    (void)state;
    open_wrong(&world, "");
    configure(&world, world.mock.servers, NULL,
              "      service: nothing\n      time: ts\n      outcome: status\n", "");
    options = redrive_options_of(&world);
    assert_int_equal(redrive_run(&options, &result, &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "nothing"));
    assert_int_equal(ask(&world, STILL_DEAD), 100);
    close_world(&world);
}

/* Cut and expired bytes come from the topic; the letter keeps what the store had. */
static void bytes_that_are_not_in_the_store_are_read_again(void **state)
{
    struct world world;
    struct redrive_result result;
    int64_t emptied;
    struct err err = ERR_INIT;

    (void)state;
    open_world(&world, 3);
    configure(&world, world.mock.servers, NULL, WRONG, "");
    world.config->dead_letter_bytes_max = 9;
    send_events(&world, 0, 1000, 3);
    assert_int_equal(drain(&world).dead_lettered, 100);
    assert_int_equal(ask(&world, "SELECT COUNT(*) FROM dead_letter WHERE content = 'cut'"), 100);
    assert_int_equal(dead_letter_expire(world.db, world.book_id, INT64_MAX, &emptied, &err),
                     ERR_OK);
    assert_int_equal(emptied, 100);
    assert_int_equal(ask(&world, "SELECT COUNT(*) FROM dead_letter WHERE content = 'expired' AND "
                                 "length(bytes) = 0 AND record_size > 9"),
                     100);
    configure(&world, world.mock.servers, NULL, RIGHT, "");
    result = redrive(&world);
    assert_int_equal(result.tallied, 100);
    assert_int_equal(ask(&world, IN_BOOKS), 1000);
    assert_sound(&world);
    close_world(&world);
}

/* From now on the store's streams are those of the cluster that answers now; by hand, so the audit is right to complain. */
static void adopt_cluster(struct world *world)
{
    struct arena arena = ARENA_INIT;
    struct source *source;
    struct db_stmt *stmt;
    struct strbuf id;
    struct err err = ERR_INIT;

    strbuf_init(&id, 256);
    assert_int_equal(connect_source(world->config, false, &arena, &source, &err), ERR_OK);
    assert_int_equal(source->cluster_id(source, &id, &err), ERR_OK);
    assert_int_equal(db_prepare(world->db, "UPDATE stream SET cluster = $1", &stmt, &err), ERR_OK);
    db_bind_text(stmt, 1, strbuf_view(&id));
    assert_int_equal(db_run(stmt, NULL, &err), ERR_OK);
    source->close(source);
    strbuf_release(&id);
    arena_release(&arena);
}

static void cut_bytes_are_held_against_what_is_there_now(void **state)
{
    struct world world;
    struct mock_broker first;
    struct redrive_result result;

    (void)state;
    open_world(&world, 1);
    configure(&world, world.mock.servers, NULL, WRONG, "");
    world.config->dead_letter_bytes_max = 9;
    send_events(&world, 0, 1000, 1);
    assert_int_equal(drain(&world).dead_lettered, 100);
    /* Another topic of the same name, as far as one can see from here. The first cluster is there until the second has its id, which is
     * made from an address. */
    first = world.mock;
    mock_open(&world.mock);
    mock_close(&first);
    mock_topic(&world.mock, "requests", 1);
    configure(&world, world.mock.servers, NULL, RIGHT, "");
    send_events(&world, 3, 500, 1);
    assert_int_equal(redrive(&world).lost[REREAD_REPLACED].letters, 100);
    adopt_cluster(&world);
    result = redrive(&world);
    assert_int_equal(result.tallied, 0);
    assert_int_equal(result.lost[REREAD_OTHER].letters, 50);
    assert_int_equal(result.lost[REREAD_GONE].letters, 50); /* behind its end */
    assert_string_equal(result.lost[REREAD_OTHER].example,
                        "topic requests, partition 0, offset 0: cut");
    assert_int_equal(ask(&world, STILL_DEAD), 100);
    close_world(&world);
}

/* Whole letters need no broker. The others stay dead, and the run says that it was the broker. */
static void without_a_broker_only_whole_letters_are_counted(void **state)
{
    struct world world;
    struct redrive_options options;
    struct redrive_result result;
    struct err err = ERR_INIT;

    (void)state;
    open_wrong(&world, "");
    configure(&world, "127.0.0.1:1", NULL, RIGHT, "");
    options = redrive_options_of(&world);
    options.patience_ns = NS_PER_SECOND;
    assert_int_equal(redrive_run(&options, &result, &err), ERR_OK);
    assert_int_equal(result.tallied, 100);
    close_world(&world);

    open_world(&world, 1);
    configure(&world, world.mock.servers, NULL, WRONG, "");
    world.config->dead_letter_bytes_max = 9;
    send_events(&world, 0, 500, 1);
    assert_int_equal(drain(&world).dead_lettered, 50);
    configure(&world, "127.0.0.1:1", NULL, RIGHT, "");
    options = redrive_options_of(&world);
    assert_int_equal(redrive_run(&options, &result, &err), ERR_BROKER);
    assert_non_null(strstr(err.text, "50 dead letters need their records again"));
    assert_int_equal(result.lost[REREAD_SILENT].letters, 50);
    assert_int_equal(ask(&world, STILL_DEAD), 50);
    close_world(&world);
}

static bool holds(struct str text, const char *words)
{
    return text.size > 0 && memmem(text.data, text.size, words, strlen(words)) != NULL;
}

static size_t assert_redacted(struct world *world)
{
    struct dead_letter_query query = {.stream_id = 1,
                                      .after_partition = -1,
                                      .after_offset = -1,
                                      .count_max = 1000,
                                      .size_max = 1 << 20};
    struct arena arena = ARENA_INIT;
    struct dead_letter *letters;
    struct err err = ERR_INIT;
    size_t count;

    assert_int_equal(
        dead_letter_list(world->db, world->book_id, &query, &arena, &letters, &count, &err),
        ERR_OK);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(letters[i].content, LETTER_REDACTED);
        assert_false(holds(letters[i].bytes, "service"));
        assert_false(holds(letters[i].detail, "\""));
        assert_true(holds(letters[i].bytes, "*********") || letters[i].bytes.size == 0);
        assert_true((int64_t)letters[i].bytes.size == letters[i].record_size ||
                    letters[i].bytes.size == 0);
    }
    arena_release(&arena);
    return count;
}

/* Nothing of the named field is in the store, nor in the detail; the redrive has its bytes from the topic. */
static void redacted_fields_are_in_no_row(void **state)
{
    struct world world;
    struct redrive_result result;

    (void)state;
    open_wrong(&world, "    dead_letter_redact: [service]\n");
    assert_int_equal(assert_redacted(&world), 100);
    /* A record that cannot be walked leaves nothing. */
    mock_send(&world.mock, "requests", 0, "\0\0\0\0\1\x7fservice", 13, TIME_MS);
    mock_flush(&world.mock);
    assert_int_equal(drain(&world).dead_lettered, 1);
    assert_int_equal(assert_redacted(&world), 101);
    assert_int_equal(ask(&world, "SELECT record_size FROM dead_letter WHERE reason = 'malformed' "
                                 "AND content = 'redacted' AND length(bytes) = 0"),
                     13);
    result = redrive(&world);
    assert_int_equal(result.tallied, 100);
    assert_int_equal(result.dead[VERDICT_MALFORMED].letters, 1);
    assert_sound(&world);
    close_world(&world);
}

static void old_bytes_are_emptied_after_a_redrive(void **state)
{
    struct world world;
    struct redrive_result result;

    (void)state;
    open_wrong(&world, "");
    world.config->dead_letters_keep_ns = NS_PER_HOUR;
    result = redrive(&world);
    assert_int_equal(result.tallied, 100);
    assert_int_equal(result.expired, 0);
    world.config->dead_letters_keep_ns = 1;
    result = redrive(&world);
    assert_int_equal(result.expired, 100);
    assert_int_equal(ask(&world, "SELECT COUNT(*) FROM dead_letter WHERE content = 'expired' AND "
                                 "resolved_by IS NOT NULL AND length(bytes) = 0"),
                     100);
    assert_sound(&world);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_repaired_mapping_counts_what_was_dead),
        cmocka_unit_test(two_runs_share_what_is_dead),
        cmocka_unit_test(what_still_fails_stays_as_it_is),
        cmocka_unit_test(a_mapping_that_finds_nothing_is_a_configuration_error),
        cmocka_unit_test(bytes_that_are_not_in_the_store_are_read_again),
        cmocka_unit_test(cut_bytes_are_held_against_what_is_there_now),
        cmocka_unit_test(without_a_broker_only_whole_letters_are_counted),
        cmocka_unit_test(redacted_fields_are_in_no_row),
        cmocka_unit_test(old_bytes_are_emptied_after_a_redrive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
