/* SPDX-License-Identifier: GPL-3.0-or-later */
/* YUV4MPEG2 (yuv4mpeg(5) of mjpegtools). NV12's chroma here is the mean of 2x2 pixels, so it lies
 * in their centre: that is C420jpeg. */
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
    uint32_t width, height;
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

static int start(
    struct sisp_video_writer *writer, const char *path, uint32_t fps_num, uint32_t fps_den)
{
    int error = out_file_open(&writer->file, path);
    if (error)
        return error;
    char header[128];
    int length = snprintf(header, sizeof(header),
        "YUV4MPEG2 W%u H%u F%u:%u Ip A1:1 C420jpeg XCOLORRANGE=LIMITED XCOLORMATRIX=BT709\n",
        writer->width, writer->height, fps_num, fps_den);
    error = out_file_write(writer->file, header, (size_t)length);
    /* A reader at the other end of a pipe may want to set up before the first frame. */
    return error ? error : out_file_flush(writer->file);
}

int sisp_video_writer_open(struct sisp_video_writer **writer, const char *path, uint32_t width,
    uint32_t height, uint32_t fps_num, uint32_t fps_den, char *error, size_t error_size)
{
    *writer = NULL;
    if (!path || width < 1 || height < 1 || width > 65535 || height > 65535 || !fps_num || !fps_den)
        return fail(error, error_size, -EINVAL, "%ux%u at %u/%u a second is no video", width,
            height, fps_num, fps_den);
    struct sisp_video_writer *made = calloc(1, sizeof(*made));
    if (!made)
        return fail(error, error_size, -ENOMEM, "no memory for the video writer");
    made->width = width;
    made->height = height;
    size_t chroma_bytes = (size_t)((width + 1) / 2) * ((height + 1) / 2);
    made->frame_bytes = FRAME_HEADER_BYTES + (size_t)width * height + 2 * chroma_bytes;
    made->frame = malloc(made->frame_bytes);
    int failed = made->frame ? start(made, path, fps_num, fps_den) : -ENOMEM;
    if (failed) {
        release(made);
        return fail(error, error_size, failed, "the video cannot be started: %m");
    }
    *writer = made;
    return 0;
}

static void fill_frame(struct sisp_video_writer *writer, const struct sisp_image *image)
{
    uint32_t chroma_width = (image->width + 1) / 2, chroma_height = (image->height + 1) / 2;
    uint8_t *luma = writer->frame + FRAME_HEADER_BYTES;
    uint8_t *cb = luma + (size_t)image->width * image->height;
    uint8_t *cr = cb + (size_t)chroma_width * chroma_height;
    memcpy(writer->frame, frame_header, FRAME_HEADER_BYTES);
    for (uint32_t y = 0; y < image->height; y++)
        memcpy(luma + (size_t)y * image->width, image->planes[0] + y * image->stride_bytes[0],
            image->width);
    for (uint32_t y = 0; y < chroma_height; y++) {
        const uint8_t *pairs = image->planes[1] + y * image->stride_bytes[1];
        for (uint32_t x = 0; x < chroma_width; x++) {
            *cb++ = pairs[2 * x];
            *cr++ = pairs[2 * x + 1];
        }
    }
}

static bool is_fitting(const struct sisp_video_writer *writer, const struct sisp_image *image)
{
    return image && image->format == SISP_PIXEL_NV12 && image->width == writer->width &&
           image->height == writer->height && image->planes[0] && image->planes[1] &&
           image->stride_bytes[0] >= sisp_pixel_row_bytes(SISP_PIXEL_NV12, 0, image->width) &&
           image->stride_bytes[1] >= sisp_pixel_row_bytes(SISP_PIXEL_NV12, 1, image->width);
}

int sisp_video_writer_write(struct sisp_video_writer *writer, const struct sisp_image *image)
{
    if (!is_fitting(writer, image)) {
        base_log(SISP_LOG_ERROR, "the video holds NV12 pictures of %ux%u and nothing else",
            writer->width, writer->height);
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
