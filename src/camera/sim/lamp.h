/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Light of lamps on alternating current, averaged over an exposure. Only integers and + - * / of
 * IEEE 754: the same on every machine.
 *
 * Depth is the percent flicker of IEEE 1789-2015 for a sine; for |sin| it is the share of the light
 * that follows the mains, the rest being steady.
 */
#ifndef CAMERA_SIM_LAMP_H
#define CAMERA_SIM_LAMP_H

#include <stdint.h>

enum lamp_wave { LAMP_SINE, LAMP_ABS };

struct lamp {
    uint32_t mains_mhz; /* thousandths of a hertz; 0: direct current */
    enum lamp_wave wave;
    double depth; /* 0 to 1 */
};

/** Mean light over [start, start + duration); its mean over all time is 1. */
double lamp_mean(const struct lamp *lamp, uint64_t start_ns, uint64_t duration_ns);

/** 2^x, |x| <= 64, to 1e-14. */
double lamp_exp2(double x);

/** The sine of an angle in turns, 0 <= turns < 2, to 1e-12. */
double lamp_sine(double turns);

#endif
