/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <isp/denoise/denoise.h>

#include <base/base.h>

#include <errno.h>
#include <stdbool.h>

#define VARIANCE_LEAST 1e-6F /* weights are one over it */

#define ENTRY(level)   &denoise_kernels_##level
#define DECLARE(level) extern const struct denoise_kernels denoise_kernels_##level

#if defined(__x86_64__)
DECLARE(base);
DECLARE(v2);
DECLARE(v3);
DECLARE(v4);
static const struct denoise_kernels *const tables[ISP_ISA_COUNT] = {
    [ISP_ISA_BASE] = ENTRY(base),
    [ISP_ISA_V2] = ENTRY(v2),
    [ISP_ISA_V3] = ENTRY(v3),
    [ISP_ISA_V4] = ENTRY(v4),
};
#elif defined(__aarch64__)
DECLARE(neon);
static const struct denoise_kernels *const tables[ISP_ISA_COUNT] = {[ISP_ISA_NEON] = ENTRY(neon)};
#else
DECLARE(base);
static const struct denoise_kernels *const tables[ISP_ISA_COUNT] = {[ISP_ISA_BASE] = ENTRY(base)};
#endif

size_t isp_denoise_recipe_size(void)
{
    return base_align(sizeof(struct isp_denoise_recipe), 64);
}

size_t isp_denoise_scratch_size(void)
{
    return base_align(sizeof(struct denoise_scratch), 64);
}

static bool is_valid(const struct sisp_coefficients *c, const struct isp_denoise_noise *noise)
{
    return noise->shot >= 0 && noise->shot <= 1 && noise->read > 0 && noise->read <= 1 &&
           noise->lowest <= 0 && noise->lowest >= -1 && c->denoise > 0 && c->denoise <= 2;
}

int isp_denoise_compile(struct isp_denoise_recipe *recipe, const struct isp_geometry *geometry,
    const struct sisp_coefficients *coefficients, const struct isp_denoise_noise *noise,
    enum isp_isa isa)
{
    const struct sisp_raw_format *format = isp_geometry_format(geometry);
    const enum sisp_cfa corner = sisp_cfa_shift(format->cfa, geometry->crop.x, geometry->crop.y);
    if (!is_valid(coefficients, noise))
        return -EINVAL;
    recipe->kernels = tables[isa];
    recipe->geometry = *geometry;
    recipe->packing = format->packing;
    const float variance = coefficients->denoise * coefficients->denoise;
    recipe->variance = variance > VARIANCE_LEAST ? variance : VARIANCE_LEAST;
    for (unsigned k = 0; k < 4; k++) {
        const enum sisp_site site =
            format->is_mono ? SISP_SITE_GR : unpack_site(corner, k & 1, k >> 1);
        const float black = coefficients->black_level[site];
        if (!(coefficients->white_level > black))
            return -EINVAL;
        recipe->black[k >> 1][k & 1] = black;
        recipe->scale[k >> 1][k & 1] = 1 / (coefficients->white_level - black);
    }
    const bool has_green_first = corner == SISP_CFA_GRBG || corner == SISP_CFA_GBRG;
    recipe->is_grey[1] = format->is_mono || has_green_first;
    recipe->is_grey[2] = format->is_mono || !has_green_first;
    recipe->is_grey[3] = format->is_mono;
    isp_denoise_levels(recipe, noise);
    return 0;
}

static uint32_t tiles_across(uint32_t samples)
{
    return (samples + ISP_DENOISE_TILE - 1) / ISP_DENOISE_TILE;
}

uint32_t isp_denoise_tiles(const struct isp_geometry *geometry)
{
    return tiles_across(geometry->crop.width) * tiles_across(geometry->crop.height);
}

void isp_denoise_tile(const struct isp_denoise_recipe *recipe, const struct isp_denoise *job,
    uint32_t tile, void *scratch)
{
    const uint32_t across = tiles_across(recipe->geometry.crop.width);
    sisp_assert(tile < isp_denoise_tiles(&recipe->geometry));
    recipe->kernels->tile(&(struct denoise_tile){
        recipe, job, tile % across * TILE_CELLS, tile / across * TILE_CELLS, scratch});
}
