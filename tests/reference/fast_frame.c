/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fast.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct frame {
    const struct isp_geometry *g;
    const struct sisp_coefficients *c;
    struct sisp_coefficients grey; /* of a monochrome frame: all sites alike */
    const struct sisp_raw_format *format;
    const uint8_t *raw;
    enum sisp_cfa cfa;
    int width, height; /* of the crop */
    int clip;
    int ccm[9], tone[REF_TONE_KNOTS];
    unsigned knots[SISP_SITE_COUNT][SISP_LSC_KNOTS_MAX][SISP_LSC_KNOTS_MAX]; /* gains, Q12 */
    int *levels;  /* 12-bit samples of the crop */
    int *linear;  /* 13-bit RGB of the crop */
    int *display; /* 15-bit RGB of the picture */
};

static enum sisp_site site_at(const struct frame *f, int x, int y)
{
    return (enum sisp_site)sisp_cfa_shift(f->cfa, (uint32_t)x & 1, (uint32_t)y & 1);
}

/* Left-justified in 16 bits, as all levels are from here on. */
static unsigned black_of(const struct frame *f, enum sisp_site site)
{
    return (unsigned)((double)f->c->black_level[site] * pow(2, 16 - f->format->bits) + 0.5);
}

static double span_of(const struct frame *f, enum sisp_site site)
{
    return (double)f->c->white_level * pow(2, 16 - f->format->bits) - black_of(f, site);
}

/* The span is rounded up, and shifted as far up as 16 bits allow. */
static struct ref_range range_of(const struct frame *f, enum sisp_site site)
{
    struct ref_range range = {
        .black = black_of(f, site),
        .span = (unsigned)fmin(ceil(span_of(f, site)), 65535),
    };
    while (range.boost < 15 && range.span << (range.boost + 1) <= 65535)
        range.boost++;
    return range;
}

/* Knots as codes, rounded up; where one row of knots is more than 32766 above another beside it,
 * the lower is raised. */
static void find_knots(struct frame *f, enum sisp_site site)
{
    static const int color[] = {0, 1, 1, 2};
    const struct sisp_lsc_mesh *mesh = &f->c->lsc;
    const int rows = mesh->cols ? (int)mesh->rows : 0, cols = (int)mesh->cols;
    const struct ref_range range = range_of(f, site);
    const double one = 65536.0 * 4095 / (span_of(f, site) * pow(2, range.boost)) *
                       (double)f->c->wb_gains[color[site]];
    f->knots[site][0][0] = (unsigned)fmin(ceil(one), 65535);
    for (int j = 0; j < rows; j++) {
        for (int i = 0; i < cols; i++)
            f->knots[site][j][i] =
                (unsigned)fmin(ceil(one * (double)mesh->gain[site][j * cols + i]), 65535);
    }
    for (int i = 0; i < cols; i++) {
        for (int j = 1; j < rows; j++) {
            if (f->knots[site][j][i] + 32766 < f->knots[site][j - 1][i])
                f->knots[site][j][i] = f->knots[site][j - 1][i] - 32766;
        }
        for (int j = rows - 2; j >= 0; j--) {
            if (f->knots[site][j][i] + 32766 < f->knots[site][j + 1][i])
                f->knots[site][j][i] = f->knots[site][j + 1][i] - 32766;
        }
    }
}

/* Place among knots, in 1/32768 of their distance. */
static unsigned place(double at, double origin, double step, unsigned knots)
{
    if (knots < 2)
        return 0;
    double p = (at - origin) * (1 / step);
    p = p < 0 ? 0 : p > knots - 1 ? knots - 1 : p;
    return (unsigned)floor(p * 32768 + 0.5);
}

static unsigned gain_at(const struct frame *f, int x, int y)
{
    const struct sisp_lsc_mesh *mesh = &f->c->lsc;
    const enum sisp_site site = site_at(f, x, y);
    if (mesh->cols == 0 || mesh->rows == 0)
        return f->knots[site][0][0];
    const unsigned px =
        place((x + 0.5) / f->width, (double)mesh->origin_x, (double)mesh->step_x, mesh->cols);
    const unsigned py =
        place((y + 0.5) / f->height, (double)mesh->origin_y, (double)mesh->step_y, mesh->rows);
    const unsigned i = px / 32768, j = py / 32768;
    const unsigned i1 = i + 1 < mesh->cols ? i + 1 : i, j1 = j + 1 < mesh->rows ? j + 1 : j;
    const unsigned(*k)[SISP_LSC_KNOTS_MAX] = f->knots[site];
    return ref_gain_between(ref_gain_between(k[j][i], k[j][i1], px % 32768),
        ref_gain_between(k[j1][i], k[j1][i1], px % 32768), py % 32768);
}

