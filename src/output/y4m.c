/* SPDX-License-Identifier: GPL-3.0-or-later */
/* YUV4MPEG2 (yuv4mpeg(5) of mjpegtools; C420p10 is FFmpeg's). NV12's chroma here is the mean of 2x2
 * pixels, so it lies in their centre: that is C420jpeg. The others have no name that says so. */
#include "output/file.h"

#include "base/base.h"
#include "base/log.h"
#include <softisp/writer.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char frame_header[] = "FRAME\n";
#define FRAME_HEADER_BYTES (sizeof(frame_header) - 1)

struct sisp_video_writer {
    struct out_file *file;
    struct sisp_video_params params;
    int error; /* of an earlier write: the stream is cut inside a frame */
    size_t frame_bytes;
    uint8_t *frame; /* header and planes of one picture */
};

__attribute__((format(printf, 4, 5))) static int fail(
    char *error, size_t error_size, int code, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    errno = -code;
    if (error && error_size > 0)
        vsnprintf(error, error_size, format, list);
    va_end(list);
    return code;
}

static void release(struct sisp_video_writer *writer)
{
    out_file_discard(&writer->file);
    free(writer->frame);
    free(writer);
}

static const char *colour_space(enum sisp_pixel_format format)
{
    return format == SISP_PIXEL_NV12   ? "C420jpeg"
           : format == SISP_PIXEL_YUYV ? "C422"
           : format == SISP_PIXEL_P010 ? "C420p10"
                                       : NULL;
}

static int start(struct sisp_video_writer *writer, const char *path)
{
    const struct sisp_video_params *p = &writer->params;
    int error = out_file_open(&writer->file, path);
    if (error)
        return error;
    char header[128];
    int length = snprintf(header, sizeof(header),
        "YUV4MPEG2 W%u H%u F%u:%u Ip A1:1 %s XCOLORRANGE=LIMITED XCOLORMATRIX=BT709\n", p->width,
        p->height, p->fps_num, p->fps_den, colour_space(p->format));
    error = out_file_write(writer->file, header, (size_t)length);
    /* A reader at the other end of a pipe may want to set up before the first frame. */
    return error ? error : out_file_flush(writer->file);
}

/* Samples are one byte, or words of which the 10 high bits count. */
struct layout {
    size_t sample_bytes, chroma_width, chroma_height;
};

static struct layout find_layout(const struct sisp_video_params *p)
{
    return (struct layout){
        .sample_bytes = p->format == SISP_PIXEL_P010 ? 2 : 1,
        .chroma_width = ((size_t)p->width + 1) / 2,
        .chroma_height = p->format == SISP_PIXEL_YUYV ? p->height : ((size_t)p->height + 1) / 2,
    };
}

static size_t find_frame_bytes(const struct sisp_video_params *p)
{
    const struct layout l = find_layout(p);
    return FRAME_HEADER_BYTES +
           ((size_t)p->width * p->height + 2 * l.chroma_width * l.chroma_height) * l.sample_bytes;
}

int sisp_video_writer_open(struct sisp_video_writer **writer, const char *path,
    const struct sisp_video_params *params, char *error, size_t error_size)
{
    const struct sisp_video_params *p = params;
    *writer = NULL;
    if (!path || p->width < 1 || p->height < 1 || p->width > 65535 || p->height > 65535 ||
        !p->fps_num || !p->fps_den)
        return fail(error, error_size, -EINVAL, "%ux%u at %u/%u a second is no video", p->width,
            p->height, p->fps_num, p->fps_den);
    if (!colour_space(p->format))
        return fail(error, error_size, -EINVAL, "videos are written from NV12, YUYV or P010 only");
    struct sisp_video_writer *made = calloc(1, sizeof(*made));
    if (!made)
        return fail(error, error_size, -ENOMEM, "no memory for the video writer");
    made->params = *params;
    made->frame_bytes = find_frame_bytes(params);
    made->frame = malloc(made->frame_bytes);
    int failed = made->frame ? start(made, path) : -ENOMEM;
    if (failed) {
        release(made);
        return fail(error, error_size, failed, "the video cannot be started: %m");
    }
    *writer = made;
    return 0;
}

