/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The floor: a picture that needs no scratch, no recipe and no neighbour beyond a 2x2 cell.
 */
#include "isp/isp.h"

#include <endian.h>
#include <stdbool.h>

#define TONE_BITS 12
#define TONE_MAX  ((1 << TONE_BITS) - 1)
#define CHUNK     64 /* pixels on the stack; even */

struct floor {
    const struct isp_geometry *geometry;
    const struct sisp_raw_format *raw;
    const uint8_t *samples;
    unsigned place[SISP_SITE_COUNT]; /* of each site in the cell */
    int32_t black[SISP_SITE_COUNT];  /* left-justified in 16 bits */
    int32_t gain[SISP_SITE_COUNT];   /* Q12, to 15 bits; of green half, since there are two */
    int32_t clip, ccm[9];            /* 15 bits; Q12 */
    uint32_t width, height;          /* of the picture before it is transposed */
    uint64_t step_x, step_y;         /* see cell_step() */
    uint16_t tone[TONE_MAX + 1];
};

/* Linear, then 16-bit display values of neighbouring pixels of a row. */
struct chunk {
    uint32_t count, cell[CHUNK]; /* first sample of each pixel's cell, */
    size_t line[CHUNK];          /* and the first byte of its line */
    int32_t linear[3][CHUNK];
    uint16_t display[3][CHUNK];
};

/* ---- raw to linear -----------------------------------------------------------------------------
 */

static inline __attribute__((always_inline)) uint32_t sample(
    const uint8_t *row, uint32_t x, enum sisp_packing packing)
{
    const uint8_t *p;
    uint16_t word;
    switch (packing) {
    case SISP_PACKING_8:
        return row[x];
    case SISP_PACKING_16:
        __builtin_memcpy(&word, row + (size_t)2 * x, 2);
        return le16toh(word);
    case SISP_PACKING_10P:
        p = row + x / 4 * 5;
        return (uint32_t)p[x % 4] << 2 | (p[4] >> 2 * (x % 4) & 3);
    case SISP_PACKING_12P:
        p = row + x / 2 * 3;
        return (uint32_t)p[x % 2] << 4 | (p[2] >> 4 * (x % 2) & 15);
    case SISP_PACKING_14P:
        p = row + x / 4 * 7;
        return (uint32_t)p[x % 4] << 6 |
               ((p[4] | (uint32_t)p[5] << 8 | (uint32_t)p[6] << 16) >> 6 * (x % 4) & 63);
    case SISP_PACKING_IPU3:
        p = row + x / 25 * 32 + x % 25 * 10 / 8;
        return ((uint32_t)p[0] | (uint32_t)p[1] << 8) >> x % 25 * 10 % 8 & 1023;
    }
    return 0;
}

static inline __attribute__((always_inline)) void read_cells(
    const struct floor *f, struct chunk *c, enum sisp_packing packing, bool is_transposed)
{
    static const int color[SISP_SITE_COUNT] = {0, 1, 1, 2};
    const unsigned shift = 16u - f->raw->bits;
    const uint32_t most = (1u << f->raw->bits) - 1; /* words may hold more: white */
    for (int site = 0; site < SISP_SITE_COUNT; site++) {
        const uint8_t *below = f->samples + f->place[site] / 2 * f->geometry->raw_stride_bytes;
        const uint32_t column = f->place[site] % 2;
        int32_t *linear = c->linear[color[site]];
        for (uint32_t i = 0; i < c->count; i++) {
            const uint8_t *from = below + c->line[is_transposed ? i : 0]; /* of a row, one line */
            const uint32_t word = sample(from, c->cell[i] + column, packing);
            const bool is_whole = packing != SISP_PACKING_16 || word < most;
            const uint16_t code = (uint16_t)((is_whole ? word : most) << shift);
            const uint32_t v = code > f->black[site] ? code - (uint32_t)f->black[site] : 0;
            const int32_t scaled = (int32_t)(v * (uint32_t)f->gain[site] >> 13);
            linear[i] = site == SISP_SITE_GB ? linear[i] + scaled : scaled;
        }
    }
}

static inline __attribute__((always_inline)) void read_either(
    const struct floor *f, struct chunk *c, enum sisp_packing packing)
{
    if (f->geometry->orientation & SISP_ORIENTATION_TRANSPOSE)
        read_cells(f, c, packing, true);
    else
        read_cells(f, c, packing, false);
}

