/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory orders of raw formats: MIPI CSI-2 v1.3, chapter 11, and Intel IPU3, as V4L2 documents
 * them. */
#include "camera/sim/sensor.h"

#include <endian.h>
#include <string.h>

static void pack_8(const uint16_t *codes, uint32_t count, uint8_t *out)
{
    for (uint32_t i = 0; i < count; i++)
        out[i] = (uint8_t)codes[i];
}

static void pack_16(uint16_t *codes, uint32_t count, uint8_t *out)
{
    for (uint32_t i = 0; i < count; i++)
        codes[i] = htole16(codes[i]);
    memcpy(out, codes, (size_t)count * 2);
}

static void pack_10p(const uint16_t *c, uint32_t count, uint8_t *out)
{
    for (uint32_t i = 0; i < count; i += 4, c += 4, out += 5) {
        for (unsigned j = 0; j < 4; j++)
            out[j] = (uint8_t)(c[j] >> 2);
        out[4] = (uint8_t)((c[0] & 3) | (c[1] & 3) << 2 | (c[2] & 3) << 4 | (c[3] & 3) << 6);
    }
}

static void pack_12p(const uint16_t *c, uint32_t count, uint8_t *out)
{
    for (uint32_t i = 0; i < count; i += 2, c += 2, out += 3) {
        out[0] = (uint8_t)(c[0] >> 4);
        out[1] = (uint8_t)(c[1] >> 4);
        out[2] = (uint8_t)((c[0] & 15) | (c[1] & 15) << 4);
    }
}

static void pack_14p(const uint16_t *c, uint32_t count, uint8_t *out)
{
    for (uint32_t i = 0; i < count; i += 4, c += 4, out += 7) {
        uint32_t low = (c[0] & 63u) | (c[1] & 63u) << 6 | (c[2] & 63u) << 12 | (c[3] & 63u) << 18;
        for (unsigned j = 0; j < 4; j++)
            out[j] = (uint8_t)(c[j] >> 6);
        for (unsigned j = 0; j < 3; j++)
            out[4 + j] = (uint8_t)(low >> 8 * j);
    }
}

static void pack_ipu3(const uint16_t *c, uint32_t count, uint8_t *out)
{
    for (uint32_t i = 0; i < count; i += 25, c += 25, out += 32) {
        memset(out, 0, 32);
        for (unsigned j = 0; j < 25; j++) {
            const unsigned bits = (unsigned)c[j] << j * 10 % 8;
            out[j * 10 / 8] |= (uint8_t)bits;
            out[j * 10 / 8 + 1] |= (uint8_t)(bits >> 8);
        }
    }
}

/* The top bit fills the lowest, so that the largest code becomes 65535. */
static void widen_to_16(uint16_t *codes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        codes[i] = (uint16_t)(codes[i] << 1 | codes[i] >> 14);
}

void sensor_pack(
    const struct sisp_raw_format *format, uint16_t *codes, uint32_t count, uint8_t *out)
{
    if (format->bits == 16)
        widen_to_16(codes, count);
    switch (format->packing) {
    case SISP_PACKING_8:
        pack_8(codes, count, out);
        break;
    case SISP_PACKING_16:
        pack_16(codes, count, out);
        break;
    case SISP_PACKING_10P:
        pack_10p(codes, count, out);
        break;
    case SISP_PACKING_12P:
        pack_12p(codes, count, out);
        break;
    case SISP_PACKING_14P:
        pack_14p(codes, count, out);
        break;
    case SISP_PACKING_IPU3:
        pack_ipu3(codes, count, out);
        break;
    }
}
