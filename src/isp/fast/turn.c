/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Kernels: rows of display values to columns of a picture. Twice as many columns as a vector has
 * lanes are transposed into a few rows that stay in the first cache, and those packed as any
 * others are: chroma is that of the turned picture.
 */
#include "isp/fast/pixels.h"

enum { COLUMNS = 2 * VEC_LANES, ROWS = 2 * VEC_LANES, AHEAD = 16 };
_Static_assert(ROWS <= FAST_TURN_ROWS, "scratch has room for them");

/* Rows of the turned picture: planes, phases, pixels. */
struct strip {
    _Alignas(64) int16_t row[COLUMNS][3][2][ROWS / 2];
    _Alignas(64) int16_t half[2][3][ROWS / 2];
};

/* In each 128-bit part: lane k of v[j] and lane j of v[k] change places. */
VEC_INLINE void transpose(vec_u16 v[8])
{
    vec_u16 a[8], b[8];
    for (int k = 0; k < 4; k++) {
        a[2 * k] = vec_zip_low_16(v[k], v[k + 4]);
        a[2 * k + 1] = vec_zip_high_16(v[k], v[k + 4]);
    }
    for (int k = 0; k < 4; k++) {
        b[2 * k] = vec_zip_low_16(a[k], a[k + 4]);
        b[2 * k + 1] = vec_zip_high_16(a[k], a[k + 4]);
    }
    for (int k = 0; k < 4; k++) {
        v[2 * k] = vec_zip_low_16(b[k], b[k + 4]);
        v[2 * k + 1] = vec_zip_high_16(b[k], b[k + 4]);
    }
}

/* Of one plane and phase the vectors at column 2 * i + phase: rows first, first + 2 and so on, of
 * which the last one stands for those that do not exist. */
VEC_INLINE void turn_part(
    const struct fast_turn *t, struct strip *strip, size_t i, size_t plane, size_t first)
{
    const size_t at = plane / 2;
    vec_u16 v[8];
    for (size_t k = 0; k < 8; k++) {
        const size_t row = first + 2 * k < t->count ? first + 2 * k : t->count - 1;
        v[k] = vec_load(t->rows + (row * 6 + plane) * t->stride + i);
    }
    transpose(v);
    for (size_t k = 0; k < 8; k++) {
        int16_t *dst = &strip->row[2 * k + plane % 2][at][first % 2][first / 2];
        vec_store_parts(dst, sizeof(strip->row[0]) * 16, v[k]);
    }
}

VEC_INLINE void turn_strip(const struct fast_turn *t, struct strip *strip, size_t i)
{
    for (size_t plane = 0; plane < 6; plane++) {
        for (size_t first = 0; first < t->count; first += 16) {
            turn_part(t, strip, i, plane, first);
            turn_part(t, strip, i, plane, first + 1);
        }
    }
}

/* ---- formats ----------------------------------------------------------------------------------
 */

VEC_INLINE void plain(
    const struct fast_pack *p, const struct fast_levels *levels, size_t i, vec_u16 out[3][2])
{
    for (int k = 0; k < 6; k++)
        out[k / 2][k % 2] = vec_load(p->linear[k / 2][k % 2] + i);
}

VEC_INLINE void plain_bytes(
    const struct fast_pack *p, const struct fast_levels *levels, size_t i, vec_u16 out[3][2])
{
    plain(p, levels, i, out);
    for (int k = 0; k < 3; k++)
        out[k][0] = fast_bytes(out[k][0] + 64, out[k][1] + 64);
}

VEC_INLINE void put_xrgb8888(const struct fast_pack *p)
{
    fast_row_xrgb8888(p, plain_bytes);
}

VEC_INLINE void put_rgb24(const struct fast_pack *p)
{
    fast_row_rgb24(p, plain_bytes);
}

VEC_INLINE void put_rgba64(const struct fast_pack *p)
{
    fast_row_rgba64(p, plain);
}

