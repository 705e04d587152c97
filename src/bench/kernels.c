/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Single kernels on rows that stay in cache. */
#include "bench/bench_cases.h"

#include "isp/fast/recipe.h"

/* Rows of one kernel call: all inputs and outputs lie in the job's scratch and recipe. */
struct rows {
    const struct fast_kernels *kernels;
    struct fast_unpack unpack;
    struct fast_defects defects;
    struct fast_balance balance;
    struct fast_demosaic demosaic;
    struct fast_pack pack;
    struct fast_chroma chroma;
    struct fast_stats stats;
    uint32_t stats_total[2];
    struct fast_area_sum area;
};

static void rows_init(struct rows *r, const struct bench_job *job)
{
    const struct isp_fast_recipe *recipe = job->recipe;
    const size_t pairs = (job->geometry.raw_width + 1) / 2;
    struct fast_run run;
    isp_fast_run_init(&run, recipe, job->memory->raws, job->memory->scratch, NULL);
    *r = (struct rows){.kernels = recipe->kernels};
    r->unpack = (struct fast_unpack){.src = job->memory->raws,
        .src_bytes = pairs * 4, /* as 16-bit words; others take less */
        .below_weight = 16384,
        .clip = recipe->clip,
        .span = {65535, 65535},
        .word_max = 1023,
        .shift = 6,
        .pairs = pairs};
    r->defects.pairs = r->balance.pairs = pairs;
    r->balance.clip = recipe->clip;
    r->demosaic.pairs = r->chroma.pairs = r->area.count = pairs;
    r->pack.tone = &recipe->tone;
    r->pack.dst = r->chroma.dst = job->memory->pictures;
    r->pack.width = job->geometry.raw_width;
    r->stats.clip = recipe->clip;
    r->stats.edge = recipe->zone_edge;
    r->stats.zone = run.zones;
    r->area.row = run.linear + FAST_PAD;
    r->area.sum = run.scale_sums;
    r->area.weight = 1;
    for (unsigned p = 0; p < 2; p++) {
        r->unpack.dst[p] = fast_ring_row(&run, 0, p);
        r->unpack.gain_above[p] = recipe->gains + fast_gain_offset(recipe, 0, 0, p);
        r->unpack.gain_below[p] = recipe->gains + fast_gain_offset(recipe, 1, 0, p);
        for (uint32_t k = 0; k < 5; k++)
            r->demosaic.rows[k][p] = r->defects.rows[k][p] = fast_ring_row(&run, k, p);
        for (uint32_t k = 0; k < 3; k++)
            r->balance.own[k] = fast_ring_row(&run, 2 * k, 0);
        r->balance.other[p] = fast_ring_row(&run, 1 + 2 * p, 1);
        r->defects.dst[p] = run.fixed + p * recipe->stride + FAST_PAD;
        r->balance.dst = run.green + FAST_PAD;
        for (unsigned k = 0; k < 3; k++) {
            int16_t *linear = run.linear + (k * 2 + p) * recipe->stride + FAST_PAD;
            r->demosaic.dst[k][p] = linear;
            r->pack.linear[k][p] = linear;
            r->pack.half[k] = run.half + k * recipe->stride;
            r->chroma.half[p][k] = run.half + k * recipe->stride;
        }
        r->stats.green[p] = fast_ring_row(&run, p, p);
        r->stats.total[p] = &r->stats_total[p];
        r->stats.rows[0][p] = r->stats.rows[1][p] = fast_ring_row(&run, 0, p);
    }
    __builtin_memcpy(r->demosaic.ccm, recipe->ccm[0], sizeof(r->demosaic.ccm));
}

#define UNPACK(name, packing)                                                                      \
    static void name(const struct rows *r)                                                         \
    {                                                                                              \
        r->kernels->unpack->row[packing](&r->unpack);                                              \
    }
UNPACK(unpack_8, SISP_PACKING_8)
UNPACK(unpack_16, SISP_PACKING_16)
UNPACK(unpack_10p, SISP_PACKING_10P)
UNPACK(unpack_12p, SISP_PACKING_12P)
UNPACK(unpack_14p, SISP_PACKING_14P)
UNPACK(unpack_ipu3, SISP_PACKING_IPU3)

#define PACK(name, format)                                                                         \
    static void name(const struct rows *r)                                                         \
    {                                                                                              \
        r->kernels->pack->row[format](&r->pack);                                                   \
    }
PACK(pack_xrgb8888, SISP_PIXEL_XRGB8888)
PACK(pack_rgb24, SISP_PIXEL_RGB24)
PACK(pack_nv12, SISP_PIXEL_NV12)
PACK(pack_rgba64, SISP_PIXEL_RGBA64)
PACK(pack_yuyv, SISP_PIXEL_YUYV)
PACK(pack_p010, SISP_PIXEL_P010)

static void defects(const struct rows *r)
{
    r->kernels->bayer->defects(&r->defects);
}

static void balance(const struct rows *r)
{
    r->kernels->bayer->balance[0](&r->balance);
}

static void mhc(const struct rows *r)
{
    r->kernels->demosaic->mhc[0](&r->demosaic);
}

static void bilinear(const struct rows *r)
{
    r->kernels->demosaic->bilinear[0](&r->demosaic);
}

/* Of two rows of pixels, as statistics are. */
static void chroma(const struct rows *r)
{
    r->kernels->pack->chroma[SISP_PIXEL_NV12](&r->chroma);
}

static void stats(const struct rows *r)
{
    r->kernels->sum->stats(&r->stats);
}

static void area_sum(const struct rows *r)
{
    for (int k = 0; k < 6; k++)
        r->kernels->area->sum(&r->area);
}

static const struct {
    const char *name;
    void (*run)(const struct rows *r);
    unsigned rows; /* of pixels that one call is for */
} kernels[] = {
    {"kernel-unpack-8", unpack_8, 1},
    {"kernel-unpack-16", unpack_16, 1},
    {"kernel-unpack-10p", unpack_10p, 1},
    {"kernel-unpack-12p", unpack_12p, 1},
    {"kernel-unpack-14p", unpack_14p, 1},
    {"kernel-unpack-ipu3", unpack_ipu3, 1},
    {"kernel-defects", defects, 1},
    {"kernel-green-balance", balance, 1},
    {"kernel-mhc-ccm", mhc, 1},
    {"kernel-bilinear-ccm", bilinear, 1},
    {"kernel-tone-xrgb8888", pack_xrgb8888, 1},
    {"kernel-tone-rgb24", pack_rgb24, 1},
    {"kernel-tone-nv12", pack_nv12, 1},
    {"kernel-tone-rgba64", pack_rgba64, 1},
    {"kernel-tone-yuyv", pack_yuyv, 1},
    {"kernel-tone-p010", pack_p010, 1},
    {"kernel-chroma", chroma, 2},
    {"kernel-stats", stats, 2},
    {"kernel-area-sum", area_sum, 1},
};

unsigned bench_kernel_count(void)
{
    return BASE_COUNT(kernels);
}

const char *bench_kernel_name(unsigned kernel)
{
    return kernels[kernel].name;
}

/* As many rows as a frame has, so that times are per pixel of a frame. */
void bench_kernel_run(const struct bench_job *job)
{
    const unsigned k = job->which.variant;
    struct rows rows;
    rows_init(&rows, job);
    for (uint32_t y = 0; y < job->geometry.raw_height; y += kernels[k].rows)
        kernels[k].run(&rows);
}
