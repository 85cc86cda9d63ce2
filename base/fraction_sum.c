/* Sums of many fractions: equal denominators first, then halves against halves, so that large numbers meet only large numbers. */
#include <gmp.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/fraction.h"

struct term {
    int128 denominator;
    int128 numerator; /* sum of times x numerator of that denominator */
};

/* An open-addressing table by denominator. */
struct fraction_sum {
    struct arena *arena;
    struct term *terms; /* denominator 0: free */
    size_t capacity;    /* a power of two */
    size_t count;
};

enum { FIRST_CAPACITY = 16 };

struct fraction_sum *fraction_sum_new(struct arena *arena)
{
    struct fraction_sum *sum = arena_calloc(arena, 1, sizeof(*sum));

    *sum = (struct fraction_sum){.arena = arena, .capacity = FIRST_CAPACITY};
    sum->terms = arena_calloc(arena, sum->capacity, sizeof(sum->terms[0]));
    return sum;
}

static struct term *find(const struct fraction_sum *sum, int128 denominator)
{
    uint64_t hash = ((uint64_t)denominator ^ (uint64_t)(denominator >> 64)) * 0x9e3779b97f4a7c15U;
    size_t at = (size_t)(hash >> 32) & (sum->capacity - 1);

    while (sum->terms[at].denominator != 0 && sum->terms[at].denominator != denominator) {
        at = (at + 1) & (sum->capacity - 1);
    }
    return &sum->terms[at];
}

static void grow(struct fraction_sum *sum)
{
    struct fraction_sum old = *sum;

    sum->capacity *= 2;
    sum->terms = arena_calloc(sum->arena, sum->capacity, sizeof(sum->terms[0]));
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.terms[i].denominator != 0) {
            *find(sum, old.terms[i].denominator) = old.terms[i];
        }
    }
}

void fraction_sum_add(struct fraction_sum *sum, int64_t times, struct rational value)
{
    struct term *term;
    int128 product;

    CHECK(times >= 0);
    CHECK(value.denominator > 0);
    term = find(sum, value.denominator);
    if (term->denominator == 0) {
        if (sum->count >= sum->capacity / 2) {
            grow(sum);
            term = find(sum, value.denominator);
        }
        term->denominator = value.denominator;
        sum->count++;
    }
    CHECK(!__builtin_mul_overflow(value.numerator, (int128)times, &product));
    CHECK(!__builtin_add_overflow(term->numerator, product, &term->numerator));
}

static int by_denominator(const void *a, const void *b)
{
    const struct term *x = a;
    const struct term *y = b;

    return (x->denominator > y->denominator) - (x->denominator < y->denominator);
}

static struct fraction add_range(struct arena *arena, const struct term *terms, size_t count)
{
    if (count == 1) {
        return fraction_of(arena, (struct rational){terms[0].numerator, terms[0].denominator});
    }
    return fraction_add(arena, add_range(arena, terms, count / 2),
                        add_range(arena, terms + count / 2, count - count / 2));
}

struct fraction fraction_sum_total(struct arena *arena, const struct fraction_sum *sum)
{
    struct arena scratch = ARENA_INIT;
    struct term *terms = arena_calloc(&scratch, sum->count + 1, sizeof(terms[0]));
    struct fraction total = FRACTION_ZERO;
    size_t count = 0;

    for (size_t i = 0; i < sum->capacity; i++) {
        if (sum->terms[i].denominator != 0) {
            terms[count++] = sum->terms[i];
        }
    }
    CHECK(count == sum->count);
    qsort(terms, count, sizeof(terms[0]), by_denominator);
    if (count > 0) {
        total = add_range(&scratch, terms, count);
        total = fraction_add(arena, total, FRACTION_ZERO);
    }
    arena_release(&scratch);
    return total;
}
