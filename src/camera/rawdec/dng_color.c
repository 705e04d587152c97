/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Digital Negative Specification 1.4, chapter 6: mapping camera colour space. */
#include "camera/rawdec/rawdec.h"

#include "base/dng_profile.h"

#include <string.h>

#define TAG_AS_SHOT_NEUTRAL 50728

void dng_fill_color(const struct dng *dng, struct sisp_raw_info *info)
{
    struct tiff_field field = tiff_find(&dng->tiff, dng->main, TAG_AS_SHOT_NEUTRAL);
    float neutral[3];
    if (tiff_floats(&dng->tiff, &field, neutral, 3) && neutral[0] > 1e-3f && neutral[1] > 1e-3f &&
        neutral[2] > 1e-3f && neutral[0] < 1e3f && neutral[1] < 1e3f && neutral[2] < 1e3f) {
        info->has_as_shot = 1;
        for (unsigned i = 0; i < 3; i++)
            info->as_shot_gains[i] = neutral[1] / neutral[i];
    }
    /* A wild balance is no balance. */
    for (unsigned i = 0; i < 3; i++) {
        if (!(info->as_shot_gains[i] > 1e-2f && info->as_shot_gains[i] < 1e2f))
            info->has_as_shot = 0;
    }
    if (!info->has_as_shot)
        memset(info->as_shot_gains, 0, sizeof(info->as_shot_gains));
    /* Without one LibRaw may know this camera. */
    dng_profile_read(&dng->tiff, dng->main, &info->profile);
}
