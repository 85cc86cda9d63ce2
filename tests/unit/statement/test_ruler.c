/* Seconds between two moments: against counting them one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <inttypes.h>

#include "base/clock.h"
#include "base/random.h"
#include "jobs/statement/ruler.h"

enum { PIECES = 40, LENGTH_S = 200 };

static void test_agrees_with_counting(void **state)
{
    struct random random;
    uint64_t seed;

    (void)state;
    random_init_system(&random);
    seed = random_next(&random);
    print_message("seed %" PRIu64 "\n", seed);
    random_init_seed(&random, seed);
    for (int round = 0; round < 200; round++) {
        struct arena arena = ARENA_INIT;
        struct ruler ruler = ruler_new(&arena, PIECES);
        bool in[LENGTH_S] = {false};
        int64_t at_s = 0;

        /* Pieces of any length that touch or not, of whole seconds here. */
        for (int i = 0; i < PIECES; i++) {
            int64_t from_s = at_s + (int64_t)random_below(&random, 4);
            int64_t to_s = from_s + 1 + (int64_t)random_below(&random, 6);

            if (to_s > LENGTH_S) {
                break;
            }
            ruler_add(&ruler, from_s * NS_PER_SECOND, to_s * NS_PER_SECOND);
            for (int64_t s = from_s; s < to_s; s++) {
                in[s] = true;
            }
            at_s = to_s;
        }
        for (int64_t from_s = 0; from_s < LENGTH_S; from_s += 3) {
            int64_t count = 0;

            for (int64_t to_s = from_s; to_s < LENGTH_S; to_s++) {
                assert_int_equal(
                    ruler_seconds(&ruler, from_s * NS_PER_SECOND, to_s * NS_PER_SECOND), count);
                count += in[to_s];
            }
        }
        arena_release(&arena);
    }
}

/* 1.5 to 3.5 s holds the borders 1 to 3: parts of it add up to the whole, wherever it is cut. */
static void test_borders_are_rounded_down(void **state)
{
    struct arena arena = ARENA_INIT;
    struct ruler ruler = ruler_new(&arena, 1);
    const int64_t half_ns = NS_PER_SECOND / 2;

    (void)state;
    assert_int_equal(ruler_seconds(&ruler, 0, NS_PER_SECOND), 0);
    ruler_add(&ruler, 3 * half_ns, 7 * half_ns);
    assert_int_equal(ruler_seconds(&ruler, 0, 100 * half_ns), 2);
    for (int64_t cut = 0; cut < 10; cut++) {
        assert_int_equal(ruler_seconds(&ruler, 0, cut * half_ns) +
                             ruler_seconds(&ruler, cut * half_ns, 100 * half_ns),
                         2);
    }
    assert_int_equal(ruler_seconds(&ruler, 7 * half_ns, 3 * half_ns), 0);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_counting),
        cmocka_unit_test(test_borders_are_rounded_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
