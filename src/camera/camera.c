/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "camera/camera.h"
#include "base/base.h"

#include <errno.h>

#define SIZE_MIN         64
#define SIZE_MAX_SAMPLES 8192

static bool is_size_valid(uint32_t size)
{
    return size >= SIZE_MIN && size <= SIZE_MAX_SAMPLES && size % 2 == 0;
}

const struct sisp_raw_format *camera_info_init(
    struct sisp_raw_info *info, const struct sisp_camera_params *params)
{
    const char *name = params->raw_format ? params->raw_format : "SRGGB10";
    const struct sisp_raw_format *format = sisp_raw_format_find(name);
    uint32_t width = params->width ? params->width : 1920;
    uint32_t height = params->height ? params->height : 1080;
    if (!format || !is_size_valid(width) || !is_size_valid(height))
        return NULL;
    *info = (struct sisp_raw_info){
        .fourcc = format->fourcc,
        .width = width,
        .height = height,
        .stride_bytes = sisp_raw_row_bytes(format->packing, width),
        .crop = {0, 0, width, height},
        .orientation = 1,
        .white_level = (float)((1u << format->bits) - 1),
    };
    return format;
}

static int apply_stride(struct sisp_raw_info *info, size_t stride_bytes)
{
    size_t size_bytes;
    if (stride_bytes == 0)
        return 0;
    if (stride_bytes < info->stride_bytes || stride_bytes > INT32_MAX ||
        !base_mul_size(stride_bytes, info->height, &size_bytes))
        return -EINVAL;
    info->stride_bytes = stride_bytes;
    return 0;
}

static int apply_levels(struct sisp_raw_info *info, const struct sisp_camera_params *params)
{
    unsigned count = params->black_count;
    if (count != 0 && count != 1 && count != SISP_SITE_COUNT)
        return -EINVAL;
    float white = params->white_level == 0 ? info->white_level : params->white_level;
    if (!(white <= info->white_level))
        return -EINVAL;
    for (unsigned i = 0; count && i < SISP_SITE_COUNT; i++)
        info->black_level[i] = params->black_level[count == 1 ? 0 : i];
    if (count)
        info->black_source = SISP_SOURCE_MANUAL;
    for (unsigned i = 0; i < SISP_SITE_COUNT; i++) {
        if (!(info->black_level[i] >= 0 && info->black_level[i] < white))
            return -EINVAL;
    }
    info->white_level = white;
    return 0;
}

/* What is not dark is the picture. */
static int apply_dark(struct sisp_raw_info *info, const struct sisp_dark_edge *dark)
{
    const bool is_rows = dark->edge == SISP_EDGE_TOP || dark->edge == SISP_EDGE_BOTTOM;
    const bool is_first = dark->edge == SISP_EDGE_TOP || dark->edge == SISP_EDGE_LEFT;
    const uint32_t whole = is_rows ? info->height : info->width, lines = dark->lines;
    if (!lines)
        return 0;
    if ((unsigned)dark->edge > SISP_EDGE_RIGHT || lines % 2 || lines > whole / 2)
        return -EINVAL;
    info->dark = (struct sisp_rect){0, 0, info->width, info->height};
    *(is_rows ? &info->dark.height : &info->dark.width) = lines;
    *(is_rows ? &info->dark.y : &info->dark.x) = is_first ? 0 : whole - lines;
    *(is_rows ? &info->crop.height : &info->crop.width) = whole - lines;
    *(is_rows ? &info->crop.y : &info->crop.x) = is_first ? lines : 0;
    return 0;
}

int camera_info_layout(struct sisp_raw_info *info, const struct sisp_camera_params *params)
{
    int r = apply_stride(info, params->stride_bytes);
    r = r ? r : apply_levels(info, params);
    return r ? r : apply_dark(info, &params->dark);
}

const struct sisp_raw_info *sisp_camera_info(const struct sisp_camera *camera)
{
    return &camera->info;
}

const char *sisp_camera_sensor(const struct sisp_camera *camera)
{
    return camera->sensor ? camera->sensor : "";
}

struct sisp_camera_limits sisp_camera_limits(const struct sisp_camera *camera)
{
    return camera->limits;
}

/* NaN becomes the minimum. */
static float clamp(float value, float min, float max)
{
    if (!(value >= min))
        return min;
    return value > max ? max : value;
}

void sisp_camera_set_controls(
    struct sisp_camera *camera, const struct sisp_camera_controls *controls)
{
    if (!camera->ops->set_controls)
        return;
    const struct sisp_camera_limits *limits = &camera->limits;
    struct sisp_camera_controls clamped = {
        clamp(controls->exposure_us, limits->exposure_us_min, limits->exposure_us_max),
        clamp(controls->analogue_gain, limits->analogue_gain_min, limits->analogue_gain_max),
    };
    camera->ops->set_controls(camera, &clamped);
}

struct sisp_camera_frame sisp_camera_frame(const struct sisp_camera *camera)
{
    return camera->frame;
}

struct sisp_camera_controls sisp_camera_applied(const struct sisp_camera *camera)
{
    return camera->applied;
}

int sisp_camera_read(struct sisp_camera *camera, uint8_t *samples, size_t size_bytes)
{
    if (!camera->ops->read)
        return -ENOTSUP;
    if (size_bytes != camera->info.stride_bytes * camera->info.height)
        return -EINVAL;
    return camera->ops->read(camera, samples);
}

int sisp_camera_attach(
    struct sisp_camera *camera, const struct sisp_buffer *buffers, uint32_t count)
{
    return camera->ops->attach ? camera->ops->attach(camera, buffers, count) : -ENOTSUP;
}

int sisp_camera_export(struct sisp_camera *camera, uint32_t index, struct sisp_buffer *buffer)
{
    return camera->ops->export ? camera->ops->export(camera, index, buffer) : -ENOTSUP;
}

int sisp_camera_queue(struct sisp_camera *camera, uint32_t index)
{
    return camera->ops->queue ? camera->ops->queue(camera, index) : -ENOTSUP;
}

int sisp_camera_start(struct sisp_camera *camera)
{
    return camera->ops->start ? camera->ops->start(camera) : -ENOTSUP;
}

void sisp_camera_stop(struct sisp_camera *camera)
{
    if (camera->ops->stop)
        camera->ops->stop(camera);
}

int sisp_camera_dequeue(struct sisp_camera *camera, uint32_t *index, uint64_t timeout_ns)
{
    return camera->ops->dequeue ? camera->ops->dequeue(camera, index, timeout_ns) : -ENOTSUP;
}

const char *sisp_camera_error(const struct sisp_camera *camera)
{
    return camera->error ? camera->error : "";
}

void sisp_camera_destroy(struct sisp_camera **camera)
{
    if (*camera)
        (*camera)->ops->destroy(*camera);
    *camera = NULL;
}
