/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What was measured of a sensor and its lens beforehand: a tuning file. Read are Raspberry Pi's
 * JSON (versions 1 and 2), YAML in libcamera's shape, and the colour data of DCP and DNG files.
 * Plain data without pointers.
 */
#ifndef SOFTISP_TUNING_H
#define SOFTISP_TUNING_H

#include <softisp/raw.h>

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a file may hold; a bit each in sisp_tuning.parts. */
enum sisp_tuning_part {
    SISP_TUNING_BLACK,
    SISP_TUNING_WHITE,
    SISP_TUNING_PRIOR,
    SISP_TUNING_SHADING,
    SISP_TUNING_COLOR,
    SISP_TUNING_NOISE,
    SISP_TUNING_TONE,
    SISP_TUNING_LUX,
    SISP_TUNING_PROFILE,
    SISP_TUNING_METERING,
    SISP_TUNING_PART_COUNT,
};

#define SISP_TUNING_POINTS_MAX     64 /* of a curve */
#define SISP_TUNING_COLORS_MAX     32
#define SISP_TUNING_PRIORS_MAX     8
#define SISP_TUNING_TABLES_MAX     8
#define SISP_TUNING_METERING_SIDE  15 /* cells of the grid of weights, across and down */
#define SISP_TUNING_METERING_MODES 3
#define SISP_TUNING_KNOTS_MAX      (SISP_LSC_KNOTS_MAX * SISP_LSC_KNOTS_MAX)

/** The camera's answer to white under light of that temperature. */
struct sisp_tuning_white {
    float kelvin, red_over_green, blue_over_green;
};

/** How likely a colour temperature is at a brightness: log likelihood, linear between points. */
struct sisp_tuning_prior {
    float lux;
    uint32_t count;
    float kelvin[SISP_TUNING_POINTS_MAX], log_likelihood[SISP_TUNING_POINTS_MAX];
};

struct sisp_tuning_color {
    float kelvin;
    float ccm[9]; /* rows R, G, B of linear sRGB from white-balanced camera RGB */
};

/**
 * Gains at knots over the whole frame, row by row; the outer ones lie on its edges. Green takes the
 * luminance gain, red and blue that times their own, which depends on the light.
 */
struct sisp_tuning_shading {
    uint32_t cols, rows;
    float strength; /* of the luminance correction that the file asks for, [0,1] */
    float luminance[SISP_TUNING_KNOTS_MAX];
    uint32_t count; /* of `tables`, warmest first */
    struct {
        float kelvin;
        float red[SISP_TUNING_KNOTS_MAX], blue[SISP_TUNING_KNOTS_MAX];
    } tables[SISP_TUNING_TABLES_MAX];
};

/** The scene's brightness from the picture's: these went with `lux`. */
struct sisp_tuning_lux {
    float exposure_us, gain, aperture, lux, luma; /* luma: mean of the picture, [0,1] */
};

/** One tuning file. A part whose bit is not in `parts` is zero. */
struct sisp_tuning {
    uint32_t parts;
    char target[32];                    /* the ISP that it was made for, as the file says */
    char unused[512];                   /* names of sections that are not read, with ", " between */
    float black_level[SISP_SITE_COUNT]; /* share of full scale */
    uint32_t white_count;               /* along the curve, warmest first */
    struct sisp_tuning_white white[SISP_TUNING_POINTS_MAX];
    uint32_t prior_count; /* darkest first */
    struct sisp_tuning_prior priors[SISP_TUNING_PRIORS_MAX];
    struct sisp_tuning_shading shading;
    uint32_t color_count; /* warmest first */
    struct sisp_tuning_color colors[SISP_TUNING_COLORS_MAX];
    float noise_shot, noise_read; /* at gain 1, as in struct sisp_coefficients */
    uint32_t tone_count;
    float tone_x[SISP_TUNING_POINTS_MAX], tone_y[SISP_TUNING_POINTS_MAX]; /* [0,1] */
    struct sisp_tuning_lux lux;
    /* Of a DCP or DNG: matrices and what goes with them; it stands for the raw file's own. */
    struct sisp_color_profile profile;
    float exposure_ev;     /* baseline exposure that is added to the raw file's */
    uint32_t has_exposure; /* it stands for the raw file's instead */
    /* How much each cell of the picture counts, row by row: centre-weighted, spot, matrix. */
    float metering[SISP_TUNING_METERING_MODES]
                  [SISP_TUNING_METERING_SIDE * SISP_TUNING_METERING_SIDE];
};

/** Such as "lens shading"; NULL past the last. */
SISP_API const char *sisp_tuning_part_name(unsigned part);

/**
 * Read a tuning file: of text at most 1 MiB, a DCP or DNG of at most 256 MiB. On failure nothing
 * is changed.
 * error: on failure, one sentence that names the file and, in text, line and key, if not NULL.
 * Returns: 0, -EINVAL (not a tuning file, or a value that cannot be), -ENOMEM, errno of open and
 * read. Threads: any. Real-time: may block.
 */
SISP_API SISP_MUST_CHECK int sisp_tuning_load(
    struct sisp_tuning *tuning, const char *path, char *error, size_t error_size);

/** The same from bytes in memory; `name` stands in sentences. */
SISP_API SISP_MUST_CHECK int sisp_tuning_read(struct sisp_tuning *tuning, const char *name,
    const void *bytes, size_t size_bytes, char *error, size_t error_size);

/**
 * Where tuning files are looked for, by number from 0 on: the folders of $SOFTISP_TUNING_PATH (with
 * ':' between), the user's ($XDG_CONFIG_HOME/softisp/tuning or ~/.config/softisp/tuning), the
 * system's (/usr/share/softisp/tuning, and under /usr/local) and libcamera's. Returns: 0, -ENOENT
 * past the last, -ENAMETOOLONG. Threads: while none changes the environment.
 */
SISP_API int sisp_tuning_folder(unsigned index, char *path, size_t path_size);

/** The files that may be that sensor's, best first: SENSOR.yaml, SENSOR.json and SENSOR.dcp in each
 * folder. They need not exist. Returns as above, and -EINVAL: no such name can be. */
SISP_API int sisp_tuning_candidate(
    const char *sensor, unsigned index, char *path, size_t path_size);

enum sisp_finding {
    SISP_FINDING_NOTE,  /* good to know */
    SISP_FINDING_LACKS, /* something that a good picture needs is not there */
    SISP_FINDING_WRONG, /* it is there, but it cannot be right */
};

/** What is to be said of a tuning, by number from 0 on, one sentence each.
 * Returns: enum sisp_finding, or -ENOENT past the last. Threads: any. */
SISP_API int sisp_tuning_finding(
    const struct sisp_tuning *tuning, unsigned index, char *text, size_t text_size);

#ifdef __cplusplus
}
#endif
#endif
