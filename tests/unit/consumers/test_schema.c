#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/memory.h"
#include "consumers/schema_tree.h"

static struct schema *parse(const char *text)
{
    struct err err = ERR_INIT;
    struct schema *schema = NULL;

    if (schema_parse(STR(text), NULL, 0, &schema, &err) != ERR_OK) {
        fail_msg("%s: %s", text, err.text);
    }
    return schema;
}

static void refused(struct str text, const char *message)
{
    struct err err = ERR_INIT;
    struct schema *schema = NULL;

    assert_int_equal(schema_parse(text, NULL, 0, &schema, &err), ERR_DATA);
    if (strstr(err.text, message) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, message);
    }
}

/* The Avro project's vectors: share/test/data/schema-tests.txt, and the specification for "int". */
static void test_fingerprints(void **state)
{
    static const struct {
        const char *text;
        uint64_t fingerprint;
    } rows[] = {
        {"\"null\"", 7195948357588979594U},
        {"{\"type\":\"null\"}", 7195948357588979594U},
        {"\"boolean\"", (uint64_t)-6970731678124411036},
        {"\"int\"", 0x7275d51a3f395c8fU},
        {"\"int\"", 8247732601305521295U},
        {"\"long\"", (uint64_t)-3434872931120570953},
        {"\"float\"", 5583340709985441680U},
        {"\"double\"", (uint64_t)-8181574048448539266},
        {"\"bytes\"", 5746618253357095269U},
        {"\"string\"", (uint64_t)-8142146995180207161},
        {"[ \"int\"  ]", (uint64_t)-5232228896498058493},
        {"[ \"int\" , {\"type\":\"boolean\"} ]", 5392556393470105090U},
        {"{\"fields\":[], \"type\":\"record\", \"name\":\"foo\"}", (uint64_t)-4824392279771201922},
        {"{\"fields\":[], \"type\":\"record\", \"name\":\"foo\", \"namespace\":\"x.y\"}",
         5916914534497305771U},
        {"{\"fields\":[], \"type\":\"record\", \"name\":\"a.b.foo\", \"namespace\":\"x.y\"}",
         (uint64_t)-4616218487480524110},
        {"{\"fields\":[], \"type\":\"record\", \"name\":\"foo\", \"doc\":\"Useful info\"}",
         (uint64_t)-4824392279771201922},
        {"{\"fields\":[], \"type\":\"record\", \"name\":\"foo\", \"aliases\":[\"foo\",\"bar\"]}",
         (uint64_t)-4824392279771201922},
        {"{\"fields\":[{\"type\":{\"type\":\"boolean\"}, \"name\":\"f1\"}], \"type\":\"record\", "
         "\"name\":\"foo\"}",
         7843277075252814651U},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct schema *schema = parse(rows[i].text);

        if (schema_fingerprint(schema) != rows[i].fingerprint) {
            fail_msg("%s: %lld", rows[i].text, (long long)schema_fingerprint(schema));
        }
        schema_free(schema);
    }
}

static void canonical(const char *text, const char *expected)
{
    struct schema *schema = parse(text);
    struct strbuf out;

    strbuf_init(&out, 65536);
    schema_canonical(schema, &out);
    assert_string_equal(strbuf_text(&out), expected);
    strbuf_release(&out);
    schema_free(schema);
}

static void test_canonical_form(void **state)
{
    (void)state;
    /* a recursive type is defined once and named afterwards; the namespace is inherited */
    canonical(
        "{\"type\":\"record\",\"name\":\"List\",\"namespace\":\"n.s\",\"doc\":\"x\",\"fields\":"
        "[{\"name\":\"next\",\"type\":[\"null\",\"List\"],\"default\":null}]}",
        "{\"name\":\"n.s.List\",\"type\":\"record\",\"fields\":[{\"name\":\"next\",\"type\":"
        "[\"null\",\"n.s.List\"]}]}");
    canonical("{\"type\":\"fixed\",\"size\":16,\"name\":\"Id\"}",
              "{\"name\":\"Id\",\"type\":\"fixed\",\"size\":16}");
    canonical("{\"type\":\"enum\",\"symbols\":[\"A\",\"B\"],\"name\":\"E\",\"default\":\"A\"}",
              "{\"name\":\"E\",\"type\":\"enum\",\"symbols\":[\"A\",\"B\"]}");
    canonical("{\"type\":\"map\",\"values\":{\"type\":\"array\",\"items\":{\"type\":\"long\","
              "\"logicalType\":\"timestamp-millis\"}}}",
              "{\"type\":\"map\",\"values\":{\"type\":\"array\",\"items\":\"long\"}}");
}

