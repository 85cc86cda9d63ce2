#include "base/codec.h"

#include <libdeflate.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/check.h"
#include "base/memory.h"

static const struct {
    const char *name;
    int level_max;
} rows[CODEC_COUNT] = {
    [CODEC_NULL] = {"null", 1},
    [CODEC_DEFLATE] = {"deflate", CODEC_DEFLATE_LEVEL_MAX},
    [CODEC_ZSTANDARD] = {"zstandard", CODEC_ZSTANDARD_LEVEL_MAX},
};

struct packer {
    enum codec codec;
    int level;
    struct libdeflate_compressor *deflate; /* owned */
    ZSTD_CCtx *zstandard;                  /* owned */
};

struct unpacker {
    enum codec codec;
    struct libdeflate_decompressor *deflate; /* owned */
    ZSTD_DCtx *zstandard;                    /* owned */
    char *room;                              /* owned */
    size_t room_size;
};

const char *codec_name(enum codec codec)
{
    CHECK((unsigned)codec < CODEC_COUNT);
    return rows[codec].name;
}

bool codec_find(struct str name, enum codec *ret_codec)
{
    for (int i = 0; i < CODEC_COUNT; i++) {
        if (str_equal(name, str_from(rows[i].name))) {
            *ret_codec = (enum codec)i;
            return true;
        }
    }
    return false;
}

int codec_level_max(enum codec codec)
{
    CHECK((unsigned)codec < CODEC_COUNT);
    return rows[codec].level_max;
}

struct packer *packer_new(enum codec codec, int level)
{
    struct packer *packer = memory_calloc(1, sizeof(*packer));

    CHECK(codec == CODEC_NULL || level >= CODEC_LEVEL_MIN);
    CHECK(codec == CODEC_NULL || level <= codec_level_max(codec));
    packer->codec = codec;
    packer->level = level;
    if (codec == CODEC_DEFLATE) {
        packer->deflate = libdeflate_alloc_compressor(level);
        CHECK(packer->deflate != NULL);
    } else if (codec == CODEC_ZSTANDARD) {
        packer->zstandard = ZSTD_createCCtx();
        CHECK(packer->zstandard != NULL);
    }
    return packer;
}

void packer_free(struct packer *packer)
{
    if (packer == NULL) {
        return;
    }
    libdeflate_free_compressor(packer->deflate);
    (void)ZSTD_freeCCtx(packer->zstandard);
    memory_free(packer);
}

size_t packer_bound(const struct packer *packer, size_t size)
{
    switch (packer->codec) {
    case CODEC_DEFLATE:
        return libdeflate_deflate_compress_bound(packer->deflate, size);
    case CODEC_ZSTANDARD:
        return ZSTD_compressBound(size);
    default:
        return size;
    }
}

size_t packer_run(struct packer *packer, struct str content, char *out, size_t room)
{
    size_t size;

    CHECK(room >= packer_bound(packer, content.size));
    switch (packer->codec) {
    case CODEC_DEFLATE:
        size = libdeflate_deflate_compress(packer->deflate, content.data, content.size, out, room);
        CHECK(size > 0);
        return size;
    case CODEC_ZSTANDARD:
        size = ZSTD_compressCCtx(packer->zstandard, out, room, content.data, content.size,
                                 packer->level);
        CHECK(!ZSTD_isError(size));
        return size;
    default:
        if (content.size > 0) {
            memcpy(out, content.data, content.size);
        }
        return content.size;
    }
}

struct unpacker *unpacker_new(enum codec codec)
{
    struct unpacker *unpacker = memory_calloc(1, sizeof(*unpacker));

    unpacker->codec = codec;
    if (codec == CODEC_DEFLATE) {
        unpacker->deflate = libdeflate_alloc_decompressor();
        CHECK(unpacker->deflate != NULL);
    } else if (codec == CODEC_ZSTANDARD) {
        unpacker->zstandard = ZSTD_createDCtx();
        CHECK(unpacker->zstandard != NULL);
    }
    return unpacker;
}

