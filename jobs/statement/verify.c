#include "jobs/statement/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "base/json.h"
#include "jobs/statement/document.h"
#include "jobs/statement/issued.h"

enum { LINE_SIZE = 1024, PLACE_SIZE = 200 };

void verify_find(struct verify_document *document, const char *place, const char *format, ...)
{
    char line[LINE_SIZE];
    int size = 0;
    va_list arguments;

    if (document->findings++ >= VERIFY_FINDINGS_MAX) {
        return;
    }
    if (place[0] != '\0') {
        size = snprintf(line, PLACE_SIZE, "%s: ", place);
        size = size < PLACE_SIZE ? size : PLACE_SIZE - 1;
    }
    va_start(arguments, format);
    (void)vsnprintf(line + size, sizeof(line) - (size_t)size, format, arguments);
    va_end(arguments);
    for (char *c = line; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = '?'; /* names come from anywhere */
        }
    }
    document->finding(document->context, document, line);
}

/* A value costs far more memory than its bytes. */
static bool has_too_many_values(struct str text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.size; i++) {
        count += text.data[i] == ',' || text.data[i] == '[' || text.data[i] == '{';
    }
    return count > VERIFY_VALUES_MAX;
}

void verify_open(struct verify_document *document)
{
    struct err cause = ERR_INIT;

    document->arena = ARENA_INIT;
    document->tree = NULL;
    document->findings = 0;
    hash_sha256_hex(document->text, document->sha256);
    if (document->text.size > VERIFY_SIZE_MAX || has_too_many_values(document->text)) {
        verify_find(document, "", "it is too large for a statement");
        return;
    }
    if (tree_parse(document->text, &document->arena, &document->tree, &cause) != ERR_OK) {
        document->tree = NULL;
        verify_find(document, "", "not a JSON document of ours: %s", cause.text);
        return;
    }
    if (!str_equal(tree_text(document->tree, "format"), STR(DOCUMENT_FORMAT))) {
        document->tree = NULL;
        verify_find(document, "format", "not " DOCUMENT_FORMAT ": it is no statement");
        return;
    }
    document->contract = tree_text(document->tree, "contract.id");
    document->period = tree_text(document->tree, "period.name");
    document->revision = tree_integer(document->tree, "revision");
}

void verify_release(struct verify_document *document)
{
    arena_release(&document->arena);
}

/* Places without which nothing else can be said. */
static bool check_shape(struct verify_document *document)
{
    static const struct {
        const char *path;
        enum tree_kind kind;
    } members[] = {
        {"contract.id", TREE_TEXT},
        {"contract.digest", TREE_TEXT},
        {"contract.terms", TREE_OBJECT},
        {"period.name", TREE_TEXT},
        {"period.from", TREE_TEXT},
        {"period.to", TREE_TEXT},
        {"period.seconds", TREE_INTEGER},
        {"program.version", TREE_TEXT},
        {"revision", TREE_INTEGER},
        {"seconds", TREE_OBJECT},
        {"services", TREE_LIST},
        {"status", TREE_TEXT},
        {"incidents", TREE_LIST},
        {"exclusions", TREE_LIST},
        {"target", TREE_TEXT},
    };
    bool good = true;

    for (size_t i = 0; i < ARRAY_COUNT(members); i++) {
        if (tree_at(document->tree, members[i].path)->kind != members[i].kind) {
            verify_find(document, members[i].path, "missing, or of another type");
            good = false;
        }
    }
    return good;
}

static size_t first_difference(struct str a, struct str b)
{
    size_t least = a.size < b.size ? a.size : b.size;
    size_t i = 0;

    while (i < least && a.data[i] == b.data[i]) {
        i++;
    }
    return i;
}

/* One value, one form: written again, it has the same bytes. */
static void check_form(struct verify_document *document)
{
    struct strbuf written;
    struct json_writer json;
    char place[32];
    int64_t line = 1;
    size_t at;

    strbuf_init(&written, 2 * (size_t)VERIFY_SIZE_MAX);
    json_init(&json, &written, true);
    if (!tree_write(&json, NULL, document->tree)) {
        verify_find(document, "", "not in canonical form: a key is too long, or it is too deep");
    } else {
        json_finish(&json);
        at = first_difference(strbuf_view(&written), document->text);
        for (size_t i = 0; i < at; i++) {
            line += document->text.data[i] == '\n';
        }
        if (written.overflow || !str_equal(strbuf_view(&written), document->text)) {
            (void)snprintf(place, sizeof(place), "line %" PRId64, line);
            verify_find(document, place, "not in canonical form");
        }
    }
    strbuf_release(&written);
}

/* The terms are hashed as the configuration's reader writes them: without white space. */
static void check_terms(struct verify_document *document)
{
    struct strbuf written;
    struct json_writer json;
    char digest[HASH_HEX_SIZE];

    strbuf_init(&written, 2 * (size_t)VERIFY_SIZE_MAX);
    json_init(&json, &written, false);
    if (tree_write(&json, NULL, tree_at(document->tree, "contract.terms"))) {
        json_finish(&json);
        hash_sha256_hex(strbuf_view(&written), digest);
        if (!str_equal(STR(digest), tree_text(document->tree, "contract.digest"))) {
            verify_find(document, "contract.digest", "the terms have the digest %s", digest);
        }
    }
    strbuf_release(&written);
}

