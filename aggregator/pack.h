/*
 * The words of packed blobs: unsigned integers as LEB128, seven bits a byte, low ones first.
 *
 * Each number has exactly one form: readers refuse a last byte of 0 behind another one, so that equal contents are equal bytes.
 */
#ifndef AGGREGATOR_PACK_H
#define AGGREGATOR_PACK_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"

/* No honest sum comes near it; sums of two such numbers cannot overflow. */
#define PACK_COUNT_MAX (INT64_C(1) << 56)

void pack_long(struct strbuf *out, uint64_t value); /* any; pack_uint is faster */
/* Most numbers are a byte. */
static inline void pack_uint(struct strbuf *out, uint64_t value)
{
    if (value < 0x80) {
        strbuf_append_word(out, value, 1);
    } else {
        pack_long(out, value);
    }
}
static inline void pack_count(struct strbuf *out, int64_t value)
{
    CHECK(value >= 0);
    pack_uint(out, (uint64_t)value);
}
/* Any sign: zigzag. */
void pack_int(struct strbuf *out, int64_t value);

/* Advance *packed; false if it ends early, is not minimal or too large. */
bool unpack_uint(struct str *packed, uint64_t *ret_value);
/* At most max. */
bool unpack_count(struct str *packed, int64_t max, int64_t *ret_value);
bool unpack_int(struct str *packed, int64_t *ret_value);

/* Numbers of few bits, one behind the other, low ones first; what is left of the last byte is 0. */
enum { PACK_BITS_MAX = 57 }; /* of one number: what fits beside seven other bits in a word */

/* 0 has none. Without a branch: nobody could foretell it. */
static inline int bits_width(uint64_t value)
{
    return 64 - __builtin_clzll((unsigned long long)value | 1) - (value == 0);
}

/*
 * A cursor writes numbers and bits into room that its user has made sure of, on the stack mostly, and what came together is appended at once: it stays in
 * registers, while an append has to wait for the buffer's size as the one before has left it.
 */
struct cursor {
    char *at;
    uint64_t held; /* bits that did not go out yet */
    int held_count;
};

enum {
    CURSOR_NUMBER_SIZE = 10, /* bytes of a number at most */
    CURSOR_SLACK = 8         /* behind the last byte, which may be written over */
};

static inline void cursor_word(struct cursor *cursor, uint64_t word, int size)
{
    word = htole64(word);
    memcpy(cursor->at, &word, sizeof(word));
    cursor->at += size;
}

/* Four groups of seven bits, a byte each, with the bit that says: another one follows. */
static inline uint64_t pack_groups(uint64_t value)
{
    value = (value & 0x3fff) | (value & 0x0fffc000) << 2;
    return (value & 0x007f007f) | (value & 0x3f803f80) << 1 | 0x80808080;
}

/* No bits are held. */
static inline void cursor_uint(struct cursor *cursor, uint64_t value)
{
    int bits;

    if (value < 0x80) {
        cursor_word(cursor, value, 1);
        return;
    }
    for (; value >> 28 != 0; value >>= 28) {
        cursor_word(cursor, pack_groups(value), 4);
    }
    bits = (bits_width(value) + 6) / 7 * 8;
    /* Behind its last byte there is no other one. */
    cursor_word(cursor, pack_groups(value) & ((UINT64_C(1) << (bits - 1)) - 1), bits / 8);
}

static inline void cursor_count(struct cursor *cursor, int64_t value)
{
    CHECK(value >= 0);
    cursor_uint(cursor, (uint64_t)value);
}

/* value < 2^width, width <= PACK_BITS_MAX. Whole bytes go out, always, so that there is no branch that nobody could foretell. */
static inline void cursor_bits(struct cursor *cursor, uint64_t value, int width)
{
    int count = cursor->held_count + width;
    uint64_t held = cursor->held | value << cursor->held_count;

    CHECK(width >= 0);
    CHECK(width <= PACK_BITS_MAX);
    CHECK(value >> width == 0);
    cursor_word(cursor, held, count / 8);
    cursor->held = count < 64 ? held >> (count & ~7) : 0;
    cursor->held_count = count % 8;
}

/* What is left of the last byte is 0. */
static inline void cursor_end_bits(struct cursor *cursor)
{
    cursor_word(cursor, cursor->held, cursor->held_count > 0);
    cursor->held = 0;
    cursor->held_count = 0;
}

struct bit_reader {
    struct str bytes;
    size_t at; /* bit */
};

/* What stands next, PACK_BITS_MAX bits of it at least, zeros behind the end; nothing is read by it. */
uint64_t bits_peek(const struct bit_reader *reader);
/* Bits that are left. */
size_t bits_left(const struct bit_reader *reader);
/* `count` numbers of `width` bits each, 0 to PACK_BITS_MAX; *ret_any: the bits that any of them has. False behind the end. */
bool bits_get(struct bit_reader *reader, int width, int64_t *ret_values, size_t count,
              uint64_t *ret_any);
/* Advances *packed, where the reader began, behind the last bit that was read. False if the rest of its byte is not 0. */
bool bits_finish(const struct bit_reader *reader, struct str *packed);

/* A column: the lowest number, how many bits the others differ in, and those bits. Nothing if there are none. Numbers from 0 to PACK_COUNT_MAX. */
void pack_column(struct strbuf *out, const int64_t *values, size_t count);
bool unpack_column(struct str *packed, int64_t *ret_values, size_t count);

#endif
