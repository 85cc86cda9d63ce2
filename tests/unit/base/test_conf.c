#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdio.h>

#include "base/check.h"
#include "base/conf.h"

static const struct {
    const char *comment;
    const char *text;
    const char *expected;
} refusals[] = {
    {"billion laughs needs an anchor", "a: &x [1]\nb: [*x, *x]\n",
     "f:1:4: anchors (&name) are not allowed"},
    {"anchor on a scalar", "a: &x 1\n", "f:1:4: anchors (&name) are not allowed"},
    {"anchor on a table", "a: &x {b: 1}\n", "f:1:4: anchors (&name) are not allowed"},
    {"an alias without anchor", "a: *x\n",
     "f:1:4: aliases (*name) are not allowed: write the value out"},
    {"tag on a scalar", "a: !!str 1\n", "f:1:4: tags (!name) are not allowed"},
    {"tag on a list", "a: !x [1]\n", "f:1:4: tags (!name) are not allowed"},
    {"duplicate key", "a: 1\nb: 2\na: 3\n", "f:3:1: key \"a\" occurs twice (first in line 1)"},
    {"duplicate key, quoted", "x: {a: 1, \"a\": 2}\n",
     "f:1:11: key \"a\" occurs twice (first in line 1)"},
    {"a list as key", "? [1]\n: 2\n", "f:1:3: a key must be text"},
    {"two documents", "a: 1\n---\nb: 2\n", "f:2:1: a second document begins here"},
    {"not closed", "a: [1, 2\n", "f:2:1: did not find expected ',' or ']'"},
    {"tab as indentation", "a:\n\tb: 1\n", "f:2:1: found character that cannot start any token"},
    {"control character", "a: b\001c\n",
     "f:1:5: a byte that is not UTF-8 text, or a control character"},
    {"Latin-1", "a: 1\nb: \xe4\n", "f:2:4: a byte that is not UTF-8 text, or a control character"},
    {"NUL through an escape", "a: \"x\\0y\"\n", "f:1:4: text must not contain a NUL"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(refusals); i++) {
        struct arena arena = ARENA_INIT;
        const struct conf_node *root = NULL;
        struct err err = ERR_INIT;
        enum err_code code = conf_parse(&arena, str_from(refusals[i].text), "f", &root, &err);

        if (code != ERR_CONFIG) {
            fail_msg("%s: not refused", refusals[i].comment);
        }
        assert_string_equal(err.text, refusals[i].expected);
        arena_release(&arena);
    }
}

static void test_tree(void **state)
{
    struct arena arena = ARENA_INIT;
    const struct conf_node *root;
    const struct conf_node *list;
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(conf_parse(&arena, STR("a: 1\nlist:\n  - 'x'\n  - {k: \xc3\xa4, m: ~}\n"), "f",
                                &root, &err),
                     ERR_OK);
    assert_int_equal(root->kind, CONF_MAP);
    assert_int_equal(root->count, 2);
    assert_string_equal(conf_child(root, "a")->text.data, "1");
    assert_true(conf_child(root, "a")->plain);
    assert_null(conf_child(root, "b"));
    list = conf_child(root, "list");
    assert_int_equal(list->kind, CONF_LIST);
    assert_int_equal(list->key_line, 2);
    assert_int_equal(list->key_column, 1);
    assert_int_equal(list->line, 3);
    assert_false(list->first->plain);
    assert_int_equal(list->first->column, 5);
    /* Columns count characters: the umlaut is one. */
    assert_int_equal(conf_child(list->first->next, "m")->key_column, 12);
    assert_true(conf_is_null(conf_child(list->first->next, "m")));
    assert_null(list->first->next->next);
    assert_null(conf_child(list, "a"));
    arena_release(&arena);
}

static void test_empty_documents_are_empty_tables(void **state)
{
    static const char *const texts[] = {"", "\n", "# nothing\n", "---\n", "~\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        struct arena arena = ARENA_INIT;
        const struct conf_node *root;
        struct err err = ERR_INIT;
        struct str text = i == 0 ? str_of(NULL, 0) : str_from(texts[i]);

        assert_int_equal(conf_parse(&arena, text, "f", &root, &err), ERR_OK);
        assert_int_equal(root->kind, CONF_MAP);
        assert_int_equal(root->count, 0);
        arena_release(&arena);
    }
}

