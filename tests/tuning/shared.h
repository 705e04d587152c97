/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The tuning files of the shared data. */
#ifndef TESTS_TUNING_SHARED_H
#define TESTS_TUNING_SHARED_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const shared_tunings[] = {"pisp/imx219", "pisp/imx296", "pisp/imx477",
    "pisp/imx708", "pisp/ov5647", "vc4/imx219", "vc4/imx283", "vc4/imx296", "vc4/imx378",
    "vc4/imx462", "vc4/imx477", "vc4/imx477_scientific", "vc4/imx519", "vc4/imx708",
    "vc4/imx708_wide", "vc4/ov5647", "vc4/ov64a40"};
#define SHARED_TUNINGS (sizeof(shared_tunings) / sizeof(shared_tunings[0]))

/** False where it is not there. */
static inline bool shared_tuning(char path[PATH_MAX], const char *name)
{
    const char *shared = getenv("SOFTISP_SHARED");
    if (shared)
        snprintf(path, PATH_MAX, "%s/data/libcamera_tuning/%s.json", shared, name);
    else
        snprintf(path, PATH_MAX, "%s/../shared/data/libcamera_tuning/%s.json", SOURCE_ROOT, name);
    return access(path, R_OK) == 0;
}

#endif
