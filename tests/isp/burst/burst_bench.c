/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Time of aligning, following and merging a burst, one thread, best of five:
 *   burst_bench [LEVEL]               five 1080p frames of a smooth scene, packed
 *   burst_bench LEVEL A,B FRAME.pgm...  these, of make_burst.py: RGGB, 12 bits in 16, noise A x + B
 */
#include "burst_fixture.h"

#include <stdio.h>
#include <time.h>

#define FRAMES 5

struct bench {
    struct isp_geometry geometry;
    struct sisp_coefficients coefficients;
    uint8_t *raws[ISP_BURST_MAX];
    uint32_t count;
};

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void shoot(struct bench *bench)
{
    const struct sisp_raw_format *format = sisp_raw_format_find("SRGGB12P");
    bench->geometry = burst_geometry(format, 1920, 1080);
    bench->coefficients = burst_coefficients(4e-4F, 1e-5F);
    bench->count = FRAMES;
    for (uint32_t i = 0; i < FRAMES; i++) {
        struct burst_view v = {1, i, (int32_t)i * 8, 0, 4e-4F, 1e-5F, 1, {0}};
        bench->raws[i] = burst_shoot(&bench->geometry, format, &v);
    }
}

static uint8_t *read_frame(const char *path, struct isp_geometry *geometry)
{
    uint32_t width, height;
    FILE *f = fopen(path, "rb");
    if (!f || fscanf(f, "P5 %u %u %*u", &width, &height) != 2 || fgetc(f) != '\n' ||
        width > 16384 || height > 16384 || (width | height) & 1)
        return NULL;
    *geometry = burst_geometry(sisp_raw_format_find("SRGGB12"), width, height);
    const size_t bytes = geometry->raw_stride_bytes * height;
    uint8_t *raw = burst_memory(bytes);
    if (fread(raw, 1, bytes, f) != bytes)
        return NULL;
    fclose(f);
    for (size_t i = 0; i < bytes; i += 2) {
        const uint8_t high = raw[i];
        raw[i] = raw[i + 1];
        raw[i + 1] = high;
    }
    return raw;
}

static bool take(struct bench *bench, const char *noise, char **paths, int count)
{
    float shot, read;
    if (sscanf(noise, "%f,%f", &shot, &read) != 2 || count < 2 || count > ISP_BURST_MAX)
        return false;
    bench->coefficients = burst_coefficients(shot, read);
    for (bench->count = 0; bench->count < (uint32_t)count; bench->count++) {
        struct isp_geometry geometry;
        bench->raws[bench->count] = read_frame(paths[bench->count], &geometry);
        if (!bench->raws[bench->count] ||
            (bench->count && geometry.raw_width * geometry.raw_height !=
                                 bench->geometry.raw_width * bench->geometry.raw_height))
            return false;
        bench->geometry = geometry;
    }
    return true;
}

static void measure(struct bench *bench, enum isp_isa isa)
{
    const struct isp_geometry *g = &bench->geometry;
    const struct sisp_coefficients *c = &bench->coefficients;
    struct isp_burst burst = burst_of(g, c, bench->raws, bench->count, 0);
    burst.isa = isa;
    const struct isp_burst_transform alike = {
        .noise_shot = c->noise_shot, .noise_read = c->noise_read};
    struct isp_burst_filters *filters = burst_filters(g, &alike);
    void *scratch = burst_memory(isp_burst_merge_scratch_size(g));
    uint16_t *merged = burst_memory((size_t)2 * g->crop.width * g->crop.height);
    uint16_t *noise = burst_memory(isp_burst_noise_map_size(g));
    void *align_scratch = burst_memory(isp_burst_align_scratch_size(g));
    void *follow_scratch = burst_memory(isp_burst_follow_scratch_size(g));
    struct isp_burst_vector *field = burst_memory(isp_burst_field_size(g, bench->count));
    double best[3] = {1e18, 1e18, 1e18};
    for (unsigned i = 0; i < 5; i++) {
        double at[4] = {now_ns()};
        struct isp_burst_transform t;
        burst_align_in(&burst, align_scratch, &t);
        at[1] = now_ns();
        burst_follow_in(&burst, &t, follow_scratch, field);
        at[2] = now_ns();
        const struct isp_burst_merge merge = {&t, field, filters, merged, noise};
        struct isp_burst_shares shares = {0};
        isp_burst_merge_band(&burst, &merge, 0, g->crop.height, scratch, &shares);
        at[3] = now_ns();
        for (unsigned k = 0; k < 3; k++)
            best[k] = at[k + 1] - at[k] < best[k] ? at[k + 1] - at[k] : best[k];
    }
    const double samples = (double)bench->count * g->crop.width * g->crop.height;
    printf("align %.2f, follow %.2f, merge %.2f ns for a sample of a frame\n", best[0] / samples,
        best[1] / samples, best[2] / samples);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    const int isa = isp_isa_find(argc > 1 ? argv[1] : "auto");
    if (isa < 0) {
        fprintf(stderr, "burst_bench: no level %s here\n", argv[1]);
        return 2;
    }
    if (argc <= 2)
        shoot(&bench);
    else if (!take(&bench, argv[2], argv + 3, argc - 3)) {
        fprintf(stderr, "burst_bench: not A,B and two or more frames of one size\n");
        return 2;
    }
    measure(&bench, (enum isp_isa)isa);
    return 0;
}
