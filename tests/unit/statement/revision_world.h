/* The world of publish_world.h with its month issued, and words for what happens to it then. Included by tests only. */
#ifndef TESTS_UNIT_STATEMENT_REVISION_WORLD_H
#define TESTS_UNIT_STATEMENT_REVISION_WORLD_H

#include "tests/unit/statement/publish_world.h"

#include "base/hash.h"
#include "jobs/statement/due.h"
#include "jobs/statement/issued.h"
#include "jobs/statement/reclassify.h"

/* A document as it stands in the store, and a look into it. */
struct opened {
    struct arena arena;
    const struct tree *tree;
    char sha256[HASH_HEX_SIZE];
};

static inline void open_revision(struct world *world, int64_t revision, struct opened *ret)
{
    struct issued issued = {0};
    struct err err = ERR_INIT;

    *ret = (struct opened){.arena = ARENA_INIT};
    assert_int_equal(issued_revision(world->book.db, STR("acme"), STR("2026-10"), revision,
                                     &ret->arena, &issued, &err),
                     ERR_OK);
    assert_true(issued.found);
    assert_int_equal(tree_parse(issued.document, &ret->arena, &ret->tree, &err), ERR_OK);
    memcpy(ret->sha256, issued.sha256, sizeof(ret->sha256));
}

static inline void expect_at(struct opened *document, const char *path, const char *expected)
{
    assert_string_equal(arena_text(&document->arena, tree_text(document->tree, path)), expected);
}

/* The causes, joined by commas. */
static inline void expect_causes(struct opened *document, const char *expected)
{
    const struct tree *causes = tree_at(document->tree, "changes.causes");
    char text[200] = "";

    for (size_t i = 0; i < causes->count; i++) {
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%.*s", i > 0 ? "," : "",
                 STR_ARGS(causes->children[i].text));
    }
    assert_string_equal(text, expected);
}

static inline void issue(struct world *world)
{
    struct statement_outcome outcome;
    struct err err = ERR_INIT;

    if (publish(world, false, &outcome, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    statement_outcome_release(&outcome);
}

static inline void revise(struct world *world, const char *cause)
{
    struct statement_options options = {
        .formats = STATEMENT_ALL, .revise = true, .cause = STR(cause)};
    struct statement_outcome outcome;
    struct err err = ERR_INIT;

    world->warnings[0] = '\0';
    statement_outcome_init(&outcome);
    if (statement_publish_month(&world->publisher, &world->publisher.contracts[0], 2026, 10,
                                &options, &outcome, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    statement_outcome_release(&outcome);
}

/* What all notes of the month come to, in cents, and how many there are. */
static inline int64_t credited(struct world *world, size_t *ret_count)
{
    struct arena arena = ARENA_INIT;
    struct credit_note *notes;
    struct err err = ERR_INIT;
    int64_t sum = 0;

    if (credits_issue(&world->publisher, 2026, 10, &arena, &notes, ret_count, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    for (size_t i = 0; i < *ret_count; i++) {
        sum += notes[i].amount_minor;
    }
    arena_release(&arena);
    return sum;
}

static inline int64_t revisions(struct world *world)
{
    return book_number(world->book.db, "SELECT COUNT(*) FROM statement");
}

static inline void late_checks(struct world *world, int64_t from, int64_t to, enum outcome outcome)
{
    struct batch *batch = book_batch(&world->book, world->book.db);
    struct err err = ERR_INIT;

    for (int64_t minute = from; minute < to; minute++) {
        book_check(&world->book, batch, 0, "api", minute, outcome);
    }
    assert_int_equal(ledger_commit(&world->book.ledger, batch, &err), ERR_OK);
    batch_free(batch);
}

static inline int64_t reclassify(struct world *world, int64_t from, int64_t to, enum grade state)
{
    struct reclassification row = {.service = STR("api"),
                                   .from_s = BOOK_START_NS / NS_PER_SECOND + from * 60,
                                   .to_s = BOOK_START_NS / NS_PER_SECOND + to * 60,
                                   .state = state,
                                   .author = STR("eve"),
                                   .reason = STR("the probe's own network failed")};
    struct err err = ERR_INIT;

    if (reclassify_add(world->book.db, &row, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    return row.id;
}

/* The letters of what is due, as in test_once.c. */
static inline void assert_due(struct world *world, const char *expected)
{
    static const char letters[] = {[DUE_STATEMENT] = 'S',
                                   [DUE_COMPARISON] = 'R',
                                   [DUE_CREDIT_NOTE] = 'C',
                                   [DUE_FILES] = 'F',
                                   [DUE_INCOMPLETE] = '?'};
    struct arena arena = ARENA_INIT;
    char text[16] = "";
    struct due *due;
    size_t count;
    bool started;
    struct err err = ERR_INIT;

    assert_int_equal(due_list(&world->publisher, &world->publisher.contracts[0], &arena, &due,
                              &count, &started, &err),
                     ERR_OK);
    for (size_t i = 0; i < count && i < sizeof(text) - 1; i++) {
        text[i] = letters[due[i].kind];
    }
    assert_string_equal(text, expected);
    arena_release(&arena);
}

/* Ten hours are measured; 20 minutes of them fail: 580/600. Ten more late ones make it 590/... see each test. */
static inline void start(struct world *world)
{
    size_t count;

    world_open(world, 1000);
    month_over(world);
    issue(world);
    assert_int_equal(credited(world, &count), 10000);
    assert_int_equal(count, 1);
    assert_due(world, "");
}

#endif
