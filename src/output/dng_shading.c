/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GainMap, opcode 9 of OpcodeList2 (Digital Negative Specification 1.4, chapter 7). */
#include "output/dng_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    TAG_OPCODE_LIST_2 = 51009,
    OPCODE_GAIN_MAP = 9,
    DNG_1_3 = 0x01030000,
    OPCODE_BYTES = 16, /* id, version, flags, bytes that follow */
    MAP_BYTES = 76,    /* before its gains */
};

/* Opcode lists are big endian in every file. */
static uint8_t *put_u32(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
    return at + 4;
}

static uint8_t *put_float(uint8_t *at, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return put_u32(at, bits);
}

static uint8_t *put_double(uint8_t *at, float single)
{
    const double value = (double)single;
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return put_u32(put_u32(at, (uint32_t)(bits >> 32)), (uint32_t)bits);
}

/* The gains of one kind of site, that lies at `corner` of the cell (1: right, 2: below). */
static uint8_t *put_map(uint8_t *at, const struct sisp_raw_info *info, unsigned corner)
{
    const struct sisp_lsc_mesh *mesh = &info->lsc;
    const uint32_t points = mesh->cols * mesh->rows;
    const float *gains = mesh->gain[out_dng_cfa(info) ^ corner];
    const uint32_t head[] = {OPCODE_GAIN_MAP, DNG_1_3, 0, MAP_BYTES + 4 * points, corner >> 1,
        corner & 1, info->crop.height, info->crop.width, 0, 1, 2, 2, mesh->rows, mesh->cols};
    for (unsigned i = 0; i < sizeof(head) / sizeof(head[0]); i++)
        at = put_u32(at, head[i]);
    at = put_double(put_double(at, mesh->step_y), mesh->step_x);
    at = put_double(put_double(at, mesh->origin_y), mesh->origin_x);
    at = put_u32(at, 1);
    for (uint32_t i = 0; i < points; i++)
        at = put_float(at, gains[i]);
    return at;
}

void out_dng_shading(struct out_tiff *file, const struct sisp_raw_info *info)
{
    const struct sisp_lsc_mesh *mesh = &info->lsc;
    if (mesh->cols == 0)
        return;
    const size_t map_bytes = OPCODE_BYTES + MAP_BYTES + (size_t)mesh->cols * mesh->rows * 4;
    const size_t bytes = 4 + SISP_SITE_COUNT * map_bytes;
    uint8_t *list = malloc(bytes);
    if (!list) {
        file->error = out_fail(file->job, -ENOMEM, "no memory for the lens shading");
        return;
    }
    uint8_t *at = put_u32(list, SISP_SITE_COUNT);
    for (unsigned corner = 0; corner < SISP_SITE_COUNT; corner++)
        at = put_map(at, info, corner);
    TIFFSetField(file->tiff, TAG_OPCODE_LIST_2, (uint32_t)bytes, list);
    free(list);
}
