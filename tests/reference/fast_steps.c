/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fast.h"

#include <math.h>
#include <string.h>

unsigned ref_sample(const struct sisp_raw_format *format, const uint8_t *row, uint32_t x)
{
    unsigned low;
    switch (format->packing) {
    case SISP_PACKING_8:
        return row[x];
    case SISP_PACKING_16:
        low = row[2 * x] + 256u * row[2 * x + 1];
        return low < 1u << format->bits ? low : (1u << format->bits) - 1;
    case SISP_PACKING_10P:
        low = row[x / 4 * 5 + 4] >> (2 * (x % 4));
        return row[x / 4 * 5 + x % 4] * 4u + low % 4;
    case SISP_PACKING_12P:
        low = row[x / 2 * 3 + 2] >> (4 * (x % 2));
        return row[x / 2 * 3 + x % 2] * 16u + low % 16;
    case SISP_PACKING_14P:
        row += x / 4 * 7;
        low = (row[4] + 256u * row[5] + 65536u * row[6]) >> (6 * (x % 4));
        return row[x % 4] * 64u + low % 64;
    case SISP_PACKING_IPU3: /* bit by bit */
        low = 0;
        for (unsigned bit = 0; bit < 10; bit++) {
            const uint32_t at = x / 25 * 256 + x % 25 * 10 + bit;
            low += (row[at / 8] >> at % 8 & 1u) << bit;
        }
        return low;
    }
    return 0;
}

int ref_level(unsigned justified, const struct ref_range *range, unsigned gain, unsigned clip)
{
    uint64_t v = justified > range->black ? justified - range->black : 0;
    v = (v < range->span ? v : range->span) << range->boost;
    v = v * gain / 65536;
    return (int)(v < clip ? v : clip);
}

/* Rounded a * b / 32768, towards plus infinity at the half. */
static int64_t multiply(int64_t a, int64_t b)
{
    return (a * b + 16384) >> 15;
}

static int64_t clamp(int64_t v, int64_t min, int64_t max)
{
    return v < min ? min : v > max ? max : v;
}

unsigned ref_gain_between(unsigned above, unsigned below, unsigned weight)
{
    return (unsigned)(above + multiply((int64_t)below - above, weight));
}

/* The paper's filters times 8 (figure 2), half coefficients rounded down. */
static int mhc(const struct ref_window *w, int is_green, int want_green, int is_along_row)
{
    const int(*v)[5] = w->v;
    const int c = v[2][2];
    const int row = v[2][1] + v[2][3], column = v[1][2] + v[3][2];
    const int row2 = v[2][0] + v[2][4], column2 = v[0][2] + v[4][2];
    const int corners = v[1][1] + v[1][3] + v[3][1] + v[3][3];
    int sum;
    if (want_green == is_green && (want_green || is_along_row < 0))
        return 8 * c;
    if (want_green)
        sum = 4 * c + 2 * (row + column) - (row2 + column2);
    else if (!is_green)
        sum = 6 * c + 2 * corners - 3 * (row2 + column2) / 2;
    else if (is_along_row)
        sum = 5 * c + 4 * row - corners - row2 + column2 / 2;
    else
        sum = 5 * c + 4 * column - corners - column2 + row2 / 2;
    return (int)clamp(sum, 0, 32767);
}

static int bilinear(const struct ref_window *w, int is_green, int want_green, int is_along_row)
{
    const int(*v)[5] = w->v;
    const int row = v[2][1] + v[2][3], column = v[1][2] + v[3][2];
    if (want_green == is_green && (want_green || is_along_row < 0))
        return 8 * v[2][2];
    if (want_green)
        return 2 * (row + column);
    if (is_green)
        return 4 * (is_along_row ? row : column);
    return 2 * (v[1][1] + v[1][3] + v[3][1] + v[3][3]);
}

void ref_demosaic(const struct ref_window *w, int rgb[3])
{
    const int is_green = w->cfa == SISP_CFA_GRBG || w->cfa == SISP_CFA_GBRG;
    const int row_color = w->cfa == SISP_CFA_RGGB || w->cfa == SISP_CFA_GRBG ? 0 : 2;
    for (int k = 0; k < 3; k++) {
        /* -1: the middle has this colour itself; else whether its row has it. */
        int along = k == 1 ? -1 : !is_green && k == row_color ? -1 : k == row_color;
        rgb[k] = (w->is_bilinear ? bilinear : mhc)(w, is_green, k == 1, along);
    }
}

int ref_ccm_row(const int rgb[3], const int code[3])
{
    int64_t sum = multiply(rgb[0], code[0]) + multiply(rgb[2], code[2]);
    sum = clamp(sum, -32768, 32767);
    sum = clamp(sum + multiply(rgb[1], code[1]), -32768, 32767);
    return (int)clamp(sum, 0, 8191);
}

/* A row's codes sum to the code of its sum: the greatest coefficient takes the difference. */
void ref_ccm_codes(const float ccm[9], int code[9])
{
    for (int k = 0; k < 9; k += 3) {
        int greatest = k;
        double total = 0;
        for (int i = k; i < k + 3; i++) {
            code[i] = (int)lround(8195 * (double)ccm[i]);
            total += (double)ccm[i];
            if (fabs((double)ccm[i]) > fabs((double)ccm[greatest]))
                greatest = i;
        }
        code[greatest] += (int)lround(8195 * total) - (code[k] + code[k + 1] + code[k + 2]);
        for (int i = k; i < k + 3; i++)
            code[i] = (int)clamp(code[i], -32767, 32767);
    }
}