static int level_at(const struct frame *f, int x, int y)
{
    const uint8_t *row = f->raw + (f->g->crop.y + (uint32_t)y) * f->g->raw_stride_bytes;
    const unsigned shift = 16u - f->format->bits;
    const unsigned code = ref_sample(f->format, row, f->g->crop.x + (uint32_t)x);
    const struct ref_range range = range_of(f, site_at(f, x, y));
    return ref_level(code << shift, &range, gain_at(f, x, y), (unsigned)f->clip);
}

static int mirrored(int i, int size)
{
    while (i < 0 || i >= size)
        i = i < 0 ? -i : 2 * (size - 1) - i;
    return i;
}

static void linear_at(const struct frame *f, int x, int y, int out[3])
{
    struct ref_window w = {
        .cfa = sisp_cfa_shift(f->cfa, (uint32_t)x, (uint32_t)y),
        .is_bilinear = f->c->demosaic == SISP_DEMOSAIC_BILINEAR,
    };
    int rgb[3];
    for (int j = 0; j < 5; j++) {
        for (int i = 0; i < 5; i++)
            w.v[j][i] = f->levels[mirrored(y + j - 2, f->height) * f->width +
                                  mirrored(x + i - 2, f->width)];
    }
    ref_demosaic(&w, rgb);
    for (int k = 0; k < 3; k++)
        out[k] = ref_ccm_row(rgb, f->ccm + 3 * k);
    if (f->format->is_mono) {
        const int middle[3] = {8 * w.v[2][2], 0, 0}, one[3] = {8195, 0, 0};
        out[0] = out[1] = out[2] = ref_ccm_row(middle, one);
    }
}

/* Of `in` samples `out` are made: what of output sample j lies before input sample i, in 1/32768.
 */
static int64_t share_before(int64_t i, int64_t j, int64_t in, int64_t out)
{
    int64_t inside = i * out - j * in;
    inside = inside < 0 ? 0 : inside > in ? in : inside;
    return (inside * 32768 + in / 2) / in;
}

/* Mean of the crop under output pixel (x, y): of columns first, with three more bits, then of rows;
 * both rounded to nearest, the half upwards. */
static int mean_at(const struct frame *f, int x, int y, int channel)
{
    const int ow = (int)f->g->width, oh = (int)f->g->height;
    int64_t sum = 0;
    for (int64_t i = (int64_t)x * f->width / ow;
         i < f->width && i * ow < (x + 1) * (int64_t)f->width; i++) {
        int64_t column = 0;
        for (int64_t j = (int64_t)y * f->height / oh;
             j < f->height && j * oh < (y + 1) * (int64_t)f->height; j++)
            column += (share_before(j + 1, y, f->height, oh) - share_before(j, y, f->height, oh)) *
                      f->linear[(j * f->width + i) * 3 + channel];
        sum += (share_before(i + 1, x, f->width, ow) - share_before(i, x, f->width, ow)) *
               ((column + 2048) / 4096);
    }
    return (int)((sum + 131072) / 262144);
}

static int nearest(int i, int size)
{
    return i < 0 ? 0 : i < size ? i : size - 1;
}

static int luma_at(const struct frame *f, int x, int y)
{
    const int w = (int)f->g->width;
    return ref_luma(f->display + (nearest(y, (int)f->g->height) * w + nearest(x, w)) * 3);
}

static int detail_at(const struct frame *f, const struct ref_finish *finish, int x, int y)
{
    int v[3][3];
    for (int k = 0; k < 9; k++)
        v[k / 3][k % 3] = luma_at(f, x + k % 3 - 1, y + k / 3 - 1);
    const int level = v[1][1] / 2048;
    return ref_detail(
        v, (int)finish->coring[level] * 16, (int)finish->noise[level] * 16, finish->sharpness);
}

/* Two by two pixels; those that do not exist repeat the nearest. */
static void quad_at(const struct frame *f, int cx, int cy, int rgb[2][2][3])
{
    const int w = (int)f->g->width, h = (int)f->g->height;
    for (int k = 0; k < 4; k++) {
        const int x = nearest(2 * cx + k % 2, w), y = nearest(2 * cy + k / 2, h);
        memcpy(rgb[k / 2][k % 2], f->display + (y * w + x) * 3, sizeof(rgb[0][0]));
    }
}

