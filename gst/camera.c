/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "camera.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int open_sim(struct gst_softisp_camera *camera, const struct gst_softisp_mode *mode,
    char *error, size_t size)
{
    struct sisp_camera_params params = {
        .width = mode->width,
        .height = mode->height,
        .fps_num = (uint32_t)mode->fps_num,
        .fps_den = (uint32_t)mode->fps_den,
        .raw_format = mode->raw_format,
        .options = mode->name[3] ? mode->name + 4 : NULL,
    };
    if (mode->fps_num <= 0) {
        params.fps_num = 30;
        params.fps_den = 1;
    }
    int r = sisp_camera_sim_check(&params, error, size);
    if (r == 0)
        r = sisp_camera_open_sim(&camera->camera, &params);
    camera->fps_num = (gint)params.fps_num;
    camera->fps_den = (gint)params.fps_den;
    return r;
}

static int start_device(struct gst_softisp_camera *camera)
{
    int r = sisp_camera_attach(camera->camera, NULL, GST_SOFTISP_CAMERA_BUFFERS);
    if (r > GST_SOFTISP_CAMERA_BUFFERS)
        return -EPROTO;
    for (int i = 0; i < r; i++) {
        int e = sisp_camera_export(camera->camera, (uint32_t)i, &camera->buffers[i].buffer);
        if (e)
            return e;
        camera->buffers[i].place = -1;
        camera->count++;
        e = sisp_camera_queue(camera->camera, (uint32_t)i);
        if (e)
            return e;
    }
    return r < 0 ? r : sisp_camera_start(camera->camera);
}

static int open_device(struct gst_softisp_camera *camera, const struct gst_softisp_mode *mode,
    char *error, size_t size)
{
    struct sisp_v4l2_params params = {
        .device = mode->name + 5,
        .width = mode->width,
        .height = mode->height,
        .fps_num = mode->fps_num > 0 ? (uint32_t)mode->fps_num : 0,
        .fps_den = mode->fps_num > 0 ? (uint32_t)mode->fps_den : 0,
        .raw_format = mode->raw_format,
    };
    int r = sisp_camera_open_v4l2(&camera->camera, &params, error, size);
    if (r)
        return r;
    camera->is_device = TRUE;
    uint64_t interval_ns = sisp_camera_limits(camera->camera).frame_interval_ns;
    camera->fps_den = 1;
    if (interval_ns)
        gst_util_double_to_fraction(1e9 / (double)interval_ns, &camera->fps_num, &camera->fps_den);
    r = start_device(camera);
    if (r)
        snprintf(error, size, "%s", sisp_camera_error(camera->camera));
    return r;
}

int gst_softisp_camera_open(struct gst_softisp_camera *camera, const struct gst_softisp_mode *mode,
    char *error, size_t error_size)
{
    int r;
    *camera = (struct gst_softisp_camera){0};
    if (strcmp(mode->name, "sim") == 0 || strncmp(mode->name, "sim:", 4) == 0)
        r = open_sim(camera, mode, error, error_size);
    else if (strncmp(mode->name, "v4l2:", 5) == 0)
        r = open_device(camera, mode, error, error_size);
    else {
        r = -EINVAL;
        snprintf(error, error_size, "no camera '%s': it is sim, sim:KEY=VALUE,... or v4l2:DEVICE",
            mode->name);
    }
    if (r && !error[0])
        snprintf(error, error_size, "the camera '%s': %s", mode->name, g_strerror(-r));
    if (r)
        gst_softisp_camera_close(camera);
    return r;
}

void gst_softisp_camera_close(struct gst_softisp_camera *camera)
{
    if (camera->is_device)
        sisp_camera_stop(camera->camera);
    for (guint i = 0; i < camera->count; i++)
        close(camera->buffers[i].buffer.fd);
    sisp_camera_destroy(&camera->camera);
    camera->count = 0;
}

/* The middle of the frame in the picture's shape: pixels stay square. A crop has two rows and
 * columns at least. */
static void crop_to(struct sisp_rect *crop, uint64_t width, uint64_t height)
{
    struct sisp_rect whole = *crop;
    uint64_t fit_width = MAX(whole.height * width / height & ~UINT64_C(1), MAX(width, 2));
    uint64_t fit_height = MAX(whole.width * height / width & ~UINT64_C(1), MAX(height, 2));
    if (whole.width * height > whole.height * width)
        crop->width = (uint32_t)fit_width;
    else
        crop->height = (uint32_t)fit_height;
    crop->x += (whole.width - crop->width) / 2 & ~1u;
    crop->y += (whole.height - crop->height) / 2 & ~1u;
}

