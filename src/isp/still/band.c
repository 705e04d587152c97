/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The still path's walk: strips of columns, in each the rows of a band through rings of rows. */
#include <isp/still/still.h>
#include <isp/still/unpack.h>

#include <base/base.h>

#define LINES    5 /* that the demosaic sees: from two above to two below */
#define RGB_ROWS (2 * STILL_AROUND_MAX + 1)

/* 64-byte alignment of every row. */
struct scratch {
    _Alignas(64) uint16_t words[2 * STILL_ROW_CELLS + UNPACK_SLACK];
    _Alignas(64) float lines[LINES][2][STILL_ROW_CELLS];
    _Alignas(64) float rgb[RGB_ROWS][3][STILL_RGB_FLOATS];
};

struct walk {
    struct still_strip strip;
    const uint8_t *raw;
    struct scratch *scratch;
    int64_t next_line, next_rgb; /* rows to be made next */
};

size_t isp_still_scratch_size(const struct isp_geometry *geometry)
{
    return sizeof(struct scratch);
}

/* Rows -2.. of the crop; one above and one below the ends are mirrored. */
static struct still_line line_at(struct scratch *scratch, int64_t y)
{
    float(*row)[STILL_ROW_CELLS] = scratch->lines[(y + LINES * STILL_AROUND_MAX) % LINES];
    return (struct still_line){{row[0] + STILL_MARGIN_CELLS, row[1] + STILL_MARGIN_CELLS}};
}

static struct still_rgb rgb_at(struct scratch *scratch, uint32_t around, int64_t y)
{
    float(*row)[STILL_RGB_FLOATS] = scratch->rgb[(y + around) % (2 * around + 1)];
    struct still_rgb rgb;
    for (unsigned c = 0; c < 3; c++)
        rgb.channel[c] = row[c] + 2 * STILL_MARGIN_CELLS;
    return rgb;
}

static void linear_rows(struct walk *w, int64_t end)
{
    const struct isp_still_recipe *recipe = w->strip.recipe;
    for (; w->next_line < end; w->next_line++) {
        struct still_line line = line_at(w->scratch, w->next_line);
        uint32_t y = unpack_mirror(w->next_line, recipe->geometry.crop.height);
        recipe->kernels->linearise(&w->strip, w->raw, y, &line, w->scratch->words);
    }
}

static void rgb_rows(struct walk *w, int64_t end)
{
    const struct isp_still_recipe *recipe = w->strip.recipe;
    for (; w->next_rgb < end; w->next_rgb++) {
        linear_rows(w, w->next_rgb + LINES / 2 + 1);
        struct still_line lines[LINES];
        for (unsigned i = 0; i < LINES; i++)
            lines[i] = line_at(w->scratch, w->next_rgb - LINES / 2 + i);
        struct still_rgb rgb = rgb_at(w->scratch, recipe->around, w->next_rgb);
        recipe->kernels->demosaic(&w->strip, lines, w->next_rgb, &rgb);
        recipe->kernels->colour(&w->strip, w->next_rgb, &rgb);
    }
}

static void develop_strip(struct walk *w, const struct sisp_image *out, uint32_t y0, uint32_t y1)
{
    const struct isp_still_recipe *recipe = w->strip.recipe;
    const uint32_t around = recipe->around;
    const size_t x_bytes = sisp_pixel_row_bytes(out->format, 0, w->strip.x);
    w->next_rgb = (int64_t)y0 - around;
    w->next_line = w->next_rgb - LINES / 2;
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
    for (uint32_t x = 0; x < width; x += 2 * STILL_STRIP_CELLS) {
        uint32_t columns =
            width - x < 2 * STILL_STRIP_CELLS ? width - x : 2 * (uint32_t)STILL_STRIP_CELLS;
        struct walk w = {
            .strip = {recipe, x, columns, (columns + 1) / 2, 1 + recipe->around / 2},
            .raw = raw,
            .scratch = scratch,
        };
        develop_strip(&w, out, y0, y1);
    }
}
