/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "still_reference.h"

#include <stdbool.h>
#include <stdlib.h>

/* ---- samples ------------------------------------------------------------------------------- */

/* Group of samples, its bytes, and the bits of a sample that are kept apart. */
static void group_of(enum sisp_packing packing, unsigned *samples, unsigned *bytes, unsigned *low)
{
    *samples = packing == SISP_PACKING_12P ? 2 : 4;
    *low = packing == SISP_PACKING_10P ? 2 : packing == SISP_PACKING_12P ? 4 : 6;
    *bytes = *samples + *samples * *low / 8;
}

void still_reference_put(enum sisp_packing packing, uint8_t *row, uint32_t x, unsigned value)
{
    unsigned samples, bytes, low;
    if (packing == SISP_PACKING_8) {
        row[x] = (uint8_t)value;
        return;
    }
    if (packing == SISP_PACKING_16) {
        row[2 * x] = (uint8_t)(value & 255);
        row[2 * x + 1] = (uint8_t)(value >> 8);
        return;
    }
    if (packing == SISP_PACKING_IPU3) {
        for (unsigned bit = 0; bit < 10; bit++) {
            uint32_t at = x / 25 * 256 + x % 25 * 10 + bit;
            uint8_t mask = (uint8_t)(1U << at % 8);
            row[at / 8] = (uint8_t)(value >> bit & 1 ? row[at / 8] | mask : row[at / 8] & ~mask);
        }
        return;
    }
    group_of(packing, &samples, &bytes, &low);
    uint8_t *group = row + x / samples * bytes;
    group[x % samples] = (uint8_t)(value >> low);
    for (unsigned bit = 0; bit < low; bit++) {
        unsigned at = x % samples * low + bit;
        uint8_t *byte = group + samples + at / 8, mask = (uint8_t)(1U << at % 8);
        *byte = (uint8_t)(value >> bit & 1 ? *byte | mask : *byte & ~mask);
    }
}

unsigned still_reference_get(enum sisp_packing packing, const uint8_t *row, uint32_t x)
{
    unsigned samples, bytes, low;
    if (packing == SISP_PACKING_8)
        return row[x];
    if (packing == SISP_PACKING_16)
        return row[2 * x] + 256U * row[2 * x + 1];
    if (packing == SISP_PACKING_IPU3) {
        unsigned sum = 0;
        for (unsigned bit = 0; bit < 10; bit++) {
            uint32_t at = x / 25 * 256 + x % 25 * 10 + bit;
            sum += (row[at / 8] >> at % 8 & 1U) << bit;
        }
        return sum;
    }
    group_of(packing, &samples, &bytes, &low);
    const uint8_t *group = row + x / samples * bytes;
    unsigned value = (unsigned)group[x % samples] << low;
    for (unsigned bit = 0; bit < low; bit++) {
        unsigned at = x % samples * low + bit;
        value |= (group[samples + at / 8] >> at % 8 & 1U) << bit;
    }
    return value;
}

/* ---- linear samples ---------------------------------------------------------------------------
 */

struct mosaic {
    const struct isp_geometry *geometry;
    const struct sisp_coefficients *coefficients;
    const struct sisp_raw_format *format;
    const uint8_t *raw;
    double *linear;
};

static int mirror(int i, int size)
{
    while (i < 0 || i >= size)
        i = i < 0 ? -i : 2 * (size - 1) - i;
    return i;
}

/* 'R', 'G' or 'B', from the order's name alone. */
static char colour_at(const struct mosaic *m, int x, int y)
{
    const char *name = sisp_cfa_name(m->format->cfa);
    unsigned ax = (unsigned)x + m->geometry->crop.x, ay = (unsigned)y + m->geometry->crop.y;
    return name[ay % 2 * 2 + ax % 2];
}

static enum sisp_site site_at(const struct mosaic *m, int x, int y)
{
    char own = colour_at(m, x, y), beside = colour_at(m, x + 1, y);
    if (own == 'G')
        return beside == 'R' ? SISP_SITE_GR : SISP_SITE_GB;
    return own == 'R' ? SISP_SITE_R : SISP_SITE_B;
}

/* Bilinear in the mesh, constant outside. */
static double shading(const struct sisp_lsc_mesh *mesh, enum sisp_site site, double fx, double fy)
{
    double u = mesh->cols > 1 ? (fx - (double)mesh->origin_x) / (double)mesh->step_x : 0;
    double v = mesh->rows > 1 ? (fy - (double)mesh->origin_y) / (double)mesh->step_y : 0;
    double sum = 0;
    u = u < 0 ? 0 : u > mesh->cols - 1 ? mesh->cols - 1 : u;
    v = v < 0 ? 0 : v > mesh->rows - 1 ? mesh->rows - 1 : v;
    for (uint32_t j = 0; j < mesh->rows; j++) {
        for (uint32_t i = 0; i < mesh->cols; i++) {
            double du = u > i ? u - i : i - u, dv = v > j ? v - j : j - v;
            if (du < 1 && dv < 1)
                sum += (1 - du) * (1 - dv) * (double)mesh->gain[site][j * mesh->cols + i];
        }
    }
    return sum;
}

