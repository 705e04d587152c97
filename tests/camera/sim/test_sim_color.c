/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the sensor sees of lights and patches, against sums over spectra made here. */
#include "sim_test.h"
#include "base/base.h"

#include <math.h>

static const char *const sensors[] = {"ideal", "canon-5d", "nikon-d5100", "sony-a7iii"};

static struct spectrum light_of(const char *name, double tint)
{
    struct spectrum light;
    if (!spectra_light(name, &light))
        abort();
    spectra_tint(&light, tint);
    return light;
}

/* Chromaticities as CIE 15 publishes them. */
TEST(lights_have_their_chromaticities)
{
    static const struct {
        const char *name;
        double x, y;
    } lights[] = {{"A", 0.44758, 0.40745}, {"D50", 0.34567, 0.35851}, {"D65", 0.31272, 0.32903},
        {"D75", 0.29903, 0.31488}, {"E", 1 / 3.0, 1 / 3.0}, {"FL2", 0.37208, 0.37529},
        {"FL4", 0.44018, 0.40329}, {"FL7", 0.31292, 0.32933}, {"FL11", 0.38052, 0.37713},
        {"FL12", 0.43695, 0.40441}, {"HP1", 0.5330, 0.4150}, {"LED-B1", 0.4560, 0.4078},
        {"LED-B3", 0.3756, 0.3723}, {"LED-B5", 0.3118, 0.3236}, {"LED-RGB1", 0.4557, 0.4211},
        {"LED-V1", 0.4548, 0.4044}, {"2000K", 0.52676, 0.41331}, {"10000K", 0.28063, 0.28828}};
    struct spectra_curves curves = spectra_curves(0);
    for (unsigned i = 0; i < BASE_COUNT(lights); i++) {
        struct spectrum light = light_of(lights[i].name, 0);
        struct spectra_view view = spectra_view(&curves, &light);
        CHECK_NEAR(view.x, lights[i].x, 0.0016);
        CHECK_NEAR(view.y, lights[i].y, 0.0016);
    }
    static const char *const none[] = {"", "1499K", "20001K", "D39", "D251", "D", "d65", "K", "A1"};
    struct spectrum light;
    for (unsigned i = 0; i < BASE_COUNT(none); i++)
        CHECK(!spectra_light(none[i], &light));
}

/* A positive tint is green: it moves the light off the locus, towards larger y. */
TEST(tint_is_off_the_locus)
{
    struct spectra_curves curves = spectra_curves(0);
    for (int sign = -1; sign <= 1; sign += 2) {
        struct spectrum plain = light_of("4000K", 0), tinted = light_of("4000K", 0.3 * sign);
        struct spectra_view a = spectra_view(&curves, &plain), b = spectra_view(&curves, &tinted);
        CHECK(sign * (b.y - a.y) > 0.02);
        CHECK(fabs(b.x - a.x) < fabs(b.y - a.y));
    }
}

/* A sum over the spectra, the definition: `patch` 24 is a perfect diffuser. */
static void direct(const struct spectra_curves *curves, const struct spectrum *light,
    unsigned patch, double rgb[3])
{
    double white = 0;
    for (unsigned i = 0; i < SPECTRA_BANDS; i++)
        white += light->band[i] * curves->channel[1][i];
    for (unsigned c = 0; c < 3; c++) {
        rgb[c] = 0;
        for (unsigned i = 0; i < SPECTRA_BANDS; i++)
            rgb[c] += light->band[i] * curves->channel[c][i] *
                      (patch < 24 ? (double)spectra_patches[patch][i] : 1) / white;
    }
}