/* Every step-th sample of rows, from `src` on, to a plane without gaps; returns its end. A Y4M's
 * 10 bits are the low ones of little-endian words. */
struct samples {
    const uint8_t *src;
    size_t stride_bytes, step, width, height;
};

static uint8_t *take_bytes(uint8_t *dst, const struct samples *s)
{
    for (size_t y = 0; y < s->height; y++) {
        const uint8_t *row = s->src + y * s->stride_bytes;
        for (size_t x = 0; x < s->width; x++)
            *dst++ = row[x * s->step];
    }
    return dst;
}

static uint8_t *take_words(uint8_t *dst, const struct samples *s)
{
    for (size_t y = 0; y < s->height; y++) {
        const uint8_t *row = s->src + y * s->stride_bytes;
        for (size_t x = 0; x < s->width; x++) {
            uint16_t word;
            memcpy(&word, row + 2 * x * s->step, 2);
            *dst++ = (uint8_t)(word >> 6);
            *dst++ = (uint8_t)(word >> 14);
        }
    }
    return dst;
}

static void fill_frame(struct sisp_video_writer *writer, const struct sisp_image *image)
{
    const struct layout l = find_layout(&writer->params);
    const bool is_yuyv = image->format == SISP_PIXEL_YUYV;
    const uint8_t *pairs = is_yuyv ? image->planes[0] + 1 : image->planes[1];
    const size_t pair_stride_bytes = image->stride_bytes[is_yuyv ? 0 : 1], step = is_yuyv ? 4 : 2;
    const struct samples planes[3] = {
        {image->planes[0], image->stride_bytes[0], is_yuyv ? 2 : 1, image->width, image->height},
        {pairs, pair_stride_bytes, step, l.chroma_width, l.chroma_height},
        {pairs + (is_yuyv ? 2 : l.sample_bytes), pair_stride_bytes, step, l.chroma_width,
            l.chroma_height},
    };
    uint8_t *dst = writer->frame + FRAME_HEADER_BYTES;
    memcpy(writer->frame, frame_header, FRAME_HEADER_BYTES);
    for (int k = 0; k < 3; k++)
        dst = l.sample_bytes == 2 ? take_words(dst, &planes[k]) : take_bytes(dst, &planes[k]);
}

static bool is_fitting(const struct sisp_video_writer *writer, const struct sisp_image *image)
{
    const struct sisp_video_params *p = &writer->params;
    if (!image || image->format != p->format || image->width != p->width ||
        image->height != p->height)
        return false;
    for (unsigned k = 0; k < sisp_pixel_plane_count(p->format); k++) {
        if (!image->planes[k] ||
            image->stride_bytes[k] < sisp_pixel_row_bytes(p->format, k, p->width))
            return false;
    }
    return true;
}

int sisp_video_writer_write(struct sisp_video_writer *writer, const struct sisp_image *image)
{
    if (!is_fitting(writer, image)) {
        base_log(SISP_LOG_ERROR, "the video holds %s pictures of %ux%u and nothing else",
            sisp_pixel_format_name(writer->params.format), writer->params.width,
            writer->params.height);
        return -EINVAL;
    }
    if (writer->error)
        return writer->error;
    fill_frame(writer, image);
    writer->error = out_file_write(writer->file, writer->frame, writer->frame_bytes);
    /* Whoever watches a pipe must see each frame when it is there. */
    if (!writer->error)
        writer->error = out_file_flush(writer->file);
    return writer->error;
}

int sisp_video_writer_close(struct sisp_video_writer **writer)
{
    struct sisp_video_writer *closing = *writer;
    if (!closing)
        return 0;
    int error = closing->error;
    if (!error)
        error = out_file_commit(&closing->file);
    release(closing);
    *writer = NULL;
    return error;
}
