/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is written can be read back: pixels, orientation, profile, EXIF, for each format. */
#include "folder.h"
#include "read_back.h"

#include <softisp/writer.h>

#include "harness/test.h"

#include <errno.h>
#include <math.h>
#include <unistd.h>
#if OUT_HAVE_EXIF
#include <libexif/exif-data.h>
#endif

static const char *const lossless[] = {"a.png", "a.tif", "a.ppm"};
static const struct sisp_exif camera = {
    .make = "Maker",
    .model = "Model 3",
    .lens = "35mm F2",
    .date_time = "2024:02:29 23:59:58",
    .exposure_us = 16666.67,
    .iso = 400,
    .f_number = 2.8,
    .focal_length_mm = 35.5,
};

static bool is_available(const char *name)
{
    const struct sisp_writer *writer = sisp_writer_find(name);
    return writer && writer->available;
}

/* Write to the folder, read back. Prints why not. */
static bool pass_through(struct read_back *back, const char *name, const struct sisp_image *image,
    const struct sisp_write_params *params)
{
    char error[200] = "";
    const char *path = folder_path(name);
    *back = (struct read_back){0};
    int code = sisp_write_image(sisp_writer_find(name), path, image, params, error, sizeof(error));
    if (code)
        printf("%s: %d %s\n", name, code, error);
    return code == 0 && read_back(back, path);
}

TEST(writers_are_found_by_extension)
{
    CHECK_STR(sisp_writer_find("/a.b/c.JPG")->name, "jpeg");
    CHECK_STR(sisp_writer_find(".jpeg")->name, "jpeg");
    CHECK_STR(sisp_writer_find("x.tar.Tif")->name, "tiff");
    CHECK_STR(sisp_writer_find("x.tiff")->name, "tiff");
    CHECK_STR(sisp_writer_find("x.png")->name, "png");
    CHECK_STR(sisp_writer_find("x.ppm")->name, "ppm");
    CHECK(!sisp_writer_find("x.jp"));
    CHECK(!sisp_writer_find("x.p"));
    CHECK(!sisp_writer_find("x."));
    CHECK(!sisp_writer_find("a.png/x"));
    CHECK(!sisp_writer_find("png"));
    CHECK(!sisp_writer_find("."));
    CHECK(!sisp_writer_find(""));
}

/* EXIF 2.32, 4.6.4, Orientation: which side of the upright picture row 0 and column 0 are. */
enum side { TOP, BOTTOM, LEFT, RIGHT };
static const enum side sides[9][2] = {{TOP, LEFT}, {TOP, LEFT}, {TOP, RIGHT}, {BOTTOM, RIGHT},
    {BOTTOM, LEFT}, {LEFT, TOP}, {RIGHT, TOP}, {RIGHT, BOTTOM}, {LEFT, BOTTOM}};

struct place {
    uint32_t x, y;
};

static void put(struct place *place, const struct read_back *back, enum side side, uint32_t index)
{
    if (side == TOP)
        place->y = index;
    else if (side == BOTTOM)
        place->y = back->height - 1 - index;
    else if (side == LEFT)
        place->x = index;
    else
        place->x = back->width - 1 - index;
}

static unsigned count_wrong(
    const struct read_back *back, const struct sisp_image *image, uint32_t orientation)
{
    bool turned = orientation >= 5;
    if (back->width != (turned ? image->height : image->width) ||
        back->height != (turned ? image->width : image->height))
        return UINT32_MAX;
    unsigned wrong = 0;
    for (uint32_t y = 0; y < image->height; y++) {
        for (uint32_t x = 0; x < image->width; x++) {
            struct place place = {0};
            put(&place, back, sides[orientation][0], y);
            put(&place, back, sides[orientation][1], x);
            for (unsigned channel = 0; channel < 3; channel++)
                wrong += image_sample(image, x, y, channel) !=
                         back->samples[((size_t)place.y * back->width + place.x) * 3 + channel];
        }
    }
    return wrong;
}

