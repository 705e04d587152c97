/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CLI_LIVE_H
#define CLI_LIVE_H

#include "cli.h"

enum preview_kind {
    PREVIEW_NONE, /* made, but not kept */
    PREVIEW_Y4M,  /* a file or standard output */
    PREVIEW_PNGS, /* a folder */
};

/** The options of softisp live, checked. */
struct live_options {
    bool is_stdin;           /* else the simulated camera */
    const char *sim_options; /* NULL: none */
    struct cli_raw_options raw;
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
    uint64_t missed; /* frames for which no input was free */
    uint32_t stills;
    char still_path[4096]; /* the last one */
    bool is_interrupted;
};

/** Run to the end. Returns enum cli_exit; every error has been said. */
int live_run(const struct live_options *options, struct live_summary *summary);

/** One table, or one line of JSON. Returns as cli_flush(). */
int live_report(const struct live_options *options, const struct live_summary *summary);

#endif
