/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "loop.h"
#include "base/base.h"
#include "camera/sim/sim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void *allocate(size_t size)
{
    return aligned_alloc(64, base_align(size, 64));
}

static void set_input(struct loop *loop)
{
    struct sisp_camera_limits limits = sisp_camera_limits(loop->camera);
    loop->params = sisp_params_default();
    loop->input = (struct isp_auto_input){.info = &loop->info,
        .params = &loop->params,
        .exposure_us_min = limits.exposure_us_min,
        .exposure_us_max = limits.exposure_us_max,
        .analogue_gain_min = limits.analogue_gain_min,
        .analogue_gain_max = limits.analogue_gain_max,
        .exposure_delay_frames = limits.exposure_delay_frames,
        .gain_delay_frames = limits.gain_delay_frames,
        .line_us = (float)limits.line_ns / 1000,
        .black = &loop->black,
        .is_live = 1};
}

bool loop_open(struct loop *loop, const struct sisp_camera_params *camera)
{
    memset(loop, 0, sizeof(*loop));
    if (sisp_camera_open_sim(&loop->camera, camera) != 0)
        return false;
    loop->info = *sisp_camera_info(loop->camera);
    const struct sisp_raw_info *info = &loop->info;
    set_input(loop);
    loop->geometry = (struct isp_geometry){.raw_fourcc = info->fourcc,
        .raw_width = info->width,
        .raw_height = info->height,
        .raw_stride_bytes = info->stride_bytes,
        .crop = info->crop,
        .format = SISP_PIXEL_RGB24,
        .width = info->crop.width,
        .height = info->crop.height};
    loop->raw = allocate(sisp_raw_info_size_bytes(info));
    loop->picture = allocate((size_t)info->crop.width * info->crop.height * 3);
    loop->recipe = allocate(isp_fast_recipe_size(&loop->geometry));
    loop->scratch = allocate(isp_fast_scratch_size(&loop->geometry));
    return loop->raw && loop->picture && loop->recipe && loop->scratch;
}

void loop_close(struct loop *loop)
{
    free(loop->raw);
    free(loop->picture);
    free(loop->recipe);
    free(loop->scratch);
    sisp_camera_destroy(&loop->camera);
}

static bool develop(struct loop *loop)
{
    const struct isp_geometry *geometry = &loop->geometry;
    struct sisp_image image = {SISP_PIXEL_RGB24, geometry->width, geometry->height, {loop->picture},
        {(size_t)geometry->width * 3}};
    enum isp_isa isa = (enum isp_isa)isp_isa_find("auto");
    if (isp_fast_compile(loop->recipe, geometry, &loop->coefficients, isa) != 0)
        return false;
    memset(&loop->stats, 0, sizeof(loop->stats));
    isp_fast_band(
        loop->recipe, loop->raw, &image, 0, geometry->height, loop->scratch, &loop->stats);
    return true;
}

bool loop_frame(struct loop *loop)
{
    struct isp_auto_state next;
    if (sisp_camera_read(loop->camera, loop->raw, sisp_raw_info_size_bytes(&loop->info)) != 0)
        return false;
    struct sisp_camera_controls applied = sisp_camera_applied(loop->camera);
    loop->info.exposure_us = applied.exposure_us;
    loop->info.analogue_gain = applied.analogue_gain;
    loop->black = (struct isp_black_sample){0};
    isp_black_measure(&loop->info, isp_black_due(&loop->input), loop->raw, &loop->black);
    isp_auto_step(&loop->input, &loop->state, &next, &loop->coefficients);
    loop->state = next;
    if (!develop(loop))
        return false;
    loop->input.stats = &loop->stats;
    loop->input.stats_exposure_us = applied.exposure_us;
    loop->input.stats_analogue_gain = applied.analogue_gain;
    loop->input.stats_start_ns = sisp_camera_frame(loop->camera).start_ns;
    struct sisp_camera_controls request = {next.request_us, next.request_gain};
    sisp_camera_set_controls(loop->camera, &request);
    loop->frames++;
    return true;
}

bool loop_frames(struct loop *loop, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!loop_frame(loop))
            return false;
    }
    return true;
}

double loop_exposure_log2(const struct loop *loop)
{
    return log2((double)loop->info.exposure_us * (double)loop->info.analogue_gain) +
           (double)loop->coefficients.exposure_ev;
}

double loop_modulation(const struct loop *loop)
{
    uint64_t sequence = sisp_camera_frame(loop->camera).sequence;
    double least = 1e9, most = 0;
    for (uint32_t y = loop->info.crop.y; y < loop->info.height; y++) {
        double light = sim_truth_light(loop->camera, sequence, y, loop->info.exposure_us);
        least = fmin(least, light);
        most = fmax(most, light);
    }
    return (most - least) / (most + least);
}
