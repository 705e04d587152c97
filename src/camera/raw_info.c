/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "camera/raw_internal.h"

#include "base/base.h"

#include <string.h>

static bool in_range(const float *values, size_t count, float min, float max)
{
    for (size_t i = 0; i < count; i++) {
        if (!(values[i] >= min && values[i] <= max))
            return false;
    }
    return true;
}

static bool geometry_ok(const struct sisp_raw_info *info)
{
    const struct sisp_raw_format *format = sisp_raw_info_format(info);
    const struct sisp_rect *crop = &info->crop;
    if (!format || format->packing != SISP_PACKING_16)
        return false;
    if (info->width < 2 || info->height < 2 || info->width > 65535 || info->height > 65535)
        return false;
    if ((uint64_t)info->width * info->height > RAW_PIXELS_MAX)
        return false;
    if (info->stride_bytes != (size_t)info->width * 2)
        return false;
    if (crop->x >= info->width || crop->y >= info->height || crop->width < 2 || crop->height < 2)
        return false;
    return crop->width <= info->width - crop->x && crop->height <= info->height - crop->y;
}

static bool levels_ok(const struct sisp_raw_info *info)
{
    float max = (float)((1u << sisp_raw_info_format(info)->bits) - 1);
    if (!in_range(&info->white_level, 1, 1, max))
        return false;
    for (unsigned i = 0; i < SISP_SITE_COUNT; i++) {
        if (!(info->black_level[i] >= 0 && info->black_level[i] < info->white_level))
            return false;
    }
    bool has_optical = info->has_optical_black == 1;
    if (info->dark.width || info->has_optical_black > 1 || info->black_source > SISP_SOURCE_FILE ||
        (has_optical && !in_range(info->optical_black, SISP_SITE_COUNT, 0, max)))
        return false;
    return in_range(&info->noise_shot, 1, 0, 1) && in_range(&info->noise_read, 1, 0, 1);
}

static bool color_ok(const struct sisp_raw_info *info)
{
    const struct sisp_color_profile *profile = &info->profile;
    if (profile->count > 2 || profile->has_forward > 1 || info->has_as_shot > 1)
        return false;
    if (info->has_as_shot && !in_range(info->as_shot_gains, 3, 1e-3f, 1e3f))
        return false;
    return in_range(profile->cct_kelvin, 2, 0, 30000) &&
           in_range(profile->color_matrix[0], 18, -1000, 1000) &&
           in_range(profile->forward_matrix[0], 18, -1000, 1000);
}

static bool lsc_ok(const struct sisp_lsc_mesh *lsc)
{
    if (lsc->cols == 0 && lsc->rows == 0)
        return true;
    if (lsc->cols < 1 || lsc->cols > SISP_LSC_KNOTS_MAX || lsc->rows < 1 ||
        lsc->rows > SISP_LSC_KNOTS_MAX)
        return false;
    if (!in_range(&lsc->origin_x, 1, -1000, 1000) || !in_range(&lsc->origin_y, 1, -1000, 1000))
        return false;
    if (!in_range(&lsc->step_x, 1, 1e-5f, 1000) || !in_range(&lsc->step_y, 1, 1e-5f, 1000))
        return false;
    for (unsigned site = 0; site < SISP_SITE_COUNT; site++) {
        if (!in_range(lsc->gain[site], (size_t)lsc->cols * lsc->rows, 1e-3f, 1e3f))
            return false;
    }
    return true;
}

static bool text_ok(const char *text, size_t size)
{
    size_t length = strnlen(text, size);
    if (length == size)
        return false;
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return false;
    }
    return true;
}

static bool exif_ok(const struct sisp_exif *exif)
{
    const double values[] = {exif->exposure_us, exif->iso, exif->f_number, exif->focal_length_mm};
    for (size_t i = 0; i < BASE_COUNT(values); i++) {
        if (!(values[i] >= 0 && values[i] <= 1e12))
            return false;
    }
    return text_ok(exif->make, sizeof(exif->make)) && text_ok(exif->model, sizeof(exif->model)) &&
           text_ok(exif->lens, sizeof(exif->lens)) &&
           text_ok(exif->software, sizeof(exif->software)) &&
           text_ok(exif->date_time, sizeof(exif->date_time));
}

bool raw_info_check(const struct sisp_raw_info *info, const char **why)
{
    *why = NULL;
    if (!geometry_ok(info))
        *why = "sizes";
    else if (!levels_ok(info))
        *why = "black, white or noise levels";
    else if (!color_ok(info) || !in_range(&info->baseline_exposure_ev, 1, -32, 32))
        *why = "colour data";
    else if (!lsc_ok(&info->lsc))
        *why = "gain map";
    else if (!exif_ok(&info->exif) || info->orientation < 1 || info->orientation > 8)
        *why = "EXIF data";
    else if (info->exposure_us != 0 || info->analogue_gain != 0)
        *why = "exposure of a live camera";
    return *why == NULL;
}
