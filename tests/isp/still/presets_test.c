/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What presets ask of a still. */
#include <isp/isp.h>

#include <string.h>

#include "tests/harness/test.h"

static struct sisp_coefficients coefficients_of(float preset, float tone, float local_tone)
{
    struct sisp_raw_info info = {.fourcc = sisp_raw_format_find("SRGGB12")->fourcc,
        .width = 64,
        .height = 64,
        .stride_bytes = 128,
        .crop = {0, 0, 64, 64},
        .white_level = 4095};
    struct sisp_params params = sisp_params_default();
    params.value[SISP_PARAM_PRESET] = preset;
    params.value[SISP_PARAM_TONE] = tone;
    params.value[SISP_PARAM_LOCAL_TONE] = local_tone;
    struct sisp_coefficients c;
    isp_coefficients_init(&c, &info, &params, NULL);
    return c;
}

TEST(presets_are_in_order)
{
    const struct sisp_coefficients natural = coefficients_of(SISP_PRESET_NATURAL, 0, 0);
    const struct sisp_coefficients neutral = coefficients_of(SISP_PRESET_NEUTRAL, 0, 0);
    const struct sisp_coefficients vivid = coefficients_of(SISP_PRESET_VIVID, 0, 0);
    CHECK(neutral.local_tone == 0 && neutral.local_contrast == 0 && neutral.still_sharpness == 0);
    CHECK(natural.highlight_recovery == 1 && neutral.highlight_recovery == 0);
    CHECK(natural.local_tone > 0 && natural.still_sharpness > 0);
    CHECK(vivid.local_contrast > natural.local_contrast);
    CHECK(vivid.still_sharpness > natural.still_sharpness);
    CHECK(vivid.ccm[0] > natural.ccm[0]);
    CHECK(memcmp(natural.ccm, neutral.ccm, sizeof(natural.ccm)) == 0);
    CHECK(memcmp(natural.tone, neutral.tone, sizeof(natural.tone)) == 0);
    CHECK(vivid.tone[60] < natural.tone[60] && vivid.tone[140] > natural.tone[140]);
    CHECK_NEAR((double)coefficients_of(SISP_PRESET_NEUTRAL, 0, 0.5F).local_tone, 0.5, 1e-6);
    CHECK(coefficients_of(SISP_PRESET_NATURAL, 0, -1).local_tone == 0);
}

TEST(a_linear_picture_has_no_preset)
{
    const struct sisp_coefficients c = coefficients_of(SISP_PRESET_VIVID, 1, 0);
    const struct sisp_coefficients neutral = coefficients_of(SISP_PRESET_NEUTRAL, 1, 0);
    CHECK(c.highlight_recovery == 0);
    CHECK(c.local_tone == 0 && c.local_contrast == 0 && c.still_sharpness == 0);
    CHECK(memcmp(c.ccm, neutral.ccm, sizeof(c.ccm)) == 0);
    CHECK(memcmp(c.tone, neutral.tone, sizeof(c.tone)) == 0);
}

int main(void)
{
    RUN(presets_are_in_order);
    RUN(a_linear_picture_has_no_preset);
    return test_report();
}
