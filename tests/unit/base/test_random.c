#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <string.h>

#include "base/random.h"

/* Reference values computed from the authors' description: splitmix64 with seed 0 begins with e220a8397b1dcdaf. */
static void test_a_seed_is_a_sequence_for_ever(void **state)
{
    struct random random;

    (void)state;
    random_init_seed(&random, 0);
    assert_true(random.state[0] == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(random_next(&random) == UINT64_C(0x99ec5f36cb75f2b4));
    assert_true(random_next(&random) == UINT64_C(0xbf6e1f784956452a));
    assert_true(random_next(&random) == UINT64_C(0x1a5f849d4933e6e0));
}

static void test_below_is_below_and_reaches_all(void **state)
{
    struct random random;
    int seen[7] = {0};

    (void)state;
    random_init_seed(&random, 1);
    for (int i = 0; i < 7000; i++) {
        uint64_t value = random_below(&random, 7);

        assert_true(value < 7);
        seen[value]++;
    }
    for (int i = 0; i < 7; i++) {
        assert_in_range(seen[i], 800, 1200); /* a thousand each; the seed is fixed */
    }
    assert_int_equal(random_below(&random, 1), 0);
    assert_true(random_below(&random, UINT64_MAX) < UINT64_MAX);
}

static void test_system_bits_differ(void **state)
{
    struct random random;
    char a[16] = "";
    char b[16] = "";

    (void)state;
    random_init_system(&random);
    random_bytes(&random, a, sizeof(a));
    random_bytes(&random, b, sizeof(b));
    assert_int_not_equal(memcmp(a, b, sizeof(a)), 0);
    random_bytes(&random, a, 3); /* not a multiple of a word */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_seed_is_a_sequence_for_ever),
        cmocka_unit_test(test_below_is_below_and_reaches_all),
        cmocka_unit_test(test_system_bits_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
