/* The source against librdkafka's mock cluster: what is read, where it ends, and what a user is told when it cannot be reached. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "consumers/kafka_client.h"
#include "consumers/source.h"
#include "tests/unit/mock_source.h"

static void reads_from_the_offset_asked_for_to_the_end(void **state)
{
    struct mock_broker mock;
    struct source *source;
    struct source_item last;
    struct source_watermarks watermarks[2];
    struct source_partition both[2] = {{0, 0}, {0, 1}};
    struct err err = ERR_INIT;
    int32_t count;

    (void)state;
    mock_open(&mock);
    mock_topic(&mock, "requests", 2);
    for (int i = 0; i < 10; i++) {
        mock_send(&mock, "requests", 1, "abc", 3, 1700000000000 + i);
    }
    mock_flush(&mock);
    source = open_source(mock.servers, NULL);
    assert_int_equal(source->partition_count(source, 0, &count, &err), ERR_OK);
    assert_int_equal(count, 2);
    assert_int_equal(source->watermarks(source, both, 2, watermarks, &err), ERR_OK);
    assert_int_equal(watermarks[0].high, 0);
    assert_int_equal(watermarks[1].low, 0);
    assert_int_equal(watermarks[1].last_stable, 10);
    assert_int_equal(watermarks[1].high, 10);

    assert_int_equal(source->start(source, both[1], 4, &err), ERR_OK);
    assert_int_equal(poll_for(source, SOURCE_RECORD, 6, &last), 6);
    assert_int_equal(last.record.offset, 9);
    assert_int_equal(last.record.partition, 1);
    assert_int_equal(last.record.time_ns, (1700000000000 + 9) * NS_PER_MS);
    assert_false(last.record.tombstone);
    /* Start again behind the middle: nothing twice that was not asked for, and the end is told. */
    assert_int_equal(source->stop(source, both[1], &err), ERR_OK);
    assert_int_equal(source->start(source, both[1], 8, &err), ERR_OK);
    assert_int_equal(poll_for(source, SOURCE_END, 1, &last), 1);
    assert_int_equal(last.record.offset, 10);
    source->close(source);
    mock_close(&mock);
}

/* The thread that fetches is held up while much is waiting. It answers questions all the same, and a reader that does not come gets
 * everything later. */
static void a_reader_that_comes_late_gets_answers_and_everything(void **state)
{
    enum { RECORDS = 3000, SIZE = 4000 };
    static const char value[SIZE];
    struct mock_broker mock;
    struct source *source;
    struct source_item last;
    struct source_watermarks watermarks;
    const struct source_item *items;
    size_t count = 0, seen = 0;
    struct err err = ERR_INIT;

    (void)state;
    mock_open(&mock);
    mock_topic(&mock, "requests", 4);
    for (int i = 0; i < RECORDS; i++) {
        mock_send(&mock, "requests", i % 4, value, SIZE, 0);
        if (i % 500 == 0) {
            mock_flush(&mock);
        }
    }
    mock_flush(&mock);
    source = open_source(mock.servers, NULL);
    for (int32_t p = 0; p < 4; p++) {
        assert_int_equal(source->start(source, (struct source_partition){0, p}, 0, &err), ERR_OK);
    }
    while (count == 0) {
        assert_int_equal(source->poll(source, 100 * NS_PER_MS, &items, &count, &err), ERR_OK);
    }
    for (size_t k = 0; k < count; k++) {
        seen += items[k].kind == SOURCE_RECORD;
    }
    clock_sleep_ns(clock_system(), 500 * NS_PER_MS);
    assert_int_equal(
        source->watermarks(source, &(struct source_partition){0, 3}, 1, &watermarks, &err), ERR_OK);
    assert_int_equal(watermarks.high, RECORDS / 4);
    assert_int_equal(seen + poll_for(source, SOURCE_RECORD, RECORDS - seen, &last), RECORDS);
    source->close(source);
    mock_close(&mock);
}

