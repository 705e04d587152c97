/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CLI_LIVE_H
#define CLI_LIVE_H

#include "cli.h"

enum preview_kind {
    PREVIEW_NONE, /* made, but not kept */
    PREVIEW_Y4M,  /* a file or standard output */
    PREVIEW_PNGS, /* a folder */
};

enum live_buffers {
    LIVE_BUFFERS_MMAP, /* the driver's own, read where they are */
    LIVE_BUFFERS_USERPTR,
    LIVE_BUFFERS_DMABUF,
};

/** The options of softisp live, checked. */
struct live_options {
    bool is_stdin;           /* else the simulated camera */
    const char *sim_options; /* NULL: none */
    const char *device;      /* a V4L2 device; NULL: none */
    char device_text[256];   /* where its name lies */
    enum live_buffers device_buffers;
    bool has_device_memory;
    enum sisp_memory device_memory;
    struct cli_raw_options raw;
    struct sisp_dark_edge dark;
    struct sisp_params params;
    struct cli_knob_options knobs;
    struct cli_tuning tuning;
    uint32_t fps_num, fps_den;
    uint64_t frames; /* 0: until the camera ends or Ctrl-C */
    uint64_t seed;
    enum preview_kind preview_kind;
    const char *preview;
    uint32_t preview_width, preview_height;
    enum sisp_pixel_format preview_format;
    enum sisp_orientation orientation; /* of previews and stills */
    const char *full;                  /* Y4M of whole frames; NULL: none */
    bool has_shutter;
    uint64_t shutter;
    uint32_t burst_frames;
    const char *still; /* file name, %s is the frame's number */
    uint64_t overload_first;
    uint32_t overload_count;
    const char *raw_folder;
    const char *telemetry_path;
    uint32_t threads;
    const char *isa;
    bool json;
};

/** What the run left behind, for the report. */
struct live_summary {
    struct sisp_figures figures;
    uint64_t captured; /* frames that the camera gave */
    uint64_t seconds_ns;
    uint64_t missed;  /* frames for which no input was free */
    uint64_t lost;    /* by the camera: gaps in its count */
    uint64_t damaged; /* that a device gave as such */
    uint64_t raws;    /* written, by the consumer */
    uint32_t stills;
    struct sisp_fusion fusion; /* of the last still; count 0: none */
    uint64_t press_ns;         /* from the press to that still */
    char still_path[4096];     /* the last one */
    char cfa_warning[256];     /* empty: none */
    bool is_interrupted;
};

/** Run to the end. Returns enum cli_exit; every error has been said. */
int live_run(struct live_options *options, struct live_summary *summary);

/** "DEVICE[,OPTION=VALUE...]" of --camera v4l2:, or a sentence and false. */
bool live_device_options(struct live_options *options, const char *text);

/** Raws that may wait for the disk; 0: none are kept. */
static inline uint32_t live_raws_max(const struct live_options *options)
{
    return options->raw_folder ? 8 : 0;
}

/** The preview's size, where none was given, once the frame's is known; or a sentence and false. */
bool live_fit_preview(struct live_options *options);

/** The same of the picture as it is turned. */
bool live_fit_turned(struct live_options *options);

/** What is made of each frame; the full picture's width is 0 where none is wanted. */
struct sisp_picture_params live_preview(const struct live_options *options);
struct sisp_picture_params live_full(
    const struct live_options *options, const struct sisp_rect *crop);

/** A video of such pictures, and its end after `code`. Return enum cli_exit; errors are said. */
int live_video_open(struct sisp_video_writer **video, const struct live_options *options,
    const char *path, struct sisp_picture_params picture);
int live_video_close(struct sisp_video_writer **video, const char *path, int code);

/** One table, or one line of JSON. Returns as cli_flush(). */
int live_report(const struct live_options *options, const struct live_summary *summary);

#endif
