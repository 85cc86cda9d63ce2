/* Dead letters on their way out: once when all goes well, again with the same key when it does not, never lost, and never at the expense of the events. */
#include "base/fault.h"
#include "jobs/pipeline/deliver.h"
#include "tests/unit/jobs/consume_world.h"

#define UNDELIVERED "SELECT COUNT(*) FROM outbox WHERE delivered_ns IS NULL"
#define DELIVERED "SELECT COUNT(*) FROM outbox WHERE delivered_ns IS NOT NULL"

enum { RECORDS_MAX = 3000, SILENCE_MS = 1500 };

/* What somebody else finds in a topic. */
struct found {
    char key[200], value[64], reason[64], detail[256], size[32];
    size_t value_size;
};

struct reader {
    struct found *found; /* owned */
    size_t count;
};

static void copy_header(const rd_kafka_message_t *message, const char *name, char *ret_text,
                        size_t size)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t value_size;

    assert_int_equal(rd_kafka_message_headers(message, &headers), 0);
    assert_int_equal(rd_kafka_header_get_last(headers, name, &value, &value_size), 0);
    assert_true(value_size < size);
    memcpy(ret_text, value, value_size);
    ret_text[value_size] = '\0';
}

static void take(struct reader *reader, const rd_kafka_message_t *message)
{
    struct found *found = &reader->found[reader->count++];

    assert_in_range(reader->count, 1, RECORDS_MAX);
    assert_true(message->key_len < sizeof(found->key));
    assert_true(message->len < sizeof(found->value));
    assert_non_null(message->payload);
    memcpy(found->key, message->key, message->key_len);
    memcpy(found->value, message->payload, message->len);
    found->value_size = message->len;
    copy_header(message, "uptally-reason", found->reason, sizeof(found->reason));
    copy_header(message, "uptally-detail", found->detail, sizeof(found->detail));
    copy_header(message, "uptally-record-size", found->size, sizeof(found->size));
}

/* All records of the topic, which has one partition, up to its present end. */
static struct reader read_topic(struct world *world, const char *topic)
{
    struct reader reader = {.found = calloc(RECORDS_MAX, sizeof(struct found))};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    char text[256];
    rd_kafka_t *handle;
    bool end = false;

    CHECK(rd_kafka_conf_set(conf, "bootstrap.servers", world->mock.servers, text, sizeof(text)) ==
          0);
    CHECK(rd_kafka_conf_set(conf, "group.id", "reader", text, sizeof(text)) == 0);
    CHECK(rd_kafka_conf_set(conf, "enable.auto.commit", "false", text, sizeof(text)) == 0);
    CHECK(rd_kafka_conf_set(conf, "enable.partition.eof", "true", text, sizeof(text)) == 0);
    handle = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    CHECK(handle != NULL);
    rd_kafka_topic_partition_list_add(list, topic, 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    CHECK(rd_kafka_assign(handle, list) == 0);
    while (!end) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(handle, 20000);

        CHECK(message != NULL);
        end = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        if (message->err == 0) {
            take(&reader, message);
        }
        rd_kafka_message_destroy(message);
    }
    rd_kafka_topic_partition_list_destroy(list);
    (void)rd_kafka_consumer_close(handle);
    rd_kafka_destroy(handle);
    return reader;
}

static void open_with_topic(struct world *world)
{
    open_world(world, 1);
    mock_topic(&world->mock, "dead", 1);
    configure(world, world->mock.servers, NULL, MAP, "    dead_letter_topic: dead\n");
}

static enum err_code run(struct world *world, struct err *err)
{
    struct consume_options options = options_of(world);
    struct consume_result result;

    options.delivery_patience_ns = SILENCE_MS * NS_PER_MS;
    return consume_run(&options, &result, err);
}

