/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fake.h"

#include "base/base.h"

#include <errno.h>
#include <poll.h>
#include <softisp/format.h>
#include <stdio.h>
#include <string.h>

static uint32_t row_bytes(const struct fake *fake)
{
    for (const struct sisp_raw_format *f = sisp_raw_formats; f->name; f++) {
        if (f->fourcc == fake->fourcc)
            return (uint32_t)sisp_raw_row_bytes(f->packing, fake->width) + fake->pad_bytes;
    }
    return fake->width * 3;
}

static uint32_t type_of(const struct fake *fake)
{
    return fake->is_many ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE;
}

static int query(const struct fake *fake, struct v4l2_capability *capability)
{
    strcpy((char *)capability->driver, "fake");
    memset(capability->card, 'c', sizeof(capability->card)); /* without an end, as may be */
    capability->capabilities = V4L2_CAP_DEVICE_CAPS;
    capability->device_caps = V4L2_CAP_STREAMING | (fake->is_many ? V4L2_CAP_VIDEO_CAPTURE_MPLANE
                                                                  : V4L2_CAP_VIDEO_CAPTURE);
    return 0;
}

static int enumerate(const struct fake *fake, struct v4l2_fmtdesc *entry)
{
    if (entry->index >= BASE_COUNT(fake->fourccs) || !fake->fourccs[entry->index])
        return -EINVAL;
    entry->pixelformat = fake->fourccs[entry->index];
    return 0;
}

static int get_format(const struct fake *fake, struct v4l2_format *format)
{
    uint32_t stride = row_bytes(fake);
    if (format->type != type_of(fake))
        return -EINVAL;
    if (!fake->is_many) {
        format->fmt.pix = (struct v4l2_pix_format){.width = fake->width,
            .height = fake->height,
            .pixelformat = fake->fourcc,
            .bytesperline = stride,
            .sizeimage = stride * fake->height};
        return 0;
    }
    format->fmt.pix_mp = (struct v4l2_pix_format_mplane){
        .width = fake->width, .height = fake->height, .pixelformat = fake->fourcc, .num_planes = 1};
    format->fmt.pix_mp.plane_fmt[0].bytesperline = stride;
    format->fmt.pix_mp.plane_fmt[0].sizeimage = stride * fake->height;
    return 0;
}

static int set_format(struct fake *fake, struct v4l2_format *format)
{
    uint32_t fourcc = fake->is_many ? format->fmt.pix_mp.pixelformat : format->fmt.pix.pixelformat;
    if (fake->count)
        return -EBUSY;
    for (unsigned i = 0; i < BASE_COUNT(fake->fourccs); i++) {
        if (fourcc == fake->fourccs[i])
            fake->fourcc = fourcc;
    }
    fake->width = fake->is_many ? format->fmt.pix_mp.width : format->fmt.pix.width;
    fake->height = fake->is_many ? format->fmt.pix_mp.height : format->fmt.pix.height;
    return get_format(fake, format);
}

static int rate(struct fake *fake, struct v4l2_streamparm *parm, bool is_set)
{
    struct v4l2_captureparm *capture = &parm->parm.capture;
    if (is_set) {
        fake->interval_num = capture->timeperframe.numerator;
        fake->interval_den = capture->timeperframe.denominator;
    }
    capture->capability = V4L2_CAP_TIMEPERFRAME;
    capture->timeperframe = (struct v4l2_fract){fake->interval_num, fake->interval_den};
    return 0;
}

static int request(struct fake *fake, struct v4l2_requestbuffers *asked)
{
    if (asked->type != type_of(fake) || !(fake->memories & 1u << asked->memory))
        return -EINVAL;
    fake->memory = asked->memory;
    fake->count = asked->count;
    fake->queued_count = 0;
    return 0;
}

static int describe_buffer(const struct fake *fake, struct v4l2_buffer *buffer)
{
    uint32_t size_bytes = row_bytes(fake) * fake->height;
    if (buffer->index >= fake->count)
        return -EINVAL;
    if (fake->is_many)
        buffer->m.planes[0].length = size_bytes;
    else
        buffer->length = size_bytes;
    return 0;
}

