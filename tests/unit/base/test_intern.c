#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/intern.h"

static void test_names_keep_their_numbers(void **state)
{
    struct intern set;
    struct str first;
    uint32_t number = 0;

    (void)state;
    intern_init(&set);
    assert_int_equal(intern_add(&set, STR("first")), 0);
    first = intern_name(&set, 0);
    for (uint32_t i = 1; i < 5000; i++) { /* far past every growth */
        char name[16];

        assert_int_equal(
            intern_add(&set, str_of(name, (size_t)snprintf(name, sizeof(name), "n%u", i))), i);
    }
    assert_int_equal(intern_add(&set, STR("n4321")), 4321);
    assert_true(intern_find(&set, STR("n77"), &number));
    assert_int_equal(number, 77);
    assert_false(intern_find(&set, STR("nobody"), &number));
    assert_int_equal(set.count, 5000);
    assert_ptr_equal(intern_name(&set, 0).data, first.data); /* the bytes do not move */
    intern_release(&set);
}

static void test_names_are_bytes(void **state)
{
    struct intern set;

    (void)state;
    intern_init(&set);
    assert_int_equal(intern_add(&set, str_of("a\0b", 3)), 0);
    assert_int_equal(intern_add(&set, STR("a")), 1);
    assert_int_equal(intern_add(&set, str_of(NULL, 0)), 2);
    assert_int_equal(intern_add(&set, str_of("a\0b", 3)), 0);
    assert_int_equal(intern_add(&set, STR("")), 2);
    intern_release(&set);
}

/* A heap copy of its exact size, so that ASan sees a read beside it. */
static struct str copy_of(const char *bytes, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);

    assert_non_null(copy);
    memcpy(copy, bytes, size);
    return str_of(copy, size);
}

static void release(struct str name)
{
    free((char *)(uintptr_t)name.data);
}

/* Names of each size, and those that differ from them in one byte, which is any of them. */
static void test_each_byte_counts(void **state)
{
    static const char bytes[] = "a name of forty letters, word after word";
    struct intern set;
    uint32_t number, added = 0;

    (void)state;
    intern_init(&set);
    for (size_t size = 0; size < sizeof(bytes); size++) {
        struct str name = copy_of(bytes, size);

        assert_int_equal(intern_add(&set, name), added);
        release(name);
        name = copy_of(bytes, size);
        assert_true(intern_find(&set, name, &number));
        assert_int_equal(number, added++);
        release(name);
        for (size_t i = 0; i < size; i++) {
            char *other = (char *)(uintptr_t)(name = copy_of(bytes, size)).data;

            other[i] ^= 0x20;
            assert_false(intern_find(&set, name, &number));
            release(name);
        }
    }
    intern_release(&set);
}

enum { NUMBERS = 300000, DIGITS = 8 };

/* One of so many names that differ in eight digits at some place only. */
static struct str numbered(char *name, size_t size, size_t at, uint32_t number)
{
    uint64_t digits = number * UINT64_C(48271);

    memset(name, 'x', size);
    for (size_t i = at + DIGITS; i > at; i--, digits /= 10) {
        name[i - 1] = (char)('0' + digits % 10);
    }
    return str_of(name, size);
}

static int compare_words(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Two names that differ in eight bytes only, and have one hash as far as it is kept. */
static bool find_twins(size_t size, size_t at, uint32_t ret_numbers[2])
{
    uint64_t *found = calloc(NUMBERS, sizeof(found[0]));
    bool twins = false;
    char name[64];

    assert_non_null(found);
    for (uint32_t i = 0; i < NUMBERS; i++) {
        found[i] = str_hash(numbered(name, size, at, i)) << 32 | i;
    }
    qsort(found, NUMBERS, sizeof(found[0]), compare_words);
    for (size_t i = 1; i < NUMBERS && !twins; i++) {
        twins = found[i] >> 32 == found[i - 1] >> 32;
        ret_numbers[0] = (uint32_t)found[i - 1];
        ret_numbers[1] = (uint32_t)found[i];
    }
    free(found);
    return twins;
}

/* A hash is no name: where two have the same one, every word of them is looked at. */
static void test_names_of_one_hash_are_two(void **state)
{
    static const struct {
        size_t size, at;
    } places[] = {{8, 0}, {12, 0}, {12, 4}, {16, 0}, {16, 8}, {29, 0}, {29, 8}, {29, 16}, {29, 21}};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        uint32_t numbers[2];
        struct intern set;
        char name[64];

        intern_init(&set);
        assert_true(find_twins(places[i].size, places[i].at, numbers));
        for (uint32_t twin = 0; twin < 2; twin++) {
            assert_int_equal(
                intern_add(&set, numbered(name, places[i].size, places[i].at, numbers[twin])),
                twin);
        }
        intern_release(&set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_keep_their_numbers),
        cmocka_unit_test(test_names_are_bytes),
        cmocka_unit_test(test_each_byte_counts),
        cmocka_unit_test(test_names_of_one_hash_are_two),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
