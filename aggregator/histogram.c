#include "aggregator/histogram.h"

#include <string.h>

#include "aggregator/pack.h"
#include "base/check.h"
#include "base/memory.h"
#include "schemas/event.h"

enum {
    BUCKETS_PER_DOUBLING = 64,
    BUCKET_MIN = -1,   /* 1 ns alone */
    BUCKET_MAX = 2962, /* the one of LATENCY_NS_MAX; a test holds it against the table */
    GROWTH = 64, /* buckets at a time, so that a growing range is not copied for each bucket */
    BLOCK = 16,  /* buckets that are packed with as many bits as the fullest of them needs */
    WIDTH_BITS = 6,
    SMALL_WIDTH = 3 /* a block of such counts and its width are one word */
};
_Static_assert(GROWTH % BLOCK == 0, "counts are whole blocks");
_Static_assert(WIDTH_BITS + SMALL_WIDTH * BLOCK <= PACK_BITS_MAX, "a word has them all");

/* bounds[k] = floor(2^(63 + k/64)), found with exact integers. The scaled latency is an integer too, so "above the bound"
 * and "above its floor" are the same. starts[j] is the last k whose bound does not lie above 2^63 + j * 2^56. */
static const uint64_t bounds[BUCKETS_PER_DOUBLING + 1] = {
    UINT64_C(0x8000000000000000), UINT64_C(0x8164d1f3bc030773), UINT64_C(0x82cd8698ac2ba1d7),
    UINT64_C(0x843a28c3acde4046), UINT64_C(0x85aac367cc487b14), UINT64_C(0x871f61969e8d1010),
    UINT64_C(0x88980e8092da8527), UINT64_C(0x8a14d575496efd9a), UINT64_C(0x8b95c1e3ea8bd6e6),
    UINT64_C(0x8d1adf5b7e5ba9e5), UINT64_C(0x8ea4398b45cd53c0), UINT64_C(0x9031dc431466b1dc),
    UINT64_C(0x91c3d373ab11c336), UINT64_C(0x935a2b2f13e6e92b), UINT64_C(0x94f4efa8fef70961),
    UINT64_C(0x96942d3720185a00), UINT64_C(0x9837f0518db8a96f), UINT64_C(0x99e0459320b7fa64),
    UINT64_C(0x9b8d39b9d54e5538), UINT64_C(0x9d3ed9a72cffb750), UINT64_C(0x9ef5326091a111ad),
    UINT64_C(0xa0b0510fb9714fc2), UINT64_C(0xa27043030c496818), UINT64_C(0xa43515ae09e6809e),
    UINT64_C(0xa5fed6a9b15138ea), UINT64_C(0xa7cd93b4e9653569), UINT64_C(0xa9a15ab4ea7c0ef8),
    UINT64_C(0xab7a39b5a93ed337), UINT64_C(0xad583eea42a14ac6), UINT64_C(0xaf3b78ad690a4374),
    UINT64_C(0xb123f581d2ac258f), UINT64_C(0xb311c412a9112489), UINT64_C(0xb504f333f9de6484),
    UINT64_C(0xb6fd91e328d17791), UINT64_C(0xb8fbaf4762fb9ee9), UINT64_C(0xbaff5ab2133e45fb),
    UINT64_C(0xbd08a39f580c36be), UINT64_C(0xbf1799b67a731082), UINT64_C(0xc12c4cca66709456),
    UINT64_C(0xc346ccda24976407), UINT64_C(0xc5672a115506dadd), UINT64_C(0xc78d74c8abb9b15c),
    UINT64_C(0xc9b9bd866e2f27a2), UINT64_C(0xcbec14fef2727c5c), UINT64_C(0xce248c151f8480e3),
    UINT64_C(0xd06333daef2b2594), UINT64_C(0xd2a81d91f12ae45a), UINT64_C(0xd4f35aabcfedfa1f),
    UINT64_C(0xd744fccad69d6af4), UINT64_C(0xd99d15c278afd7b5), UINT64_C(0xdbfbb797daf23755),
    UINT64_C(0xde60f4825e0e9123), UINT64_C(0xe0ccdeec2a94e111), UINT64_C(0xe33f8972be8a5a51),
    UINT64_C(0xe5b906e77c8348a8), UINT64_C(0xe8396a503c4bdc68), UINT64_C(0xeac0c6e7dd24392e),
    UINT64_C(0xed4f301ed9942b84), UINT64_C(0xefe4b99bdcdaf5cb), UINT64_C(0xf281773c59ffb139),
    UINT64_C(0xf5257d152486cc2c), UINT64_C(0xf7d0df730ad13bb8), UINT64_C(0xfa83b2db722a033a),
    UINT64_C(0xfd3e0c0cf486c174), UINT64_C(0xffffffffffffffff),
};
static const unsigned char starts[128] = {
    0,  0,  1,  2,  2,  3,  4,  4,  5,  6,  6,  7,  8,  8,  9,  10, 10, 11, 12, 12, 13, 14,
    14, 15, 15, 16, 17, 17, 18, 18, 19, 20, 20, 21, 21, 22, 22, 23, 24, 24, 25, 25, 26, 26,
    27, 27, 28, 28, 29, 29, 30, 30, 31, 31, 32, 33, 33, 34, 34, 35, 35, 35, 36, 36, 37, 37,
    38, 38, 39, 39, 40, 40, 41, 41, 42, 42, 43, 43, 43, 44, 44, 45, 45, 46, 46, 47, 47, 47,
    48, 48, 49, 49, 50, 50, 50, 51, 51, 52, 52, 52, 53, 53, 54, 54, 54, 55, 55, 56, 56, 56,
    57, 57, 58, 58, 58, 59, 59, 59, 60, 60, 61, 61, 61, 62, 62, 62, 63, 63};

