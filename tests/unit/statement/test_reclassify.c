/* Reclassified time laid over states: what is split, what is joined, which one speaks, and to whom. */
#include "tests/unit/statement/fixture.h"

#include <inttypes.h>

#include "base/random.h"
#include "jobs/statement/regrade.h"

enum { MINUTES = 60 };

/* One letter a minute: u operational, d degraded, p partial, m major, n no_traffic, x probe_down, g pipeline_gap, - not_provisioned. */
static const char letters[] = "udpmnxg-";

static enum grade grade_of(char letter)
{
    return (enum grade)(strchr(letters, letter) - letters);
}

/* States of an hour as letters, joined where they are equal. */
static size_t read_states(const char *text, struct state_row *rows)
{
    size_t count = 0;

    for (int i = 0; text[i] != '\0'; i++) {
        enum grade grade = grade_of(text[i]);

        if (count > 0 && rows[count - 1].grade == grade) {
            rows[count - 1].to_s = (i + 1) * 60;
        } else {
            rows[count++] = (struct state_row){i * 60, (i + 1) * 60, grade, false};
        }
    }
    return count;
}

static void write_states(const struct service_input *service, char *text)
{
    for (size_t i = 0; i < service->state_count; i++) {
        const struct state_row *row = &service->states[i];

        assert_true(row->from_s < row->to_s);
        assert_true(i == 0 || service->states[i - 1].to_s == row->from_s);
        assert_true(i == 0 || service->states[i - 1].grade != row->grade); /* joined */
        for (int64_t m = row->from_s / 60; m < row->to_s / 60; m++) {
            *text++ = letters[row->grade];
        }
    }
    *text = '\0';
}

struct over {
    int from, to; /* minutes */
    char letter;
    bool withdrawn;
    const char *service; /* NULL: that of the states */
};

static const struct {
    const char *why;
    enum sla_method method;
    const char *before;
    struct over over[3];
    const char *after;
} cases[] = {
    {"splits a row", METHOD_STATE_TIME, "uuuuuu", {{2, 4, 'm', false, NULL}}, "uummuu"},
    {"joins with its neighbours",
     METHOD_STATE_TIME,
     "uummuu",
     {{2, 4, 'u', false, NULL}},
     "uuuuuu"},
    {"covers several rows", METHOD_STATE_TIME, "udpmu", {{1, 4, 'x', false, NULL}}, "uxxxu"},
    {"reaches beyond both ends", METHOD_STATE_TIME, "uuu", {{-5, 50, 'd', false, NULL}}, "ddd"},
    {"lies beside", METHOD_STATE_TIME, "uuu", {{10, 20, 'd', false, NULL}}, "uuu"},
    {"the one that was recorded last speaks",
     METHOD_STATE_TIME,
     "uuuuuu",
     {{0, 4, 'm', false, NULL}, {2, 6, 'd', false, NULL}},
     "mmdddd"},
    {"one that is withdrawn says nothing, the one before it does",
     METHOD_STATE_TIME,
     "uuuuuu",
     {{0, 4, 'm', false, NULL}, {2, 6, 'd', true, NULL}},
     "mmmmuu"},
    {"of another service", METHOD_STATE_TIME, "uuu", {{0, 3, 'm', false, "portal"}}, "uuu"},
    {"requests are counted: a known state says nothing",
     METHOD_REQUEST_RATIO,
     "uuuu",
     {{1, 3, 'm', false, NULL}},
     "uuuu"},
    {"requests are counted: an unknown one overrides",
     METHOD_REQUEST_RATIO,
     "uumm",
     {{1, 3, 'g', false, NULL}},
     "uggm"},
    {"unknown time can become known",
     METHOD_STATE_TIME,
     "u-gg",
     {{1, 4, 'u', false, NULL}},
     "uuuu"},
};

