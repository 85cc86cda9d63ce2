#include "base/random.h"

#include <string.h>
#include <sys/random.h>

#include "base/check.h"

static uint64_t rotate_left(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

void random_init_seed(struct random *random, uint64_t seed)
{
    random->seeded = true;
    for (size_t i = 0; i < ARRAY_COUNT(random->state); i++) {
        uint64_t z = (seed += UINT64_C(0x9e3779b97f4a7c15));

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        random->state[i] = z ^ (z >> 31);
    }
}

void random_init_system(struct random *random)
{
    *random = (struct random){.seeded = false};
}

uint64_t random_next(struct random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    if (!random->seeded) {
        CHECK(getrandom(&result, sizeof(result), 0) == (ssize_t)sizeof(result));
        return result;
    }
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t random_below(struct random *random, uint64_t bound)
{
    uint64_t limit;
    uint64_t value;

    CHECK(bound > 0);
    limit = UINT64_MAX - UINT64_MAX % bound;
    do {
        value = random_next(random);
    } while (value >= limit);
    return value % bound;
}

void random_bytes(struct random *random, void *ret_bytes, size_t size)
{
    char *bytes = ret_bytes;

    while (size > 0) {
        uint64_t value = random_next(random);
        size_t part = size < sizeof(value) ? size : sizeof(value);

        memcpy(bytes, &value, part);
        bytes += part;
        size -= part;
    }
}
