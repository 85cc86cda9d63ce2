/* A member of a consumer group against librdkafka's mock cluster. */
#include "tests/unit/mock_source.h"

static void a_group_gives_partitions_and_takes_them_back(void **state)
{
    struct mock_broker mock;
    struct source *source;
    struct source_item last;
    const struct source_item *items;
    struct err err = ERR_INIT;
    size_t assigned, count;

    (void)state;
    mock_open(&mock);
    mock_topic(&mock, "requests", 2);
    mock_topic(&mock, "checks", 1);
    for (int i = 0; i < 5; i++) {
        mock_send(&mock, "requests", 0, "abc", 3, 0);
        mock_send(&mock, "checks", 0, "abc", 3, 0);
    }
    mock_flush(&mock);
    source = open_source(mock.servers, "members");
    assert_int_equal(source->join(source, &err), ERR_OK);
    assigned = poll_for(source, SOURCE_ASSIGNED, 3, &last);
    assert_int_equal(assigned, 3);
    assert_int_equal(source->start(source, (struct source_partition){0, 0}, 2, &err), ERR_OK);
    assert_int_equal(source->start(source, (struct source_partition){1, 0}, 0, &err), ERR_OK);
    assert_int_equal(poll_for(source, SOURCE_RECORD, 8, &last), 8);
    source->hint(source, (struct source_partition){0, 0}, 5);
    /* A partition that starts later does not make the others repeat themselves. */
    assert_int_equal(source->start(source, (struct source_partition){0, 1}, 0, &err), ERR_OK);
    for (bool ended = false; !ended;) {
        assert_int_equal(source->poll(source, 100 * NS_PER_MS, &items, &count, &err), ERR_OK);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(items[i].kind, SOURCE_END);
            ended = ended || (items[i].record.topic == 0 && items[i].record.partition == 1);
        }
    }
    source->close(source);
    mock_close(&mock);
}

static void start_assigned(struct source *source)
{
    struct source_item last;
    struct err err = ERR_INIT;

    assert_int_equal(source->join(source, &err), ERR_OK);
    assert_int_equal(poll_for(source, SOURCE_ASSIGNED, 2, &last), 2);
    assert_int_equal(source->start(source, (struct source_partition){0, 0}, 0, &err), ERR_OK);
}

/* The answer takes longer than the first slice of the question, and records wait to be read: what is served between two slices must not
 * be their queue. */
static void a_member_waits_for_a_slow_answer_before_it_reads_on(void **state)
{
    enum { RECORDS = 2000, SLOW_MS = 700 };
    struct mock_broker mock;
    struct source *source;
    struct source_item last;
    struct err err = ERR_INIT;
    int32_t partition_count;
    size_t seen;

    (void)state;
    mock_open(&mock);
    mock_topic(&mock, "requests", 1);
    mock_topic(&mock, "checks", 1);
    for (int i = 0; i < RECORDS; i++) {
        mock_send(&mock, "requests", 0, "abc", 3, 0);
    }
    mock_flush(&mock);
    source = open_source(mock.servers, "members");
    start_assigned(source);
    seen = poll_for(source, SOURCE_RECORD, 1, &last);
    assert_in_range(seen, 1, RECORDS / 2);
    assert_int_equal(rd_kafka_mock_broker_set_rtt(mock.cluster, 1, SLOW_MS), 0);
    assert_int_equal(source->partition_count(source, 0, &partition_count, &err), ERR_OK);
    assert_int_equal(partition_count, 1);
    assert_int_equal(rd_kafka_mock_broker_set_rtt(mock.cluster, 1, 0), 0);
    seen += poll_for(source, SOURCE_RECORD, RECORDS - seen, &last);
    assert_int_equal(seen, RECORDS);
    assert_int_equal(last.record.offset, RECORDS - 1);
    source->close(source);
    mock_close(&mock);
}

/* The run ends before it has answered, because of a signal, or because its commit failed. */
static void a_lost_assignment_that_was_not_answered_does_not_hold_up_the_end(void **state)
{
    enum { HEARTBEAT = 12 }; /* Kafka's number of the request */
    static const struct source_property often = {"heartbeat.interval.ms", "100"};
    struct mock_broker mock;
    struct source *source;
    struct source_item last;
    int threads;

    (void)state;
    mock_open(&mock);
    mock_topic(&mock, "requests", 1);
    mock_topic(&mock, "checks", 1);
    mock_send(&mock, "requests", 0, "abc", 3, 0);
    mock_flush(&mock);
    threads = rd_kafka_thread_cnt();
    source = open_with(mock.servers, "members", &often);
    start_assigned(source);
    assert_int_equal(poll_for(source, SOURCE_END, 1, &last), 1);
    rd_kafka_mock_push_request_errors(mock.cluster, HEARTBEAT, 1,
                                      RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(poll_for(source, SOURCE_REVOKED, 2, &last), 2);
    assert_true(last.lost);
    source->close(source);
    assert_int_equal(rd_kafka_thread_cnt(), threads); /* nothing goes on closing behind it */
    mock_close(&mock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_gives_partitions_and_takes_them_back),
        cmocka_unit_test(a_member_waits_for_a_slow_answer_before_it_reads_on),
        cmocka_unit_test(a_lost_assignment_that_was_not_answered_does_not_hold_up_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