/* The bucket i with base^i < latency <= base^(i+1). Exact: no floating point, the same on every machine. And without a branch, which nobody
 * could foretell. */
static inline int32_t bucket_of(int64_t latency_ns)
{
    int zeros;
    uint64_t below;
    int octave, k;

    CHECK(latency_ns > 0);
    CHECK(latency_ns <= LATENCY_NS_MAX);
    zeros = __builtin_clzll((unsigned long long)latency_ns);
    /* A bound itself belongs to the bucket below. Only powers of two are bounds and integers, and they leave their octave here. */
    below = ((uint64_t)latency_ns << zeros) - 1;
    octave = 62 - zeros + (int)(below >> 63);
    k = starts[below >> 56 & 127];
    k += bounds[k + 1] <= below; /* a 128th holds one bound at most */
    return octave * BUCKETS_PER_DOUBLING + k;
}

static int64_t upper_bound_ns(int32_t bucket)
{
    int32_t bound = bucket + 1;

    CHECK(bound >= 0);
    return (int64_t)(bounds[bound % BUCKETS_PER_DOUBLING] >> (63 - bound / BUCKETS_PER_DOUBLING));
}

void histogram_release(struct histogram *histogram)
{
    memory_free(histogram->counts);
    *histogram = (struct histogram){0};
}

/* Makes room for buckets first .. last. */
static void reserve(struct histogram *histogram, int32_t first, int32_t last)
{
    int32_t size;
    int64_t *counts;

    CHECK(first <= last);
    if (histogram->size > 0) {
        int32_t old_last = histogram->first + histogram->size - 1;

        if (first >= histogram->first && last <= old_last) {
            return;
        }
        first = first < histogram->first ? first : histogram->first;
        last = last > old_last ? last : old_last;
    }
    /* Aligned on both sides; bucket -1 makes the first group begin at -64. */
    first = (first + GROWTH) / GROWTH * GROWTH - GROWTH;
    last = (last + GROWTH) / GROWTH * GROWTH - 1;
    size = last - first + 1;
    counts = memory_calloc((size_t)size, sizeof(counts[0]));
    if (histogram->size > 0) {
        memcpy(counts + (histogram->first - first), histogram->counts,
               (size_t)histogram->size * sizeof(counts[0]));
    }
    memory_free(histogram->counts);
    histogram->counts = counts;
    histogram->first = first;
    histogram->size = size;
}

