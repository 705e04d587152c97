/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows of a raw frame's crop. */
#include <isp/burst/burst.h>

struct burst_frame isp_burst_frame_of(const struct isp_geometry *geometry, enum isp_isa isa)
{
    const struct sisp_raw_format *format = isp_geometry_format(geometry);
    return (struct burst_frame){geometry, format->packing,
        sisp_cfa_shift(format->cfa, geometry->crop.x, geometry->crop.y), isp_row_kernels(isa)};
}

const uint16_t *isp_burst_part(
    const struct burst_frame *frame, const uint8_t *raw, struct burst_part part, uint16_t *words)
{
    const struct isp_geometry *g = frame->geometry;
    const uint8_t *row = raw + (size_t)(g->crop.y + part.y) * g->raw_stride_bytes;
    return frame->kernels->unpack(frame->packing, row, g->crop.x + part.x, part.count, words);
}

void isp_burst_prefetch(const struct burst_frame *frame, const uint8_t *raw, struct burst_part part)
{
    const struct isp_geometry *g = frame->geometry;
    const uint8_t *row = raw + (size_t)(g->crop.y + part.y) * g->raw_stride_bytes;
    const size_t from = sisp_raw_row_bytes(frame->packing, g->crop.x + part.x);
    const size_t to = sisp_raw_row_bytes(frame->packing, g->crop.x + part.x + part.count);
    for (size_t at = from; at < to; at += CACHE_LINE)
        __builtin_prefetch(row + at);
}

const uint16_t *isp_burst_row(
    const struct burst_frame *frame, const uint8_t *raw, uint32_t y, uint16_t *words)
{
    return isp_burst_part(
        frame, raw, (struct burst_part){0, y, frame->geometry->crop.width}, words);
}
