/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The CFA order as a raw frame tells it: real frames and simulated ones under each order. */
#include "tests/camera/raw_common.h"

#include <softisp/camera.h>

#include <string.h>

#define FILE_BYTES_MAX (32u << 20)

struct order_case {
    const char *name, *format; /* format: headerless */
    uint32_t width, height;
    float black;
    enum sisp_cfa_verdict own; /* with its own order */
};

static const struct order_case cases[] = {
    {"canon550d_colorchecker/colorchart.dng", NULL, 0, 0, 0, SISP_CFA_PLAUSIBLE},
    {"pi_1920x1200/wheel_b.dng.xz", NULL, 0, 0, 0, SISP_CFA_PLAUSIBLE},
    {"pi_1920x1200/dark_a.dng.xz", NULL, 0, 0, 0, SISP_CFA_UNKNOWN},
    {"pi_imx296/static_a/frame_00.dng.xz", NULL, 0, 0, 0, SISP_CFA_PLAUSIBLE},
    {"pi_imx296/dark_frame_a.dng.xz", NULL, 0, 0, 0, SISP_CFA_UNKNOWN},
    {"pi_imx296/overexposed_flat.dng.xz", NULL, 0, 0, 0, SISP_CFA_UNKNOWN},
    {"infinite_isp/Outdoor1_2592x1536_8bit_GRBG.raw.xz", "SGRBG8", 2592, 1536, 12,
        SISP_CFA_PLAUSIBLE},
    {"infinite_isp/Outdoor3_2592x1536_8bit_GRBG.raw.xz", "SGRBG8", 2592, 1536, 12,
        SISP_CFA_PLAUSIBLE},
    {"infinite_isp/BlackImage_1920x1080_12bit_BGGR_u16le.raw.xz", "SBGGR12", 1920, 1080, 0,
        SISP_CFA_UNKNOWN},
    {"nikon_d810_crop/DSC_1339_768x512_14bit_RGGB_u16le.raw", "SRGGB14", 768, 512, 600,
        SISP_CFA_PLAUSIBLE},
    {"openisp_chart/test_1920x1080_10bit_RGGB_u16le.raw.xz", "SRGGB10", 1920, 1080, 0,
        SISP_CFA_PLAUSIBLE},
};

static uint8_t *bytes;

static uint32_t fourcc_of(const struct sisp_raw_format *like, enum sisp_cfa cfa, bool is_mono)
{
    const struct sisp_raw_format *f = sisp_raw_formats;
    for (; f->name; f++) {
        if (f->bits == like->bits && f->packing == like->packing && f->is_mono == is_mono &&
            (is_mono || f->cfa == cfa))
            break;
    }
    return f->fourcc;
}

static bool on_main(enum sisp_cfa cfa)
{
    return cfa == SISP_CFA_GRBG || cfa == SISP_CFA_GBRG;
}

/* All orders, and none. Exchanged red and blue are not told apart. */
static void check_orders(
    struct sisp_raw_info info, const uint8_t *samples, enum sisp_cfa_verdict own, bool has_mono)
{
    const struct sisp_raw_format *format = sisp_raw_info_format(&info);
    struct sisp_cfa_check check;
    char text[256];
    for (unsigned cfa = 0; cfa < 4; cfa++) {
        bool is_same = on_main((enum sisp_cfa)cfa) == on_main(format->cfa);
        enum sisp_cfa_verdict want = is_same || own == SISP_CFA_UNKNOWN ? own : SISP_CFA_OTHER;
        info.fourcc = fourcc_of(format, (enum sisp_cfa)cfa, false);
        sisp_cfa_check(&info, samples, &check);
        CHECK_EQ(check.verdict, want);
        CHECK((sisp_cfa_check_text(&check, text, sizeof(text)) != NULL) == (want > 1));
        if (want == SISP_CFA_OTHER) {
            CHECK(check.likely[0] == format->cfa || check.likely[1] == format->cfa);
            CHECK(strstr(text, sisp_cfa_name(format->cfa)) != NULL);
        }
    }
    if (!has_mono)
        return;
    info.fourcc = fourcc_of(format, SISP_CFA_RGGB, true);
    sisp_cfa_check(&info, samples, &check);
    CHECK_EQ(check.verdict == SISP_CFA_MOSAIC, own == SISP_CFA_PLAUSIBLE);
}

