/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Colour from spectra: light, surface and sensor, 400 to 700 nm in steps of 10 nm. Only + - * / and
 * sqrt of IEEE 754, as all of the scene.
 *
 * Thermal light is Planck's law, daylight CIE 15's (Judd, MacAdam, Wyszecki 1964). A colour of the
 * scene that is known in linear sRGB only becomes the reflectance that is gray plus a sum of the
 * two directions in which real surfaces differ most (Maloney and Wandell 1986: few dimensions are
 * enough), such that it has this colour under D65; gray is flat.
 */
#ifndef CAMERA_SIM_SPECTRA_H
#define CAMERA_SIM_SPECTRA_H

#include <stdbool.h>

#define SPECTRA_BANDS   31
#define SPECTRA_SENSORS 3
#define SPECTRA_LAMPS   11

struct spectra_sensor {
    const char *name;
    float response[3][SPECTRA_BANDS];
};

struct spectra_lamp {
    const char *name;
    float power[SPECTRA_BANDS];
};

extern const float spectra_xyz[3][SPECTRA_BANDS];
extern const float spectra_patches[24][SPECTRA_BANDS];
extern const float spectra_surfaces[2][SPECTRA_BANDS];
extern const float spectra_daylight[3][SPECTRA_BANDS];
extern const struct spectra_sensor spectra_sensors[SPECTRA_SENSORS];
extern const struct spectra_lamp spectra_lamps[SPECTRA_LAMPS];

struct spectrum {
    double band[SPECTRA_BANDS];
};

/** Planck's law for "3200K", CIE daylight for "D50" (5000 K x 1.4388/1.4380) to "D250", "A" (2856
 * K), "E" (equal energy), and spectra_lamps. False where there is no such light. */
bool spectra_light(const char *name, struct spectrum *light);

/** What a gel does: (1 + green) times the light at 545 nm, (1 - green) times at 400 and 690 nm. */
void spectra_tint(struct spectrum *light, double green);

/** A sensor's curves: index 0 is the ideal one, linear in XYZ; then spectra_sensors. */
struct spectra_curves {
    double channel[3][SPECTRA_BANDS];
};
struct spectra_curves spectra_curves(unsigned sensor);

/** How a sensor sees the scene under a light; the green of a perfect diffuser is 1. */
struct spectra_view {
    float of_srgb[3][3];  /* camera RGB of a reflectance that is known in linear sRGB (D65) */
    float patches[24][3]; /* the linear sRGB that looks as the ColorChecker's patches look here */
    float white[3];       /* camera RGB of a perfect diffuser */
    double x, y;          /* chromaticity of the light (CIE 1931) */
};
struct spectra_view spectra_view(const struct spectra_curves *sensor, const struct spectrum *light);

/** Linear sRGB of the patches under D65. */
void spectra_patch_srgb(float srgb[24][3]);

/** XYZ to camera under this light, as DNG's ColorMatrix: the least squares of the patches. */
void spectra_color_matrix(
    const struct spectra_curves *sensor, const struct spectrum *light, float matrix[9]);

#endif