static void test_overlay(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct arena arena = ARENA_INIT;
        struct state_row rows[MINUTES];
        struct reclassification list[3];
        struct contract contract = {.availability = {.method = cases[i].method}};
        struct service_input service = {.service = STR("api"), .states = rows};
        size_t count = 0;
        char after[MINUTES + 1];

        service.state_count = read_states(cases[i].before, rows);
        for (; count < ARRAY_COUNT(list) && cases[i].over[count].letter != '\0'; count++) {
            const struct over *over = &cases[i].over[count];

            list[count] = (struct reclassification){
                .id = (int64_t)count + 1,
                .service = STR(over->service != NULL ? over->service : "api"),
                .from_s = over->from * 60,
                .to_s = over->to * 60,
                .state = grade_of(over->letter),
                .withdrawn = over->withdrawn};
        }
        reclassify_overlay(&contract, list, count, &arena, &service);
        write_states(&service, after);
        if (strcmp(after, cases[i].after) != 0) {
            fail_msg("%s: %s, not %s", cases[i].why, after, cases[i].after);
        }
        arena_release(&arena);
    }
}

/* Against painting every second over and over, in the order of the ids. */
static void test_many_overlap(void **state)
{
    enum { SECONDS = 300, OVERS = 40 };
    struct random random;
    uint64_t seed;

    (void)state;
    random_init_system(&random);
    seed = random_next(&random);
    print_message("seed %" PRIu64 "\n", seed);
    random_init_seed(&random, seed);
    for (int round = 0; round < 200; round++) {
        struct arena arena = ARENA_INIT;
        struct state_row rows[] = {{0, 100, GRADE_OPERATIONAL, false},
                                   {100, 130, GRADE_MAJOR, false},
                                   {150, SECONDS, GRADE_NO_TRAFFIC, false}};
        struct reclassification list[OVERS];
        struct contract contract = {.availability = {.method = METHOD_STATE_TIME}};
        struct service_input service = {.service = STR("api"), .states = rows, .state_count = 3};
        int expected[SECONDS], by[SECONDS] = {0};
        size_t count = 1 + random_below(&random, OVERS);

        for (int s = 0; s < SECONDS; s++) {
            expected[s] = s < 100   ? GRADE_OPERATIONAL
                          : s < 130 ? GRADE_MAJOR
                          : s < 150 ? GRADE_COUNT
                                    : GRADE_NO_TRAFFIC;
        }
        for (size_t i = 0; i < count; i++) {
            int64_t from_s = (int64_t)random_below(&random, SECONDS - 1);
            int64_t to_s = from_s + 1 + (int64_t)random_below(&random, 60);

            list[i] = (struct reclassification){.id = (int64_t)i + 1,
                                                .service = STR("api"),
                                                .from_s = from_s,
                                                .to_s = to_s,
                                                .state = (enum grade)random_below(&random, 4),
                                                .withdrawn = random_below(&random, 5) == 0};
            for (int64_t s = from_s; s < to_s && s < SECONDS && !list[i].withdrawn; s++) {
                expected[s] = expected[s] == GRADE_COUNT ? GRADE_COUNT : (int)list[i].state;
                by[s] = (int)i + 1;
            }
        }
        reclassify_overlay(&contract, list, count, &arena, &service);
        for (size_t i = 0; i < service.state_count; i++) {
            for (int64_t s = service.states[i].from_s; s < service.states[i].to_s; s++) {
                assert_int_equal(service.states[i].grade, expected[s]);
                expected[s] = GRADE_COUNT;
            }
        }
        for (size_t i = 0; i < service.reclassified_count; i++) {
            const struct reclassified_span *span = &service.reclassified[i];

            assert_true(i == 0 || span[-1].to_s < span->from_s ||
                        (span[-1].to_s == span->from_s && span[-1].by != span->by));
            for (int64_t s = span->from_s; s < span->to_s && s < SECONDS; s++) {
                assert_int_equal(by[s], span->by->id);
                by[s] = 0;
            }
        }
        for (int s = 0; s < SECONDS; s++) {
            assert_int_equal(expected[s], GRADE_COUNT);
            assert_int_equal(by[s], 0);
        }
        arena_release(&arena);
    }
}

