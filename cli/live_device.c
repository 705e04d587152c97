/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A live run from a V4L2 device: it fills buffers that the session reads where they are. */
#include "live_run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFERS_MAX 32
#define OWN_BUFFERS 8                  /* of the driver, besides those of a burst and raws */
#define LOOK_NS     (NS_A_SECOND / 10) /* for Ctrl-C, and for inputs that are free again */
#define NO_FRAME_NS (5 * NS_A_SECOND)

/* The camera's buffers and the session's inputs have the same bytes. */
struct live_device {
    uint32_t count;
    bool is_imported;                        /* the buffers are the driver's own */
    struct sisp_buffer buffers[BUFFERS_MAX]; /* by the camera's index */
    struct sisp_input inputs[BUFFERS_MAX];   /* likewise */
    bool is_held[BUFFERS_MAX];               /* its input is ours or the camera's */
    uint64_t last_ns;                        /* when the last frame came */
    char error[256];
};

/* ---- what is opened ------------------------------------------------------------------------ */

static void find_tuning(struct run *run)
{
    struct live_options *o = run->options;
    const char *sensor = sisp_camera_sensor(run->camera);
    char path[4096];
    if (!sensor[0] || o->tuning.path || o->tuning.sensor ||
        sisp_tuning_candidate(sensor, 0, path, sizeof(path)) == -EINVAL)
        return;
    (void)cli_tuning_option("live", &o->tuning, "sensor", sensor);
}

/* What the device keeps is the truth for clocks, files and deadlines. */
static void take_rate(struct live_options *o, uint64_t interval_ns)
{
    uint64_t asked_ns = NS_A_SECOND * o->fps_den / o->fps_num;
    uint64_t off_ns = interval_ns > asked_ns ? interval_ns - asked_ns : asked_ns - interval_ns;
    if (!interval_ns || interval_ns > UINT32_MAX || off_ns < asked_ns / 1000)
        return;
    o->fps_num = (uint32_t)NS_A_SECOND;
    o->fps_den = (uint32_t)interval_ns;
}

int live_device_open(struct run *run)
{
    struct live_options *o = run->options;
    struct sisp_raw_open_params *open = &o->raw.open;
    struct sisp_v4l2_params params = {
        .device = o->device,
        .width = open->width,
        .height = open->height,
        .fps_num = o->fps_num,
        .fps_den = o->fps_den,
        .raw_format = open->raw_format,
        .black_count = open->black_count,
        .white_level = open->white_level,
        .dark = o->dark,
    };
    memcpy(params.black_level, open->black_level, sizeof(params.black_level));
    int r = sisp_camera_open_v4l2(&run->camera, &params, run->error, sizeof(run->error));
    if (r) {
        cli_error("live", "the camera: %s", run->error);
        return r == -EINVAL ? CLI_WRONG_USE : CLI_INPUT_FAILED;
    }
    run->device = calloc(1, sizeof(*run->device));
    if (!run->device) {
        cli_error("live", "not enough memory for the camera");
        return CLI_INTERNAL;
    }
    open->width = sisp_camera_info(run->camera)->width;
    open->height = sisp_camera_info(run->camera)->height;
    take_rate(o, sisp_camera_limits(run->camera).frame_interval_ns);
    find_tuning(run);
    return live_fit_turned(o) ? CLI_DONE : CLI_WRONG_USE;
}

static uint32_t own_buffers(const struct live_options *o)
{
    return OWN_BUFFERS + (o->has_shutter ? o->burst_frames : 0) + live_raws_max(o);
}

void live_device_params(const struct run *run, struct sisp_session_params *params)
{
    if (!run->device)
        return;
    params->input_memory = run->options->device_memory;
    if (run->options->device_buffers == LIVE_BUFFERS_MMAP)
        params->imports_max = own_buffers(run->options);
}

/* ---- buffers ------------------------------------------------------------------------------- */

