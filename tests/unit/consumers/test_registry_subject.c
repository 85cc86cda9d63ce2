/* References and subjects: how far they are followed, what of it is kept in the folder, and what fingerprints find. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "consumers/registry.h"
#include "tests/unit/fake_registry.h"

static struct clock_simulated simulated;

/* By Python's fastavro, as is that of "int" in the specification's test data. */
static const struct schema_key of_int = {SCHEMA_KEY_FINGERPRINT, 0, UINT64_C(0x7275d51a3f395c8f)};
static const struct schema_key of_long = {SCHEMA_KEY_FINGERPRINT, 0, UINT64_C(0xd054e14493f41db7)};
static const struct schema_key id_7 = {SCHEMA_KEY_ID, 0, 7};

static struct registry *open_registry(struct http *http, const char *cache_path)
{
    struct registry_options options = {.url = FAKE_REGISTRY_URL,
                                       .cache_path = cache_path,
                                       .retry_ns = 10 * NS_PER_SECOND,
                                       .http = http,
                                       .clock = &simulated.clock};
    struct registry *registry;
    struct err err = ERR_INIT;

    if (registry_open(&options, &registry, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    return registry;
}

static struct fake_registry new_fake(void)
{
    clock_simulated_init(&simulated, 1000 * NS_PER_SECOND);
    return FAKE_REGISTRY_INIT;
}

/* ids, GUIDs */

static enum verdict look_up(struct registry *registry, const struct schema_key *key,
                            char detail[200])
{
    const struct schema *schema;
    enum verdict verdict;
    struct err err = ERR_INIT;

    detail[0] = '\0';
    if (registry_schema(registry, key, &schema, &verdict, detail, 200, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    assert_true((schema != NULL) == (verdict == VERDICT_TALLIED));
    return verdict;
}

/* References that are made up as they are asked for. */
struct endless {
    struct http http; /* first */
    bool deep; /* r1 refers to r2 refers to r3 ...; else the first one refers to `width` others */
    int width;
    size_t text_size; /* of each referred schema */
    int request_count;
};

static enum err_code endless_perform(struct http *http, const struct http_request *request,
                                     int *ret_status, struct strbuf *body, struct err *err)
{
    struct endless *endless = (struct endless *)http;
    const char *at = strstr(request->url, "/subjects/r");
    int number = at != NULL ? (int)strtol(at + strlen("/subjects/r"), NULL, 10) : 0;
    int first = number + 1, last = endless->deep ? number + 1 : number == 0 ? endless->width : 0;

    (void)err;
    endless->request_count++;
    *ret_status = 200;
    strbuf_append_format(body,
                         "{\"schema\":\"{\\\"type\\\":\\\"fixed\\\",\\\"size\\\":1,\\\"name\\\":"
                         "\\\"R%d\\\",\\\"doc\\\":\\\"",
                         number);
    for (size_t i = 0; number > 0 && i < endless->text_size; i++) {
        strbuf_append_char(body, 'x');
    }
    strbuf_append_text(body, "\\\"}\",\"references\":[");
    for (int i = first; i <= last; i++) {
        strbuf_append_format(body, "%s{\"name\":\"R%d\",\"subject\":\"r%d\",\"version\":1}",
                             i > first ? "," : "", i, i);
    }
    strbuf_append_text(body, "]}");
    assert_false(body->overflow);
    return ERR_OK;
}

static void references_are_bounded_in_depth_number_and_size(void **state)
{
    static const struct {
        bool deep;
        int width;
        size_t text_size;
        enum verdict verdict;
        const char *words;
        int request_count;
    } cases[] = {
        {true, 0, 0, VERDICT_BAD_SCHEMA, "too deep", 9},
        {false, 64, 0, VERDICT_TALLIED, "", 65},
        {false, 65, 0, VERDICT_BAD_SCHEMA, "too many", 65},
        {false, 8, 1000000, VERDICT_TALLIED, "", 9},
        {false, 20, 1000000, VERDICT_BAD_SCHEMA, "too large", 10},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct endless endless = {.http = {endless_perform, fake_close},
                                  .deep = cases[i].deep,
                                  .width = cases[i].width,
                                  .text_size = cases[i].text_size};
        struct registry *registry = open_registry(&endless.http, NULL);
        char detail[200];

        (void)new_fake();
        assert_int_equal(look_up(registry, &id_7, detail), cases[i].verdict);
        if (strstr(detail, cases[i].words) == NULL) {
            fail_msg("case %zu: %s", i, detail);
        }
        assert_int_equal(endless.request_count, cases[i].request_count);
        registry_free(registry);
    }
}

#define REFER(name, subject, version)                                                              \
    "{\"name\":\"" name "\",\"subject\":\"" subject "\",\"version\":" version "}"
#define FIXED(name)                                                                                \
    "\"schema\":\"{\\\"type\\\":\\\"fixed\\\",\\\"size\\\":4,\\\"name\\\":\\\"" name "\\\"}\""

static void references_in_a_circle_are_named(void **state)
{
    struct fake_registry fake = new_fake();
    struct registry *registry;
    char detail[200];

    (void)state;
    fake_answer(&fake, "/schemas/ids/7",
                "{" FIXED("A") ",\"references\":[" REFER("b.B", "b", "1") "]}");
    fake_answer(&fake, "/subjects/b/versions/1",
                "{" FIXED("B") ",\"references\":[" REFER("c.C", "c", "1") "]}");
    fake_answer(&fake, "/subjects/c/versions/1",
                "{" FIXED("C") ",\"references\":[" REFER("b.B", "b", "1") "]}");
    registry = open_registry(&fake.http, NULL);
    assert_int_equal(look_up(registry, &id_7, detail), VERDICT_BAD_SCHEMA);
    assert_non_null(strstr(detail, "circle"));
    assert_int_equal(fake.request_count, 3);
    registry_free(registry);
}

/* A diamond: both ways lead to one schema, which is asked for and defined once. */
static void a_schema_that_two_others_refer_to_is_loaded_once(void **state)
{
    struct fake_registry fake = new_fake();
    struct registry *registry;
    char detail[200];

    (void)state;
    fake_answer(&fake, "/schemas/ids/7",
                "{\"schema\":\"[\\\"A\\\",\\\"B\\\",\\\"D\\\"]\",\"references\":[" REFER(
                    "A", "a", "1") "," REFER("B", "b", "1") "]}");
    fake_answer(&fake, "/subjects/a/versions/1",
                "{" FIXED("A") ",\"references\":[" REFER("D", "d", "1") "]}");
    /* Another version of the same name: as in the registry's own client, the first one stands. */
    fake_answer(&fake, "/subjects/b/versions/1",
                "{" FIXED("B") ",\"references\":[" REFER("D", "d", "2") "]}");
    fake_answer(&fake, "/subjects/d/versions/1", "{" FIXED("D") "}");
    registry = open_registry(&fake.http, NULL);
    if (look_up(registry, &id_7, detail) != VERDICT_TALLIED) {
        fail_msg("%s", detail);
    }
    assert_int_equal(fake.request_count, 4);
    registry_free(registry);
}

/* Registry trouble on the way to a reference is no statement about the schema. */
static void trouble_with_a_reference_stops_the_run(void **state)
{
    static const int statuses[] = {401, 403, 503};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(statuses); i++) {
        struct fake_registry fake = new_fake();
        struct registry *registry;
        const struct schema *schema;
        enum verdict verdict;
        struct err err = ERR_INIT;
        char detail[200];

        fake_answer(&fake, "/schemas/ids/7",
                    "{" FIXED("A") ",\"references\":[" REFER("B", "b", "1") "]}");
        fake_answer(&fake, "/subjects/b/versions/1", "{}");
        fake.answers[1].status = statuses[i];
        registry = open_registry(&fake.http, NULL);
        assert_int_equal(
            registry_schema(registry, &id_7, &schema, &verdict, detail, sizeof(detail), &err),
            ERR_BROKER);
        assert_true(err.retriable);
        fake.answers[1].status = 200;
        fake.answers[1].body = "{" FIXED("B") "}";
        assert_int_equal(look_up(registry, &id_7, detail), VERDICT_TALLIED);
        registry_free(registry);
    }
}

static void a_guid_is_looked_up_as_registries_write_it(void **state)
{
    static const struct schema_key guid = {SCHEMA_KEY_GUID, UINT64_C(0x0022334455667708),
                                           UINT64_C(0x09aabbccddeeff00)};
    struct fake_registry fake = new_fake();
    struct registry *registry;
    char detail[200];

    (void)state;
    fake_answer(&fake, "/schemas/guids/00223344-5566-7708-09aa-bbccddeeff00",
                "{\"schema\":\"\\\"long\\\"\"}");
    registry = open_registry(&fake.http, NULL);
    assert_int_equal(look_up(registry, &guid, detail), VERDICT_TALLIED);
    fake.answers[0].path = "/schemas/guids/somebody-else";
    assert_int_equal(look_up(registry, &guid, detail), VERDICT_TALLIED);
    assert_int_equal(fake.request_count, 1);
    registry_free(registry);
}

struct temporary {
    char folder[40], cache[64];
};

static void temporary_make(struct temporary *temporary)
{
    (void)snprintf(temporary->folder, sizeof(temporary->folder), "/tmp/uptally-registry-XXXXXX");
    assert_non_null(mkdtemp(temporary->folder));
    (void)snprintf(temporary->cache, sizeof(temporary->cache), "%s/cache", temporary->folder);
}

static void shell(const char *before, const char *path, const char *after)
{
    char command[512];

    (void)snprintf(command, sizeof(command), "%s %s%s", before, path, after);
    assert_int_equal(system(command), 0);
}

static void a_cached_schema_brings_its_references_along(void **state)
{
    struct fake_registry fake = new_fake();
    struct temporary temporary;
    struct registry *registry;
    char detail[200];

    (void)state;
    temporary_make(&temporary);
    fake_answer(&fake, "/schemas/ids/7",
                "{\"schema\":\"{\\\"type\\\":\\\"array\\\",\\\"items\\\":\\\"B\\\"}\","
                "\"references\":[" REFER("B", "b", "1") "]}");
    fake_answer(&fake, "/subjects/b/versions/1", "{" FIXED("B") "}");
    registry = open_registry(&fake.http, temporary.cache);
    assert_int_equal(look_up(registry, &id_7, detail), VERDICT_TALLIED);
    registry_free(registry);
    fake.down = true;
    fake.request_count = 0;
    registry = open_registry(&fake.http, temporary.cache);
    assert_int_equal(look_up(registry, &id_7, detail), VERDICT_TALLIED);
    assert_int_equal(fake.request_count, 0);
    registry_free(registry);
    shell("rm -r", temporary.folder, "");
}

/* Subjects */

static enum err_code search(struct registry *registry, const char *first, const char *second,
                            const struct schema_key *key, enum verdict *ret_verdict,
                            char detail[200], struct err *err)
{
    struct str subjects[] = {STR(first), STR(second)};
    const struct schema *schema = NULL;
    enum err_code code;

    detail[0] = '\0';
    code = registry_search(registry, subjects, second != NULL ? 2 : 1, key, &schema, ret_verdict,
                           detail, 200, err);
    if (code == ERR_OK) {
        assert_true((schema != NULL) == (*ret_verdict == VERDICT_TALLIED));
    }
    if (schema != NULL) {
        assert_int_equal(schema_fingerprint(schema), key->low);
    }
    return code;
}

static enum verdict verdict_of(struct registry *registry, const char *first, const char *second,
                               const struct schema_key *key, char detail[200])
{
    enum verdict verdict;
    struct err err = ERR_INIT;

    if (search(registry, first, second, key, &verdict, detail, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    return verdict;
}

#define SCHEMA(text) "{\"schema\":\"" text "\"}"
#define MILLIS "{\\\"type\\\":\\\"long\\\",\\\"logicalType\\\":\\\"timestamp-millis\\\"}"

static struct fake_registry fake_with_subject(void)
{
    struct fake_registry fake = new_fake();

    fake_answer(&fake, "/subjects/a%2Fb-value/versions", "[1,2,5]");
    fake_answer(&fake, "/subjects/a%2Fb-value/versions/1",
                "{\"schemaType\":\"PROTOBUF\",\"schema\":\"syntax\"}");
    fake_answer(&fake, "/subjects/a%2Fb-value/versions/2", SCHEMA("{\\\"type\\\":\\\"lng\\\"}"));
    fake_answer(&fake, "/subjects/a%2Fb-value/versions/5", SCHEMA("\\\"long\\\""));
    return fake;
}

static void a_fingerprint_is_found_among_the_versions_of_subjects(void **state)
{
    struct fake_registry fake = fake_with_subject();
    struct registry *registry = open_registry(&fake.http, NULL);
    char detail[200];
    int asked;

    (void)state;
    assert_int_equal(verdict_of(registry, "a/b-value", NULL, &of_long, detail), VERDICT_TALLIED);
    assert_int_equal(fake.request_count, 4);
    assert_int_equal(verdict_of(registry, "a/b-value", NULL, &of_long, detail), VERDICT_TALLIED);
    /* A subject that is not there yet does not hide one that is. */
    assert_int_equal(verdict_of(registry, "gone", "a/b-value", &of_long, detail), VERDICT_TALLIED);
    assert_int_equal(fake.request_count, 4);
    /* Not found: asked for again and again for 10 s, then remembered for 60 s. */
    assert_int_equal(verdict_of(registry, "a/b-value", NULL, &of_int, detail),
                     VERDICT_UNKNOWN_SCHEMA);
    assert_non_null(strstr(detail, "0x7275d51a3f395c8f"));
    assert_non_null(strstr(detail, "a/b-value"));
    assert_true(simulated.time_ns >= 1010 * NS_PER_SECOND);
    asked = fake.request_count;
    assert_true(asked > 10);
    simulated.time_ns += 59 * NS_PER_SECOND;
    assert_int_equal(verdict_of(registry, "a/b-value", NULL, &of_int, detail),
                     VERDICT_UNKNOWN_SCHEMA);
    assert_int_equal(fake.request_count, asked);
    /* A version that came later; only it is asked for. */
    fake.answers[0].body = "[1,2,5,6]";
    fake_answer(&fake, "/subjects/a%2Fb-value/versions/6", SCHEMA("\\\"int\\\""));
    simulated.time_ns += 2 * NS_PER_SECOND;
    assert_int_equal(verdict_of(registry, "a/b-value", NULL, &of_int, detail), VERDICT_TALLIED);
    assert_int_equal(fake.request_count, asked + 2);
    registry_free(registry);
}

static void a_subject_that_does_not_exist_is_an_unknown_schema(void **state)
{
    struct fake_registry fake = new_fake();
    struct registry *registry = open_registry(&fake.http, NULL);
    struct err err = ERR_INIT;
    char detail[200];
    size_t count;

    (void)state;
    assert_int_equal(verdict_of(registry, "gone", NULL, &of_int, detail), VERDICT_UNKNOWN_SCHEMA);
    assert_non_null(strstr(detail, "there is no such subject"));
    assert_int_equal(registry_count_versions(registry, "gone", &count, &err), ERR_BROKER);
    assert_non_null(strstr(err.text, "no subject gone"));
    registry_free(registry);
}

static void trouble_with_a_subject_is_never_a_verdict(void **state)
{
    static const struct {
        const char *path;
        int status;
        const char *body;
    } cases[] = {
        {"/subjects/s/versions", 401, ""},       {"/subjects/s/versions", 503, ""},
        {"/subjects/s/versions", 200, "<html>"}, {"/subjects/s/versions", 200, "{\"versions\":1}"},
        {"/subjects/s/versions/1", 403, ""},     {"/subjects/s/versions/1", 500, ""},
        {"/subjects/s/versions/1", 200, "no"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct fake_registry fake = new_fake();
        struct registry *registry = open_registry(&fake.http, NULL);
        enum verdict verdict;
        struct err err = ERR_INIT;
        char detail[200];

        fake_answer(&fake, cases[i].path, cases[i].body);
        fake.answers[0].status = cases[i].status;
        if (strcmp(cases[i].path, "/subjects/s/versions") != 0) {
            fake_answer(&fake, "/subjects/s/versions", "[1]");
        }
        if (search(registry, "s", NULL, &of_int, &verdict, detail, &err) != ERR_BROKER) {
            fail_msg("case %zu", i);
        }
        assert_true(err.retriable);
        registry_free(registry);
    }
}

/* Logical types are no part of a fingerprint: such a record may mean either, so it means neither. */
static void versions_that_only_differ_in_what_they_mean_are_not_guessed(void **state)
{
    struct fake_registry fake = new_fake();
    struct temporary temporary;
    char detail[200];

    (void)state;
    temporary_make(&temporary);
    fake_answer(&fake, "/subjects/s/versions", "[1,2]");
    fake_answer(&fake, "/subjects/s/versions/1", SCHEMA("\\\"long\\\""));
    fake_answer(&fake, "/subjects/s/versions/2", SCHEMA(MILLIS));
    for (int round = 0; round < 2; round++) { /* the second time from the folder */
        struct registry *registry = open_registry(&fake.http, temporary.cache);

        assert_int_equal(verdict_of(registry, "s", NULL, &of_long, detail), VERDICT_BAD_SCHEMA);
        assert_non_null(strstr(detail, "logical types"));
        registry_free(registry);
        fake.down = true;
    }
    shell("rm -r", temporary.folder, "");
}

static void the_versions_of_a_subject_are_kept_for_a_registry_that_is_down(void **state)
{
    struct fake_registry fake = fake_with_subject();
    struct temporary temporary;
    struct registry *registry;
    enum verdict verdict;
    struct err err = ERR_INIT;
    char detail[200];

    (void)state;
    temporary_make(&temporary);
    registry = open_registry(&fake.http, temporary.cache);
    assert_int_equal(verdict_of(registry, "a/b-value", NULL, &of_long, detail), VERDICT_TALLIED);
    registry_free(registry);
    fake.down = true;
    fake.request_count = 0;
    registry = open_registry(&fake.http, temporary.cache);
    assert_int_equal(verdict_of(registry, "a/b-value", NULL, &of_long, detail), VERDICT_TALLIED);
    assert_int_equal(fake.request_count, 0);
    /* What the folder does not have may be a new version. */
    assert_int_equal(search(registry, "a/b-value", NULL, &of_int, &verdict, detail, &err),
                     ERR_BROKER);
    registry_free(registry);
    /* The folder knows for which subject it was asked. */
    err = ERR_INIT;
    registry = open_registry(&fake.http, temporary.cache);
    assert_int_equal(search(registry, "other", NULL, &of_long, &verdict, detail, &err), ERR_BROKER);
    registry_free(registry);
    shell("rm -r", temporary.folder, "");
}

static int requests_until_stop;
static struct fake_registry *stopped_fake;

static bool is_stopped(void)
{
    return stopped_fake->request_count >= requests_until_stop;
}

/* A search may take a thousand requests; whoever asks the run to stop does not wait for them. */
static void a_request_to_stop_ends_a_search(void **state)
{
    struct str subject = STR("a/b-value");

    (void)state;
    for (requests_until_stop = 0; requests_until_stop < 8; requests_until_stop++) {
        struct fake_registry fake = fake_with_subject();
        struct registry_options options = {.url = FAKE_REGISTRY_URL,
                                           .retry_ns = 10 * NS_PER_SECOND,
                                           .http = &fake.http,
                                           .clock = &simulated.clock,
                                           .stopped = is_stopped};
        const struct schema *schema;
        struct registry *registry;
        enum verdict verdict;
        struct err err = ERR_INIT;
        char detail[200];

        stopped_fake = &fake;
        assert_int_equal(registry_open(&options, &registry, &err), ERR_OK);
        assert_int_equal(registry_search(registry, &subject, 1, &of_int, &schema, &verdict, detail,
                                         sizeof(detail), &err),
                         ERR_INTERRUPTED);
        assert_int_equal(fake.request_count, requests_until_stop);
        registry_free(registry);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_are_bounded_in_depth_number_and_size),
        cmocka_unit_test(references_in_a_circle_are_named),
        cmocka_unit_test(a_schema_that_two_others_refer_to_is_loaded_once),
        cmocka_unit_test(trouble_with_a_reference_stops_the_run),
        cmocka_unit_test(a_guid_is_looked_up_as_registries_write_it),
        cmocka_unit_test(a_cached_schema_brings_its_references_along),
        cmocka_unit_test(a_fingerprint_is_found_among_the_versions_of_subjects),
        cmocka_unit_test(a_subject_that_does_not_exist_is_an_unknown_schema),
        cmocka_unit_test(trouble_with_a_subject_is_never_a_verdict),
        cmocka_unit_test(versions_that_only_differ_in_what_they_mean_are_not_guessed),
        cmocka_unit_test(the_versions_of_a_subject_are_kept_for_a_registry_that_is_down),
        cmocka_unit_test(a_request_to_stop_ends_a_search),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
