/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Time of the still path on a 12 MP frame, one thread: nanoseconds per pixel, best of five. */
#include "still_fixture.h"

#include <stdio.h>
#include <time.h>

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double best_ns(const struct isp_geometry *g, const struct sisp_coefficients *c,
    enum isp_isa isa, const uint8_t *raw)
{
    size_t stride = sisp_pixel_row_bytes(g->format, 0, g->width);
    uint8_t *pixels = still_alloc(stride * g->height);
    struct sisp_image image = {g->format, g->width, g->height, {pixels, NULL}, {stride, 0}};
    double best = 1e18;
    for (int i = 0; i < 5; i++) {
        double start = now_ns();
        if (still_develop(g, c, isa, raw, &image, 64) != 0)
            abort();
        double taken = now_ns() - start;
        best = taken < best ? taken : best;
    }
    free(pixels);
    return best / g->width / g->height;
}

int main(void)
{
    const char *formats[] = {"SRGGB12", "SRGGB10P"};
    const enum sisp_pixel_format outs[] = {
        SISP_PIXEL_RGB24, SISP_PIXEL_XRGB8888, SISP_PIXEL_RGBA64};
    struct base_prng prng = {7};
    for (unsigned f = 0; f < 2; f++) {
        const struct sisp_raw_format *format = sisp_raw_format_find(formats[f]);
        struct isp_geometry g = {format->fourcc, 4000, 3000,
            sisp_raw_row_bytes(format->packing, 4000), {0, 0, 4000, 3000}, outs[0], 4000, 3000};
        uint8_t *raw = still_random_raw(&prng, &g, format);
        struct sisp_coefficients c = still_camera(&prng, (float)((1U << format->bits) - 1));
        for (int isa = 0; isa < ISP_ISA_COUNT; isa++) {
            for (unsigned o = 0; o < 3 && still_level_runs((enum isp_isa)isa); o++) {
                g.format = outs[o];
                printf("%s %s level %d: %.2f ns/pixel\n", formats[f],
                    sisp_pixel_format_name(outs[o]), isa, best_ns(&g, &c, (enum isp_isa)isa, raw));
            }
        }
        free(raw);
    }
    return 0;
}