/* Parses count repetitions between a beginning and an end. */
static enum err_code parse_repeated(const char *before, const char *unit, int count,
                                    const char *after, char *ret_text)
{
    struct arena arena = ARENA_INIT;
    const struct conf_node *root;
    struct strbuf text;
    struct err err = ERR_INIT;
    enum err_code code;

    strbuf_init(&text, 4 * 1024 * 1024);
    strbuf_append_text(&text, before);
    for (int i = 0; i < count; i++) {
        strbuf_append_format(&text, "%s", unit);
    }
    strbuf_append_text(&text, after);
    code = conf_parse(&arena, strbuf_view(&text), "f", &root, &err);
    (void)snprintf(ret_text, ERR_TEXT_SIZE, "%s", err.text);
    strbuf_release(&text);
    arena_release(&arena);
    return code;
}

static void test_bounds(void **state)
{
    char text[ERR_TEXT_SIZE];
    struct arena arena = ARENA_INIT;
    struct strbuf keys;
    const struct conf_node *root;
    struct err err = ERR_INIT;

    (void)state;
    /* 31 lists inside the one table are the 32nd level. */
    assert_int_equal(parse_repeated("a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "]", 31, "\n", text),
                     ERR_OK);
    assert_int_equal(parse_repeated("a: ", "[", 100000, "\n", text), ERR_CONFIG);
    assert_string_equal(text, "f:1:35: nested too deeply");
    assert_int_equal(parse_repeated("a: [", "1,", 99000, "]\n", text), ERR_OK);
    assert_int_equal(parse_repeated("a: [", "1,", 101000, "]\n", text), ERR_CONFIG);
    assert_non_null(strstr(text, "too many values in one file"));
    assert_int_equal(parse_repeated("# ", "x", CONF_SIZE_MAX, "\n", text), ERR_CONFIG);
    assert_string_equal(text, "f: larger than 1048576 bytes");

    strbuf_init(&keys, 100000);
    for (int i = 0; i < CONF_KEYS_MAX; i++) {
        strbuf_append_format(&keys, "k%d: 1\n", i);
    }
    assert_int_equal(conf_parse(&arena, strbuf_view(&keys), "f", &root, &err), ERR_OK);
    strbuf_append_text(&keys, "one: 1\n");
    assert_int_equal(conf_parse(&arena, strbuf_view(&keys), "f", &root, &err), ERR_CONFIG);
    assert_string_equal(err.text, "f:257:1: too many keys in one table");
    strbuf_release(&keys);
    arena_release(&arena);
}

/* A stream of documents: the bounds and the places of one file, empty ones left out. */
static void test_documents(void **state)
{
    struct arena arena = ARENA_INIT;
    const struct conf_node *first = NULL;
    struct err err = ERR_INIT;
    size_t count;

    (void)state;
    assert_int_equal(conf_parse_all(&arena,
                                    STR("---\na: 1\n---\n---\n# nothing\n---\n[x, y]\n...\n"
                                        "---\nb: {c: 2}\n"),
                                    "f", &first, &count, &err),
                     ERR_OK);
    assert_int_equal(count, 3);
    assert_non_null(conf_child(first, "a"));
    assert_int_equal(first->next->kind, CONF_LIST);
    assert_int_equal(conf_child(first->next->next, "b")->line, 10);
    assert_null(first->next->next->next);
    assert_int_equal(conf_parse_all(&arena, STR(""), "f", &first, &count, &err), ERR_OK);
    assert_int_equal(count, 0);
    assert_null(first);
    assert_int_equal(conf_parse_all(&arena, STR("a: 1\n---\na: [1\n"), "f", &first, &count, &err),
                     ERR_CONFIG);
    assert_true(str_starts_with(STR(err.text), STR("f:4:1: ")));
    /* One configuration is one document, also if it is an empty one. */
    assert_int_equal(conf_parse(&arena, STR("---\n---\nb: 2\n"), "f", &first, &err), ERR_CONFIG);
    assert_string_equal(err.text, "f:2:1: a second document begins here");
    arena_release(&arena);
}

