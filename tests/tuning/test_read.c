/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tuning files as they are, in all three shapes, and what is said of those that are wrong. */
#include "tests/harness/test.h"
#include "tests/tuning/shared.h"

#include <softisp/tuning.h>

#include <errno.h>

static struct sisp_tuning tuning;
static char error[512];

static int read_text(const char *text)
{
    memset(&tuning, 0, sizeof(tuning));
    error[0] = '\0';
    return sisp_tuning_read(&tuning, "t.yaml", text, strlen(text), error, sizeof(error));
}

static bool has(enum sisp_tuning_part part)
{
    return tuning.parts >> part & 1;
}

/* A sentence of that kind that holds that word. */
static bool finds(enum sisp_finding kind, const char *word)
{
    char text[1024];
    int found;
    for (unsigned i = 0; (found = sisp_tuning_finding(&tuning, i, text, sizeof(text))) >= 0; i++) {
        if (found == (int)kind && strstr(text, word))
            return true;
    }
    return false;
}

TEST(all_seventeen_shared_files_load)
{
    char path[PATH_MAX];
    if (!shared_tuning(path, shared_tunings[0]))
        SKIP("no shared data");
    for (unsigned i = 0; i < SHARED_TUNINGS; i++) {
        bool is_scientific = strstr(shared_tunings[i], "scientific");
        REQUIRE(shared_tuning(path, shared_tunings[i]));
        error[0] = '\0';
        CHECK_EQ(sisp_tuning_load(&tuning, path, error, sizeof(error)), 0);
        CHECK_STR(error, "");
        CHECK_EQ(tuning.parts & ((1u << SISP_TUNING_PROFILE) - 1),
            ((1u << SISP_TUNING_PROFILE) - 1) ^ (is_scientific ? 1u << SISP_TUNING_SHADING : 0));
        CHECK_EQ(finds(SISP_FINDING_LACKS, "lens shading: not in the file"), is_scientific);
        CHECK_STR(tuning.target, *shared_tunings[i] == 'p' ? "pisp" : "bcm2835");
    }
}

TEST(numbers_of_a_shared_file)
{
    char path[PATH_MAX];
    if (!shared_tuning(path, "vc4/imx219"))
        SKIP("no shared data");
    REQUIRE(sisp_tuning_load(&tuning, path, error, sizeof(error)) == 0);
    CHECK_NEAR((double)tuning.black_level[SISP_SITE_GB], 0.0625, 1e-9);
    CHECK_EQ(tuning.white_count, 7);
    CHECK_EQ(tuning.prior_count, 3);
    CHECK_EQ(tuning.priors[2].count, 6);
    CHECK_EQ(tuning.color_count, 6);
    CHECK_NEAR((double)tuning.colors[0].kelvin, 2860, 0);
    CHECK_EQ(tuning.shading.count, 3);
    CHECK_EQ(tuning.shading.cols, 33);
    CHECK_EQ(tuning.shading.rows, 25);
    /* The middle of the table's second cell of the first row is a knot, with the file's value. */
    CHECK_NEAR((double)tuning.shading.luminance[33 + 3], 2.568, 1e-6);
    CHECK_NEAR((double)tuning.shading.strength, 0.7, 1e-6);
    CHECK_NEAR((double)tuning.shading.tables[1].kelvin, 3850, 0);
    CHECK_EQ(tuning.tone_count, 33);
    /* 4900 electrons of full well. */
    CHECK_NEAR((double)tuning.noise_shot, 1 / 4866.0, 1e-7);
    CHECK_NEAR((double)tuning.lux.lux, 998, 0);
}

TEST(version_1_with_tabs_and_trailing_commas)
{
    REQUIRE(
        read_text("{\n\t\"rpi.black_level\": { \"black_level\": 4096, },\n"
                  "\t\"rpi.ccm\":\n\t{\n\t\t\"ccms\": [ { \"ct\":4000, \"ccm\":[ 2,-1,0,\n"
                  "\t-0.5, 2.0, -5e-1, 0,-1.25,+2.25, ], }, ],\n\t},\n\t\"rpi.af\": {}\n}\n") == 0);
    CHECK_STR(error, "");
    CHECK(has(SISP_TUNING_BLACK) && has(SISP_TUNING_COLOR));
    CHECK_NEAR((double)tuning.colors[0].ccm[7], -1.25, 0);
    CHECK_NEAR((double)tuning.colors[0].ccm[5], -0.5, 0);
    CHECK_STR(tuning.unused, "rpi.af");
    CHECK(finds(SISP_FINDING_NOTE, "at 4000 K only"));
}