static int enqueue(struct fake *fake, const struct v4l2_buffer *buffer)
{
    if (buffer->index >= fake->count || buffer->memory != fake->memory)
        return -EINVAL;
    for (unsigned i = 0; i < fake->queued_count; i++) {
        if (fake->queued[i] == buffer->index)
            return -EINVAL;
    }
    const struct v4l2_plane *plane = fake->is_many ? buffer->m.planes : NULL;
    uint32_t length = plane ? plane->length : buffer->length;
    if (fake->memory != V4L2_MEMORY_MMAP && length < row_bytes(fake) * fake->height)
        return -EINVAL;
    if (fake->memory == V4L2_MEMORY_USERPTR)
        fake->addresses[buffer->index] = plane ? plane->m.userptr : buffer->m.userptr;
    if (fake->memory == V4L2_MEMORY_DMABUF)
        fake->addresses[buffer->index] = (uint64_t)(plane ? plane->m.fd : buffer->m.fd);
    fake->queued[fake->queued_count++] = buffer->index;
    return 0;
}

static bool is_ready(const struct fake *fake)
{
    return fake->is_on && fake->queued_count && fake->now_ns >= fake->frame_ns;
}

static int dequeue(struct fake *fake, struct v4l2_buffer *buffer)
{
    if (!fake->is_on)
        return -EINVAL;
    if (!is_ready(fake))
        return -EAGAIN;
    buffer->index = fake->queued[0];
    memmove(fake->queued, fake->queued + 1, --fake->queued_count * sizeof(fake->queued[0]));
    buffer->sequence = fake->sequence++;
    buffer->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC | V4L2_BUF_FLAG_TSTAMP_SRC_EOF;
    buffer->timestamp.tv_sec = (long)(fake->frame_ns / 1000000000);
    buffer->timestamp.tv_usec = (long)(fake->frame_ns % 1000000000 / 1000);
    uint32_t bytes = row_bytes(fake) * fake->height;
    if (fake->is_many) {
        buffer->m.planes[0].bytesused = bytes;
        buffer->m.planes[0].data_offset = 0;
    } else {
        buffer->bytesused = bytes;
    }
    fake->frame_ns += FAKE_INTERVAL_NS;
    fake->dequeued++;
    return 0;
}

static int stream(struct fake *fake, bool on)
{
    if (on && !fake->is_on)
        fake->frame_ns = fake->now_ns + FAKE_INTERVAL_NS;
    fake->is_on = on;
    if (!on)
        fake->queued_count = 0;
    return 0;
}

struct fake_control *fake_control(struct fake *fake, uint32_t id)
{
    for (unsigned i = 0; i < BASE_COUNT(fake->controls); i++) {
        if (id && fake->controls[i].id == id)
            return &fake->controls[i];
    }
    return NULL;
}

static int query_control(struct fake *fake, struct v4l2_query_ext_ctrl *query)
{
    const struct fake_control *control = fake_control(fake, query->id);
    if (!control)
        return -EINVAL;
    query->minimum = control->min;
    query->maximum = control->max;
    query->step = (uint64_t)control->step;
    return 0;
}

static int exchange(struct fake *fake, const struct v4l2_ext_controls *all, bool is_write)
{
    for (unsigned i = 0; i < all->count; i++) {
        struct v4l2_ext_control *given = &all->controls[i];
        struct fake_control *control = fake_control(fake, given->id);
        if (!control)
            return -EINVAL;
        if (is_write && (given->value < control->min || given->value > control->max))
            return -ERANGE;
        if (is_write) {
            control->value = given->value;
            control->writes++;
        } else if (control->is_wide) {
            given->value64 = control->value;
        } else {
            given->value = (int32_t)control->value;
        }
    }
    return 0;
}

int fake_controls(struct fake *fake, unsigned long call, void *argument)
{
    switch (call) {
    case VIDIOC_QUERY_EXT_CTRL:
        return query_control(fake, argument);
    case VIDIOC_G_EXT_CTRLS:
    case VIDIOC_S_EXT_CTRLS:
        return exchange(fake, argument, call == VIDIOC_S_EXT_CTRLS);
    default:
        return -ENOTTY;
    }
}

