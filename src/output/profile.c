/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "output/encode.h"

#include <errno.h>

#if OUT_HAVE_LCMS2
#include <lcms2.h>
#include <stdlib.h>
#include <string.h>

/* lcms2 puts the time of the call there (ICC.1:2022, 7.2.1, bytes 24 to 35), but the same picture
 * has to give the same file: 1 July 2026, 00:00:00. */
static void fix_date(uint8_t *profile)
{
    static const uint8_t date[12] = {0x07, 0xea, 0, 7, 0, 1};
    memcpy(profile + 24, date, sizeof(date));
}

static int save(struct out_blob *profile, cmsHPROFILE srgb)
{
    cmsUInt32Number size = 0;
    if (!cmsSaveProfileToMem(srgb, NULL, &size) || size < 128)
        return -ENOMEM;
    void *bytes = malloc(size);
    if (!bytes)
        return -ENOMEM;
    if (!cmsSaveProfileToMem(srgb, bytes, &size)) {
        free(bytes);
        return -ENOMEM;
    }
    fix_date(bytes);
    *profile = (struct out_blob){bytes, size};
    return 0;
}

int out_profile_create(struct out_blob *profile)
{
    *profile = (struct out_blob){0};
    cmsContext context = cmsCreateContext(NULL, NULL);
    if (!context)
        return -ENOMEM;
    cmsHPROFILE srgb = cmsCreate_sRGBProfileTHR(context);
    int error = srgb ? save(profile, srgb) : -ENOMEM;
    if (srgb)
        cmsCloseProfile(srgb);
    cmsDeleteContext(context);
    return error;
}
#else
int out_profile_create(struct out_blob *profile)
{
    *profile = (struct out_blob){0};
    return 0;
}
#endif
