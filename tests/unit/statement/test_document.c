/* The document, its way back, its other forms, and the names of its files. */
#include "fixture.h"

#include "jobs/statement/document.h"
#include "jobs/statement/moment.h"
#include "jobs/statement/period.h"
#include "jobs/statement/render.h"
#include "jobs/statement/slug.h"

static void test_names_of_files(void **state)
{
    static const struct {
        const char *name, *slug; /* slug ends with '-' where a hash follows */
    } rows[] = {
        {"acme-2026", "acme-2026"},
        {"7", "7"},
        {"ACME 2026", "acme-2026-"},
        {"../../etc", "etc-"},
        {"-x", "x-"},
        {"x-", "x-"},
        {"\xc3\xa4\xc3\xb6", ""},
        {"a//b", "a-b-"},
        {".hidden", "hidden-"},
        {"", ""},
        {"a\nb", "a-b-"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct strbuf slug;
        size_t size = strlen(rows[i].slug);
        bool same =
            strcmp(rows[i].name, rows[i].slug) == 0 && strcmp(rows[i].name, "x-") != 0 && size > 0;

        strbuf_init(&slug, 256);
        slug_append(&slug, STR(rows[i].name));
        assert_int_equal(slug.size, same ? size : size + 8);
        assert_memory_equal(strbuf_text(&slug), rows[i].slug, size);
        assert_int_equal(strspn(strbuf_text(&slug), "abcdefghijklmnopqrstuvwxyz0123456789-"),
                         slug.size);
        strbuf_release(&slug);
    }
}

static void test_different_names_never_share_a_file(void **state)
{
    struct strbuf a, b;

    (void)state;
    strbuf_init(&a, 256);
    strbuf_init(&b, 256);
    slug_append(&a, STR("ACME"));
    slug_append(&b, STR("Acme"));
    assert_string_not_equal(strbuf_text(&a), strbuf_text(&b));
    strbuf_release(&a);
    strbuf_release(&b);
}

static void test_moments_carry_their_offset(void **state)
{
    static const struct {
        const char *zone;
        int64_t seconds;
        const char *text;
    } rows[] = {
        {"UTC", 1790812800, "2026-10-01T00:00:00Z"},
        {"Europe/Berlin", 1790805600, "2026-10-01T00:00:00+02:00"},
        /* the hour that comes twice */
        {"Europe/Berlin", 1792886400, "2026-10-25T02:00:00+02:00"},
        {"Europe/Berlin", 1792890000, "2026-10-25T02:00:00+01:00"},
        {"America/St_Johns", 1790812800, "2026-09-30T21:30:00-02:30"},
        {"Asia/Kathmandu", 1790812800, "2026-10-01T05:45:00+05:45"},
    };
    struct arena arena = ARENA_INIT;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct err err = ERR_INIT;
        struct zone *zone;

        assert_int_equal(zone_open(rows[i].zone, &zone, &err), ERR_OK);
        assert_string_equal(moment_text(&arena, zone, rows[i].seconds), rows[i].text);
        zone_free(zone);
    }
    arena_release(&arena);
}

static void test_fractions_of_seconds(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, "UTC", 2026, 10);
    assert_string_equal(moment_text_ns(&fixture.arena, fixture.zone, 1500000000),
                        "1970-01-01T00:00:01.500000000Z");
    assert_string_equal(moment_text_ns(&fixture.arena, fixture.zone, -1),
                        "1969-12-31T23:59:59.999999999Z");
    fixture_release(&fixture);
}

static void test_two_versions_in_one_month_have_two_statements(void **state)
{
    struct fixture fixture;
    struct contract versions[2];
    struct period period;
    int32_t year, month;

    (void)state;
    fixture_init(&fixture, "Europe/Berlin", 2026, 10);
    versions[0] = fixture.contract;
    versions[1] = fixture.contract;
    versions[0].valid_until_s = versions[1].valid_from_s = fixture.from_s + 14 * 86400;
    assert_true(period_find(versions, 2, &versions[0], 2026, 10, &fixture.arena, &period));
    assert_string_equal(period.name, "2026-10");
    assert_true(period_find(versions, 2, &versions[1], 2026, 10, &fixture.arena, &period));
    assert_string_equal(period.name, "2026-10-15");
    assert_int_equal(period.to_s - period.from_s, 745 * 3600);
    assert_true(period_find(versions, 2, &versions[1], 2026, 11, &fixture.arena, &period));
    assert_string_equal(period.name, "2026-11");
    assert_false(period_find(versions, 2, &versions[0], 2026, 11, &fixture.arena, &period));
    /* The first hour of January in Berlin: December has ended there, not in UTC. */
    period_last(&versions[0], (zone_month_start(fixture.zone, 2027, 1)) * NS_PER_SECOND, &year,
                &month);
    assert_int_equal(year, 2026);
    assert_int_equal(month, 12);
    period_last(&versions[0], zone_month_start(fixture.zone, 2027, 1) * NS_PER_SECOND - 1, &year,
                &month);
    assert_int_equal(month, 11);
    fixture_release(&fixture);
}