static void expect_good_run(struct world *world)
{
    struct err err = ERR_INIT;

    if (run(world, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
}

static void send_bad(struct world *world, int count)
{
    for (int i = 0; i < count; i++) {
        mock_send(&world->mock, "requests", 0, "\1bad", 4, TIME_MS);
    }
    mock_flush(&world->mock);
}

static void a_dead_letter_arrives_once_with_its_key_and_reason(void **state)
{
    struct world world;
    struct reader reader;
    char coordinate[200], id[220];
    struct db_stmt *stmt;
    struct err err = ERR_INIT;
    bool row;

    (void)state;
    open_with_topic(&world);
    send_events(&world, 0, 5, 1);
    send_bad(&world, 1);
    mock_send(&world.mock, "requests", 0, "", 0, TIME_MS); /* empty, and no tombstone */
    mock_send(&world.mock, "requests", 0, NULL, 0, TIME_MS);
    mock_flush(&world.mock);
    expect_good_run(&world);
    expect_good_run(&world);
    reader = read_topic(&world, "dead");
    assert_int_equal(reader.count, 2);
    assert_int_equal(db_prepare(world.db, "SELECT cluster FROM stream", &stmt, &err), ERR_OK);
    assert_int_equal(db_step(stmt, &row, &err), ERR_OK);
    (void)snprintf(coordinate, sizeof(coordinate), "%.*s/requests/1/0/5",
                   STR_ARGS(db_column_text(stmt, 0)));
    db_reset(stmt);
    assert_string_equal(reader.found[0].key, coordinate);
    assert_int_equal(reader.found[0].value_size, 4);
    assert_memory_equal(reader.found[0].value, "\1bad", 4);
    assert_string_equal(reader.found[0].reason, "bad_framing");
    assert_true(strlen(reader.found[0].detail) > 0);
    assert_string_equal(reader.found[0].size, "4");
    assert_int_equal(reader.found[1].value_size, 0);
    assert_string_equal(reader.found[1].size, "0");
    assert_int_equal(ask(&world, UNDELIVERED), 0);
    /* The row as it is promised to whoever reads the store. */
    (void)snprintf(id, sizeof(id), "dead-letter/%s", coordinate);
    assert_int_equal(db_prepare(world.db,
                                "SELECT outbox_id, payload FROM outbox ORDER BY outbox_id", &stmt,
                                &err),
                     ERR_OK);
    assert_int_equal(db_step(stmt, &row, &err), ERR_OK);
    assert_true(str_equal(db_column_text(stmt, 0), STR(id)));
    assert_true(
        str_equal(db_column_text(stmt, 1),
                  STR("{\"destination\":\"dead\",\"offset\":5,\"partition\":0,\"stream_id\":1}")));
    db_reset(stmt);
    free(reader.found);
    close_world(&world);
}

/* More than a step; the first letters of a topic's first thousand records may be a hundred. */
static void a_backlog_goes_out_in_steps(void **state)
{
    struct world world;
    struct reader reader;

    (void)state;
    open_with_topic(&world);
    send_events(&world, 0, 10, 1);
    expect_good_run(&world);
    send_bad(&world, 2345);
    expect_good_run(&world);
    reader = read_topic(&world, "dead");
    assert_int_equal(reader.count, 2345);
    assert_int_equal(ask(&world, DELIVERED), 2345);
    free(reader.found);
    close_world(&world);
}

static bool fail_first_mark(const char *name, void *context)
{
    int *left = context;

    return strcmp(name, "jobs.deliver.mark") == 0 && (*left)-- > 0;
}

static void a_death_before_the_mark_delivers_again_with_the_same_key(void **state)
{
    struct world world;
    struct reader reader;
    struct err err = ERR_INIT;
    int left = 1;

    (void)state;
    open_with_topic(&world);
    send_events(&world, 0, 5, 1);
    send_bad(&world, 3);
    fault_set_hook(fail_first_mark, &left);
    assert_int_equal(run(&world, &err), ERR_FAILED);
    fault_set_hook(NULL, NULL);
    assert_int_equal(ask(&world, UNDELIVERED), 3);
    assert_int_equal(ask(&world, TALLIED), 5);
    expect_good_run(&world);
    assert_int_equal(ask(&world, UNDELIVERED), 0);
    reader = read_topic(&world, "dead");
    assert_int_equal(reader.count, 6);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(reader.found[i].key, reader.found[i + 3].key);
        assert_memory_equal(reader.found[i].value, reader.found[i + 3].value, 4);
    }
    assert_string_not_equal(reader.found[0].key, reader.found[1].key);
    free(reader.found);
    close_world(&world);
}

static void a_missing_topic_is_told_and_the_events_are_in(void **state)
{
    struct world world;
    struct reader reader;
    struct err err = ERR_INIT;

    (void)state;
    open_with_topic(&world);
    rd_kafka_mock_topic_set_error(world.mock.cluster, "dead",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    send_events(&world, 0, 5, 1);
    send_bad(&world, 2);
    assert_int_equal(run(&world, &err), ERR_DELIVERY);
    assert_non_null(strstr(err.text, "topic dead, key "));
    assert_int_equal(ask(&world, TALLIED), 5);
    assert_int_equal(ask(&world, COVERED), 7);
    assert_int_equal(ask(&world, UNDELIVERED), 2);
    rd_kafka_mock_topic_set_error(world.mock.cluster, "dead", RD_KAFKA_RESP_ERR_NO_ERROR);
    expect_good_run(&world);
    assert_int_equal(ask(&world, UNDELIVERED), 0);
    reader = read_topic(&world, "dead");
    assert_int_equal(reader.count, 2);
    free(reader.found);
    close_world(&world);
}

/* One topic that is not there does not keep the letters for another. */
static void a_missing_topic_does_not_hold_up_another(void **state)
{
    struct world world;
    struct reader reader;
    struct err err = ERR_INIT;

    (void)state;
    open_with_topic(&world);
    mock_topic(&world.mock, "alive", 1);
    rd_kafka_mock_topic_set_error(world.mock.cluster, "dead",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    send_events(&world, 0, 5, 1);
    expect_good_run(&world);
    send_bad(&world, 1100);
    assert_int_equal(run(&world, &err), ERR_DELIVERY);
    configure(&world, world.mock.servers, NULL, MAP, "    dead_letter_topic: alive\n");
    send_bad(&world, 7);
    assert_int_equal(run(&world, &err), ERR_DELIVERY);
    assert_int_equal(ask(&world, UNDELIVERED), 1100);
    reader = read_topic(&world, "alive");
    assert_int_equal(reader.count, 7);
    free(reader.found);
    close_world(&world);
}

static void a_broker_that_is_away_is_told_with_its_cause(void **state)
{
    struct world world;
    struct deliver deliver;
    struct err err = ERR_INIT;

    (void)state;
    open_with_topic(&world);
    send_bad(&world, 2);
    rd_kafka_mock_topic_set_error(world.mock.cluster, "dead",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_int_equal(run(&world, &err), ERR_DELIVERY);
    configure(&world, "127.0.0.1:1", NULL, MAP, "    dead_letter_topic: dead\n");
    deliver_open(&deliver, &(struct deliver_options){.config = world.config,
                                                     .db = world.db,
                                                     .book_id = world.book_id,
                                                     .patience_ns = SILENCE_MS * NS_PER_MS});
    deliver_run(&deliver);
    assert_int_equal(deliver_result(&deliver, &err), ERR_DELIVERY);
    assert_non_null(strstr(err.text, "Connection refused"));
    deliver_close(&deliver);
    assert_int_equal(ask(&world, UNDELIVERED), 2);
    close_world(&world);
}

/* Who was asked to stop waits no longer than a moment, and does not call the broker bad for that. */
static void a_request_to_stop_leaves_the_rest_to_the_next_run(void **state)
{
    struct world world;
    struct deliver deliver;
    struct err err = ERR_INIT;

    (void)state;
    open_with_topic(&world);
    send_bad(&world, 2);
    rd_kafka_mock_topic_set_error(world.mock.cluster, "dead",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_int_equal(run(&world, &err), ERR_DELIVERY);
    configure(&world, "127.0.0.1:1", NULL, MAP, "    dead_letter_topic: dead\n");
    deliver_open(&deliver, &(struct deliver_options){
                               .config = world.config, .db = world.db, .book_id = world.book_id});
    stop_set(15);
    deliver_run(&deliver);
    stop_set(0);
    assert_int_equal(deliver_result(&deliver, &err), ERR_OK);
    deliver_close(&deliver);
    assert_int_equal(ask(&world, UNDELIVERED), 2);
    close_world(&world);
}

/* An outbox row belongs to a topic that asks for it; without one nothing is written, opened or sent. */
static void without_a_dead_letter_topic_nothing_leaves(void **state)
{
    struct world world;
    struct deliver deliver;

    (void)state;
    open_world(&world, 1);
    send_events(&world, 0, 5, 1);
    send_bad(&world, 2);
    (void)drain(&world);
    assert_int_equal(ask(&world, "SELECT COUNT(*) FROM dead_letter"), 2);
    assert_int_equal(ask(&world, "SELECT COUNT(*) FROM outbox"), 0);
    deliver_open(&deliver, &(struct deliver_options){
                               .config = world.config, .db = world.db, .book_id = world.book_id});
    deliver_run(&deliver);
    assert_null(deliver.sink);
    assert_false(deliver_due(&deliver));
    deliver_close(&deliver);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dead_letter_arrives_once_with_its_key_and_reason),
        cmocka_unit_test(a_backlog_goes_out_in_steps),
        cmocka_unit_test(a_death_before_the_mark_delivers_again_with_the_same_key),
        cmocka_unit_test(a_missing_topic_is_told_and_the_events_are_in),
        cmocka_unit_test(a_missing_topic_does_not_hold_up_another),
        cmocka_unit_test(a_broker_that_is_away_is_told_with_its_cause),
        cmocka_unit_test(a_request_to_stop_leaves_the_rest_to_the_next_run),
        cmocka_unit_test(without_a_dead_letter_topic_nothing_leaves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
