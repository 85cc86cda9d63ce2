/*
 * "Did you mean": the nearest of the known words to one that a person mistyped.
 *
 * Distance counts insertions, deletions, replacements and swaps of neighbours, in bytes. A word is near if the distance is
 * at most a third of its length, and at least 1: further away a proposal irritates more than it helps.
 */
#ifndef BASE_SPELLING_H
#define BASE_SPELLING_H

#include <stddef.h>

#include "base/str.h"

struct spelling {
    struct str word; /* borrowed */
    size_t distance; /* of the best so far */
    const char *best;
};

void spelling_init(struct spelling *spelling, struct str word);
/* Offers a known word; it is borrowed. The first of equally near ones stays. */
void spelling_offer(struct spelling *spelling, const char *known);
/* The nearest word, or NULL if nothing is near. */
const char *spelling_nearest(const struct spelling *spelling);
/* " (did you mean "X"?)" into text, or "" if nothing is near; returns text. */
enum { SPELLING_HINT_SIZE = 96 };
const char *spelling_hint(const struct spelling *spelling, char text[SPELLING_HINT_SIZE]);

#endif
