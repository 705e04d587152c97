/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Digital Negative Specification 1.4, chapter 6: mapping camera colour space. */
#include "base/dng_profile.h"

#include "base/base.h"

#include <math.h>
#include <string.h>

enum {
    TAG_COLOR_MATRIX = 50721, /* 1, then 2 */
    TAG_CAMERA_CALIBRATION = 50723,
    TAG_ANALOG_BALANCE = 50727,
    TAG_CALIBRATION_ILLUMINANT = 50778,
    TAG_CALIBRATION_SIGNATURE = 50931,
    TAG_PROFILE_SIGNATURE = 50932,
    TAG_FORWARD_MATRIX = 50964,
};

/* One IFD with its tags. */
struct place {
    const struct tiff *tiff;
    size_t ifd;
};

/* EXIF 2.3 LightSource. The CIE illuminants by their correlated colour temperature; lamps and
 * weather by the middle of the range that EXIF gives, as the DNG SDK takes them. */
static const struct {
    uint8_t code;
    uint16_t kelvin;
} illuminants[] = {{1, 5500}, {2, 4150}, {3, 2850}, {4, 5500}, {9, 5500}, {10, 6500}, {11, 7500},
    {12, 6400}, {13, 5050}, {14, 4150}, {15, 3525}, {16, 2925}, {17, 2856}, {18, 4874}, {19, 6774},
    {20, 5503}, {21, 6504}, {22, 7504}, {23, 5003}, {24, 3200}};

static float illuminant_kelvin(double code)
{
    for (size_t i = 0; i < BASE_COUNT(illuminants); i++) {
        if (code == illuminants[i].code)
            return illuminants[i].kelvin;
    }
    return 0;
}

static bool read_matrix(const struct place *at, uint16_t tag, float matrix[9])
{
    struct tiff_field field = tiff_find(at->tiff, at->ifd, tag);
    if (field.count != 9 || !tiff_floats(at->tiff, &field, matrix, 9))
        return false;
    bool has_content = false;
    for (unsigned i = 0; i < 9; i++) {
        if (fabsf(matrix[i]) > 100)
            return false;
        has_content |= matrix[i] != 0;
    }
    return has_content;
}

static bool signatures_match(const struct place *at)
{
    char camera[64], profile[64];
    tiff_text(at->tiff, at->ifd, TAG_CALIBRATION_SIGNATURE, camera, sizeof(camera));
    tiff_text(at->tiff, at->ifd, TAG_PROFILE_SIGNATURE, profile, sizeof(profile));
    return strcmp(camera, profile) == 0;
}

/* XYZ to this very camera = AnalogBalance x CameraCalibration x ColorMatrix. */
static void apply_calibration(const struct place *at, unsigned index, float matrix[9])
{
    float calibration[9], product[9];
    if (signatures_match(at) &&
        read_matrix(at, (uint16_t)(TAG_CAMERA_CALIBRATION + index), calibration)) {
        for (unsigned i = 0; i < 9; i++)
            product[i] = calibration[i / 3 * 3] * matrix[i % 3] +
                         calibration[i / 3 * 3 + 1] * matrix[3 + i % 3] +
                         calibration[i / 3 * 3 + 2] * matrix[6 + i % 3];
        memcpy(matrix, product, sizeof(product));
    }
    struct tiff_field field = tiff_find(at->tiff, at->ifd, TAG_ANALOG_BALANCE);
    float balance[3];
    if (!tiff_floats(at->tiff, &field, balance, 3))
        return;
    for (unsigned i = 0; i < 9; i++)
        matrix[i] *= balance[i / 3] > 0 && balance[i / 3] < 100 ? balance[i / 3] : 1;
}

bool dng_profile_read(const struct tiff *tiff, size_t ifd, struct sisp_color_profile *profile)
{
    const struct place place = {tiff, ifd}, *at = &place;
    struct sisp_color_profile found = {0};
    bool has_forward[2] = {false, false};
    for (unsigned i = 0; i < 2; i++) {
        unsigned n = found.count;
        if (!read_matrix(at, (uint16_t)(TAG_COLOR_MATRIX + i), found.color_matrix[n]))
            continue;
        apply_calibration(at, i, found.color_matrix[n]);
        found.cct_kelvin[n] = illuminant_kelvin(
            tiff_value(at->tiff, at->ifd, (uint16_t)(TAG_CALIBRATION_ILLUMINANT + i), 0));
        has_forward[n] =
            read_matrix(at, (uint16_t)(TAG_FORWARD_MATRIX + i), found.forward_matrix[n]);
        found.count++;
    }
    if (found.count == 0)
        return false;
    found.has_forward = has_forward[0] && (found.count == 1 || has_forward[1]);
    if (!found.has_forward)
        memset(found.forward_matrix, 0, sizeof(found.forward_matrix));
    *profile = found;
    if (found.count < 2 || !(found.cct_kelvin[0] > found.cct_kelvin[1]) || found.cct_kelvin[1] == 0)
        return true;
    for (unsigned i = 0; i < 2; i++) {
        profile->cct_kelvin[i] = found.cct_kelvin[1 - i];
        memcpy(profile->color_matrix[i], found.color_matrix[1 - i], sizeof(float[9]));
        memcpy(profile->forward_matrix[i], found.forward_matrix[1 - i], sizeof(float[9]));
    }
    return true;
}
