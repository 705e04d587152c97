/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "camera/sim/spectra.h"
#include "camera/sim/lamp.h"

#include <stdint.h>
#include <string.h>

/* XYZ (D65 white Y = 1) to the ideal camera: what a plausible sensor mixes times XYZ to sRGB
 * (IEC 61966-2-1). It sees colour as a linear function of XYZ, so that one matrix is right under
 * every light. D65 white is (1/1.9, 1, 1/1.6). */
static const double ideal_matrix[3][3] = {{0.901318, -0.203023, -0.116948},
    {-0.236418, 1.106965, 0.108137}, {-0.057868, 0.220831, 0.421710}};

static const double srgb_of_xyz[3][3] = {{3.2404542, -1.5371385, -0.4985314},
    {-0.9692660, 1.8760108, 0.0415560}, {0.0556434, -0.2040259, 1.0572252}};

/* ---- lights ------------------------------------------------------------------------------ */

static double wavelength_nm(unsigned band)
{
    return 400 + 10.0 * band;
}

static void planck(double kelvin, struct spectrum *light)
{
    static const double c2_nm_kelvin = 1.4388e7, log2_e = 1.44269504088896340736;
    for (unsigned i = 0; i < SPECTRA_BANDS; i++) {
        double nm = wavelength_nm(i), um = nm / 1000;
        double boltzmann = lamp_exp2(c2_nm_kelvin / (nm * kelvin) * log2_e);
        light->band[i] = 1 / (um * um * um * um * um * (boltzmann - 1));
    }
}

/* CIE 15:2018, 4.1.2. */
static void daylight(double kelvin, struct spectrum *light)
{
    double t = 1000 / kelvin;
    double x = kelvin <= 7000 ? 0.244063 + t * (0.09911 + t * (2.9678 - t * 4.6070))
                              : 0.237040 + t * (0.24748 + t * (1.9018 - t * 2.0064));
    double y = -3 * x * x + 2.870 * x - 0.275, m = 0.0241 + 0.2562 * x - 0.7341 * y;
    double m1 = (-1.3515 - 1.7703 * x + 5.9114 * y) / m;
    double m2 = (0.0300 - 31.4424 * x + 30.0717 * y) / m;
    for (unsigned i = 0; i < SPECTRA_BANDS; i++)
        light->band[i] = (double)spectra_daylight[0][i] + m1 * (double)spectra_daylight[1][i] +
                         m2 * (double)spectra_daylight[2][i];
}

/* Digits, then `end`; 0 if it is anything else. */
static unsigned count_of(const char *text, const char *end)
{
    unsigned value = 0, digits = 0;
    for (; *text >= '0' && *text <= '9' && digits < 6; text++, digits++)
        value = value * 10 + (unsigned)(*text - '0');
    return strcmp(text, end) == 0 ? value : 0;
}

bool spectra_light(const char *name, struct spectrum *light)
{
    unsigned kelvin = count_of(name, "K"), hundreds = *name == 'D' ? count_of(name + 1, "") : 0;
    if (kelvin >= 1500 && kelvin <= 20000) {
        planck(kelvin, light);
        return true;
    }
    if (hundreds >= 40 && hundreds <= 250) {
        daylight(hundreds * 100 * 1.4388 / 1.4380, light);
        return true;
    }
    if (strcmp(name, "A") == 0) {
        planck(2855.54, light);
        return true;
    }
    for (unsigned i = 0; i < SPECTRA_BANDS; i++)
        light->band[i] = 1;
    for (unsigned lamp = 0; lamp < SPECTRA_LAMPS; lamp++) {
        if (strcmp(name, spectra_lamps[lamp].name) != 0)
            continue;
        for (unsigned i = 0; i < SPECTRA_BANDS; i++)
            light->band[i] = (double)spectra_lamps[lamp].power[i];
        return true;
    }
    return strcmp(name, "E") == 0;
}

void spectra_tint(struct spectrum *light, double green)
{
    for (unsigned i = 0; i < SPECTRA_BANDS; i++) {
        double turns = (wavelength_nm(i) - 545) / 290;
        light->band[i] *= 1 + green * lamp_sine((turns < 0 ? -turns : turns) + 0.25);
    }
}

/* ---- responses --------------------------------------------------------------------------- */

struct spectra_curves spectra_curves(unsigned sensor)
{
    struct spectra_curves curves;
    for (unsigned c = 0; c < 3; c++) {
        for (unsigned i = 0; i < SPECTRA_BANDS; i++) {
            curves.channel[c][i] = 0;
            if (sensor > 0)
                curves.channel[c][i] = (double)spectra_sensors[sensor - 1].response[c][i];
            for (unsigned k = 0; sensor == 0 && k < 3; k++)
                curves.channel[c][i] += ideal_matrix[c][k] * (double)spectra_xyz[k][i];
        }
    }
    return curves;
}

static struct spectra_curves xyz_curves(void)
{
    struct spectra_curves curves;
    for (unsigned c = 0; c < 3; c++) {
        for (unsigned i = 0; i < SPECTRA_BANDS; i++)
            curves.channel[c][i] = (double)spectra_xyz[c][i];
    }
    return curves;
}

