/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "session/payload.h"

#include <math.h>

static bool are_finite(const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

static bool is_mesh_sound(const struct sisp_lsc_mesh *mesh)
{
    if (mesh->cols > SISP_LSC_KNOTS_MAX || mesh->rows > SISP_LSC_KNOTS_MAX)
        return false;
    for (unsigned s = 0; s < SISP_SITE_COUNT; s++)
        if (!are_finite(mesh->gain[s], (size_t)mesh->cols * mesh->rows))
            return false;
    return isfinite(mesh->origin_x) && isfinite(mesh->origin_y) && isfinite(mesh->step_x) &&
           isfinite(mesh->step_y);
}

bool payload_coefficients_are_sound(const struct sisp_coefficients *c)
{
    const uint32_t sources[] = {c->wb_source, c->ccm_source, c->lsc_source, c->exposure_source,
        c->black_source, c->noise_source, c->flicker_source};
    const float singles[] = {c->white_level, c->clip_level, c->noise_shot, c->noise_read,
        c->defect_correction, c->green_balance, c->sharpness, c->denoise_luma, c->denoise_chroma,
        c->denoise, c->local_tone, c->local_contrast, c->still_sharpness, c->exposure_ev,
        c->color_temperature_kelvin, c->wb_confidence, c->black_confidence, c->noise_confidence,
        c->flicker_period_us};
    for (size_t i = 0; i < BASE_COUNT(sources); i++)
        if (sources[i] > SISP_SOURCE_FALLBACK)
            return false;
    return c->demosaic <= SISP_DEMOSAIC_SMOOTH && c->defect_count <= SISP_DEFECTS_MAX &&
           c->flicker <= SISP_FLICKER_UNAVOIDABLE && are_finite(singles, BASE_COUNT(singles)) &&
           are_finite(c->black_level, SISP_SITE_COUNT) && are_finite(c->wb_gains, 3) &&
           are_finite(c->ccm, 9) && are_finite(c->tone, SISP_TONE_KNOTS) && is_mesh_sound(&c->lsc);
}

#define CLUE_FLOATS (ISP_BURST_MAX * (sizeof(struct isp_burst_clue) / sizeof(float)))

bool payload_is_sound(const struct payload *payload)
{
    const struct isp_burst_transform *burst = &payload->transform;
    const struct sisp_camera_controls *request = &payload->request, *applied = &payload->applied;
    return payload->path < ENG_LANE_COUNT &&
           (unsigned)payload->geometry.format < SISP_PIXEL_FORMAT_COUNT &&
           (unsigned)payload->geometry.orientation < SISP_ORIENTATION_COUNT &&
           payload_coefficients_are_sound(&payload->coefficients) &&
           are_finite(burst->residual, ISP_BURST_MAX) && are_finite(burst->gain, ISP_BURST_MAX) &&
           are_finite(burst->noise, ISP_BURST_MAX) && isfinite(burst->noise_shot) &&
           isfinite(burst->noise_read) && isfinite(burst->noise_error) &&
           isfinite(burst->black_offset) && isfinite(burst->black_error) &&
           isfinite(burst->falloff) && isfinite(burst->falloff_error) &&
           are_finite((const float *)(const void *)burst->clues, CLUE_FLOATS) &&
           isfinite(burst->noise_confidence) && isfinite(request->exposure_us) &&
           isfinite(request->analogue_gain) && isfinite(applied->exposure_us) &&
           isfinite(applied->analogue_gain);
}
