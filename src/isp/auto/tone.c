/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "isp/auto/auto.h"
#include "isp/auto/elementary.h"

/* Where the curve is still straight: middle grey and all below keep their contrast. */
#define SHOULDER_START 0.18
#define MIDDLE_GREY    0.18

/* IEC 61966-2-1. */
static double srgb_oetf(double x)
{
    return x <= 0.0031308 ? 12.92 * x : 1.055 * isp_pow(x, 1 / 2.4) - 0.055;
}

/* From linear light to the display's code: the tuning's curve, or sRGB's. */
static double encode(const struct sisp_tuning *tuning, double x)
{
    if (!isp_tuning_has(tuning, SISP_TUNING_TONE))
        return srgb_oetf(x);
    const float *xs = tuning->tone_x, *ys = tuning->tone_y;
    uint32_t last = tuning->tone_count - 1, i = 1;
    while (i < last && x > (double)xs[i])
        i++;
    double span = (double)xs[i] - (double)xs[i - 1];
    double t = isp_clamp((x - (double)xs[i - 1]) / span, 0, 1);
    return (1 - t) * (double)ys[i - 1] + t * (double)ys[i];
}

/*
 * Gain that takes white to white: nothing the sensor could tell apart is clipped by brightening.
 * Above the straight part the shoulder is the extended curve of Reinhard, Stark, Shirley, Ferwerda
 * (Photographic tone reproduction for digital images, SIGGRAPH 2002, eq. 4) with its white at the
 * brightest level; it has slope 1 where it starts, and gain 1 makes it the identity.
 * Darkening scales all but the last stop, which runs up to white so that white does not turn grey.
 */
static double expose(double x, double gain)
{
    if (gain < 1) {
        double x2 = x * x, x4 = x2 * x2;
        return gain * x + (1 - gain) * x4 * x4;
    }
    double u = gain * x;
    if (u <= SHOULDER_START)
        return u;
    double t = (u - SHOULDER_START) / (1 - SHOULDER_START);
    double white = (gain - SHOULDER_START) / (1 - SHOULDER_START);
    return SHOULDER_START + (1 - SHOULDER_START) * t * (1 + t / (white * white)) / (1 + t);
}

/* Two powers that meet at middle grey with the slope `contrast`; black and white stay. */
static double add_contrast(double y, double contrast, double grey)
{
    if (y <= grey)
        return grey * isp_pow(y / grey, contrast);
    return 1 - (1 - grey) * isp_pow((1 - y) / (1 - grey), contrast);
}

void isp_tone(float tone[SISP_TONE_KNOTS], const struct sisp_params *params,
    const struct sisp_tuning *tuning, double exposure_ev)
{
    bool is_linear = isp_param(params, SISP_PARAM_TONE) != 0;
    double contrast = isp_look_contrast(params);
    double gain = isp_exp2(exposure_ev), grey = encode(tuning, MIDDLE_GREY);
    /* Of the finished picture, black and white included, as libcamera's Brightness is. */
    double offset = is_linear ? 0 : isp_param(params, SISP_PARAM_BRIGHTNESS);
    for (unsigned i = 0; i < SISP_TONE_KNOTS; i++) {
        double x = (double)sisp_tone_knot(i);
        double y = is_linear ? x : add_contrast(encode(tuning, expose(x, gain)), contrast, grey);
        bool is_end = i == 0 || i == SISP_TONE_KNOTS - 1;
        y = is_end ? i > 0 : isp_clamp(y, 0, 1);
        float value = (float)isp_clamp(y + offset, 0, 1);
        /* Rounding may lose the order where the curve is flat. */
        tone[i] = i > 0 && tone[i - 1] > value ? tone[i - 1] : value;
    }
}