static int say(struct run *run, const char *what, const char *why)
{
    cli_error("live", "%s: %s%s%s", run->options->device, what, *what ? ": " : "", why);
    return CLI_INPUT_FAILED;
}

static int import_buffers(struct run *run)
{
    struct live_device *device = run->device;
    uint32_t wanted = own_buffers(run->options);
    int count = sisp_camera_attach(run->camera, NULL, wanted);
    if (count < 0)
        return say(run, "", sisp_camera_error(run->camera));
    device->is_imported = true;
    device->count = (uint32_t)count < wanted ? (uint32_t)count : wanted;
    for (uint32_t i = 0; i < device->count; i++) {
        if (sisp_camera_export(run->camera, i, &device->buffers[i]))
            return say(run, "", sisp_camera_error(run->camera));
        int r = sisp_session_import(
            run->session, &device->buffers[i], &device->inputs[i], run->error, sizeof(run->error));
        close(device->buffers[i].fd); /* the session has its own */
        if (r)
            return say(run, "its buffers cannot be read", run->error);
        device->is_held[i] = true;
    }
    return CLI_DONE;
}

static int lend_inputs(struct run *run)
{
    struct live_device *device = run->device;
    device->count = sisp_session_input_count(run->session);
    if (device->count > BUFFERS_MAX)
        return say(run, "", "the session has more inputs than a device takes");
    for (uint32_t i = 0; i < device->count; i++) {
        if (sisp_session_input_buffer(run->session, i, &device->buffers[i]))
            return say(run, "", "the session does not lend its inputs");
        /* By their address, whatever they lie in. */
        if (run->options->device_buffers == LIVE_BUFFERS_USERPTR)
            device->buffers[i].memory = SISP_MEMORY_MEMFD;
    }
    if (sisp_camera_attach(run->camera, device->buffers, device->count) < 0)
        return say(run, "", sisp_camera_error(run->camera));
    return CLI_DONE;
}

/* The next input that the session no longer reads, under the camera's index. */
static bool take_back(struct run *run, uint32_t *index)
{
    struct live_device *device = run->device;
    struct sisp_input input;
    int r = device->is_imported ? sisp_session_acquire_imported(run->session, &input)
                                : sisp_session_acquire(run->session, &input);
    if (r)
        return false;
    *index = input.index;
    for (uint32_t i = 0; device->is_imported && i < device->count; i++) {
        if (device->inputs[i].index == input.index)
            *index = i;
    }
    device->inputs[*index] = input;
    device->is_held[*index] = true;
    return true;
}

static int queue_free(struct run *run)
{
    uint32_t index;
    int r = 0;
    while (r == 0 && take_back(run, &index))
        r = sisp_camera_queue(run->camera, index);
    return r;
}

int live_device_start(struct run *run)
{
    struct live_device *device = run->device;
    if (!device)
        return CLI_DONE;
    bool is_mmap = run->options->device_buffers == LIVE_BUFFERS_MMAP;
    int code = is_mmap ? import_buffers(run) : lend_inputs(run);
    int r = 0;
    for (uint32_t i = 0; code == CLI_DONE && is_mmap && r == 0 && i < device->count; i++)
        r = sisp_camera_queue(run->camera, i);
    if (code == CLI_DONE && r == 0)
        r = queue_free(run);
    if (code == CLI_DONE && r == 0)
        r = sisp_camera_start(run->camera);
    device->last_ns = live_now_ns();
    return r ? say(run, "", sisp_camera_error(run->camera)) : code;
}

/* ---- frames -------------------------------------------------------------------------------- */

/* Hand one in; what the session does not take goes back to the camera at once. */
static int submit(struct run *run, uint32_t index, uint64_t sequence)
{
    struct live_device *device = run->device;
    const struct sisp_input *input = &device->inputs[index];
    int r = live_submit(run, input, sequence);
    if (r == -EAGAIN) {
        run->summary->missed++;
        return sisp_camera_queue(run->camera, index);
    }
    if (r)
        return r;
    device->is_held[index] = false;
    return 0;
}

