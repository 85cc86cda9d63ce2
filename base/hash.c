#include "base/hash.h"

#include <libdeflate.h>
#include <nettle/base16.h>
#include <nettle/sha2.h>
#include <sodium.h>
#include <string.h>

#include "base/check.h"

_Static_assert(HASH_HEX_SIZE == BASE16_ENCODE_LENGTH(SHA256_DIGEST_SIZE) + 1, "and a NUL");
_Static_assert(sizeof(struct hash_sha256) >= sizeof(struct sha256_ctx), "room for a state");

static struct sha256_ctx *state_of(struct hash_sha256 *hash)
{
    return (struct sha256_ctx *)(void *)hash->state;
}

void hash_sha256_init(struct hash_sha256 *hash)
{
    sha256_init(state_of(hash));
}

void hash_sha256_add(struct hash_sha256 *hash, struct str part)
{
    sha256_update(state_of(hash), part.size, (const uint8_t *)part.data);
}

void hash_sha256_end(struct hash_sha256 *hash, char ret_hex[HASH_HEX_SIZE])
{
    uint8_t digest[SHA256_DIGEST_SIZE];

    sha256_digest(state_of(hash), sizeof(digest), digest);
    base16_encode_update(ret_hex, sizeof(digest), digest);
    ret_hex[HASH_HEX_SIZE - 1] = '\0';
}

void hash_sha256_hex(struct str content, char ret_hex[HASH_HEX_SIZE])
{
    struct hash_sha256 hash;

    hash_sha256_init(&hash);
    hash_sha256_add(&hash, content);
    hash_sha256_end(&hash, ret_hex);
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
