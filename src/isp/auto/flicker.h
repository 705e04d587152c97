/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Lamps on alternating current, found in the picture. They flicker at twice the mains' frequency,
 * which a rolling shutter turns into bands across the rows.
 *
 * The ratio of two frames' row means has no texture in it, only the difference of their bands. That
 * is compared with what a lamp at 100 or 120 Hz would leave at these exposures and times,
 * coherently over frames: what moves in the scene has other phases. Where the bands stand still
 * (frames come in step with the lamp) they are moved by an exposure that is shorter for two frames
 * of four, at a gain that is higher. After Poplin, An automatic flicker detection method for
 * embedded camera systems, IEEE Trans. Consumer Electronics 52 (2), 2006.
 */
#ifndef ISP_AUTO_FLICKER_H
#define ISP_AUTO_FLICKER_H

#include "isp/auto/auto.h"

/** Look at the rows of the statistics, if they are of a frame not seen yet. */
void isp_flicker_measure(const struct isp_auto_input *input,
    const struct isp_flicker_state *previous, struct isp_flicker_state *next);

/** Period of the light that was found; 0: none. */
double isp_flicker_period_us(const struct isp_flicker_state *state);

struct isp_flicker_probe {
    double exposure_us;   /* without a probe */
    double shortest;      /* share of it that gain can make up for */
    double log2_exposure; /* time x gain: a probe is made once at each brightness */
    bool is_at_rest;      /* exposure has settled */
};

/** By how much the found lamp moves the mean of frames that are read out in such a time. */
double isp_flicker_swing_ev(
    const struct isp_flicker_state *state, double exposure_us, double readout_us);

/** Whether exposure should stay, since the light on a shorter one differs by what flickers. */
bool isp_flicker_is_probing(const struct isp_flicker_state *state);

/** The exposure time to ask for: that of `probe`, or a shorter one. */
double isp_flicker_exposure_us(const struct isp_flicker_probe *probe,
    const struct isp_flicker_state *previous, struct isp_flicker_state *next);

/** Whether a state of unknown origin can be used. */
bool isp_flicker_sane(const struct isp_flicker_state *state);

#endif
