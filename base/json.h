/*
 * Canonical JSON, written: the same values give the same bytes.
 *
 * Objects are written with the keys in the order of the calls; the writer CHECKs that they ascend in byte order, so
 * that a document has one form (RFC 8785 in spirit). Numbers are integers only; decimals and fractions are
 * strings. Strings are UTF-8, escaped minimally; invalid UTF-8 becomes U+FFFD. Two spaces of indentation and a
 * final newline when pretty is set; otherwise no white space.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum { JSON_DEPTH_MAX = 16 };

struct json_writer {
    struct strbuf *out; /* borrowed */
    bool pretty;
    int depth;
    struct {
        bool array;
        bool empty;
        char last_key[64];
    } levels[JSON_DEPTH_MAX];
};

void json_init(struct json_writer *json, struct strbuf *out, bool pretty);
/* key is NULL inside arrays and for the document itself. */
void json_open_object(struct json_writer *json, const char *key);
void json_open_array(struct json_writer *json, const char *key);
void json_close(struct json_writer *json);
void json_str(struct json_writer *json, const char *key, struct str value);
void json_text(struct json_writer *json, const char *key, const char *value);
void json_int64(struct json_writer *json, const char *key, int64_t value);
/* An integer of any size: decimal digits, with '-' where it is negative. */
void json_digits(struct json_writer *json, const char *key, struct str digits);
void json_bool(struct json_writer *json, const char *key, bool value);
void json_nothing(struct json_writer *json, const char *key);
/* Ends the document; everything must be closed. */
void json_finish(struct json_writer *json);

#endif
