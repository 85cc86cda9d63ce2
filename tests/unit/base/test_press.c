/* A press: whatever its threads do, pieces come back packed and in their order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/press.h"

enum { PIECES = 500 };

static void take_one(struct press *press, int64_t *expected)
{
    struct piece *piece = press_take(press);
    struct unpacker *unpacker = unpacker_new(CODEC_ZSTANDARD);
    struct err err = ERR_INIT;
    struct str content;

    assert_non_null(piece);
    assert_int_equal(piece->number, (*expected)++);
    assert_int_equal(unpacker_run(unpacker, str_of(piece->packed, piece->packed_size), 0, 1 << 20,
                                  &content, &err),
                     ERR_OK);
    assert_int_equal(content.size, 1 + piece->number * 37 % 20000);
    for (size_t i = 0; i < content.size; i++) {
        assert_int_equal(content.data[i], (char)piece->number);
    }
    unpacker_free(unpacker);
    press_free_piece(press, piece);
}

static void pieces_come_back_in_order(void **state)
{
    (void)state;
    for (int threads = 0; threads <= 4; threads += 2) {
        struct press_options options = {.codec = CODEC_ZSTANDARD,
                                        .level = 3,
                                        .thread_count = threads,
                                        .queue_max = 5,
                                        .size_kept = 4096};
        struct press *press;
        struct err err = ERR_INIT;
        int64_t expected = 0;

        assert_int_equal(press_open(&options, &press, &err), ERR_OK);
        assert_null(press_take(press));
        for (int i = 0; i < PIECES; i++) {
            struct piece *piece = press_piece(press);
            size_t size = 1 + (size_t)i * 37 % 20000;

            memset(piece_reserve(piece, size), i, size);
            piece->content_size = size;
            piece->number = i;
            while (press_full(press)) {
                take_one(press, &expected);
            }
            press_put(press, piece);
        }
        while (expected < PIECES) {
            take_one(press, &expected);
        }
        assert_null(press_take(press));
        press_close(press);
    }
}

/* What was put and is not wanted any more is no leak, and no thread hangs. */
static void it_can_be_closed_at_any_time(void **state)
{
    (void)state;
    for (int left = 0; left < 8; left++) {
        struct press_options options = {
            .codec = CODEC_DEFLATE, .level = 9, .thread_count = 3, .queue_max = 8, .size_kept = 1};
        struct press *press;
        struct err err = ERR_INIT;

        assert_int_equal(press_open(&options, &press, &err), ERR_OK);
        for (int i = 0; i < left; i++) {
            struct piece *piece = press_piece(press);

            memset(piece_reserve(piece, 300000), i, 300000);
            piece->content_size = 300000;
            press_put(press, piece);
        }
        press_close(press);
    }
    press_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_come_back_in_order),
        cmocka_unit_test(it_can_be_closed_at_any_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
