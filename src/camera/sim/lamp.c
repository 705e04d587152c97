/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "camera/sim/lamp.h"

#define PI         3.14159265358979323846
#define LN2        0.69314718055994530942
#define TURN_UNITS UINT64_C(1000000000000) /* ns x mHz */

double lamp_sine(double turns)
{
    double x = turns - (double)(int)turns;
    if (x > 0.75)
        x -= 1;
    else if (x > 0.25)
        x = 0.5 - x;
    double square = (2 * PI * x) * (2 * PI * x), term = 2 * PI * x, sum = term;
    for (unsigned i = 2; i <= 18; i += 2) {
        term *= -square / (double)(i * (i + 1));
        sum += term;
    }
    return sum;
}

double lamp_exp2(double x)
{
    double term = 1, sum = 1, part = x - (double)(int)x, scale = 1;
    for (unsigned i = 1; i <= 20; i++) {
        term *= part * LN2 / i;
        sum += term;
    }
    for (int i = (int)x; i > 0; i--)
        scale *= 2;
    for (int i = (int)x; i < 0; i++)
        scale /= 2;
    return sum * scale;
}

/* Integral of the wave from 0 to x turns of the light, 0 <= x < 1; its mean over a turn is 1. */
static double integral(enum lamp_wave wave, double x)
{
    if (wave == LAMP_ABS)
        return (1 - lamp_sine(x / 2 + 0.25)) / 2;
    return x - lamp_sine(x) / (2 * PI);
}

double lamp_mean(const struct lamp *lamp, uint64_t start_ns, uint64_t duration_ns)
{
    if (!lamp->mains_mhz)
        return 1;
    /* 1000 s are whole turns: what is left of the time times the frequency fits 64 bits. */
    uint64_t light_mhz = 2 * (uint64_t)lamp->mains_mhz;
    uint64_t start = start_ns % TURN_UNITS * light_mhz % TURN_UNITS;
    uint64_t end = start + duration_ns * light_mhz;
    double length = (double)(duration_ns * light_mhz) / TURN_UNITS;
    double sum = (double)(end / TURN_UNITS) +
                 integral(lamp->wave, (double)(end % TURN_UNITS) / TURN_UNITS) -
                 integral(lamp->wave, (double)start / TURN_UNITS);
    return 1 + lamp->depth * (sum / length - 1);
}
