/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The best demosaic by itself: from linear rows to rows of colours, in cache. */
#include "bench/bench_cases.h"

#include "isp/still/best.h"
#include "isp/still/unpack.h"

#include <stdlib.h>
#include <string.h>

#define ROWS 64 /* of the scene, over and over */

struct bench_demosaic {
    still_row rows[ROWS], lines[STILL_LINES];
    float rgb[4][STILL_RGB_FLOATS];
    uint16_t words[2 * STILL_ROW_CELLS + UNPACK_SLACK];
    struct still_best best;
};

static struct still_strip strip_at(const struct bench_job *job, uint32_t x)
{
    const uint32_t left = job->geometry.crop.width - x, most = 2 * STILL_STRIP_CELLS;
    const uint32_t columns = left < most ? left : most;
    return (struct still_strip){job->still, x, columns, (columns + 1) / 2, STILL_BEST_CELLS};
}

struct bench_demosaic *bench_demosaic_open(const struct bench_job *job, const uint8_t *raw)
{
    struct bench_demosaic *d = aligned_alloc(64, base_align(sizeof(*d), 64));
    if (!d)
        return NULL;
    memset(d, 0, sizeof(*d));
    const struct still_strip strip = strip_at(job, 0);
    for (uint32_t y = 0; y < ROWS; y++) {
        const struct still_line line = {
            {d->rows[y][0] + STILL_MARGIN_CELLS, d->rows[y][1] + STILL_MARGIN_CELLS}};
        job->still->kernels->linearise(&strip, raw, y, &line, d->words);
    }
    return d;
}

/* Frames of the first strip's rows; rows before the first and after the last cost, too. */
void bench_demosaic_run(const struct bench_job *job)
{
    struct bench_demosaic *d = job->demosaic;
    struct still_rgb rgb = {.luma = d->rgb[3] + 2 * STILL_MARGIN_CELLS};
    for (unsigned c = 0; c < 3; c++)
        rgb.channel[c] = d->rgb[c] + 2 * STILL_MARGIN_CELLS;
    for (uint32_t x = 0; x < job->geometry.crop.width; x += 2 * STILL_STRIP_CELLS) {
        const struct still_strip strip = strip_at(job, x);
        for (int64_t line = 0; line < job->geometry.crop.height + 2 * STILL_BEST_ROWS; line++) {
            memcpy(d->lines[line % STILL_LINES], d->rows[line % ROWS], sizeof(still_row));
            job->still->kernels->best(&strip, d->lines, &d->best, line, 0, &rgb);
        }
    }
}
