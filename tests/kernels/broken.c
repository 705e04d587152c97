/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broken.h"

extern const struct fast_kernels fast_kernels_generic;

static enum broken fault_now;

/* Lanes may be spoilt anywhere before the row: their guards are whole. */
static void spoil(int16_t *row, size_t pairs)
{
    if (fault_now == BROKEN_LAST)
        row[pairs - 1] ^= 1;
    else
        row[-1] ^= 1;
}

static void spoil_bytes(uint8_t *row, size_t size)
{
    if (fault_now == BROKEN_LAST)
        row[size - 1] ^= 1;
    else
        row[-1] ^= 1;
}

#define UNPACK(name, packing)                                                                      \
    static void name(const struct fast_unpack *t)                                                  \
    {                                                                                              \
        fast_kernels_generic.unpack->row[packing](t);                                              \
        spoil(t->dst[0], t->pairs);                                                                \
    }
UNPACK(unpack_8, SISP_PACKING_8)
UNPACK(unpack_16, SISP_PACKING_16)
UNPACK(unpack_10p, SISP_PACKING_10P)
UNPACK(unpack_12p, SISP_PACKING_12P)
UNPACK(unpack_14p, SISP_PACKING_14P)
UNPACK(unpack_ipu3, SISP_PACKING_IPU3)

static void reverse(const struct fast_reverse *t)
{
    fast_kernels_generic.unpack->reverse(t);
    spoil(t->first, t->count);
}

static void defects(const struct fast_defects *t)
{
    fast_kernels_generic.bayer->defects(t);
    spoil(t->dst[1], t->pairs);
}

static void balance_0(const struct fast_balance *t)
{
    fast_kernels_generic.bayer->balance[0](t);
    spoil(t->dst, t->pairs);
}

static void balance_1(const struct fast_balance *t)
{
    fast_kernels_generic.bayer->balance[1](t);
    spoil(t->dst, t->pairs);
}

#define DEMOSAIC(name, method, phase)                                                              \
    static void name(const struct fast_demosaic *t)                                                \
    {                                                                                              \
        fast_kernels_generic.demosaic->method[phase](t);                                           \
        spoil(t->dst[2][0], t->pairs);                                                             \
    }
DEMOSAIC(mhc_0, mhc, 0)
DEMOSAIC(mhc_1, mhc, 1)
DEMOSAIC(bilinear_0, bilinear, 0)
DEMOSAIC(bilinear_1, bilinear, 1)

static void mono(const struct fast_demosaic *t)
{
    fast_kernels_generic.demosaic->mono(t);
    spoil(t->dst[1][1], t->pairs);
}

#define PACK(name, format, pixel_bytes)                                                            \
    static void name(const struct fast_pack *t)                                                    \
    {                                                                                              \
        fast_kernels_generic.pack->row[format](t);                                                 \
        spoil_bytes(t->dst, t->width *(pixel_bytes));                                              \
    }
PACK(pack_xrgb8888, SISP_PIXEL_XRGB8888, 4)
PACK(pack_rgb24, SISP_PIXEL_RGB24, 3)
PACK(pack_nv12, SISP_PIXEL_NV12, 1)
PACK(pack_rgba64, SISP_PIXEL_RGBA64, 8)
PACK(pack_yuyv, SISP_PIXEL_YUYV, 2)
PACK(pack_p010, SISP_PIXEL_P010, 2)

static void chroma_nv12(const struct fast_chroma *t)
{
    fast_kernels_generic.pack->chroma[SISP_PIXEL_NV12](t);
    spoil_bytes(t->dst, 2 * t->pairs);
}

static void chroma_p010(const struct fast_chroma *t)
{
    fast_kernels_generic.pack->chroma[SISP_PIXEL_P010](t);
    spoil_bytes(t->dst, 4 * t->pairs);
}

static void stats(const struct fast_stats *t)
{
    fast_kernels_generic.sum->stats(t);
    if (fault_now == BROKEN_LAST)
        t->zone[SISP_STATS_ZONES - 1].count[0] ^= 1;
    else
        t->zone[SISP_STATS_ZONES].count[0] ^= 1;
}

static void area_sum(const struct fast_area_sum *t)
{
    fast_kernels_generic.area->sum(t);
    t->sum[fault_now == BROKEN_LAST ? t->count - 1 : t->count + 4 * 32] ^= 1;
}

static void area_mean(const struct fast_area_mean *t)
{
    fast_kernels_generic.area->mean(t);
    spoil(t->dst[0][0], (t->width + 1) / 2);
}

#define FINISH(name, format, pixel_bytes)                                                          \
    static void name(const struct fast_pack *t)                                                    \
    {                                                                                              \
        fast_kernels_generic.pack->finish[format](t);                                              \
        spoil_bytes(t->dst, t->width *(pixel_bytes));                                              \
    }
