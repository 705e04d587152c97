/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The still path (SlowISP's developing half): its recipe. band.c walks over the rows. */
#include <isp/still/still.h>
#include <isp/still/unpack.h>
#include <isp/fast/finish.h>

#include <base/base.h>

#include <errno.h>

/* ---- checks: written so that NaN fails them ---------------------------------------------------
 */

static bool is_between(const float *values, size_t count, float low, float high)
{
    for (size_t i = 0; i < count; i++) {
        if (!(values[i] >= low && values[i] <= high))
            return false;
    }
    return true;
}

static bool is_axis_valid(uint32_t knots, float origin, float step)
{
    const float values[] = {origin, step};
    return knots >= 1 && knots <= SISP_LSC_KNOTS_MAX && is_between(values, 2, -16, 16) &&
           (knots == 1 || step > 0);
}

static bool is_mesh_valid(const struct sisp_lsc_mesh *mesh)
{
    if (!mesh->cols)
        return true;
    if (!is_axis_valid(mesh->cols, mesh->origin_x, mesh->step_x) ||
        !is_axis_valid(mesh->rows, mesh->origin_y, mesh->step_y))
        return false;
    for (unsigned s = 0; s < SISP_SITE_COUNT; s++) {
        /* Below any real gain, above zero. */
        if (!is_between(mesh->gain[s], (size_t)mesh->cols * mesh->rows, 1e-6F, 1e6F))
            return false;
    }
    return true;
}

static bool are_coefficients_valid(const struct sisp_coefficients *c)
{
    if (!is_between(&c->white_level, 1, 0, 65535) ||
        !is_between(c->black_level, SISP_SITE_COUNT, 0, 65535))
        return false;
    for (unsigned s = 0; s < SISP_SITE_COUNT; s++) {
        if (!(c->black_level[s] < c->white_level))
            return false;
    }
    return is_between(c->wb_gains, 3, 1e-6F, 16) && is_between(&c->clip_level, 1, 1e-6F, 1) &&
           is_between(c->ccm, 9, -4, 4) && is_between(c->tone, SISP_TONE_KNOTS, 0, 1) &&
           c->demosaic <= SISP_DEMOSAIC_SMOOTH && is_between(&c->local_tone, 1, 0, 0.9F) &&
           is_between(&c->local_contrast, 1, 0, 1) && is_between(&c->still_sharpness, 1, 0, 2) &&
           is_between(&c->noise_shot, 1, 0, 1) && is_between(&c->noise_read, 1, 0, 1) &&
           is_mesh_valid(&c->lsc);
}

static bool is_geometry_ours(const struct isp_geometry *g)
{
    return isp_geometry_check(g) == 0 && g->width == g->crop.width && g->height == g->crop.height &&
           g->orientation == SISP_ORIENTATION_ROTATE_0 &&
           (g->format == SISP_PIXEL_RGB24 || g->format == SISP_PIXEL_XRGB8888 ||
               g->format == SISP_PIXEL_RGBA64);
}

#define WHITE_LEAST 1.05F /* where all colours clip at about the same level nothing comes back */
#define WHITE_MOST  4.0F
#define KNEE        0.8F /* of the clip level */

/* ---- recipe -------------------------------------------------------------------------------- */

size_t isp_still_recipe_size(const struct isp_geometry *geometry)
{
    return base_align(sizeof(struct isp_still_recipe), 64);
}

/* A sample's place is its centre: (x + 0.5) / width, as in DNG's GainMap. */
static void compile_axis(
    struct isp_still_recipe *recipe, unsigned axis, uint32_t size, float origin, float step)
{
    double scale = step > 0 ? 1 / (double)step : 0;
    recipe->lsc_scale[axis] = (float)(scale / size);
    recipe->lsc_offset[axis] = (float)((0.5 / size - (double)origin) * scale);
}

/* As far as the colour that clips last goes, and no further: there all is white. */
static void compile_recovery(struct isp_still_recipe *recipe, const struct sisp_coefficients *c)
{
    float white = c->clip_level;
    for (unsigned i = 0; i < 3; i++)
        white = c->wb_gains[i] > white ? c->wb_gains[i] : white;
    white = white < WHITE_MOST ? white : WHITE_MOST;
    recipe->style.is_recovered =
        c->highlight_recovery && !recipe->is_mono && c->clip_level == 1 && white >= WHITE_LEAST;
    if (!recipe->style.is_recovered)
        return;
    recipe->clip_level = white;
    recipe->style.knee = KNEE;
    recipe->style.clip = c->clip_level;
    for (unsigned s = 0; s < SISP_SITE_COUNT; s++)
        recipe->mark[s] = c->black_level[s] + STILL_CLIPPED * (c->white_level - c->black_level[s]);
}

/*
 * Photon noise is level under a square root, and sensors' samples have it. Where nobody says what
 * noise a file of 8 bits has, rounding is all that is known, which is as strong everywhere: such
 * samples may have been through a curve and stay as they are. The offset, whose root is exact,
 * leaves noise below black its sign.
 */
static void compile_root(
    struct isp_still_recipe *recipe, const struct sisp_coefficients *c, unsigned bits)
{
    const bool is_stated =
        c->noise_source != SISP_SOURCE_AUTO && (c->noise_shot > 0 || c->noise_read > 0);
    if (is_stated ? c->noise_shot > 0 : bits > 8) {
        const float offset = 1.0F / 1024;
        recipe->root = (struct still_root){.square = 1,
            .offset = offset,
            .least = 1.0F / 32,
            .most = __builtin_sqrtf(recipe->clip_level + offset)};
    } else {
        recipe->root = (struct still_root){.straight = 1, .most = recipe->clip_level};
    }
}

static void compile_tables(struct isp_still_recipe *recipe, const struct sisp_coefficients *c)
{
    for (unsigned s = 0; s < SISP_SITE_COUNT; s++) {
        recipe->black[s] = c->black_level[s];
        recipe->scale[s] = (float)((double)c->wb_gains[unpack_channel((enum sisp_site)s)] /
                                   ((double)c->white_level - (double)c->black_level[s]));
    }
    for (unsigned i = 0; i < 9; i++)
        recipe->ccm[i] = c->ccm[i];
    for (unsigned i = 0; i < SISP_TONE_KNOTS; i++) {
        recipe->tone[i].value = c->tone[i];
        recipe->tone[i].delta = i + 1 < SISP_TONE_KNOTS ? c->tone[i + 1] - c->tone[i] : 0;
    }
    recipe->sharpness = c->still_sharpness;
    if (recipe->sharpness > 0)
        isp_fast_coring(recipe->coring, c);
    recipe->style = look_style_of(c);
    compile_recovery(recipe, c);
    recipe->lsc = c->lsc;
    const struct sisp_rect *crop = &recipe->geometry.crop;
    compile_axis(recipe, 0, crop->width, c->lsc.origin_x, c->lsc.step_x);
    compile_axis(recipe, 1, crop->height, c->lsc.origin_y, c->lsc.step_y);
}

int isp_still_compile(struct isp_still_recipe *recipe, const struct isp_geometry *geometry,
    const struct sisp_coefficients *coefficients, enum isp_isa isa)
{
    if (!is_geometry_ours(geometry) || !are_coefficients_valid(coefficients) ||
        coefficients->highlight_recovery > 1)
        return -EINVAL;
    int level = (int)isa;
    while (level >= 0 && !still_levels[level])
        level--;
    if (level < 0)
        return -ENOTSUP;
    const struct sisp_raw_format *format = isp_geometry_format(geometry);
    struct sisp_coefficients mono;
    if (format->is_mono) {
        isp_mono_coefficients(&mono, coefficients);
        coefficients = &mono;
    }
    *recipe = (struct isp_still_recipe){
        .geometry = *geometry,
        .kernels = still_levels[level],
        .packing = format->packing,
        .is_mono = format->is_mono,
        .cfa = sisp_cfa_shift(format->cfa, geometry->crop.x, geometry->crop.y),
        .demosaic = (enum sisp_demosaic)coefficients->demosaic,
        .clip_level = coefficients->clip_level,
        .around = coefficients->still_sharpness > 0 ? 2 : 0,
        .slopes = {-1, 1.2F},
    };
    compile_tables(recipe, coefficients);
    compile_root(recipe, coefficients, format->bits);
    return 0;
}
