/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Black level of live pictures: as stated, as measured where no light reaches, or learned from the
 * darkest parts of pictures. */
#include "isp/auto/auto.h"
#include "isp/auto/elementary.h"
#include "isp/still/unpack.h"

#include <string.h>

/* Of a small difference, and how many sigmas make a clear one. */
#define DARK_SHARE 0.0625
#define DARK_CLEAR 16

/* ---- what a raw frame says -------------------------------------------------------------------
 */

#define SIDE_MAX 16

/* A rectangle of samples: at most SIDE_MAX wide, both sides even. */
struct block {
    double mean[SISP_SITE_COUNT];
    double all, variance; /* of all its samples */
};

static struct block read_block(
    const struct sisp_raw_info *info, const uint8_t *raw, const struct sisp_rect *at)
{
    const struct sisp_raw_format *format = sisp_raw_info_format(info);
    uint16_t words[SIDE_MAX + UNPACK_SLACK];
    uint32_t sums[4] = {0}, sum = 0;
    uint64_t squares = 0;
    for (uint32_t y = 0; y < at->height; y++) {
        const uint8_t *row = raw + (at->y + y) * info->stride_bytes;
        const uint16_t *line = unpack_row(format->packing, row, at->x, at->width, words);
        for (uint32_t x = 0; x < at->width; x++) {
            sums[2 * (y & 1) + (x & 1)] += line[x];
            squares += (uint32_t)line[x] * line[x];
        }
    }
    const double count = (double)(at->width * at->height);
    struct block block = {.mean = {0}};
    for (uint32_t k = 0; k < 4; k++) {
        const unsigned site = sisp_cfa_shift(format->cfa, (at->x + k) & 1, (at->y + k / 2) & 1);
        block.mean[format->is_mono ? k : site] = sums[k] * 4 / count;
        sum += sums[k];
    }
    block.all = sum / count;
    block.variance = (double)squares / count - block.all * block.all;
    return block;
}

static void sort(float *values, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        const float value = values[i];
        uint32_t k = i;
        for (; k > 0 && values[k - 1] > value; k--)
            values[k] = values[k - 1];
        values[k] = value;
    }
}

/* ---- samples that no light reaches ----------------------------------------------------------- */

#define DARK_BLOCKS_MAX 128
#define DARK_ROWS       2
#define DARK_SAMPLES    128 /* fewer say too little */

/* Samples whose means spread by more than this share of white have seen light. */
#define SPREAD_SHARE 0.03

int isp_black_has_dark(const struct sisp_raw_info *info)
{
    const struct sisp_rect *dark = &info->dark;
    return dark->width >= 2 && dark->height >= DARK_ROWS && dark->width <= info->width &&
           dark->height <= info->height && dark->x <= info->width - dark->width &&
           dark->y <= info->height - dark->height &&
           (uint64_t)dark->width * dark->height >= DARK_SAMPLES;
}

/* The mean of the middle half: hot samples, and what is lit at an edge, lie outside of it. */
static double middle_mean(const float *sorted, uint32_t count)
{
    double sum = 0;
    for (uint32_t i = count / 4; i < count - count / 4; i++)
        sum += (double)sorted[i];
    return sum / (count - 2 * (count / 4));
}

static void measure_dark(
    const struct sisp_raw_info *info, const uint8_t *raw, struct isp_black_sample *out)
{
    static const double sigmas_a_quartile = 1.349;
    const struct sisp_rect *dark = &info->dark;
    const uint32_t width = dark->width < SIDE_MAX ? dark->width & ~1u : SIDE_MAX;
    const uint32_t across = dark->width / width, total = across * (dark->height / DARK_ROWS);
    const uint32_t count = total < DARK_BLOCKS_MAX ? total : DARK_BLOCKS_MAX;
    float means[SISP_SITE_COUNT][DARK_BLOCKS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t k = (uint32_t)((uint64_t)i * total / count);
        const struct block block = read_block(info, raw,
            &(struct sisp_rect){
                dark->x + k % across * width, dark->y + k / across * DARK_ROWS, width, DARK_ROWS});
        for (int site = 0; site < SISP_SITE_COUNT; site++)
            means[site][i] = (float)block.mean[site];
    }
    double error = 0;
    for (int site = 0; site < SISP_SITE_COUNT; site++) {
        sort(means[site], count);
        const double spread = (double)(means[site][count * 3 / 4] - means[site][count / 4]);
        const double level = middle_mean(means[site], count);
        if (spread > SPREAD_SHARE * (double)info->white_level ||
            level > (double)info->white_level / 2)
            return;
        const double sigma = spread / sigmas_a_quartile / __builtin_sqrt(count);
        error = sigma > error ? sigma : error;
        out->level[site] = (float)level;
    }
    out->error = (float)error;
    out->mode = SISP_BLACK_OPTICAL;
}

