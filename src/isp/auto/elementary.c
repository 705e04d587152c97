/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "isp/auto/elementary.h"
#include "base/base.h"

#include <stdint.h>
#include <string.h>

#define LN2       0.69314718055994530942
#define TURN      6.28318530717958647693
#define MIN_POWER (-1022)
#define MAX_POWER 1023

static double power_of_two(int exponent)
{
    uint64_t bits = (uint64_t)(exponent + 1023) << 52;
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* x = 2^exponent * m with m in [sqrt(1/2), sqrt(2)), then ln m = 2 artanh((m - 1) / (m + 1)) by its
 * series (Abramowitz, Stegun, Handbook of Mathematical Functions, 4.1.27). */
double isp_log2(double x)
{
    if (!(x >= power_of_two(MIN_POWER)))
        return MIN_POWER;
    if (x >= power_of_two(MAX_POWER))
        return MAX_POWER;
    uint64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    int exponent = (int)(bits >> 52) - 1023;
    double m = x / power_of_two(exponent);
    if (m >= 1.41421356237309504880) {
        m *= 0.5;
        exponent++;
    }
    static const double odd[] = {1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13, 1.0 / 11,
        1.0 / 9, 1.0 / 7, 1.0 / 5, 1.0 / 3, 1};
    double s = (m - 1) / (m + 1), s2 = s * s, sum = 0;
    for (unsigned i = 0; i < BASE_COUNT(odd); i++)
        sum = sum * s2 + odd[i];
    return exponent + s * sum * (2 / LN2);
}

double isp_exp2(double exponent)
{
    if (!(exponent == exponent))
        return 1;
    if (exponent < MIN_POWER)
        exponent = MIN_POWER;
    if (exponent > MAX_POWER)
        exponent = MAX_POWER;
    int whole = (int)(exponent + (exponent < 0 ? -0.5 : 0.5));
    double t = (exponent - whole) * LN2, sum = 1;
    for (int k = 15; k >= 1; k--)
        sum = 1 + sum * t / k;
    return sum * power_of_two(whole);
}

/* Series of the sine (Abramowitz, Stegun, 4.3.65) on a quarter turn to both sides of zero. */
double isp_sine(double turns)
{
    double x = turns - (int)turns;
    x -= x > 0.5 ? 1 : x < -0.5 ? -1 : 0;
    if (x > 0.25)
        x = 0.5 - x;
    else if (x < -0.25)
        x = -0.5 - x;
    double angle = TURN * x, square = angle * angle, sum = 1;
    for (int k = 20; k >= 2; k -= 2)
        sum = 1 - sum * square / (k * (k + 1));
    return angle * sum;
}

double isp_pow(double base, double exponent)
{
    return base > 0 ? isp_exp2(exponent * isp_log2(base)) : 0;
}
