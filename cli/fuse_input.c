/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The frames of a burst, from their files into the session that the first one describes. */
#include "fuse.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ERROR_BYTES 512

static int open_session(struct fuse *f)
{
    char error[ERROR_BYTES];
    struct sisp_session_params params = sisp_session_params_default();
    const struct sisp_rect *crop = &f->info.crop;
    params.info = f->info;
    if (f->has_noise) {
        params.info.noise_shot = f->noise[0];
        params.info.noise_read = f->noise[1];
        f->tuning.tuning.parts &= ~(1U << SISP_TUNING_NOISE);
    }
    if (f->frames[0].gain > 0) { /* to gain 1, of which a session wants it */
        params.info.noise_shot /= f->frames[0].gain;
        params.info.noise_read /= f->frames[0].gain * f->frames[0].gain;
    }
    params.params = f->params;
    params.threads = f->threads;
    params.isa = f->isa;
    params.tuning = f->tuning.path ? &f->tuning.tuning : NULL;
    params.burst_frames = f->count;
    params.is_mosaic_wanted = !f->writer;
    params.is_mosaic_denoised = !f->writer && f->is_spatial;
    if (!f->writer && !f->is_spatial)
        params.params.value[SISP_PARAM_DENOISE] = 0;
    /* Frames enter by the fast lane: it makes thumbnails that nobody looks at. */
    params.preview = (struct sisp_picture_params){.format = SISP_PIXEL_NV12,
        .width = crop->width < 64 ? crop->width : 64,
        .height = crop->height < 64 ? crop->height : 64};
    params.still = (struct sisp_picture_params){
        .format = f->depth == 16 ? SISP_PIXEL_RGBA64 : SISP_PIXEL_RGB24,
        .width = crop->width,
        .height = crop->height};
    int r = sisp_session_create(&f->session, &params, error, sizeof(error));
    if (r)
        cli_error("fuse", "%s: %s", f->inputs[0], error);
    return r ? CLI_INPUT_FAILED : CLI_DONE;
}

static bool is_alike(const struct sisp_raw_info *a, const struct sisp_raw_info *b)
{
    return a->fourcc == b->fourcc && a->width == b->width && a->height == b->height &&
           a->stride_bytes == b->stride_bytes && a->crop.x == b->crop.x && a->crop.y == b->crop.y &&
           a->crop.width == b->crop.width && a->crop.height == b->crop.height;
}

/* All that has to be alike. */
static void describe(const struct sisp_raw_info *info, char *text, size_t size)
{
    const struct sisp_rect *crop = &info->crop;
    snprintf(text, size, "%s %ux%u at %u,%u of rows of %zu bytes", sisp_raw_info_format(info)->name,
        crop->width, crop->height, crop->x, crop->y, info->stride_bytes);
}

/* Read a file; the first one tells what all are. */
static int open_input(struct fuse *f, unsigned i, struct sisp_raw_file **file)
{
    char error[ERROR_BYTES];
    int r = sisp_raw_file_open(file, f->inputs[i], &f->raw.open, error, sizeof(error));
    if (r) {
        cli_error("fuse", "%s: %s", f->inputs[i], error);
        return CLI_INPUT_FAILED;
    }
    const struct sisp_raw_info *info = sisp_raw_file_info(*file);
    if (!f->session)
        f->info = *info;
    if (strcmp(info->exif.model, f->info.exif.model) != 0) {
        cli_error("fuse", "%s: of camera '%s', unlike %s: '%s'", f->inputs[i], info->exif.model,
            f->inputs[0], f->info.exif.model);
        return CLI_INPUT_FAILED;
    }
    if (is_alike(info, &f->info))
        return CLI_DONE;
    char own[100], first[100];
    describe(info, own, sizeof(own));
    describe(&f->info, first, sizeof(first));
    cli_error("fuse", "%s: %s, unlike %s: %s", f->inputs[i], own, f->inputs[0], first);
    return CLI_INPUT_FAILED;
}

/* What a file does not say is as of the first. */
static void note_exposure(struct fuse *f, unsigned i, const struct sisp_exif *exif)
{
    struct fuse_frame *frame = &f->frames[i], *first = &f->frames[0];
    const double us = f->exposure_count ? (double)f->exposures_s[i] * 1e6 : exif->exposure_us;
    frame->exposure_us = us > 0 && us < 1e10 ? (float)us : first->exposure_us;
    frame->gain = exif->iso > 0 && exif->iso < 1e7 ? (float)exif->iso / 100 : first->gain;
    if (i > 0 && !(first->gain > 0))
        frame->gain = 0;
    if (i > 0 && !(first->exposure_us > 0))
        frame->exposure_us = 0;
}

/* What the first frame's levels would have made of a row's samples; what is clipped stays it. */
static void move_levels(
    const struct sisp_raw_info *info, const struct sisp_raw_info *first, unsigned y, uint16_t *row)
{
    const unsigned cfa = (unsigned)sisp_raw_info_format(info)->cfa;
    long shift[2];
    for (unsigned i = 0; i < 2; i++) {
        const unsigned site = ((y ^ cfa >> 1) & 1) << 1 | ((i ^ cfa) & 1);
        shift[i] = lroundf(first->black_level[site] - info->black_level[site]);
    }
    for (uint32_t x = 0; x < info->width; x++) {
        const long moved = row[x] + shift[x & 1];
        const bool is_clipped = (float)row[x] >= info->white_level;
        row[x] = (uint16_t)(is_clipped      ? lroundf(first->white_level)
                            : moved < 0     ? 0
                            : moved > 65535 ? 65535
                                            : moved);
    }
}

/* Files of one camera may state unlike levels: of unlike gains, or measured in the dark. */
static void copy_samples(struct fuse *f, unsigned i, const struct sisp_raw_file *file)
{
    const struct sisp_raw_info *info = sisp_raw_file_info(file);
    uint8_t *samples = f->frames[i].input.samples;
    bool is_level = info->white_level == f->info.white_level;
    memcpy(samples, sisp_raw_file_samples(file), f->frames[i].input.size_bytes);
    for (unsigned site = 0; site < SISP_SITE_COUNT; site++)
        is_level &= fabsf(info->black_level[site] - f->info.black_level[site]) < 0.5F;
    if (is_level || sisp_raw_info_format(info)->packing != SISP_PACKING_16)
        return;
    for (uint32_t y = 0; y < info->height; y++)
        move_levels(info, &f->info, y, (uint16_t *)(void *)(samples + y * info->stride_bytes));
}

int fuse_load(struct fuse *f, unsigned i)
{
    struct sisp_raw_file *file = NULL;
    int code = open_input(f, i, &file);
    if (code == CLI_DONE)
        note_exposure(f, i, &sisp_raw_file_info(file)->exif);
    if (code == CLI_DONE && i == 0)
        code = open_session(f);
    int r = code == CLI_DONE ? sisp_session_acquire(f->session, &f->frames[i].input) : 0;
    if (r) {
        cli_error("fuse", "%s: the engine has no room for it: %s", f->inputs[i], strerror(-r));
        code = CLI_INTERNAL;
    }
    if (code == CLI_DONE)
        copy_samples(f, i, file);
    sisp_raw_file_destroy(&file);
    return code;
}
