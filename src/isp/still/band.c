/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The still path's walk: strips of columns, in each the rows of a band through rings of rows. */
#include <isp/still/best.h>
#include <isp/still/unpack.h>

#include <base/base.h>

#define AROUND   2 /* rows above and below that the plain demosaics see */
#define LINES    (2 * AROUND + 1)
#define RGB_ROWS (2 * STILL_AROUND_MAX + 1)

/* 64-byte alignment of every row. */
struct scratch {
    _Alignas(64) uint16_t words[2 * STILL_ROW_CELLS + UNPACK_SLACK];
    _Alignas(64) still_row lines[STILL_LINES];
    _Alignas(64) float rgb[RGB_ROWS][4][STILL_RGB_FLOATS]; /* the last: luma */
    _Alignas(64) float rough[4][4][STILL_RGB_FLOATS];      /* rows to be smoothed */
    _Alignas(64) struct still_best best;
};

struct walk {
    struct still_strip strip;
    const uint8_t *raw;
    struct scratch *scratch;
    unsigned line_mask; /* of rows that are kept: no more than needed stay in cache */
    int64_t first_line;
    int64_t next_line, next_rgb; /* rows to be made next */
};

size_t isp_still_scratch_size(const struct isp_geometry *geometry)
{
    return sizeof(struct scratch);
}

static bool is_smooth(const struct isp_still_recipe *recipe)
{
    return recipe->demosaic == SISP_DEMOSAIC_SMOOTH && !recipe->is_mono;
}

static bool is_best(const struct isp_still_recipe *recipe)
{
    return is_smooth(recipe) || (recipe->demosaic == SISP_DEMOSAIC_BEST && !recipe->is_mono);
}

static struct still_line line_at(struct walk *w, int64_t y)
{
    float(*row)[STILL_ROW_CELLS] = w->scratch->lines[y & w->line_mask];
    return (struct still_line){{row[0] + STILL_MARGIN_CELLS, row[1] + STILL_MARGIN_CELLS}};
}

/* What is made of it begins `around` columns before the strip: that is aligned. */
static struct still_rgb rgb_of(float (*row)[STILL_RGB_FLOATS], uint32_t around)
{
    struct still_rgb rgb;
    for (unsigned c = 0; c < 3; c++)
        rgb.channel[c] = row[c] + 2 * STILL_MARGIN_CELLS + around;
    rgb.luma = row[3] + 2 * STILL_MARGIN_CELLS + around;
    return rgb;
}

static struct still_rgb rgb_at(struct scratch *scratch, uint32_t around, int64_t y)
{
    return rgb_of(scratch->rgb[(y + around) % (2 * around + 1)], around);
}

static void linear_row(struct walk *w)
{
    const struct isp_still_recipe *recipe = w->strip.recipe;
    struct still_line line = line_at(w, w->next_line);
    uint32_t y = unpack_mirror(w->next_line, recipe->geometry.crop.height);
    recipe->kernels->linearise(&w->strip, w->raw, y, &line, w->scratch->words);
    w->next_line++;
}

static void plain_row(struct walk *w, const struct still_rgb *rgb)
{
    while (w->next_line <= w->next_rgb + AROUND)
        linear_row(w);
    struct still_line lines[LINES];
    for (unsigned i = 0; i < LINES; i++)
        lines[i] = line_at(w, w->next_rgb - AROUND + i);
    w->strip.recipe->kernels->demosaic(&w->strip, lines, w->next_rgb, rgb);
}

static void best_row(struct walk *w, const struct still_rgb *rgb)
{
    while (w->next_line <= w->next_rgb + STILL_BEST_ROWS) {
        const int64_t line = w->next_line;
        linear_row(w);
        w->strip.recipe->kernels->best(
            &w->strip, w->scratch->lines, &w->scratch->best, line, w->first_line, rgb);
    }
}

static void smooth_row(struct walk *w, const struct still_rgb *rgb)
{
    struct still_rgb rows[3];
    for (int64_t i = -1; i <= 1; i++)
        rows[i + 1] = rgb_of(w->scratch->rough[(w->next_rgb + i) & 3], 0);
    while (w->next_line <= w->next_rgb + 1 + STILL_BEST_ROWS) {
        const int64_t line = w->next_line;
        const struct still_rgb rough = rgb_of(w->scratch->rough[(line - STILL_BEST_ROWS) & 3], 0);
        linear_row(w);
        w->strip.recipe->kernels->best(
            &w->strip, w->scratch->lines, &w->scratch->best, line, w->first_line, &rough);
    }
    w->strip.recipe->kernels->smooth(&w->strip, rows, w->next_rgb, rgb);
}

static void rgb_rows(struct walk *w, int64_t end)
{
    const struct isp_still_recipe *recipe = w->strip.recipe;
    for (; w->next_rgb < end; w->next_rgb++) {
        struct still_rgb rgb = rgb_at(w->scratch, recipe->around, w->next_rgb);
        (is_smooth(recipe) ? smooth_row : is_best(recipe) ? best_row : plain_row)(w, &rgb);
        recipe->kernels->colour(&w->strip, w->next_rgb, &rgb);
    }
}

static void develop_strip(struct walk *w, const struct sisp_image *out, uint32_t y0, uint32_t y1)
{
    const struct isp_still_recipe *recipe = w->strip.recipe;
    const uint32_t around = recipe->around;
    const size_t x_bytes = sisp_pixel_row_bytes(out->format, 0, w->strip.x);
    w->next_rgb = (int64_t)y0 - around;
    w->first_line =
        w->next_rgb - (is_best(recipe) ? STILL_BEST_ROWS : AROUND) - (is_smooth(recipe) ? 1 : 0);
    w->next_line = w->first_line;
    for (uint32_t y = y0; y < y1; y++) {
        rgb_rows(w, (int64_t)y + around + 1);
        struct still_rgb rows[RGB_ROWS];
        for (unsigned i = 0; i <= 2 * around; i++)
            rows[i] = rgb_at(w->scratch, around, (int64_t)y - around + i);
        uint8_t *row = out->planes[0] + (size_t)y * out->stride_bytes[0] + x_bytes;
        recipe->kernels->finish(&w->strip, rows, row);
    }
}

void isp_still_band(const struct isp_still_recipe *recipe, const uint8_t *raw,
    const struct sisp_image *out, uint32_t y0, uint32_t y1, void *scratch)
{
    const uint32_t width = recipe->geometry.crop.width;
    const uint32_t margin = recipe->around / 2 + (is_smooth(recipe) ? 1 : 0) +
                            (is_best(recipe) ? STILL_BEST_CELLS : AROUND / 2);
    for (uint32_t x = 0; x < width; x += 2 * STILL_STRIP_CELLS) {
        uint32_t columns =
            width - x < 2 * STILL_STRIP_CELLS ? width - x : 2 * (uint32_t)STILL_STRIP_CELLS;
        struct walk w = {
            .strip = {recipe, x, columns, (columns + 1) / 2, margin},
            .line_mask = (is_best(recipe) ? STILL_LINES : 8) - 1,
            .raw = raw,
            .scratch = scratch,
        };
        develop_strip(&w, out, y0, y1);
    }
}
