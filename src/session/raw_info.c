/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is known of a raw frame that comes with a result. */
#include <softisp/session.h>

#include <errno.h>
#include <isp/isp.h>

/* The merged mosaic has a scale and a noise of its own. */
static void describe_merged(struct sisp_raw_info *info, const struct sisp_result *result)
{
    const struct sisp_fusion *fusion = result->fusion;
    info->fourcc = result->raw.fourcc;
    info->width = result->raw.width;
    info->height = result->raw.height;
    info->stride_bytes = result->raw.stride_bytes;
    info->crop = (struct sisp_rect){0, 0, info->width, info->height};
    info->dark = (struct sisp_rect){0};
    info->has_optical_black = 0;
    for (unsigned i = 0; i < SISP_SITE_COUNT; i++)
        info->black_level[i] = ISP_MERGED_BLACK;
    info->white_level = 65535;
    info->black_source = SISP_SOURCE_FILE;
    info->noise_shot = fusion->noise_shot * fusion->noise_left;
    info->noise_read = fusion->noise_read * fusion->noise_left;
}

static void describe_single(struct sisp_raw_info *info, const struct sisp_coefficients *c)
{
    for (unsigned i = 0; i < SISP_SITE_COUNT; i++)
        info->black_level[i] = c->black_level[i];
    info->white_level = c->white_level;
    info->noise_shot = c->noise_shot;
    info->noise_read = c->noise_read;
}

static void describe_light(
    struct sisp_raw_info *info, const struct sisp_tuning *tuning, const struct sisp_coefficients *c)
{
    struct sisp_color_profile profile;
    isp_profile_make(info, tuning, c->wb_gains, &profile);
    info->profile = profile;
    if (!info->has_as_shot) {
        info->has_as_shot = 1;
        for (unsigned i = 0; i < 3; i++)
            info->as_shot_gains[i] = c->wb_gains[i] / c->wb_gains[1];
    }
    if (c->lsc_source == SISP_SOURCE_AUTO)
        info->lsc = c->lsc;
    if (!tuning)
        return;
    if (tuning->parts >> SISP_TUNING_SHADING & 1)
        info->lsc = c->lsc;
    info->baseline_exposure_ev =
        tuning->exposure_ev + (tuning->has_exposure ? 0 : info->baseline_exposure_ev);
}

int sisp_result_raw_info(const struct sisp_result *result, const struct sisp_raw_info *frame,
    const struct sisp_tuning *tuning, struct sisp_raw_info *info)
{
    if (!result->raw.samples || !result->coefficients)
        return -ENOENT;
    *info = *frame;
    if (result->fusion)
        describe_merged(info, result);
    else
        describe_single(info, result->coefficients);
    describe_light(info, tuning, result->coefficients);
    return 0;
}