/* Documents with a member "w", and what is said of them whether it is kept or not; NULL if nothing. */
static const struct {
    const char *comment;
    const char *text;
    const char *expected;
} passed_over[] = {
    {"an empty list", "a: 1\nw: []\nz: 2\n", NULL},
    {"items of all kinds", "a: 1\nw:\n  - b: {c: [1, {d: 2}], e: 3}\n  - [1, [2]]\n  - 4\nz: 2\n",
     NULL},
    {"a table", "a: 1\nw: {b: [1], c: {d: 2}, e: [{f: 1}]}\nz: 2\n", NULL},
    {"a table after a list in a table", "a: 1\nw: {b: [[1], {c: 2}], d: {b: 1}}\nz: 2\n", NULL},
    {"its key twice", "a: 1\nw: [{b: 1}]\nz: 2\nw: []\n",
     "f:4:1: key \"w\" occurs twice (first in line 2)"},
    {"a key twice in an item", "w:\n  - b: 1\n  - b: [1, {c: 1}]\n    d: 2\n    b: 3\n",
     "f:5:5: key \"b\" occurs twice (first in line 3)"},
    {"a key twice in a table", "w:\n  b: [1, {c: 1}]\n  d: 2\n  b: 3\n",
     "f:4:3: key \"b\" occurs twice (first in line 2)"},
    {"a key twice behind it", "a: 1\nw: [{b: 1}]\na: 2\n",
     "f:3:1: key \"a\" occurs twice (first in line 1)"},
    {"an anchor", "w:\n  - b: &x 1\n", "f:2:8: anchors (&name) are not allowed"},
    {"a tag behind an item", "w: [{b: 1}, {c: !x 1}]\n", "f:1:17: tags (!name) are not allowed"},
    {"a key that is no text", "w:\n  - 1\n  - [2]: 3\n", "f:3:5: a key must be text"},
    {"not closed", "w: [{b: 1}, {c: [2}\n", "f:1:19: did not find expected ',' or ']'"},
};

static void test_what_is_passed_over_is_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(passed_over); i++) {
        struct str text = str_from(passed_over[i].text);
        enum err_code wanted = passed_over[i].expected != NULL ? ERR_CONFIG : ERR_OK;

        for (int kept = 0; kept < 2; kept++) {
            struct arena arena = ARENA_INIT;
            const struct conf_node *root = NULL;
            struct err err = ERR_INIT;

            if (conf_parse_without(&arena, text, "f", kept == 0 ? "w" : NULL, &root, &err) !=
                wanted) {
                fail_msg("%s: %s", passed_over[i].comment, err.text);
            }
            if (wanted != ERR_OK) {
                assert_string_equal(err.text, passed_over[i].expected);
            } else {
                assert_int_equal(root->count, 3);
                assert_true((kept == 0) <= (conf_child(root, "w")->first == NULL));
                assert_true((kept == 0) <= (conf_child(root, "w")->count == 0));
                assert_int_equal(conf_child(root, "w")->key_line, 2);
                assert_string_equal(conf_child(root, "a")->text.data, "1");
                assert_string_equal(conf_child(root, "z")->text.data, "2");
            }
            arena_release(&arena);
        }
    }
}

/* Only as a member of the document, and the memory for it does not grow with it. */
static void test_what_is_passed_over_takes_no_memory(void **state)
{
    struct arena arena = ARENA_INIT;
    const struct conf_node *root;
    const struct conf_node *inner;
    struct strbuf text;
    struct err err = ERR_INIT;

    (void)state;
    strbuf_init(&text, CONF_SIZE_MAX);
    strbuf_append_text(&text, "a: {w: [1, 2]}\nw:\n");
    for (int i = 0; i < 10000; i++) {
        strbuf_append_text(&text, "  - {b: [1, 2], c: 3}\n");
    }
    assert_int_equal(conf_parse_without(&arena, strbuf_view(&text), "f", "w", &root, &err), ERR_OK);
    inner = conf_child(conf_child(root, "a"), "w");
    assert_int_equal(inner->count, 2);
    assert_string_equal(inner->first->next->text.data, "2");
    assert_true(arena.size < 4096);
    /* What is passed over counts like all else. */
    for (int i = 0; i < 5000; i++) {
        strbuf_append_text(&text, "  - {b: [1, 2], c: 3}\n");
    }
    assert_int_equal(conf_parse_without(&arena, strbuf_view(&text), "f", "w", &root, &err),
                     ERR_CONFIG);
    assert_non_null(strstr(err.text, "too many values in one file"));
    strbuf_release(&text);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_empty_documents_are_empty_tables),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_what_is_passed_over_is_checked),
        cmocka_unit_test(test_what_is_passed_over_takes_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
