/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fixture.h"
#include "harness/test.h"
#include "isp/auto/elementary.h"

/* The C library's functions are the truth here; the ISP may not call them. */
TEST(elementary_functions_agree_with_libm)
{
    double worst_log = 0, worst_exp = 0, worst_pow = 0;
    for (double x = 1e-12; x < 1e12; x *= 1.0173) {
        worst_log = fmax(worst_log, fabs(isp_log2(x) - log2(x)));
        worst_pow = fmax(worst_pow, fabs(isp_pow(x, 1 / 2.4) / pow(x, 1 / 2.4) - 1));
    }
    for (double x = -40; x < 40; x += 0.0137)
        worst_exp = fmax(worst_exp, fabs(isp_exp2(x) / exp2(x) - 1));
    CHECK_NEAR(worst_log, 0, 1e-13);
    CHECK_NEAR(worst_exp, 0, 1e-14);
    CHECK_NEAR(worst_pow, 0, 1e-13);
}

TEST(elementary_functions_take_anything)
{
    const double hostile[] = {
        (double)NAN, (double)INFINITY, -(double)INFINITY, 0, -1, 5e-324, 1.7e308, -1.7e308};
    for (unsigned i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        CHECK(isfinite(isp_log2(hostile[i])));
        CHECK(isfinite(isp_exp2(hostile[i])));
        CHECK(isfinite(isp_pow(hostile[i], 2.4)));
    }
}

static void check_monotone(const float tone[SISP_TONE_KNOTS])
{
    CHECK(tone[0] == 0);
    CHECK(tone[SISP_TONE_KNOTS - 1] == 1);
    for (int i = 1; i < SISP_TONE_KNOTS; i++)
        CHECK(tone[i] >= tone[i - 1]);
}

TEST(tone_is_monotone_and_keeps_black_and_white)
{
    float tone[SISP_TONE_KNOTS];
    for (int ev = -8; ev <= 12; ev++) {
        for (int contrast = 0; contrast <= 4; contrast++) {
            struct sisp_params params = sisp_params_default();
            params.value[SISP_PARAM_CONTRAST] = (float)contrast / 2;
            isp_tone(tone, &params, NULL, ev);
            check_monotone(tone);
        }
    }
}

TEST(brightness_lifts_the_whole_curve)
{
    float tone[SISP_TONE_KNOTS], plain[SISP_TONE_KNOTS];
    for (int step = -4; step <= 4; step++) {
        struct sisp_params params = sisp_params_default();
        isp_tone(plain, &params, NULL, 1);
        params.value[SISP_PARAM_BRIGHTNESS] = (float)step / 4;
        isp_tone(tone, &params, NULL, 1);
        for (int i = 0; i < SISP_TONE_KNOTS; i++) {
            double wanted = (double)plain[i] + step / 4.0;
            CHECK_NEAR((double)tone[i], wanted < 0 ? 0 : wanted > 1 ? 1 : wanted, 1e-6);
        }
    }
}

TEST(tone_without_exposure_is_srgb)
{
    float tone[SISP_TONE_KNOTS];
    struct sisp_params params = sisp_params_default();
    isp_tone(tone, &params, NULL, 0);
    for (unsigned i = 0; i < SISP_TONE_KNOTS; i++) {
        double x = (double)sisp_tone_knot(i);
        double y = x <= 0.0031308 ? 12.92 * x : 1.055 * pow(x, 1 / 2.4) - 0.055;
        CHECK_NEAR((double)tone[i], y, 1e-6);
    }
}

TEST(linear_tone_is_the_identity_at_any_exposure)
{
    float tone[SISP_TONE_KNOTS];
    struct sisp_params params = sisp_params_default();
    params.value[SISP_PARAM_TONE] = 1;
    isp_tone(tone, &params, NULL, 3);
    for (unsigned i = 0; i < SISP_TONE_KNOTS; i++)
        CHECK(tone[i] == sisp_tone_knot(i));
}

/* Knot 98 is 0.1640625; a stop darker through a stop brighter is the same display value. */
TEST(exposure_moves_middle_grey_by_whole_stops)
{
    float plain[SISP_TONE_KNOTS], brighter[SISP_TONE_KNOTS];
    struct sisp_params params = sisp_params_default();
    isp_tone(plain, &params, NULL, 0);
    isp_tone(brighter, &params, NULL, 1);
    CHECK_NEAR((double)sisp_tone_knot(98), 0.1640625, 0);
    CHECK_NEAR((double)sisp_tone_knot(77), 0.08203125, 0);
    CHECK_NEAR((double)brighter[77], (double)plain[98], 1e-6);
}

TEST(contrast_turns_around_middle_grey)
{
    float plain[SISP_TONE_KNOTS], strong[SISP_TONE_KNOTS];
    struct sisp_params params = sisp_params_default();
    isp_tone(plain, &params, NULL, 0);
    params.value[SISP_PARAM_CONTRAST] = 1.5f;
    isp_tone(strong, &params, NULL, 0);
    for (unsigned i = 1; i < SISP_TONE_KNOTS - 1; i++)
        CHECK(sisp_tone_knot(i) < 0.18f ? strong[i] < plain[i] : strong[i] > plain[i]);
}

int main(void)
{
    RUN(elementary_functions_agree_with_libm);
    RUN(elementary_functions_take_anything);
    RUN(tone_is_monotone_and_keeps_black_and_white);
    RUN(brightness_lifts_the_whole_curve);
    RUN(tone_without_exposure_is_srgb);
    RUN(linear_tone_is_the_identity_at_any_exposure);
    RUN(exposure_moves_middle_grey_by_whole_stops);
    RUN(contrast_turns_around_middle_grey);
    return test_report();
}