/* The handle that asks for the ends of logs reads no topic: nothing but the question tells it that it knows an old leader. */
static void the_end_of_a_log_is_asked_of_its_new_leader(void **state)
{
    struct source_partition partition = {0, 0};
    struct source_watermarks watermarks;
    struct mock_broker mock;
    struct source *source;
    struct err err = ERR_INIT;

    (void)state;
    mock_open_cluster(&mock, "2");
    mock_topic(&mock, "requests", 1);
    assert_int_equal(rd_kafka_mock_partition_set_leader(mock.cluster, "requests", 0, 1), 0);
    mock_send(&mock, "requests", 0, "abc", 3, 0);
    mock_flush(&mock);
    source = open_source(mock.servers, NULL);
    assert_int_equal(source->watermarks(source, &partition, 1, &watermarks, &err), ERR_OK);
    assert_int_equal(watermarks.high, 1);
    assert_int_equal(rd_kafka_mock_partition_set_leader(mock.cluster, "requests", 0, 2), 0);
    if (source->watermarks(source, &partition, 1, &watermarks, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(watermarks.high, 1);
    source->close(source);
    mock_close(&mock);
}

/* A taker that checks the order, and turns back once. */
struct given {
    struct source *source;
    int64_t next, turn_at, fail_at; /* offsets of partition 0; -1: nowhere */
    int64_t end;                    /* that was told; -1: none was */
};

static enum err_code take_given(void *context, const struct source_item *item, struct err *err)
{
    struct given *given = context;
    struct source_partition at = {item->record.topic, item->record.partition};

    if (item->kind == SOURCE_END) {
        given->end = item->record.offset;
        return ERR_OK;
    }
    assert_int_equal(item->kind, SOURCE_RECORD);
    assert_int_equal(item->record.offset, given->next);
    assert_memory_equal(item->record.value.data, &item->record.offset, sizeof(int64_t));
    if (item->record.offset == given->fail_at) {
        return err_set(err, ERR_DATA, "not this one");
    }
    given->next++;
    if (item->record.offset == given->turn_at) {
        given->turn_at = -1;
        given->next = 2;
        assert_int_equal(given->source->stop(given->source, at, err), ERR_OK);
        assert_int_equal(given->source->start(given->source, at, given->next, err), ERR_OK);
    }
    return ERR_OK;
}

static struct source *open_numbered(struct mock_broker *mock, int64_t records)
{
    mock_open(mock);
    mock_topic(mock, "requests", 1);
    for (int64_t i = 0; i < records; i++) {
        mock_send(mock, "requests", 0, (const char *)&i, sizeof(i), 0);
    }
    mock_flush(mock);
    return open_source(mock->servers, NULL);
}

/* More than one giving holds, and a taker that starts a partition anew in the middle of one sees nothing of what was fetched before. */
static void records_are_given_in_order_and_those_of_an_earlier_start_are_not(void **state)
{
    enum { RECORDS = 5000 };
    struct mock_broker mock;
    struct source *source = open_numbered(&mock, RECORDS);
    struct given given = {.source = source, .turn_at = 1500, .fail_at = -1, .end = -1};
    struct source_taker taker = {.take = take_given, .context = &given};
    struct err err = ERR_INIT;
    size_t count;

    (void)state;
    assert_int_equal(source->start(source, (struct source_partition){0, 0}, 0, &err), ERR_OK);
    for (int i = 0; i < 200 && given.end < 0; i++) {
        assert_int_equal(source_give(source, 100 * NS_PER_MS, &taker, &count, &err), ERR_OK);
        assert_true(count < RECORDS / 2); /* a caller has things to do in between */
    }
    assert_int_equal(given.turn_at, -1);
    assert_int_equal(given.next, RECORDS);
    assert_int_equal(given.end, RECORDS);
    source->close(source);
    mock_close(&mock);
}

static void a_taker_that_fails_is_given_no_more(void **state)
{
    struct mock_broker mock;
    struct source *source = open_numbered(&mock, 100);
    struct given given = {.source = source, .turn_at = -1, .fail_at = 42, .end = -1};
    struct source_taker taker = {.take = take_given, .context = &given};
    struct err err = ERR_INIT;
    size_t count = 0, seen = 0;
    enum err_code code = ERR_OK;

    (void)state;
    assert_int_equal(source->start(source, (struct source_partition){0, 0}, 0, &err), ERR_OK);
    for (int i = 0; i < 200 && code == ERR_OK; i++) {
        code = source_give(source, 100 * NS_PER_MS, &taker, &count, &err);
        seen += count;
    }
    assert_int_equal(code, ERR_DATA);
    assert_string_equal(err.text, "not this one");
    assert_int_equal(seen, 43);
    assert_int_equal(given.next, 42);
    source->close(source);
    mock_close(&mock);
}

static void a_null_payload_is_a_tombstone_and_an_empty_one_is_not(void **state)
{
    struct mock_broker mock;
    struct source *source;
    const struct source_item *items;
    size_t count = 0, seen = 0;
    struct err err = ERR_INIT;

    (void)state;
    mock_open(&mock);
    mock_topic(&mock, "requests", 1);
    mock_send(&mock, "requests", 0, NULL, 0, 0);
    mock_send(&mock, "requests", 0, "", 0, 0);
    mock_flush(&mock);
    source = open_source(mock.servers, NULL);
    assert_int_equal(source->start(source, (struct source_partition){0, 0}, 0, &err), ERR_OK);
    for (int i = 0; i < 200 && seen < 2; i++) {
        assert_int_equal(source->poll(source, 100 * NS_PER_MS, &items, &count, &err), ERR_OK);
        for (size_t k = 0; k < count; k++) {
            if (items[k].kind == SOURCE_RECORD) {
                assert_int_equal(items[k].record.tombstone, items[k].record.offset == 0);
                assert_int_equal(items[k].record.value.size, 0);
                seen++;
            }
        }
    }
    assert_int_equal(seen, 2);
    source->close(source);
    mock_close(&mock);
}

static void an_offset_that_has_expired_is_told_and_can_be_left(void **state)
{
    struct mock_broker mock;
    struct source *source;
    struct source_item last;
    struct source_partition partition = {0, 0};
    struct source_watermarks watermarks;
    struct err err = ERR_INIT;

    (void)state;
    mock_open(&mock);
    mock_topic(&mock, "requests", 1);
    mock_send(&mock, "requests", 0, "abc", 3, 0);
    (void)mock_expire(&mock, "requests", 0);
    source = open_source(mock.servers, NULL);
    assert_int_equal(source->watermarks(source, &partition, 1, &watermarks, &err), ERR_OK);
    assert_true(watermarks.low > 0);
    assert_int_equal(source->start(source, partition, 0, &err), ERR_OK);
    assert_int_equal(poll_for(source, SOURCE_EXPIRED, 1, &last), 1);
    assert_int_equal(source->stop(source, partition, &err), ERR_OK);
    assert_int_equal(source->start(source, partition, watermarks.high - 1, &err), ERR_OK);
    assert_int_equal(poll_for(source, SOURCE_RECORD, 1, &last), 1);
    assert_int_equal(last.record.offset, watermarks.high - 1);
    source->close(source);
    mock_close(&mock);
}

static void expect_refusal(const char *servers, const struct source_property *property,
                           enum err_code open_code, const char *words)
{
    struct source_options options = {.bootstrap_servers = servers,
                                     .topics = topics,
                                     .topic_count = 2,
                                     .properties = property,
                                     .property_count = property != NULL ? 1 : 0,
                                     .request_timeout_ns = NS_PER_SECOND,
                                     .clock = clock_system()};
    struct source *source = NULL;
    struct strbuf id;
    struct err err = ERR_INIT;

    strbuf_init(&id, 100);
    if (source_kafka_open(&options, &source, &err) == ERR_OK) {
        assert_int_equal(open_code, ERR_OK);
        assert_int_equal(source->cluster_id(source, &id, &err), ERR_BROKER);
        source->close(source);
    } else {
        assert_int_equal(err.code, open_code);
    }
    if (strstr(err.text, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
    }
    strbuf_release(&id);
}

/* The observer is polled when it is asked something, the writer when there is something to write. */
static void statistics_that_nobody_takes_are_not_gathered(void **state)
{
    static const struct source_property statistics = {"statistics.interval.ms", "10"};
    static const enum kafka_role roles[] = {KAFKA_READER, KAFKA_OBSERVER, KAFKA_WRITER};
    struct mock_broker mock;
    struct source_options options = {.properties = &statistics,
                                     .property_count = 1,
                                     .request_timeout_ns = 5 * NS_PER_SECOND,
                                     .clock = clock_system()};
    struct err err = ERR_INIT;

    (void)state;
    mock_open(&mock);
    options.bootstrap_servers = mock.servers;
    for (size_t i = 0; i < ARRAY_COUNT(roles); i++) {
        struct kafka_client client = {.magic = 0};

        assert_int_equal(kafka_client_open(&client, &options, roles[i], &err), ERR_OK);
        clock_sleep_ns(clock_system(), 100 * NS_PER_MS);
        assert_int_equal(rd_kafka_outq_len(client.handle), 0);
        rd_kafka_destroy(client.handle);
        kafka_client_release(&client);
    }
    mock_close(&mock);
}

static void a_broker_that_is_not_there_is_named_with_the_cause(void **state)
{
    (void)state;
    expect_refusal("127.0.0.1:1", NULL, ERR_OK, "127.0.0.1:1/bootstrap: Connect to");
    expect_refusal("127.0.0.1:1", NULL, ERR_OK, "Connection refused");
}

static void a_listener_that_speaks_no_tls_is_named(void **state)
{
    struct source_property tls = {"security.protocol", "ssl"};
    struct mock_broker mock;

    (void)state;
    mock_open(&mock);
    expect_refusal(mock.servers, &tls, ERR_OK, "ssl://");
    mock_close(&mock);
}

static void settings_that_would_break_the_promise_are_refused(void **state)
{
    static const struct {
        struct source_property property;
        const char *words;
    } cases[] = {
        {{"enable.auto.commit", "true"}, "property enable.auto.commit cannot be set: offsets"},
        {{"isolation.level", "read_uncommitted"}, "aborted transactions"},
        {{"auto.offset.reset", "latest"}, "never skipped"},
        {{"group.id", "x"}, "cluster.group"},
        {{"enable.ssl.certificate.verification", "FALSE"}, "always verified"},
        {{"enable.ssl.certificate.verification", "0"}, "always verified"},
        {{"enable.ssl.certificate.verification", "f"}, "always verified"},
        {{"ssl.engine.location", "/tmp/x.so"}, "foreign code"},
        {{"no.such.setting", "1"}, "property no.such.setting"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        expect_refusal("127.0.0.1:1", &cases[i].property, ERR_CONFIG, cases[i].words);
    }
    assert_null(source_property_refusal("enable.ssl.certificate.verification", "true"));
    assert_null(source_property_refusal("sasl.password", "x"));
}

static void a_topic_that_does_not_exist_is_named(void **state)
{
    struct mock_broker mock;
    struct source *source;
    int32_t count;
    struct err err = ERR_INIT;

    (void)state;
    mock_open(&mock);
    rd_kafka_mock_topic_set_error(mock.cluster, "checks", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    source = open_source(mock.servers, NULL);
    assert_int_equal(source->partition_count(source, 1, &count, &err), ERR_BROKER);
    assert_non_null(strstr(err.text, "topic checks does not exist"));
    source->close(source);
    mock_close(&mock);
}

static void a_broker_that_goes_away_ends_the_poll(void **state)
{
    struct mock_broker mock;
    struct source *source;
    struct source_item last;
    const struct source_item *items;
    size_t count;
    struct err err = ERR_INIT;
    enum err_code code = ERR_OK;

    (void)state;
    mock_open(&mock);
    mock_topic(&mock, "requests", 1);
    mock_send(&mock, "requests", 0, "abc", 3, 0);
    mock_flush(&mock);
    source = open_source(mock.servers, NULL);
    assert_int_equal(source->start(source, (struct source_partition){0, 0}, 0, &err), ERR_OK);
    assert_int_equal(poll_for(source, SOURCE_RECORD, 1, &last), 1);
    assert_int_equal(rd_kafka_mock_broker_set_down(mock.cluster, 1), 0);
    for (int i = 0; i < 300 && code == ERR_OK; i++) {
        code = source->poll(source, 100 * NS_PER_MS, &items, &count, &err);
    }
    assert_int_equal(code, ERR_BROKER);
    source->close(source);
    mock_close(&mock);
}

/* Writes to partition 0 of "requests" until it is told to stop. */
struct writer {
    struct mock_broker *mock;
    atomic_bool stop;
};

static void *write_on(void *argument)
{
    struct writer *writer = argument;

    while (!atomic_load(&writer->stop)) {
        mock_send(writer->mock, "requests", 0, "abc", 3, 1700000000000);
        (void)rd_kafka_flush(writer->mock->producer, 100);
    }
    return NULL;
}

/* A drain that has reached the last stable offset has reached the end of the log as well, as it was when the question began, unless a
 * transaction is open. So the end that read_committed sees is the younger of the two answers. */
static void the_last_stable_offset_is_not_older_than_the_end(void **state)
{
    struct mock_broker mock;
    struct writer writer = {.mock = &mock};
    struct source_partition first = {0, 0};
    struct source_watermarks watermarks = {0};
    struct source *source;
    struct err err = ERR_INIT;
    pthread_t thread;

    (void)state;
    mock_open(&mock);
    mock_topic(&mock, "requests", 1);
    source = open_source(mock.servers, NULL);
    assert_int_equal(pthread_create(&thread, NULL, write_on, &writer), 0);
    while (watermarks.high < 1000) {
        assert_int_equal(source->watermarks(source, &first, 1, &watermarks, &err), ERR_OK);
        assert_true(watermarks.last_stable >= watermarks.high);
    }
    atomic_store(&writer.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    source->close(source);
    mock_close(&mock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_stable_offset_is_not_older_than_the_end),
        cmocka_unit_test(settings_that_would_break_the_promise_are_refused),
        cmocka_unit_test(statistics_that_nobody_takes_are_not_gathered),
        cmocka_unit_test(a_broker_that_is_not_there_is_named_with_the_cause),
        cmocka_unit_test(a_listener_that_speaks_no_tls_is_named),
        cmocka_unit_test(a_topic_that_does_not_exist_is_named),
        cmocka_unit_test(reads_from_the_offset_asked_for_to_the_end),
        cmocka_unit_test(a_reader_that_comes_late_gets_answers_and_everything),
        cmocka_unit_test(the_end_of_a_log_is_asked_of_its_new_leader),
        cmocka_unit_test(records_are_given_in_order_and_those_of_an_earlier_start_are_not),
        cmocka_unit_test(a_taker_that_fails_is_given_no_more),
        cmocka_unit_test(a_null_payload_is_a_tombstone_and_an_empty_one_is_not),
        cmocka_unit_test(an_offset_that_has_expired_is_told_and_can_be_left),
        cmocka_unit_test(a_broker_that_goes_away_ends_the_poll),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
