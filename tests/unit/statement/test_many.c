/* Many services and many announcements: memory is for what concerns each other, not for all pairs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "base/check.h"
#include "base/clock.h"
#include "jobs/statement/engine.h"

enum { MINUTE_S = 60 };

/* Down throughout. Announcement i covers the i-th two minutes of four. */
struct many {
    struct arena arena;
    struct zone *zone;
    struct contract contract;
    struct engine_input input;
};

static void init(struct many *many, size_t services, size_t announcements, bool for_all)
{
    struct err err = ERR_INIT;
    struct str *names;
    struct service_input *inputs;
    struct announcement_input *rows;
    struct state_row *down;
    const int64_t from_s = 1790812800; /* 2026-10-01 */

    *many = (struct many){.arena = ARENA_INIT};
    assert_int_equal(zone_open("UTC", &many->zone, &err), ERR_OK);
    names = arena_calloc(&many->arena, services, sizeof(names[0]));
    inputs = arena_calloc(&many->arena, services, sizeof(inputs[0]));
    rows = arena_calloc(&many->arena, announcements, sizeof(rows[0]));
    down = arena_calloc(&many->arena, 1, sizeof(*down));
    *down = (struct state_row){from_s, from_s + 30 * 86400, GRADE_MAJOR, false};
    for (size_t i = 0; i < services; i++) {
        names[i] = STR(arena_format(&many->arena, "service-%zu", i));
        inputs[i] = (struct service_input){.service = names[i], .states = down, .state_count = 1};
    }
    for (size_t i = 0; i < announcements; i++) {
        int64_t start_s = from_s + (int64_t)i * 4 * MINUTE_S;

        rows[i] = (struct announcement_input){.id = (int64_t)i + 1,
                                              .service = for_all ? STR("*") : names[i % services],
                                              .from_ns = start_s * NS_PER_SECOND,
                                              .to_ns = (start_s + 2 * MINUTE_S) * NS_PER_SECOND,
                                              .announced_ns = (from_s - 86400) * NS_PER_SECOND};
    }
    many->contract = (struct contract){
        .id = STR("many"),
        .services = names,
        .service_count = services,
        .zone = many->zone,
        .valid_from_s = INT64_MIN,
        .valid_until_s = INT64_MAX,
        .fee = {0, 1},
        .availability = {.target = {1, 1},
                         .pool = POOL_PER_SERVICE,
                         .weights = {{0, 1}, {1, 1}, {1, 1}, {1, 1}},
                         .degraded_weight = {0, 1}},
        .maintenance = {.excluded = EXCLUDED_REMOVE, .quota_windows = -1, .quota_ns = -1}};
    many->input = (struct engine_input){.contract = &many->contract,
                                        .from_s = from_s,
                                        .to_s = from_s + 30 * 86400,
                                        .services = inputs,
                                        .service_count = services,
                                        .announcements = rows,
                                        .announcement_count = announcements};
}

static void release(struct many *many)
{
    zone_free(many->zone);
    arena_release(&many->arena);
}

/* A thousand services times ten thousand announcements are more than a gigabyte; what they have to do with each other is some megabytes. */
static void test_memory_is_for_what_is_named(void **state)
{
    enum { SERVICES = 1000, ANNOUNCEMENTS = 10000 };
    struct many many;
    struct arena arena = ARENA_INIT;
    struct engine *engine;
    struct result result;

    (void)state;
    init(&many, SERVICES, ANNOUNCEMENTS, false);
    many.input.brief = true;
    engine = engine_begin(&many.input, &arena);
    assert_non_null(engine);
    assert_true(arena.size < 4 * 1024 * 1024 + SERVICES * sizeof(struct service_result));
    for (size_t i = 0; i < SERVICES; i++) {
        engine_service(engine, i, &many.input.services[i]);
    }
    engine_finish(engine, &result);
    print_message("%zu bytes\n", arena.size);
    assert_true(arena.size < 8 * 1024 * 1024 + SERVICES * 2 * sizeof(struct service_result));
    assert_true(result.exclusion_count == ANNOUNCEMENTS);
    for (size_t i = 0; i < ANNOUNCEMENTS; i++) {
        assert_int_equal(result.exclusions[i].announcement_id, (int64_t)i + 1);
        assert_int_equal(result.exclusions[i].state, ANNOUNCEMENT_APPLIED);
        assert_int_equal(result.exclusions[i].excused_s, 2 * MINUTE_S);
        assert_int_equal(result.exclusions[i].service_count, 1);
        assert_true(
            str_equal(result.exclusions[i].service, many.input.services[i % SERVICES].service));
    }
    arena_release(&arena);
    release(&many);
}

