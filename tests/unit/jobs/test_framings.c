/* Runs in every framing: good records are counted, bad ones are kept so that they can be decoded again, and a wrong mapping stops the run before
 * anything is committed. */
#include "consumers/framing.h"
#include "jobs/pipeline/intake.h"
#include "tests/unit/jobs/consume_world.h"

enum { VALUE_MAX = 128, ID_SIZE = 5, MARK_SIZE = 10 };

/* CRC-64-AVRO of the record that consume_world.h encodes, by Python's fastavro. */
#define MARK "\303\1\316\070\041\262\130\275\166\273"

static const char schema_text[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"service\",\"type\":\"string\"},"
    "{\"name\":\"ts\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},"
    "{\"name\":\"status\",\"type\":\"int\"},{\"name\":\"us\",\"type\":\"long\"}]}";

static const struct way {
    const char *name;
    const char *prefix; /* of the value */
    size_t prefix_size;
    bool header;
    /* A record whose framing is wrong; NULL: there is no such thing. */
    const char *bad;
    size_t bad_size;
    const char *key; /* as messages name it */
} ways[] = {
    {"confluent", "\0\0\0\0\1", ID_SIZE, false, "\2\0\0\0\1", 5, "schema id 1"},
    {"header", "", 0, true, "xyz", 3, "schema id 1"},
    {"single_object", MARK, MARK_SIZE, false, "\303\3xxxxxxxxx", 11,
     "schema fingerprint 0xbb76bd58b22138ce"},
    {"avro", "", 0, false, NULL, 0, "schema_file"},
};

static void write_file(const struct world *world)
{
    char path[128];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/r.avsc", world->folder);
    file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(schema_text, file);
    assert_int_equal(fclose(file), 0);
}

static void open_way(struct world *world, const struct way *way, const char *map)
{
    char more[400];

    open_world(world, 1);
    mock_topic(&world->mock, "dead", 1);
    write_file(world);
    (void)snprintf(more, sizeof(more), "    framing: %s\n    dead_letter_topic: dead\n", way->name);
    if (strcmp(way->name, "single_object") == 0) {
        (void)snprintf(more + strlen(more), sizeof(more) - strlen(more), "    schema_folder: %s\n",
                       world->folder);
    } else if (strcmp(way->name, "avro") == 0) {
        (void)snprintf(more + strlen(more), sizeof(more) - strlen(more),
                       "    schema_file: %s/r.avsc\n", world->folder);
    }
    configure(world, world->mock.servers, NULL, map, more);
}

/* An event of one second, with other headers around the one that counts. */
static void send_good(struct world *world, const struct way *way, int number, int status)
{
    static const struct mock_header headers[] = {
        {FRAMING_SCHEMA_HEADER, "\0\0\0\0\11", ID_SIZE}, /* an earlier one of that name */
        {FRAMING_SCHEMA_HEADER, "\0\0\0\0\1", ID_SIZE},
        {"traceparent", "00-11", 5}};
    uint8_t encoded[VALUE_MAX], value[VALUE_MAX];
    int64_t time_ms = TIME_MS + 1000 * (int64_t)number;
    size_t size = encode(encoded, "portal", time_ms, status, 1000) - ID_SIZE;

    memcpy(value, way->prefix, way->prefix_size);
    memcpy(value + way->prefix_size, encoded + ID_SIZE, size);
    mock_send_headers(&world->mock, "requests", 0, value, way->prefix_size + size, time_ms, headers,
                      way->header ? 3 : 0);
}

/* Its framing is wrong; in bare Avro, which has none, its bytes are. */
static void send_bad(struct world *world, const struct way *way, int count)
{
    for (int i = 0; i < count; i++) {
        if (way->bad != NULL) {
            mock_send_headers(&world->mock, "requests", 0, way->bad, way->bad_size, TIME_MS, NULL,
                              0);
        } else {
            mock_send_headers(&world->mock, "requests", 0, "\377", 1, TIME_MS, NULL, 0);
        }
    }
}

static void every_framing_is_counted(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(ways); i++) {
        struct world world;
        struct consume_result result;

        open_way(&world, &ways[i], MAP);
        for (int k = 0; k < 50; k++) {
            send_good(&world, &ways[i], k, 200);
        }
        send_bad(&world, &ways[i], 2);
        mock_flush(&world.mock);
        result = drain(&world);
        assert_int_equal(result.dead_lettered, 2);
        assert_int_equal(ask(&world, TALLIED), 50);
        assert_int_equal(ask(&world, ways[i].bad != NULL
                                         ? "SELECT count(*) FROM dead_letter WHERE reason = "
                                           "'bad_framing'"
                                         : "SELECT count(*) FROM dead_letter WHERE reason = "
                                           "'malformed'"),
                         2);
        assert_int_equal(
            ask(&world, "SELECT count(*) FROM dead_letter WHERE schema_header IS NOT NULL"), 0);
        close_world(&world);
    }
}

static void the_breaker_holds_in_every_framing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(ways); i++) {
        struct world world;

        open_way(&world, &ways[i], MAP);
        for (int k = 0; k < 400; k++) {
            send_good(&world, &ways[i], k, 200);
        }
        send_bad(&world, &ways[i], 101);
        for (int k = 0; k < 600; k++) {
            send_good(&world, &ways[i], k, 200);
        }
        mock_flush(&world.mock);
        expect_failure(&world, ERR_DATA, "topic requests: 101 of the first 501 records are bad");
        assert_int_equal(ask(&world, BATCHES), 0);
        assert_int_equal(ask(&world, "SELECT count(*) FROM dead_letter"), 0);
        close_world(&world);
    }
}

