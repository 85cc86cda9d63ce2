/* A store with ten hours of checks in October 2026, a contract on them, and a shelf for what is published. Included by tests only. */
#ifndef TESTS_UNIT_STATEMENT_PUBLISH_WORLD_H
#define TESTS_UNIT_STATEMENT_PUBLISH_WORLD_H

#include "tests/unit/aggregator/book.h"

#include <stdlib.h>
#include <string.h>

#include "aggregator/grading.h"
#include "base/memory.h"
#include "jobs/config/config.h"
#include "jobs/statement/announce.h"
#include "jobs/statement/credit_note.h"
#include "jobs/statement/publish.h"
#include "jobs/statement/tree.h"

enum { OBJECTS_MAX = 32, NOVEMBER_MINUTE = 31 * 24 * 60, FAILED_FROM = 100, FAILED_TO = 120 };

/* Objects in memory, with the rules of base/objects.h. */
struct shelf {
    struct objects objects;
    struct {
        char *name;
        char *content; /* with a NUL behind it */
        size_t size;
    } items[OBJECTS_MAX];
    int count;
};

static inline int shelf_find(const struct shelf *shelf, const char *name)
{
    for (int i = 0; i < shelf->count; i++) {
        if (strcmp(shelf->items[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

static inline enum err_code shelf_put(struct objects *objects, const char *name, struct str content,
                                      enum objects_mode mode, struct err *err)
{
    struct shelf *shelf = (struct shelf *)objects;
    int at = shelf_find(shelf, name);

    if (at >= 0 && mode != OBJECTS_REPLACE &&
        !str_equal(str_of(shelf->items[at].content, shelf->items[at].size), content)) {
        return err_set(err, ERR_DELIVERY, "%s: other content", name);
    }
    if (at < 0) {
        at = shelf->count++;
        assert_true(at < OBJECTS_MAX);
        shelf->items[at].name = memory_strdup(name);
    }
    memory_free(shelf->items[at].content);
    shelf->items[at].content = memory_alloc(content.size + 1);
    memcpy(shelf->items[at].content, content.data, content.size);
    shelf->items[at].content[content.size] = '\0';
    shelf->items[at].size = content.size;
    return ERR_OK;
}

static inline enum err_code shelf_get(struct objects *objects, const char *name, bool *ret_found,
                                      struct strbuf *content, struct err *err)
{
    struct shelf *shelf = (struct shelf *)objects;
    int at = shelf_find(shelf, name);

    (void)err;
    *ret_found = at >= 0;
    if (at >= 0) {
        strbuf_append(content, str_of(shelf->items[at].content, shelf->items[at].size));
    }
    return ERR_OK;
}

static inline enum err_code shelf_exists(struct objects *objects, const char *name, bool *ret_found,
                                         struct err *err)
{
    (void)err;
    *ret_found = shelf_find((struct shelf *)objects, name) >= 0;
    return ERR_OK;
}

static inline void shelf_locate(struct objects *objects, const char *name, struct strbuf *ret_place)
{
    (void)objects;
    strbuf_append_text(ret_place, name);
}

static inline enum err_code shelf_append(void *context, struct str part, struct err *err)
{
    (void)err;
    strbuf_append(context, part);
    return ERR_OK;
}

/* The one object that has parts: a copy of its bytes is in pack. */
static struct strbuf pack;

static inline enum err_code shelf_put_parts(struct objects *objects, const char *name,
                                            enum err_code (*fill)(void *context,
                                                                  const struct objects_sink *sink,
                                                                  struct err *err),
                                            void *context, struct err *err)
{
    const struct objects_sink sink = {shelf_append, &pack};
    enum err_code code;

    strbuf_release(&pack);
    strbuf_init(&pack, 64 * 1024 * 1024);
    code = fill(context, &sink, err);
    return code == ERR_OK ? objects->put(objects, name, STR("parts"), OBJECTS_REPLACE, err) : code;
}

static inline const char *shelf_text(const struct shelf *shelf, const char *name)
{
    int at = shelf_find(shelf, name);

    return at < 0 ? NULL : shelf->items[at].content;
}

struct world {
    struct book book;
    struct config *config;
    struct shelf shelf;
    struct publisher publisher;
    char warnings[4096];
};

static const char configuration[] =
    "store: {sqlite: u.db}\n"
    "output: out\n"
    "contracts:\n"
    "  - id: acme\n"
    "    customer: ACME\n"
    "    services: [api]\n"
    "    time_zone: UTC\n"
    "    currency: EUR\n"
    "    fee: 1000.00\n"
    "    grace: 3d\n"
    "    availability:\n"
    "      target: 99\n"
    "      method: state_time\n"
    "      weights: {degraded: 0.25, partial: 0.5, major: 1}\n"
    "      unknown: {no_traffic: up, probe_down: exclude, pipeline_gap: exclude, "
    "not_provisioned: exclude}\n"
    "    maintenance: {notice: 1h, excluded: remove}\n"
    "    credits:\n"
    "      tiers: [{below: 99, percent: 10}]\n"
    "      rounding: half_even\n";

static inline void note(void *context, bool warning, const char *line)
{
    struct world *world = context;

    if (warning) {
        strncat(world->warnings, line, sizeof(world->warnings) - strlen(world->warnings) - 1);
        strncat(world->warnings, "\n", sizeof(world->warnings) - strlen(world->warnings) - 1);
    }
}

static inline const struct grading_rules *rules(void *context, struct str service)
{
    static const struct grading_rules defaults = GRADING_RULES_DEFAULT;

    (void)context;
    (void)service;
    return &defaults;
}

static inline void aggregate(struct world *world)
{
    struct fold fold;
    struct err err = ERR_INIT;
    int64_t complete_ns;
    struct grading_options options = {.db = world->book.db, .book_id = 1, .rules = rules};

    fold_init(&fold, &(struct fold_options){.db = world->book.db,
                                            .book_id = 1,
                                            .holder = "test",
                                            .lease_ns = NS_PER_MINUTE,
                                            .lateness_ns = 0,
                                            .rows_per_step = 2000});
    assert_int_equal(fold_acquire(&fold, &err), ERR_OK);
    assert_int_equal(fold_run(&fold, NULL, NULL, &err), ERR_OK);
    assert_int_equal(fold_complete_until(world->book.db, 1, &complete_ns, &err), ERR_OK);
    options.until_ns = complete_ns;
    assert_int_equal(grading_run(&fold, &options, &err), ERR_OK);
    fold_release(&fold);
}

/* Checks of ten hours, one a minute; the instance fails for 20 of the 600 minutes. Committed `step` at a time. */
static inline void consume(struct world *world, int step)
{
    struct book *book = &world->book;
    struct batch *batch = book_batch(book, book->db);
    struct err err = ERR_INIT;

    for (int minute = 0; minute < 600; minute++) {
        bool fails = minute >= FAILED_FROM && minute < FAILED_TO;

        book_check(book, batch, 0, "api", minute, fails ? OUTCOME_FAIL : OUTCOME_PASS);
        if (minute % step == step - 1) {
            assert_int_equal(ledger_commit(&book->ledger, batch, &err), ERR_OK);
        }
    }
    assert_int_equal(ledger_commit(&book->ledger, batch, &err), ERR_OK);
    batch_free(batch);
}

static inline void drained(struct world *world, int64_t minute)
{
    struct book *book = &world->book;
    struct err err = ERR_INIT;

    for (int32_t p = 0; p < BOOK_PARTITIONS; p++) {
        int64_t time_ns = BOOK_START_NS + minute * NS_PER_MINUTE;

        assert_int_equal(ledger_note_drained(&book->ledger, book->requests, p, 0, time_ns, &err),
                         ERR_OK);
        assert_int_equal(ledger_note_drained(&book->ledger, book->checks, p, 0, time_ns, &err),
                         ERR_OK);
    }
}

static inline void set_clock(struct world *world, int64_t minute)
{
    world->book.clock.time_ns = BOOK_START_NS + minute * NS_PER_MINUTE;
}

static inline void world_open(struct world *world, int step)
{
    struct err err = ERR_INIT;

    *world = (struct world){.shelf = {.objects = {.put = shelf_put,
                                                  .put_parts = shelf_put_parts,
                                                  .get = shelf_get,
                                                  .exists = shelf_exists,
                                                  .locate = shelf_locate}}};
    book_open(&world->book);
    if (config_parse(STR(configuration), "test.yaml", &world->config, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    world->publisher = (struct publisher){.db = world->book.db,
                                          .book_id = 1,
                                          .objects = &world->shelf.objects,
                                          .contracts = world->config->contracts,
                                          .contract_count = world->config->contract_count,
                                          .program_version = "1.0",
                                          .note = note,
                                          .context = world};
    consume(world, step);
}

static inline void world_close(struct world *world)
{
    for (int i = 0; i < world->shelf.count; i++) {
        memory_free(world->shelf.items[i].name);
        memory_free(world->shelf.items[i].content);
    }
    config_free(world->config);
    book_close(&world->book);
}

/* The month is complete and grace is over. */
static inline void month_over(struct world *world)
{
    set_clock(world, NOVEMBER_MINUTE + 3 * 24 * 60);
    drained(world, NOVEMBER_MINUTE + 3 * 24 * 60);
    aggregate(world);
}

static inline enum err_code publish(struct world *world, bool force,
                                    struct statement_outcome *outcome, struct err *err)
{
    struct statement_options options = {.formats = STATEMENT_ALL, .force = force};

    world->warnings[0] = '\0';
    statement_outcome_init(outcome);
    return statement_publish_month(&world->publisher, &world->config->contracts[0], 2026, 10,
                                   &options, outcome, err);
}

static inline void expect_text(const struct statement_outcome *outcome, const char *path,
                               const char *expected)
{
    struct arena arena = ARENA_INIT;
    const struct tree *tree;
    struct err err = ERR_INIT;

    assert_int_equal(tree_parse(strbuf_view(&outcome->document), &arena, &tree, &err), ERR_OK);
    assert_string_equal(arena_text(&arena, tree_text(tree, path)), expected);
    arena_release(&arena);
}

#endif