/* Loops for each packing: a choice per sample would take most of the time. */
static void read_chunk(const struct floor *f, struct chunk *c)
{
    switch (f->raw->packing) {
    case SISP_PACKING_8:
        read_either(f, c, SISP_PACKING_8);
        break;
    case SISP_PACKING_16:
        read_either(f, c, SISP_PACKING_16);
        break;
    case SISP_PACKING_10P:
        read_either(f, c, SISP_PACKING_10P);
        break;
    case SISP_PACKING_12P:
        read_either(f, c, SISP_PACKING_12P);
        break;
    case SISP_PACKING_14P:
        read_either(f, c, SISP_PACKING_14P);
        break;
    case SISP_PACKING_IPU3:
        read_either(f, c, SISP_PACKING_IPU3);
        break;
    }
}

/* ---- linear to display
 * --------------------------------------------------------------------------- */

/* Integers, since noise would mislead the branches that floats are clamped by. */
static int32_t clamp(int32_t value, int32_t max)
{
    const int32_t positive = value > 0 ? value : 0;
    return positive < max ? positive : max;
}

/* Rounded, within +-limit; NaN gives -limit. */
static int32_t fixed(double value, double limit)
{
    value = value > -limit ? value : -limit;
    return (int32_t)((value < limit ? value : limit) + (value < 0 ? -0.5 : 0.5));
}

/* Between neighbouring knots, whose steps are 1/2048, 1/256 and 1/64. */
static float curve_at(const float *tone, float x)
{
    static const float per_unit[3] = {2048, 256, 64};
    static const unsigned first[3] = {0, 64 - 8, 120 - 16};
    const unsigned zone = x < 1.0f / 32 ? 0 : x < 1.0f / 4 ? 1 : 2;
    const float place = x * per_unit[zone];
    const unsigned whole = (unsigned)place, knot = whole + first[zone];
    const float part = place - (float)whole;
    return knot + 1 < SISP_TONE_KNOTS ? tone[knot] + part * (tone[knot + 1] - tone[knot])
                                      : tone[SISP_TONE_KNOTS - 1];
}

/* Cells from one output pixel to the next, halved, Q32. */
static uint64_t cell_step(uint32_t in, uint32_t out)
{
    return ((uint64_t)in << 32) / (4 * (uint64_t)out);
}

static void floor_init(struct floor *f, const struct isp_geometry *g,
    const struct sisp_coefficients *c, const uint8_t *samples)
{
    static const int color[SISP_SITE_COUNT] = {0, 1, 1, 2};
    f->geometry = g;
    f->raw = isp_geometry_format(g);
    f->samples = samples;
    struct sisp_coefficients mono;
    if (f->raw->is_mono) {
        isp_mono_coefficients(&mono, c);
        c = &mono;
    }
    const bool is_transposed = g->orientation & SISP_ORIENTATION_TRANSPOSE;
    f->width = is_transposed ? g->height : g->width;
    f->height = is_transposed ? g->width : g->height;
    f->step_x = cell_step(g->crop.width, f->width);
    f->step_y = cell_step(g->crop.height, f->height);
    const enum sisp_cfa cfa = sisp_cfa_shift(f->raw->cfa, g->crop.x, g->crop.y);
    for (unsigned k = 0; k < 4; k++) {
        const int site = (int)sisp_cfa_shift(cfa, k % 2, k / 2);
        const double shift = 1 << (16 - f->raw->bits), black = (double)c->black_level[site];
        const double span = ((double)c->white_level - black) * shift;
        const double gain = (double)c->wb_gains[color[site]] * 65535 / (span > 1 ? span : 1);
        f->place[site] = k;
        f->black[site] = fixed(black * shift, 65535);
        f->gain[site] = fixed(gain * (color[site] == 1 ? 2048 : 4096), 65535);
    }
    for (int k = 0; k < 9; k++)
        f->ccm[k] = fixed((double)c->ccm[k] * 4096, 16384);
    f->clip = fixed((double)c->clip_level * 32767, 32767);
    for (int i = 0; i <= TONE_MAX; i++) {
        const double y = (double)curve_at(c->tone, (float)i / TONE_MAX);
        f->tone[i] = (uint16_t)clamp(fixed(y * 65535, 65535), 65535);
    }
}

