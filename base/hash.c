#include "base/hash.h"

#include <libdeflate.h>
#include <limits.h>
#include <sodium.h>

#include "base/check.h"

_Static_assert(HASH_HEX_SIZE == 2 * crypto_hash_sha256_BYTES + 1, "two digits a byte and a NUL");

void hash_sha256_hex(struct str content, char ret_hex[HASH_HEX_SIZE])
{
    unsigned char digest[crypto_hash_sha256_BYTES];

    /* SHA-256 needs none of what sodium_init prepares, so it is not called. */
    CHECK(crypto_hash_sha256(digest, (const unsigned char *)content.data, content.size) == 0);
    sodium_bin2hex(ret_hex, HASH_HEX_SIZE, digest, sizeof(digest));
}

_Static_assert(sizeof(struct hash_sha256) >= sizeof(crypto_hash_sha256_state), "room for a state");

static crypto_hash_sha256_state *state_of(struct hash_sha256 *hash)
{
    return (crypto_hash_sha256_state *)(void *)hash->state;
}

void hash_sha256_init(struct hash_sha256 *hash)
{
    CHECK(crypto_hash_sha256_init(state_of(hash)) == 0);
}

void hash_sha256_add(struct hash_sha256 *hash, struct str part)
{
    CHECK(crypto_hash_sha256_update(state_of(hash), (const unsigned char *)part.data, part.size) ==
          0);
}

void hash_sha256_end(struct hash_sha256 *hash, char ret_hex[HASH_HEX_SIZE])
{
    unsigned char digest[crypto_hash_sha256_BYTES];

    CHECK(crypto_hash_sha256_final(state_of(hash), digest) == 0);
    sodium_bin2hex(ret_hex, HASH_HEX_SIZE, digest, sizeof(digest));
}

void hash_key(struct str content, unsigned char ret_key[HASH_KEY_SIZE])
{
    _Static_assert(HASH_KEY_SIZE >= crypto_generichash_BYTES_MIN, "what BLAKE2b can give");
    CHECK(crypto_generichash(ret_key, HASH_KEY_SIZE, (const unsigned char *)content.data,
                             content.size, NULL, 0) == 0);
}

uint32_t hash_crc32(uint32_t start, struct str content)
{
    if (content.size == 0) {
        return start; /* a null pointer would be taken as a request for the start value */
    }
    return libdeflate_crc32(start, content.data, content.size);
}
