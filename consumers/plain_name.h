/*
 * The common name: printable ASCII, which needs no further look. For plan_run.c, which knows the rules of all names, and plan_plain.c.
 */
#ifndef CONSUMERS_PLAIN_NAME_H
#define CONSUMERS_PLAIN_NAME_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

/* True if no byte of a word is a control character or above ASCII. */
static inline bool plain_word(uint64_t word)
{
    const uint64_t high = UINT64_C(0x8080808080808080);
    const uint64_t spaces = UINT64_C(0x2020202020202020);
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t del = word ^ UINT64_C(0x7f7f7f7f7f7f7f7f); /* a zero byte where DEL stands */

    return ((word | (word - spaces) | ((del - ones) & ~del)) & high) == 0;
}

/* Eight bytes at a time; the last eight may overlap the ones before. Up to sixteen, as most are, without a loop: its length could not be foretold. */
static inline bool plain_name(struct str name)
{
    uint64_t word, last;

    if (name.size < 8) {
        for (size_t i = 0; i < name.size; i++) {
            if (name.data[i] < ' ' || name.data[i] > '~') {
                return false;
            }
        }
        return true;
    }
    for (size_t i = 8; i + 8 < name.size; i += 8) {
        memcpy(&word, name.data + i, 8);
        if (!plain_word(word)) {
            return false;
        }
    }
    memcpy(&word, name.data, 8);
    memcpy(&last, name.data + name.size - 8, 8);
    return plain_word(word) && plain_word(last);
}

#endif