/* The bit of `used`. */
static inline uint64_t use_of(int32_t bucket)
{
    return UINT64_C(1) << ((uint32_t)(bucket + GROWTH) / BLOCK % 64);
}

void histogram_add(struct histogram *histogram, int64_t latency_ns, int64_t weight)
{
    int32_t bucket;

    CHECK(weight >= 0);
    if (latency_ns == 0) {
        histogram->zero_count += weight;
        return;
    }
    bucket = bucket_of(latency_ns);
    if (bucket < histogram->first || bucket >= histogram->first + histogram->size) {
        reserve(histogram, bucket, bucket);
    }
    histogram->counts[bucket - histogram->first] += weight;
    histogram->used |= use_of(bucket);
}

/* Buckets from 0 on, and what no histogram has a bucket for. */
enum { PLACE_OF_ZERO_NS = UINT16_MAX };
_Static_assert(BUCKET_MAX - BUCKET_MIN + GROWTH < PLACE_OF_ZERO_NS, "it is beyond all buckets");

uint16_t histogram_place(int64_t latency_ns)
{
    return latency_ns == 0 ? PLACE_OF_ZERO_NS : (uint16_t)(bucket_of(latency_ns) - BUCKET_MIN);
}

static void add_beyond(struct histogram *histogram, uint16_t place)
{
    int32_t bucket = place + BUCKET_MIN;

    if (place == PLACE_OF_ZERO_NS) {
        histogram->zero_count++;
        return;
    }
    reserve(histogram, bucket, bucket);
    histogram->counts[bucket - histogram->first]++;
    histogram->used |= use_of(bucket);
}

void histogram_add_places(struct histogram *histogram, const uint16_t *places, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t at = (uint32_t)(places[i] + BUCKET_MIN - histogram->first);

        if (at < (uint32_t)histogram->size) {
            histogram->counts[at]++;
            histogram->used |= use_of(places[i] + BUCKET_MIN);
        } else {
            add_beyond(histogram, places[i]);
        }
    }
}

/* What all counts have of bits, and their sum. */
static inline uint64_t look_at(const int64_t *counts, int32_t size, int64_t *ret_sum)
{
    uint64_t any = 0;
    int64_t sum = 0;

    for (int32_t i = 0; i < size; i++) {
        any |= (uint64_t)counts[i];
        sum += counts[i];
    }
    *ret_sum = sum;
    return any;
}

/* Whole blocks are looked at in halves, term by term: of a loop the compiler makes four times as much. */
enum { HALF = 8 };
_Static_assert(BLOCK == 2 * HALF, "two of them");

static inline uint64_t half_bits(const int64_t *c)
{
    return (uint64_t)(c[0] | c[1] | c[2] | c[3] | c[4] | c[5] | c[6] | c[7]);
}

static inline int64_t half_sum(const int64_t *c)
{
    return c[0] + c[1] + c[2] + c[3] + c[4] + c[5] + c[6] + c[7];
}

/* Of counts that have no more bits than `width`, which leaves room for all. */
static inline uint64_t half_word(const int64_t *c, int width)
{
    uint64_t high = (((uint64_t)c[7] << width | (uint64_t)c[6]) << width | (uint64_t)c[5]) << width;

    high = (high | (uint64_t)c[4]) << width;
    high = ((high | (uint64_t)c[3]) << width | (uint64_t)c[2]) << width;
    return (high | (uint64_t)c[1]) << width | (uint64_t)c[0];
}

static inline uint64_t block_bits(const int64_t *counts)
{
    return half_bits(counts) | half_bits(counts + HALF);
}