void unpacker_free(struct unpacker *unpacker)
{
    if (unpacker == NULL) {
        return;
    }
    libdeflate_free_decompressor(unpacker->deflate);
    (void)ZSTD_freeDCtx(unpacker->zstandard);
    memory_free(unpacker->room);
    memory_free(unpacker);
}

enum outcome { UNPACKED, TOO_SMALL, DAMAGED };

static enum outcome inflate_block(struct unpacker *unpacker, struct str packed, size_t *ret_size)
{
    size_t used;

    switch (libdeflate_deflate_decompress_ex(unpacker->deflate, packed.data, packed.size,
                                             unpacker->room, unpacker->room_size, &used,
                                             ret_size)) {
    case LIBDEFLATE_SUCCESS:
        return used == packed.size ? UNPACKED : DAMAGED;
    case LIBDEFLATE_INSUFFICIENT_SPACE:
        return TOO_SMALL;
    default:
        return DAMAGED;
    }
}

static enum outcome unzstd_block(struct unpacker *unpacker, struct str packed, size_t *ret_size)
{
    /* What a frame says about itself only chooses between two answers that are both safe. */
    unsigned long long said = ZSTD_getFrameContentSize(packed.data, packed.size);
    size_t size;

    if (said == ZSTD_CONTENTSIZE_ERROR) {
        return DAMAGED;
    }
    if (said != ZSTD_CONTENTSIZE_UNKNOWN && said > unpacker->room_size) {
        return TOO_SMALL;
    }
    size = ZSTD_decompressDCtx(unpacker->zstandard, unpacker->room, unpacker->room_size,
                               packed.data, packed.size);
    if (!ZSTD_isError(size)) {
        *ret_size = size;
        return UNPACKED;
    }
    /* Several frames, or one that does not say its size. */
    return ZSTD_getErrorCode(size) == ZSTD_error_dstSize_tooSmall ? TOO_SMALL : DAMAGED;
}

static void grow(struct unpacker *unpacker, size_t size)
{
    memory_free(unpacker->room); /* nothing of it is worth a copy */
    unpacker->room = memory_alloc(size + CODEC_BEHIND);
    unpacker->room_size = size;
}

enum err_code unpacker_run(struct unpacker *unpacker, struct str packed, size_t size_hint,
                           size_t size_max, struct str *ret_content, struct err *err)
{
    size_t wanted = size_hint > 0 ? size_hint : 4 * packed.size + 64;
    enum outcome outcome = TOO_SMALL;
    size_t size = 0;

    if (unpacker->codec == CODEC_NULL) {
        *ret_content = packed;
        return packed.size <= size_max ? ERR_OK
                                       : err_set(err, ERR_DATA, "larger than %zu bytes", size_max);
    }
    wanted = wanted < size_max ? wanted : size_max;
    while (outcome == TOO_SMALL) {
        if (unpacker->room == NULL || unpacker->room_size < wanted) {
            grow(unpacker, wanted);
        }
        outcome = unpacker->codec == CODEC_DEFLATE ? inflate_block(unpacker, packed, &size)
                                                   : unzstd_block(unpacker, packed, &size);
        if (outcome == TOO_SMALL && unpacker->room_size >= size_max) {
            return err_set(err, ERR_DATA, "unpacked it is larger than %zu bytes, or damaged",
                           size_max);
        }
        wanted = unpacker->room_size < size_max / 2 ? 2 * unpacker->room_size : size_max;
    }
    if (outcome == DAMAGED || size > size_max) {
        return err_set(err, ERR_DATA, "it is no %s", codec_name(unpacker->codec));
    }
    memset(unpacker->room + size, 0, CODEC_BEHIND);
    *ret_content = str_of(unpacker->room, size);
    return ERR_OK;
}
