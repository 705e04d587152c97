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

struct sensor_exposure sensor_exposure(
    const struct sisp_camera_controls *controls, double light, double black_drift, unsigned bits)
{
    double gain = (double)controls->analogue_gain;
    double total = (double)controls->exposure_us * gain / SENSOR_FULL_US * light;
    if (total > SENSOR_TOTAL_MAX)
        total = SENSOR_TOTAL_MAX;
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
        .offset = (uint16_t)(SENSOR_BLACK + black_drift * 32 + (step + (1 << drop) - 1) / 2 + 0.5),
        .drop = drop,
    };
}

/* Compilers take the 16-bit multiplication of SIMD units for a * b >> 16 only where nothing but
 * that happens and neither factor is loop invariant. So the work is done in blocks that stay in the
 * first cache, one operation at a time, and constants are rows of a block, too. */
#define BLOCK 256

struct block {
    uint16_t level_mul[BLOCK], sigma_mul[BLOCK]; /* constants */
    int16_t read_sigma[BLOCK];
    uint16_t root[BLOCK], light[BLOCK], level[BLOCK];
    int16_t sigma[BLOCK], shot[BLOCK], read[BLOCK];
};

static void multiply(uint16_t *restrict out, const uint16_t *a, const uint16_t *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        out[i] = (uint16_t)((uint32_t)a[i] * b[i] >> 16);
}

static void multiply_signed(
    int16_t *restrict out, const int16_t *a, const int16_t *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        out[i] = (int16_t)((int32_t)a[i] * b[i] >> 16);
}

static uint16_t min_16(uint16_t a, uint16_t b)
{
    return a < b ? a : b;
}

static void limit(
    uint16_t *restrict out, const uint16_t *in, const struct sensor_scale *scale, uint32_t count)
{
    uint16_t max = scale->limit, step = (uint16_t)(1u << scale->shift);
    for (uint32_t i = 0; i < count; i++)
        out[i] = (uint16_t)(min_16(in[i], max) * step);
}

/* `drop` is a constant where this is inlined: shifts by variables take 32-bit lanes. Sums wrap, but
 * never the total: black exceeds the deepest noise. */
static inline __attribute__((always_inline)) void add_up(const struct block *block, uint16_t offset,
    uint16_t *restrict codes, uint32_t count, unsigned drop)
{
    uint16_t white = (uint16_t)((32768 >> drop) - 1);
    for (uint32_t i = 0; i < count; i++) {
        uint16_t sum = (uint16_t)(block->level[i] + offset + block->shot[i] + block->read[i]);
        codes[i] = min_16(sum >> drop, white);
    }
}

static void expose_block(const struct sensor_exposure *exposure, struct block *block,
    const struct sensor_row *row, uint16_t *codes, uint32_t count)
{
    uint16_t scaled[BLOCK];
    multiply(block->root, row->roots, row->shading, count);
    multiply(block->light, block->root, block->root, count);
    multiply(scaled, block->light, block->level_mul, count);
    limit(block->level, scaled, &exposure->level, count);
    multiply(scaled, block->root, block->sigma_mul, count);
    /* The largest sigma fits 15 bits (see SENSOR_LEVEL_MAX). */
    limit((uint16_t *)block->sigma, scaled, &exposure->sigma, count);
    multiply_signed(block->shot, row->noise_shot, block->sigma, count);
    multiply_signed(block->read, row->noise_read, block->read_sigma, count);
    switch (exposure->drop) {
    case 7:
        add_up(block, exposure->offset, codes, count, 7);
        break;
    case 5:
        add_up(block, exposure->offset, codes, count, 5);
        break;
    case 3:
        add_up(block, exposure->offset, codes, count, 3);
        break;
    case 1:
        add_up(block, exposure->offset, codes, count, 1);
        break;
    default:
        add_up(block, exposure->offset, codes, count, 0);
    }
}

void sensor_expose(const struct sensor_exposure *exposure, const struct sensor_row *row,
    uint16_t *codes, uint32_t count)
{
    struct block block;
    for (unsigned i = 0; i < BLOCK; i++) {
        block.level_mul[i] = exposure->level.mul;
        block.sigma_mul[i] = exposure->sigma.mul;
        block.read_sigma[i] = exposure->read_sigma;
    }
    for (uint32_t x = 0; x < count; x += BLOCK) {
        struct sensor_row part = {
            row->roots + x, row->shading + x, row->noise_shot + x, row->noise_read + x};
        expose_block(exposure, &block, &part, codes + x, count - x < BLOCK ? count - x : BLOCK);
    }
}
