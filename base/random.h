/*
 * The seam for randomness: ids and simulated worlds take their bits from a struct random.
 *
 * With a seed the sequence is xoshiro256** (Blackman and Vigna, 2018) seeded by splitmix64: the same on every
 * machine and in every version of this program. Without one it reads the operating system's generator. Not
 * for keys or signatures.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random {
    bool seeded;
    uint64_t state[4];
};

void random_init_seed(struct random *random, uint64_t seed);
void random_init_system(struct random *random);
uint64_t random_next(struct random *random);
/* Uniform in [0, bound), bound > 0, without bias. */
uint64_t random_below(struct random *random, uint64_t bound);
void random_bytes(struct random *random, void *ret_bytes, size_t size);

#endif
