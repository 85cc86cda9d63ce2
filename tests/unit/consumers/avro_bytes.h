/*
 * Avro bytes by hand: what a test puts into a payload is written out here, independently of the decoder.
 */
#ifndef TESTS_AVRO_BYTES_H
#define TESTS_AVRO_BYTES_H

#include <stdint.h>
#include <string.h>

#include "base/str.h"

struct bytes {
    char data[4096];
    size_t size;
};

static inline void put_byte(struct bytes *out, unsigned byte)
{
    if (out->size < sizeof(out->data)) {
        out->data[out->size++] = (char)byte;
    }
}

static inline void put_long(struct bytes *out, int64_t value)
{
    uint64_t raw = value < 0 ? 2 * (0 - (uint64_t)value) - 1 : 2 * (uint64_t)value;

    while (raw >= 128) {
        put_byte(out, (unsigned)(raw % 128) + 128);
        raw /= 128;
    }
    put_byte(out, (unsigned)raw);
}

static inline void put_raw(struct bytes *out, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        put_byte(out, (unsigned char)bytes[i]);
    }
}

static inline void put_text(struct bytes *out, const char *text)
{
    put_long(out, (int64_t)strlen(text));
    put_raw(out, text, strlen(text));
}

static inline void put_double(struct bytes *out, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    for (int i = 0; i < 8; i++) {
        put_byte(out, (unsigned)(bits >> (8 * i) & 0xff));
    }
}

static inline struct str bytes_view(const struct bytes *bytes)
{
    return str_of(bytes->data, bytes->size);
}

#endif
