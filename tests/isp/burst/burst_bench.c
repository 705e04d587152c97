/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Time of aligning and merging five 1080p frames, one thread, best of five. */
#include "burst_fixture.h"

#include <stdio.h>
#include <time.h>

#define FRAMES 5

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(void)
{
    const struct sisp_raw_format *format = sisp_raw_format_find("SRGGB12P");
    struct isp_geometry g = burst_geometry(format, 1920, 1080);
    struct sisp_coefficients c = burst_coefficients(4e-4F, 1e-5F);
    uint8_t *raws[FRAMES];
    for (unsigned i = 0; i < FRAMES; i++) {
        struct burst_view v = {1, i, (int32_t)i * 8, 0, c.noise_shot, c.noise_read, 1, {0}};
        raws[i] = burst_shoot(&g, format, &v);
    }
    double align = 1e18, merge = 1e18;
    for (unsigned i = 0; i < 5; i++) {
        double start = now_ns();
        struct isp_burst_transform t = burst_align(&g, &c, raws, FRAMES, 0);
        double aligned = now_ns();
        free(burst_merge(&g, &c, &t, raws, FRAMES, 64));
        double merged = now_ns();
        align = aligned - start < align ? aligned - start : align;
        merge = merged - aligned < merge ? merged - aligned : merge;
    }
    printf("align %.1f ms, merge %.1f ns/pixel\n", align / 1e6, merge / 1920 / 1080);
    return 0;
}
