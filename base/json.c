#include "base/json.h"

#include <string.h>

#include "base/check.h"

void json_init(struct json_writer *json, struct strbuf *out, bool pretty)
{
    *json = (struct json_writer){.out = out, .pretty = pretty};
    json->levels[0].array = true; /* the document: one value without a key */
    json->levels[0].empty = true;
}

static void new_line(struct json_writer *json)
{
    static const char spaces[2 * JSON_DEPTH_MAX + 1] = "                                ";

    if (!json->pretty) {
        return;
    }
    strbuf_append_char(json->out, '\n');
    strbuf_append(json->out, str_of(spaces, 2 * (size_t)json->depth));
}

/* Bytes that have to be escaped: RFC 8259, section 7. The short forms are those of RFC 8785, section 3.2.2.2. */
static void append_escaped(struct strbuf *out, char c)
{
    switch (c) {
    case '"':
        strbuf_append_text(out, "\\\"");
        break;
    case '\\':
        strbuf_append_text(out, "\\\\");
        break;
    case '\b':
        strbuf_append_text(out, "\\b");
        break;
    case '\f':
        strbuf_append_text(out, "\\f");
        break;
    case '\n':
        strbuf_append_text(out, "\\n");
        break;
    case '\r':
        strbuf_append_text(out, "\\r");
        break;
    case '\t':
        strbuf_append_text(out, "\\t");
        break;
    default:
        if ((unsigned char)c < 0x20) {
            strbuf_append_format(out, "\\u%04x", (unsigned)(unsigned char)c);
        } else {
            strbuf_append_char(out, c);
        }
    }
}

/* Copies the characters in front of the text that stand for themselves: nearly all of them. */
static void append_plain(struct strbuf *out, struct str *text)
{
    size_t size = 0;

    while (size < text->size && text->data[size] >= 0x20 && text->data[size] < 0x7f &&
           text->data[size] != '"' && text->data[size] != '\\') {
        size++;
    }
    strbuf_append(out, str_of(text->data, size));
    *text = str_of(text->data + size, text->size - size);
}

static void append_string(struct strbuf *out, struct str value)
{
    strbuf_append_char(out, '"');
    for (append_plain(out, &value); value.size > 0; append_plain(out, &value)) {
        struct str character = str_next_character(&value);

        if (character.size == 1) {
            append_escaped(out, character.data[0]);
        } else {
            strbuf_append(out, character);
        }
    }
    strbuf_append_char(out, '"');
}

static void check_key(struct json_writer *json, const char *key)
{
    char *last = json->levels[json->depth].last_key;

    if (json->levels[json->depth].array) {
        CHECK(key == NULL);
        return;
    }
    CHECK(key != NULL);
    CHECK(strlen(key) < sizeof(json->levels[0].last_key));
    CHECK(json->levels[json->depth].empty || strcmp(last, key) < 0);
    memcpy(last, key, strlen(key) + 1);
}

/* What stands before a value: comma, line break, key. */
static void begin_value(struct json_writer *json, const char *key)
{
    check_key(json, key);
    if (!json->levels[json->depth].empty) {
        CHECK(json->depth > 0);
        strbuf_append_char(json->out, ',');
    }
    if (json->depth > 0) {
        new_line(json);
    }
    json->levels[json->depth].empty = false;
    if (key != NULL) {
        append_string(json->out, STR(key));
        strbuf_append_text(json->out, json->pretty ? ": " : ":");
    }
}

static void open_level(struct json_writer *json, const char *key, bool array)
{
    begin_value(json, key);
    CHECK(json->depth + 1 < JSON_DEPTH_MAX);
    json->depth++;
    json->levels[json->depth].array = array;
    json->levels[json->depth].empty = true;
    strbuf_append_char(json->out, array ? '[' : '{');
}

void json_open_object(struct json_writer *json, const char *key)
{
    open_level(json, key, false);
}

void json_open_array(struct json_writer *json, const char *key)
{
    open_level(json, key, true);
}

void json_close(struct json_writer *json)
{
    bool array = json->levels[json->depth].array;
    bool empty = json->levels[json->depth].empty;

    CHECK(json->depth > 0);
    json->depth--;
    if (!empty) {
        new_line(json);
    }
    strbuf_append_char(json->out, array ? ']' : '}');
}

void json_str(struct json_writer *json, const char *key, struct str value)
{
    begin_value(json, key);
    append_string(json->out, value);
}

void json_text(struct json_writer *json, const char *key, const char *value)
{
    json_str(json, key, STR(value));
}

void json_int64(struct json_writer *json, const char *key, int64_t value)
{
    begin_value(json, key);
    strbuf_append_int64(json->out, value);
}

void json_digits(struct json_writer *json, const char *key, struct str digits)
{
    CHECK(digits.size > 0);
    begin_value(json, key);
    strbuf_append(json->out, digits);
}

void json_bool(struct json_writer *json, const char *key, bool value)
{
    begin_value(json, key);
    strbuf_append_text(json->out, value ? "true" : "false");
}

void json_nothing(struct json_writer *json, const char *key)
{
    begin_value(json, key);
    strbuf_append_text(json->out, "null");
}

void json_finish(struct json_writer *json)
{
    CHECK(json->depth == 0);
    CHECK(!json->levels[0].empty);
    if (json->pretty) {
        strbuf_append_char(json->out, '\n');
    }
}