/* x of 13 bits where line i of the tone curve begins: 16 apart, then 128, 512, 1024. */
static int line_begin(int i)
{
    static const int zone_begin[4] = {0, 256, 1024, 4096}, step[4] = {16, 128, 512, 1024};
    int x = 0;
    for (; i > 0; i--) {
        int zone = 3;
        while (x < zone_begin[zone])
            zone--;
        x += step[zone];
    }
    return x;
}

static int curve_code(const float tone[SISP_TONE_KNOTS], int x)
{
    unsigned k = 0;
    while ((int)(sisp_tone_knot(k) * 8192) != x)
        k++;
    return (int)lroundf((tone[k] < 0 ? 0 : tone[k] > 1 ? 1 : tone[k]) * 32640);
}

static int twice_bend(const float tone[SISP_TONE_KNOTS], int i)
{
    const int begin = line_begin(i), end = line_begin(i + 1);
    return 2 * curve_code(tone, (begin + end) / 2) - curve_code(tone, begin) -
           curve_code(tone, end);
}

static int chord_middle(const float tone[SISP_TONE_KNOTS], int i)
{
    return (curve_code(tone, line_begin(i)) + curve_code(tone, line_begin(i + 1))) / 2;
}

/* Ends between lines go towards the bow of the curve by half of the mean of its heights above the
 * two lines, but not past the middle of either. */
void ref_tone_codes(const float tone[SISP_TONE_KNOTS], int codes[REF_TONE_KNOTS])
{
    for (int i = 0; i < REF_TONE_KNOTS; i++) {
        codes[i] = curve_code(tone, line_begin(i));
        if (i == 0 || i == REF_TONE_KNOTS - 1)
            continue;
        const int before = chord_middle(tone, i - 1), after = chord_middle(tone, i);
        codes[i] += (int)floor((twice_bend(tone, i - 1) + twice_bend(tone, i) + 4) / 8.0);
        codes[i] =
            (int)clamp(codes[i], before < after ? before : after, before < after ? after : before);
    }
}

int ref_tone(const int codes[REF_TONE_KNOTS], int x)
{
    int i = 0;
    while (x >= line_begin(i + 1))
        i++;
    const int begin = line_begin(i), end = line_begin(i + 1);
    int64_t rise = codes[i + 1] - codes[i];
    if (end == 8192) /* x goes to 8191 only, which is white */
        rise = lround((double)(rise * 1024) / 1023);
    /* Odd lines are counted from their ends: this changes how halves are rounded. */
    const int64_t from = i % 2 ? end : begin;
    return (
        int)(codes[i] + (i % 2 ? rise : 0) + multiply(rise, (x - from) * 32768 / (end - begin)));
}

static uint8_t to_8(int v)
{
    return (uint8_t)((v + 64) / 128);
}

/* weights of R, G, B in 1/32768 */
static int weigh(const int rgb[3], int r, int g, int b)
{
    return multiply(rgb[0], r) + multiply(rgb[1], g) + multiply(rgb[2], b);
}

void ref_put_yuv(enum sisp_pixel_format format, uint8_t *sample, int sum, int offset)
{
    const uint16_t word = (uint16_t)((sum + 128 * offset + 16) / 32 * 64);
    if (format == SISP_PIXEL_P010)
        memcpy(sample, &word, 2);
    else
        *sample = (uint8_t)((sum + 128 * offset + 64) / 128);
}

uint8_t *ref_luma_place(enum sisp_pixel_format format, uint8_t *row, uint32_t x)
{
    return row + (format == SISP_PIXEL_NV12 ? x : 2 * (size_t)x);
}

void ref_put(enum sisp_pixel_format format, uint8_t *row, uint32_t x, const int rgb[3])
{
    const uint8_t bytes[4] = {to_8(rgb[2]), to_8(rgb[1]), to_8(rgb[0]), 255};
    uint16_t words[4] = {0, 0, 0, 65535};
    switch (format) {
    case SISP_PIXEL_XRGB8888:
        memcpy(row + (size_t)4 * x, bytes, 4);
        break;
    case SISP_PIXEL_RGB24:
        for (uint32_t k = 0; k < 3; k++)
            row[3 * x + k] = bytes[2 - k];
        break;
    case SISP_PIXEL_NV12:
    case SISP_PIXEL_YUYV:
    case SISP_PIXEL_P010:
        ref_put_yuv(format, ref_luma_place(format, row, x), weigh(rgb, 5983, 20127, 2032), 16);
        break;
    case SISP_PIXEL_RGBA64:
        for (int k = 0; k < 3; k++)
            words[k] = (uint16_t)(2 * rgb[k] + (rgb[k] + 64) / 128);
        memcpy(row + (size_t)8 * x, words, 8);
        break;
    case SISP_PIXEL_FORMAT_COUNT:
        break;
    }
}

/* Rounded up, also below zero. */
static int mean(int a, int b)
{
    return (a + b + 1) >> 1;
}

void ref_put_chroma(enum sisp_pixel_format format, uint8_t *pair, int rgb[2][2][3])
{
    uint8_t *cb = format == SISP_PIXEL_YUYV ? pair + 1 : pair;
    uint8_t *cr = format == SISP_PIXEL_NV12 ? cb + 1 : cb + 2;
    int c[3];
    for (int k = 0; k < 3; k++)
        c[k] = mean(mean(rgb[0][0][k], rgb[0][1][k]), mean(rgb[1][0][k], rgb[1][1][k]));
    ref_put_yuv(format, cb, weigh(c, -3298, -11094, 14392), 128);
    ref_put_yuv(format, cr, weigh(c, 14392, -13073, -1319), 128);
}
