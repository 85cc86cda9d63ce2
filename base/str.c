#include "base/str.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "base/memory.h"

int str_compare(struct str a, struct str b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;

    if (order != 0) {
        return order;
    }
    return (a.size > b.size) - (a.size < b.size);
}

bool str_starts_with(struct str s, struct str prefix)
{
    return s.size >= prefix.size && str_equal(str_of(s.data, prefix.size), prefix);
}

/* Length of the UTF-8 sequence at p, or 0 if there is none: RFC 3629, section 4. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
    size_t length;
    unsigned char low = 0x80;
    unsigned char high = 0xbf;

    if (p[0] < 0x80) {
        return 1;
    }
    if (p[0] < 0xc2 || p[0] > 0xf4) {
        return 0;
    }
    length = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (left < length) {
        return 0;
    }
    if (p[0] == 0xe0) {
        low = 0xa0; /* over-long */
    } else if (p[0] == 0xed) {
        high = 0x9f; /* surrogates */
    } else if (p[0] == 0xf0) {
        low = 0x90; /* over-long */
    } else if (p[0] == 0xf4) {
        high = 0x8f; /* above U+10FFFF */
    }
    if (p[1] < low || p[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return length;
}

bool str_is_utf8(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.data;
    size_t i = 0;

    while (i < s.size) {
        size_t length = utf8_length(p + i, s.size - i);

        if (length == 0) {
            return false;
        }
        i += length;
    }
    return true;
}

struct str str_next_character(struct str *s)
{
    size_t length;
    struct str character;

    CHECK(s->size > 0);
    length = utf8_length((const unsigned char *)s->data, s->size);
    character = length > 0 ? str_of(s->data, length) : STR("\xef\xbf\xbd");
    length += length == 0;
    *s = str_of(s->data + length, s->size - length);
    return character;
}

size_t str_int64_text(int64_t value, char ret_text[STR_INT64_TEXT_SIZE])
{
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    char digits[STR_INT64_TEXT_SIZE];
    size_t start = sizeof(digits);

    do {
        digits[--start] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0) {
        digits[--start] = '-';
    }
    memcpy(ret_text, digits + start, sizeof(digits) - start);
    return sizeof(digits) - start;
}

bool str_to_int64(struct str s, int64_t *ret_value)
{
    size_t i = 0;
    bool negative = s.size > 0 && s.data[0] == '-';
    int64_t value = 0;

    i += negative;
    if (i == s.size) {
        return false;
    }
    for (; i < s.size; i++) {
        if (s.data[i] < '0' || s.data[i] > '9') {
            return false;
        }
        /* Counted downwards, because INT64_MIN has no positive twin. */
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, s.data[i] - '0', &value)) {
            return false;
        }
    }
    if (!negative && value == INT64_MIN) {
        return false;
    }
    *ret_value = negative ? value : -value;
    return true;
}

void strbuf_init(struct strbuf *buf, size_t size_max)
{
    CHECK(size_max < SIZE_MAX / 2);
    *buf = (struct strbuf){.size_max = size_max};
}

void strbuf_release(struct strbuf *buf)
{
    memory_free(buf->data);
    *buf = (struct strbuf){.size_max = buf->size_max};
}

void strbuf_clear(struct strbuf *buf)
{
    buf->size = 0;
    buf->overflow = false;
    if (buf->data != NULL) {
        buf->data[0] = '\0';
    }
}

/* The NUL has its room as well. */
bool strbuf_reserve(struct strbuf *buf, size_t added)
{
    size_t capacity = buf->capacity > 0 ? buf->capacity : 64;

    if (buf->overflow || added > buf->size_max - buf->size) {
        buf->overflow = true;
        return false;
    }
    if (added < buf->capacity - buf->size) {
        return true;
    }
    while (capacity < buf->size + added + 1) {
        capacity *= 2;
    }
    capacity = capacity <= buf->size_max ? capacity : buf->size_max + 1;
    if (capacity != buf->capacity) {
        buf->data = memory_resize(buf->data, capacity, 1);
        buf->capacity = capacity;
    }
    return true;
}

void strbuf_append(struct strbuf *buf, struct str s)
{
    if (!strbuf_has_room(buf, s.size) && !strbuf_reserve(buf, s.size)) {
        return;
    }
    if (s.size > 0) {
        memcpy(buf->data + buf->size, s.data, s.size);
    }
    buf->size += s.size;
    buf->data[buf->size] = '\0';
}

void strbuf_append_last_word(struct strbuf *buf, uint64_t word, size_t size)
{
    CHECK(size <= sizeof(word));
    word = htole64(word);
    strbuf_append(buf, str_of((const char *)&word, size));
}

void strbuf_append_text(struct strbuf *buf, const char *text)
{
    strbuf_append(buf, str_from(text));
}

void strbuf_append_char(struct strbuf *buf, char c)
{
    /* Most of what is packed comes byte by byte. */
    if (strbuf_has_room(buf, 1)) {
        buf->data[buf->size++] = c;
        buf->data[buf->size] = '\0';
        return;
    }
    strbuf_append_last_word(buf, (unsigned char)c, 1);
}

void strbuf_append_int64(struct strbuf *buf, int64_t value)
{
    char text[STR_INT64_TEXT_SIZE];

    strbuf_append(buf, str_of(text, str_int64_text(value, text)));
}

void strbuf_append_format(struct strbuf *buf, const char *format, ...)
{
    char text
        [256]; /* most of what is formatted is shorter, and need not be formatted twice to know its size */
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    CHECK(size >= 0);
    if ((size_t)size < sizeof(text)) {
        strbuf_append(buf, str_of(text, (size_t)size));
        return;
    }
    if (!strbuf_reserve(buf, (size_t)size)) {
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(buf->data + buf->size, (size_t)size + 1, format, arguments);
    va_end(arguments);
    buf->size += (size_t)size;
}

const char *strbuf_text(const struct strbuf *buf)
{
    return buf->data != NULL ? buf->data : "";
}
