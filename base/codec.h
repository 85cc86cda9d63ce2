/*
 * Compression of whole blocks: none, deflate (raw, RFC 1951) by libdeflate, zstandard by libzstd; the codecs of Avro container files.
 *
 * The same content, codec and level give the same bytes, by one version of a library. A packer or an unpacker keeps a library's working memory and
 * serves one thread at a time. Neither deflate nor zstandard as they stand in such files carry a checksum that can be relied on.
 */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

enum codec { CODEC_NULL, CODEC_DEFLATE, CODEC_ZSTANDARD, CODEC_COUNT };

/* So many bytes behind unpacked content may be looked at as well: who reads numbers by the word need not ask where it ends. */
enum { CODEC_BEHIND = 16 };

enum { CODEC_LEVEL_MIN = 1, CODEC_DEFLATE_LEVEL_MAX = 12, CODEC_ZSTANDARD_LEVEL_MAX = 19 };

/* As Avro's metadata avro.codec has it. */
const char *codec_name(enum codec codec);
bool codec_find(struct str name, enum codec *ret_codec);
int codec_level_max(enum codec codec);

struct packer;

/* level is within the codec's bounds; of no meaning for CODEC_NULL. */
struct packer *packer_new(enum codec codec, int level);
void packer_free(struct packer *packer);
/* Room that suffices for any content of that size. */
size_t packer_bound(const struct packer *packer, size_t size);
/* room is at least packer_bound(content.size). Returns the size of what was written. */
size_t packer_run(struct packer *packer, struct str content, char *out, size_t room);

struct unpacker;

struct unpacker *unpacker_new(enum codec codec);
void unpacker_free(struct unpacker *unpacker);
/* *ret_content is valid until the next call: it borrows from the unpacker, or, of CODEC_NULL, is packed itself. It has CODEC_BEHIND bytes behind it; of CODEC_NULL the caller sees
 * to that. size_hint: how large the content probably is; 0: not known. ERR_DATA: damaged, or larger than size_max. Memory grows with the content only, and never beyond
 * size_max and those bytes. */
enum err_code unpacker_run(struct unpacker *unpacker, struct str packed, size_t size_hint,
                           size_t size_max, struct str *ret_content, struct err *err);

#endif
