/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The fast path's MHC on photographs: as good as in double precision. */
#include "frame.h"

#include "../../harness/test.h"

#include <math.h>
#include <png.h>

#define IMAGES    3
#define BORDER    10
#define TOLERANCE 0.1 /* dB */

static struct sisp_coefficients c;

static bool read_png(int number, uint8_t **rgb, uint32_t *width, uint32_t *height)
{
    const char *shared = getenv("SOFTISP_SHARED");
    char path[1024];
    png_image png = {.version = PNG_IMAGE_VERSION};
    snprintf(path, sizeof(path), "%s/data/kodak/kodim%02d.png",
        shared ? shared : SOURCE_ROOT "/../shared", number);
    if (!png_image_begin_read_from_file(&png, path))
        return false;
    png.format = PNG_FORMAT_RGB;
    *width = png.width;
    *height = png.height;
    *rgb = malloc(PNG_IMAGE_SIZE(png));
    return png_image_finish_read(&png, NULL, *rgb, 0, NULL);
}

static int color_at(uint32_t x, uint32_t y)
{
    return (int)(x % 2 + y % 2); /* RGGB */
}

static double psnr(const double *sum, uint32_t width, uint32_t height)
{
    return 10 * log10(255 * 255 / (*sum / (3.0 * (width - 2 * BORDER) * (height - 2 * BORDER))));
}

static void fast_rgb(uint8_t *raw, uint8_t *out, uint32_t width, uint32_t height)
{
    const struct isp_geometry g = frame_geometry("SRGGB8", width, height, SISP_PIXEL_RGB24);
    const struct sisp_image image = {SISP_PIXEL_RGB24, width, height, {out}, {3 * (size_t)width}};
    frame_identity(&c, 8);
    CHECK_EQ(frame_develop(&g, &c, (enum isp_isa)isp_isa_find("auto"), raw, &image, 0, NULL), 0);
}

/* Malvar, He, Cutler 2004, figure 2, in double precision; rounded to 8 bits as the paper does. */
static double exact(const uint8_t *v, int64_t w, int color, int x_color, int y_color)
{
    const double here = v[0], row = v[-1] + v[1], column = v[-w] + v[w];
    const double row2 = v[-2] + v[2], column2 = v[-2 * w] + v[2 * w];
    const double corners = v[-w - 1] + v[-w + 1] + v[w - 1] + v[w + 1];
    const int own = x_color + y_color;
    double sum;
    if (color == own)
        sum = 8 * here;
    else if (color == 1)
        sum = 4 * here + 2 * (row + column) - row2 - column2;
    else if (own != 1)
        sum = 6 * here + 2 * corners - 1.5 * (row2 + column2);
    else if ((color == 0) == (y_color == 0)) /* this colour lies in the row */
        sum = 5 * here + 4 * row - corners - row2 + column2 / 2;
    else
        sum = 5 * here + 4 * column - corners - column2 + row2 / 2;
    return floor(fmin(fmax(sum / 8, 0), 255) + 0.5);
}

TEST(mhc_is_as_good_as_in_double_precision)
{
    double mean_fast = 0, mean_exact = 0;
    for (int number = 1; number <= IMAGES; number++) {
        uint8_t *rgb;
        uint32_t width, height;
        double fast_sum = 0, exact_sum = 0;
        if (!read_png(number, &rgb, &width, &height))
            SKIP("no Kodak images under SOFTISP_SHARED");
        const size_t count = (size_t)width * height;
        uint8_t *raw = malloc(count), *out = malloc(3 * count);
        for (uint32_t i = 0; i < count; i++)
            raw[i] = rgb[3 * i + (uint32_t)color_at(i % width, i / width)];
        fast_rgb(raw, out, width, height);
        for (uint32_t y = BORDER; y < height - BORDER; y++) {
            for (uint32_t x = BORDER; x < width - BORDER; x++) {
                const size_t i = (size_t)y * width + x;
                for (size_t k = 0; k < 3; k++) {
                    const double truth = rgb[3 * i + k];
                    const double e = exact(raw + i, width, (int)k, (int)x % 2, (int)y % 2) - truth;
                    exact_sum += e * e;
                    fast_sum += (out[3 * i + k] - truth) * (out[3 * i + k] - truth);
                }
            }
        }
        const double fast_db = psnr(&fast_sum, width, height);
        const double exact_db = psnr(&exact_sum, width, height);
        printf(
            "kodim%02d: CPSNR %.3f dB, in double precision %.3f dB\n", number, fast_db, exact_db);
        CHECK_NEAR(fast_db, exact_db, TOLERANCE);
        mean_fast += fast_db / IMAGES;
        mean_exact += exact_db / IMAGES;
        free(rgb);
        free(raw);
        free(out);
    }
    printf("mean: CPSNR %.3f dB, in double precision %.3f dB\n", mean_fast, mean_exact);
}

int main(void)
{
    RUN(mhc_is_as_good_as_in_double_precision);
    return test_report();
}
