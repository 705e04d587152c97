/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fast.h"

#include <math.h>
#include <stdlib.h>

#define KNOTS 43 /* every fourth of the curve: enough for the noise */

static int clamp(int v, int min, int max)
{
    return v < min ? min : v > max ? max : v;
}

static int multiply(int a, int b)
{
    return (int)(((int64_t)a * b + 16384) >> 15);
}

static int mean(int a, int b)
{
    return (a + b + 1) / 2;
}

int ref_luma(const int rgb[3])
{
    return multiply(rgb[0], 6966) + multiply(rgb[1], 23436) + multiply(rgb[2], 2366);
}

/* What counts of a difference. */
static int influence(int difference, int noise)
{
    const int size = abs(difference);
    const int counts = size <= noise ? size : size < 2 * noise ? 2 * noise - size : 0;
    return difference < 0 ? -counts : counts;
}

/* Its mean over the window. */
static int smoothing(int v[3][3], int noise)
{
    int sum = 0;
    for (int k = 0; k < 9; k++)
        sum += influence(v[k / 3][k % 3] - v[1][1], noise);
    return multiply(sum, 3641); /* a ninth */
}

int ref_detail(int v[3][3], int coring, int noise, int sharpness)
{
    const int here = v[1][1], near[5] = {here, v[0][1], v[2][1], v[1][0], v[1][2]};
    int column[3], least = here, most = here;
    for (int k = 0; k < 3; k++)
        column[k] = mean(mean(v[0][k], v[2][k]), v[1][k]);
    for (int k = 0; k < 5; k++) {
        least = near[k] < least ? near[k] : least;
        most = near[k] > most ? near[k] : most;
    }
    int high = here - mean(mean(column[0], column[2]), column[1]);
    high -= clamp(high, -coring, coring);
    const int add = multiply(clamp(2 * high, -32768, 32767), sharpness);
    const int sharp = clamp(here + smoothing(v, noise) + add, -32768, 32767);
    const int room = (most - least) / 8;
    return clamp(sharp, least - room, clamp(most + room, -32768, 32767)) - here;
}

int ref_shifted(int value, int shift)
{
    return clamp(value + shift, -32768, 32767);
}

void ref_put_finished(
    enum sisp_pixel_format format, uint8_t *row, uint32_t x, const struct ref_finished *p)
{
    const int luma = clamp(p->luma + p->detail, 0, 32640);
    int out[3];
    for (int k = 0; k < 3; k++)
        out[k] = clamp(ref_shifted(p->rgb[k], p->shift[k]) + p->detail, 0, 32640);
    if (format == SISP_PIXEL_NV12 || format == SISP_PIXEL_YUYV || format == SISP_PIXEL_P010)
        ref_put_yuv(format, ref_luma_place(format, row, x), multiply(luma, 28142), 16);
    else
        ref_put(format, row, x, out);
}

/* ---- chroma ------------------------------------------------------------------------------- */

void ref_color_split(int rgb[2][2][3], int uvl[3])
{
    int c[3];
    for (int k = 0; k < 3; k++)
        c[k] = mean(mean(rgb[0][0][k], rgb[0][1][k]), mean(rgb[1][0][k], rgb[1][1][k]));
    uvl[2] = ref_luma(c);
    uvl[0] = mean(c[2], 32641 - uvl[2]);
    uvl[1] = mean(c[0], 32641 - uvl[2]);
}

int ref_color_smooth(int v[3][5], int noise)
{
    int sum = 0;
    for (int k = 0; k < 9; k++)
        sum += influence(v[k / 3][k % 3 * 2] - v[1][2], noise);
    return multiply(sum, 3641); /* a ninth */
}

void ref_color_shift(int u, int v, int rgb[3])
{
    rgb[0] = 2 * v;
    rgb[1] = -multiply(2 * u, 3308) - multiply(2 * v, 9741);
    rgb[2] = 2 * u;
}

void ref_put_uv(enum sisp_pixel_format format, uint8_t *pair, int u, int v)
{
    uint8_t *cr = pair + (format == SISP_PIXEL_P010 ? 2 : 1);
    ref_put_yuv(format, pair, multiply(2 * (u - 16320), 15512), 128);
    ref_put_yuv(format, cr, multiply(2 * (v - 16320), 18278), 128);
}

/* ---- noise -------------------------------------------------------------------------------- */

static double knot_at(int i)
{
    return (double)sisp_tone_knot(4 * (unsigned)i);
}

static double curve(const struct sisp_coefficients *c, double x)
{
    for (int i = 0; i < KNOTS - 1 && x > 0; i++) {
        if (x <= knot_at(i + 1) || i == KNOTS - 2) {
            const double t = fmin(x, 1), share = (t - knot_at(i)) / (knot_at(i + 1) - knot_at(i));
            const double low = (double)c->tone[4 * i], high = (double)c->tone[4 * i + 4];
            return low + share * (high - low);
        }
    }
    return (double)c->tone[0];
}

static double inverse_curve(const struct sisp_coefficients *c, double level)
{
    if (level <= (double)c->tone[0])
        return 0;
    for (int i = 0; i < KNOTS - 1; i++) {
        const double low = (double)c->tone[4 * i], high = (double)c->tone[4 * i + 4];
        if (high >= level)
            return knot_at(i) + (level - low) / (high - low) * (knot_at(i + 1) - knot_at(i));
    }
    return 1;
}

/* Of display values at a grey, for weights of R, G, B. */
static double sigma_at(const struct sisp_coefficients *c, double grey, const double mix[3])
{
    const int is_known = c->noise_shot > 0 || c->noise_read > 0;
    const double shot = is_known ? (double)c->noise_shot : 0.001;
    const double read = is_known ? (double)c->noise_read : 1e-6;
    double variance = 0;
    for (int i = 0; i < 3; i++) {
        const double gain = (double)c->wb_gains[i];
        const double weight = mix[0] * (double)c->ccm[i] + mix[1] * (double)c->ccm[3 + i] +
                              mix[2] * (double)c->ccm[6 + i];
        variance += weight * weight * gain * (shot * grey + read * gain);
    }
    const double sigma = sqrt(variance);
    return (curve(c, grey + sigma) - curve(c, grey - sigma)) / 2;
}

static unsigned code_of(double sigmas, double least)
{
    return (unsigned)fmin(fmax(floor(sigmas * 2040 + 0.5), least), 255);
}

void ref_finish_codes(const struct sisp_coefficients *c, struct ref_finish *codes)
{
    static const double y[3] = {0.2126, 0.7152, 0.0722}, u[3] = {-0.2126, -0.7152, 0.9278},
                        v[3] = {0.7874, -0.7152, -0.0722};
    codes->sharpness = (int)fmin(lround((double)c->sharpness * 16384), 32767);
    for (int i = 0; i < 16; i++) {
        const double grey = inverse_curve(c, (i * 2048 + 1024) / 32640.0);
        const double sigma = sigma_at(c, grey, y);
        const double color = fmax(sigma_at(c, grey, u), sigma_at(c, grey, v));
        codes->coring[i] = code_of(1.5 * sigma, 8);
        codes->noise[i] = code_of(2 * (double)c->denoise_luma * sigma, 0);
        codes->color_noise[i] = code_of(2 * (double)c->denoise_chroma * color, 0);
    }
}