/* ---- the darkest parts of a picture ---------------------------------------------------------- */

#define BLOCK_SIDE 8

/* Blocks all over the crop. */
static void measure_picture(
    const struct sisp_raw_info *info, const uint8_t *raw, struct isp_black_sample *out)
{
    const struct sisp_rect *crop = &info->crop;
    if (crop->width < BLOCK_SIDE || crop->height < BLOCK_SIDE)
        return;
    const uint32_t room[2] = {crop->width - BLOCK_SIDE, crop->height - BLOCK_SIDE};
    double lowest = 65536;
    for (uint32_t i = 0; i < ISP_BLACK_BLOCKS; i++) {
        const struct block block = read_block(info, raw,
            &(struct sisp_rect){crop->x + room[0] * (i % ISP_BLACK_ACROSS) / (ISP_BLACK_ACROSS - 1),
                crop->y + room[1] * (i / ISP_BLACK_ACROSS) / (ISP_BLACK_DOWN - 1), BLOCK_SIDE,
                BLOCK_SIDE});
        out->blocks[i] = (float)block.all;
        if (block.all >= lowest)
            continue;
        lowest = block.all;
        out->error = (float)(__builtin_sqrt(block.variance > 0 ? block.variance : 0) / BLOCK_SIDE);
    }
    out->mode = SISP_BLACK_LEARNED;
}

void isp_black_measure(const struct sisp_raw_info *info, enum sisp_black_mode mode,
    const uint8_t *raw, struct isp_black_sample *out)
{
    memset(out, 0, sizeof(*out));
    if (mode == SISP_BLACK_OPTICAL)
        measure_dark(info, raw, out);
    else if (mode == SISP_BLACK_LEARNED)
        measure_picture(info, raw, out);
}

/* ---- levels ---------------------------------------------------------------------------------- */

/* The largest code of a raw format. */
static double full_scale(const struct sisp_raw_info *info)
{
    const struct sisp_raw_format *format = sisp_raw_info_format(info);
    return format ? (double)((1u << format->bits) - 1) : 65535;
}

/* What file, camera, user or tuning say. */
static void set_stated(struct sisp_coefficients *out, const struct sisp_raw_info *info,
    const struct sisp_tuning *tuning, double full)
{
    bool is_chosen =
        info->black_source == SISP_SOURCE_AUTO || info->black_source == SISP_SOURCE_MANUAL;
    bool is_zero = true;
    out->black_source = SISP_SOURCE_NEUTRAL;
    for (int i = 0; i < SISP_SITE_COUNT; i++) {
        double black = isp_clamp((double)info->black_level[i], 0, full - 1);
        out->black_level[i] = (float)black;
        is_zero &= black == 0;
    }
    if (!is_zero || info->black_source == SISP_SOURCE_MANUAL)
        out->black_source = is_chosen ? info->black_source : SISP_SOURCE_FILE;
    /* What a frame says of itself is true of that very frame. */
    if (out->black_source != SISP_SOURCE_NEUTRAL || !isp_tuning_has(tuning, SISP_TUNING_BLACK))
        return;
    for (int i = 0; i < SISP_SITE_COUNT; i++) {
        double black = (double)tuning->black_level[i] * (full + 1);
        out->black_level[i] = (float)isp_clamp(black, 0, full - 1);
    }
    out->black_source = SISP_SOURCE_TUNING;
}