static void check_exact(const char *name, enum sisp_pixel_format format, uint32_t width,
    uint32_t height, uint32_t orientation)
{
    struct sisp_image image = image_make(format, width, height, 7);
    struct sisp_write_params params = {.orientation = orientation, .is_srgb = 1};
    struct read_back back;
    CHECK(pass_through(&back, name, &image, &params));
    CHECK_EQ(back.bits, format == SISP_PIXEL_RGBA64 ? 16 : 8);
    CHECK_EQ(count_wrong(&back, &image, orientation), 0);
    read_back_finish(&back);
    image_finish(&image);
}

TEST(lossless_pixels_come_back_exactly_in_every_orientation)
{
    static const uint32_t sizes[][2] = {{1, 1}, {37, 5}, {5, 67}, {64, 32}, {101, 97}};
    static const enum sisp_pixel_format formats[] = {
        SISP_PIXEL_RGB24, SISP_PIXEL_XRGB8888, SISP_PIXEL_RGBA64};
    for (unsigned w = 0; w < 3; w++) {
        for (unsigned s = 0; s < 5 * 3 && is_available(lossless[w]); s++) {
            for (uint32_t orientation = 0; orientation <= 8; orientation++)
                check_exact(
                    lossless[w], formats[s / 5], sizes[s % 5][0], sizes[s % 5][1], orientation);
        }
    }
}

static double psnr(const struct read_back *back, const struct sisp_image *image)
{
    double sum = 0;
    for (uint32_t y = 0; y < image->height; y++) {
        for (uint32_t x = 0; x < image->width * 3; x++) {
            double d = back->samples[(size_t)y * back->width * 3 + x];
            d -= image_sample(image, x / 3, y, x % 3);
            sum += d * d;
        }
    }
    return 10 * log10(255.0 * 255.0 / (sum / (image->width * image->height * 3.0)));
}

TEST(jpeg_is_close_and_keeps_colour_from_quality_90_up)
{
    if (!is_available("a.jpg"))
        SKIP("built without libjpeg");
    struct sisp_image image = image_make(SISP_PIXEL_RGB24, 201, 103, 0);
    for (int quality = 89; quality <= 92; quality++) {
        struct sisp_write_params params = {.jpeg_quality = quality};
        struct read_back back;
        CHECK(pass_through(&back, "a.jpg", &image, &params));
        CHECK_EQ(back.chroma_share, quality >= 90 ? 1 : 2);
        CHECK(psnr(&back, &image) > 35);
        CHECK_EQ(back.icc_bytes, 0);
        CHECK(!back.exif);
        read_back_finish(&back);
    }
    image_finish(&image);
}

TEST(jpeg_is_turned_too)
{
    if (!is_available("a.jpg"))
        SKIP("built without libjpeg");
    struct sisp_image image = image_make(SISP_PIXEL_XRGB8888, 120, 40, 0);
    struct read_back back, straight;
    struct sisp_write_params params = {.orientation = 6, .exif = &camera};
    REQUIRE(pass_through(&back, "a.jpg", &image, &params));
    CHECK_EQ(back.width, 40);
    CHECK_EQ(back.height, 120);
    REQUIRE(pass_through(&straight, "b.jpg", &image, NULL));
    CHECK(psnr(&straight, &image) > 35);
    /* Turned clockwise, the bottom left corner comes to the top left. */
    for (unsigned channel = 0; channel < 3; channel++)
        CHECK_NEAR(back.samples[channel], image_sample(&image, 0, 39, channel), 6);
    read_back_finish(&back);
    read_back_finish(&straight);
    image_finish(&image);
}

