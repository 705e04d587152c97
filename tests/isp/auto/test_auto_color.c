/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ciede2000.h"
#include "fixture.h"
#include "harness/test.h"

static const float gains_daylight[3] = {2.0f, 1, 1.6f};

static void check_neutral(const float ccm[9])
{
    for (int i = 0; i < 9; i += 3)
        CHECK_NEAR((double)ccm[i] + (double)ccm[i + 1] + (double)ccm[i + 2], 1, 1e-5);
}

static bool is_generic(const float ccm[9])
{
    float generic[9];
    struct sisp_color_profile none = {0};
    struct sisp_params params = sisp_params_default();
    CHECK_EQ(isp_ccm(generic, &none, gains_daylight, &params), SISP_SOURCE_NEUTRAL);
    return memcmp(generic, ccm, sizeof(generic)) == 0;
}

TEST(neutral_stays_neutral_under_any_gains_and_saturation)
{
    float ccm[9];
    struct sisp_color_profile profiles[3] = {profile_canon_550d(), profile_hero6(), {0}};
    for (int p = 0; p < 3; p++) {
        for (int step = 0; step < 20; step++) {
            struct sisp_params params = sisp_params_default();
            params.value[SISP_PARAM_SATURATION] = (float)(step % 4);
            float gains[3] = {0.5f + 0.15f * (float)step, 1, 3.5f - 0.15f * (float)step};
            isp_ccm(ccm, &profiles[p], gains, &params);
            check_neutral(ccm);
        }
    }
}

TEST(saturation_keeps_luma_and_zero_is_grey)
{
    float ccm[9];
    struct sisp_color_profile profile = profile_hero6();
    struct sisp_params params = sisp_params_default();
    params.value[SISP_PARAM_SATURATION] = 0;
    isp_ccm(ccm, &profile, gains_daylight, &params);
    for (int i = 3; i < 9; i++)
        CHECK_NEAR((double)ccm[i], (double)ccm[i - 3], 1e-6);
    params.value[SISP_PARAM_COLOR] = 1;
    isp_ccm(ccm, &profile, gains_daylight, &params);
    CHECK_NEAR((double)ccm[0], 0.2126, 1e-6);
    CHECK_NEAR((double)ccm[1], 0.7152, 1e-6);
}

TEST(camera_colour_is_the_identity)
{
    float ccm[9];
    struct sisp_color_profile profile = profile_hero6();
    struct sisp_params params = sisp_params_default();
    params.value[SISP_PARAM_COLOR] = 1;
    CHECK_EQ(isp_ccm(ccm, &profile, gains_daylight, &params), SISP_SOURCE_MANUAL);
    for (int i = 0; i < 9; i++)
        CHECK_NEAR((double)ccm[i], i % 4 == 0, 1e-6);
}

/* Gains that balance the light of the profile itself, so that the temperature must come back. */
TEST(temperature_comes_back_from_the_gains_of_its_white)
{
    struct sisp_color_profile profile = profile_hero6();
    for (double kelvin = 2600; kelvin < 7600; kelvin += 250) {
        double chroma[2];
        REQUIRE(isp_profile_white(&profile, kelvin, chroma));
        float gains[3] = {(float)exp2(-chroma[0]), 1, (float)exp2(-chroma[1])};
        double found = isp_profile_cct(&profile, gains);
        CHECK_NEAR(1e6 / found, 1e6 / kelvin, 4); /* mired; McCamy's own error is about 2 */
    }
}

TEST(interpolation_ends_at_the_illuminants)
{
    struct sisp_params params = sisp_params_default();
    struct sisp_color_profile both = profile_hero6();
    for (int end = 0; end < 2; end++) {
        struct sisp_color_profile one = {.count = 1};
        memcpy(one.color_matrix[0], both.color_matrix[end], sizeof(one.color_matrix[0]));
        double chroma[2];
        float mixed[9], single[9];
        REQUIRE(isp_profile_white(&both, end ? 6500 : 2500, chroma)); /* beyond the ends */
        float gains[3] = {(float)exp2(-chroma[0]), 1, (float)exp2(-chroma[1])};
        isp_ccm(mixed, &both, gains, &params);
        isp_ccm(single, &one, gains, &params);
        for (int i = 0; i < 9; i++)
            CHECK_NEAR((double)mixed[i], (double)single[i], 1e-6);
    }
}

/* A forward matrix made from the colour matrix must lead to the same place as the colour matrix. */
TEST(forward_matrix_gives_the_ccm_it_says)
{
    /* sRGB primaries to XYZ D50 (Bradford): a camera that already is sRGB. */
    struct sisp_color_profile profile = profile_hero6();
    const float forward[9] = {0.4360747f, 0.3850649f, 0.1430804f, 0.2225045f, 0.7168786f,
        0.0606169f, 0.0139322f, 0.0971045f, 0.7141733f};
    memcpy(profile.forward_matrix[0], forward, sizeof(forward));
    memcpy(profile.forward_matrix[1], forward, sizeof(forward));
    profile.has_forward = 1;
    float ccm[9];
    struct sisp_params params = sisp_params_default();
    CHECK_EQ(isp_ccm(ccm, &profile, gains_daylight, &params), SISP_SOURCE_FILE);
    for (int i = 0; i < 9; i++)
        CHECK_NEAR((double)ccm[i], i % 4 == 0, 1e-3);
}

