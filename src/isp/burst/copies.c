/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames that came twice: a camera that stalls, a file named two times. */
#include <isp/burst/burst.h>

#include <stdbool.h>
#include <string.h>

#define PART 512 /* samples */

static bool is_copy(const struct burst_frame *frame, const uint8_t *a, const uint8_t *b)
{
    uint16_t words[2][PART + UNPACK_SLACK];
    const uint32_t width = frame->geometry->crop.width, height = frame->geometry->crop.height;
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x += PART) {
            const struct burst_part part = {x, y, width - x < PART ? width - x : PART};
            if (memcmp(isp_burst_part(frame, a, part, words[0]),
                    isp_burst_part(frame, b, part, words[1]), part.count * sizeof(uint16_t)) != 0)
                return false;
        }
    }
    return true;
}

uint32_t isp_burst_find_copies(const struct isp_burst *burst)
{
    const struct burst_frame frame = isp_burst_frame_of(burst->geometry, burst->isa);
    const uint32_t reference = 1U << burst->reference;
    uint32_t originals = reference, all = (uint32_t)(1ULL << burst->count) - 1;
    for (uint32_t i = 0; i < burst->count; i++) {
        bool is_new = i != burst->reference;
        for (uint32_t j = 0; j < burst->count && is_new; j++)
            is_new = !(originals >> j & 1) || !is_copy(&frame, burst->raws[j], burst->raws[i]);
        originals |= (uint32_t)is_new << i;
    }
    return all & ~originals;
}