#define RECORD(fields) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"

static void test_refusals(void **state)
{
    static const struct {
        const char *text;
        const char *message;
    } rows[] = {
        {"", "line 1"},
        {"{", "line 1"},
        {"\"lng\"", "unknown type \"lng\""},
        {"7", "neither text nor object nor array"},
        {"{\"a\":1,\"a\":2}", "duplicate object key"},
        {"{\"type\":7}", "needs \"type\" with a name"},
        {RECORD("{\"name\":\"latency\",\"type\":\"lng\"}"), "field latency: unknown type \"lng\""},
        /* the place is the whole path */
        {RECORD("{\"name\":\"http\",\"type\":{\"type\":\"record\",\"name\":\"H\",\"fields\":["
                "{\"name\":\"status\",\"type\":\"integer\"}]}}"),
         "field http.status: unknown type \"integer\""},
        {RECORD("{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"a\",\"type\":\"int\"}"),
         "two fields \"a\""},
        {RECORD("{\"name\":\"a b\",\"type\":\"int\"}"), "\"a b\" is not a field name"},
        {RECORD("{\"name\":\"a\"}"), "field a: a field without type"},
        {RECORD("7"), "not a JSON object"},
        {"{\"type\":\"record\",\"name\":\"R\"}", "no array of fields"},
        {"{\"type\":\"record\",\"name\":\"int\",\"fields\":[]}", "name of a primitive type"},
        {"{\"type\":\"record\",\"name\":\"1x\",\"fields\":[]}", "\"1x\" is not a name"},
        {"{\"type\":\"record\",\"name\":\"x\",\"namespace\":\"a..b\",\"fields\":[]}",
         "not a namespace"},
        {"[\"int\",[\"null\"]]", "directly within a union"},
        {"[\"int\",\"string\",\"int\"]", "two branches of type \"int\""},
        {"[{\"type\":\"array\",\"items\":\"int\"},{\"type\":\"array\",\"items\":\"long\"}]",
         "two branches of type \"array\""},
        {"[]", "without branches"},
        {"[{\"type\":\"fixed\",\"name\":\"F\",\"size\":1},{\"type\":\"fixed\",\"name\":\"F\","
         "\"size\":1}]",
         "\"F\" is defined twice"},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":-1}", "not an integer from 0"},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":16777217}", "not an integer from 0"},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":\"4\"}", "not an integer from 0"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"A\"]}", "\"A\" twice"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"],\"default\":\"B\"}",
         "not one of its symbols"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A-B\"]}", "\"A-B\" is not a name"},
        {"{\"type\":\"enum\",\"name\":\"E\"}", "no symbols"},
        {"{\"type\":\"array\"}", "an array without items"},
        {"{\"type\":\"map\"}", "a map without values"},
        {RECORD("{\"name\":\"a\",\"type\":\"int\",\"aliases\":\"b\"}"), "aliases is not an array"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        refused(STR(rows[i].text), rows[i].message);
    }
}

/* text repeated count times between head and tail. */
static struct strbuf repeated(const char *head, const char *text, size_t count, const char *tail)
{
    struct strbuf out;

    strbuf_init(&out, (size_t)4 * 1024 * 1024);
    strbuf_append_text(&out, head);
    for (size_t i = 0; i < count; i++) {
        strbuf_append_text(&out, text);
    }
    strbuf_append_text(&out, tail);
    return out;
}

static void test_attack_nesting(void **state)
{
    struct strbuf text = repeated("", "{\"type\":\"array\",\"items\":", 64, "\"int\"");

    (void)state;
    for (int i = 0; i < 64; i++) {
        strbuf_append_char(&text, '}');
    }
    refused(strbuf_view(&text), "deeper than 64");
    strbuf_release(&text);
    text = repeated("", "[", 100000, ""); /* jansson's own stack */
    refused(strbuf_view(&text), "line 1");
    strbuf_release(&text);
}

static void test_attack_many_types(void **state)
{
    struct strbuf text = repeated("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\","
                                  "\"type\":[\"null\"",
                                  ",{\"type\":\"map\",\"values\":\"int\"}", 20001, "]}]}");

    (void)state;
    refused(strbuf_view(&text), "more than 20000 types");
    strbuf_release(&text);
}

