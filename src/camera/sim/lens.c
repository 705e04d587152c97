/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "camera/sim/lens.h"
#include "camera/sim/lamp.h"

#include <math.h>

#define MESH_COLS     33
#define MESH_ROWS     25
#define EDGE_NM       650.0
#define EDGE_WIDTH_NM 4.0

/* cos^4 of the angle of the ray: 1 / (1 + tan^2)^2, tan^2 at the corners by colour. */
static const float corner_tan2[3] = {0.255f, 0.240f, 0.228f};

/* Of the distance from the middle to a corner; (x, y) in [-1, 1] of the frame. */
static float radius_squared(const struct sisp_raw_info *info, float x, float y)
{
    float w = (float)info->width, h = (float)info->height;
    return (x * x * w * w + y * y * h * h) / (w * w + h * h);
}

static float lens_root(unsigned channel, float radius2)
{
    return 1 / (1 + corner_tan2[channel] * radius2);
}

/* The filter passes 1 / (1 + 2^((nm - edge) / width)); this over what it passes in the middle. */
static double edge_ratio(double nm, double shift_nm)
{
    return (1 + lamp_exp2((nm - EDGE_NM) / EDGE_WIDTH_NM)) /
           (1 + lamp_exp2((nm - EDGE_NM + shift_nm) / EDGE_WIDTH_NM));
}

struct lens_filter lens_filter(
    const struct spectra_curves *sensor, const struct spectrum *light, double shift_nm)
{
    struct lens_filter filter;
    for (unsigned c = 0; c < 3; c++) {
        for (unsigned step = 0; step <= LENS_STEPS; step++) {
            double middle = 0, here = 0;
            for (unsigned i = 0; i < SPECTRA_BANDS; i++) {
                double seen = light->band[i] * sensor->channel[c][i];
                middle += seen;
                here += seen * edge_ratio(400 + 10.0 * i, shift_nm * step / LENS_STEPS);
            }
            filter.factor[c][step] = (float)(here / middle);
        }
    }
    return filter;
}

static float filter_factor(const struct lens_filter *filter, unsigned channel, float radius2)
{
    const float *factor = filter->factor[channel];
    float place = radius2 * LENS_STEPS;
    unsigned step = place < LENS_STEPS - 1 ? (unsigned)place : LENS_STEPS - 1;
    return factor[step] + (factor[step + 1] - factor[step]) * (place - (float)step);
}

static unsigned channel_of_site(unsigned site)
{
    return (site & 1) + (site >> 1);
}

void lens_fill(const struct sisp_raw_info *info, enum sisp_cfa cfa,
    const struct lens_filter *filter, uint16_t *shading)
{
    float step_x = 2 / (float)info->width, step_y = 2 / (float)info->height;
    for (uint32_t y = 0; y < info->height; y++) {
        for (uint32_t x = 0; x < info->width; x++) {
            unsigned channel = channel_of_site((unsigned)sisp_cfa_shift(cfa, x, y));
            float radius2 = radius_squared(
                info, ((float)x + 0.5f) * step_x - 1, ((float)y + 0.5f) * step_y - 1);
            float root =
                lens_root(channel, radius2) * sqrtf(filter_factor(filter, channel, radius2));
            shading[(size_t)y * info->width + x] = (uint16_t)(65535 * (root < 1 ? root : 1) + 0.5f);
        }
    }
}

void lens_fill_mesh(struct sisp_raw_info *info)
{
    struct sisp_lsc_mesh *mesh = &info->lsc;
    float height = (float)info->crop.height;
    mesh->cols = MESH_COLS;
    mesh->rows = MESH_ROWS;
    mesh->origin_y = 0 - (float)info->crop.y / height; /* not -0 */
    mesh->step_x = 1.0f / (MESH_COLS - 1);
    mesh->step_y = (float)info->height / height / (MESH_ROWS - 1);
    for (unsigned site = 0; site < SISP_SITE_COUNT; site++) {
        for (unsigned i = 0; i < MESH_COLS * MESH_ROWS; i++) {
            float x = (float)(i % MESH_COLS) / (MESH_COLS - 1);
            float y = (float)(i / MESH_COLS) / (MESH_ROWS - 1);
            float root =
                lens_root(channel_of_site(site), radius_squared(info, 2 * x - 1, 2 * y - 1));
            mesh->gain[site][i] = 1 / (root * root);
        }
    }
}

void lens_corner(const struct lens_filter *filter, float transmission[3])
{
    for (unsigned c = 0; c < 3; c++) {
        float root = lens_root(c, 1);
        transmission[c] = root * root * filter->factor[c][LENS_STEPS];
    }
}