void gst_softisp_camera_describe(
    const struct gst_softisp_camera *camera, struct sisp_session_params *params)
{
    params->info = *sisp_camera_info(camera->camera);
    const struct sisp_picture_params *picture = &params->preview; /* the crop lies as the frame */
    if (picture->orientation & SISP_ORIENTATION_TRANSPOSE)
        crop_to(&params->info.crop, picture->height, picture->width);
    else
        crop_to(&params->info.crop, picture->width, picture->height);
    params->limits = sisp_camera_limits(camera->camera);
    params->is_live = 1;
    params->imports_max = camera->count;
    if (camera->fps_num > 0)
        params->frame_interval_ns =
            gst_util_uint64_scale_int(GST_SECOND, camera->fps_den, camera->fps_num);
}

void gst_softisp_camera_rebind(struct gst_softisp_camera *camera)
{
    for (guint i = 0; i < camera->count; i++) {
        gboolean is_in_session = camera->buffers[i].place >= 0 && !camera->buffers[i].input.samples;
        camera->buffers[i].place = -1;
        camera->buffers[i].input = (struct sisp_input){0};
        if (is_in_session && sisp_camera_queue(camera->camera, i) != 0)
            return; /* the next call on the device says it */
    }
}

static int submit(const struct gst_softisp_camera *camera, struct gst_softisp_core *core,
    struct sisp_input *input)
{
    struct sisp_camera_frame frame = sisp_camera_frame(camera->camera);
    struct sisp_camera_controls applied = sisp_camera_applied(camera->camera);
    struct sisp_submission submission = {
        .lane = SISP_LANE_FAST,
        .sequence = frame.sequence,
        .exposure_us = applied.exposure_us,
        .analogue_gain = applied.analogue_gain,
        .readout_ns = frame.start_ns,
        .capture_ns = frame.capture_ns,
    };
    int r = sisp_session_submit(core->session, input, &submission);
    if (r == 0)
        *input = (struct sisp_input){0};
    return r;
}

static int capture_sim(struct gst_softisp_camera *camera, struct gst_softisp_core *core)
{
    struct sisp_input input;
    if (sisp_session_acquire(core->session, &input) != 0)
        return -ENOBUFS;
    int r = sisp_camera_read(camera->camera, input.samples, input.size_bytes);
    if (r == 0)
        r = submit(camera, core, &input) == 0 ? 0 : -ENOBUFS;
    if (r)
        sisp_session_cancel(core->session, &input);
    return r;
}

/* Buffers that the session has read go back to the device. */
static int return_buffers(struct gst_softisp_camera *camera, struct gst_softisp_core *core)
{
    struct sisp_input input;
    int r = 0;
    while (r == 0 && sisp_session_acquire_imported(core->session, &input) == 0) {
        for (guint i = 0; i < camera->count; i++) {
            if (camera->buffers[i].place != (gint)input.index)
                continue;
            camera->buffers[i].input = input;
            r = sisp_camera_queue(camera->camera, i);
        }
    }
    return r;
}

static int capture_device(
    struct gst_softisp_camera *camera, struct gst_softisp_core *core, uint64_t timeout_ns)
{
    uint32_t i;
    int r = return_buffers(camera, core);
    if (r == 0)
        r = sisp_camera_dequeue(camera->camera, &i, timeout_ns);
    if (r == -EBADMSG) {
        r = sisp_camera_queue(camera->camera, i);
        return r ? r : -ENOBUFS;
    }
    if (r)
        return r == -EINTR ? -EAGAIN : r;
    struct sisp_input *input = &camera->buffers[i].input;
    if (!input->samples)
        r = sisp_session_import(core->session, &camera->buffers[i].buffer, input, NULL, 0);
    if (r)
        return r;
    camera->buffers[i].place = (gint)input->index;
    if (submit(camera, core, input) == 0)
        return 0;
    r = sisp_camera_queue(camera->camera, i);
    return r ? r : -ENOBUFS;
}

int gst_softisp_camera_capture(
    struct gst_softisp_camera *camera, struct gst_softisp_core *core, uint64_t timeout_ns)
{
    return camera->is_device ? capture_device(camera, core, timeout_ns) : capture_sim(camera, core);
}