TEST(real_frames_tell_their_order)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct order_case *c = &cases[i];
        const struct sisp_raw_open_params params = {.raw_format = c->format,
            .width = c->width,
            .height = c->height,
            .black_count = c->format ? 1 : 0,
            .black_level = {c->black}};
        struct sisp_raw_file *file;
        char error[256];
        size_t size_bytes = load_shared(c->name, bytes, FILE_BYTES_MAX);
        if (size_bytes == 0)
            SKIP("no shared data");
        CHECK_EQ(open_bytes(&file, bytes, size_bytes, &params, error), 0);
        REQUIRE(file != NULL);
        /* The wheel's raw was balanced before it was stored: its colours are too near to grey. */
        bool is_colored = !strstr(c->name, "wheel");
        check_orders(*sisp_raw_file_info(file), sisp_raw_file_samples(file), c->own, is_colored);
        sisp_raw_file_destroy(&file);
    }
}

/* Packed rows of an odd width end in the middle of a group: blocks at the right edge stay inside
 * the frame's bytes. */
TEST(simulated_frames_tell_their_order)
{
    static const char *const formats[] = {
        "SRGGB10", "SGBRG12", "SBGGR8", "SGRBG10P", "SRGGB12P", "SBGGR14P"};
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        struct sisp_camera_params params = {
            .width = 322, .height = 202, .raw_format = formats[i], .seed = i};
        struct sisp_camera *camera;
        REQUIRE(sisp_camera_open_sim(&camera, &params) == 0);
        const struct sisp_raw_info *info = sisp_camera_info(camera);
        size_t size_bytes = sisp_raw_info_size_bytes(info);
        uint8_t *frame = malloc(size_bytes); /* its own: a sanitizer sees its end */
        REQUIRE(frame != NULL);
        CHECK_EQ(sisp_camera_read(camera, frame, size_bytes), 0);
        check_orders(*info, frame, SISP_CFA_PLAUSIBLE, true);
        free(frame);
        sisp_camera_destroy(&camera);
    }
}

static struct sisp_raw_info grey_info(const char *format)
{
    return (struct sisp_raw_info){.fourcc = sisp_raw_format_find(format)->fourcc,
        .width = 400,
        .height = 300,
        .stride_bytes = 400,
        .crop = {0, 0, 400, 300},
        .white_level = 255};
}

TEST(monochrome_is_told_from_a_mosaic)
{
    static uint8_t frame[300 * 400];
    struct sisp_raw_info info = grey_info("SGBRG8");
    struct sisp_cfa_check check;
    for (unsigned i = 0; i < sizeof(frame); i++) /* from dark to light */
        frame[i] = (uint8_t)(20 + i % 400 / 2);
    sisp_cfa_check(&info, frame, &check);
    CHECK_EQ(check.verdict, SISP_CFA_MONO);
    info = grey_info("GREY");
    sisp_cfa_check(&info, frame, &check);
    CHECK_EQ(check.verdict, SISP_CFA_PLAUSIBLE);
    /* A grey wall may be anything. */
    info = grey_info("SGBRG8");
    memset(frame, 100, sizeof(frame));
    sisp_cfa_check(&info, frame, &check);
    CHECK_EQ(check.verdict, SISP_CFA_UNKNOWN);
}

TEST(a_frame_too_small_tells_nothing)
{
    static const uint8_t frame[30 * 30];
    struct sisp_raw_info info = grey_info("SRGGB8");
    struct sisp_cfa_check check;
    info.width = info.height = info.crop.width = info.crop.height = 30;
    info.stride_bytes = 30;
    sisp_cfa_check(&info, frame, &check);
    CHECK_EQ(check.verdict, SISP_CFA_UNKNOWN);
}

int main(void)
{
    bytes = malloc(FILE_BYTES_MAX);
    if (!bytes)
        return 1;
    RUN(real_frames_tell_their_order);
    RUN(simulated_frames_tell_their_order);
    RUN(monochrome_is_told_from_a_mosaic);
    RUN(a_frame_too_small_tells_nothing);
    free(bytes);
    return test_report();
}
