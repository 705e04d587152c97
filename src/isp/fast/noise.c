/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The noise of luma and chroma after the tone curve, from the raw's noise model: a grey of the same
 * level is carried through white balance, matrix and curve (first-order propagation, as in Foi et
 * al., "Practical Poissonian-Gaussian noise modeling and fitting for single-image raw-data", IEEE
 * TIP 2008). Lens shading is left out: thresholds are those of the middle of the picture.
 */
#include "isp/fast/finish.h"

#include <math.h>

#define LEVELS       16
#define LEVEL_STEP   (2048 / 32640.0) /* of display values */
#define UNIT         (32640 / 16.0)   /* of thresholds */
#define SHARPNESS    16384            /* Q14 */
#define CORING       1.5              /* sigmas of luma: 1.9 of what the sharpening mask leaves */
#define CORING_LEAST 8                /* one step of 8 bits, whatever the noise */
#define NOISE        2.0              /* sigmas of luma, at strength 1: 1.4 of a difference */
#define GENERIC_SHOT 0.001            /* where the noise is unknown, as for defect correction */
#define GENERIC_READ 1e-6

/* Variance, linear, of that mixture of R, G, B of a grey of that level. */
static double mixture_variance(const struct sisp_coefficients *c, const double mix[3], double grey)
{
    const bool is_known = c->noise_shot > 0 || c->noise_read > 0;
    const double shot = is_known ? (double)c->noise_shot : GENERIC_SHOT;
    const double read = is_known ? (double)c->noise_read : GENERIC_READ;
    double sum = 0;
    for (int i = 0; i < 3; i++) {
        const double gain = (double)c->wb_gains[i];
        double weight = 0;
        for (int k = 0; k < 3; k++)
            weight += mix[k] * (double)c->ccm[3 * k + i];
        sum += weight * weight * gain * (shot * grey + read * gain);
    }
    return sum;
}

static double tone_at(const float *tone, double x)
{
    int i = 4;
    if (x <= 0)
        return (double)tone[0];
    while (i < SISP_TONE_KNOTS - 1 && (double)sisp_tone_knot((unsigned)i) < x)
        i += 4;
    const double begin = (double)sisp_tone_knot((unsigned)i - 4);
    const double end = (double)sisp_tone_knot((unsigned)i);
    const double share = x < 1 ? (x - begin) / (end - begin) : 1;
    return (double)tone[i - 4] + share * ((double)tone[i] - (double)tone[i - 4]);
}

/* Where the curve first reaches a level; 1 if nowhere. */
static double linear_at(const float *tone, double level)
{
    for (int i = 4; i < SISP_TONE_KNOTS; i += 4) {
        const double low = (double)tone[i - 4], high = (double)tone[i];
        const double begin = (double)sisp_tone_knot((unsigned)i - 4);
        const double end = (double)sisp_tone_knot((unsigned)i);
        if (high >= level)
            return high > low && level > low ? begin + (level - low) / (high - low) * (end - begin)
                                             : begin;
    }
    return 1;
}

/* Standard deviation of the mixture of display values in the middle of level i. */
static double display_sigma(const struct sisp_coefficients *c, const double mix[3], int i)
{
    const double grey = linear_at(c->tone, (i + 0.5) * LEVEL_STEP);
    const double sigma = sqrt(mixture_variance(c, mix, grey));
    return (tone_at(c->tone, grey + sigma) - tone_at(c->tone, grey - sigma)) / 2;
}

static uint8_t threshold_code(double value, double least)
{
    const double code = floor(value * UNIT + 0.5);
    return (uint8_t)(code > 255 ? 255 : code > least ? code : least);
}

static uint8_t coring_code(double sigma)
{
    return threshold_code(CORING * sigma, CORING_LEAST);
}

bool isp_fast_finish_is_valid(const struct sisp_coefficients *c)
{
    return c->sharpness >= 0 && c->sharpness <= 2 && c->denoise_luma >= 0 && c->denoise_luma <= 2 &&
           c->denoise_chroma >= 0 && c->denoise_chroma <= 2 && c->noise_shot >= 0 &&
           c->noise_shot <= 1 && c->noise_read >= 0 && c->noise_read <= 1;
}

/* ITU-R BT.709: luma, blue less luma, red less luma. */
static const double mixes[3][3] = {
    {0.2126, 0.7152, 0.0722}, {-0.2126, -0.7152, 0.9278}, {0.7874, -0.7152, -0.0722}};

void isp_fast_finish_compile(struct fast_finish *finish, const struct sisp_coefficients *c)
{
    const double sharpness = floor((double)c->sharpness * SHARPNESS + 0.5);
    *finish = (struct fast_finish){
        .has_color = c->denoise_chroma > 0,
        .detail.is_denoised = c->denoise_luma > 0,
        .detail.sharpness = (int16_t)(sharpness < 32767 ? sharpness : 32767),
    };
    finish->is_on = c->sharpness > 0 || finish->detail.is_denoised || finish->has_color;
    for (int i = 0; i < LEVELS && finish->is_on; i++) {
        const double sigma = display_sigma(c, mixes[0], i);
        const double u = display_sigma(c, mixes[1], i), v = display_sigma(c, mixes[2], i);
        finish->detail.coring[i] = coring_code(sigma);
        finish->detail.noise[i] = threshold_code(NOISE * (double)c->denoise_luma * sigma, 0);
        finish->color_noise[i] =
            threshold_code(NOISE * (double)c->denoise_chroma * (u > v ? u : v), 0);
    }
}

void isp_fast_coring(float coring[LEVELS], const struct sisp_coefficients *c)
{
    for (int i = 0; i < LEVELS; i++)
        coring[i] = (float)(coring_code(display_sigma(c, mixes[0], i)) / UNIT);
}
