/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Checks of kernels that transpose. */
#include "rows.h"

#include "../reference/fast.h"

enum {
    COLUMNS_MAX = 80, /* more are more of the same */
    LANES = FAST_PAD + COLUMNS_MAX / 2 + 16 + 2 * FAST_PAD,
    DST_STRIDE = FAST_TURN_ROWS * 8 + 64, /* aligned: some stores go past the caches */
    DST_BYTES = (COLUMNS_MAX + 2) * DST_STRIDE,
};

struct block {
    int16_t lanes[FAST_TURN_ROWS][3][2][LANES];
    struct fast_turn task;
};

static struct block block;
static _Alignas(64) uint8_t got[2][DST_BYTES], expected[2][DST_BYTES];

static void block_init(struct check *c, unsigned planes)
{
    const unsigned rows = (unsigned)c->kernels->turn->rows;
    block.task = (struct fast_turn){
        .rows = block.lanes[0][0][0] + FAST_PAD + c->offset,
        .stride = LANES,
        .count = c->input == CHECK_MAX ? rows : 1 + base_prng_below(&c->prng, rows),
        .width = c->width < COLUMNS_MAX ? c->width : COLUMNS_MAX,
    };
    for (size_t i = 0; i < block.task.count * 6 * block.task.width; i++) {
        const unsigned value = check_value(c, 32767);
        int16_t *row = block.lanes[0][0][0] + i / block.task.width * LANES + FAST_PAD + c->offset;
        row[i % block.task.width] = (int16_t)(value < FAST_TONE_MAX ? value : FAST_TONE_MAX);
    }
    for (unsigned k = 0; k < planes; k++) {
        memset(got[k], GUARD, DST_STRIDE * (block.task.width + 2));
        memset(expected[k], GUARD, DST_STRIDE * (block.task.width + 2));
        block.task.dst[k] = got[k] + DST_STRIDE + c->offset;
        block.task.dst_stride_bytes[k] = DST_STRIDE;
    }
}

/* Channels of pixel x of row y of the picture, or of the nearest that there is. */
static void pixel_at(const struct fast_turn *t, size_t x, size_t y, int rgb[3])
{
    const size_t row = x < t->count ? x : t->count - 1, column = y < t->width ? y : t->width - 1;
    for (size_t k = 0; k < 3; k++)
        rgb[k] = t->rows[(row * 6 + 2 * k + column % 2) * t->stride + column / 2];
}

static void expect_chroma(const struct check *c, enum sisp_pixel_format format, size_t x, size_t y)
{
    const bool is_yuyv = format == SISP_PIXEL_YUYV;
    uint8_t *row = expected[!is_yuyv] + DST_STRIDE * (1 + (is_yuyv ? y : y / 2)) + c->offset;
    int rgb[2][2][3];
    for (size_t k = 0; k < 4; k++)
        pixel_at(&block.task, x + k % 2, is_yuyv ? y : y + k / 2, rgb[k / 2][k % 2]);
    ref_put_chroma(format, row + (format == SISP_PIXEL_NV12 ? x : 2 * x), rgb);
    if (is_yuyv && x + 1 == block.task.count)
        row[2 * x + 2] = row[2 * x];
}

static bool turns(struct check *c, enum sisp_pixel_format format)
{
    const unsigned planes = sisp_pixel_plane_count(format);
    const bool is_yuyv = format == SISP_PIXEL_YUYV;
    if (c->input == CHECK_NEAR_MIN || c->input == CHECK_NEAR_MAX)
        return true; /* of sums, which others have */
    block_init(c, planes);
    c->kernels->turn->turn[format](&block.task);
    for (size_t y = 0; y < block.task.width; y++) {
        for (size_t x = 0; x < block.task.count; x++) {
            int rgb[3];
            pixel_at(&block.task, x, y, rgb);
            ref_put(format, expected[0] + DST_STRIDE * (1 + y) + c->offset, (uint32_t)x, rgb);
        }
        for (size_t x = 0; x < block.task.count; x += 2) {
            if (is_yuyv || (planes == 2 && y % 2 == 0))
                expect_chroma(c, format, x, y);
        }
    }
    const size_t size = DST_STRIDE * (block.task.width + 2);
    return bytes_are(c, got[0], expected[0], size, "byte + a row") &&
           (planes == 1 || bytes_are(c, got[1], expected[1], size, "byte of chroma + a row"));
}

bool check_turn_xrgb8888(struct check *c)
{
    return turns(c, SISP_PIXEL_XRGB8888);
}

bool check_turn_rgb24(struct check *c)
{
    return turns(c, SISP_PIXEL_RGB24);
}

bool check_turn_nv12(struct check *c)
{
    return turns(c, SISP_PIXEL_NV12);
}

bool check_turn_rgba64(struct check *c)
{
    return turns(c, SISP_PIXEL_RGBA64);
}

bool check_turn_yuyv(struct check *c)
{
    return turns(c, SISP_PIXEL_YUYV);
}

bool check_turn_p010(struct check *c)
{
    return turns(c, SISP_PIXEL_P010);
}

/* ---- what is turned ---------------------------------------------------------------------------
 */

bool check_planes(struct check *c)
{
    static struct row linear[3][2], display[3][2];
    struct fast_pack task = {.tone = &c->recipe[1].tone, .width = c->width};
    for (int k = 0; k < 6; k++) {
        row_fill(c, &linear[k / 2][k % 2], FAST_LINEAR);
        row_clear(&display[k / 2][k % 2]);
        task.linear[k / 2][k % 2] = row_start(c, &linear[k / 2][k % 2]);
        task.display[k / 2][k % 2] = row_start(c, &display[k / 2][k % 2]);
    }
    c->kernels->pack->planes(&task);
    bool ok = true;
    for (size_t i = 0; ok && i < 3 * (size_t)c->width; i++) {
        const size_t k = i % 3, x = i / 3;
        ok = check_equal(c, "sample", x, (unsigned)task.display[k][x % 2][x / 2],
            (unsigned)c->tone[task.linear[k][x % 2][x / 2]]);
    }
    for (int k = 0; k < 6; k++)
        ok = ok && row_guards_hold(c, &display[k / 2][k % 2], pairs_of(c));
    return ok;
}
