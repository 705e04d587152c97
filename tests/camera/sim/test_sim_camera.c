/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim_test.h"
#include "base/base.h"
#include "base/hash.h"

#include <errno.h>
#include <math.h>

static const struct sisp_rect middle = {140, 100, 40, 40};

TEST(same_seed_and_controls_give_the_same_bytes)
{
    struct sim_test a = sim_open("SRGGB10", 320, 240), b = sim_open("SRGGB10", 320, 240);
    for (unsigned i = 0; i < 4; i++) {
        struct sisp_camera_controls controls = {5000 + 1000.0f * (float)i, 1.5f};
        sisp_camera_set_controls(a.camera, &controls);
        sisp_camera_set_controls(b.camera, &controls);
        sim_read(&a);
        sim_read(&b);
        CHECK(memcmp(a.bytes, b.bytes, a.size_bytes) == 0);
    }
    struct sisp_camera *other;
    struct sisp_camera_params params = {.width = 320, .height = 240, .seed = 8};
    REQUIRE(sisp_camera_open_sim(&other, &params) == 0);
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(sisp_camera_read(other, b.bytes, b.size_bytes), 0);
    CHECK(memcmp(a.bytes, b.bytes, a.size_bytes) != 0);
    sisp_camera_destroy(&other);
    sim_close(&a);
    sim_close(&b);
}

/* Pinned, so that every compiler and machine is held to the same bytes. Changes with the scene. */
TEST(bytes_are_the_same_on_every_machine)
{
    struct sim_test test = sim_open("SGRBG12", 320, 240);
    char text[BASE_HASH_TEXT];
    sim_read_with(&test, 20000, 3);
    base_hash_text(base_hash_bytes(test.bytes, test.size_bytes), text);
    CHECK_STR(text, "a4a3682c43a920b8059b9f86a68c8bb0");
    sim_close(&test);
}

TEST(controls_hold_from_the_second_frame_on)
{
    struct sim_test test = sim_open("SRGGB12", 320, 240);
    struct sisp_camera_limits limits = sisp_camera_limits(test.camera);
    CHECK_EQ(limits.delay_frames, 2);
    CHECK_EXACT(limits.exposure_us_min, 100);
    CHECK_EXACT(limits.exposure_us_max, 33330);
    CHECK_EXACT(limits.analogue_gain_min, 1);
    CHECK_EXACT(limits.analogue_gain_max, 16);
    double green[8];
    for (unsigned i = 0; i < 8; i++) {
        if (i == 2)
            sisp_camera_set_controls(test.camera, &(struct sisp_camera_controls){1000, 1});
        if (i == 4)
            sisp_camera_set_controls(test.camera, &(struct sisp_camera_controls){1e9f, NAN});
        sim_read(&test);
        struct sisp_camera_controls applied = sisp_camera_applied(test.camera);
        CHECK_EXACT(applied.exposure_us, i < 3 ? 10000 : i < 5 ? 1000 : 33330);
        CHECK_EXACT(applied.analogue_gain, 1);
        double light = sim_mean(&test, test.radiance, middle, SISP_SITE_GR);
        green[i] = (sim_mean(&test, test.codes, middle, SISP_SITE_GR) - 256) / light;
    }
    CHECK_NEAR(green[2] / green[0], 1, 0.01);
    CHECK_NEAR(green[3] / green[2], 0.1, 0.002);
    CHECK_NEAR(green[4] / green[3], 1, 0.02);
    CHECK(green[5] / green[4] > 10);
    sim_close(&test);
}

static void check_same_samples(const char *packed_name, const char *unpacked_name)
{
    /* 66 samples end inside a packed group. */
    struct sim_test packed = sim_open(packed_name, 66, 64);
    struct sim_test unpacked = sim_open(unpacked_name, 66, 64);
    sim_read(&packed);
    sim_read(&unpacked);
    CHECK(memcmp(packed.codes, unpacked.codes, 66 * 64 * 2) == 0);
    CHECK_EQ(packed.info->stride_bytes, sisp_raw_row_bytes(packed.format->packing, 66));
    sim_close(&packed);
    sim_close(&unpacked);
}

TEST(packed_and_unpacked_formats_hold_the_same_samples)
{
    check_same_samples("SRGGB10P", "SRGGB10");
    check_same_samples("SBGGR12P", "SBGGR12");
    check_same_samples("SGBRG14P", "SGBRG14");
    check_same_samples("IPU3_SGRBG10", "SGRBG10");
}