static void check_same(struct verify_document *document, const char *place, const struct tree *a,
                       const struct tree *b, const char *what)
{
    if (!tree_equal(a, b)) {
        verify_find(document, place, "%s", what);
    }
}

/* What a revision says of itself, and whether it may say so. */
static void check_revision(struct verify_document *document)
{
    static const char *const sides[][2] = {{"changes.after.met", "met"},
                                           {"changes.after.tier", "tier"},
                                           {"changes.after.uptime", "uptime"}};
    const struct tree *tree = document->tree;
    struct str status = tree_text(tree, "status");
    bool first = document->revision == 1;
    const char *expected = first ? "final" : "restated";

    if (document->revision < 1) {
        verify_find(document, "revision", "revisions are numbered from 1 on");
        return;
    }
    if (!str_equal(status, STR(expected)) && !(first && str_equal(status, STR("provisional")))) {
        verify_find(document, "status", "revision %" PRId64 " is %s", document->revision, expected);
    }
    if (tree_present(tree, "changes") == first) {
        verify_find(document, "changes",
                    first ? "a first revision has none" : "a later revision has to say them");
        return;
    }
    if (first) {
        return;
    }
    if (tree_integer(tree, "changes.revision_before") != document->revision - 1) {
        verify_find(document, "changes.revision_before", "not the revision before");
    }
    for (size_t i = 0; i < ARRAY_COUNT(sides); i++) {
        check_same(document, sides[i][0], tree_at(tree, sides[i][0]), tree_at(tree, sides[i][1]),
                   "not what the statement says");
    }
}

void verify_alone(struct verify_document *document)
{
    if (document->tree == NULL || !check_shape(document)) {
        return;
    }
    check_form(document);
    check_terms(document);
    check_revision(document);
    verify_figures(document);
    verify_credit(document);
}

/* Columns of one side less those of the other, which the document claims to have moved. */
static void check_moved(struct verify_document *document, const struct tree *before)
{
    const struct tree *columns = tree_at(document->tree, "seconds");
    const struct tree *moved = tree_at(document->tree, "changes.seconds_moved");

    for (size_t i = 0; i < columns->count && i < VERIFY_COLUMNS_MAX; i++) {
        const char *key = columns->children[i].key.data;
        int64_t difference = 0;

        if (__builtin_sub_overflow(columns->children[i].integer,
                                   tree_integer(tree_at(before, "seconds"), key), &difference) ||
            difference != tree_integer(moved, key)) {
            verify_find(document, "changes.seconds_moved", "%s did not move by that much", key);
        }
    }
}

static void check_money_moved(struct verify_document *document, const struct tree *before)
{
    int64_t difference = 0;

    if (__builtin_sub_overflow(tree_integer(document->tree, "credit.amount_minor"),
                               tree_integer(before, "credit.amount_minor"), &difference) ||
        difference != tree_integer(document->tree, "changes.credit_difference.amount_minor")) {
        verify_find(document, "changes.credit_difference", "not the difference of the two credits");
    }
}

void verify_follows(struct verify_document *document, const struct verify_document *before)
{
    static const char *const sides[][2] = {{"changes.before.met", "met"},
                                           {"changes.before.tier", "tier"},
                                           {"changes.before.uptime", "uptime"}};

    if (document->tree == NULL || before->tree == NULL || document->revision < 2) {
        return;
    }
    CHECK(document->revision == before->revision + 1);
    if (!str_equal(tree_text(document->tree, "changes.sha256_before"), STR(before->sha256))) {
        verify_find(document, "changes.sha256_before", "%s has the SHA-256 %s: the chain is broken",
                    before->path, before->sha256);
    }
    for (size_t i = 0; i < ARRAY_COUNT(sides); i++) {
        check_same(document, sides[i][0], tree_at(document->tree, sides[i][0]),
                   tree_at(before->tree, sides[i][1]), "not what the revision before says");
    }
    check_moved(document, before->tree);
    check_money_moved(document, before->tree);
}

enum err_code verify_issued(struct verify_document *document, struct db *db, struct err *err)
{
    struct arena scratch = ARENA_INIT;
    struct issued issued = {0};
    struct err cause = ERR_INIT;
    enum err_code code;

    if (document->tree == NULL || document->revision < 1) {
        return ERR_OK;
    }
    code = issued_revision(db, document->contract, document->period, document->revision, &scratch,
                           &issued, &cause);
    if (code == ERR_MISMATCH) {
        verify_find(document, "", "the store: %s", cause.text);
        code = ERR_OK;
    } else if (code != ERR_OK) {
        *err = cause;
    } else if (!issued.found) {
        verify_find(document, "", "the store has not issued it");
    } else if (!str_equal(issued.document, document->text)) {
        verify_find(document, "", "the store has issued other content, with the SHA-256 %s",
                    issued.sha256);
    }
    arena_release(&scratch);
    return code;
}
