/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a tuning lacks, and what in it cannot be right although it can be read. */
#include "base/base.h"

#include <softisp/tuning.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>

/* A row of a CCM sums to 1 where white stays white. */
#define ROW_SUM_SLACK 0.05

/* From incandescent lamps to an overcast sky. */
#define WARM_KELVIN 3200
#define COLD_KELVIN 5500

static const struct {
    const char *name;
    const char *without; /* what happens where it is not there; NULL: nothing is missed */
    enum sisp_finding kind;
} parts[SISP_TUNING_PART_COUNT] = {
    [SISP_TUNING_BLACK] = {"black level",
        "what the camera or the raw file says is taken, else none is subtracted, and shadows are "
        "tinted",
        SISP_FINDING_LACKS},
    [SISP_TUNING_WHITE] = {"white balance curve",
        "white may be any colour: pictures full of one colour are balanced towards grey",
        SISP_FINDING_LACKS},
    [SISP_TUNING_PRIOR] = {"white balance priors",
        "daylight counts as likelier than lamps, however dark it is", SISP_FINDING_NOTE},
    [SISP_TUNING_SHADING] = {"lens shading",
        "corners stay darker and of another tint than the middle", SISP_FINDING_LACKS},
    [SISP_TUNING_COLOR] = {"colour matrices",
        "a generic matrix is used: greys are right, hues are only roughly right",
        SISP_FINDING_LACKS},
    [SISP_TUNING_NOISE] = {"noise profile",
        "noise reduction and bursts estimate the noise from the picture", SISP_FINDING_NOTE},
    [SISP_TUNING_TONE] = {"tone curve", "the sRGB curve is used", SISP_FINDING_NOTE},
    [SISP_TUNING_LUX] = {"brightness reference",
        "the scene's brightness in lux is not known, white balance takes it for 400",
        SISP_FINDING_NOTE},
    [SISP_TUNING_PROFILE] = {"colour profile", NULL, SISP_FINDING_NOTE},
    [SISP_TUNING_METERING] = {"metering weights", NULL, SISP_FINDING_NOTE},
};

const char *sisp_tuning_part_name(unsigned part)
{
    return part < SISP_TUNING_PART_COUNT ? parts[part].name : NULL;
}

static bool has(const struct sisp_tuning *t, enum sisp_tuning_part part)
{
    return t->parts >> part & 1;
}

/* A profile says what white and colours are. */
static bool is_missed(const struct sisp_tuning *t, enum sisp_tuning_part part)
{
    bool is_in_profile = part == SISP_TUNING_WHITE || part == SISP_TUNING_COLOR;
    return parts[part].without && !has(t, part) && !(is_in_profile && has(t, SISP_TUNING_PROFILE));
}

struct sentence {
    char *text;
    size_t size;
};

/* Each looks at one thing: SISP_FINDING_x with the sentence written, or -ENOENT. */

static int check_rows(const struct sisp_tuning *t, struct sentence s)
{
    for (uint32_t i = 0; i < t->color_count; i++) {
        for (int row = 0; row < 3; row++) {
            const float *m = &t->colors[i].ccm[3 * row];
            double sum = (double)m[0] + (double)m[1] + (double)m[2];
            if (fabs(sum - 1) <= ROW_SUM_SLACK)
                continue;
            snprintf(s.text, s.size,
                "colour matrices: at %g K row %d sums to %.3f, not to 1: white would be tinted, so "
                "rows are scaled",
                (double)t->colors[i].kelvin, row + 1, sum);
            return SISP_FINDING_WRONG;
        }
    }
    return -ENOENT;
}

static int say_span(const char *name, float first, float last, uint32_t count, struct sentence s)
{
    if (first <= WARM_KELVIN && last >= COLD_KELVIN)
        return -ENOENT;
    if (count == 1)
        snprintf(s.text, s.size, "%s: known at %g K only; other light is treated the same", name,
            (double)first);
    else
        snprintf(s.text, s.size,
            "%s: known from %g K to %g K; light beyond is treated as the nearest", name,
            (double)first, (double)last);
    return SISP_FINDING_NOTE;
}

static int check_profile_span(const struct sisp_tuning *t, struct sentence s)
{
    const struct sisp_color_profile *p = &t->profile;
    if (!p->count || p->count > 2 || !(p->cct_kelvin[p->count - 1] > 0))
        return -ENOENT;
    return say_span("colour profile", p->cct_kelvin[0], p->cct_kelvin[p->count - 1], p->count, s);
}

static int check_color_span(const struct sisp_tuning *t, struct sentence s)
{
    if (!t->color_count)
        return -ENOENT;
    return say_span("colour matrices", t->colors[0].kelvin, t->colors[t->color_count - 1].kelvin,
        t->color_count, s);
}

static int check_shading_span(const struct sisp_tuning *t, struct sentence s)
{
    const struct sisp_tuning_shading *shading = &t->shading;
    if (!shading->count)
        return -ENOENT;
    return say_span("lens shading", shading->tables[0].kelvin,
        shading->tables[shading->count - 1].kelvin, shading->count, s);
}

static int check_strength(const struct sisp_tuning *t, struct sentence s)
{
    if (!t->shading.count || t->shading.strength >= 1)
        return -ENOENT;
    snprintf(s.text, s.size,
        "lens shading: the file asks for %.0f %% of the luminance correction, so that corners stay "
        "a little darker and less noisy",
        100 * (double)t->shading.strength);
    return SISP_FINDING_NOTE;
}

/* Bluer light has less red and more blue. */
static int check_curve(const struct sisp_tuning *t, struct sentence s)
{
    for (uint32_t i = 1; i < t->white_count; i++) {
        const struct sisp_tuning_white *a = &t->white[i - 1], *b = &t->white[i];
        if (b->red_over_green <= a->red_over_green * 1.02f &&
            b->blue_over_green >= a->blue_over_green * 0.98f)
            continue;
        snprintf(s.text, s.size,
            "white balance curve: from %g K to %g K light does not become less red and bluer",
            (double)a->kelvin, (double)b->kelvin);
        return SISP_FINDING_WRONG;
    }
    return -ENOENT;
}

static int check_unused(const struct sisp_tuning *t, struct sentence s)
{
    if (!t->unused[0])
        return -ENOENT;
    snprintf(s.text, s.size, "not used: %s", t->unused);
    return SISP_FINDING_NOTE;
}

int sisp_tuning_finding(
    const struct sisp_tuning *tuning, unsigned index, char *text, size_t text_size)
{
    static int (*const checks[])(const struct sisp_tuning *, struct sentence) = {check_rows,
        check_curve, check_color_span, check_profile_span, check_shading_span, check_strength,
        check_unused};
    for (unsigned part = 0; part < SISP_TUNING_PART_COUNT; part++) {
        if (!is_missed(tuning, part))
            continue;
        if (index--)
            continue;
        snprintf(text, text_size, "%s: not in the file; %s", parts[part].name, parts[part].without);
        return (int)parts[part].kind;
    }
    for (size_t i = 0; i < BASE_COUNT(checks); i++) {
        int kind = checks[i](tuning, (struct sentence){text, text_size});
        if (kind >= 0 && index-- == 0)
            return kind;
    }
    return -ENOENT;
}