/* Every depth is the same signal, rounded. */
TEST(depths_agree_with_each_other)
{
    struct sim_test deep = sim_open("SRGGB16", 128, 96);
    sim_read(&deep);
    static const char *const names[] = {"SRGGB8", "SRGGB10", "SRGGB12", "SRGGB14"};
    for (unsigned i = 0; i < BASE_COUNT(names); i++) {
        struct sim_test test = sim_open(names[i], 128, 96);
        unsigned drop = 16u - test.format->bits, largest = 0;
        sim_read(&test);
        CHECK_EXACT(test.info->black_level[0] * (float)(1u << drop), deep.info->black_level[0]);
        for (unsigned p = 0; p < 128 * 96; p++) {
            int difference = abs((test.codes[p] << drop) - deep.codes[p]);
            largest = (unsigned)difference > largest ? (unsigned)difference : largest;
        }
        CHECK(largest <= (1u << drop));
        sim_close(&test);
    }
    sim_close(&deep);
}

TEST(background_moves_as_the_truth_says)
{
    struct sim_test test = sim_open("SRGGB10", 320, 240);
    uint16_t *before = malloc(320 * 240 * 2);
    int32_t x0, y0, x1, y1, travelled = 0;
    REQUIRE(before != NULL);
    for (uint64_t n = 0; n < 400; n += 40) {
        sim_truth_scene(test.camera, n, before);
        sim_truth_scene(test.camera, n + 3, test.radiance);
        sim_truth_origin(test.camera, n, &x0, &y0);
        sim_truth_origin(test.camera, n + 3, &x1, &y1);
        CHECK_EQ((x0 | y0 | x1 | y1) & 1, 0);
        travelled += abs(x1 - x0) + abs(y1 - y0);
        unsigned same = 0, all = 0;
        for (int32_t y = 0; y < 240; y++) {
            for (int32_t x = 0; x < 320; x++) {
                int32_t u = x + x0 - x1, v = y + y0 - y1;
                if (u < 0 || v < 0 || u >= 320 || v >= 240)
                    continue;
                all++;
                same += before[y * 320 + x] == test.radiance[v * 320 + u];
            }
        }
        /* The rest is under the moving objects. */
        CHECK(same > all * 85 / 100 && same < all && all > 320 * 240 * 9 / 10);
    }
    CHECK(travelled > 10);
    free(before);
    sim_close(&test);
}

TEST(stillness_and_plain_scenes)
{
    struct sim_test test = sim_open_params(&(struct sisp_camera_params){
        .width = 320, .height = 240, .raw_format = "SRGGB10", .options = "motion=off,scene=park"});
    uint16_t *first = malloc(320 * 240 * 2);
    REQUIRE(first != NULL);
    sim_truth_scene(test.camera, 0, first);
    uint64_t before = 0;
    for (unsigned n = 0; n < 3; n++) {
        sim_read(&test);
        CHECK(memcmp(first, test.radiance, 320 * 240 * 2) == 0);
        uint64_t hash = base_hash_bytes(test.bytes, test.size_bytes).low;
        CHECK(hash != before); /* the noise goes on */
        before = hash;
    }
    sim_close(&test);
    free(first);
    static const char *const options[] = {"scene=wall", "scene=stripes,motion=off"};
    for (unsigned i = 0; i < 2; i++) {
        float color[3];
        struct sisp_rect rect;
        test = sim_open_params(&(struct sisp_camera_params){
            .width = 320, .height = 240, .raw_format = "SRGGB10", .options = options[i]});
        sim_read(&test);
        CHECK(!sim_truth_patch(test.camera, 0, 0, &rect, color));
        unsigned dark = 65535, light = 0, turns = 0;
        for (uint32_t y = 1; y < 240; y += 2) { /* rows with green first */
            unsigned level = test.radiance[y * 320];
            for (uint32_t x = 0; x < 320; x += 2)
                CHECK_EQ(test.radiance[y * 320 + x], level);
            turns += y > 1 && (level > 16384) != (test.radiance[(y - 2) * 320] > 16384);
            dark = level < dark ? level : dark;
            light = level > light ? level : light;
        }
        CHECK(i ? turns >= 23 && turns <= 25 : turns == 0);
        CHECK_NEAR((double)light / dark, i ? 4 : 1, 0.15);
        sim_close(&test);
    }
}