/* What each channel sees of a surface; a perfect diffuser's green (or Y) is 1. */
static void respond(const struct spectra_curves *curves, const struct spectrum *light,
    const struct spectrum *surface, double response[3])
{
    double green = 0;
    for (unsigned i = 0; i < SPECTRA_BANDS; i++)
        green += light->band[i] * curves->channel[1][i];
    for (unsigned c = 0; c < 3; c++) {
        response[c] = 0;
        for (unsigned i = 0; i < SPECTRA_BANDS; i++)
            response[c] += light->band[i] * curves->channel[c][i] * surface->band[i] / green;
    }
}

static struct spectrum patch_surface(unsigned index)
{
    struct spectrum surface;
    for (unsigned i = 0; i < SPECTRA_BANDS; i++)
        surface.band[i] = (double)spectra_patches[index][i];
    return surface;
}

/* Index 0 is flat. */
static struct spectrum direction(unsigned index)
{
    struct spectrum surface;
    for (unsigned i = 0; i < SPECTRA_BANDS; i++)
        surface.band[i] = index ? (double)spectra_surfaces[index - 1][i] : 1;
    return surface;
}

static void multiply(const double a[3][3], const double b[3], double product[3])
{
    for (unsigned i = 0; i < 3; i++)
        product[i] = a[i][0] * b[0] + a[i][1] * b[1] + a[i][2] * b[2];
}

static double determinant(const double m[3][3])
{
    return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
           m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
           m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
}

/* a x = b by Cramer's rule. */
static void solve(const double a[3][3], const double b[3], double x[3])
{
    double whole = determinant(a);
    for (unsigned column = 0; column < 3; column++) {
        double m[3][3];
        memcpy(m, a, sizeof(m));
        for (unsigned row = 0; row < 3; row++)
            m[row][column] = b[row];
        x[column] = determinant(m) / whole;
    }
}

/* Linear sRGB of a surface under D65. */
static void srgb_of(const struct spectrum *surface, double srgb[3])
{
    struct spectra_curves curves = xyz_curves();
    struct spectrum d65;
    double xyz[3];
    daylight(6500 * 1.4388 / 1.4380, &d65);
    respond(&curves, &d65, surface, xyz);
    multiply(srgb_of_xyz, xyz, srgb);
}

/* ---- views ------------------------------------------------------------------------------- */

/* Camera RGB of the three directions in the columns of `seen`, times how much of each makes up a
 * unit of linear sRGB. */
static void fill_of_srgb(
    const struct spectra_curves *sensor, const struct spectrum *light, double of_srgb[3][3])
{
    double seen[3][3], colors[3][3];
    for (unsigned k = 0; k < 3; k++) {
        struct spectrum surface = direction(k);
        double response[3], srgb[3];
        respond(sensor, light, &surface, response);
        srgb_of(&surface, srgb);
        for (unsigned c = 0; c < 3; c++) {
            seen[c][k] = response[c];
            colors[c][k] = srgb[c];
        }
    }
    for (unsigned j = 0; j < 3; j++) {
        double unit[3] = {j == 0, j == 1, j == 2}, amounts[3], response[3];
        solve(colors, unit, amounts);
        multiply(seen, amounts, response);
        for (unsigned c = 0; c < 3; c++)
            of_srgb[c][j] = response[c];
    }
}

struct spectra_view spectra_view(const struct spectra_curves *sensor, const struct spectrum *light)
{
    struct spectra_view view;
    struct spectra_curves curves = xyz_curves();
    struct spectrum flat = direction(0);
    double of_srgb[3][3], white[3], xyz[3];
    fill_of_srgb(sensor, light, of_srgb);
    respond(sensor, light, &flat, white);
    respond(&curves, light, &flat, xyz);
    for (unsigned c = 0; c < 3; c++) {
        view.white[c] = (float)white[c];
        for (unsigned j = 0; j < 3; j++)
            view.of_srgb[c][j] = (float)of_srgb[c][j];
    }
    view.x = xyz[0] / (xyz[0] + xyz[1] + xyz[2]);
    view.y = xyz[1] / (xyz[0] + xyz[1] + xyz[2]);
    for (unsigned i = 0; i < 24; i++) {
        struct spectrum surface = patch_surface(i);
        double response[3], paint[3];
        respond(sensor, light, &surface, response);
        solve(of_srgb, response, paint);
        for (unsigned c = 0; c < 3; c++)
            view.patches[i][c] = (float)paint[c];
    }
    return view;
}

void spectra_patch_srgb(float srgb[24][3])
{
    for (unsigned i = 0; i < 24; i++) {
        struct spectrum surface = patch_surface(i);
        double color[3];
        srgb_of(&surface, color);
        for (unsigned c = 0; c < 3; c++)
            srgb[i][c] = (float)color[c];
    }
}

void spectra_color_matrix(
    const struct spectra_curves *sensor, const struct spectrum *light, float matrix[9])
{
    struct spectra_curves curves = xyz_curves();
    double square[3][3] = {{0}}, right[3][3] = {{0}}, row[3];
    for (unsigned patch = 0; patch < 24; patch++) {
        struct spectrum surface = patch_surface(patch);
        double xyz[3], response[3];
        respond(&curves, light, &surface, xyz);
        respond(sensor, light, &surface, response);
        for (unsigned i = 0; i < 3; i++) {
            for (unsigned k = 0; k < 3; k++) {
                square[i][k] += xyz[i] * xyz[k];
                right[i][k] += response[i] * xyz[k];
            }
        }
    }
    for (unsigned c = 0; c < 3; c++) {
        solve(square, right[c], row);
        for (unsigned k = 0; k < 3; k++)
            matrix[3 * c + k] = (float)row[k];
    }
}
