#include "jobs/statement/slug.h"

#include "base/hash.h"

enum { SLUG_SIZE_MAX = 64, KEPT_SIZE_MAX = 48 };

static bool plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_slug(struct str name)
{
    if (name.size == 0 || name.size > SLUG_SIZE_MAX || !plain(name.data[0]) ||
        !plain(name.data[name.size - 1])) {
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        if (!plain(name.data[i]) && name.data[i] != '-') {
            return false;
        }
    }
    return true;
}

void slug_append(struct strbuf *out, struct str name)
{
    char digest[HASH_HEX_SIZE];
    bool dash = true; /* none at the start, and never two */

    if (is_slug(name)) {
        strbuf_append(out, name);
        return;
    }
    for (size_t i = 0; i < name.size && i < KEPT_SIZE_MAX; i++) {
        char c = name.data[i];

        c = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        if (plain(c)) {
            strbuf_append_char(out, c);
        } else if (!dash) {
            strbuf_append_char(out, '-');
        }
        dash = !plain(c);
    }
    hash_sha256_hex(name, digest);
    if (!dash) {
        strbuf_append_char(out, '-');
    }
    strbuf_append(out, str_of(digest, 8));
}
