/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Time of aligning, following and merging five 1080p frames, one thread, best of five:
 * burst_bench [LEVEL of instruction sets]. */
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

int main(int argc, char **argv)
{
    const int isa = isp_isa_find(argc > 1 ? argv[1] : "auto");
    if (isa < 0) {
        fprintf(stderr, "burst_bench: no level %s here\n", argv[1]);
        return 2;
    }
    const struct sisp_raw_format *format = sisp_raw_format_find("SRGGB12P");
    struct isp_geometry g = burst_geometry(format, 1920, 1080);
    struct sisp_coefficients c = burst_coefficients(4e-4F, 1e-5F);
    uint8_t *raws[FRAMES];
    for (unsigned i = 0; i < FRAMES; i++) {
        struct burst_view v = {1, i, (int32_t)i * 8, 0, c.noise_shot, c.noise_read, 1, {0}};
        raws[i] = burst_shoot(&g, format, &v);
    }
    struct isp_burst burst = burst_of(&g, &c, raws, FRAMES, 0);
    burst.isa = (enum isp_isa)isa;
    const struct isp_burst_transform alike = {
        .noise_shot = c.noise_shot, .noise_read = c.noise_read};
    struct isp_burst_filters *filters = burst_filters(&g, &alike);
    void *scratch = burst_memory(isp_burst_merge_scratch_size(&g));
    uint16_t *merged = burst_memory((size_t)2 * g.crop.width * g.crop.height);
    uint16_t *noise = burst_memory(isp_burst_noise_map_size(&g));
    void *align_scratch = burst_memory(isp_burst_align_scratch_size(&g));
    double best[3] = {1e18, 1e18, 1e18};
    for (unsigned i = 0; i < 5; i++) {
        double at[4] = {now_ns()};
        struct isp_burst_transform t;
        burst_align_in(&burst, align_scratch, &t);
        at[1] = now_ns();
        struct isp_burst_vector *field = burst_follow(&burst, &t);
        at[2] = now_ns();
        const struct isp_burst_merge merge = {&t, field, filters, merged, noise};
        struct isp_burst_shares shares = {0};
        isp_burst_merge_band(&burst, &merge, 0, g.crop.height, scratch, &shares);
        at[3] = now_ns();
        free(field);
        for (unsigned k = 0; k < 3; k++)
            best[k] = at[k + 1] - at[k] < best[k] ? at[k + 1] - at[k] : best[k];
    }
    const double samples = (double)FRAMES * g.crop.width * g.crop.height;
    printf("align %.2f, follow %.2f, merge %.2f ns for a sample of a frame\n", best[0] / samples,
        best[1] / samples, best[2] / samples);
    return 0;
}