static void color_at(const struct frame *f, int cx, int cy, int uvl[3])
{
    int rgb[2][2][3];
    quad_at(
        f, nearest(cx, ((int)f->g->width + 1) / 2), nearest(cy, ((int)f->g->height + 1) / 2), rgb);
    ref_color_split(rgb, uvl);
}

/* What noise reduction adds to U and V. */
static void color_change(
    const struct frame *f, const struct ref_finish *finish, int cx, int cy, int uv[2])
{
    int window[2][3][5], uvl[3];
    for (int k = 0; k < 15; k++) {
        color_at(f, cx + k % 5 - 2, cy + k / 5 - 1, uvl);
        window[0][k / 5][k % 5] = uvl[0];
        window[1][k / 5][k % 5] = uvl[1];
    }
    color_at(f, cx, cy, uvl);
    for (int k = 0; k < 2; k++)
        uv[k] = ref_color_smooth(window[k], (int)finish->color_noise[uvl[2] / 2048] * 8);
}

static bool is_finished(const struct sisp_coefficients *c)
{
    return c->sharpness > 0 || c->denoise_luma > 0 || c->denoise_chroma > 0;
}

static void put_rows(
    const struct frame *f, const struct ref_finish *finish, const struct sisp_image *out)
{
    const int w = (int)f->g->width, h = (int)f->g->height;
    for (int i = 0; i < w * h; i++) {
        const int *rgb = f->display + i * 3, x = i % w, y = i / w;
        uint8_t *row = out->planes[0] + (size_t)y * out->stride_bytes[0];
        int uv[2] = {0}, shift[3];
        if (!is_finished(f->c)) {
            ref_put(f->g->format, row, (uint32_t)x, rgb);
            continue;
        }
        if (f->c->denoise_chroma > 0)
            color_change(f, finish, x / 2, y / 2, uv);
        ref_color_shift(uv[0], uv[1], shift);
        ref_put_finished(f->g->format, row, (uint32_t)x,
            &(struct ref_finished){rgb, shift, luma_at(f, x, y), detail_at(f, finish, x, y)});
    }
}

/* Of pixels x, x + 1 of rows y, y + 1; YUYV: of row y. */
static void put_chroma(const struct frame *f, const struct ref_finish *finish,
    const struct sisp_image *out, int x, int y)
{
    const enum sisp_pixel_format format = f->g->format;
    const int w = (int)f->g->width, is_yuyv = format == SISP_PIXEL_YUYV;
    int rgb[2][2][3], uvl[3], uv[2] = {0}, shift[3];
    uint8_t *row = is_yuyv ? out->planes[0] + (size_t)y * out->stride_bytes[0]
                           : out->planes[1] + (size_t)y / 2 * out->stride_bytes[1];
    uint8_t *pair = row + (format == SISP_PIXEL_NV12 ? x : 2 * x);
    quad_at(f, x / 2, y / 2, rgb);
    ref_color_split(rgb, uvl);
    if (f->c->denoise_chroma > 0)
        color_change(f, finish, x / 2, y / 2, uv);
    ref_color_shift(uv[0], uv[1], shift);
    for (int k = 0; k < 12 && is_yuyv; k++) {
        const int other = x + 1 < w ? x + 1 : x, *both = f->display + y * w * 3 + k % 3;
        rgb[k / 6][k / 3 % 2][k % 3] =
            ref_shifted((both[x * 3] + both[other * 3] + 1) / 2, shift[k % 3]);
    }
    if (f->c->denoise_chroma > 0 && !is_yuyv)
        ref_put_uv(format, pair, uvl[0] + uv[0], uvl[1] + uv[1]);
    else
        ref_put_chroma(format, pair, rgb);
    if (is_yuyv && x + 1 == w)
        row[2 * x + 2] = row[2 * x];
}

static void put_picture(const struct frame *f, const struct sisp_image *out)
{
    const enum sisp_pixel_format format = f->g->format;
    const int w = (int)f->g->width, h = (int)f->g->height;
    struct ref_finish finish;
    ref_finish_codes(f->c, &finish);
    put_rows(f, &finish, out);
    if (format != SISP_PIXEL_YUYV && sisp_pixel_plane_count(format) != 2)
        return;
    for (int y = 0; y < h; y += format == SISP_PIXEL_YUYV ? 1 : 2) {
        for (int x = 0; x < w; x += 2)
            put_chroma(f, &finish, out, x, y);
    }
}