TEST(yaml_in_libcameras_shape)
{
    REQUIRE(read_text("%YAML 1.1\n---\nversion: 1\nalgorithms:\n  - Agc:\n"
                      "  - BlackLevelCorrection:\n      R: 256\n      Gr: 512\n      Gb: 512\n"
                      "      B: 1024\n"
                      "  - Awb:\n      colourGains:\n        - ct: 2500\n"
                      "          gains: [ 1.25, 4.0 ]\n        - ct: 6500\n"
                      "          gains: [ 2.0, 1.6 ]\n      priors:\n        - lux: 0\n"
                      "          ct: [ 2000, 3000 ]\n          probability: [ 1.0, 0 ]\n"
                      "  - Ccm:\n      ccms:\n        - ct: 6500\n"
                      "          ccm: [ 1, 0, 0,\n                 0, 1, 0,\n"
                      "                 0, 0, 1 ]\n"
                      "  - LensShadingCorrection:\n      x-size: [ 0.5 ]\n"
                      "      y-size: [ 0.25, 0.25 ]\n      sets:\n        - ct: 5000\n"
                      "          r: [ 2048,2048,2048,2048,2048,2048,2048,2048,2048,2048,2048,2048,"
                      "2048,2048,2048 ]\n"
                      "          gr: [ 1024,1024,1024,1024,1024,1024,1024,1024,1024,1024,1024,1024,"
                      "1024,1024,1024 ]\n"
                      "          gb: [ 1024,1024,1024,1024,1024,1024,1024,1024,1024,1024,1024,1024,"
                      "1024,1024,1024 ]\n"
                      "          b: [ 1536,1536,1536,1536,1536,1536,1536,1536,1536,1536,1536,1536,"
                      "1536,1536,1536 ]\n...\n") == 0);
    CHECK_NEAR((double)tuning.black_level[SISP_SITE_B], 1.0 / 64, 0);
    CHECK_NEAR((double)tuning.white[0].red_over_green, 0.8, 1e-6);
    CHECK_NEAR((double)tuning.white[1].blue_over_green, 0.625, 1e-6);
    CHECK_NEAR((double)tuning.priors[0].log_likelihood[0], 1, 0);
    CHECK_EQ(tuning.color_count, 1);
    CHECK_EQ(tuning.shading.cols, 3);
    CHECK_EQ(tuning.shading.rows, 5);
    CHECK_NEAR((double)tuning.shading.tables[0].red[14], 2, 0);
    CHECK_NEAR((double)tuning.shading.tables[0].blue[14], 1.5, 0);
    CHECK_STR(tuning.unused, "Agc");
}