TEST(frames_stay_inside_the_background_for_ever)
{
    struct sim_test test = sim_open("SRGGB10", 64, 64);
    static const uint64_t starts[] = {0, 1u << 23, (1u << 23) - 50, UINT64_MAX - 99};
    for (unsigned i = 0; i < BASE_COUNT(starts); i++) {
        for (uint64_t n = starts[i]; n - starts[i] < 100; n++) {
            int32_t x, y;
            sim_truth_origin(test.camera, n, &x, &y);
            CHECK(x >= 0 && x <= 32 && y >= 0 && y <= 16);
        }
    }
    sim_close(&test);
}

/* The patches of the chart are where and what the truth says, through the profile's matrix. */
TEST(profile_and_chart_agree)
{
    static const float xyz_of_rgb[3][3] = {{0.4124564f, 0.3575761f, 0.1804375f},
        {0.2126729f, 0.7151522f, 0.0721750f}, {0.0193339f, 0.1191920f, 0.9503041f}};
    static const unsigned site_of_row[3] = {SISP_SITE_R, SISP_SITE_GB, SISP_SITE_B};
    static const char *const names[] = {"SRGGB10", "SGRBG10", "SGBRG10", "SBGGR10"};
    for (unsigned i = 0; i < BASE_COUNT(names); i++) {
        struct sim_test test = sim_open(names[i], 640, 480);
        unsigned seen = 0;
        sim_read(&test);
        for (unsigned patch = 0; patch < SCENE_PATCHES; patch++) {
            struct sisp_rect rect;
            float color[3];
            if (!sim_truth_patch(test.camera, 0, patch, &rect, color))
                continue;
            seen++;
            for (unsigned c = 0; c < 3; c++) {
                const float *row = test.info->profile.color_matrix[0] + 3 * c;
                float expected = 0;
                for (unsigned k = 0; k < 3; k++)
                    expected +=
                        row[k] * (xyz_of_rgb[k][0] * color[0] + xyz_of_rgb[k][1] * color[1] +
                                     xyz_of_rgb[k][2] * color[2]);
                double is = sim_mean(&test, test.radiance, rect, site_of_row[c]) / 65536;
                CHECK_NEAR(is, (double)expected, 0.0001);
            }
        }
        CHECK(seen >= 20);
        sim_close(&test);
    }
}

static int try_open(struct sisp_camera_params params)
{
    struct sisp_camera *camera;
    int error = sisp_camera_open_sim(&camera, &params);
    CHECK((camera != NULL) == (error == 0));
    sisp_camera_destroy(&camera);
    return error;
}

TEST(bad_parameters_are_refused)
{
    struct sisp_camera_params good = {.width = 64, .height = 64}, bad = good;
    CHECK_EQ(try_open(good), 0);
    bad.width = 62;
    CHECK_EQ(try_open(bad), -EINVAL);
    bad.width = 65;
    CHECK_EQ(try_open(bad), -EINVAL);
    bad = good;
    bad.raw_format = "";
    CHECK_EQ(try_open(bad), -EINVAL);
    bad = good;
    bad.fps_num = 30;
    CHECK_EQ(try_open(bad), -EINVAL);
    bad.fps_num = 0;
    bad.fps_den = 1;
    CHECK_EQ(try_open(bad), -EINVAL);
    bad.fps_num = 20000;
    CHECK_EQ(try_open(bad), -EINVAL);
}

TEST(a_wrong_size_is_refused_and_no_frame_lost)
{
    struct sim_test test = sim_open("SRGGB8", 64, 64), twin = sim_open("SRGGB8", 64, 64);
    CHECK_EQ(sisp_camera_read(test.camera, test.bytes, test.size_bytes - 1), -EINVAL);
    sim_read(&test);
    sim_read(&twin);
    CHECK(memcmp(test.bytes, twin.bytes, test.size_bytes) == 0);
    sim_close(&test);
    sim_close(&twin);
}

int main(void)
{
    RUN(same_seed_and_controls_give_the_same_bytes);
    RUN(bytes_are_the_same_on_every_machine);
    RUN(controls_hold_from_the_second_frame_on);
    RUN(packed_and_unpacked_formats_hold_the_same_samples);
    RUN(depths_agree_with_each_other);
    RUN(background_moves_as_the_truth_says);
    RUN(stillness_and_plain_scenes);
    RUN(frames_stay_inside_the_background_for_ever);
    RUN(profile_and_chart_agree);
    RUN(bad_parameters_are_refused);
    RUN(a_wrong_size_is_refused_and_no_frame_lost);
    return test_report();
}