/* The two greens of a cell, and what they differ from their diagonal neighbours. */
static void measure_green(const struct frame *f, int cx, int cy, struct sisp_stats *stats)
{
    const int odd_row =
        site_at(f, 1, 0) == SISP_SITE_GR || site_at(f, 1, 0) == SISP_SITE_GB ? 0 : 1;
    const int *odd = f->levels + (2 * cy + odd_row) * f->width;
    const int *even = f->levels + (2 * cy + 1 - odd_row) * f->width;
    const int x = 2 * cx + 1;
    int share = 1; /* rows of cells in one sum */
    while (f->height / 2 > share * SISP_STATS_ROWS)
        share++;
    const int read = f->g->orientation & SISP_ORIENTATION_FLIP ? f->height / 2 - 1 - cy : cy;
    stats->row_green[read / share] += (uint32_t)(odd[x] + even[x - 1]);
    stats->focus += (uint64_t)abs(odd[x] - even[x - 1]);
    stats->focus += (uint64_t)abs(odd[x] - even[mirrored(x + 1, f->width)]);
    stats->row_lines = (uint32_t)(2 * share);
    stats->row_count = (uint32_t)((f->height / 2 - 1) / share + 1);
}

static void measure(const struct frame *f, int step, struct sisp_stats *stats)
{
    const int cells_x = f->width / 2, cells_y = f->height / 2;
    memset(stats, 0, sizeof(*stats));
    memcpy(stats->wb_gains, f->c->wb_gains, sizeof(stats->wb_gains));
    stats->lsc_applied = f->c->lsc.cols > 0 && f->c->lsc.rows > 0;
    for (int cy = 0; cy < cells_y; cy += step) {
        for (int cx = 0; cx < cells_x; cx++) {
            struct sisp_zone *zone = &stats->zones[cy * 32 / cells_y * 32 + cx * 32 / cells_x];
            int sums[SISP_SITE_COUNT], is_clipped = 0;
            for (int k = 0; k < 4; k++) {
                int x = 2 * cx + k % 2, y = 2 * cy + k / 2;
                int v = f->levels[y * f->width + x];
                sums[site_at(f, x, y)] = v;
                is_clipped |= v >= f->clip;
            }
            measure_green(f, cx, cy, stats);
            if (cy % 8 == 0 && cx % 4 == 0) {
                stats->histogram[0][sums[SISP_SITE_R] / 16]++;
                stats->histogram[1][sums[SISP_SITE_GR] / 16]++;
                stats->histogram[2][sums[SISP_SITE_B] / 16]++;
            }
            zone->clipped += (uint32_t)is_clipped;
            zone->count += !is_clipped;
            for (int k = 0; k < SISP_SITE_COUNT && !is_clipped; k++)
                zone->sum[k] += (uint32_t)sums[k];
        }
    }
}

static struct ref_mosaic mosaic_of(const struct frame *f)
{
    return (struct ref_mosaic){f->g, f->c, f->cfa, f->clip, f->levels};
}

/* Samples, and with them the CFA, as the picture lies. */
static void turn(struct frame *f)
{
    const int count = f->width * f->height, orientation = (int)f->g->orientation;
    int *turned = malloc(sizeof(int) * (size_t)count);
    for (int i = 0; i < count; i++) {
        const int x = orientation & 1 ? f->width - 1 - i % f->width : i % f->width;
        const int y = orientation & 2 ? f->height - 1 - i / f->width : i / f->width;
        turned[i] = f->levels[y * f->width + x];
    }
    free(f->levels);
    f->levels = turned;
    f->cfa = sisp_cfa_shift(f->cfa, orientation & 1 ? (uint32_t)f->width - 1 : 0,
        orientation & 2 ? (uint32_t)f->height - 1 : 0);
}

