/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Small pseudo-random numbers that are the same everywhere: SplitMix64 (Steele, Lea, Flood 2014).
 */
#ifndef BASE_PRNG_H
#define BASE_PRNG_H

#include <stdint.h>

struct base_prng {
    uint64_t state; /* any value is a seed */
};

static inline uint64_t base_prng_next(struct base_prng *prng)
{
    uint64_t z = (prng->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/** Uniform in 0..bound-1 (bound > 0). */
static inline uint32_t base_prng_below(struct base_prng *prng, uint32_t bound)
{
    return (uint32_t)(((base_prng_next(prng) >> 32) * bound) >> 32);
}

#endif