static void a_mapping_that_fits_nothing_stops_a_run_in_every_framing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(ways); i++) {
        struct world world;

        open_way(&world, &ways[i], "      service: team\n      time: ts\n      outcome: status\n");
        send_good(&world, &ways[i], 0, 200);
        mock_flush(&world.mock);
        expect_failure(&world, ERR_CONFIG, ways[i].key);
        assert_int_equal(ask(&world, BATCHES), 0);
        close_world(&world);
    }
}

static void read_header(struct world *world, char *ret_value, size_t *ret_size)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_headers_t *headers;
    rd_kafka_message_t *message;
    rd_kafka_t *handle;
    const void *value;
    char text[256];

    CHECK(rd_kafka_conf_set(conf, "bootstrap.servers", world->mock.servers, text, sizeof(text)) ==
          0);
    CHECK(rd_kafka_conf_set(conf, "group.id", "reader", text, sizeof(text)) == 0);
    handle = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    CHECK(handle != NULL);
    rd_kafka_topic_partition_list_add(list, "dead", 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    CHECK(rd_kafka_assign(handle, list) == 0);
    message = rd_kafka_consumer_poll(handle, 60000);
    CHECK(message != NULL);
    CHECK(message->err == 0);
    CHECK(rd_kafka_message_headers(message, &headers) == 0);
    CHECK(rd_kafka_header_get_last(headers, FRAMING_SCHEMA_HEADER, &value, ret_size) == 0);
    CHECK(*ret_size <= 8);
    memcpy(ret_value, value, *ret_size);
    rd_kafka_message_destroy(message);
    rd_kafka_topic_partition_list_destroy(list);
    (void)rd_kafka_consumer_close(handle);
    rd_kafka_destroy(handle);
}

/* Without its header the payload of such a dead letter means nothing: it is kept, checked by the audit, and delivered with it. */
static void a_dead_letter_keeps_the_header_that_names_its_schema(void **state)
{
    struct world world;
    char header[8];
    size_t size;

    (void)state;
    open_way(&world, &ways[1], MAP);
    send_good(&world, &ways[1], 0, 700); /* bad_outcome */
    mock_flush(&world.mock);
    assert_int_equal(drain(&world).dead_lettered, 1);
    assert_int_equal(ask(&world,
                         "SELECT count(*) FROM dead_letter WHERE reason = 'bad_outcome' AND "
                         "length(schema_header) = 5"),
                     1);
    read_header(&world, header, &size);
    assert_int_equal(size, ID_SIZE);
    assert_memory_equal(header, "\0\0\0\0\1", ID_SIZE);
    close_world(&world);
}

/* What a redrive does: a record made of what the store kept, decoded under a mapping that was repaired. */
static void a_kept_record_can_be_decoded_again(void **state)
{
    struct world world;
    struct intake intake;
    struct registry *registry;
    struct record record = {.time_ns = TIME_MS * NS_PER_MS};
    const struct decoded *decoded;
    struct db_stmt *stmt;
    struct err err = ERR_INIT;
    bool row;

    (void)state;
    open_way(&world, &ways[1], MAP);
    send_good(&world, &ways[1], 0, 700);
    mock_flush(&world.mock);
    assert_int_equal(drain(&world).dead_lettered, 1);
    configure(
        &world, world.mock.servers, NULL,
        "      service: service\n      time: ts\n      outcome: {path: status, error: [700]}\n",
        "    framing: header\n");
    assert_int_equal(registry_open(&(struct registry_options){.url = FAKE_REGISTRY_URL,
                                                              .http = &world.fake.http,
                                                              .clock = clock_system()},
                                   &registry, &err),
                     ERR_OK);
    assert_int_equal(intake_open(&intake,
                                 &(struct intake_options){.config = world.config,
                                                          .topic = &world.config->topics[0],
                                                          .registry = registry,
                                                          .clock = clock_system()},
                                 &err),
                     ERR_OK);
    assert_int_equal(
        db_prepare(world.db, "SELECT bytes, schema_header FROM dead_letter", &stmt, &err), ERR_OK);
    assert_int_equal(db_step(stmt, &row, &err), ERR_OK);
    assert_true(row);
    record.value = db_column_blob(stmt, 0);
    record.schema_header = db_column_blob(stmt, 1);
    assert_true(str_equal(record.schema_header, str_of("\0\0\0\0\1", ID_SIZE)));
    assert_int_equal(decoder_run(intake.decoder, &record, &decoded, &err), ERR_OK);
    assert_int_equal(decoded->verdict, VERDICT_TALLIED);
    assert_int_equal(decoded->event.outcome, OUTCOME_ERROR);
    db_reset(stmt);
    intake_release(&intake);
    registry_free(registry);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_framing_is_counted),
        cmocka_unit_test(the_breaker_holds_in_every_framing),
        cmocka_unit_test(a_mapping_that_fits_nothing_stops_a_run_in_every_framing),
        cmocka_unit_test(a_dead_letter_keeps_the_header_that_names_its_schema),
        cmocka_unit_test(a_kept_record_can_be_decoded_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