static void frame_init(struct frame *f, const struct isp_geometry *g,
    const struct sisp_coefficients *c, const uint8_t *raw)
{
    memset(f, 0, sizeof(*f));
    f->g = g;
    f->c = c;
    f->raw = raw;
    for (f->format = sisp_raw_formats; f->format->fourcc != g->raw_fourcc;)
        f->format++;
    f->cfa = sisp_cfa_shift(f->format->cfa, g->crop.x, g->crop.y);
    f->width = (int)g->crop.width;
    f->height = (int)g->crop.height;
    if (f->format->is_mono) {
        f->grey = *c;
        f->c = &f->grey;
        f->grey.green_balance = 0;
        for (int k = 0; k < 9; k++)
            f->grey.ccm[k] = k % 3 == 1 ? 0.5f : 0.25f; /* for the noise; 8195 is its matrix */
        f->grey.clip_level = f->grey.wb_gains[0] = f->grey.wb_gains[1] = f->grey.wb_gains[2] = 1;
        for (int site = 0; site < SISP_SITE_COUNT; site++) {
            f->grey.black_level[site] = c->black_level[SISP_SITE_GR];
            memcpy(f->grey.lsc.gain[site], c->lsc.gain[SISP_SITE_GR], sizeof(c->lsc.gain[0]));
        }
    }
    f->clip = (int)floor((double)f->c->clip_level * 4095);
    ref_ccm_codes(c->ccm, f->ccm);
    ref_tone_codes(c->tone, f->tone);
    for (int site = 0; site < SISP_SITE_COUNT; site++)
        find_knots(f, (enum sisp_site)site);
    f->levels = malloc(sizeof(int) * (size_t)f->width * (size_t)f->height);
    f->linear = malloc(sizeof(int) * 3 * (size_t)f->width * (size_t)f->height);
    f->display = malloc(sizeof(int) * 3 * (size_t)g->width * g->height);
    for (int i = 0; i < f->width * f->height; i++)
        f->levels[i] = level_at(f, i % f->width, i / f->width);
    const struct ref_mosaic mosaic = mosaic_of(f);
    ref_mend(&mosaic);
    turn(f);
}

static void frame_finish(struct frame *f)
{
    free(f->levels);
    free(f->linear);
    free(f->display);
}

/* The finished picture of 16 bits before it is transposed, pixel by pixel in its new place; those
 * values, and nothing else, make the picture in its format. */
static void put_transposed(const struct isp_geometry *g, const struct sisp_coefficients *c,
    const uint8_t *raw, const struct sisp_image *out, struct sisp_stats *stats)
{
    static const struct sisp_coefficients plain;
    const uint32_t width = g->height, height = g->width;
    uint16_t *words = malloc(sizeof(*words) * 4 * width * height);
    const struct sisp_image before = {
        SISP_PIXEL_RGBA64, width, height, {(uint8_t *)words}, {sizeof(*words) * 4 * width}};
    struct isp_geometry lying = *g;
    lying.orientation &= SISP_ORIENTATION_ROTATE_180;
    lying.format = SISP_PIXEL_RGBA64;
    lying.width = width;
    lying.height = height;
    ref_fast_frame(&lying, c, raw, &before, stats);
    struct frame *f = calloc(1, sizeof(*f));
    f->g = g;
    f->c = &plain;
    f->display = malloc(sizeof(int) * 3 * width * height);
    for (uint32_t i = 0; i < width * height * 3; i++) {
        const uint32_t x = i / 3 % g->width, y = i / 3 / g->width;
        const uint32_t word = words[(x * width + y) * 4 + i % 3];
        f->display[i] = (int)((word * 128 + 128) / 257); /* undoes 2 + 1/128 */
    }
    put_picture(f, out);
    frame_finish(f);
    free(f);
    free(words);
}

void ref_fast_frame(const struct isp_geometry *g, const struct sisp_coefficients *c,
    const uint8_t *raw, const struct sisp_image *out, struct sisp_stats *stats)
{
    if (g->orientation & SISP_ORIENTATION_TRANSPOSE) {
        put_transposed(g, c, raw, out, stats);
        return;
    }
    struct frame *f = malloc(sizeof(*f));
    frame_init(f, g, c, raw);
    const struct ref_mosaic mosaic = mosaic_of(f);
    ref_bayer(&mosaic);
    for (int i = 0; i < f->width * f->height; i++)
        linear_at(f, i % f->width, i / f->width, f->linear + 3 * i);
    for (int i = 0; i < (int)(g->width * g->height); i++) {
        for (int k = 0; k < 3; k++)
            f->display[3 * i + k] =
                ref_tone(f->tone, mean_at(f, i % (int)g->width, i / (int)g->width, k));
    }
    put_picture(f, out);
    if (stats)
        measure(f, 1, stats);
    frame_finish(f);
    free(f);
}

void ref_stats_measure(const struct isp_geometry *g, const struct sisp_coefficients *c,
    const uint8_t *raw, struct sisp_stats *stats)
{
    struct frame *f = malloc(sizeof(*f));
    frame_init(f, g, c, raw);
    measure(f, 4, stats);
    frame_finish(f);
    free(f);
}
