/*
 * A month counted again from its archive: bit for bit what the live book has, with letters, redrives and duplicates taken over; a damaged window is named and
 * replaced; events that come late during it are in both, once.
 */
#include "tests/unit/jobs/rebuild_world.h"

enum { EVENTS = 6000 };

/* Everything is read, redriven in part, folded, graded and archived. */
static void open_month(struct world *world)
{
    open_world(world, PARTITIONS);
    rebuild_configure(world);
    rebuild_send_events(world, 0, EVENTS / 2);
    rebuild_consume(world);
    rebuild_learn_schema(world);
    world->config->registry_retry_ns = NS_PER_SECOND;
    rebuild_redrive(world);
    rebuild_send_events(world, EVENTS / 2, EVENTS / 2);
    rebuild_consume(world);
    rebuild_aggregate(world);
    rebuild_archive(world);
    rebuild_sound(world);
}

static void an_untouched_month_is_the_same_bit_by_bit(void **state)
{
    static const char *const months[] = {"2026-09", "2026-10"};
    struct world world;
    char *before;

    (void)state;
    open_month(&world);
    before = rebuild_windows(&world);
    for (size_t i = 0; i < 2; i++) {
        struct rebuild_result result =
            rebuild_with(&world, (struct rebuild_options){.month = months[i], .thread_count = 2});
        char *after = rebuild_windows(&world);

        assert_true(result.opened);
        assert_true(result.ended);
        assert_int_equal(result.different, 0);
        assert_true(result.windows > 300);
        assert_true(result.tallied > 1000);
        assert_true(result.known_dead > 0);
        assert_true(result.other_month > 0);
        assert_string_equal(after, before);
        rebuild_sound(&world);
        free(after);
    }
    assert_int_equal(ask(&world, "SELECT count(*) FROM rebuild"), 0);
    assert_int_equal(ask(&world, "SELECT count(*) FROM window_hour WHERE book_id > 2"), 0);
    free(before);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_untouched_month_is_the_same_bit_by_bit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
