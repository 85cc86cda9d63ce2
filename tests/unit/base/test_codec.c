/* Content that fits its limit exactly, also none at all: it comes back, with the bytes behind it that may be looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/codec.h"

/* Packed, and of CODEC_NULL with what its caller has to have behind it. */
static struct str packed_of(enum codec codec, const char *content, size_t size)
{
    struct packer *packer = packer_new(codec, 1);
    size_t room = packer_bound(packer, size);
    char *packed = malloc(room + CODEC_BEHIND);
    size_t used;

    assert_non_null(packed);
    used = packer_run(packer, str_of(content, size), packed, room);
    memset(packed + used, 0, CODEC_BEHIND);
    packer_free(packer);
    return str_of(packed, used);
}

static void content_may_be_as_large_as_its_limit(void **state)
{
    static const char content[5000] = "some bytes";
    static const char zeros[CODEC_BEHIND];
    static const size_t sizes[] = {0, 1, 10, sizeof(content)};

    (void)state;
    for (int c = 0; c < CODEC_COUNT; c++) {
        for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
            struct str packed = packed_of((enum codec)c, content, sizes[i]);
            struct unpacker *unpacker = unpacker_new((enum codec)c);
            struct err err = ERR_INIT;
            struct str found;

            assert_int_equal(unpacker_run(unpacker, packed, 0, sizes[i], &found, &err), ERR_OK);
            assert_true(str_equal(found, str_of(content, sizes[i])));
            assert_memory_equal(found.data + found.size, zeros, CODEC_BEHIND);
            if (sizes[i] > 0) {
                assert_int_equal(unpacker_run(unpacker, packed, 0, sizes[i] - 1, &found, &err),
                                 ERR_DATA);
            }
            unpacker_free(unpacker);
            free((char *)(uintptr_t)packed.data);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_may_be_as_large_as_its_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
