/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Colour data of Adobe's kind: a DCP, or the profile that a DNG carries. Digital Negative
 * Specification 1.4, chapters 4 and 6. */
#include "base/base.h"
#include "base/dng_profile.h"
#include "tuning/check.h"
#include "tuning/sections.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    TAG_DNG_VERSION = 50706,
    TAG_UNIQUE_CAMERA_MODEL = 50708,
    TAG_BASELINE_EXPOSURE = 50730,
    TAG_PROFILE_TONE_CURVE = 50940,
    TAG_BASELINE_EXPOSURE_OFFSET = 51109,
};

/* Tags that change colours and are not used. */
static const struct {
    uint16_t tag;
    const char *name;
} unused[] = {
    {50938, "ProfileHueSatMapData1"},
    {50939, "ProfileHueSatMapData2"},
    {50982, "ProfileLookTableData"},
};

static bool open_either(const void *bytes, size_t size_bytes, struct tiff *tiff, size_t *ifd)
{
    return tiff_open(tiff, bytes, size_bytes, TIFF_PROFILE, ifd) ||
           tiff_open(tiff, bytes, size_bytes, TIFF_PICTURE, ifd);
}

bool profile_is_one(const void *bytes, size_t size_bytes)
{
    struct tiff tiff;
    size_t ifd;
    return open_either(bytes, size_bytes, &tiff, &ifd);
}

/* IEC 61966-2-1. The curve works on linear light, a tuning's gives the display's code. */
static double srgb_oetf(double x)
{
    return x <= 0.0031308 ? 12.92 * x : 1.055 * pow(x, 1 / 2.4) - 0.055;
}

/* The curve at x, linear between its points. */
static double curve_at(const struct tiff *tiff, const struct tiff_field *curve, double x)
{
    uint32_t last = curve->count / 2 - 1, i = 1;
    while (i < last && x > tiff_number(tiff, curve, 2 * i))
        i++;
    double x0 = tiff_number(tiff, curve, 2 * i - 2), y0 = tiff_number(tiff, curve, 2 * i - 1);
    double x1 = tiff_number(tiff, curve, 2 * i), y1 = tiff_number(tiff, curve, 2 * i + 1);
    return y0 + (y1 - y0) * fmin(fmax((x - x0) / (x1 - x0), 0), 1);
}

static bool is_curve(const struct tiff *tiff, const struct tiff_field *curve)
{
    if (curve->count < 4 || curve->count % 2 || curve->count > 2 * 8192)
        return false;
    for (uint32_t i = 0; i < curve->count; i++) {
        double value = tiff_number(tiff, curve, i);
        bool is_up = i < 2 || (i % 2 ? value >= tiff_number(tiff, curve, i - 2)
                                     : value > tiff_number(tiff, curve, i - 2));
        if (!(value >= 0 && value <= 1) || !is_up)
            return false;
    }
    return true;
}

/* Knots lie closer near black, where the display's code changes fastest. */
static void read_tone(struct sisp_tuning *t, const struct tiff *tiff, size_t ifd)
{
    struct tiff_field curve = tiff_find(tiff, ifd, TAG_PROFILE_TONE_CURVE);
    if (!is_curve(tiff, &curve))
        return;
    t->tone_count = SISP_TUNING_POINTS_MAX;
    for (uint32_t i = 0; i < t->tone_count; i++) {
        double place = (double)i / (t->tone_count - 1), x = place * place;
        t->tone_x[i] = (float)x;
        t->tone_y[i] = (float)fmin(srgb_oetf(curve_at(tiff, &curve, x)), 1);
    }
    t->parts |= 1u << SISP_TUNING_TONE;
}

static void note_maps(struct sisp_tuning *t, const struct tiff *tiff, size_t ifd)
{
    for (size_t i = 0; i < BASE_COUNT(unused); i++) {
        if (tiff_find(tiff, ifd, unused[i].tag).count > 0)
            note_unused(t, unused[i].name);
    }
}

int profile_read(struct reader *reader, const void *bytes, size_t size_bytes)
{
    struct sisp_tuning *t = reader->tuning;
    const char *name = reader->error.name;
    struct tiff tiff;
    size_t ifd;
    bool is_profile = tiff_open(&tiff, bytes, size_bytes, TIFF_PROFILE, &ifd);
    if (!is_profile && (!tiff_open(&tiff, bytes, size_bytes, TIFF_PICTURE, &ifd) ||
                           tiff_find(&tiff, ifd, TAG_DNG_VERSION).count == 0))
        return tuning_refuse(
            &reader->error, -EINVAL, "%s: this TIFF file is neither a DNG nor a DCP", name);
    if (!dng_profile_read(&tiff, ifd, &t->profile))
        return tuning_refuse(
            &reader->error, -EINVAL, "%s: there is no ColorMatrix1 that can be read", name);
    t->parts |= 1u << SISP_TUNING_PROFILE;
    /* A profile's exposure adds to the raw file's own, a DNG's is that of its camera. */
    double exposure_ev = tiff_value(&tiff, ifd, TAG_BASELINE_EXPOSURE_OFFSET, 0);
    t->has_exposure = !is_profile;
    if (!is_profile)
        exposure_ev += tiff_value(&tiff, ifd, TAG_BASELINE_EXPOSURE, 0);
    t->exposure_ev = (float)fmin(fmax(exposure_ev, -16), 16);
    tiff_text(&tiff, ifd, TAG_UNIQUE_CAMERA_MODEL, t->target, sizeof(t->target));
    read_tone(t, &tiff, ifd);
    note_maps(t, &tiff, ifd);
    if (!tuning_is_sound(t))
        return tuning_refuse(
            &reader->error, -EINVAL, "%s: its colour matrices are not those of a camera", name);
    return 0;
}