static void check_patches(
    const char *options, const struct spectra_curves *curves, const struct spectrum *light)
{
    static const enum sisp_site sites[3] = {SISP_SITE_R, SISP_SITE_GB, SISP_SITE_B};
    struct sim_test test = sim_open_params(&(struct sisp_camera_params){
        .width = 320, .height = 240, .raw_format = "SGRBG10", .seed = 7, .options = options});
    unsigned seen = 0;
    double rgb[3];
    float color[3];
    struct sisp_rect rect;
    sim_read(&test);
    for (unsigned patch = 0; patch < 24; patch++) {
        if (!sim_truth_patch(test.camera, 0, patch, &rect, color))
            continue;
        seen++;
        direct(curves, light, patch, rgb);
        for (unsigned c = 0; c < 3; c++) {
            double is = sim_mean(&test, test.radiance, rect, sites[c]) / 65536;
            CHECK_NEAR(is, rgb[c] * (double)SCENE_DIFFUSE_WHITE, 1e-4);
        }
    }
    CHECK(seen >= 18);
    const struct spectra_view *view = sim_truth_view(test.camera, 0);
    direct(curves, light, 24, rgb);
    for (unsigned c = 0; c < 3; c++)
        CHECK_NEAR((double)view->white[c], rgb[c], 1e-5);
    sim_close(&test);
}

TEST(patches_are_what_their_spectra_say)
{
    static const char *const lights[] = {"D65", "A", "FL11", "LED-B3"};
    for (unsigned sensor = 0; sensor < 4; sensor++) {
        char options[64];
        double tint = sensor == 2 ? -0.25 : 0;
        struct spectra_curves curves = spectra_curves(sensor);
        struct spectrum light = light_of(lights[sensor], tint);
        snprintf(options, sizeof(options), "sensor=%s,illuminant=%s,tint=%g", sensors[sensor],
            lights[sensor], tint);
        check_patches(options, &curves, &light);
    }
}

/* A gray of the painted scene is as the light, not as some metamer of it. */
TEST(gray_paint_has_the_colour_of_the_light)
{
    for (unsigned sensor = 0; sensor < 4; sensor++) {
        struct spectra_curves curves = spectra_curves(sensor);
        struct spectrum light = light_of("FL2", 0);
        struct spectra_view view = spectra_view(&curves, &light);
        for (unsigned c = 0; c < 3; c++) {
            float sum = view.of_srgb[c][0] + view.of_srgb[c][1] + view.of_srgb[c][2];
            CHECK_NEAR((double)(sum / view.white[c]), 1, 1e-3);
        }
    }
}

TEST(light_changes_at_its_frame)
{
    struct sim_test test = sim_open_params(&(struct sisp_camera_params){.width = 320,
        .height = 240,
        .raw_format = "SGRBG10",
        .options = "illuminant=D65,illuminant-step=2:2300K"});
    struct sisp_rect middle = {140, 100, 40, 40};
    double ratio[4];
    for (unsigned n = 0; n < 4; n++) {
        sim_read(&test);
        ratio[n] = (sim_mean(&test, test.codes, middle, SISP_SITE_R) - 64) /
                   (sim_mean(&test, test.codes, middle, SISP_SITE_B) - 64);
        CHECK_NEAR(sim_truth_view(test.camera, n)->x, n < 2 ? 0.3127 : 0.4953, 0.002);
    }
    CHECK_NEAR(ratio[1] / ratio[0], 1, 0.05);
    CHECK(ratio[2] > 2 * ratio[1]);
    CHECK_NEAR(ratio[3] / ratio[2], 1, 0.05);
    sim_close(&test);
}

/* The matrices of a real sensor, as good as three numbers can be. */
TEST(profiles_have_two_lights)
{
    for (unsigned sensor = 0; sensor < 4; sensor++) {
        char options[64];
        snprintf(options, sizeof(options), "sensor=%s", sensors[sensor]);
        struct sim_test test = sim_open_params(&(struct sisp_camera_params){
            .width = 64, .height = 64, .raw_format = "SGRBG10", .options = options});
        const struct sisp_color_profile *profile = &test.info->profile;
        REQUIRE(profile->count == (sensor ? 2 : 1));
        for (unsigned i = 0; i < profile->count; i++) {
            struct spectrum light = light_of(profile->cct_kelvin[i] < 3000 ? "A" : "D65", 0);
            struct spectra_curves curves = spectra_curves(sensor), xyz;
            for (unsigned c = 0; c < 3; c++) {
                for (unsigned b = 0; b < SPECTRA_BANDS; b++)
                    xyz.channel[c][b] = (double)spectra_xyz[c][b];
            }
            for (unsigned patch = 0; patch < 24; patch++) {
                double is[3], of_xyz[3];
                direct(&curves, &light, patch, is);
                direct(&xyz, &light, patch, of_xyz);
                for (unsigned c = 0; c < 3; c++) {
                    const float *row = profile->color_matrix[i] + 3 * c;
                    double told = 0;
                    for (unsigned k = 0; k < 3; k++)
                        told += (double)row[k] * of_xyz[k];
                    CHECK_NEAR(told, is[c], sensor ? 0.035 : 1e-4);
                }
            }
        }
        sim_close(&test);
    }
}