/* Sums stay within 3 * 2^15 * 2^14. */
static void develop_chunk(const struct floor *f, struct chunk *c)
{
    int32_t place[3][CHUNK];
    for (uint32_t i = 0; i < CHUNK; i++) {
        const int32_t red = clamp(c->linear[0][i], f->clip);
        const int32_t green = clamp(c->linear[1][i], f->clip);
        const int32_t blue = clamp(c->linear[2][i], f->clip);
        for (int k = 0; k < 3; k++) {
            const int32_t *m = f->ccm + 3 * k;
            place[k][i] = clamp((m[0] * red + m[1] * green + m[2] * blue) >> 15, TONE_MAX);
        }
    }
    for (int k = 0; k < 3; k++) {
        for (uint32_t i = 0; i < CHUNK; i++)
            c->display[k][i] = f->tone[place[k][i]];
    }
}

/* First sample of the cell nearest to output pixel i. */
static uint32_t nearest_cell(uint32_t i, uint64_t step, uint32_t in)
{
    const uint32_t cell = (uint32_t)((2 * (uint64_t)i + 1) * step >> 32), last = in / 2 - 1;
    return 2 * (cell < last ? cell : last);
}

/* Of columns of the picture before it is transposed. */
static uint32_t find_cell(const struct floor *f, uint32_t x)
{
    const struct isp_geometry *g = f->geometry;
    const uint32_t column = g->orientation & SISP_ORIENTATION_MIRROR ? f->width - 1 - x : x;
    return g->crop.x + nearest_cell(column, f->step_x, g->crop.width);
}

static size_t find_line(const struct floor *f, uint32_t y)
{
    const struct isp_geometry *g = f->geometry;
    const uint32_t row = g->orientation & SISP_ORIENTATION_FLIP ? f->height - 1 - y : y;
    return (g->crop.y + nearest_cell(row, f->step_y, g->crop.height)) * g->raw_stride_bytes;
}

/* Pixels x to x + count - 1 of row y. */
static void make_chunk(
    const struct floor *f, struct chunk *c, uint32_t x, uint32_t y, uint32_t count)
{
    const bool is_transposed = f->geometry->orientation & SISP_ORIENTATION_TRANSPOSE;
    const size_t line = is_transposed ? 0 : find_line(f, y);
    const uint32_t cell = is_transposed ? find_cell(f, y) : 0;
    c->count = count;
    for (uint32_t i = 0; i < count; i++) {
        c->cell[i] = is_transposed ? cell : find_cell(f, x + i);
        c->line[i] = is_transposed ? find_line(f, x + i) : line;
    }
    read_chunk(f, c);
    develop_chunk(f, c);
}

/* ---- pictures
 * -------------------------------------------------------------------------------------- */

/* Rounded v / 257. */
static uint8_t to_8(uint16_t v)
{
    return (uint8_t)((v * 255u + 32895) >> 16);
}

static void put_chunk(const struct chunk *c, enum sisp_pixel_format format, uint8_t *dst)
{
    const uint16_t *red = c->display[0], *green = c->display[1], *blue = c->display[2];
    if (format == SISP_PIXEL_RGBA64) {
        for (uint32_t i = 0; i < c->count; i++) {
            const uint16_t words[4] = {red[i], green[i], blue[i], 65535};
            __builtin_memcpy(dst + (size_t)8 * i, words, 8);
        }
    } else if (format == SISP_PIXEL_RGB24) {
        for (uint32_t i = 0; i < 3 * c->count; i++)
            dst[i] = to_8(c->display[i % 3][i / 3]);
    } else {
        for (uint32_t i = 0; i < c->count; i++) {
            dst[4 * i] = to_8(blue[i]);
            dst[4 * i + 1] = to_8(green[i]);
            dst[4 * i + 2] = to_8(red[i]);
            dst[4 * i + 3] = 255;
        }
    }
}

static void rgb_row(const struct floor *f, const struct sisp_image *out, uint32_t y)
{
    static const uint8_t pixel_bytes[SISP_PIXEL_FORMAT_COUNT] = {
        [SISP_PIXEL_XRGB8888] = 4, [SISP_PIXEL_RGB24] = 3, [SISP_PIXEL_RGBA64] = 8};
    struct chunk c = {0};
    uint8_t *row = out->planes[0] + y * out->stride_bytes[0];
    for (uint32_t x = 0; x < out->width; x += CHUNK) {
        make_chunk(f, &c, x, y, out->width - x < CHUNK ? out->width - x : CHUNK);
        put_chunk(&c, out->format, row + (size_t)x * pixel_bytes[out->format]);
    }
}

