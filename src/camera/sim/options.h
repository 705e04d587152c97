/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What can be set of the simulated camera: options.def, read from "key=value,key=value". */
#ifndef CAMERA_SIM_OPTIONS_H
#define CAMERA_SIM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A value that holds from a frame on. */
struct sim_step {
    bool is_set;
    uint64_t frame;
    double value;
};

/** The name of a light (see spectra.h) that holds from a frame on. */
struct sim_light {
    bool is_set;
    uint64_t frame;
    char name[12];
};

struct sim_options {
#define WORD(field, key, words, value, help)            unsigned field;
#define NUMBER(field, key, unit, min, max, value, help) double field;
#define WHOLE(field, key, unit, min, max, value, help)  unsigned field;
#define STEP(field, key, unit, min, max, help)          struct sim_step field;
#define LIGHT(field, key, names, value, help)           struct sim_light field;
#define LIGHT_STEP(field, key, help)                    struct sim_light field;
#include "camera/sim/options.def"
#undef LIGHT
#undef LIGHT_STEP
#undef WORD
#undef NUMBER
#undef WHOLE
#undef STEP
};

/** `text` may be NULL or empty: the defaults. False: `error` is one sentence that names the option.
 */
bool sim_options_parse(
    struct sim_options *options, const char *text, char *error, size_t error_size);

#endif
