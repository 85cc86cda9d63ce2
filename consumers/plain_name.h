/*
 * The common name: printable ASCII, which needs no further look. For plan_run.c, which knows the rules of all names, and those who are satisfied with the common ones.
 */
#ifndef CONSUMERS_PLAIN_NAME_H
#define CONSUMERS_PLAIN_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "schemas/event.h"

/* Sixteen bytes at once, as the compiler can on every machine. */
typedef int8_t plain_bytes __attribute__((vector_size(16)));
typedef uint64_t plain_words __attribute__((vector_size(16)));

/* Bytes above ASCII are negative. */
static inline bool plain_words_are(uint64_t first, uint64_t last)
{
    const plain_bytes bytes = (plain_bytes)(plain_words){first, last};
    const plain_words plain = (plain_words)((bytes >= ' ') & (bytes <= '~'));

    return (plain[0] & plain[1]) == UINT64_MAX;
}

/* Not empty, and not too long. The last bytes may overlap the ones before. Up to sixteen, as most are, without a loop: its length could not be foretold. */
static inline bool plain_name(struct str name)
{
    if (name.size == 0 || name.size > NAME_SIZE_MAX) {
        return false;
    }
    if (name.size < 8) {
        for (size_t i = 0; i < name.size; i++) {
            if (name.data[i] < ' ' || name.data[i] > '~') {
                return false;
            }
        }
        return true;
    }
    for (size_t at = 0; at + 16 < name.size; at += 16) {
        if (!plain_words_are(str_word(name.data + at), str_word(name.data + at + 8))) {
            return false;
        }
    }
    return plain_words_are(str_word(name.size < 16 ? name.data : name.data + name.size - 16),
                           str_word(name.data + name.size - 8));
}

#endif
