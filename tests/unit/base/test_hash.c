#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "base/hash.h"

static void test_known_digests(void **state)
{
    char hex[HASH_HEX_SIZE];

    (void)state;
    /* FIPS 180-2, appendix B.1, and the empty message */
    hash_sha256_hex(STR("abc"), hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hash_sha256_hex(str_of(NULL, 0), hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_crc_is_zlibs_and_continues(void **state)
{
    (void)state;
    assert_int_equal(hash_crc32(0, STR("123456789")), 0xcbf43926); /* the check value of CRC-32 */
    assert_int_equal(hash_crc32(hash_crc32(0, STR("1234")), STR("56789")), 0xcbf43926);
    assert_int_equal(hash_crc32(7, str_of(NULL, 0)), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_digests),
        cmocka_unit_test(test_crc_is_zlibs_and_continues),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
