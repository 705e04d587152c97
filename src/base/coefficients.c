/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <softisp/coefficients.h>

#include <errno.h>
#include <strings.h>

static const char *const source_names[] = {
    [SISP_SOURCE_NEUTRAL] = "neutral",
    [SISP_SOURCE_AUTO] = "auto",
    [SISP_SOURCE_MANUAL] = "manual",
    [SISP_SOURCE_FILE] = "file",
    [SISP_SOURCE_TUNING] = "tuning",
    [SISP_SOURCE_MODEL] = "model",
    [SISP_SOURCE_FALLBACK] = "fallback",
};

const char *sisp_source_name(enum sisp_source source)
{
    return source_names[source];
}

static const char *const flicker_names[] = {
    [SISP_FLICKER_NONE] = "none",
    [SISP_FLICKER_AVOIDED] = "avoided",
    [SISP_FLICKER_UNAVOIDABLE] = "unavoidable",
};

const char *sisp_flicker_name(enum sisp_flicker flicker)
{
    return flicker_names[flicker];
}

static const char *const demosaic_names[] = {
    [SISP_DEMOSAIC_MHC] = "mhc",
    [SISP_DEMOSAIC_BILINEAR] = "bilinear",
    [SISP_DEMOSAIC_BEST] = "best",
    [SISP_DEMOSAIC_SMOOTH] = "smooth",
};

const char *sisp_demosaic_name(enum sisp_demosaic demosaic)
{
    return demosaic_names[demosaic];
}

int sisp_demosaic_find(const char *name)
{
    for (int i = 0; i <= SISP_DEMOSAIC_SMOOTH; i++) {
        if (strcasecmp(demosaic_names[i], name) == 0)
            return i;
    }
    return -EINVAL;
}

float sisp_tone_knot(unsigned index)
{
    if (index <= 64)
        return (float)index / 2048;
    if (index <= 120)
        return (float)(index - 64 + 8) / 256;
    return (float)(index - 120 + 16) / 64;
}
