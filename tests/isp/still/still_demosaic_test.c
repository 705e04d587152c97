/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Demosaic on real pictures: the colour PSNR that Malvar, He and Cutler's published filter has on
 * the Kodak and McMaster sets (8 bits, RGGB, border of 10 left out; the DPIR table reads 35.78 and
 * 34.43 dB for the full sets), and what the best one has, there and in linear light. With
 * arguments, measures those PNG files and prints their mean.
 */
#include "still_fixture.h"

#include "tests/harness/test.h"

#include <math.h>
#include <png.h>

#define BORDER 10

struct picture {
    uint32_t width, height;
    uint8_t *rgb;
};

static bool picture_read(struct picture *picture, const char *path)
{
    png_image png = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_file(&png, path))
        return false;
    png.format = PNG_FORMAT_RGB;
    *picture = (struct picture){png.width, png.height, still_alloc(PNG_IMAGE_SIZE(png))};
    return png_image_finish_read(&png, NULL, picture->rgb, 0, NULL);
}

/* How a mosaic is made of a picture: of its sRGB codes, or in linear light as a sensor does. */
struct making {
    const char *format;
    uint32_t bytes;
    uint16_t sample[256];
};

static struct making of_codes(void)
{
    struct making made = {.format = "SRGGB8", .bytes = 1};
    for (unsigned i = 0; i < 256; i++)
        made.sample[i] = (uint16_t)i;
    return made;
}

static struct making of_light(void)
{
    struct making made = {.format = "SRGGB12", .bytes = 2};
    for (unsigned i = 0; i < 256; i++) {
        const double x = i / 255.0;
        made.sample[i] =
            (uint16_t)lrint(4095 * (x <= 0.04045 ? x / 12.92 : pow((x + 0.055) / 1.055, 2.4)));
    }
    return made;
}

/* The picture has sRGB codes again. */
static struct picture develop_mosaic(
    const struct picture *p, const struct making *made, enum sisp_demosaic demosaic)
{
    const bool is_light = made->bytes == 2;
    struct isp_geometry g = {sisp_raw_format_find(made->format)->fourcc, p->width, p->height,
        (size_t)made->bytes * p->width, {0, 0, p->width, p->height}, SISP_PIXEL_RGB24, p->width,
        p->height, SISP_ORIENTATION_ROTATE_0};
    struct sisp_coefficients c = still_neutral(is_light ? 4095 : 255);
    c.demosaic = demosaic;
    for (unsigned i = 0; i < SISP_TONE_KNOTS && is_light; i++) {
        const double x = (double)sisp_tone_knot(i);
        c.tone[i] = (float)(x <= 0.0031308 ? 12.92 * x : 1.055 * pow(x, 1 / 2.4) - 0.055);
    }
    struct picture out = {p->width, p->height, still_alloc((size_t)3 * p->width * p->height)};
    uint8_t *raw = still_alloc((size_t)made->bytes * p->width * p->height);
    for (uint32_t y = 0; y < p->height; y++) {
        for (uint32_t x = 0; x < p->width; x++) {
            size_t i = (size_t)y * p->width + x;
            memcpy(raw + made->bytes * i, &made->sample[p->rgb[3 * i + (x & 1) + (y & 1)]],
                made->bytes);
        }
    }
    struct sisp_image image = {
        SISP_PIXEL_RGB24, p->width, p->height, {out.rgb, NULL}, {(size_t)3 * p->width, 0}};
    CHECK_EQ(still_develop(&g, &c, still_best_level(), raw, &image, 100), 0);
    free(raw);
    return out;
}

static double cpsnr(const struct picture *a, const struct picture *b)
{
    double sum = 0, count = 0;
    for (uint32_t y = BORDER; y < a->height - BORDER; y++) {
        for (uint32_t x = 3 * BORDER; x < 3 * (a->width - BORDER); x++) {
            double d = (double)a->rgb[(size_t)3 * y * a->width + x] -
                       (double)b->rgb[(size_t)3 * y * a->width + x];
            sum += d * d;
            count++;
        }
    }
    return 10 * log10(255.0 * 255.0 * count / sum);
}

/* NaN if the file is not there. */
static double measure(const char *path, const struct making *made, enum sisp_demosaic demosaic)
{
    struct picture original;
    if (!picture_read(&original, path))
        return (double)NAN;
    struct picture developed = develop_mosaic(&original, made, demosaic);
    double result = cpsnr(&original, &developed);
    free(original.rgb);
    free(developed.rgb);
    return result;
}

TEST(published_quality)
{
    /* Per file, to the hundredth; their sets' means are the published ones. */
    const struct {
        const char *name;
        double malvar, best, best_of_light;
    } files[] = {{"kodak/kodim01.png", 32.09, 38.38, 38.17},
        {"kodak/kodim02.png", 38.15, 42.35, 41.78}, {"kodak/kodim03.png", 39.62, 43.60, 43.22},
        {"mcmaster/mcm01.png", 27.40, 29.13, 29.07}, {"mcmaster/mcm03.png", 31.24, 33.86, 33.74}};
    const struct making codes = of_codes(), light = of_light();
    const char *shared = getenv("SOFTISP_SHARED");
    for (unsigned i = 0; i < BASE_COUNT(files); i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/data/%s", shared ? shared : SOURCE_ROOT "/../shared",
            files[i].name);
        double result = measure(path, &codes, SISP_DEMOSAIC_MHC);
        if (isnan(result))
            SKIP("pictures of the Kodak and McMaster sets are not here");
        CHECK_NEAR(result, files[i].malvar, 0.01);
        CHECK_NEAR(measure(path, &codes, SISP_DEMOSAIC_BEST), files[i].best, 0.01);
        CHECK_NEAR(measure(path, &light, SISP_DEMOSAIC_BEST), files[i].best_of_light, 0.01);
    }
}

/* Shutters, fences and bricks. */
TEST(smooth_is_ahead_in_fine_texture)
{
    const char *names[] = {"kodim01", "kodim08"};
    const struct making light = of_light();
    const char *shared = getenv("SOFTISP_SHARED");
    for (unsigned i = 0; i < BASE_COUNT(names); i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/data/kodak/%s.png",
            shared ? shared : SOURCE_ROOT "/../shared", names[i]);
        const double best = measure(path, &light, SISP_DEMOSAIC_BEST);
        if (isnan(best))
            SKIP("pictures of the Kodak set are not here");
        CHECK(measure(path, &light, SISP_DEMOSAIC_SMOOTH) > best + 1);
    }
}

int main(int argc, char **argv)
{
    const struct making codes = of_codes(), light = of_light();
    double sum = 0;
    for (int i = 1; i < argc; i++) {
        double result = measure(argv[i], &codes, SISP_DEMOSAIC_BEST);
        printf("%s %.2f, in linear light %.2f, Malvar-He-Cutler %.2f\n", argv[i], result,
            measure(argv[i], &light, SISP_DEMOSAIC_BEST),
            measure(argv[i], &codes, SISP_DEMOSAIC_MHC));
        sum += result;
    }
    if (argc > 1) {
        printf("mean %.3f\n", sum / (argc - 1));
        return 0;
    }
    RUN(published_quality);
    RUN(smooth_is_ahead_in_fine_texture);
    return test_report();
}