VEC_INLINE void put_nv12(const struct fast_pack *p)
{
    fast_row(p, plain, fast_step_nv12, fast_step_nv12, 1);
}

VEC_INLINE void put_p010(const struct fast_pack *p)
{
    fast_row(p, plain, fast_step_p010, fast_step_p010, 2);
}

VEC_INLINE void put_yuyv(const struct fast_pack *p)
{
    fast_row_of_pairs(p, plain, fast_step_yuyv);
}

typedef void put_fn(const struct fast_pack *p);
typedef void chroma_fn(const struct fast_chroma *task);

VEC_INLINE void no_chroma(const struct fast_chroma *task)
{
}

/* Rows y and below of the picture, of which the last of an odd height is alone. */
VEC_INLINE void put_pair_chroma(
    const struct fast_turn *t, const struct strip *strip, size_t y, chroma_fn *chroma)
{
    struct fast_chroma task = {
        .dst = t->dst[1] + y / 2 * t->dst_stride_bytes[1], .pairs = (t->count + 1) / 2};
    for (int k = 0; k < 3; k++) {
        task.half[0][k] = strip->half[0][k];
        task.half[1][k] = strip->half[y + 1 < t->width][k];
    }
    chroma(&task);
}

/* No prefetcher foresees lines that are a row apart. Streamed rows are not fetched. */
VEC_INLINE void prefetch_row(const struct fast_turn *t, size_t y)
{
    if (y >= t->width)
        return;
    __builtin_prefetch(t->dst[0] + y * t->dst_stride_bytes[0], 1);
    if (t->dst[1])
        __builtin_prefetch(t->dst[1] + y / 2 * t->dst_stride_bytes[1], 1);
}

VEC_INLINE void turn(const struct fast_turn *task, put_fn *put, chroma_fn *chroma, int is_streamed)
{
    const struct fast_turn own = *task, *t = &own; /* which no store can change */
    struct strip strip;
    struct fast_pack p = {.width = t->count};
    for (size_t y = 0; y < t->width; y++) {
        if (y % COLUMNS == 0)
            turn_strip(t, &strip, y / 2);
        for (int k = 0; k < 3; k++) {
            p.linear[k][0] = strip.row[y % COLUMNS][k][0];
            p.linear[k][1] = strip.row[y % COLUMNS][k][1];
            p.half[k] = strip.half[y % 2][k];
        }
        p.dst = t->dst[0] + y * t->dst_stride_bytes[0];
        if (!is_streamed)
            prefetch_row(t, y + AHEAD);
        put(&p);
        if (t->dst[1] && (y % 2 == 1 || y + 1 == t->width))
            put_pair_chroma(t, &strip, y & ~(size_t)1, chroma);
    }
}

#define TURN(format, chroma, is_streamed)                                                          \
    static void turn_##format(const struct fast_turn *t)                                           \
    {                                                                                              \
        turn(t, put_##format, chroma, is_streamed);                                                \
    }
TURN(xrgb8888, no_chroma, 1)
TURN(rgb24, no_chroma, 0)
TURN(rgba64, no_chroma, 0)
TURN(yuyv, no_chroma, 0)
TURN(nv12, fast_chroma_nv12, 0)
TURN(p010, fast_chroma_p010, 0)

extern const struct fast_turn_kernels FAST_KERNELS(fast_turn_kernels);
const struct fast_turn_kernels FAST_KERNELS(fast_turn_kernels) = {
    .rows = ROWS, /* what a step makes */
    .turn =
        {
            [SISP_PIXEL_XRGB8888] = turn_xrgb8888,
            [SISP_PIXEL_RGB24] = turn_rgb24,
            [SISP_PIXEL_NV12] = turn_nv12,
            [SISP_PIXEL_RGBA64] = turn_rgba64,
            [SISP_PIXEL_YUYV] = turn_yuyv,
            [SISP_PIXEL_P010] = turn_p010,
        },
};
