/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What softisp fuse writes and says. */
#include "fuse.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ERROR_BYTES 512
#define TILE_BLOCKS 2 /* of --flow: 16 samples */

static int write_dng(const struct fuse *f, char error[ERROR_BYTES])
{
    static struct sisp_raw_info info; /* holds a whole lens shading mesh: not for the stack */
    const struct sisp_tuning *tuning = f->tuning.path ? &f->tuning.tuning : NULL;
    int r = sisp_result_raw_info(&f->result, &f->info, tuning, &info);
    if (r)
        snprintf(error, ERROR_BYTES, "%s", strerror(-r));
    else
        r = sisp_write_dng(
            f->output, &info, f->result.raw.samples, &f->result.image, error, ERROR_BYTES);
    return r;
}

static int write_output(const struct fuse *f)
{
    char error[ERROR_BYTES];
    const float *values = f->params.value;
    int r;
    if (f->writer) {
        const struct sisp_write_params params = {.exif = &f->info.exif,
            .orientation = f->info.orientation,
            .threads = f->result.record.threads,
            /* Linear or camera colours are not sRGB: a profile would lie. */
            .is_srgb = values[SISP_PARAM_COLOR] == 0 && values[SISP_PARAM_TONE] == 0};
        r = sisp_write_image(f->writer, f->output, &f->result.image, &params, error, sizeof(error));
    } else if (f->is_dng) {
        r = write_dng(f, error);
    } else {
        const struct sisp_mosaic_scale scale = {
            f->result.coefficients->black_level[SISP_SITE_GR], f->info.white_level};
        r = sisp_write_mosaic(f->output, &f->result.raw, &scale, error, sizeof(error));
    }
    if (r)
        cli_error("fuse", "%s: %s", f->output, error);
    return r ? CLI_OUTPUT_FAILED : CLI_DONE;
}

/* Which frame of the burst an input became. */
static unsigned frame_of(const struct fuse *f, unsigned input)
{
    unsigned i = 0;
    while (f->order[i] != input)
        i++;
    return i;
}

/* Mean of a tile's four blocks, in samples. */
static void tile_motion(
    const struct sisp_motion *m, uint32_t frame, const uint32_t at[2], double out[2])
{
    out[0] = out[1] = 0;
    for (unsigned k = 0; k < TILE_BLOCKS * TILE_BLOCKS; k++) {
        const uint32_t x = at[0] * TILE_BLOCKS + k % TILE_BLOCKS;
        const uint32_t y = at[1] * TILE_BLOCKS + k / TILE_BLOCKS;
        const int16_t *v = m->vectors + (((size_t)frame * m->rows + y) * m->columns + x) * 2;
        out[0] += v[0] / (double)(SISP_MOTION_UNIT * TILE_BLOCKS * TILE_BLOCKS);
        out[1] += v[1] / (double)(SISP_MOTION_UNIT * TILE_BLOCKS * TILE_BLOCKS);
    }
}

/* Half of a table looks like a whole one. Pipes and devices stay. */
static void remove_part(const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0 && S_ISREG(status.st_mode))
        unlink(path);
}

static int write_flow(const struct fuse *f)
{
    const struct sisp_motion *m = &f->result.motion;
    const double middle = (SISP_MOTION_BLOCK * TILE_BLOCKS - 1) / 2.0;
    FILE *file = fopen(f->flow, "we");
    for (unsigned n = 0; file && n < f->count; n++) {
        const uint32_t rows = n == f->reference ? 0 : m->rows / TILE_BLOCKS;
        for (uint32_t y = 0; y < rows; y++) {
            for (uint32_t x = 0; x < m->columns / TILE_BLOCKS; x++) {
                const uint32_t at[2] = {x, y};
                double v[2];
                tile_motion(m, frame_of(f, n), at, v);
                fprintf(file, "%u,%.1f,%.1f,%.4f,%.4f\n", n,
                    x * SISP_MOTION_BLOCK * TILE_BLOCKS + middle,
                    y * SISP_MOTION_BLOCK * TILE_BLOCKS + middle, v[0], v[1]);
            }
        }
    }
    const bool is_written = file && !ferror(file);
    if (file && fclose(file) == 0 && is_written)
        return CLI_DONE;
    cli_error("fuse", "%s: %s", f->flow, strerror(errno));
    if (file)
        remove_part(f->flow);
    return CLI_OUTPUT_FAILED;
}

/* NULL where the frames say nothing. */
static json_t *refined(float value, float error, bool is_used)
{
    if (!(error > 0))
        return json_null();
    return json_pack(
        "{s:f,s:f,s:b}", "value", (double)value, "error", (double)error, "used", is_used);
}

static int print_json(const struct fuse *f)
{
    const struct sisp_coefficients *c = f->result.coefficients;
    const struct sisp_fusion *fusion = f->result.fusion;
    json_t *frames = json_array();
    for (unsigned n = 0; n < f->count; n++) {
        const unsigned i = frame_of(f, n);
        json_t *frame = cli_fusion_frame(fusion, i);
        json_object_set_new(frame, "input", cli_json_name(f->inputs[n]));
        json_array_append_new(frames, frame);
    }
    return cli_json_print("fuse",
        json_pack("{s:o,s:f,s:[f,f],s:f,s:f,s:o,s:o,s:o}", "output", cli_json_name(f->output),
            "effective_frames", cli_fusion_frames(fusion), "noise", (double)fusion->noise_shot,
            (double)fusion->noise_read, "noise_error", (double)fusion->noise_error,
            "noise_confidence", (double)fusion->noise_confidence, "black",
            refined(fusion->black_offset, fusion->black_error, c->black_source == SISP_SOURCE_AUTO),
            "falloff",
            refined(fusion->falloff, fusion->falloff_error, c->lsc_source == SISP_SOURCE_AUTO),
            "frames", frames));
}

static void print_refined(const char *what, float value, float error, bool is_used)
{
    if (error > 0)
        printf(", %s %+.3g, known to %.2g%s", what, (double)value, (double)error,
            is_used ? ": corrected" : "");
}

static int print_report(const struct fuse *f)
{
    const struct sisp_fusion *fusion = f->result.fusion;
    for (unsigned n = 0; n < f->count; n++) {
        const unsigned i = frame_of(f, n);
        printf("%s: ", f->inputs[n]);
        cli_fusion_print_frame(stdout, fusion, i);
    }
    printf("%s: %.2f frames' worth of %u, noise %.3g x + %.3g each", f->output,
        cli_fusion_frames(fusion), f->count, (double)fusion->noise_shot,
        (double)fusion->noise_read);
    if (fusion->noise_error > 0)
        printf(", estimated to %.0f %%, confidence %.2f", 100 * (double)fusion->noise_error,
            (double)fusion->noise_confidence);
    const struct sisp_coefficients *c = f->result.coefficients;
    print_refined("black off by", fusion->black_offset, fusion->black_error,
        c->black_source == SISP_SOURCE_AUTO);
    print_refined("corners darker by e^", fusion->falloff, fusion->falloff_error,
        c->lsc_source == SISP_SOURCE_AUTO);
    putchar('\n');
    return cli_flush("fuse");
}

int fuse_write(const struct fuse *f)
{
    int code = write_output(f);
    return code == CLI_DONE && f->flow ? write_flow(f) : code;
}

int fuse_report(const struct fuse *f)
{
    return f->json ? print_json(f) : print_report(f);
}