#define STEP (257 << 15) /* of 8 bits, in products of values of 16 bits and Q15 */

/* BT.709 limited range, as in the fast path. */
static int64_t weigh(const int32_t c[3], const int32_t weight[3], int32_t offset)
{
    int64_t sum = (int64_t)offset * STEP;
    for (int k = 0; k < 3; k++)
        sum += (int64_t)c[k] * weight[k];
    return sum;
}

static void put_sample(enum sisp_pixel_format format, uint8_t *row, size_t place, int64_t sum)
{
    if (format == SISP_PIXEL_P010) {
        const uint16_t word = (uint16_t)((sum + STEP / 8) / (STEP / 4) << 6);
        __builtin_memcpy(row + 2 * place, &word, 2);
    } else {
        row[place] = (uint8_t)((sum + STEP / 2) / STEP);
    }
}

/* Row of chroma, place of its first sample for pixel x, and from one sample to the next. */
struct chroma_place {
    uint8_t *row;
    size_t first, step;
};

static struct chroma_place find_chroma(const struct sisp_image *out, uint32_t x, uint32_t y)
{
    if (out->format == SISP_PIXEL_YUYV)
        return (struct chroma_place){
            out->planes[0] + y * out->stride_bytes[0], 2 * (size_t)x + 1, 2};
    return (struct chroma_place){out->planes[1] + y / 2 * out->stride_bytes[1], x, 1};
}

/* Pixels of two rows (or the last one twice) to luma, and to their row of chroma. */
static void put_yuv(
    const struct chunk rows[2], const struct sisp_image *out, uint32_t x, uint32_t y, uint32_t last)
{
    static const int32_t luma[3] = {5983, 20127, 2032};
    static const int32_t cb[3] = {-3298, -11094, 14392}, cr[3] = {14392, -13073, -1319};
    const bool is_yuyv = out->format == SISP_PIXEL_YUYV;
    for (uint32_t i = 0; i < rows->count; i += 2) {
        const struct chroma_place chroma = find_chroma(out, x + i, y);
        int32_t mean[3] = {0};
        for (uint32_t k = 0; k < 4; k++) {
            const uint32_t right = i + k % 2 < rows->count ? i + k % 2 : i;
            const uint32_t below = y + k / 2 < last ? y + k / 2 : last;
            int32_t c[3];
            for (int n = 0; n < 3; n++) {
                c[n] = rows[k / 2].display[n][right];
                mean[n] += c[n];
            }
            put_sample(out->format, out->planes[0] + below * out->stride_bytes[0],
                is_yuyv ? 2 * ((size_t)x + i + k % 2) : (size_t)x + right, weigh(c, luma, 16));
        }
        for (int n = 0; n < 3; n++)
            mean[n] /= 4;
        put_sample(out->format, chroma.row, chroma.first, weigh(mean, cb, 128));
        put_sample(out->format, chroma.row, chroma.first + chroma.step, weigh(mean, cr, 128));
    }
}

static void yuv_rows(const struct floor *f, const struct sisp_image *out, uint32_t y, uint32_t last)
{
    struct chunk rows[2] = {0};
    for (uint32_t x = 0; x < out->width; x += CHUNK) {
        const uint32_t count = out->width - x < CHUNK ? out->width - x : CHUNK;
        make_chunk(f, &rows[0], x, y, count);
        rows[1] = rows[0];
        if (y < last)
            make_chunk(f, &rows[1], x, y + 1, count);
        put_yuv(rows, out, x, y, last);
    }
}

void isp_floor_band(const struct isp_geometry *geometry,
    const struct sisp_coefficients *coefficients, const uint8_t *raw, const struct sisp_image *out,
    uint32_t y0, uint32_t y1)
{
    struct floor f;
    floor_init(&f, geometry, coefficients, raw);
    if (sisp_pixel_plane_count(out->format) == 2) {
        for (uint32_t y = y0; y < y1; y += 2)
            yuv_rows(&f, out, y, y1 - 1);
    } else if (out->format == SISP_PIXEL_YUYV) {
        for (uint32_t y = y0; y < y1; y++)
            yuv_rows(&f, out, y, y);
    } else {
        for (uint32_t y = y0; y < y1; y++)
            rgb_row(&f, out, y);
    }
}