static int answer(struct fake *fake, int fd, unsigned long call, void *argument)
{
    if (fake->is_gone)
        return -ENODEV;
    switch (call) {
    case VIDIOC_QUERYCAP:
        return query(fake, argument);
    case VIDIOC_ENUM_FMT:
        return enumerate(fake, argument);
    case VIDIOC_G_FMT:
        return get_format(fake, argument);
    case VIDIOC_S_FMT:
        return set_format(fake, argument);
    case VIDIOC_G_PARM:
    case VIDIOC_S_PARM:
        return rate(fake, argument, call == VIDIOC_S_PARM);
    case VIDIOC_REQBUFS:
        return request(fake, argument);
    case VIDIOC_QUERYBUF:
        return describe_buffer(fake, argument);
    case VIDIOC_EXPBUF:
        ((struct v4l2_exportbuffer *)argument)->fd = 1000 + fake->exported++;
        return 0;
    case VIDIOC_QBUF:
        return enqueue(fake, argument);
    case VIDIOC_DQBUF:
        return dequeue(fake, argument);
    case VIDIOC_STREAMON:
    case VIDIOC_STREAMOFF:
        return stream(fake, call == VIDIOC_STREAMON);
    default:
        return fake_controls(fake, call, argument);
    }
}

static int fake_ioctl(void *user, int fd, unsigned long call, void *argument)
{
    struct fake *fake = user;
    call = (uint32_t)call; /* as the kernel has it */
    int r = fake->hook ? fake->hook(fake, fd, call, argument) : FAKE_DEFAULT;
    if (r == FAKE_DEFAULT)
        r = answer(fake, fd, call, argument);
    if (r == 0 && fake->spoil)
        fake->spoil(fake, call, argument);
    return r;
}

static int fake_open(void *user, const char *path)
{
    struct fake *fake = user;
    if (strcmp(path, "/dev/video0") != 0)
        return -ENOENT;
    if (fake->open_error)
        return fake->open_error;
    fake->opened++;
    return FAKE_VIDEO;
}

static void fake_close(void *user, int fd)
{
    struct fake *fake = user;
    fake->opened--;
}

static int fake_poll(void *user, int fd, int timeout_ms)
{
    struct fake *fake = user;
    uint64_t until_ns = fake->now_ns + (uint64_t)timeout_ms * 1000000;
    int given = fd >= 0 ? fake->poll_answer : 0;
    if (given) {
        fake->poll_answer = 0;
        return given;
    }
    if (fd >= 0 && fake->is_gone)
        return POLLERR | POLLHUP;
    if (fd >= 0 && !fake->is_on)
        return POLLERR;
    if (fd >= 0 && fake->is_ready_always) {
        fake->now_ns += 1000;
        return POLLIN;
    }
    bool comes = fd >= 0 && fake->queued_count && fake->frame_ns <= until_ns;
    fake->now_ns = comes && fake->frame_ns > fake->now_ns ? fake->frame_ns
                   : comes                                ? fake->now_ns
                                                          : until_ns;
    return comes ? POLLIN : 0;
}

static int fake_number(void *user, const char *path, uint64_t *number)
{
    *number = 0x5100;
    return strcmp(path, "/dev/video0") == 0   ? 0
           : strcmp(path, "/etc/passwd") == 0 ? -ENODEV
                                              : -ENOENT;
}

static uint64_t fake_now_ns(void *user)
{
    return ((struct fake *)user)->now_ns;
}

void fake_init(struct fake *fake)
{
    *fake = (struct fake){
        .io = {.user = fake,
            .open = fake_open,
            .close = fake_close,
            .ioctl = fake_ioctl,
            .poll = fake_poll,
            .number = fake_number,
            .now_ns = fake_now_ns},
        .fourccs = {V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_SRGGB8, V4L2_PIX_FMT_SRGGB10,
            V4L2_PIX_FMT_SRGGB10P, V4L2_PIX_FMT_SRGGB12},
        .fourcc = V4L2_PIX_FMT_SRGGB10,
        .width = 640,
        .height = 480,
        .memories = 1u << V4L2_MEMORY_MMAP | 1u << V4L2_MEMORY_USERPTR | 1u << V4L2_MEMORY_DMABUF,
        .interval_num = 1,
        .interval_den = 30,
        .now_ns = 5000000000,
    };
}
