#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/arena.h"

static void test_blocks_are_zeroed_aligned_and_apart(void **state)
{
    struct arena arena = ARENA_INIT;
    unsigned char *blocks[300];

    (void)state;
    for (size_t i = 0; i < 300; i++) {
        blocks[i] = arena_alloc(&arena, i * 11);
        assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < i * 11; k++) {
            assert_int_equal(blocks[i][k], 0);
        }
        memset(blocks[i], (int)(i % 255) + 1, i * 11);
    }
    for (size_t i = 0; i < 300; i++) {
        for (size_t k = 0; k < i * 11; k++) {
            assert_int_equal(blocks[i][k], i % 255 + 1);
        }
    }
    arena_release(&arena);
    arena_release(&arena);
}

static void test_blocks_larger_than_a_chunk(void **state)
{
    struct arena arena = ARENA_INIT;
    char *small = arena_alloc(&arena, 10);
    char *large = arena_alloc(&arena, 1000000);

    (void)state;
    memset(large, 1, 1000000);
    assert_int_equal(small[9], 0);
    arena_clear(&arena);
    assert_int_equal(((char *)arena_alloc(&arena, 10))[0], 0); /* zeroed again after a clear */
    arena_release(&arena);
}

static void test_copies_end_with_a_nul(void **state)
{
    struct arena arena = ARENA_INIT;
    struct str copy = arena_str(&arena, str_of("abc", 2));

    (void)state;
    assert_int_equal(copy.size, 2);
    assert_string_equal(copy.data, "ab");
    assert_string_equal(arena_text(&arena, str_of(NULL, 0)), "");
    assert_string_equal(arena_format(&arena, "%s-%d", "x", 5), "x-5");
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_are_zeroed_aligned_and_apart),
        cmocka_unit_test(test_blocks_larger_than_a_chunk),
        cmocka_unit_test(test_copies_end_with_a_nul),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