static bool is_stated(const struct sisp_raw_info *info, const struct sisp_tuning *tuning)
{
    bool is_zero = true;
    for (int i = 0; i < SISP_SITE_COUNT; i++)
        is_zero &= !(info->black_level[i] > 0);
    return !is_zero || info->black_source != SISP_SOURCE_NEUTRAL ||
           isp_tuning_has(tuning, SISP_TUNING_BLACK);
}

enum sisp_black_mode isp_black_due(const struct isp_auto_input *input)
{
    const bool stated = is_stated(input->info, input->tuning);
    const int wanted = (int)isp_param(input->params, SISP_PARAM_BLACK_MODE);
    if (!input->is_live || (wanted == SISP_BLACK_STATED && stated))
        return SISP_BLACK_STATED;
    if (wanted != SISP_BLACK_LEARNED && isp_black_has_dark(input->info))
        return SISP_BLACK_OPTICAL;
    return wanted == SISP_BLACK_OPTICAL && stated ? SISP_BLACK_STATED : SISP_BLACK_LEARNED;
}

/* The first measurement is taken whole; then noise is averaged out, but what is clear is taken. */
static void follow_optical(
    const struct isp_black_sample *sample, double full, bool is_first, struct isp_auto_state *next)
{
    const struct isp_rule rule = {
        DARK_SHARE, DARK_CLEAR * ((double)sample->error + full / 65536), full, 0, full - 1};
    for (int i = 0; i < SISP_SITE_COUNT; i++) {
        const double level = (double)sample->level[i], last = (double)next->black_level[i];
        next->black_level[i] = (float)(is_first ? level : isp_rule_step(&rule, last, level));
    }
    next->black_confidence = 1;
    next->black_mode = SISP_BLACK_OPTICAL;
}

/* out: with what is stated. False where nothing was measured yet. */
static bool follow(const struct isp_auto_input *input, const struct isp_auto_state *previous,
    struct isp_auto_state *next, const struct sisp_coefficients *out, double full)
{
    const enum sisp_black_mode mode = isp_black_due(input);
    const struct isp_black_sample *sample = input->black;
    const bool is_known = mode != SISP_BLACK_STATED && previous->black_mode == mode;
    const float *last = is_known ? previous->black_level : out->black_level;
    memcpy(next->black_level, last, sizeof(next->black_level));
    next->black_mode = is_known ? mode : SISP_BLACK_STATED;
    next->black_confidence = is_known ? previous->black_confidence : 0;
    next->black_error = is_known ? previous->black_error : 0;
    next->black_age = previous->black_age;
    memcpy(next->black_blocks, previous->black_blocks, sizeof(next->black_blocks));
    memcpy(next->black_reference, previous->black_reference, sizeof(next->black_reference));
    if (sample && mode == SISP_BLACK_OPTICAL && sample->mode == mode)
        follow_optical(sample, full, !is_known, next);
    else if (sample && mode == SISP_BLACK_LEARNED && sample->mode == mode)
        isp_black_learn(input, previous, next, out, full);
    return next->black_confidence > 0;
}

void isp_black_step(const struct isp_auto_input *input, const struct isp_auto_state *previous,
    struct isp_auto_state *next, struct sisp_coefficients *out)
{
    const double full = full_scale(input->info);
    const struct isp_black_sample *sample = input->black;
    double highest = 0;
    set_stated(out, input->info, input->tuning, full);
    out->black_confidence = out->black_source != SISP_SOURCE_NEUTRAL;
    if (follow(input, previous, next, out, full)) {
        memcpy(out->black_level, next->black_level, sizeof(out->black_level));
        out->black_confidence = next->black_confidence;
        out->black_source = sample && sample->mode == 0 ? SISP_SOURCE_FALLBACK : SISP_SOURCE_AUTO;
    }
    for (int i = 0; i < SISP_SITE_COUNT; i++) {
        out->black_level[i] = (float)isp_clamp((double)out->black_level[i], 0, full - 1);
        highest = (double)out->black_level[i] > highest ? (double)out->black_level[i] : highest;
    }
    const double white = (double)input->info->white_level;
    out->white_level = (float)(isp_within(white, highest + 1, 65535) ? white : full);
}