static void write(struct fixture *fixture, struct strbuf *ret_document)
{
    struct document_facts facts = {.program_version = "1.0",
                                   .revision = 1,
                                   .period = "2026-10",
                                   .whole_from_s = fixture->from_s,
                                   .whole_to_s = fixture->to_s,
                                   .complete = true};
    struct err err = ERR_INIT;

    assert_int_equal(document_write(&facts, compute(fixture), ret_document, &err), ERR_OK);
}

static void test_the_document_comes_back(void **state)
{
    struct fixture fixture;
    struct strbuf document;
    const struct tree *tree;
    struct err err = ERR_INIT;

    (void)state;
    fixture_init(&fixture, "UTC", 2026, 10);
    one_outage(&fixture, 0, 1000, 1340, GRADE_MAJOR);
    write(&fixture, &document);
    assert_int_equal(tree_parse(strbuf_view(&document), &fixture.arena, &tree, &err), ERR_OK);
    /* 2,677,060 / 2,678,400, reduced */
    assert_string_equal(tree_text(tree, "uptime.numerator").data, "133853");
    assert_string_equal(tree_text(tree, "uptime.denominator").data, "133920");
    assert_string_equal(tree_text(tree, "uptime.percent").data, "99.949");
    assert_int_equal(tree_integer(tree, "seconds.major"), 1340);
    assert_int_equal(tree_at(tree, "services")->count, 1);
    assert_int_equal(tree_at(tree, "incidents")->count, 1);
    assert_string_equal(tree_text(&tree_at(tree, "incidents")->children[0], "id").data,
                        "api@2026-10-01T00:16:40Z");
    assert_string_equal(tree_text(&tree_at(tree, "incidents")->children[0], "treatment").data,
                        "counted");
    assert_false(tree_present(tree, "worst_service"));
    /* What is not there is empty, and no crash. */
    assert_int_equal(tree_text(tree, "no.such.place").size, 0);
    assert_int_equal(tree_text(tree, "seconds").size, 0);
    assert_int_equal(tree_integer(tree, "status"), 0);
    strbuf_release(&document);
    fixture_release(&fixture);
}

static void test_hostile_documents(void **state)
{
    static const char *const rows[] = {
        "",
        "{",
        "[1.5]",
        "{\"a\":1,\"a\":2}",
        "{} x",
        "[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]",
        "{\"format\":\"other\"}",
        "{\"format\":7}",
        "null",
        "[]",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        for (size_t k = 0; k < render_row_count; k++) {
            struct strbuf content;
            struct err err = ERR_INIT;

            assert_int_equal(render_document(&render_rows[k], STR(rows[i]), &content, &err),
                             ERR_MISMATCH);
        }
    }
}

/* A document of the right form with nothing in it gives an empty page, not a crash. */
static void test_an_empty_document_renders(void **state)
{
    (void)state;
    for (size_t k = 0; k < render_row_count; k++) {
        struct strbuf content;
        struct err err = ERR_INIT;

        assert_int_equal(render_document(&render_rows[k],
                                         STR("{\"format\":\"" DOCUMENT_FORMAT "\"}"), &content,
                                         &err),
                         ERR_OK);
        strbuf_release(&content);
    }
}

static void test_csv_disarms_formulas(void **state)
{
    struct fixture fixture;
    struct strbuf document, csv;
    struct err err = ERR_INIT;

    (void)state;
    fixture_init(&fixture, "UTC", 2026, 10);
    fixture.names[0] = STR("=1+1,\"x\"");
    add_rest(&fixture, 0, GRADE_OPERATIONAL);
    write(&fixture, &document);
    assert_int_equal(render_document(&render_rows[2], strbuf_view(&document), &csv, &err), ERR_OK);
    assert_non_null(
        strstr(strbuf_text(&csv), "service,\"'=1+1,\"\"x\"\"\",uptime.percent,100.000\r\n"));
    assert_non_null(strstr(strbuf_text(&csv), "statement,,met,yes\r\n"));
    strbuf_release(&csv);
    strbuf_release(&document);
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_files),
        cmocka_unit_test(test_different_names_never_share_a_file),
        cmocka_unit_test(test_moments_carry_their_offset),
        cmocka_unit_test(test_fractions_of_seconds),
        cmocka_unit_test(test_two_versions_in_one_month_have_two_statements),
        cmocka_unit_test(test_the_document_comes_back),
        cmocka_unit_test(test_hostile_documents),
        cmocka_unit_test(test_an_empty_document_renders),
        cmocka_unit_test(test_csv_disarms_formulas),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
