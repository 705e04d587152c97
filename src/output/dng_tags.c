/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Digital Negative Specification 1.4, chapters 4 to 6, and EXIF 2.32. */
#include "output/dng_file.h"

#include "base/base.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    TAG_FORWARD_MATRIX = 50964, /* 1, then 2 */
    TAG_OPCODE_LIST_2 = 51009,
    TAG_NOISE_PROFILE = 51041,
};

/* libtiff 4.5 knows those of DNG 1.1. Its struct wants names that are not const. */
static char names[][16] = {"ForwardMatrix1", "ForwardMatrix2", "OpcodeList2", "NoiseProfile"};
static const TIFFFieldInfo later[] = {
    {TAG_FORWARD_MATRIX, TIFF_VARIABLE, TIFF_VARIABLE, TIFF_SRATIONAL, FIELD_CUSTOM, 1, 1,
        names[0]},
    {TAG_FORWARD_MATRIX + 1, TIFF_VARIABLE, TIFF_VARIABLE, TIFF_SRATIONAL, FIELD_CUSTOM, 1, 1,
        names[1]},
    {TAG_OPCODE_LIST_2, TIFF_VARIABLE2, TIFF_VARIABLE2, TIFF_UNDEFINED, FIELD_CUSTOM, 1, 1,
        names[2]},
    {TAG_NOISE_PROFILE, TIFF_VARIABLE, TIFF_VARIABLE, TIFF_DOUBLE, FIELD_CUSTOM, 1, 1, names[3]},
};

void out_dng_extend(struct out_tiff *file)
{
    out_tiff_check(file, TIFFMergeFieldInfo(file->tiff, later, BASE_COUNT(later)) == 0);
}

enum sisp_cfa out_dng_cfa(const struct sisp_raw_info *info)
{
    return sisp_cfa_shift(sisp_raw_info_format(info)->cfa, info->crop.x, info->crop.y);
}

/* ---- camera ---------------------------------------------------------------------------------- */

/* Such as "Canon EOS 550D": models often begin with their make. */
static void unique_model(const struct sisp_exif *exif, char *text, size_t size)
{
    const size_t make = strnlen(exif->make, sizeof(exif->make));
    const int model = (int)strnlen(exif->model, sizeof(exif->model));
    if (make == 0 || strncmp(exif->model, exif->make, make) == 0)
        snprintf(text, size, "%.*s", model, exif->model);
    else
        snprintf(
            text, size, "%.*s%s%.*s", (int)make, exif->make, model ? " " : "", model, exif->model);
    if (!text[0])
        snprintf(text, size, "unknown");
}

void out_dng_camera(struct out_tiff *file, const struct sisp_raw_info *info)
{
    static const uint8_t version[4] = {1, 4, 0, 0}, oldest[4] = {1, 3, 0, 0};
    const struct sisp_exif *exif = &info->exif;
    char model[160];
    unique_model(exif, model, sizeof(model));
    TIFFSetField(file->tiff, TIFFTAG_DNGVERSION, version);
    TIFFSetField(file->tiff, TIFFTAG_DNGBACKWARDVERSION, oldest);
    TIFFSetField(file->tiff, TIFFTAG_UNIQUECAMERAMODEL, model);
    TIFFSetField(file->tiff, TIFFTAG_SOFTWARE, "SoftISP " SISP_VERSION);
    TIFFSetField(file->tiff, TIFFTAG_ORIENTATION, info->orientation ? info->orientation : 1);
    out_tiff_text(file, TIFFTAG_MAKE, exif->make, sizeof(exif->make));
    out_tiff_text(file, TIFFTAG_MODEL, exif->model, sizeof(exif->model));
    if (strnlen(exif->date_time, sizeof(exif->date_time)) == 19)
        out_tiff_text(file, TIFFTAG_DATETIME, exif->date_time, sizeof(exif->date_time));
}

static void set_positive(struct out_tiff *file, ttag_t tag, double value)
{
    if (value > 0 && value < 1e6)
        TIFFSetField(file->tiff, tag, value);
}