TEST(hero6_has_a_sane_ccm)
{
    float ccm[9];
    const float as_shot[3] = {1 / 0.522449f, 1, 1 / 0.571429f};
    struct sisp_color_profile profile = profile_hero6();
    struct sisp_params params = sisp_params_default();
    CHECK_EQ(isp_ccm(ccm, &profile, as_shot, &params), SISP_SOURCE_FILE);
    double kelvin = isp_profile_cct(&profile, as_shot);
    printf("HERO6 as shot: %.0f K, CCM %.3f %.3f %.3f / %.3f %.3f %.3f / %.3f %.3f %.3f\n", kelvin,
        (double)ccm[0], (double)ccm[1], (double)ccm[2], (double)ccm[3], (double)ccm[4],
        (double)ccm[5], (double)ccm[6], (double)ccm[7], (double)ccm[8]);
    CHECK_NEAR(kelvin, 5200, 600); /* an outdoor picture */
    for (int i = 0; i < 9; i++) {
        if (i % 4 == 0)
            CHECK(ccm[i] > 1 && ccm[i] < 2.5f);
        else
            CHECK(ccm[i] > -1.2f && ccm[i] < 0.4f);
    }
}

TEST(degenerate_profiles_give_the_generic_default)
{
    float ccm[9];
    struct sisp_params params = sisp_params_default();
    const float values[] = {0, 1, NAN, INFINITY, 1e30f, -1e30f, 1e-30f};
    for (unsigned v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
        struct sisp_color_profile profile = profile_hero6();
        for (int i = 0; i < 9; i++)
            profile.color_matrix[1][i] = values[v];
        CHECK_EQ(isp_ccm(ccm, &profile, gains_daylight, &params), SISP_SOURCE_NEUTRAL);
        CHECK(is_generic(ccm));
        profile = profile_hero6();
        profile.has_forward = 1;
        for (int i = 0; i < 9; i++)
            profile.forward_matrix[1][i] = profile.forward_matrix[0][i] = values[v];
        CHECK_EQ(isp_ccm(ccm, &profile, gains_daylight, &params), SISP_SOURCE_NEUTRAL);
        CHECK(is_generic(ccm));
        profile = profile_hero6();
        profile.cct_kelvin[0] = values[v];
        isp_ccm(ccm, &profile, gains_daylight, &params);
        check_neutral(ccm);
    }
    struct sisp_color_profile many = profile_hero6();
    many.count = 7;
    isp_ccm(ccm, &many, gains_daylight, &params);
    CHECK(is_generic(ccm));
}

/* ---- Canon 550D ColorChecker --------------------------------------------------------------- */

static bool read_patches(double raw[24][3])
{
    FILE *file = open_shared("canon550d_colorchecker/colorchart_patches.csv");
    char line[512];
    int found = 0;
    if (!file)
        return false;
    while (fgets(line, sizeof(line), file)) {
        int patch;
        double rgb[3];
        if (sscanf(line, "%d,%*d,%*d,%*d,%*d,%lf,%lf,%lf", &patch, &rgb[0], &rgb[1], &rgb[2]) != 4)
            continue;
        if (patch < 1 || patch > 24)
            continue;
        memcpy(raw[patch - 1], rgb, sizeof(rgb));
        found++;
    }
    fclose(file);
    return found == 24;
}

static bool read_reference(double lab[24][3])
{
    FILE *file = open_shared("spectral/colorchecker24_xyY_Lab.csv");
    char line[512];
    int found = 0;
    if (!file)
        return false;
    while (fgets(line, sizeof(line), file)) {
        int patch;
        double v[3];
        if (!strstr(line, "BabelColor"))
            continue;
        const char *rest = strchr(line, ',');
        if (!rest ||
            sscanf(rest + 1, "%d,%*[^,],%*f,%*f,%*f,%lf,%lf,%lf", &patch, &v[0], &v[1], &v[2]) != 4)
            continue;
        if (patch < 1 || patch > 24)
            continue;
        memcpy(lab[patch - 1], v, sizeof(v));
        found++;
    }
    fclose(file);
    return found == 24;
}

static double mean_error(
    double raw[24][3], double reference[24][3], const float ccm[9], double scale)
{
    double sum = 0;
    for (int p = 0; p < 24; p++) {
        double rgb[3], lab[3];
        for (int i = 0; i < 3; i++)
            rgb[i] = scale * ((double)ccm[3 * i] * raw[p][0] + (double)ccm[3 * i + 1] * raw[p][1] +
                                 (double)ccm[3 * i + 2] * raw[p][2]);
        lab_of_linear_srgb(rgb, lab);
        sum += ciede2000(lab, reference[p]);
    }
    return sum / 24;
}

