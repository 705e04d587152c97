/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "camera/sim/sensor.h"
#include "base/prng.h"

#include <math.h>
#include <string.h>

/* Irwin-Hall: the sum of twelve uniform 16-bit numbers has a sigma of 65536. No function of libm
 * takes part, so that the table is the same everywhere. */
static int16_t gaussian(struct base_prng *prng)
{
    int32_t sum = -12 * 32768 + 6;
    for (unsigned i = 0; i < 3; i++) {
        uint64_t word = base_prng_next(prng);
        sum += (int32_t)((word & 0xffff) + (word >> 16 & 0xffff) + (word >> 32 & 0xffff) +
                         (word >> 48));
    }
    int32_t value = sum / (65536 / NOISE_SIGMA);
    return (int16_t)(value < -NOISE_CUT ? -NOISE_CUT : value > NOISE_CUT ? NOISE_CUT : value);
}

void sensor_noise_fill(int16_t *table, uint64_t seed)
{
    struct base_prng prng = {seed};
    int32_t sum = 0;
    for (uint32_t i = 0; i < NOISE_COUNT; i++)
        sum += table[i] = gaussian(&prng);
    /* At high gains even the mean of so many would show. */
    for (uint32_t i = 0; i < NOISE_COUNT; i++)
        table[i] = (int16_t)(table[i] - sum / NOISE_COUNT);
    memcpy(table + NOISE_COUNT, table, NOISE_PAD * sizeof(*table));
}

/* `factor` is what a value of 65536 becomes; the result is limited to `max`. */
static struct sensor_scale make_scale(double factor, double max)
{
    unsigned shift = 0;
    while (factor > 65535) {
        factor /= 2;
        shift++;
    }
    return (struct sensor_scale){
        (uint16_t)(factor + 0.5), (uint16_t)((uint32_t)max >> shift), shift};
}

struct sensor_exposure sensor_exposure(const struct sisp_camera_controls *controls, unsigned bits)
{
    double gain = (double)controls->analogue_gain;
    double total = (double)controls->exposure_us * gain / SENSOR_FULL_US;
    /* An electron is `unit` levels; the variance of the shot noise of level y is y * unit. */
    double unit = SENSOR_FULL * gain / SENSOR_FULL_WELL_ELECTRONS;
    struct sensor_scale level = make_scale(SENSOR_FULL * total, SENSOR_LEVEL_MAX);
    /* The mean of what rounding down takes away: half a step of light, half a step of the scaled
     * level, half of each noise; and half a code, so that codes are rounded. */
    double step = SENSOR_FULL * total / 65536 + (1 << level.shift) + 2;
    uint16_t drop = bits < 15 ? (uint16_t)(15 - bits) : 0;
    return (struct sensor_exposure){
        .level = level,
        .sigma =
            make_scale(16 * sqrt(SENSOR_FULL * total * unit), 16 * sqrt(SENSOR_LEVEL_MAX * unit)),
        .read_sigma = (int16_t)(16 * SENSOR_READ_NOISE_ELECTRONS * unit + 0.5),
        .offset = (uint16_t)(SENSOR_BLACK + (step + (1 << drop) - 1) / 2 + 0.5),
        .drop = drop,
    };
}

static inline uint16_t multiply_high(uint16_t a, uint16_t b)
{
    return (uint16_t)((uint32_t)a * b >> 16);
}

static inline uint16_t apply_scale(uint16_t value, uint16_t mul, uint16_t limit, unsigned shift)
{
    uint16_t scaled = multiply_high(value, mul);
    return (uint16_t)((scaled < limit ? scaled : limit) << shift);
}

static inline uint16_t apply_noise(int16_t noise, int16_t sigma)
{
    return (uint16_t)((int32_t)noise * sigma >> 16);
}

void sensor_expose(const struct sensor_exposure *exposure, const struct sensor_row *row,
    uint16_t *restrict codes, uint32_t count)
{
    const uint16_t *roots = row->roots, *shading = row->shading;
    const int16_t *noise_shot = row->noise_shot, *noise_read = row->noise_read;
    const struct sensor_scale level = exposure->level, sigma = exposure->sigma;
    uint16_t offset = exposure->offset, white = (uint16_t)((32768 >> exposure->drop) - 1);
    for (uint32_t x = 0; x < count; x++) {
        uint16_t root = multiply_high(roots[x], shading[x]);
        uint16_t light = multiply_high(root, root);
        uint16_t y = apply_scale(light, level.mul, level.limit, level.shift);
        uint16_t s = apply_scale(root, sigma.mul, sigma.limit, sigma.shift);
        /* Sums wrap, but never the total: black exceeds the deepest noise. */
        uint16_t noise = (uint16_t)(apply_noise(noise_shot[x], (int16_t)s) +
                                    apply_noise(noise_read[x], exposure->read_sigma));
        uint16_t code = (uint16_t)((uint16_t)(y + offset + noise) >> exposure->drop);
        codes[x] = code < white ? code : white;
    }
}
