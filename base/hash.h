/*
 * SHA-256 (libsodium) for digests that people compare, CRC-32 (zlib) for rows of the store.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdint.h>

#include "base/str.h"

enum { HASH_HEX_SIZE = 65 };

/* Lower-case hexadecimal with a NUL. */
void hash_sha256_hex(struct str content, char ret_hex[HASH_HEX_SIZE]);
uint32_t hash_crc32(uint32_t start, struct str content); /* start with 0 */

#endif
