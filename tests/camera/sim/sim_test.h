/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the tests of the simulated camera share: an open camera with a frame, unpacked. */
#ifndef TESTS_CAMERA_SIM_SIM_TEST_H
#define TESTS_CAMERA_SIM_SIM_TEST_H

#include "camera/sim/sim.h"
#include "test.h"

struct sim_test {
    struct sisp_camera *camera;
    const struct sisp_raw_info *info;
    const struct sisp_raw_format *format;
    size_t size_bytes;
    uint8_t *bytes;
    uint16_t *codes;    /* width x height */
    uint16_t *radiance; /* the truth of the frame */
    uint64_t next;
};

static inline struct sim_test sim_open_params(const struct sisp_camera_params *params)
{
    struct sim_test test = {.format = sisp_raw_format_find(params->raw_format)};
    if (sisp_camera_open_sim(&test.camera, params))
        abort();
    test.info = sisp_camera_info(test.camera);
    size_t count = (size_t)test.info->width * test.info->height;
    test.size_bytes = test.info->stride_bytes * test.info->height;
    test.bytes = malloc(test.size_bytes);
    test.codes = malloc(count * 2);
    test.radiance = malloc(count * 2);
    if (!test.bytes || !test.codes || !test.radiance)
        abort();
    return test;
}

static inline struct sim_test sim_open(const char *format, uint32_t width, uint32_t height)
{
    return sim_open_params(&(struct sisp_camera_params){
        .width = width, .height = height, .raw_format = format, .seed = 7});
}

static inline void sim_close(struct sim_test *test)
{
    sisp_camera_destroy(&test->camera);
    free(test->bytes);
    free(test->codes);
    free(test->radiance);
}

/* One sample at a time, as the formats' documentation says it. */
static inline uint16_t sim_sample(
    const struct sisp_raw_format *format, const uint8_t *row, uint32_t x)
{
    const uint8_t *group;
    switch (format->packing) {
    case SISP_PACKING_8:
        return row[x];
    case SISP_PACKING_16:
        return (uint16_t)(row[2 * x] | row[2 * x + 1] << 8);
    case SISP_PACKING_10P:
        group = row + x / 4 * 5;
        return (uint16_t)(group[x % 4] << 2 | (group[4] >> x % 4 * 2 & 3));
    case SISP_PACKING_12P:
        group = row + x / 2 * 3;
        return (uint16_t)(group[x % 2] << 4 | (group[2] >> x % 2 * 4 & 15));
    case SISP_PACKING_14P:
        group = row + x / 4 * 7;
        uint32_t low = group[4] | (uint32_t)group[5] << 8 | (uint32_t)group[6] << 16;
        return (uint16_t)(group[x % 4] << 6 | (low >> x % 4 * 6 & 63));
    case SISP_PACKING_IPU3:
        group = row + x / 25 * 32 + x % 25 * 10 / 8;
        return (uint16_t)((group[0] | group[1] << 8) >> x % 25 * 10 % 8 & 1023);
    }
    return 0;
}

/* Read the next frame and its truth. */
static inline void sim_read(struct sim_test *test)
{
    CHECK_EQ(sisp_camera_read(test->camera, test->bytes, test->size_bytes), 0);
    sim_truth_scene(test->camera, test->next++, test->radiance);
    for (uint32_t y = 0; y < test->info->height; y++) {
        const uint8_t *row = test->bytes + y * test->info->stride_bytes;
        for (uint32_t x = 0; x < test->info->width; x++)
            test->codes[(size_t)y * test->info->width + x] = sim_sample(test->format, row, x);
    }
}

/* Read until the controls hold. */
static inline void sim_read_with(struct sim_test *test, float exposure_us, float analogue_gain)
{
    sisp_camera_set_controls(
        test->camera, &(struct sisp_camera_controls){exposure_us, analogue_gain});
    sim_read(test);
    sim_read(test);
}

/* Mean of the samples of one site inside a rectangle with even borders. */
static inline double sim_mean(const struct sim_test *test, const uint16_t *samples,
    struct sisp_rect rect, enum sisp_site site)
{
    double sum = 0, count = 0;
    for (uint32_t y = rect.y; y < rect.y + rect.height; y++) {
        for (uint32_t x = rect.x; x < rect.x + rect.width; x++) {
            if ((enum sisp_site)sisp_cfa_shift(test->format->cfa, x, y) != site)
                continue;
            sum += samples[(size_t)y * test->info->width + x];
            count++;
        }
    }
    return sum / count;
}

#endif