uint64_t out_dng_exif(struct out_tiff *file, const struct sisp_exif *exif)
{
    uint64_t offset = 0;
    TIFF *tiff = file->tiff;
    if (TIFFCreateEXIFDirectory(tiff) != 0) {
        out_tiff_check(file, false);
        return 0;
    }
    TIFFSetField(tiff, EXIFTAG_EXIFVERSION, "0232");
    set_positive(file, EXIFTAG_EXPOSURETIME, exif->exposure_us / 1e6);
    set_positive(file, EXIFTAG_FNUMBER, exif->f_number);
    set_positive(file, EXIFTAG_FOCALLENGTH, exif->focal_length_mm);
    if (exif->iso >= 1) {
        const uint16_t iso = exif->iso < 65535 ? (uint16_t)(exif->iso + 0.5) : 65535;
        TIFFSetField(tiff, EXIFTAG_ISOSPEEDRATINGS, 1, &iso);
    }
    if (strnlen(exif->date_time, sizeof(exif->date_time)) == 19)
        out_tiff_text(file, EXIFTAG_DATETIMEORIGINAL, exif->date_time, sizeof(exif->date_time));
    out_tiff_text(file, EXIFTAG_LENSMODEL, exif->lens, sizeof(exif->lens));
    out_tiff_check(file, TIFFWriteCustomDirectory(tiff, &offset) == 1);
    TIFFFreeDirectory(tiff);
    out_tiff_check(file, TIFFCreateDirectory(tiff) == 0);
    return offset;
}

/* ---- colour ---------------------------------------------------------------------------------- */

/* EXIF's LightSource of about that colour temperature: the nearest, in what the eye sees of it. */
static uint16_t light_source(float kelvin)
{
    static const struct {
        uint16_t code;
        float kelvin;
    } lights[] = {{17, 2856}, {24, 3200}, {15, 3525}, {14, 4150}, {18, 4874}, {23, 5003},
        {20, 5503}, {21, 6504}, {19, 6774}, {22, 7504}};
    uint16_t best = 0;
    float least = 1;
    for (unsigned i = 0; kelvin > 0 && i < BASE_COUNT(lights); i++) {
        const float off = fabsf(1 / kelvin - 1 / lights[i].kelvin);
        if (off < least) {
            least = off;
            best = lights[i].code;
        }
    }
    return best;
}

static bool is_finite(const float *values, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (!(fabsf(values[i]) < 1e4F))
            return false;
    }
    return true;
}

static void set_profile(struct out_tiff *file, const struct sisp_color_profile *profile)
{
    for (uint16_t i = 0; i < profile->count && i < 2; i++) {
        if (!is_finite(profile->color_matrix[i], 9))
            continue;
        TIFFSetField(file->tiff, (ttag_t)(TIFFTAG_COLORMATRIX1 + i), 9, profile->color_matrix[i]);
        TIFFSetField(file->tiff, (ttag_t)(TIFFTAG_CALIBRATIONILLUMINANT1 + i),
            light_source(profile->cct_kelvin[i]));
        if (profile->has_forward && is_finite(profile->forward_matrix[i], 9))
            TIFFSetField(
                file->tiff, (ttag_t)(TAG_FORWARD_MATRIX + i), 9, profile->forward_matrix[i]);
    }
}

void out_dng_color(struct out_tiff *file, const struct sisp_raw_info *info)
{
    const float *gains = info->as_shot_gains;
    set_profile(file, &info->profile);
    TIFFSetField(file->tiff, TIFFTAG_BASELINEEXPOSURE, (double)info->baseline_exposure_ev);
    if (info->has_as_shot && gains[0] > 0 && gains[1] > 0 && gains[2] > 0) {
        const float neutral[3] = {gains[1] / gains[0], 1, gains[1] / gains[2]};
        TIFFSetField(file->tiff, TIFFTAG_ASSHOTNEUTRAL, 3, neutral);
    }
}

/* ---- samples --------------------------------------------------------------------------------- */

void out_dng_levels(struct out_tiff *file, const struct sisp_raw_info *info)
{
    static const uint16_t two[2] = {2, 2};
    const enum sisp_cfa cfa = out_dng_cfa(info);
    const uint32_t white = (uint32_t)(info->white_level + 0.5F);
    float black[4];
    /* Orders and sites are numbered so that the sites of a cell are the order's number ^ 0 to 3. */
    for (unsigned i = 0; i < 4; i++)
        black[i] = info->black_level[cfa ^ i];
    TIFFSetField(file->tiff, TIFFTAG_BLACKLEVELREPEATDIM, two);
    TIFFSetField(file->tiff, TIFFTAG_BLACKLEVEL, 4, black);
    TIFFSetField(file->tiff, TIFFTAG_WHITELEVEL, 1, &white);
    if (info->noise_shot > 0 || info->noise_read > 0) {
        const double noise[2] = {(double)info->noise_shot, (double)info->noise_read};
        TIFFSetField(file->tiff, TAG_NOISE_PROFILE, 2, noise);
    }
}