TEST(profile_is_inside_where_asked)
{
#if OUT_HAVE_LCMS2
    static const char *const names[] = {"a.jpg", "a.png", "a.tif"};
    struct sisp_image image = image_make(SISP_PIXEL_RGB24, 9, 9, 3);
    for (unsigned i = 0; i < 3; i++) {
        if (!is_available(names[i]))
            continue;
        for (int is_srgb = 0; is_srgb < 2; is_srgb++) {
            struct sisp_write_params params = {.is_srgb = is_srgb};
            struct read_back back;
            CHECK(pass_through(&back, names[i], &image, &params));
            CHECK(is_srgb ? back.icc_bytes > 300 && back.icc_bytes < 4000 : back.icc_bytes == 0);
            CHECK(!back.has_srgb_chunk);
            read_back_finish(&back);
        }
    }
    image_finish(&image);
#else
    SKIP("built without lcms2");
#endif
}

#if OUT_HAVE_EXIF
static void check_entry(ExifData *data, int tag, const char *expected)
{
    char text[100] = "(none)";
    ExifEntry *entry = exif_data_get_entry(data, (ExifTag)tag);
    if (entry)
        exif_entry_get_value(entry, text, sizeof(text));
    CHECK_STR(text, expected);
}

static void check_exif(const struct read_back *back)
{
    uint8_t whole[4096] = "Exif\0";
    REQUIRE(back->exif && back->exif_bytes < sizeof(whole) - 6);
    memcpy(whole + 6, back->exif, back->exif_bytes);
    ExifData *data = exif_data_new();
    /* Otherwise libexif completes what is read by what the standard asks for. */
    exif_data_unset_option(data, EXIF_DATA_OPTION_FOLLOW_SPECIFICATION);
    exif_data_load_data(data, whole, (unsigned)back->exif_bytes + 6);
    check_entry(data, EXIF_TAG_MAKE, "Maker");
    check_entry(data, EXIF_TAG_MODEL, "Model 3");
    check_entry(data, EXIF_TAG_LENS_MODEL, "35mm F2");
    check_entry(data, EXIF_TAG_SOFTWARE, "SoftISP " SISP_VERSION);
    check_entry(data, EXIF_TAG_DATE_TIME_ORIGINAL, "2024:02:29 23:59:58");
    check_entry(data, EXIF_TAG_EXPOSURE_TIME, "1/60 sec.");
    check_entry(data, EXIF_TAG_FNUMBER, "f/2.8");
    check_entry(data, EXIF_TAG_ISO_SPEED_RATINGS, "400");
    check_entry(data, EXIF_TAG_FOCAL_LENGTH, "35.5 mm");
    check_entry(data, EXIF_TAG_ORIENTATION, "Top-left");
    check_entry(data, EXIF_TAG_COLOR_SPACE, "sRGB");
    check_entry(data, EXIF_TAG_PIXEL_X_DIMENSION, "11");
    check_entry(data, EXIF_TAG_PIXEL_Y_DIMENSION, "30");
    check_entry(data, EXIF_TAG_DATE_TIME, "(none)");
    exif_data_unref(data);
}
#endif

TEST(exif_says_what_is_known)
{
#if OUT_HAVE_EXIF
    static const char *const names[] = {"a.jpg", "a.png"};
    struct sisp_image image = image_make(SISP_PIXEL_RGB24, 30, 11, 3);
    struct sisp_write_params params = {.exif = &camera, .is_srgb = 1, .orientation = 8};
    for (unsigned i = 0; i < 2; i++) {
        if (!is_available(names[i]))
            continue;
        struct read_back back;
        CHECK(pass_through(&back, names[i], &image, &params));
        check_exif(&back);
        read_back_finish(&back);
    }
    image_finish(&image);
#else
    SKIP("built without libexif");
#endif
}

TEST(exif_survives_hostile_values)
{
#if OUT_HAVE_EXIF
    if (!is_available("a.jpg"))
        SKIP("built without libjpeg");
    static const double values[] = {(double)NAN, (double)INFINITY, -1, 1e300, 1e-300, 4e15};
    struct sisp_image image = image_make(SISP_PIXEL_RGB24, 8, 8, 3);
    for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct sisp_exif exif = {.exposure_us = values[i],
            .iso = values[i],
            .f_number = values[i],
            .focal_length_mm = values[i]};
        /* No end of the string anywhere. */
        memset(exif.make, 'x', sizeof(exif.make));
        memset(exif.date_time, '1', sizeof(exif.date_time));
        struct sisp_write_params params = {.exif = &exif};
        struct read_back back;
        REQUIRE(pass_through(&back, "a.jpg", &image, &params));
        CHECK(back.exif_bytes > 100 && back.exif_bytes < 600);
        read_back_finish(&back);
    }
    image_finish(&image);