static double linear_at(const struct mosaic *m, int x, int y)
{
    const struct isp_geometry *g = m->geometry;
    const struct sisp_coefficients *c = m->coefficients;
    const uint8_t *row = m->raw + (g->crop.y + (size_t)y) * g->raw_stride_bytes;
    const bool is_mono = m->format->is_mono;
    enum sisp_site site = is_mono ? SISP_SITE_GR : site_at(m, x, y);
    char colour = colour_at(m, x, y);
    double black = (double)c->black_level[site];
    double value = still_reference_get(m->format->packing, row, g->crop.x + (uint32_t)x);
    value = (value - black) / ((double)c->white_level - black);
    if (c->lsc.cols)
        value *= shading(&c->lsc, site, (x + 0.5) / g->crop.width, (y + 0.5) / g->crop.height);
    if (is_mono)
        return value < 1 ? value : 1;
    value *= (double)c->wb_gains[colour == 'R' ? 0 : colour == 'G' ? 1 : 2];
    return value < (double)c->clip_level ? value : (double)c->clip_level;
}

/* ---- demosaic: figure 2 of the paper, in eighths ----------------------------------------------
 */

static const double green_at_chroma[5][5] = {
    {0, 0, -1, 0, 0}, {0, 0, 2, 0, 0}, {-1, 2, 4, 2, -1}, {0, 0, 2, 0, 0}, {0, 0, -1, 0, 0}};
static const double chroma_across[5][5] = {
    {0, 0, 0.5, 0, 0}, {0, -1, 0, -1, 0}, {-1, 4, 5, 4, -1}, {0, -1, 0, -1, 0}, {0, 0, 0.5, 0, 0}};
static const double chroma_down[5][5] = {
    {0, 0, -1, 0, 0}, {0, -1, 4, -1, 0}, {0.5, 0, 5, 0, 0.5}, {0, -1, 4, -1, 0}, {0, 0, -1, 0, 0}};
static const double chroma_at_opposite[5][5] = {{0, 0, -1.5, 0, 0}, {0, 2, 0, 2, 0},
    {-1.5, 0, 6, 0, -1.5}, {0, 2, 0, 2, 0}, {0, 0, -1.5, 0, 0}};
static const double itself[5][5] = {{0}, {0}, {0, 0, 8, 0, 0}, {0}, {0}};

static double sample(const struct mosaic *m, int x, int y)
{
    int width = (int)m->geometry->crop.width, height = (int)m->geometry->crop.height;
    return m->linear[mirror(y, height) * width + mirror(x, width)];
}

static double filter(const struct mosaic *m, const double f[5][5], int x, int y)
{
    double sum = 0;
    for (int j = 0; j < 5; j++) {
        for (int i = 0; i < 5; i++)
            sum += f[j][i] / 8 * sample(m, x + i - 2, y + j - 2);
    }
    return sum;
}

static double mhc(const struct mosaic *m, char colour, int x, int y)
{
    char own = colour_at(m, x, y);
    if (own == colour)
        return filter(m, itself, x, y);
    if (colour == 'G')
        return filter(m, green_at_chroma, x, y);
    if (own != 'G')
        return filter(m, chroma_at_opposite, x, y);
    return filter(m, colour_at(m, x + 1, y) == colour ? chroma_across : chroma_down, x, y);
}

/* Mean of the sites of that colour in the 3x3 neighbourhood; the site itself if it is one. */
static double bilinear(const struct mosaic *m, char colour, int x, int y)
{
    double sum = 0, count = 0;
    if (colour_at(m, x, y) == colour)
        return sample(m, x, y);
    for (int j = y - 1; j <= y + 1; j++) {
        for (int i = x - 1; i <= x + 1; i++) {
            if (colour_at(m, i, j) == colour) {
                sum += sample(m, i, j);
                count++;
            }
        }
    }
    return sum / count;
}

/* ---- colour ---------------------------------------------------------------------------------- */

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

static double tone(const float *curve, double x)
{
    unsigned i = 0;
    while (i + 2 < SISP_TONE_KNOTS && x >= (double)sisp_tone_knot(i + 1))
        i++;
    double a = (double)sisp_tone_knot(i), b = (double)sisp_tone_knot(i + 1);
    return (double)curve[i] + (x - a) / (b - a) * ((double)curve[i + 1] - (double)curve[i]);
}

static void pixel(const struct mosaic *m, int x, int y, double out[3])
{
    const struct sisp_coefficients *c = m->coefficients;
    double rgb[3];
    if (m->format->is_mono) {
        out[0] = out[1] = out[2] = tone(c->tone, clamp(sample(m, x, y), 0, 1));
        return;
    }
    for (int i = 0; i < 3; i++) {
        double v =
            c->demosaic == SISP_DEMOSAIC_MHC ? mhc(m, "RGB"[i], x, y) : bilinear(m, "RGB"[i], x, y);
        rgb[i] = clamp(v, 0, (double)c->clip_level);
    }
    for (int i = 0; i < 3; i++) {
        double sum = 0;
        for (int j = 0; j < 3; j++)
            sum += (double)c->ccm[3 * i + j] * rgb[j];
        out[i] = tone(c->tone, clamp(sum, 0, 1));
    }
}

void still_reference(const struct isp_geometry *geometry,
    const struct sisp_coefficients *coefficients, const uint8_t *raw, double *rgb)
{
    int width = (int)geometry->crop.width, height = (int)geometry->crop.height;
    struct mosaic m = {.geometry = geometry, .coefficients = coefficients, .raw = raw};
    for (m.format = sisp_raw_formats; m.format->fourcc != geometry->raw_fourcc;)
        m.format++;
    m.linear = calloc((size_t)width * (size_t)height, sizeof(double));
    if (!m.linear)
        abort();
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++)
            m.linear[y * width + x] = linear_at(&m, x, y);
    }
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++)
            pixel(&m, x, y, rgb + 3 * ((size_t)y * (size_t)width + (size_t)x));
    }
    free(m.linear);
}
