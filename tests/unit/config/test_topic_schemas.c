/* The schema files of a topic: read, judged and digested with the configuration. */
#include "tests/unit/config_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"

static struct config *parse(const char *text)
{
    return config_of("f", text);
}

static void test_reader_schema_is_part_of_the_digest(void **state)
{
    char path[] = "/tmp/uptally-schema-XXXXXX";
    char text[400];
    char digest[65];
    struct config *config;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "\"int\"", 5), 5);
    (void)snprintf(text, sizeof(text), TOPIC "  reader_schema: %s\n", path);
    config = parse(text);
    (void)snprintf(digest, sizeof(digest), "%s", config->topics[0].digest);
    config_free(config);
    assert_int_equal(pwrite(fd, "\"bytes\"", 7, 0), 7);
    config = parse(text);
    assert_string_not_equal(config->topics[0].digest, digest);
    config_free(config);
    (void)close(fd);
    (void)unlink(path);
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[200];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* The digest of topic t with this line, in a configuration file of that folder. */
static void digest_of(const char *folder, const char *lines, char ret_digest[65])
{
    char path[200], text[600];
    struct config *config;
    struct err err = ERR_INIT;

    (void)snprintf(path, sizeof(path), "%s/u.yaml", folder);
    (void)snprintf(text, sizeof(text), TOPIC "%s", lines);
    if (config_parse(str_from(text), path, &config, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    (void)snprintf(ret_digest, 65, "%s", config->topics[0].digest);
    config_free(config);
}

/* What decides decoding is in the digest: content of schema files, subjects, framing; names of files are not. */
static void test_schemas_are_part_of_the_digest(void **state)
{
    static const char single[] = "  framing: single_object\n  schema_folder: .\n";
    char folder[] = "/tmp/uptally-schemas-XXXXXX";
    char first[65], second[65], command[100];

    (void)state;
    assert_non_null(mkdtemp(folder));
    write_file(folder, "a.avsc", "\"int\"");
    digest_of(folder, "  framing: avro\n  schema_file: a.avsc\n", first);
    digest_of(folder, single, second);
    assert_string_not_equal(first, second);
    write_file(folder, "a.avsc", "\"bytes\"");
    digest_of(folder, "  framing: avro\n  schema_file: a.avsc\n", second);
    assert_string_not_equal(first, second);

    write_file(folder, "b.avsc", "\"long\"");
    digest_of(folder, single, first);
    write_file(folder, "a.avsc", "\"long\"");
    write_file(folder, "b.avsc", "\"bytes\"");
    write_file(folder, "b.txt", "no schema");
    write_file(folder, ".hidden.avsc", "no schema");
    digest_of(folder, single, second);
    assert_string_equal(first, second);
    write_file(folder, "c.avsc", "\"double\"");
    digest_of(folder, single, second);
    assert_string_not_equal(first, second);

    digest_of(folder, "  framing: single_object\n  schema_subjects: [a]\n", first);
    digest_of(folder, "  framing: single_object\n  schema_subjects: [a, b]\n", second);
    assert_string_not_equal(first, second);
    digest_of(folder, "  framing: confluent\n", first);
    digest_of(folder, "  framing: header\n", second);
    assert_string_not_equal(first, second);
    (void)snprintf(command, sizeof(command), "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

/* A broken schema file is an error of the configuration, with the place where it is named. */
static void test_schema_files_are_parsed(void **state)
{
    static const struct {
        const char *lines, *words;
    } cases[] = {
        {"  framing: avro\n  schema_file: bad.avsc\n", "u.yaml:7:16: "},
        {"  framing: single_object\n  schema_folder: .\n", "u.yaml:7:18: "},
        {"  reader_schema: bad.avsc\n", "u.yaml:6:18: "},
    };
    char folder[] = "/tmp/uptally-schemas-XXXXXX";
    char path[200], text[600];

    (void)state;
    assert_non_null(mkdtemp(folder));
    write_file(folder, "bad.avsc", "{\"type\":\"lng\"}");
    write_file(folder, "good.avsc", "\"long\"");
    (void)snprintf(path, sizeof(path), "%s/u.yaml", folder);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct config *config;
        struct err err = ERR_INIT;

        (void)snprintf(text, sizeof(text), TOPIC "%s", cases[i].lines);
        assert_int_equal(config_parse(str_from(text), path, &config, &err), ERR_CONFIG);
        if (strstr(err.text, cases[i].words) == NULL || strstr(err.text, "bad.avsc: ") == NULL ||
            strstr(err.text, "unknown type \"lng\"") == NULL) {
            fail_msg("case %zu: %s", i, err.text);
        }
    }
    (void)snprintf(text, sizeof(text), "rm -r %s", folder);
    assert_int_equal(system(text), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reader_schema_is_part_of_the_digest),
        cmocka_unit_test(test_schemas_are_part_of_the_digest),
        cmocka_unit_test(test_schema_files_are_parsed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