TEST(errors_name_file_line_and_key)
{
    static const struct {
        const char *text, *sentence;
    } cases[] = {
        {"", "t.yaml:1: the file is empty"},
        {"[1]", "t.yaml:1: 'the file' is a map with sections"},
        {"version: 3\n", "t.yaml:1: 'version' is a number from 1 to 2, not '3'"},
        {"version: 2\nalgorithms:\n - rpi.black_level:\n     black_level: 1,5\n",
            "t.yaml:4: 'algorithms[0].rpi.black_level.black_level' is a number from 0 to 32768, "
            "not '1,5'"},
        {"rpi.ccm:\n  ccms:\n    - ct: 3000\n      ccm: [1, 2, 3]\n",
            "t.yaml:4: 'rpi.ccm.ccms[0].ccm' is a list of 9 numbers, not of 3"},
        {"rpi.ccm:\n  ccms:\n    - ccm: [1, 0, 0, 0, 1, 0, 0, 0, 1]\n",
            "t.yaml:3: 'rpi.ccm.ccms[0]' lacks 'ct'"},
        {"rpi.ccm:\n  ccms:\n    - ct: 3000\n      ccm: [1, 0, 0, 0, 1, 0, 0, 0, nan]\n",
            "t.yaml:4: 'rpi.ccm.ccms[0].ccm[8]' is a number from -16 to 16, not 'nan'"},
        {"rpi.ccm:\n  ccms:\n    - {ct: 3000, ccm: [1,0,0,0,1,0,0,0,1]}\n"
         "    - {ct: 3000, ccm: [1,0,0,0,1,0,0,0,1]}\n",
            "t.yaml:3: 'rpi.ccm.ccms' does not rise: 3000 comes after 3000"},
        {"rpi.alsc:\n  luminance_lut: [1, 1]\n  calibrations_Cr: [1]\n  calibrations_Cb: [1]\n",
            "t.yaml:2: 'rpi.alsc.luminance_lut' is a list of 16 x 12 or 32 x 32 numbers"},
        {"rpi.awb: {}\nrpi.awb: {}\n", "t.yaml:2: 'rpi.awb' is there twice"},
        {"rpi.lux:\n  reference_shutter_speed: 100\n  reference_gain: 1\n  reference_lux: 9\n"
         "  reference_Y: 65536\n",
            "t.yaml:5: 'rpi.lux.reference_Y' is a number from 0.001 to 65535, not '65536'"},
        {"version: 2\nalgorithms:\n - rpi.awb: {ct_curve: [3000, 1, 0.4, 6000, 0.5, 0.8]}\n"
         " - Awb: {sensitivity_r: 2}\n",
            "t.yaml:4: 'algorithms[1].Awb' is the second of its kind"},
        {"rpi.awb: &a {}\n", "t.yaml:1: anchors, aliases and tags are not for this file"},
        {"a: [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]\n",
            "t.yaml:1: in 'a[0][0][0][0][0][0][0][0][0][0][0][0][0][0]' it is nested too deeply"},
        {"rpi.af: {}\n", "t.yaml:1: 'the file' holds nothing that is used: neither Raspberry Pi's "
                         "sections nor libcamera's"},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK_EQ(read_text(cases[i].text), -EINVAL);
        CHECK_STR(error, cases[i].sentence);
        CHECK_EQ(tuning.parts & ((1u << SISP_TUNING_PROFILE) - 1), 0);
    }
    CHECK_EQ(sisp_tuning_load(&tuning, "/nowhere.json", error, sizeof(error)), -ENOENT);
    CHECK_STR(error, "/nowhere.json: No such file or directory");
}

TEST(numbers_are_read_whatever_they_look_like)
{
    static const struct {
        const char *text;
        double value;
    } cases[] = {{"512", 512}, {"5.12E2", 512}, {"51200e-2", 512}, {"+512.", 512},
        {"0.000000000000000000000512e24", 512}, {"512000000000000000000000e-21", 512},
        {"512.000000000000000000000000001", 512}, {".5", 0.5}};
    static const char *const wrong[] = {"", ".", "-", "1e", "0x10", "1 2", "inf", "1e99", "1.2.3"};
    char text[128];
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text), "rpi.black_level: {black_level: \"%s\"}", cases[i].text);
        CHECK_EQ(read_text(text), 0);
        CHECK_NEAR((double)tuning.black_level[0] * 65536, cases[i].value, cases[i].value * 1e-6);
    }
    for (unsigned i = 1; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        snprintf(text, sizeof(text), "rpi.black_level: {black_level: \"%s\"}", wrong[i]);
        CHECK_EQ(read_text(text), -EINVAL);
    }
}

TEST(findings_tell_wrong_from_missing)
{
    REQUIRE(read_text("rpi.ccm: {ccms: [{ct: 3000, ccm: [1.2,0,0, 0,1,0, 0,0,1]}]}\n"
                      "rpi.awb: {ct_curve: [3000, 0.5, 0.9, 6000, 0.9, 0.5]}\n") == 0);
    CHECK(finds(SISP_FINDING_WRONG, "row 1 sums to 1.200"));
    CHECK(finds(SISP_FINDING_WRONG, "from 3000 K to 6000 K"));
    CHECK(finds(SISP_FINDING_LACKS, "black level"));
    CHECK(finds(SISP_FINDING_LACKS, "lens shading"));
    CHECK(finds(SISP_FINDING_NOTE, "noise profile"));
    CHECK(!finds(SISP_FINDING_LACKS, "colour matrices"));
}

int main(void)
{
    RUN(all_seventeen_shared_files_load);
    RUN(numbers_of_a_shared_file);
    RUN(version_1_with_tabs_and_trailing_commas);
    RUN(yaml_in_libcameras_shape);
    RUN(errors_name_file_line_and_key);
    RUN(numbers_are_read_whatever_they_look_like);
    RUN(findings_tell_wrong_from_missing);
    return test_report();
}
