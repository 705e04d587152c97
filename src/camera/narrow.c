/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "camera/narrow.h"

bool camera_narrow(struct sisp_raw_info *info)
{
    const struct sisp_raw_format *format = sisp_raw_info_format(info);
    unsigned bits = 10;
    while (info->white_level > (float)((1u << bits) - 1))
        bits += 2;
    if (format->packing != SISP_PACKING_16 || bits >= format->bits)
        return false;
    info->fourcc = sisp_raw_format_widened(format, bits)->fourcc;
    return true;
}

void camera_clip(const struct sisp_raw_info *info, uint8_t *samples)
{
    const uint32_t max = (1u << sisp_raw_info_format(info)->bits) - 1;
    for (uint32_t y = 0; y < info->height; y++) {
        uint8_t *row = samples + y * info->stride_bytes;
        for (uint32_t x = 0; x < info->width; x++) {
            if ((row[2 * x] | (uint32_t)row[2 * x + 1] << 8) <= max)
                continue;
            row[2 * x] = (uint8_t)max;
            row[2 * x + 1] = (uint8_t)(max >> 8);
        }
    }
}
