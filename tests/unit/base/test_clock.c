#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "base/clock.h"

static void test_simulated_time_moves_only_when_told(void **state)
{
    struct clock_simulated simulated;

    (void)state;
    clock_simulated_init(&simulated, 5 * NS_PER_SECOND);
    assert_int_equal(clock_now_ns(&simulated.clock), 5 * NS_PER_SECOND);
    assert_int_equal(clock_now_ns(&simulated.clock), 5 * NS_PER_SECOND);
    clock_sleep_ns(&simulated.clock, NS_PER_HOUR);
    assert_int_equal(clock_now_ns(&simulated.clock), NS_PER_HOUR + 5 * NS_PER_SECOND);
    assert_int_equal(clock_monotonic_ns(&simulated.clock), NS_PER_HOUR + 5 * NS_PER_SECOND);
    simulated.time_ns = 0;
    assert_int_equal(clock_now_ns(&simulated.clock), 0);
}

static void test_system_time_goes_forward(void **state)
{
    struct clock *clock = clock_system();
    int64_t before = clock_monotonic_ns(clock);

    (void)state;
    clock_sleep_ns(clock, NS_PER_MS);
    clock_sleep_ns(clock, -1); /* a wait that is already over */
    assert_true(clock_monotonic_ns(clock) > before);
    assert_true(clock_now_ns(clock) > INT64_C(1700000000) * NS_PER_SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simulated_time_moves_only_when_told),
        cmocka_unit_test(test_system_time_goes_forward),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