/* Each costs what it covers, not all states of the service: ten thousand over ten thousand rows. */
static void test_memory_is_for_what_is_covered(void **state)
{
    enum { ROWS = 10000 };
    struct arena arena = ARENA_INIT;
    struct state_row *rows = arena_calloc(&arena, ROWS, sizeof(rows[0]));
    struct reclassification *list = arena_calloc(&arena, ROWS, sizeof(list[0]));
    struct contract contract = {.availability = {.method = METHOD_STATE_TIME}};
    struct service_input service = {.service = STR("api"), .states = rows, .state_count = ROWS};
    size_t before = arena.size;

    (void)state;
    for (int64_t i = 0; i < ROWS; i++) {
        rows[i] = (struct state_row){i * 60, (i + 1) * 60,
                                     i % 2 == 0 ? GRADE_OPERATIONAL : GRADE_MAJOR, false};
        list[i] = (struct reclassification){.id = i + 1,
                                            .service = STR("api"),
                                            .from_s = i * 60 + 10,
                                            .to_s = i * 60 + 20,
                                            .state = GRADE_PARTIAL};
    }
    reclassify_overlay(&contract, list, ROWS, &arena, &service);
    assert_int_equal(service.state_count, 3 * ROWS);
    assert_int_equal(service.reclassified_count, ROWS);
    assert_true(arena.size - before < (size_t)8 * 1024 * 1024);
    arena_release(&arena);
}

/* Minute 2 to 8 was said to be partial, 4 to 6 then degraded: what each did between 1 and 7, and what was graded there. */
static void test_what_was_before(void **state)
{
    struct arena arena = ARENA_INIT;
    struct state_row rows[MINUTES];
    struct reclassification list[] = {
        {.id = 1, .service = STR("api"), .from_s = 120, .to_s = 480, .state = GRADE_PARTIAL},
        {.id = 2, .service = STR("api"), .from_s = 240, .to_s = 360, .state = GRADE_DEGRADED}};
    struct contract contract = {.availability = {.method = METHOD_STATE_TIME}};
    struct service_input service = {.service = STR("api"), .states = rows};
    struct regrades regrades, joined;

    (void)state;
    service.state_count = read_states("uuummmnnuu", rows);
    reclassify_overlay(&contract, list, 2, &arena, &service);
    regrades = regrades_find(&service, 60, 420, &arena);
    assert_int_equal(regrades.count, 2);
    assert_int_equal(regrades.items[0].by->id, 1);
    assert_int_equal(regrades.items[0].from_s, 120);
    assert_int_equal(regrades.items[0].to_s, 420);
    assert_int_equal(regrades.items[0].before_s[GRADE_OPERATIONAL], 60);
    assert_int_equal(regrades.items[0].before_s[GRADE_MAJOR], 60);
    assert_int_equal(regrades.items[0].before_s[GRADE_NO_TRAFFIC], 60);
    assert_int_equal(regrade_seconds(&regrades.items[0]), 180);
    assert_int_equal(regrades.items[1].by->id, 2);
    assert_int_equal(regrades.items[1].before_s[GRADE_MAJOR], 120);
    assert_string_equal(regrade_before_text(&regrades.items[0], &arena),
                        "operational for 1 min, major for 1 min, no_traffic for 1 min");

    joined = regrades_join(regrades, regrades_find(&service, 420, 600, &arena), &arena);
    assert_int_equal(joined.count, 2);
    assert_int_equal(regrade_seconds(&joined.items[0]), 240);
    assert_int_equal(joined.items[0].to_s, 480);
    assert_int_equal(regrades_find(&service, 0, 120, &arena).count, 0);
    assert_int_equal(regrades_find(&service, 480, 600, &arena).count, 0);
    arena_release(&arena);
}

/* Seconds within a minute count, too. */
static void test_seconds(void **state)
{
    struct arena arena = ARENA_INIT;
    struct state_row rows[] = {{0, 120, GRADE_OPERATIONAL, false}};
    struct reclassification over = {
        .id = 1, .service = STR("api"), .from_s = 30, .to_s = 31, .state = GRADE_MAJOR};
    struct contract contract = {.availability = {.method = METHOD_STATE_TIME}};
    struct service_input service = {.service = STR("api"), .states = rows, .state_count = 1};

    (void)state;
    reclassify_overlay(&contract, &over, 1, &arena, &service);
    assert_int_equal(service.state_count, 3);
    assert_int_equal(service.states[1].from_s, 30);
    assert_int_equal(service.states[1].to_s, 31);
    assert_int_equal(service.states[1].grade, GRADE_MAJOR);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overlay),
        cmocka_unit_test(test_seconds),
        cmocka_unit_test(test_what_was_before),
        cmocka_unit_test(test_many_overlap),
        cmocka_unit_test(test_memory_is_for_what_is_covered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
