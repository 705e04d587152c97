/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which pictures a live run makes of each frame, and the videos that they go to. */
#include "live.h"

#include <string.h>

static void transpose_preview(struct live_options *o)
{
    const uint32_t width = o->preview_width;
    o->preview_width = o->preview_height;
    o->preview_height = width;
}

bool live_fit_turned(struct live_options *o)
{
    const bool is_transposed = o->orientation & SISP_ORIENTATION_TRANSPOSE;
    if (is_transposed)
        transpose_preview(o);
    const bool fits = live_fit_preview(o);
    if (is_transposed)
        transpose_preview(o);
    return fits;
}

struct sisp_picture_params live_preview(const struct live_options *options)
{
    return (struct sisp_picture_params){
        .format = options->preview_format,
        .width = options->preview_width,
        .height = options->preview_height,
        .orientation = options->orientation,
    };
}

/* A folder of PNG files has RGB, a video has not. */
struct sisp_picture_params live_full(
    const struct live_options *options, const struct sisp_rect *crop)
{
    struct sisp_picture_params full = live_preview(options);
    const bool is_transposed = options->orientation & SISP_ORIENTATION_TRANSPOSE;
    full.height = is_transposed ? crop->width : crop->height;
    full.width = !options->full ? 0 : is_transposed ? crop->height : crop->width;
    if (full.format == SISP_PIXEL_RGB24)
        full.format = SISP_PIXEL_NV12;
    return full;
}

int live_video_open(struct sisp_video_writer **video, const struct live_options *options,
    const char *path, struct sisp_picture_params picture)
{
    const struct sisp_video_params params = {
        picture.format, picture.width, picture.height, options->fps_num, options->fps_den};
    char error[512];
    int r = sisp_video_writer_open(video, path, &params, error, sizeof(error));
    if (r)
        cli_error("live", "%s: %s", path, error);
    return r ? CLI_OUTPUT_FAILED : CLI_DONE;
}

int live_video_close(struct sisp_video_writer **video, const char *path, int code)
{
    int r = sisp_video_writer_close(video);
    if (!r || code != CLI_DONE)
        return code;
    cli_error("live", "%s: %s", path, strerror(-r));
    return CLI_OUTPUT_FAILED;
}
