#include "aggregator/pack.h"

#include <endian.h>
#include <string.h>

#include "base/check.h"

void pack_long(struct strbuf *out, uint64_t value)
{
    char bytes[CURSOR_NUMBER_SIZE + CURSOR_SLACK];
    struct cursor cursor = {.at = bytes};

    cursor_uint(&cursor, value);
    strbuf_append(out, str_of(bytes, (size_t)(cursor.at - bytes)));
}

void pack_int(struct strbuf *out, int64_t value)
{
    pack_uint(out, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

bool unpack_uint(struct str *packed, uint64_t *ret_value)
{
    uint64_t value = 0;

    /* Most numbers are a byte. */
    if (packed->size > 0 && (unsigned char)packed->data[0] < 0x80) {
        *ret_value = (unsigned char)packed->data[0];
        *packed = str_of(packed->data + 1, packed->size - 1);
        return true;
    }
    for (size_t i = 0; i < packed->size && i < 10; i++) {
        uint64_t byte = (unsigned char)packed->data[i];

        if (i == 9 && byte > 1) {
            return false; /* beyond 64 bits */
        }
        value |= (byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            if (byte == 0 && i > 0) {
                return false; /* a shorter form exists */
            }
            *packed = str_of(packed->data + i + 1, packed->size - i - 1);
            *ret_value = value;
            return true;
        }
    }
    return false;
}

bool unpack_count(struct str *packed, int64_t max, int64_t *ret_value)
{
    uint64_t value;

    if (!unpack_uint(packed, &value) || value > (uint64_t)max) {
        return false;
    }
    *ret_value = (int64_t)value;
    return true;
}

bool unpack_int(struct str *packed, int64_t *ret_value)
{
    uint64_t value;

    if (!unpack_uint(packed, &value)) {
        return false;
    }
    *ret_value = (int64_t)((value >> 1) ^ ((value & 1) != 0 ? UINT64_MAX : 0));
    return true;
}

enum { BITS_COUNT_MAX = 1 << 20 };

/* The word that begins at a byte, as far as there are bytes. */
static inline uint64_t word_at(struct str bytes, size_t at)
{
    uint64_t word = 0;
    size_t left = bytes.size - at;

    if (left >= sizeof(word)) {
        memcpy(&word, bytes.data + at, sizeof(word));
    } else {
        memcpy(&word, bytes.data + at, left);
    }
    return le64toh(word);
}

uint64_t bits_peek(const struct bit_reader *reader)
{
    return word_at(reader->bytes, reader->at / 8) >> (reader->at % 8);
}

size_t bits_left(const struct bit_reader *reader)
{
    return reader->bytes.size * 8 - reader->at;
}

bool bits_get(struct bit_reader *reader, int width, int64_t *ret_values, size_t count,
              uint64_t *ret_any)
{
    uint64_t mask = (UINT64_C(1) << width) - 1;
    size_t at = reader->at;
    size_t end = at + count * (size_t)width;
    uint64_t any = 0;

    CHECK(width <= PACK_BITS_MAX);
    CHECK(count <= BITS_COUNT_MAX); /* so that their bits can be counted */
    if (end > reader->bytes.size * 8) {
        return false;
    }
    if (end / 8 + sizeof(uint64_t) <= reader->bytes.size) {
        /* A whole word begins wherever a number does. */
        for (size_t i = 0; i < count; i++, at += (size_t)width) {
            uint64_t word;

            memcpy(&word, reader->bytes.data + at / 8, sizeof(word));
            word = le64toh(word) >> (at % 8) & mask;
            any |= word;
            ret_values[i] = (int64_t)word;
        }
    } else {
        for (size_t i = 0; i < count; i++, at += (size_t)width) {
            uint64_t word = width > 0 ? word_at(reader->bytes, at / 8) >> (at % 8) & mask : 0;

            any |= word;
            ret_values[i] = (int64_t)word;
        }
    }
    reader->at = end;
    *ret_any = any;
    return true;
}

bool bits_finish(const struct bit_reader *reader, struct str *packed)
{
    size_t size = (reader->at + 7) / 8;

    if (reader->at % 8 != 0 &&
        (unsigned char)reader->bytes.data[size - 1] >> (reader->at % 8) != 0) {
        return false;
    }
    *packed = str_of(packed->data + size, packed->size - size);
    return true;
}

/* So many numbers that their bits are whole bytes. */
enum { COLUMN_PART = 64 };

static void pack_part(struct strbuf *out, const int64_t *values, size_t count, int64_t low,
                      int width)
{
    char bytes[COLUMN_PART * PACK_BITS_MAX / 8 + CURSOR_SLACK];
    struct cursor cursor = {.at = bytes};

    for (size_t i = 0; i < count; i++) {
        cursor_bits(&cursor, (uint64_t)(values[i] - low), width);
    }
    cursor_end_bits(&cursor);
    strbuf_append(out, str_of(bytes, (size_t)(cursor.at - bytes)));
}

void pack_column(struct strbuf *out, const int64_t *values, size_t count)
{
    int64_t low = PACK_COUNT_MAX, high = 0;
    int width;

    if (count == 0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        CHECK(values[i] >= 0);
        CHECK(values[i] <= PACK_COUNT_MAX);
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
    }
    width = bits_width((uint64_t)(high - low));
    strbuf_append_char(out, (char)width);
    pack_count(out, low);
    for (size_t i = 0; i < count && width > 0; i += COLUMN_PART) {
        pack_part(out, values + i, count - i < COLUMN_PART ? count - i : COLUMN_PART, low, width);
    }
}

bool unpack_column(struct str *packed, int64_t *ret_values, size_t count)
{
    struct bit_reader reader = {.at = 0};
    uint64_t any;
    int64_t base, lowest = INT64_MAX, highest = 0;
    int width;

    if (count == 0) {
        return true;
    }
    width = packed->size > 0 ? (unsigned char)packed->data[0] : PACK_BITS_MAX + 1;
    if (width > PACK_BITS_MAX) {
        return false;
    }
    *packed = str_of(packed->data + 1, packed->size - 1);
    if (!unpack_count(packed, PACK_COUNT_MAX, &base)) {
        return false;
    }
    reader.bytes = *packed;
    if (!bits_get(&reader, width, ret_values, count, &any) || bits_width(any) != width ||
        !bits_finish(&reader, packed)) {
        return false; /* or another form of the same numbers */
    }
    for (size_t i = 0; i < count; i++) {
        lowest = ret_values[i] < lowest ? ret_values[i] : lowest;
        highest = ret_values[i] > highest ? ret_values[i] : highest;
        ret_values[i] += base;
    }
    return lowest == 0 && highest <= PACK_COUNT_MAX - base;
}
