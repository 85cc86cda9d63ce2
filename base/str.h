/*
 * Text and bytes: `struct str` borrows, `struct strbuf` owns.
 *
 * A str is a view of bytes that somebody else owns; it has no NUL at its end and may hold any byte. A strbuf
 * is born with its greatest size. An append that would pass it changes nothing but sets `overflow`, which
 * stays set until strbuf_clear: writers append without looking and ask once at the end.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *data; /* may be NULL if size is 0 */
    size_t size;      /* bytes */
};

/* View of a literal or of any NUL-terminated text. */
#define STR(text) str_from(text)
/* For printf's "%.*s". */
#define STR_ARGS(s)                                                                                \
    ((s).size > INT32_MAX ? INT32_MAX : (int)(s).size), ((s).data != NULL ? (s).data : "")

static inline struct str str_from(const char *text)
{
    return (struct str){text, text != NULL ? strlen(text) : 0};
}

static inline struct str str_of(const char *data, size_t size)
{
    return (struct str){data, size};
}

static inline bool str_equal(struct str a, struct str b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Byte order, shorter first: <0, 0, >0. Independent of the locale. */
int str_compare(struct str a, struct str b);
bool str_starts_with(struct str s, struct str prefix);
/* True if s is UTF-8 as RFC 3629 has it: no surrogates, no over-long forms, nothing above U+10FFFF. */
bool str_is_utf8(struct str s);
/* Takes the first character off *s, which must not be empty, and returns its bytes; U+FFFD (a literal) for a byte that
 * begins no valid sequence. */
struct str str_next_character(struct str *s);
/* Eight bytes as a word. */
static inline uint64_t str_word(const char *data)
{
    uint64_t word;

    memcpy(&word, data, sizeof(word));
    return word;
}

/* The last eight bytes as a word, or all there are: without a loop, and without a call of memcpy for a size that is not known. Of two that are
 * not longer and of one size the words are equal if the bytes are. */
static inline uint64_t str_last_word(struct str s)
{
    uint64_t word = 0;
    uint32_t first, last;

    if (s.size >= 8) {
        word = str_word(s.data + s.size - 8);
    } else if (s.size >= 4) {
        memcpy(&first, s.data, 4);
        memcpy(&last, s.data + s.size - 4, 4);
        word = (uint64_t)first << 32 | last;
    } else if (s.size > 0) {
        word = (uint64_t)(unsigned char)s.data[0] << 16 |
               (uint64_t)(unsigned char)s.data[s.size / 2] << 8 | (unsigned char)s.data[s.size - 1];
    }
    return word;
}

/* 64-bit hash for hash tables of this process; not stable across versions, never stored. A multiply-and-fold over eight bytes at a time: names are
 * short, and a table of names is all that it serves. Most of them have eight to sixteen bytes: two words, and nothing to foretell. */
static inline uint64_t str_hash(struct str s)
{
    const uint64_t k = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t h = s.size * k;

    if (s.size >= 8) {
        size_t i = 0;

        do {
            h = (h ^ str_word(s.data + i)) * k;
            h ^= h >> 29;
            i += 8;
        } while (i + 8 < s.size);
    }
    h = (h ^ str_last_word(s)) * k;
    return h ^ (h >> 32);
}

enum { STR_INT64_TEXT_SIZE = 20 };
/* Decimal text without NUL; returns its size. */
size_t str_int64_text(int64_t value, char ret_text[STR_INT64_TEXT_SIZE]);
/* The whole of s as a decimal integer with optional '-'; false on anything else or out of range. */
bool str_to_int64(struct str s, int64_t *ret_value);

struct strbuf {
    char *data;      /* owned; NUL-terminated whenever it is not NULL */
    size_t size;     /* bytes in use, without the NUL */
    size_t capacity; /* bytes allocated, size_max and the NUL at most */
    size_t size_max;
    bool overflow;
};

void strbuf_init(struct strbuf *buf, size_t size_max);
/* Gives the memory back; the buffer may be initialised again. */
void strbuf_release(struct strbuf *buf);
/* Empties it and keeps the memory. */
void strbuf_clear(struct strbuf *buf);
/* Nearly always; asked here, so that it takes no call. False tells nothing: an append may make room. */
static inline bool strbuf_has_room(const struct strbuf *buf, size_t added)
{
    return added < buf->capacity - buf->size && !buf->overflow;
}
/* Room for so many more bytes at once, where they are known to come; false, with overflow set, if they would pass size_max. */
bool strbuf_reserve(struct strbuf *buf, size_t added);
void strbuf_append(struct strbuf *buf, struct str s);
void strbuf_append_text(struct strbuf *buf, const char *text);
void strbuf_append_char(struct strbuf *buf, char c);
void strbuf_append_int64(struct strbuf *buf, int64_t value);                  /* decimal */
void strbuf_append_last_word(struct strbuf *buf, uint64_t word, size_t size); /* any room */
/* The lowest `size` bytes of a word, at most eight of them, low ones first. Without a call where there is room for all eight. */
static inline void strbuf_append_word(struct strbuf *buf, uint64_t word, size_t size)
{
    if (!strbuf_has_room(buf, sizeof(word))) {
        strbuf_append_last_word(buf, word, size);
        return;
    }
    word = htole64(word);
    memcpy(buf->data + buf->size, &word, sizeof(word));
    buf->size += size;
    buf->data[buf->size] = '\0';
}
void strbuf_append_format(struct strbuf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Borrowed until the next change of buf. */
static inline struct str strbuf_view(const struct strbuf *buf)
{
    return (struct str){buf->data, buf->size};
}
/* NUL-terminated; "" if empty. Borrowed. */
const char *strbuf_text(const struct strbuf *buf);

#endif