/* Where they are too many, a brief result says once what an announcement came to for all services; a whole one says it of each. */
static void test_announcements_for_all_are_folded_in_brief(void **state)
{
    enum { SERVICES = 250, ANNOUNCEMENTS = EXCLUSIONS_EACH_MAX / SERVICES + 1 };

    (void)state;
    for (int brief = 0; brief <= 1; brief++) {
        struct many many;
        struct arena arena = ARENA_INIT;
        struct result result;
        size_t each = brief ? SERVICES : 1;

        init(&many, SERVICES, ANNOUNCEMENTS, true);
        many.input.brief = brief;
        assert_true(engine_compute(&many.input, &arena, &result));
        assert_true(result.exclusion_count == ANNOUNCEMENTS * SERVICES / each);
        for (size_t i = 0; i < result.exclusion_count; i++) {
            const struct exclusion *exclusion = &result.exclusions[i];

            assert_true(exclusion->service_count == each);
            assert_true(exclusion->all_services);
            assert_int_equal(exclusion->granted_s, 2 * MINUTE_S * (int64_t)each);
            assert_int_equal(str_equal(exclusion->service, STR("*")), brief);
            assert_int_equal(exclusion->excused_s, 2 * MINUTE_S * (int64_t)each);
            assert_int_equal(exclusion->announcement_id, (int64_t)(i * each / SERVICES) + 1);
        }
        arena_release(&arena);
        release(&many);
    }
}

/* Two that overlap, and one beyond the quota, for one service that is also named by itself: each is decided with all others. */
static void test_named_and_for_all_are_decided_together(void **state)
{
    const int64_t from_s = 1790812800;
    struct announcement_input rows[4];
    struct many many;
    struct arena arena = ARENA_INIT;
    struct result result;

    (void)state;
    init(&many, 2, 4, true);
    for (size_t i = 0; i < 4; i++) {
        rows[i] = many.input.announcements[i];
    }
    rows[1].service = many.input.services[1].service; /* overlaps rows[0] by a minute */
    rows[1].from_ns = (from_s + MINUTE_S) * NS_PER_SECOND;
    rows[1].to_ns = (from_s + 3 * MINUTE_S) * NS_PER_SECOND;
    rows[3].service = STR("service-none");
    many.input.announcements = rows;
    many.contract.maintenance.quota_windows = 1;
    many.input.brief = true;
    assert_true(engine_compute(&many.input, &arena, &result));
    /* rows[0] of both services; rows[1] of the second; rows[2] beyond the quota of both */
    assert_true(result.exclusion_count == 5);
    for (size_t i = 0; i < 5; i++) {
        static const struct {
            int64_t id, excused_s;
            size_t service;
            enum announcement_state state;
        } expected[] = {{1, 2 * MINUTE_S, 0, ANNOUNCEMENT_APPLIED},
                        {1, 2 * MINUTE_S, 1, ANNOUNCEMENT_APPLIED},
                        {2, 2 * MINUTE_S, 1, ANNOUNCEMENT_APPLIED},
                        {3, 0, 0, ANNOUNCEMENT_OVER_QUOTA},
                        {3, 0, 1, ANNOUNCEMENT_OVER_QUOTA}};
        const struct exclusion *exclusion = &result.exclusions[i];

        assert_int_equal(exclusion->announcement_id, expected[i].id);
        assert_int_equal(exclusion->excused_s, expected[i].excused_s);
        assert_int_equal(exclusion->state, expected[i].state);
        assert_int_equal(exclusion->service_count, 1);
        assert_true(
            str_equal(exclusion->service, many.input.services[expected[i].service].service));
    }
    arena_release(&arena);
    release(&many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_for_what_is_named),
        cmocka_unit_test(test_announcements_for_all_are_folded_in_brief),
        cmocka_unit_test(test_named_and_for_all_are_decided_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
