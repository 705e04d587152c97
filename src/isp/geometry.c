/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "isp/isp.h"

#include "base/format.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define SIDE_MAX 65535

const struct sisp_raw_format *isp_geometry_format(const struct isp_geometry *geometry)
{
    return base_raw_format(geometry->raw_fourcc);
}

void isp_mono_coefficients(struct sisp_coefficients *mono, const struct sisp_coefficients *c)
{
    *mono = *c;
    for (int site = 0; site < SISP_SITE_COUNT; site++) {
        mono->black_level[site] = c->black_level[SISP_SITE_GR];
        memcpy(mono->lsc.gain[site], c->lsc.gain[SISP_SITE_GR], sizeof(c->lsc.gain[site]));
    }
    for (int k = 0; k < 3; k++) {
        mono->wb_gains[k] = 1;
        mono->ccm[3 * k] = mono->ccm[3 * k + 2] = 0.25f;
        mono->ccm[3 * k + 1] = 0.5f; /* two of the four sites */
    }
    mono->clip_level = 1;
    mono->green_balance = 0;
}

static bool is_inside(uint32_t start, uint32_t size, uint32_t whole)
{
    return size >= 2 && size <= whole && start <= whole - size;
}

int isp_geometry_check(const struct isp_geometry *g)
{
    const struct sisp_raw_format *format = isp_geometry_format(g);
    if (!format || (unsigned)g->format >= SISP_PIXEL_FORMAT_COUNT ||
        (unsigned)g->orientation >= SISP_ORIENTATION_COUNT)
        return -EINVAL;
    if (g->raw_width > SIDE_MAX || g->raw_height > SIDE_MAX ||
        g->raw_stride_bytes < sisp_raw_row_bytes(format->packing, g->raw_width))
        return -EINVAL;
    if (!is_inside(g->crop.x, g->crop.width, g->raw_width) ||
        !is_inside(g->crop.y, g->crop.height, g->raw_height))
        return -EINVAL;
    if (g->width == 0 || g->height == 0)
        return -EINVAL;
    const bool is_transposed = g->orientation & SISP_ORIENTATION_TRANSPOSE;
    const uint32_t width = is_transposed ? g->height : g->width;
    const uint32_t height = is_transposed ? g->width : g->height;
    return width > g->crop.width || height > g->crop.height ? -ENOTSUP : 0;
}