#else
    SKIP("built without libexif");
#endif
}

TEST(tiff_has_its_own_tags)
{
    if (!is_available("a.tif"))
        SKIP("built without libtiff");
    struct sisp_image image = image_make(SISP_PIXEL_RGBA64, 30, 11, 3);
    struct sisp_write_params params = {.exif = &camera, .orientation = 5};
    struct read_back back;
    REQUIRE(pass_through(&back, "a.tif", &image, &params));
    CHECK_EQ(back.orientation, 1);
    CHECK_STR(back.make, "Maker");
    read_back_finish(&back);
    image_finish(&image);
}

static size_t slurp(const char *name, uint8_t *bytes, size_t room)
{
    FILE *file = fopen(folder_path(name), "rb");
    size_t size = file ? fread(bytes, 1, room, file) : 0;
    if (file)
        fclose(file);
    return size;
}

TEST(same_picture_same_bytes)
{
    static const char *const names[] = {"a.jpg", "b.jpg", "a.png", "b.png", "a.tif", "b.tif"};
    static uint8_t first[40000], second[40000];
    struct sisp_image image = image_make(SISP_PIXEL_RGB24, 60, 50, 11);
    struct sisp_write_params params = {.exif = &camera, .is_srgb = 1};
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = round; i < 6; i += 2) {
            struct read_back back = {0};
            if (is_available(names[i]))
                CHECK(pass_through(&back, names[i], &image, &params));
            read_back_finish(&back);
        }
        /* Stamps of time count seconds. */
        usleep(1100 * 1000 * (1 - round));
    }
    for (unsigned i = 0; i < 6; i += 2) {
        size_t size = slurp(names[i], first, sizeof(first));
        CHECK(size < sizeof(first) && (size > 0 || !is_available(names[i])));
        CHECK_EQ(slurp(names[i + 1], second, sizeof(second)), size);
        CHECK(memcmp(first, second, size) == 0);
    }
    image_finish(&image);
}

static void check_refused(const char *name, const struct sisp_image *image,
    const struct sisp_write_params *params, const char *reason)
{
    char error[120] = "";
    int code = sisp_write_image(
        sisp_writer_find(name), folder_path(name), image, params, error, sizeof(error));
    CHECK_EQ(code, -EINVAL);
    CHECK(strstr(error, reason));
    CHECK_EQ(sisp_write_image(sisp_writer_find(name), folder_path(name), image, params, NULL, 0),
        -EINVAL);
}

TEST(hostile_pictures_are_refused_with_a_reason)
{
    folder_clear();
    struct sisp_image good = image_make(SISP_PIXEL_RGB24, 16, 16, 1), bad = good;
    check_refused("a.ppm", NULL, NULL, "no picture");
    bad.planes[0] = NULL;
    check_refused("a.ppm", &bad, NULL, "no picture");
    bad = good;
    bad.width = 0;
    check_refused("a.ppm", &bad, NULL, "0x16");
    bad.width = 65536;
    check_refused("a.ppm", &bad, NULL, "65536x16");
    bad = good;
    bad.height = 0;
    check_refused("a.ppm", &bad, NULL, "16x0");
    bad = good;
    bad.stride_bytes[0] = 47;
    check_refused("a.ppm", &bad, NULL, "stride");
    bad.format = SISP_PIXEL_NV12;
    check_refused("a.ppm", &bad, NULL, "RGB24");
    bad.format = (enum sisp_pixel_format)99;
    check_refused("a.ppm", &bad, NULL, "RGB24");
    check_refused("a.ppm", &good, &(struct sisp_write_params){.orientation = 9}, "orientation");
    check_refused("a.ppm", &good, &(struct sisp_write_params){.jpeg_quality = 101}, "quality");
    check_refused("a.ppm", &good, &(struct sisp_write_params){.jpeg_quality = -1}, "quality");
    check_refused("a.xyz", &good, NULL, "no writer");
    struct sisp_image deep = image_make(SISP_PIXEL_RGBA64, 16, 16, 1);
    if (is_available("a.jpg"))
        check_refused("a.jpg", &deep, NULL, "16-bit");
    CHECK_EQ(folder_count(), 0);
    image_finish(&good);
    image_finish(&deep);
}