static inline bool block_empty(const int64_t *counts)
{
    return block_bits(counts) == 0;
}

/* The block of counts[i] has nothing: known without a look at it. */
static inline bool untouched(const struct histogram *histogram, int32_t i)
{
    return (histogram->used & use_of(histogram->first + i)) == 0;
}

/* The buckets that are not empty: false if there is none. Whole blocks first: most of a histogram is empty. */
static bool used_range(const struct histogram *histogram, int32_t *ret_begin, int32_t *ret_end)
{
    const int64_t *counts = histogram->counts;
    int32_t begin = 0;
    int32_t end = histogram->size;

    while (begin < end && (untouched(histogram, begin) || block_empty(counts + begin))) {
        begin += BLOCK;
    }
    while (end > begin &&
           (untouched(histogram, end - BLOCK) || block_empty(counts + end - BLOCK))) {
        end -= BLOCK;
    }
    if (begin == end) {
        return false;
    }
    while (counts[begin] == 0) {
        begin++;
    }
    while (counts[end - 1] == 0) {
        end--;
    }
    *ret_begin = begin;
    *ret_end = end;
    return true;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    int32_t begin;
    int32_t end;

    into->zero_count += from->zero_count;
    if (!used_range(from, &begin, &end)) {
        return;
    }
    reserve(into, from->first + begin, from->first + end - 1);
    for (int32_t i = begin; i < end; i++) {
        into->counts[from->first + i - into->first] += from->counts[i];
    }
    into->used |= from->used;
}

int64_t histogram_count(const struct histogram *histogram)
{
    int64_t count = histogram->zero_count;

    /* Always so many at a time, which the compiler adds together. */
    for (int32_t i = 0; i < histogram->size; i += BLOCK) {
        for (int32_t j = 0; j < BLOCK; j++) {
            count += histogram->counts[i + j];
        }
    }
    return count;
}

void histogram_quantiles_ns(const struct histogram *histogram, const int *per_mille,
                            int64_t *ret_ns, size_t count)
{
    int64_t all = histogram_count(histogram);
    int64_t seen = histogram->zero_count;
    int32_t next = 0; /* bucket; those before it are seen */

    for (size_t i = 0; i < count; i++) {
        __int128 wanted = ((__int128)all * per_mille[i] + 999) / 1000; /* the rank, rounded up */

        CHECK(per_mille[i] >= 0);
        CHECK(per_mille[i] <= 1000);
        CHECK(i == 0 || per_mille[i] >= per_mille[i - 1]);
        for (wanted = wanted < 1 ? 1 : wanted; all > 0 && seen < wanted; next++) {
            CHECK(next < histogram->size); /* no rank is above the count */
            seen += histogram->counts[next];
        }
        ret_ns[i] = next > 0 ? upper_bound_ns(histogram->first + next - 1) : 0;
    }
}

int64_t histogram_quantile_ns(const struct histogram *histogram, int per_mille)
{
    int64_t result_ns;

    histogram_quantiles_ns(histogram, &per_mille, &result_ns, 1);
    return result_ns;
}

enum { BLOCK_SIZE_MAX = (WIDTH_BITS + BLOCK * PACK_BITS_MAX + 7) / 8 }; /* bytes */

/* Any counts of a block. Returns their sum. */
static inline int64_t pack_any(const int64_t *counts, int32_t size, struct cursor *cursor)
{
    int64_t sum;
    uint64_t any = look_at(counts, size, &sum);
    int width = bits_width(any);

    cursor_bits(cursor, (uint64_t)width, WIDTH_BITS);
    for (int32_t i = 0; i < size && width > 0; i++) {
        cursor_bits(cursor, (uint64_t)counts[i], width);
    }
    return sum;
}

/* The same of counts that have no more than `width` bits, where a whole block can be read: behind the first `size` it is empty. */
static inline int64_t pack_small(const int64_t *counts, int32_t size, int width,
                                 struct cursor *cursor)
{
    uint64_t word = half_word(counts + HALF, width) << (HALF * width) | half_word(counts, width);

