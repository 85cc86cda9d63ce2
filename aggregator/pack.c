#include "aggregator/pack.h"

#include "base/check.h"

void pack_uint(struct strbuf *out, uint64_t value)
{
    char bytes[10];
    size_t size = 0;

    while (value >= 0x80) {
        bytes[size++] = (char)(value | 0x80);
        value >>= 7;
    }
    bytes[size++] = (char)value;
    strbuf_append(out, str_of(bytes, size));
}

void pack_count(struct strbuf *out, int64_t value)
{
    CHECK(value >= 0);
    pack_uint(out, (uint64_t)value);
}

void pack_int(struct strbuf *out, int64_t value)
{
    pack_uint(out, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

bool unpack_uint(struct str *packed, uint64_t *ret_value)
{
    uint64_t value = 0;

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