TEST(a_picture_wider_than_a_jpeg_is_refused)
{
    if (!is_available("a.jpg"))
        SKIP("built without libjpeg");
    folder_clear();
    struct sisp_image wide = image_make(SISP_PIXEL_RGB24, 65501, 1, 1);
    check_refused("a.jpg", &wide, NULL, "65500");
    check_refused("a.jpg", &wide, &(struct sisp_write_params){.orientation = 6}, "65500");
    CHECK_EQ(folder_count(), 0);
    image_finish(&wide);
}

TEST(what_is_not_built_is_refused_by_name)
{
    struct sisp_image image = image_make(SISP_PIXEL_RGB24, 4, 4, 1);
    unsigned missing = 0;
    for (const struct sisp_writer *writer = sisp_writers; writer->name; writer++) {
        char error[100] = "";
        if (writer->available)
            continue;
        missing++;
        CHECK_EQ(sisp_write_image(writer, folder_path("x"), &image, NULL, error, sizeof(error)),
            -ENOTSUP);
        CHECK(strstr(error, writer->name));
    }
    image_finish(&image);
    if (!missing)
        SKIP("this build has them all");
}

TEST(other_software_reads_them)
{
    static const char script[] =
        "import sys\n"
        "try:\n"
        "    from PIL import Image\n"
        "except ImportError:\n"
        "    sys.exit(77)\n"
        "for path in sys.argv[1:]:\n"
        "    with Image.open(path) as image:\n"
        "        image.load()\n"
        "        assert image.size == (31, 17) and image.mode == \"RGB\", path\n"
        "        assert image.convert(\"RGB\").getpixel((30, 16)), path\n";
    struct sisp_image image = image_make(SISP_PIXEL_RGB24, 31, 17, 0);
    struct sisp_write_params params = {.exif = &camera, .is_srgb = 1};
    static const char *const names[] = {"p.jpg", "p.png", "p.tif", "p.ppm"};
    char command[4000];
    int length = snprintf(command, sizeof(command), "/usr/bin/python3 -c '%s'", script);
    for (unsigned i = 0; i < 4; i++) {
        struct read_back back;
        if (!is_available(names[i]))
            continue;
        REQUIRE(pass_through(&back, names[i], &image, &params));
        read_back_finish(&back);
        length += snprintf(
            command + length, sizeof(command) - (size_t)length, " %s", folder_path(names[i]));
    }
    image_finish(&image);
    int status = system(command);
    if (status == 77 << 8 || status == 127 << 8)
        SKIP("no python3 with PIL");
    CHECK_EQ(status, 0);
}

int main(void)
{
    RUN(writers_are_found_by_extension);
    RUN(lossless_pixels_come_back_exactly_in_every_orientation);
    RUN(jpeg_is_close_and_keeps_colour_from_quality_90_up);
    RUN(jpeg_is_turned_too);
    RUN(profile_is_inside_where_asked);
    RUN(exif_says_what_is_known);
    RUN(exif_survives_hostile_values);
    RUN(tiff_has_its_own_tags);
    RUN(same_picture_same_bytes);
    RUN(hostile_pictures_are_refused_with_a_reason);
    RUN(a_picture_wider_than_a_jpeg_is_refused);
    RUN(what_is_not_built_is_refused_by_name);
    RUN(other_software_reads_them);
    folder_remove();
    return test_report();
}
