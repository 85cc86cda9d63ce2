#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdio.h>

#include "base/check.h"
#include "jobs/command.h"
#include "jobs/options.h"
#include "tests/unit/fake_registry.h"
#include "tests/unit/mock_broker.h"
#include "tests/unit/temporary.h"

struct fixture {
    struct temporary folder;
    struct mock_broker broker;
    struct fake_registry registry;
    char *output; /* of the last check */
    struct err err;
};

static void write_config(struct fixture *f, const char *topic)
{
    FILE *file = fopen(temporary_file(&f->folder, "u.yaml"), "w");

    assert_non_null(file);
    (void)fprintf(file,
                  "store: {sqlite: a.db}\ncluster: {bootstrap_servers: \"%s\"}\n"
                  "registry: {url: \"%s\"}\ntopics:\n"
                  "- {name: requests, kind: requests, map: {service: s, time: t, outcome: o}}\n"
                  "- {name: %s, kind: checks, map: {service: s, time: t, outcome: o}}\n",
                  f->broker.servers, FAKE_REGISTRY_URL, topic);
    assert_int_equal(fclose(file), 0);
}

static enum err_code check(struct fixture *f)
{
    struct option_value options[OPTIONS_ROWS_MAX];
    struct option_set set = {command_check.options, options};
    size_t size;
    struct run run = {.clock = clock_system(), .http = &f->registry.http, .options = options};
    enum err_code code;

    free(f->output);
    f->output = NULL;
    f->err = ERR_INIT;
    options_reset(&set);
    run.config_path = temporary_file(&f->folder, "u.yaml");
    run.out = open_memstream(&f->output, &size);
    code = command_check.run(&run, &f->err);
    assert_int_equal(fclose(run.out), 0);
    return code;
}

static void assert_line(const struct fixture *f, const char *line)
{
    if (strstr(f->output, line) == NULL) {
        fail_msg("no line \"%s\" in:\n%s", line, f->output);
    }
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    CHECK(f != NULL);
    temporary_make(&f->folder);
    mock_open(&f->broker);
    mock_topic(&f->broker, "requests", 3);
    mock_topic(&f->broker, "health", 1);
    f->registry = FAKE_REGISTRY_INIT;
    f->registry.answers[0].path = "/schemas/types";
    f->registry.answers[0].status = 200;
    f->registry.answers[0].body = "[\"AVRO\"]";
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    mock_close(&f->broker);
    temporary_remove(&f->folder);
    free(f->output);
    free(f);
    return 0;
}

static void test_everything_answers(void **state)
{
    struct fixture *f = *state;
    char line[512];

    write_config(f, "health");
    assert_int_equal(check(f), ERR_OK);
    (void)snprintf(line, sizeof(line),
                   "ok   broker    %s, 3 partitions of requests, 1 partition of health\n",
                   f->broker.servers);
    assert_line(f, line);
    assert_line(f, "ok   registry  " FAKE_REGISTRY_URL "\n");
    assert_line(f, "ok   store     ");
    assert_line(f, "ok   output    ");
}

/* The first failure decides, the others are still reported. */
static void test_missing_topic_and_registry(void **state)
{
    struct fixture *f = *state;

    rd_kafka_mock_topic_set_error(f->broker.cluster, "gone",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    write_config(f, "gone");
    f->registry.answers[0].status = 401;
    assert_int_equal(check(f), ERR_BROKER);
    assert_line(f, "FAIL broker    ");
    assert_line(f, "gone");
    assert_line(f, "FAIL registry  ");
    assert_line(f, "ok   output    ");
    assert_non_null(strstr(f->err.text, "2 of the systems"));
}

/* A store that is no store is found before anything writes to it. */
static void test_store_is_no_store(void **state)
{
    struct fixture *f = *state;
    FILE *file = fopen(temporary_file(&f->folder, "a.db"), "w");

    assert_non_null(file);
    (void)fputs("this is no database, but a text that somebody put here by mistake", file);
    assert_int_equal(fclose(file), 0);
    write_config(f, "health");
    assert_int_equal(check(f), ERR_STORE);
    assert_line(f, "FAIL store     ");
    assert_line(f, "ok   broker    ");
}

static void write_schema(struct fixture *f, const char *name, const char *field)
{
    FILE *file = fopen(temporary_file(&f->folder, name), "w");

    assert_non_null(file);
    (void)fprintf(file,
                  "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
                  "{\"name\":\"%s\",\"type\":\"string\"},"
                  "{\"name\":\"t\",\"type\":\"string\"},{\"name\":\"o\",\"type\":\"string\"}]}",
                  field);
    assert_int_equal(fclose(file), 0);
}

static void write_framed_config(struct fixture *f)
{
    FILE *file = fopen(temporary_file(&f->folder, "u.yaml"), "w");

    assert_non_null(file);
    (void)fprintf(file,
                  "store: {sqlite: a.db}\ncluster: {bootstrap_servers: \"%s\"}\n"
                  "registry: {url: \"%s\", retry: 0s}\ntopics:\n"
                  "- {name: requests, kind: requests, map: {service: s, time: t, outcome: o},\n"
                  "   framing: avro, schema_file: a.avsc}\n"
                  "- {name: health, kind: requests, map: {service: s, time: t, outcome: o},\n"
                  "   framing: single_object, schema_folder: ., schema_subjects: [v-value]}\n",
                  f->broker.servers, FAKE_REGISTRY_URL);
    assert_int_equal(fclose(file), 0);
}

/* Schema files the mapping fits, subjects that exist; and each of them when it is not so. */
static void test_schemas_and_subjects(void **state)
{
    struct fixture *f = *state;

    write_schema(f, "a.avsc", "s");
    write_schema(f, "b.avsc", "other");
    write_framed_config(f);
    fake_answer(&f->registry, "/subjects/v-value/versions", "[1,2]");
    assert_int_equal(check(f), ERR_OK);
    assert_line(f, "ok   registry  " FAKE_REGISTRY_URL ", 2 versions of v-value\n");
    assert_line(
        f, "ok   schemas   requests: the mapping fits 1 of 1, health: the mapping fits 1 of 2");

    f->registry.answers[1].path = "/subjects/w-value/versions";
    assert_int_equal(check(f), ERR_BROKER);
    assert_line(f, "FAIL registry  topic health: ");
    assert_line(f, "there is no subject v-value");
    f->registry.answers[1].path = "/subjects/v-value/versions";

    write_schema(f, "a.avsc", "service");
    assert_int_equal(check(f), ERR_CONFIG);
    assert_line(f, "FAIL schemas   topic requests: ");
    assert_line(f, "a.avsc: ");
    assert_line(f, "ok   broker    ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_everything_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_missing_topic_and_registry, setup, teardown),
        cmocka_unit_test_setup_teardown(test_store_is_no_store, setup, teardown),
        cmocka_unit_test_setup_teardown(test_schemas_and_subjects, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