    cursor_bits(cursor, word << WIDTH_BITS | (uint64_t)width, WIDTH_BITS + width * size);
    return half_sum(counts) + half_sum(counts + HALF);
}

/* What the counts from there on have of bits, up to a block of them; all bits where a whole block cannot be read. Most are known to have none: it lies
 * across two blocks of `used`. */
static inline uint64_t bits_at(const struct histogram *histogram, int32_t i)
{
    if (untouched(histogram, i) && untouched(histogram, i + BLOCK - 1)) {
        return 0;
    }
    return i + BLOCK <= histogram->size ? block_bits(histogram->counts + i) : UINT64_MAX;
}

/* Buckets from `begin` to `end`. Returns the sum. */
static int64_t pack_blocks(const struct histogram *histogram, int32_t begin, int32_t end,
                           struct strbuf *out)
{
    char bytes[4 * BLOCK_SIZE_MAX + CURSOR_SLACK];
    struct cursor cursor = {.at = bytes};
    int64_t sum = 0;

    for (; begin < end; begin += BLOCK) {
        const int64_t *counts = histogram->counts + begin;
        int32_t size = end - begin < BLOCK ? end - begin : BLOCK;
        uint64_t any = bits_at(histogram, begin);

        if (any == 0) {
            cursor_bits(&cursor, 0, WIDTH_BITS);
        } else if (any >> SMALL_WIDTH == 0) {
            sum += pack_small(counts, size, bits_width(any), &cursor);
        } else {
            sum += pack_any(counts, size, &cursor);
        }
        if (cursor.at - bytes > 3 * BLOCK_SIZE_MAX) {
            strbuf_append(out, str_of(bytes, (size_t)(cursor.at - bytes)));
            cursor.at = bytes;
        }
    }
    cursor_end_bits(&cursor);
    strbuf_append(out, str_of(bytes, (size_t)(cursor.at - bytes)));
    return sum;
}

void histogram_fetch(const struct histogram *histogram)
{
    for (int32_t i = 0; i < histogram->size; i += BLOCK) {
        if (!untouched(histogram, i)) {
            __builtin_prefetch(histogram->counts + i);
            __builtin_prefetch(histogram->counts + i + HALF);
        }
    }
}

/* Zero count, number of buckets, the first one (shifted by one: bucket -1 exists), then the counts as bits: in each block of BLOCK
 * buckets first how many bits its highest count has. The first and the last bucket are never empty. */
int64_t histogram_pack(const struct histogram *histogram, struct strbuf *out)
{
    int32_t begin;
    int32_t end;

    pack_count(out, histogram->zero_count);
    if (!used_range(histogram, &begin, &end)) {
        pack_uint(out, 0);
        return histogram->zero_count;
    }
    pack_count(out, end - begin);
    pack_count(out, histogram->first + begin - BUCKET_MIN);
    return histogram->zero_count + pack_blocks(histogram, begin, end, out);
}

/* Counts of `width` bits, which a word holds all; their sum. */
static inline int64_t add_small(uint64_t word, int width, int32_t size, int64_t *into)
{
    uint64_t mask = (UINT64_C(1) << width) - 1;
    int64_t sum = 0;

    for (int32_t i = 0; i < size; i++) {
        int64_t count = (int64_t)(word >> (i * width) & mask);

        into[i] += count;
        sum += count;
    }
    return sum;
}

/* The same with numbers that the compiler knows. */
static int64_t add_block(uint64_t word, int width, int64_t *into)
{
    switch (width) {
    case 1:
        return add_small(word, 1, BLOCK, into);
    case 2:
        return add_small(word, 2, BLOCK, into);
    default:
        return add_small(word, SMALL_WIDTH, BLOCK, into);
    }
}

