/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the levels of one place in two frames of a burst tell of black and of lens shading. */
#ifndef ISP_BURST_CLUES_H
#define ISP_BURST_CLUES_H

#include <isp/burst/burst.h>

#include <stdbool.h>

#define CLUE_WINDOWS_MAX 4096
#define CLUE_PARTS       4 /* of the picture, each way */

/** Means over 8x8 samples of one colour. */
struct level_pair {
    float x, y; /* of the reference and of the frame, in codes above black */
    uint32_t part;
    int16_t at_x, at_y; /* middle of the window in the reference, from the crop's middle */
    uint32_t site;
};

struct clue_scratch {
    uint32_t count;
    struct level_pair pairs[4 * CLUE_WINDOWS_MAX];
    float logs[4 * CLUE_WINDOWS_MAX], leans[4 * CLUE_WINDOWS_MAX]; /* shading.c */
    uint16_t words[2][16 + UNPACK_SLACK];
};

/** Black of frames that were exposed unlike, into out->black and so on; false: they do not say. */
bool isp_clue_black(const struct clue_scratch *scratch, struct isp_burst_clue *out);

/** Fall-off of frames that lie apart by (dx, dy), into out->falloff and falloff_error. */
bool isp_clue_shading(const struct isp_burst *burst, const int32_t shift[2],
    struct clue_scratch *scratch, struct isp_burst_clue *out);

/** Make the coefficients' mesh brighten corners by exp(falloff). */
void isp_shading_add(
    struct sisp_lsc_mesh *mesh, const struct isp_geometry *geometry, double falloff);

#endif
