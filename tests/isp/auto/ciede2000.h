/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Colour differences: linear sRGB to CIELAB D50, and CIEDE2000 (Sharma, Wu, Dalal, The CIEDE2000
 * color-difference formula, Color Research and Application 30, 2005). */
#ifndef TESTS_ISP_AUTO_CIEDE2000_H
#define TESTS_ISP_AUTO_CIEDE2000_H

#include <math.h>

static inline double lab_f(double t)
{
    return t > 216.0 / 24389 ? cbrt(t) : (24389.0 / 27 * t + 16) / 116;
}

/* The matrix holds the Bradford adaptation from D65 to D50. */
static inline void lab_of_linear_srgb(const double rgb[3], double lab[3])
{
    static const double to_xyz_d50[9] = {0.4360747, 0.3850649, 0.1430804, 0.2225045, 0.7168786,
        0.0606169, 0.0139322, 0.0971045, 0.7141733};
    static const double white[3] = {0.96422, 1, 0.82521};
    double f[3];
    for (int i = 0; i < 3; i++) {
        const double *m = &to_xyz_d50[3 * i];
        f[i] = lab_f((m[0] * rgb[0] + m[1] * rgb[1] + m[2] * rgb[2]) / white[i]);
    }
    lab[0] = 116 * f[1] - 16;
    lab[1] = 500 * (f[0] - f[1]);
    lab[2] = 200 * (f[1] - f[2]);
}

static inline double hue_degrees(double b, double a)
{
    double h = a == 0 && b == 0 ? 0 : atan2(b, a) * 180 / M_PI;
    return h < 0 ? h + 360 : h;
}

static inline double ciede2000(const double x[3], const double y[3])
{
    const double rad = M_PI / 180, p25 = 6103515625.0; /* 25^7 */
    double c7 = pow((hypot(x[1], x[2]) + hypot(y[1], y[2])) / 2, 7);
    double g = 0.5 * (1 - sqrt(c7 / (c7 + p25)));
    double a1 = x[1] * (1 + g), a2 = y[1] * (1 + g);
    double c1 = hypot(a1, x[2]), c2 = hypot(a2, y[2]);
    double h1 = hue_degrees(x[2], a1), h2 = hue_degrees(y[2], a2);
    double dh = h2 - h1, hm = (h1 + h2) / 2;
    if (c1 * c2 == 0) {
        dh = 0;
        hm = h1 + h2;
    } else if (fabs(h1 - h2) > 180) {
        dh += h2 > h1 ? -360 : 360;
        hm += h1 + h2 < 360 ? 180 : -180;
    }
    double dl = y[0] - x[0], dc = c2 - c1, dhh = 2 * sqrt(c1 * c2) * sin(dh / 2 * rad);
    double lm = (x[0] + y[0]) / 2, cm = (c1 + c2) / 2;
    double t = 1 - 0.17 * cos((hm - 30) * rad) + 0.24 * cos(2 * hm * rad) +
               0.32 * cos((3 * hm + 6) * rad) - 0.20 * cos((4 * hm - 63) * rad);
    double theta = 30 * exp(-pow((hm - 275) / 25, 2));
    double rc = 2 * sqrt(pow(cm, 7) / (pow(cm, 7) + p25));
    double sl = 1 + 0.015 * pow(lm - 50, 2) / sqrt(20 + pow(lm - 50, 2));
    double sc = 1 + 0.045 * cm, sh = 1 + 0.015 * cm * t;
    double rt = -sin(2 * theta * rad) * rc;
    return sqrt(pow(dl / sl, 2) + pow(dc / sc, 2) + pow(dhh / sh, 2) + rt * dc / sc * dhh / sh);
}

#endif
