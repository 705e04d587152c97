/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CLI_DEVELOP_H
#define CLI_DEVELOP_H

#include "cli.h"

#include <sys/types.h>

/** The options of softisp develop, checked. */
struct develop_options {
    const char *output;
    struct cli_raw_options raw;
    struct sisp_params params;
    struct cli_knob_options knobs;
    struct cli_tuning tuning;
    bool has_wishes; /* an option said how the picture should look */
    unsigned depth;
    enum sisp_orientation orientation;
    bool is_fast, no_orient, json;
    uint32_t threads;
    const char *isa, *telemetry_path, *coefficients;
    struct sisp_remake remake; /* of --coefficients */
    struct sisp_telemetry *telemetry;
};

/** Where one input goes. */
struct develop_target {
    char path[4096];
    dev_t input_device; /* which file the input is; 0, 0: there is none */
    ino_t input_inode;
    bool is_dng;                      /* the raw frame; `writer` has the library for it */
    const struct sisp_writer *writer; /* NULL: a .y4m of one frame, as the fast lane makes it */
};

/**
 * Name the output of every input: a file, stdout, a folder, or a pattern with %s.
 * Returns false after a sentence: no such extension, two inputs with one output, an output or the
 * telemetry that is an input, and so on.
 */
bool develop_name_targets(const struct develop_options *options, char *const *inputs,
    unsigned count, struct develop_target *targets);

/** Develop one input. Returns enum cli_exit; every error has been said. */
int develop_one(
    const struct develop_options *options, const char *input, const struct develop_target *target);

#endif
