#include "base/spelling.h"

#include <stdio.h>

enum { SPELLING_WORD_MAX = 64 }; /* longer words are never near: keeps the table on the stack */

void spelling_init(struct spelling *spelling, struct str word)
{
    *spelling = (struct spelling){.word = word, .distance = SIZE_MAX};
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Optimal string alignment: three rows of the classic table are enough for swaps of neighbours. */
static size_t distance_between(struct str a, struct str b)
{
    size_t rows[3][SPELLING_WORD_MAX + 1];

    for (size_t j = 0; j <= b.size; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a.size; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *above2 = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            size_t cost = a.data[i - 1] != b.data[j - 1];

            row[j] = smallest(above[j] + 1, row[j - 1] + 1, above[j - 1] + cost);
            if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] &&
                a.data[i - 2] == b.data[j - 1] && above2[j - 2] + cost < row[j]) {
                row[j] = above2[j - 2] + cost;
            }
        }
    }
    return rows[a.size % 3][b.size];
}

void spelling_offer(struct spelling *spelling, const char *known)
{
    struct str other = str_from(known);
    size_t distance;

    if (spelling->word.size > SPELLING_WORD_MAX || other.size > SPELLING_WORD_MAX) {
        return;
    }
    distance = distance_between(spelling->word, other);
    if (distance < spelling->distance) {
        spelling->distance = distance;
        spelling->best = known;
    }
}

const char *spelling_nearest(const struct spelling *spelling)
{
    size_t allowed = spelling->word.size / 3 > 1 ? spelling->word.size / 3 : 1;

    return spelling->best != NULL && spelling->distance <= allowed ? spelling->best : NULL;
}

const char *spelling_hint(const struct spelling *spelling, char text[SPELLING_HINT_SIZE])
{
    const char *nearest = spelling_nearest(spelling);

    text[0] = '\0';
    if (nearest != NULL) {
        (void)snprintf(text, SPELLING_HINT_SIZE, " (did you mean \"%s\"?)", nearest);
    }
    return text;
}
