/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A frame's samples around a block as whole numbers, for kernels. */
#ifndef ISP_BURST_PATCH_H
#define ISP_BURST_PATCH_H

#include <isp/burst/lanes.h>

#include <string.h>

#define LIMIT     32767.0F
#define SHARE     32767.0F /* of the colour whose samples need the most of their words */
#define SHARE_ONE 32768.0F

/* How a block's words become numbers around its mean, each colour's in proportion to it, and these
 * light again; by site of the crop. */
struct proportion {
    uint16_t mean[4], share[4];
    float scale[4], offset[4];
};

static inline void find_proportion(
    const struct merge_codes *codes, const struct merge_block *block, struct proportion *out)
{
    const sites light = *(const sites *)codes->light, black = *(const sites *)codes->black;
    const sites unit = light * *(const sites *)block->level;
    const float even = unit[0] > unit[1] ? unit[0] : unit[1];
    const float odd = unit[2] > unit[3] ? unit[2] : unit[3], most = even > odd ? even : odd;
    sites mean = *(const sites *)block->mean * *(const sites *)codes->words + (black + 0.5F);
    mean = (sites)((site_ints)mean & (mean > 0));
    const site_ints is_less = mean < LIMIT;
    mean = (sites)(((site_ints)mean & is_less) | ((site_ints)((sites){0} + LIMIT) & ~is_less));
    const site_ints whole = __builtin_convertvector(mean, site_ints);
    const sites share = unit * (SHARE / most) + 0.5F;
    *(site_words *)out->mean = __builtin_convertvector(whole, site_words);
    *(site_words *)out->share =
        __builtin_convertvector(__builtin_convertvector(share, site_ints), site_words);
    *(sites *)out->scale = *(const sites *)block->colour * most * (SHARE_ONE / SHARE / FILTER_ONE);
    *(sites *)out->offset = (__builtin_convertvector(whole, sites) - black) * light;
}

/* A row's words: those of even columns, from the one that the patch begins with on, and of odd. */
static inline row_words alternate(const uint16_t *of_row, unsigned column)
{
    uint32_t pair;
    memcpy(&pair, of_row, sizeof pair);
    return (row_words)((pairs){0} + (int32_t)(column ? pair << 16 | pair >> 16 : pair));
}

/* Each row's samples, every one with that below it above it in 32 bits. */
static inline bool load_patch(const struct merge_codes *codes, const struct proportion *by,
    const struct merge_patch *p, uint32_t out[PATCH][PATCH_ROW])
{
    const row_words white = (row_words){0} + (uint16_t)(codes->white - 1);
    row_words any = {0};
    for (unsigned i = 0; i < PATCH_ROW; i += ROW) {
        row_words last = {0};
        row_words mean[2], share[2];
        for (unsigned k = 0; k < 2; k++) {
            mean[k] = alternate(&by->mean[2 * (p->row ^ k)], p->column);
            share[k] = alternate(&by->share[2 * (p->row ^ k)], p->column);
        }
        for (unsigned j = 0; j < PATCH; j++) {
            const row_words in =
                (row_words) *
                (const row_words_unaligned *)(p->words + j * p->stride_bytes + (size_t)2 * i);
            const row_words excess = EXCESS(in, white);
            any |= excess;
            row_words x = SHIFT_DOWN(SHIFT_UP(in - excess, codes->up), codes->down);
            x = ZIP_ORDER(MULTIPLY(x - mean[j & 1], share[j & 1]));
            if (j > 0) {
                *(row_words_unaligned *)&out[j - 1][i] = ZIP_FIRST(last, x);
                *(row_words_unaligned *)&out[j - 1][i + LANES] = ZIP_SECOND(last, x);
            }
            last = x;
        }
        /* The last row's partners have taps of 0. */
        *(row_words_unaligned *)&out[PATCH - 1][i] = ZIP_FIRST(last, last);
        *(row_words_unaligned *)&out[PATCH - 1][i + LANES] = ZIP_SECOND(last, last);
    }
    uint64_t parts[ROW / 4], all = 0;
    memcpy(parts, &any, sizeof parts);
    for (unsigned i = 0; i < ROW / 4; i++)
        all |= parts[i];
    return all != 0;
}

#endif