static void test_attack_too_long(void **state)
{
    struct strbuf text = repeated("\"", "i", SCHEMA_SIZE_MAX, "\"");

    (void)state;
    refused(strbuf_view(&text), "at most 1048576");
    strbuf_release(&text);
}

/* A quarter of a million symbols must not take quadratic time: with it this test would run for minutes. */
static void test_attack_many_symbols(void **state)
{
    struct strbuf text;
    struct schema *schema;

    (void)state;
    strbuf_init(&text, SCHEMA_SIZE_MAX);
    strbuf_append_text(&text, "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"");
    for (int i = 0; i < 100000; i++) {
        strbuf_append_format(&text, ",\"s%x\"", (unsigned)i);
    }
    strbuf_append_text(&text, "]}");
    schema = parse(strbuf_text(&text));
    assert_int_equal(schema->root->enumeration.count, 100001);
    schema_free(schema);
    strbuf_release(&text);
}

static void test_names_and_references(void **state)
{
    struct err err = ERR_INIT;
    struct schema *base = parse("{\"type\":\"record\",\"name\":\"Http\",\"namespace\":\"web\","
                                "\"fields\":[{\"name\":\"status\",\"type\":\"int\"}]}");
    const struct schema *references[] = {base};
    struct schema *schema = NULL;
    const struct schema_field *field;

    (void)state;
    assert_int_equal(schema_parse(STR("{\"type\":\"record\",\"name\":\"web.Event\",\"fields\":["
                                      "{\"name\":\"http\",\"type\":\"Http\"},"
                                      "{\"name\":\"again\",\"type\":[\"null\",\"web.Http\"]}]}"),
                                  references, 1, &schema, &err),
                     ERR_OK);
    field = schema_record_field(schema->root, STR("http"));
    assert_ptr_equal(field->type, base->root);
    schema_free(schema);
    /* the same name may not be defined again */
    assert_int_equal(schema_parse(STR("{\"type\":\"fixed\",\"name\":\"web.Http\",\"size\":1}"),
                                  references, 1, &schema, &err),
                     ERR_DATA);
    assert_non_null(strstr(err.text, "defined twice"));
    schema_free(base);
}

static void test_logical_types(void **state)
{
    struct schema *schema = parse(
        RECORD("{\"name\":\"a\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}},"
               "{\"name\":\"b\",\"type\":{\"type\":\"long\",\"logicalType\":\"no-such-type\"}},"
               "{\"name\":\"c\",\"type\":{\"type\":\"int\",\"logicalType\":\"timestamp-millis\"}},"
               "{\"name\":\"d\",\"type\":{\"type\":\"long\",\"logicalType\":"
               "\"local-timestamp-millis\"}}"));
    const struct schema_field *fields = schema->root->record.fields;

    (void)state;
    assert_int_equal(fields[0].type->logical, SCHEMA_TIMESTAMP_MICROS);
    assert_int_equal(fields[1].type->logical, SCHEMA_LOGICAL_NONE);
    assert_int_equal(fields[2].type->logical, SCHEMA_LOGICAL_NONE); /* only a long is one */
    assert_int_equal(fields[3].type->logical, SCHEMA_TIMESTAMP_MILLIS);
    schema_free(schema);
}

static void test_zero_width(void **state)
{
    struct schema *schema =
        parse(RECORD("{\"name\":\"n\",\"type\":\"null\"},"
                     "{\"name\":\"e\",\"type\":{\"type\":\"record\",\"name\":\"E\",\"fields\":["
                     "{\"name\":\"f\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":0}}]}},"
                     "{\"name\":\"r\",\"type\":{\"type\":\"record\",\"name\":\"X\",\"fields\":["
                     "{\"name\":\"x\",\"type\":\"X\"}]}}"));
    const struct schema_field *fields = schema->root->record.fields;

    (void)state;
    assert_true(fields[0].type->zero_width);
    assert_true(fields[1].type->zero_width);
    assert_false(fields[2].type->zero_width); /* infinite, not empty */
    schema_free(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fingerprints),
        cmocka_unit_test(test_canonical_form),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_attack_nesting),
        cmocka_unit_test(test_attack_many_types),
        cmocka_unit_test(test_attack_too_long),
        cmocka_unit_test(test_attack_many_symbols),
        cmocka_unit_test(test_names_and_references),
        cmocka_unit_test(test_logical_types),
        cmocka_unit_test(test_zero_width),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
