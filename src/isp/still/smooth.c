/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What follows the best demosaic where fine texture makes false colours: medians of the differences
 * of red and green and of blue and green, over 3x3 pixels, W. T. Freeman, US 4724395 (1988, long
 * expired). Samples stay; what is not a sample follows from them by the medians.
 */
#include <isp/still/best_rows.h>

static inline float least_of(float a, float b)
{
    return a < b ? a : b;
}

static inline float most_of(float a, float b)
{
    return a > b ? a : b;
}

static inline float median_of(float a, float b, float c)
{
    return most_of(least_of(a, b), least_of(most_of(a, b), c));
}

struct columns {
    float low[STILL_RGB_FLOATS], middle[STILL_RGB_FLOATS], high[STILL_RGB_FLOATS];
};

/* Differences of three rows, each column of them sorted. */
static void sort_columns(const struct still_rgb rows[3], unsigned channel, int32_t first,
    int32_t end, struct columns *out)
{
    const float *a = rows[0].channel[channel], *a_green = rows[0].channel[1];
    const float *b = rows[1].channel[channel], *b_green = rows[1].channel[1];
    const float *c = rows[2].channel[channel], *c_green = rows[2].channel[1];
    float *restrict low = out->low + 2 * STILL_MARGIN_CELLS;
    float *restrict middle = out->middle + 2 * STILL_MARGIN_CELLS;
    float *restrict high = out->high + 2 * STILL_MARGIN_CELLS;
    STILL_APART
    for (int32_t x = first - 1; x < end + 1; x++) {
        const float p = a[x] - a_green[x], q = b[x] - b_green[x], r = c[x] - c_green[x];
        low[x] = least_of(least_of(p, q), r);
        middle[x] = median_of(p, q, r);
        high[x] = most_of(most_of(p, q), r);
    }
}

static void medians(const struct columns *in, int32_t first, int32_t end, float *restrict out)
{
    const float *low = in->low + 2 * STILL_MARGIN_CELLS;
    const float *middle = in->middle + 2 * STILL_MARGIN_CELLS;
    const float *high = in->high + 2 * STILL_MARGIN_CELLS;
    STILL_APART
    for (int32_t x = first; x < end; x++) {
        const float most = most_of(most_of(low[x - 1], low[x]), low[x + 1]);
        const float between = median_of(middle[x - 1], middle[x], middle[x + 1]);
        const float least = least_of(least_of(high[x - 1], high[x]), high[x + 1]);
        out[x] = median_of(most, between, least);
    }
}

/* Columns with red or blue samples: those of that parity. */
static void put(const struct still_strip *strip, const struct still_rgb *own, unsigned channel,
    int32_t parity, const float *const median[2], const struct still_rgb *out)
{
    const struct still_root root = strip->recipe->root;
    const int32_t around = (int32_t)strip->recipe->around;
    const int32_t end = 2 * (int32_t)strip->cells + around;
    const float *sample = own->channel[channel], *green = own->channel[1];
    const float *to_sample = median[channel / 2], *red = median[0], *blue = median[1];
    float *restrict r = out->channel[0], *restrict g = out->channel[1],
                    *restrict b = out->channel[2];
    STILL_APART
    for (int32_t x = -around; x < end; x++) {
        const float foretold = sample[x] - to_sample[x], here = green[x];
        const float level = (x & 1) == parity ? foretold : here;
        r[x] = still_light(&root, level + red[x]);
        g[x] = still_light(&root, level);
        b[x] = still_light(&root, level + blue[x]);
    }
}

void STILL_SYMBOL(still_smooth, ISA_NAME)(const struct still_strip *strip,
    const struct still_rgb rows[3], int64_t y, const struct still_rgb *out)
{
    const int32_t around = (int32_t)strip->recipe->around;
    const int32_t end = 2 * (int32_t)strip->cells + around;
    const unsigned phase = still_chroma_phase(strip->recipe, y);
    const unsigned channel = unpack_channel(unpack_site(strip->recipe->cfa, phase, y & 1));
    float median[2][STILL_RGB_FLOATS];
    struct columns columns;
    for (unsigned i = 0; i < 2; i++) {
        sort_columns(rows, 2 * i, -around, end, &columns);
        medians(&columns, -around, end, median[i] + 2 * STILL_MARGIN_CELLS);
    }
    put(strip, &rows[1], channel, (int32_t)phase,
        (const float *const[2]){
            median[0] + 2 * STILL_MARGIN_CELLS, median[1] + 2 * STILL_MARGIN_CELLS},
        out);
}
