/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A dark scene whose noise reaches below the sensor's lowest code: more frames make no true mean of
 * samples that are cut off there. Errors are in sigmas of the reference's noise. */
#include "burst_fixture.h"

#include <base/hash.h>

#include "tests/harness/test.h"

#define WIDTH  257 /* a chunk of 256 columns, and one that is a single column */
#define HEIGHT 201 /* of 25 strips, and one that is a single row */
#define FRAMES 8
#define DARK   0.04F
#define SHOT   0.02F
#define READ   0.0177F /* black lies half a sigma above the lowest code */

struct found {
    double frame, merged; /* mean errors, of the reference and of what is merged */
    char hash[BASE_HASH_TEXT];
};

/* Frame i is exposed `longer[i]` times as long as the first one, which is the reference. */
static struct found fuse(const float longer[FRAMES], uint32_t width, uint32_t height)
{
    const struct sisp_raw_format *format = sisp_raw_format_find("SRGGB12");
    const struct isp_geometry g = burst_geometry(format, width, height);
    const struct sisp_coefficients c = burst_coefficients(SHOT, READ);
    struct isp_burst_exposure exposures[FRAMES];
    struct burst_view v = {3, 0, 0, 0, SHOT, READ, 1, {0}};
    uint8_t *raws[FRAMES];
    for (unsigned i = 0; i < FRAMES; i++) {
        v.draw = 100 + i;
        v.gain = DARK * longer[i];
        raws[i] = burst_shoot(&g, format, &v);
        exposures[i] = (struct isp_burst_exposure){1e4F * longer[i], 1};
    }
    struct isp_burst burst = burst_of(&g, &c, raws, FRAMES, 0);
    burst.exposures = exposures;
    struct isp_burst_transform t;
    void *scratch = burst_memory(isp_burst_align_scratch_size(&g));
    burst_align_in(&burst, scratch, &t);
    struct isp_burst_vector *field = burst_memory(isp_burst_field_size(&g, FRAMES));
    memset(field, 0, isp_burst_field_size(&g, FRAMES)); /* nothing moves */
    uint16_t *merged = burst_merge_along(&burst, &t, field, 64);
    struct found sum = {0};
    v.gain = DARK;
    for (uint32_t i = 0; i < width * height; i++) {
        const uint32_t x = i % width, y = i / width;
        const double light = (double)burst_truth(&v, (int32_t)x, (int32_t)y);
        const double code =
            still_reference_get(format->packing, raws[0] + y * g.raw_stride_bytes, x);
        const double sigma = sqrt((double)SHOT * light + (double)READ);
        sum.frame += ((code - BURST_BLACK) / BURST_RANGE - light) / sigma;
        sum.merged += (burst_linear(merged[i]) - light) / sigma;
    }
    sum.frame /= width * height;
    sum.merged /= width * height;
    base_hash_text(base_hash_bytes(merged, (size_t)2 * width * height), sum.hash);
    for (unsigned i = 0; i < FRAMES; i++)
        free(raws[i]);
    free(scratch);
    free(field);
    free(merged);
    return sum;
}

/* The same bits by any machine and compiler. */
TEST(dark_means_are_true)
{
    const struct found f = fuse((const float[FRAMES]){1, 1, 1, 1, 1, 1, 1, 1}, WIDTH, HEIGHT);
    printf("  too bright by %.3f, merged %.3f\n", f.frame, f.merged);
    CHECK(f.frame > 0.1);
    CHECK(fabs(f.merged) < 0.03);
    CHECK_STR(f.hash, "30eaa1a216c024d2555ec58f85817a2e");
}

/* Frames that are exposed longer have less of it. */
TEST(dark_means_of_brackets_are_true)
{
    const struct found f = fuse((const float[FRAMES]){1, 4, 1, 4, 1, 4, 1, 4}, WIDTH, HEIGHT);
    printf("  too bright by %.3f, merged %.3f\n", f.frame, f.merged);
    CHECK(f.frame > 0.1);
    CHECK(fabs(f.merged) < 0.03);
}

TEST(small_crops_are_mended)
{
    static const uint32_t sizes[][2] = {{2, 2}, {3, 9}, {9, 3}};
    for (unsigned i = 0; i < 3; i++)
        CHECK(fabs(fuse((const float[FRAMES]){1, 1, 1, 1, 1, 1, 1, 1}, sizes[i][0], sizes[i][1])
                       .merged) < 1);
}

int main(void)
{
    RUN(dark_means_are_true);
    RUN(dark_means_of_brackets_are_true);
    RUN(small_crops_are_mended);
    return test_report();
}
