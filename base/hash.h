/*
 * SHA-256 (Nettle) for digests that people compare, BLAKE2b of 128 bits (libsodium) for keys that stand for longer ones, CRC-32 (libdeflate)
 * for rows of the store.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdint.h>

#include "base/str.h"

enum { HASH_HEX_SIZE = 65, HASH_KEY_SIZE = 16 };

/* Lower-case hexadecimal with a NUL. */
void hash_sha256_hex(struct str content, char ret_hex[HASH_HEX_SIZE]);
/* The same of content that comes in parts. */
struct hash_sha256 {
    _Alignas(8) unsigned char state[128];
};
void hash_sha256_init(struct hash_sha256 *hash);
void hash_sha256_add(struct hash_sha256 *hash, struct str part);
void hash_sha256_end(struct hash_sha256 *hash, char ret_hex[HASH_HEX_SIZE]); /* once */
/* 128 bits: among 10^10 different contents a collision has a probability below 10^-18. */
void hash_key(struct str content, unsigned char ret_key[HASH_KEY_SIZE]);
uint32_t hash_crc32(uint32_t start, struct str content); /* start with 0 */

#endif