int live_device_capture(struct run *run, uint64_t *sequence)
{
    struct live_device *device = run->device;
    uint32_t index;
    live_apply_request(run);
    for (;;) {
        int r = queue_free(run);
        if (r)
            return r;
        r = live_stop_requested ? -EINTR : sisp_camera_dequeue(run->camera, &index, LOOK_NS);
        if (r == -EBADMSG) {
            run->summary->damaged++;
            r = sisp_camera_queue(run->camera, index);
        } else if (r == 0) {
            uint64_t number = sisp_camera_frame(run->camera).sequence;
            run->summary->lost += number > *sequence ? number - *sequence : 0;
            *sequence = number;
            device->last_ns = live_now_ns();
            return submit(run, index, number);
        }
        if (r && r != -EAGAIN && (r != -EINTR || live_stop_requested))
            return r;
        if (live_now_ns() - device->last_ns > NO_FRAME_NS)
            return -ETIMEDOUT;
    }
}

const char *live_device_error(const struct run *run, int error)
{
    struct live_device *device = run->device;
    const char *why =
        error == -ETIMEDOUT ? "no frame came for five seconds" : sisp_camera_error(run->camera);
    snprintf(device->error, sizeof(device->error), "%s: %s", run->options->device,
        *why ? why : strerror(-error));
    return device->error;
}

void live_device_stop(struct run *run)
{
    if (!run->device)
        return;
    sisp_camera_stop(run->camera);
    for (uint32_t i = 0; i < run->device->count; i++) {
        if (run->device->is_held[i])
            sisp_session_cancel(run->session, &run->device->inputs[i]);
        run->device->is_held[i] = false;
    }
}

void live_device_close(struct run *run)
{
    free(run->device);
    run->device = NULL;
}

/* ---- options ------------------------------------------------------------------------------- */

static bool set_device_option(struct live_options *o, const char *key, const char *value)
{
    static const char *const kinds[] = {"mmap", "userptr", "dmabuf"};
    if (strcmp(key, "memory") == 0) {
        int memory = sisp_memory_find(value);
        o->has_device_memory = true;
        o->device_memory = (enum sisp_memory)memory;
        return memory >= 0 && memory < SISP_MEMORY_IMPORTED;
    }
    for (int i = 0; strcmp(key, "buffers") == 0 && i < 3; i++) {
        o->device_buffers = (enum live_buffers)i;
        if (strcmp(value, kinds[i]) == 0)
            return true;
    }
    return false;
}

bool live_device_options(struct live_options *o, const char *text)
{
    if (strlen(text) >= sizeof(o->device_text)) {
        cli_error("live", "'--camera v4l2:' has too long a name");
        return false;
    }
    strcpy(o->device_text, text);
    char *rest = o->device_text, *word;
    o->device = strsep(&rest, ",");
    while ((word = strsep(&rest, ","))) {
        char *value = strchr(word, '=');
        if (value)
            *value++ = '\0';
        if (!value || !set_device_option(o, word, value)) {
            cli_error("live",
                "'%s' of '--camera v4l2:%s': it is buffers=mmap, userptr or dmabuf, or "
                "memory=memfd, udmabuf or dma-heap",
                word, text);
            return false;
        }
    }
    bool is_mmap = o->device_buffers == LIVE_BUFFERS_MMAP;
    if (is_mmap && o->has_device_memory) {
        cli_error("live", "memory=NAME goes with buffers=userptr or buffers=dmabuf");
        return false;
    }
    if (o->device_buffers == LIVE_BUFFERS_DMABUF && !o->has_device_memory)
        o->device_memory = SISP_MEMORY_UDMABUF;
    if (o->device_buffers == LIVE_BUFFERS_DMABUF && o->device_memory == SISP_MEMORY_MEMFD) {
        cli_error("live", "a memfd is no dmabuf: buffers=dmabuf needs memory=udmabuf or dma-heap");
        return false;
    }
    return true;
}