FINISH(finish_xrgb8888, SISP_PIXEL_XRGB8888, 4)
FINISH(finish_rgb24, SISP_PIXEL_RGB24, 3)
FINISH(finish_nv12, SISP_PIXEL_NV12, 1)
FINISH(finish_rgba64, SISP_PIXEL_RGBA64, 8)
FINISH(finish_yuyv, SISP_PIXEL_YUYV, 2)
FINISH(finish_p010, SISP_PIXEL_P010, 2)

static void display(const struct fast_pack *t)
{
    fast_kernels_generic.pack->display(t);
    spoil(t->display[0][0], (t->width + 1) / 2);
}

static void display_yuv(const struct fast_pack *t)
{
    fast_kernels_generic.pack->display_yuv(t);
    spoil(t->luma[0], (t->width + 1) / 2);
}

static void display_both(const struct fast_pack *t)
{
    fast_kernels_generic.pack->display_both(t);
    spoil(t->display[0][0], (t->width + 1) / 2);
}

static void planes(const struct fast_pack *t)
{
    fast_kernels_generic.pack->planes(t);
    spoil(t->display[2][0], (t->width + 1) / 2);
}

static void finish_planes(const struct fast_pack *t)
{
    fast_kernels_generic.pack->finish_planes(t);
    spoil(t->display[1][0], (t->width + 1) / 2);
}

#define TURN(name, format)                                                                         \
    static void name(const struct fast_turn *t)                                                    \
    {                                                                                              \
        const unsigned plane = sisp_pixel_plane_count(format) - 1;                                 \
        const size_t last = (sisp_pixel_plane_rows(format, plane, (uint32_t)t->width) - 1);        \
        const size_t bytes = sisp_pixel_row_bytes(format, plane, (uint32_t)t->count);              \
        fast_kernels_generic.turn->turn[format](t);                                                \
        spoil_bytes(t->dst[plane], last * t->dst_stride_bytes[plane] + bytes);                     \
    }
TURN(turn_xrgb8888, SISP_PIXEL_XRGB8888)
TURN(turn_rgb24, SISP_PIXEL_RGB24)
TURN(turn_nv12, SISP_PIXEL_NV12)
TURN(turn_rgba64, SISP_PIXEL_RGBA64)
TURN(turn_yuyv, SISP_PIXEL_YUYV)
TURN(turn_p010, SISP_PIXEL_P010)

static void split(const struct fast_color *t)
{
    fast_kernels_generic.color->split(t);
    spoil(t->uv[0], t->pairs);
}

static void shift(const struct fast_color_noise *t)
{
    fast_kernels_generic.color->shift(t);
    spoil(t->shift[1], t->pairs);
}

static void color_nv12(const struct fast_color_noise *t)
{
    fast_kernels_generic.color->chroma[SISP_PIXEL_NV12](t);
    spoil_bytes(t->dst, 2 * t->pairs);
}

static void color_p010(const struct fast_color_noise *t)
{
    fast_kernels_generic.color->chroma[SISP_PIXEL_P010](t);
    spoil_bytes(t->dst, 4 * t->pairs);
}

static const struct fast_unpack_kernels unpack = {
    .row = {unpack_8, unpack_16, unpack_10p, unpack_12p, unpack_14p, unpack_ipu3},
    .reverse = reverse};
static const struct fast_bayer_kernels bayer = {
    .defects = defects, .balance = {balance_0, balance_1}};
static const struct fast_demosaic_kernels demosaic = {
    .mhc = {mhc_0, mhc_1}, .bilinear = {bilinear_0, bilinear_1}, .mono = mono};
static const struct fast_pack_kernels pack = {
    .row = {pack_xrgb8888, pack_rgb24, pack_nv12, pack_rgba64, pack_yuyv, pack_p010},
    .chroma = {[SISP_PIXEL_NV12] = chroma_nv12, [SISP_PIXEL_P010] = chroma_p010},
    .planes = planes,
    .finish_planes = finish_planes,
    .display = display,
    .display_yuv = display_yuv,
    .display_both = display_both,
    .finish = {
        finish_xrgb8888, finish_rgb24, finish_nv12, finish_rgba64, finish_yuyv, finish_p010}};
static const struct fast_sum_kernels sum = {.stats = stats};
static const struct fast_area_kernels area = {.sum = area_sum, .mean = area_mean};
static const struct fast_color_kernels color = {.split = split,
    .shift = shift,
    .chroma = {[SISP_PIXEL_NV12] = color_nv12, [SISP_PIXEL_P010] = color_p010}};
static const struct fast_turn_kernels turn = {
    .rows = 16, .turn = {turn_xrgb8888, turn_rgb24, turn_nv12, turn_rgba64, turn_yuyv, turn_p010}};
static const struct fast_kernels broken = {
    &unpack, &bayer, &demosaic, &pack, &sum, &area, &color, &turn};

const struct fast_kernels *broken_kernels(enum broken fault)
{
    fault_now = fault;
    return &broken;
}
