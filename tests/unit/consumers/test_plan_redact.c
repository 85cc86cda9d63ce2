/* Blanking fields of a payload: what is certain, and what is not and therefore is not kept. */
#include "base/check.h"
#include "plan_fixture.h"

#define SECRET "hunter2"

struct redact_case {
    const char *field;  /* further fields of the writer, as JSON */
    const char *reader; /* further fields of the reader; NULL: no reader */
    const char *path;
    void (*put)(struct bytes *payload); /* what the further fields hold */
    bool kept;
};

static void put_secret(struct bytes *payload)
{
    put_text(payload, SECRET);
}

static void put_null(struct bytes *payload)
{
    put_long(payload, 0);
}

static void put_branch(struct bytes *payload)
{
    put_long(payload, 1);
    put_text(payload, SECRET);
}

static void put_fixed(struct bytes *payload)
{
    put_raw(payload, SECRET, 7);
}

static void put_map_twice(struct bytes *payload)
{
    put_long(payload, 2);
    put_text(payload, "k");
    put_text(payload, SECRET);
    put_text(payload, "k");
    put_text(payload, "x");
    put_long(payload, 0);
}

static void put_array(struct bytes *payload)
{
    put_long(payload, 1);
    put_text(payload, SECRET);
    put_long(payload, 0);
}

static void put_number(struct bytes *payload)
{
    put_long(payload, 5);
}

#define INNER "{\"type\":\"record\",\"name\":\"I\",\"fields\":[" FIELD_OF("mail", "\"string\"") "]}"

static const struct redact_case cases[] = {
    /* what is certain */
    {FIELD_OF("mail", "\"string\""), NULL, "mail", put_secret, true},
    {FIELD_OF("mail", "\"bytes\""), NULL, "mail", put_secret, true},
    {FIELD_OF("mail", "{\"type\":\"fixed\",\"name\":\"F\",\"size\":7}"), NULL, "mail", put_fixed,
     true},
    {FIELD_OF("user", INNER), NULL, "user.mail", put_secret, true},
    {FIELD_OF("mail", "[\"null\",\"string\"]"), NULL, "mail", put_branch, true},
    {FIELD_OF("mail", "[\"null\",\"string\"]"), NULL, "mail", put_null, true},
    {FIELD_OF("user", "[\"null\"," INNER "]"), NULL, "user.mail", put_branch, true},
    /* with a reader the path is the reader's, and the bytes are the writer's */
    {FIELD_OF("mail", "\"string\""),
     "{\"name\":\"address\",\"aliases\":[\"mail\"],\"type\":\"string\"}", "address", put_secret,
     true},
    /* what is not */
    {FIELD_OF("mail", "\"string\""), NULL, "mial", put_secret, false},
    {FIELD_OF("user", INNER), NULL, "user", put_secret, false},
    {FIELD_OF("more", "{\"type\":\"map\",\"values\":\"string\"}"), NULL, "more.k", put_map_twice,
     false},
    {FIELD_OF("more", "{\"type\":\"map\",\"values\":\"string\"}"), NULL, "more", put_map_twice,
     false},
    {FIELD_OF("more", "{\"type\":\"array\",\"items\":\"string\"}"), NULL, "more", put_array, false},
    {FIELD_OF("more", "{\"type\":\"array\",\"items\":" INNER "}"), NULL, "more.mail", put_array,
     false},
    {FIELD_OF("age", "\"int\""), NULL, "age", put_number, false},
    {FIELD_OF("e", "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"a\",\"b\"]}"), NULL, "e",
     put_null, false},
    {FIELD_OF("mail", "\"string\""), "{\"name\":\"other\",\"type\":\"string\",\"default\":\"x\"}",
     "other", put_secret, false},
};

static bool holds(const char *bytes, size_t size)
{
    return size > 0 && memmem(bytes, size, SECRET, strlen(SECRET)) != NULL;
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct fixture fixture;
        struct role redaction = role_of(cases[i].path);
        struct bytes payload = {.size = 0};
        char writer[2048], reader[2048];
        struct bytes before;
        bool kept;

        fixture_init(&fixture);
        fixture.mapping.redactions = &redaction;
        fixture.mapping.redaction_count = 1;
        snprintf(writer, sizeof(writer), "%s,%s]}",
                 "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" BASE_FIELDS, cases[i].field);
        snprintf(reader, sizeof(reader), "%s,%s]}",
                 "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" BASE_FIELDS,
                 cases[i].reader != NULL ? cases[i].reader : "");
        if (fixture_compile(&fixture, writer, cases[i].reader != NULL ? reader : NULL) != ERR_OK) {
            fail_msg("case %zu: %s", i, fixture.err.text);
        }
        put_base(&payload, "api");
        cases[i].put(&payload);
        before = payload;
        kept = plan_redact(fixture.plan, payload.data, payload.size);
        if (kept != cases[i].kept || (kept && holds(payload.data, payload.size))) {
            fail_msg("case %zu: %s", i, kept ? "kept" : "not kept");
        }
        /* Nothing else is touched: blanked bytes are stars, all others are what they were. */
        for (size_t k = 0; kept && k < payload.size; k++) {
            assert_true(payload.data[k] == before.data[k] || payload.data[k] == '*');
        }
        (void)run(&fixture, &before, VERDICT_TALLIED); /* the mapping reads what it read before */
        fixture_release(&fixture);
    }
}

/* A payload that is cut anywhere, or too long, was not walked to its end. */
static void test_what_cannot_be_walked_is_not_kept(void **state)
{
    struct fixture fixture;
    struct role redaction = role_of("mail");
    struct bytes payload = {.size = 0};

    (void)state;
    fixture_init(&fixture);
    fixture.mapping.redactions = &redaction;
    fixture.mapping.redaction_count = 1;
    fixture_open(&fixture, RECORD_OF(BASE_FIELDS "," FIELD_OF("mail", "\"string\"")));
    put_base(&payload, "api");
    put_text(&payload, SECRET);
    for (size_t size = 0; size < payload.size; size++) {
        struct bytes copy = payload;

        assert_false(plan_redact(fixture.plan, copy.data, size));
    }
    put_byte(&payload, 0);
    assert_false(plan_redact(fixture.plan, payload.data, payload.size));
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_what_cannot_be_walked_is_not_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
