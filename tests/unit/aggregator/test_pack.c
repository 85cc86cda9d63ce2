#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "aggregator/pack.h"
#include "base/check.h"
#include "base/random.h"

enum { COUNT_MAX = 70 };

static void round_trip(const int64_t *values, size_t count)
{
    int64_t back[COUNT_MAX];
    struct strbuf packed;
    struct str view;

    strbuf_init(&packed, 1 << 16);
    pack_column(&packed, values, count);
    strbuf_append_text(&packed, "tail");
    view = strbuf_view(&packed);
    assert_true(unpack_column(&view, back, count));
    assert_memory_equal(back, values, count * sizeof(values[0]));
    assert_true(str_equal(view, STR("tail")));
    /* Nothing that is cut is a column. */
    for (size_t size = 0; size < packed.size - 4; size++) {
        view = str_of(packed.data, size);
        assert_false(count > 0 && unpack_column(&view, back, count));
    }
    strbuf_release(&packed);
}

/* Numbers of every width, with and without one that is far above the others. */
static void test_columns_come_back(void **state)
{
    struct random random;
    uint64_t seed = 11;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    random_init_seed(&random, seed);
    for (int width = 0; width <= 56; width++) {
        for (int round = 0; round < 20; round++) {
            int64_t values[COUNT_MAX];
            size_t count = (size_t)random_below(&random, COUNT_MAX + 1);

            for (size_t i = 0; i < count; i++) {
                values[i] = (int64_t)random_below(&random, UINT64_C(1) << width);
            }
            round_trip(values, count);
        }
    }
    round_trip((int64_t[]){PACK_COUNT_MAX, 0, PACK_COUNT_MAX}, 3);
    round_trip((int64_t[]){PACK_COUNT_MAX, PACK_COUNT_MAX}, 2);
}

/* 60 minutes with some 20 requests each take 5 or 6 bits a minute, not a byte. */
static void test_columns_are_small(void **state)
{
    int64_t values[60];
    struct strbuf packed;

    (void)state;
    for (int i = 0; i < 60; i++) {
        values[i] = 1000 + i % 32;
    }
    strbuf_init(&packed, 1 << 16);
    pack_column(&packed, values, 60);
    assert_int_equal(packed.size, 1 + 2 + (60 * 5 + 7) / 8);
    strbuf_release(&packed);
}

/* Two numbers; each row is another form of some column, or none. */
static void test_hostile_columns(void **state)
{
    static const struct {
        const char *why, *bytes;
        size_t size;
        bool good;
    } rows[] = {
        {"5 and 6", "\x01\x05\x02", 3, true},
        {"nothing", "", 0, false},
        {"no lowest number", "\x01", 1, false},
        {"no bits", "\x01\x05", 2, false},
        {"the lowest is not among them", "\x01\x05\x03", 3, false},
        {"more bits than they need", "\x02\x05\x04", 3, false},
        {"bits for equal numbers", "\x01\x05\x00", 3, false},
        {"bits behind the last", "\x01\x05\x06", 3, false},
        {"more bits than a number has",
         "\x3a\x05\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 15, false},
        {"beyond the largest", "\x01\x80\x80\x80\x80\x80\x80\x80\x80\x01\x02", 11, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct str view = str_of(rows[i].bytes, rows[i].size);
        int64_t values[2];

        print_message("%s\n", rows[i].why);
        assert_int_equal(unpack_column(&view, values, 2), rows[i].good);
    }
}

/* LEB128 as its definition has it, a byte at a time. */
static size_t leb128(uint64_t value, char *bytes)
{
    size_t size = 0;

    for (; value >= 0x80; value >>= 7) {
        bytes[size++] = (char)(value | 0x80);
    }
    bytes[size++] = (char)value;
    return size;
}

static void number_round_trip(uint64_t value)
{
    char expected[CURSOR_NUMBER_SIZE];
    size_t size = leb128(value, expected);
    struct strbuf packed;
    struct str view;
    uint64_t back;

    strbuf_init(&packed, size); /* it needs no more room than it takes */
    pack_uint(&packed, value);
    assert_false(packed.overflow);
    assert_int_equal(packed.size, size);
    assert_memory_equal(packed.data, expected, size);
    assert_int_equal(packed.data[size], '\0');
    view = strbuf_view(&packed);
    assert_true(unpack_uint(&view, &back));
    assert_true(back == value);
    pack_uint(&packed, 0);
    assert_true(packed.overflow);
    strbuf_release(&packed);
    for (size_t room = 0; room < 30; room++) { /* wherever the buffer has to grow */
        strbuf_init(&packed, 100);
        for (size_t i = 0; i < 40 + room; i++) {
            strbuf_append_char(&packed, 'x');
        }
        pack_uint(&packed, value);
        assert_memory_equal(packed.data + 40 + room, expected, size);
        strbuf_release(&packed);
    }
}

static void test_numbers_come_back(void **state)
{
    (void)state;
    for (int bits = 0; bits < 64; bits++) {
        number_round_trip((UINT64_C(1) << bits) - 1);
        number_round_trip(UINT64_C(1) << bits);
        number_round_trip((UINT64_C(1) << bits) +
                          UINT64_C(0x123456789abcde) % (UINT64_C(1) << bits));
    }
    number_round_trip(UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_come_back),
        cmocka_unit_test(test_columns_come_back),
        cmocka_unit_test(test_columns_are_small),
        cmocka_unit_test(test_hostile_columns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
