/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Logarithm, powers and sine from + - * / alone: the C library's own differ from CPU to CPU.
 * Relative error below 1e-14; no argument traps. */
#ifndef ISP_AUTO_ELEMENTARY_H
#define ISP_AUTO_ELEMENTARY_H

/** Zero, negative numbers, subnormals and NaN count as 2^-1022, infinity as 2^1023. */
double isp_log2(double x);

/** The exponent is limited to [-1022, 1023]; NaN counts as 0. */
double isp_exp2(double exponent);

/** Sine of an angle in turns, |turns| < 2^31; absolute error below 1e-14. */
double isp_sine(double turns);

/** base^exponent for base > 0; 0 for every other base. */
double isp_pow(double base, double exponent);

#endif
