/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CLI_FUSE_H
#define CLI_FUSE_H

#include "cli.h"

/** A frame that waits to be submitted. */
struct fuse_frame {
    struct sisp_input input; /* samples NULL: none */
    float exposure_us, gain; /* of its file; 0: unknown */
};

/** One run of softisp fuse. */
struct fuse {
    const char *output, *flow;
    struct cli_raw_options raw;
    struct cli_tuning tuning;
    struct sisp_params params;
    bool has_noise, is_dng, is_spatial, json;
    float noise[2];
    float exposures_s[SISP_BURST_MAX]; /* of --exposures */
    unsigned exposure_count;
    unsigned depth;
    uint32_t threads;
    const char *isa;
    const struct sisp_writer *writer; /* NULL: a mosaic */

    char **inputs;
    unsigned count;
    struct sisp_raw_info info; /* of the first, and the exposure of the reference */
    struct fuse_frame frames[SISP_BURST_MAX];
    unsigned reference;
    unsigned order[SISP_BURST_MAX]; /* which input is frame i of the burst; the reference is last */
    struct sisp_session *session;
    struct sisp_result result;
};

/** Read input i into the session, which the first one makes. Returns enum cli_exit, said. */
int fuse_load(struct fuse *f, unsigned i);

/** Write picture or raw, and the motion if it is wanted. Returns enum cli_exit, said. */
int fuse_write(const struct fuse *f);

/** Tell how the burst became one frame. Returns enum cli_exit. */
int fuse_report(const struct fuse *f);

#endif