TEST(canon_550d_color_checker_is_close_to_its_reference)
{
    double raw[24][3], reference[24][3];
    if (!read_patches(raw) || !read_reference(reference))
        SKIP("the shared data are not here");
    const float gains[3] = {1.48f, 1, 2.20f};
    for (int p = 0; p < 24; p++) {
        for (int c = 0; c < 3; c++)
            raw[p][c] = (raw[p][c] - 2048) / (15000 - 2048) * (double)gains[c];
    }
    float ccm[9];
    struct sisp_color_profile profile = profile_canon_550d();
    struct sisp_params params = sisp_params_default();
    CHECK_EQ(isp_ccm(ccm, &profile, gains, &params), SISP_SOURCE_FILE);
    double best = 1e9, generic = 1e9;
    struct sisp_color_profile none = {0};
    float other[9];
    isp_ccm(other, &none, gains, &params);
    for (double scale = 1; scale < 100; scale *= 1.01) {
        best = fmin(best, mean_error(raw, reference, ccm, scale));
        generic = fmin(generic, mean_error(raw, reference, other, scale));
    }
    printf("Canon 550D: mean CIEDE2000 %.3f by its profile at %.0f K, %.3f by the generic CCM\n",
        best, isp_profile_cct(&profile, gains), generic);
    CHECK(best <= 3.6);
    CHECK(best < generic);
}

/* What is described and read back gives the matrix that it was made of. */
TEST(a_described_tuning_gives_its_own_matrices)
{
    static const float ccms[2][9] = {
        {2.1F, -0.9F, -0.2F, -0.5F, 1.9F, -0.4F, -0.3F, -1.2F, 2.5F},
        {1.7F, -0.5F, -0.2F, -0.3F, 1.6F, -0.3F, 0, -0.6F, 1.6F},
    };
    static struct sisp_tuning tuning = {.parts = 1U << SISP_TUNING_WHITE | 1U << SISP_TUNING_COLOR,
        .white_count = 2,
        .white = {{2856, 0.9F, 0.4F}, {6504, 0.5F, 0.7F}},
        .color_count = 2,
        .colors = {{.kelvin = 2856}, {.kelvin = 6504}}};
    const struct sisp_raw_info info = {0};
    const struct sisp_params params = sisp_params_default();
    struct sisp_color_profile profile;
    for (unsigned i = 0; i < 2; i++)
        memcpy(tuning.colors[i].ccm, ccms[i], sizeof(ccms[i]));
    isp_profile_make(&info, &tuning, gains_daylight, &profile);
    REQUIRE(profile.count == 2 && profile.has_forward);
    for (unsigned i = 0; i < 2; i++) {
        const struct sisp_tuning_white *white = &tuning.white[i];
        const float gains[3] = {1 / white->red_over_green, 1, 1 / white->blue_over_green};
        float ccm[9];
        CHECK_NEAR(1e6 / isp_profile_cct(&profile, gains), 1e6 / (double)white->kelvin, 4);
        for (unsigned forward = 0; forward < 2; forward++) {
            profile.has_forward = forward; /* either way */
            isp_ccm(ccm, &profile, gains, &params);
            for (unsigned k = 0; k < 9; k++)
                CHECK_NEAR((double)ccm[k], (double)ccms[i][k], 0.02);
        }
    }
}

TEST(an_unknown_camera_is_described_by_the_generic_default)
{
    struct sisp_raw_info info = {0};
    const struct sisp_params params = sisp_params_default();
    struct sisp_color_profile profile, none = {0};
    float ccm[9], generic[9];
    isp_profile_make(&info, NULL, gains_daylight, &profile);
    REQUIRE(profile.count == 1);
    isp_ccm(ccm, &profile, gains_daylight, &params);
    isp_ccm(generic, &none, gains_daylight, &params);
    for (unsigned k = 0; k < 9; k++)
        CHECK_NEAR((double)ccm[k], (double)generic[k], 1e-3);
    info.profile = profile_hero6();
    isp_profile_make(&info, NULL, gains_daylight, &profile);
    CHECK(memcmp(&profile, &info.profile, sizeof(profile)) == 0);
}

int main(void)
{
    RUN(a_described_tuning_gives_its_own_matrices);
    RUN(an_unknown_camera_is_described_by_the_generic_default);
    RUN(neutral_stays_neutral_under_any_gains_and_saturation);
    RUN(saturation_keeps_luma_and_zero_is_grey);
    RUN(camera_colour_is_the_identity);
    RUN(temperature_comes_back_from_the_gains_of_its_white);
    RUN(interpolation_ends_at_the_illuminants);
    RUN(forward_matrix_gives_the_ccm_it_says);
    RUN(hero6_has_a_sane_ccm);
    RUN(degenerate_profiles_give_the_generic_default);
    RUN(canon_550d_color_checker_is_close_to_its_reference);
    return test_report();
}