/* Any counts; their sum is less than 16 numbers of 57 bits. False: none of them needs that width, so this is another form of theirs. */
static bool add_large(struct bit_reader *reader, int width, int32_t size, int64_t *into,
                      int64_t *ret_sum)
{
    int64_t counts[BLOCK];
    uint64_t any;

    *ret_sum = 0;
    if (!bits_get(reader, width, counts, (size_t)size, &any) || bits_width(any) != width) {
        return false;
    }
    for (int32_t i = 0; i < size; i++) {
        into[i] += counts[i];
        *ret_sum += counts[i];
    }
    return true;
}

/* Bit width - 1 of each count. */
static uint64_t top_bits(int width, int32_t size)
{
    static const uint64_t tops[] = {0, UINT64_C(0xffff), UINT64_C(0xaaaaaaaa),
                                    UINT64_C(0x924924924924)};

    return tops[width] & ((UINT64_C(1) << (width * size)) - 1);
}

/* Most blocks are empty or have small counts. room: what the sum of all counts may reach; takes those of the block from it. */
static bool merge_block(struct bit_reader *reader, int32_t size, int64_t *room, int64_t *into)
{
    uint64_t word = bits_peek(reader);
    int width = (int)(word & ((1 << WIDTH_BITS) - 1));
    int64_t sum = 0;

    if (width > PACK_BITS_MAX ||
        (size_t)WIDTH_BITS + (size_t)width * (size_t)size > bits_left(reader)) {
        return false;
    }
    reader->at += WIDTH_BITS;
    if (width > SMALL_WIDTH) {
        if (!add_large(reader, width, size, into, &sum)) {
            return false;
        }
    } else if (width > 0) {
        word >>= WIDTH_BITS;
        if ((word & top_bits(width, size)) == 0) {
            return false; /* another form of the same counts */
        }
        sum = size == BLOCK ? add_block(word, width, into) : add_small(word, width, size, into);
        reader->at += (size_t)width * (size_t)size;
    }
    *room -= sum;
    return *room >= 0;
}

/* into: where the first bucket stands. Takes what was added from *room. */
static bool merge_counts(struct str *packed, int32_t size, int64_t *room, int64_t *into)
{
    struct bit_reader reader = {.bytes = *packed};
    int64_t first = into[0], last = into[size - 1];

    for (int32_t i = 0; i < size; i += BLOCK) {
        if (!merge_block(&reader, size - i < BLOCK ? size - i : BLOCK, room, into + i)) {
            return false;
        }
    }
    /* Neither end is empty. */
    return into[0] != first && into[size - 1] != last && bits_finish(&reader, packed);
}

bool histogram_merge_packed(struct str *packed, struct histogram *into, int64_t *ret_count)
{
    int64_t zero_count;
    int64_t size;
    int64_t first;
    int64_t left;

    if (!unpack_count(packed, PACK_COUNT_MAX, &zero_count) ||
        !unpack_count(packed, BUCKET_MAX - BUCKET_MIN + 1, &size)) {
        return false;
    }
    left = PACK_COUNT_MAX - zero_count;
    if (size > 0) {
        if (!unpack_count(packed, BUCKET_MAX - BUCKET_MIN + 1 - size, &first)) {
            return false;
        }
        first += BUCKET_MIN;
        reserve(into, (int32_t)first, (int32_t)(first + size - 1));
        into->used = UINT64_MAX; /* for the rows of a store, nobody keeps account */
        if (!merge_counts(packed, (int32_t)size, &left, into->counts + (first - into->first))) {
            return false;
        }
    }
    into->zero_count += zero_count;
    *ret_count = PACK_COUNT_MAX - left;
    return true;
}

enum err_code histogram_unpack(struct str *packed, struct histogram *ret_histogram, struct err *err)
{
    struct histogram histogram = {0};
    int64_t count;

    if (!histogram_merge_packed(packed, &histogram, &count)) {
        histogram_release(&histogram);
        return err_set(err, ERR_MISMATCH, "histogram: cut, out of range or not in its one form");
    }
    *ret_histogram = histogram;
    return ERR_OK;
}