/* ---- against the full tables ------------------------------------------------------------- */

#define SPECTRAL SOURCE_ROOT "/../shared/data/spectral/"
#define FINE     81 /* 380 to 780 nm, every 5 nm */

/* Column `index` of a table in CSV. */
static bool read_column(const char *path, unsigned index, double column[FINE])
{
    FILE *file = fopen(path, "r");
    char line[4096];
    if (!file)
        return false;
    bool is_read = fgets(line, sizeof(line), file) != NULL;
    for (unsigned i = 0; i < FINE && is_read; i++) {
        is_read = fgets(line, sizeof(line), file) != NULL;
        char *text = line;
        for (unsigned k = 0; k < index; k++)
            text += strcspn(text, ",") + 1;
        column[i] = strtod(text, NULL);
    }
    fclose(file);
    return is_read;
}

/* "380": [r, g, b], ... */
static bool read_camera(const char *path, double channels[3][FINE])
{
    static char text[65536];
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    for (unsigned i = 0; i < FINE; i++) {
        char key[16];
        snprintf(key, sizeof(key), "\"%u\":", 380 + 5 * i);
        char *at = strstr(text, key);
        at = at ? strchr(at, '[') : NULL;
        for (unsigned c = 0; c < 3 && at; c++) {
            channels[c][i] = strtod(at + 1, &at);
            at += strcspn(at, ",]");
        }
        if (!at)
            return false;
    }
    return true;
}

TEST(coarse_bands_say_what_fine_ones_say)
{
    static const struct {
        const char *name;
        unsigned column;
    } lights[] = {{"A", 1}, {"D65", 7}, {"FL2", 11}, {"FL11", 20}, {"LED-B3", 29}};
    static double camera[3][FINE], light[FINE], patch[FINE];
    if (!read_camera(SPECTRAL "camera/Canon_EOS_5D_380_780_5.json", camera))
        SKIP("../shared/data/spectral is not here");
    for (unsigned i = 0; i < BASE_COUNT(lights); i++) {
        struct spectrum coarse = light_of(lights[i].name, 0);
        struct spectra_curves curves = spectra_curves(1);
        REQUIRE(read_column(SPECTRAL "illuminants_380_780_5.csv", lights[i].column, light));
        for (unsigned p = 0; p < 24; p++) {
            double fine[3] = {0}, rgb[3];
            REQUIRE(read_column(
                SPECTRAL "colorchecker24_babelcolor_average_reflectance.csv", p + 1, patch));
            for (unsigned k = 0; k < 3 * FINE; k++)
                fine[k / FINE] += camera[k / FINE][k % FINE] * light[k % FINE] * patch[k % FINE];
            direct(&curves, &coarse, p, rgb);
            CHECK_NEAR(rgb[0] / rgb[1] / (fine[0] / fine[1]), 1, 0.02);
            CHECK_NEAR(rgb[2] / rgb[1] / (fine[2] / fine[1]), 1, 0.02);
        }
    }
}

int main(void)
{
    RUN(lights_have_their_chromaticities);
    RUN(tint_is_off_the_locus);
    RUN(patches_are_what_their_spectra_say);
    RUN(gray_paint_has_the_colour_of_the_light);
    RUN(light_changes_at_its_frame);
    RUN(profiles_have_two_lights);
    RUN(coarse_bands_say_what_fine_ones_say);
    return test_report();
}
