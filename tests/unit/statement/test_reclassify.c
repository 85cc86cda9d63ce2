/* Reclassified time laid over states: what is split, what is joined, which one speaks, and to whom. */
#include "tests/unit/statement/fixture.h"

#include "jobs/statement/reclassify.h"

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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
