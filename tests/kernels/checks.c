/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The checks: every kernel against tests/reference, with guards around what it may write. */
#include "rows.h"

#include "../reference/fast.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE_BYTES 4096

/* ---- unpack ---------------------------------------------------------------------------------- */

static const char *const raw_names[FAST_PACKINGS] = {
    [SISP_PACKING_8] = "SRGGB8",
    [SISP_PACKING_16] = "SRGGB14",
    [SISP_PACKING_10P] = "SRGGB10P",
    [SISP_PACKING_12P] = "SRGGB12P",
    [SISP_PACKING_14P] = "SRGGB14P",
    [SISP_PACKING_IPU3] = "IPU3_SRGGB10",
};

/* Memory whose last byte is the last that may be read. */
static uint8_t *fenced(size_t size_bytes)
{
    static uint8_t *end;
    if (!end) {
        const size_t size = 4 * CHECK_WIDTH_MAX;
        uint8_t *memory = mmap(
            NULL, size + PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        sisp_assert(memory != MAP_FAILED);
        sisp_assert(mprotect(memory + size, PAGE_BYTES, PROT_NONE) == 0);
        end = memory + size;
    }
    return end - size_bytes;
}

static uint8_t *fill_raw(struct check *c, const struct sisp_raw_format *format, size_t *size)
{
    *size = sisp_raw_row_bytes(format->packing, c->width);
    uint8_t *raw = fenced(*size + c->offset);
    for (size_t i = 0; i < *size; i++)
        raw[i] = (uint8_t)check_value(c, 255);
    return raw;
}

static bool check_unpack(struct check *c, enum sisp_packing packing)
{
    static struct row dst[2], above[2], below[2];
    const struct sisp_raw_format *format = sisp_raw_format_find(raw_names[packing]);
    struct fast_unpack task = {
        .below_weight = (uint16_t)base_prng_below(&c->prng, 32768),
        .clip = (uint16_t)(3000 + base_prng_below(&c->prng, 1096)),
        .word_max = (uint16_t)((1u << format->bits) - 1),
        .shift = 16u - format->bits,
        .pairs = pairs_of(c),
    };
    for (int p = 0; p < 2; p++) {
        row_clear(&dst[p]);
        row_fill(c, &above[p], 65535);
        for (int i = 0; i < CHECK_LANES; i++) /* at most 32767 apart */
            below[p].lanes[i] = (int16_t)((uint16_t)above[p].lanes[i] / 2 + 20000);
        task.dst[p] = row_start(c, &dst[p]);
        task.gain_above[p] = (const uint16_t *)row_start(c, &above[p]);
        task.gain_below[p] = (const uint16_t *)row_start(c, &below[p]);
        task.black[p] = (uint16_t)base_prng_below(&c->prng, 8000);
        task.boost[p] = (uint16_t)base_prng_below(&c->prng, 4);
        task.span[p] = (uint16_t)(65535u >> task.boost[p]);
        task.span[p] = (uint16_t)(task.span[p] - base_prng_below(&c->prng, task.span[p] / 2));
    }
    task.src = fill_raw(c, format, &task.src_bytes);
    c->kernels->unpack->row[packing](&task);
    for (uint32_t x = 0; x < c->width; x++) {
        const unsigned p = x % 2;
        const unsigned gain = ref_gain_between(
            task.gain_above[p][x / 2], task.gain_below[p][x / 2], task.below_weight);
        const struct ref_range range = {task.black[p], task.span[p], task.boost[p]};
        const int expected =
            ref_level(ref_sample(format, task.src, x) << task.shift, &range, gain, task.clip);
        if (!check_equal(c, "sample", x, (unsigned)task.dst[p][x / 2], (unsigned)expected))
            return false;
    }
    return row_guards_hold(c, &dst[0], task.pairs) && row_guards_hold(c, &dst[1], task.pairs);
}

static bool unpack_8(struct check *c)
{
    return check_unpack(c, SISP_PACKING_8);
}

static bool unpack_16(struct check *c)
{
    return check_unpack(c, SISP_PACKING_16);
}

static bool unpack_10p(struct check *c)
{
    return check_unpack(c, SISP_PACKING_10P);
}

static bool unpack_12p(struct check *c)
{
    return check_unpack(c, SISP_PACKING_12P);
}

static bool unpack_14p(struct check *c)
{
    return check_unpack(c, SISP_PACKING_14P);
}

static bool unpack_ipu3(struct check *c)
{
    return check_unpack(c, SISP_PACKING_IPU3);
}

/* ---- demosaic -------------------------------------------------------------------------------- */

static void demosaic_expected(
    const struct fast_demosaic *task, unsigned phase, bool is_bilinear, uint32_t x, int out[3])
{
    struct ref_window w = {.is_bilinear = is_bilinear};
    int rgb[3];
    w.cfa = x % 2 == phase ? SISP_CFA_RGGB : SISP_CFA_GRBG; /* the row's own colour as red */
    for (int j = 0; j < 5; j++) {
        for (int i = 0; i < 5; i++)
            w.v[j][i] = at(task->rows[j], (int64_t)x + i - 2);
    }
    ref_demosaic(&w, rgb);
    for (int k = 0; k < 3; k++) {
        const int code[3] = {task->ccm[k][0], task->ccm[k][1], task->ccm[k][2]};
        out[k] = ref_ccm_row(rgb, code);
    }
}

static bool check_demosaic(struct check *c, unsigned phase, bool is_bilinear)
{
    static struct row rows[5][2], dst[3][2];
    struct fast_demosaic task = {.pairs = pairs_of(c)};
    for (int k = 0; k < 10; k++) {
        row_fill(c, &rows[k / 2][k % 2], FAST_WHITE);
        task.rows[k / 2][k % 2] = row_start(c, &rows[k / 2][k % 2]);
    }
    for (int k = 0; k < 6; k++) {
        row_clear(&dst[k / 2][k % 2]);
        task.dst[k / 2][k % 2] = row_start(c, &dst[k / 2][k % 2]);
    }
    for (int k = 0; k < 9; k++)
        task.ccm[k / 3][k % 3] = (int16_t)base_prng_below(&c->prng, 65536);
    (is_bilinear ? c->kernels->demosaic->bilinear : c->kernels->demosaic->mhc)[phase](&task);
    for (uint32_t x = 0; x < c->width; x++) {
        int expected[3];
        demosaic_expected(&task, phase, is_bilinear, x, expected);
        for (int k = 0; k < 3; k++) {
            if (!check_equal(
                    c, "colour", x, (unsigned)task.dst[k][x % 2][x / 2], (unsigned)expected[k]))
                return false;
        }
    }
    bool ok = true;
    for (int k = 0; k < 6; k++)
        ok = ok && row_guards_hold(c, &dst[k / 2][k % 2], task.pairs);
    return ok;
}

static bool mhc_0(struct check *c)
{
    return check_demosaic(c, 0, false);
}

static bool mhc_1(struct check *c)
{
    return check_demosaic(c, 1, false);
}

static bool bilinear_0(struct check *c)
{
    return check_demosaic(c, 0, true);
}

static bool bilinear_1(struct check *c)
{
    return check_demosaic(c, 1, true);
}

static bool mono(struct check *c)
{
    static struct row rows[2], dst[3][2];
    const int one[3] = {0, FAST_CCM_ONE, 0};
    struct fast_demosaic task = {.pairs = pairs_of(c)};
    for (int phase = 0; phase < 2; phase++) {
        row_fill(c, &rows[phase], FAST_WHITE);
        task.rows[2][phase] = row_start(c, &rows[phase]);
    }
    for (int k = 0; k < 6; k++) {
        row_clear(&dst[k / 2][k % 2]);
        task.dst[k / 2][k % 2] = row_start(c, &dst[k / 2][k % 2]);
    }
    c->kernels->demosaic->mono(&task);
    for (uint32_t x = 0; x < c->width; x++) {
        const int rgb[3] = {0, 8 * at(task.rows[2], x), 0};
        for (int k = 0; k < 3; k++) {
            if (!check_equal(c, "grey", x, (unsigned)task.dst[k][x % 2][x / 2],
                    (unsigned)ref_ccm_row(rgb, one)))
                return false;
        }
    }
    bool ok = true;
    for (int k = 0; k < 6; k++)
        ok = ok && row_guards_hold(c, &dst[k / 2][k % 2], task.pairs);
    return ok;
}

/* ---- reverse
 * ---------------------------------------------------------------------------------------------
 */

static bool lanes_are(struct check *c, const struct row *got, const struct row *expected)
{
    for (size_t i = 0; i < CHECK_LANES; i++) {
        if (!check_equal(c, "lane", i, (uint16_t)got->lanes[i], (uint16_t)expected->lanes[i]))
            return false;
    }
    return true;
}

static void expect_reversed(
    const struct check *c, struct row *expected, struct row *was, size_t count)
{
    for (size_t i = 0; i < count; i++)
        row_start(c, expected)[i] = row_start(c, was)[count - 1 - i];
}

/* Two rows; then one of them in itself. */
static bool reverse(struct check *c)
{
    static struct row was[2], got[2], expected[2];
    const size_t count = pairs_of(c);
    for (int k = 0; k < 2; k++) {
        row_fill(c, &was[k], 65535);
        got[k] = expected[k] = was[k];
    }
    int16_t *first = row_start(c, &got[0]), *second = row_start(c, &got[1]);
    c->kernels->unpack->reverse(&(struct fast_reverse){first, second + count, count});
    expect_reversed(c, &expected[0], &was[1], count);
    expect_reversed(c, &expected[1], &was[0], count);
    if (!lanes_are(c, &got[0], &expected[0]) || !lanes_are(c, &got[1], &expected[1]))
        return false;
    c->kernels->unpack->reverse(&(struct fast_reverse){first, first + count, count / 2});
    expect_reversed(c, &was[0], &expected[0], count);
    expected[0] = was[0];
    return lanes_are(c, &got[0], &expected[0]);
}

/* ---- tone and pack --------------------------------------------------------------------------- */

/* YUYV's Cb and Cr; of an odd width, also what follows the last pixel. */
static void expect_chroma(const struct check *c, const struct fast_pack *task, uint8_t *row)
{
    for (size_t i = 0; i < pairs_of(c); i++) {
        int rgb[2][2][3];
        for (int k = 0; k < 12; k++)
            rgb[k / 6][k / 3 % 2][k % 3] = c->tone[task->linear[k % 3][k / 3 % 2][i]];
        ref_put_chroma(SISP_PIXEL_YUYV, row + 4 * i, rgb);
    }
    if (c->width % 2 == 1)
        row[2 * c->width] = row[2 * c->width - 2];
}

static bool check_pack(struct check *c, enum sisp_pixel_format format)
{
    const bool has_halves = sisp_pixel_plane_count(format) == 2;
    static struct row linear[3][2], half[3];
    /* Aligned, so that offset 0 takes the stores past the caches. */
    static _Alignas(64) uint8_t got[CHECK_WIDTH_MAX * 8 + 256], expected[sizeof(got)];
    struct fast_pack task = {
        .tone = &c->recipe[format != SISP_PIXEL_XRGB8888 && format != SISP_PIXEL_RGB24].tone,
        .dst = got + 64 + c->offset,
        .width = c->width};
    memset(got, GUARD, sizeof(got));
    memset(expected, GUARD, sizeof(expected));
    for (int k = 0; k < 6; k++) {
        row_fill(c, &linear[k / 2][k % 2], FAST_LINEAR);
        task.linear[k / 2][k % 2] = row_start(c, &linear[k / 2][k % 2]);
    }
    for (int k = 0; k < 3; k++) {
        row_clear(&half[k]);
        task.half[k] = row_start(c, &half[k]);
    }
    c->kernels->pack->row[format](&task);
    for (uint32_t x = 0; x < c->width; x++) {
        int rgb[3];
        for (int k = 0; k < 3; k++)
            rgb[k] = c->tone[task.linear[k][x % 2][x / 2]];
        ref_put(format, expected + 64 + c->offset, x, rgb);
    }
    if (format == SISP_PIXEL_YUYV)
        expect_chroma(c, &task, expected + 64 + c->offset);
    for (size_t i = 0; i < c->width / 2 && has_halves; i++) {
        for (int k = 0; k < 3; k++) {
            const int mean =
                (c->tone[task.linear[k][0][i]] + c->tone[task.linear[k][1][i]] + 1) / 2;
            if (!check_equal(c, "mean of pair", i, (unsigned)task.half[k][i], (unsigned)mean))
                return false;
        }
    }
    bool ok = bytes_are(c, got, expected, sizeof(got), "byte + 64");
    for (int k = 0; k < 3; k++)
        ok = ok && row_guards_hold(c, &half[k], has_halves ? pairs_of(c) : 0);
    return ok;
}

static bool pack_xrgb8888(struct check *c)
{
    return check_pack(c, SISP_PIXEL_XRGB8888);
}

static bool pack_rgb24(struct check *c)
{
    return check_pack(c, SISP_PIXEL_RGB24);
}

static bool pack_nv12(struct check *c)
{
    return check_pack(c, SISP_PIXEL_NV12);
}

static bool pack_rgba64(struct check *c)
{
    return check_pack(c, SISP_PIXEL_RGBA64);
}

static bool pack_yuyv(struct check *c)
{
    return check_pack(c, SISP_PIXEL_YUYV);
}

static bool pack_p010(struct check *c)
{
    return check_pack(c, SISP_PIXEL_P010);
}

static bool check_chroma(struct check *c, enum sisp_pixel_format format)
{
    static struct row half[2][3];
    const size_t pair_bytes = format == SISP_PIXEL_P010 ? 4 : 2;
    static uint8_t got[2 * CHECK_WIDTH_MAX + 256], expected[sizeof(got)];
    struct fast_chroma task = {.dst = got + 64 + c->offset, .pairs = pairs_of(c)};
    memset(got, GUARD, sizeof(got));
    memset(expected, GUARD, sizeof(expected));
    for (int k = 0; k < 6; k++) {
        row_fill(c, &half[k / 3][k % 3], 32767);
        for (int i = 0; i < CHECK_LANES; i++) {
            if (half[k / 3][k % 3].lanes[i] > FAST_TONE_MAX)
                half[k / 3][k % 3].lanes[i] = FAST_TONE_MAX;
        }
        task.half[k / 3][k % 3] = row_start(c, &half[k / 3][k % 3]);
    }
    c->kernels->pack->chroma[format](&task);
    for (size_t i = 0; i < task.pairs; i++) {
        int rgb[2][2][3];
        for (int k = 0; k < 12; k++)
            rgb[k / 6][k / 3 % 2][k % 3] = task.half[k / 6][k % 3][i];
        ref_put_chroma(format, expected + 64 + c->offset + pair_bytes * i, rgb);
    }
    return bytes_are(c, got, expected, sizeof(got), "byte + 64");
}

static bool chroma_nv12(struct check *c)
{
    return check_chroma(c, SISP_PIXEL_NV12);
}

static bool chroma_p010(struct check *c)
{
    return check_chroma(c, SISP_PIXEL_P010);
}

/* ---- sums ------------------------------------------------------------------------------------ */

/* What a row of cells adds: [z][0] to [z][3] sums, [z][4] cells. */
static void add_cells(const struct fast_stats *task, uint32_t wanted[SISP_STATS_ZONES][5])
{
    for (int z = 0; z < SISP_STATS_ZONES; z++) {
        for (size_t i = task->edge[z]; i < task->edge[z + 1]; i++) {
            bool is_good = true;
            for (int k = 0; k < 4; k++)
                is_good = is_good && task->rows[k / 2][k % 2][i] < task->clip;
            for (int k = 0; k < 4 && is_good; k++)
                wanted[z][k] += (uint32_t)task->rows[k / 2][k % 2][i];
            wanted[z][4] += is_good;
        }
    }
}

static bool zones_are(
    struct check *c, const struct fast_zone *zones, size_t zone_count, const uint32_t wanted[][5])
{
    for (size_t z = 0; z < zone_count; z++) {
        for (int k = 0; k < 5; k++) {
            const uint32_t *lanes = k < 4 ? zones[z].sum[k / 2][k % 2] : zones[z].count;
            uint32_t sum = 0;
            for (int i = 0; i < 16; i++)
                sum += lanes[i];
            if (!check_equal(c, "zone", z, sum, wanted[z][k]))
                return false;
        }
    }
    return true;
}

static bool stats(struct check *c)
{
    static struct row rows[2][2];
    static struct fast_zone zones[SISP_STATS_ZONES + 1]; /* the last one is a guard */
    uint32_t wanted[SISP_STATS_ZONES + 1][5] = {0}, edge[SISP_STATS_ZONES + 1];
    const size_t cells = pairs_of(c);
    struct fast_stats task = {.edge = edge, .zone = zones, .clip = 3500};
    for (uint32_t z = 0; z <= SISP_STATS_ZONES; z++)
        edge[z] = (uint32_t)(z * cells / SISP_STATS_ZONES);
    for (int z = 0; z <= SISP_STATS_ZONES; z++) {
        memset(&zones[z], 0, sizeof(zones[z]));
        for (int k = 0; k < 5; k++) {
            wanted[z][k] = (uint32_t)base_prng_below(&c->prng, 1 << 30); /* they are added to */
            *(k < 4 ? zones[z].sum[k / 2][k % 2] : zones[z].count) = wanted[z][k];
        }
    }
    for (int k = 0; k < 4; k++) {
        row_fill(c, &rows[k / 2][k % 2], FAST_WHITE);
        task.rows[k / 2][k % 2] = row_start(c, &rows[k / 2][k % 2]);
    }
    uint32_t total[2] = {7, 9}, wanted_total[2] = {7, 9}; /* likewise */
    for (int k = 0; k < 2; k++) {
        task.green[k] = task.rows[k][1 - k];
        task.total[k] = &total[k];
    }
    c->kernels->sum->stats(&task);
    for (size_t i = 0; i < cells; i++) {
        wanted_total[0] += (uint32_t)(task.green[0][i] + task.green[1][i]);
        wanted_total[1] += (uint32_t)abs(task.green[1][i] - task.green[0][i]);
        wanted_total[1] += (uint32_t)abs(task.green[1][i] - task.green[0][i + 1]);
    }
    for (size_t k = 0; k < 2; k++) {
        if (!check_equal(c, "total", k, total[k], wanted_total[k]))
            return false;
    }
    add_cells(&task, wanted);
    return zones_are(c, zones, SISP_STATS_ZONES + 1, wanted);
}

const struct check_kernel check_kernels[] = {
    {"unpack-8", unpack_8},
    {"unpack-16", unpack_16},
    {"unpack-10p", unpack_10p},
    {"unpack-12p", unpack_12p},
    {"unpack-14p", unpack_14p},
    {"unpack-ipu3", unpack_ipu3},
    {"reverse", reverse},
    {"defects", check_defects},
    {"balance-0", check_balance_0},
    {"balance-1", check_balance_1},
    {"mhc-0", mhc_0},
    {"mhc-1", mhc_1},
    {"bilinear-0", bilinear_0},
    {"bilinear-1", bilinear_1},
    {"mono", mono},
    {"pack-xrgb8888", pack_xrgb8888},
    {"pack-rgb24", pack_rgb24},
    {"pack-nv12", pack_nv12},
    {"pack-rgba64", pack_rgba64},
    {"pack-yuyv", pack_yuyv},
    {"pack-p010", pack_p010},
    {"chroma", chroma_nv12},
    {"chroma-p010", chroma_p010},
    {"display", check_display},
    {"display-yuv", check_display_yuv},
    {"display-both", check_display_both},
    {"color-split", check_color_split},
    {"color-shift", check_color_shift},
    {"color-nv12", check_color_nv12},
    {"color-p010", check_color_p010},
    {"finish-xrgb8888", check_finish_xrgb8888},
    {"finish-rgb24", check_finish_rgb24},
    {"finish-nv12", check_finish_nv12},
    {"finish-yuyv", check_finish_yuyv},
    {"finish-p010", check_finish_p010},
    {"finish-rgba64", check_finish_rgba64},
    {"finish-planes", check_finish_planes},
    {"planes", check_planes},
    {"turn-xrgb8888", check_turn_xrgb8888},
    {"turn-rgb24", check_turn_rgb24},
    {"turn-nv12", check_turn_nv12},
    {"turn-rgba64", check_turn_rgba64},
    {"turn-yuyv", check_turn_yuyv},
    {"turn-p010", check_turn_p010},
    {"stats", stats},
    {"area-sum", check_area_sum},
    {"area-mean", check_area_mean},
    {NULL, NULL},
};
