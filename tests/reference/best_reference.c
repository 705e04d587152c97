/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "best_reference.h"

#include <math.h>
#include <stdlib.h>

#define MARGIN 36 /* mirrored samples around the picture: more than any stage sees */

/* A value for each sample, the margin's too. */
struct picture {
    const char *colours; /* of a 2x2 block */
    int width, height;
    float least, most; /* white and black, in the scale worked in */
};

struct plane {
    const struct picture *of;
    float *values;
};

/* Beyond the margin some value stands in: nothing that counts comes from there. */
static float *at(struct plane p, int x, int y)
{
    const int width = p.of->width + 2 * MARGIN, height = p.of->height + 2 * MARGIN;
    x += MARGIN;
    y += MARGIN;
    x = x < 0 ? 0 : x >= width ? width - 1 : x;
    y = y < 0 ? 0 : y >= height ? height - 1 : y;
    return &p.values[y * width + x];
}

static struct plane plane_make(const struct picture *of)
{
    const size_t count = (size_t)(of->width + 2 * MARGIN) * (size_t)(of->height + 2 * MARGIN);
    struct plane p = {of, calloc(count, sizeof(float))};
    if (!p.values)
        abort();
    return p;
}

#define EVERYWHERE(of)                                                                             \
    for (int y = -MARGIN; y < (of)->height + MARGIN; y++)                                          \
        for (int x = -MARGIN; x < (of)->width + MARGIN; x++)

static char colour_at(const struct picture *p, int x, int y)
{
    return p->colours[(y & 1) * 2 + (x & 1)];
}

static bool is_green(const struct picture *p, int x, int y)
{
    return colour_at(p, x, y) == 'G';
}

static float clamp(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}

/* ---- along one axis ------------------------------------------------------------------------ */

/* Of one axis: both estimates of green minus the other colour, and how good they are. */
struct axis {
    int dx, dy;
    struct plane difference, smooth, fitted; /* smooth: by the low pass alone */
    struct plane product, power, change;
    struct plane kept, error; /* Zhang and Wu's estimate, and its variance */
};

/* i samples further along the axis. */
#define ALONG(a, p, i) (*at((p), x + (i) * (a)->dx, y + (i) * (a)->dy))
#define PAIR(a, p, i)  (ALONG(a, p, -(i)) + ALONG(a, p, i))

static void find_terms(struct axis *a, struct plane m)
{
    EVERYWHERE(m.of)
    {
        const float near = PAIR(a, m, 1), own = 2 * *at(m, x, y) - PAIR(a, m, 2);
        const float other = 0.5F * (near - PAIR(a, m, 3));
        const float sign = is_green(m.of, x, y) ? 1 : -1;
        *at(a->difference, x, y) = sign * (*at(m, x, y) - 0.5F * near - 0.25F * own);
        *at(a->product, x, y) = own * other;
        *at(a->power, x, y) = other * other;
    }
}

static void find_fitted(struct axis *a, struct plane m)
{
    EVERYWHERE(m.of)
    {
        const float product = PAIR(a, a->product, 3) + PAIR(a, a->product, 1);
        const float power = PAIR(a, a->power, 3) + PAIR(a, a->power, 1);
        const float slope = clamp((product + 1e-3F) / (power + 1e-3F), -1, 1.2F);
        const float near = PAIR(a, m, 1), own = 2 * *at(m, x, y) - PAIR(a, m, 2);
        const float sign = is_green(m.of, x, y) ? 1 : -1;
        *at(a->fitted, x, y) = sign * (*at(m, x, y) - 0.5F * near - slope * 0.25F * own);
    }
    EVERYWHERE(m.of)
    *at(a->change, x, y) = fabsf(ALONG(a, a->fitted, 1) - ALONG(a, a->fitted, -1));
}

static void find_smooth(struct axis *a, struct plane m)
{
    const struct plane d = a->difference;
    EVERYWHERE(m.of)
    *at(a->smooth, x, y) = 0.1953125F * *at(d, x, y) + 0.171875F * PAIR(a, d, 1) +
                           0.125F * PAIR(a, d, 2) + 0.072265625F * PAIR(a, d, 3) +
                           0.033203125F * PAIR(a, d, 4);
}

/* Over nine samples along the axis. */
static float nine(const float v[9])
{
    return ((v[0] + v[8]) + (v[2] + v[6])) + ((v[1] + v[7]) + (v[3] + v[5])) + v[4];
}

static void find_kept(struct axis *a, struct plane m)
{
    EVERYWHERE(m.of)
    {
        float value[9], square[9], noise[9];
        for (int i = 0; i < 9; i++) {
            const float s = ALONG(a, a->smooth, i - 4), rest = s - ALONG(a, a->difference, i - 4);
            value[i] = s;
            square[i] = s * s;
            noise[i] = rest * rest;
        }
        const float ninth = 1.0F / 9, mean = nine(value) * ninth;
        const float spread = fabsf(nine(square) * ninth - mean * mean) + 1e-7F;
        const float variance = nine(noise) * ninth + 1e-7F;
        const float share = spread / (spread + variance);
        *at(a->kept, x, y) = mean + share * (*at(a->difference, x, y) - mean);
        *at(a->error, x, y) = share * variance;
    }
}

static struct axis axis_make(int dx, int dy, struct plane m)
{
    struct axis a = {.dx = dx, .dy = dy};
    struct plane *planes[] = {
        &a.difference, &a.smooth, &a.fitted, &a.product, &a.power, &a.change, &a.kept, &a.error};
    for (unsigned i = 0; i < sizeof planes / sizeof *planes; i++)
        *planes[i] = plane_make(m.of);
    find_terms(&a, m);
    find_fitted(&a, m);
    find_smooth(&a, m);
    find_kept(&a, m);
    return a;
}

static void axis_free(struct axis *a)
{
    float *values[] = {a->difference.values, a->smooth.values, a->fitted.values, a->product.values,
        a->power.values, a->change.values, a->kept.values, a->error.values};
    for (unsigned i = 0; i < sizeof values / sizeof *values; i++)
        free(values[i]);
}

/* ---- green --------------------------------------------------------------------------------- */

static float weight(float change)
{
    change += 1e-3F;
    return 1 / (change * change);
}

/* Of the changes in 3x3 samples, line by line. */
static float across_weight(const struct axis *a, int x, int y)
{
    float row[3];
    for (int i = 0; i < 3; i++)
        row[i] = *at(a->change, x, y + i - 1) +
                 (*at(a->change, x - 1, y + i - 1) + *at(a->change, x + 1, y + i - 1));
    return weight(row[0] + row[1] + row[2]);
}

static float down_weight(const struct axis *a, int x, int y)
{
    float column[3];
    for (int i = 0; i < 3; i++)
        column[i] = *at(a->change, x + i - 1, y - 1) + *at(a->change, x + i - 1, y) +
                    *at(a->change, x + i - 1, y + 1);
    return weight(column[1] + column[0] + column[2]);
}

static float green_at(
    struct plane m, const struct axis *across, const struct axis *down, int x, int y)
{
    const struct plane h = across->fitted, v = down->fitted;
    const float left = across_weight(across, x - 2, y), right = across_weight(across, x + 2, y);
    const float up = down_weight(down, x, y - 2), low = down_weight(down, x, y + 2);
    const float sum = (left + right) + (up + low);
    const float sides = (left * *at(h, x - 1, y) + right * *at(h, x + 1, y)) +
                        (up * *at(v, x, y - 1) + low * *at(v, x, y + 1));
    const float centre = (left + right) * *at(h, x, y) + (up + low) * *at(v, x, y);
    const float fitted = 0.5F * (centre + sides) / sum;
    const float a = *at(across->error, x, y), b = *at(down->error, x, y), inverse = 1 / (a + b);
    const float smooth = (*at(across->kept, x, y) * b + *at(down->kept, x, y) * a) * inverse;
    const float ratio = a * b * inverse * sum, share = 2e-6F / (2e-6F + ratio * ratio);
    const float difference = fitted + share * (smooth - fitted);
    return clamp(*at(m, x, y) + difference, m.of->least, m.of->most);
}

static struct plane find_green(struct plane m)
{
    struct plane green = plane_make(m.of);
    struct axis across = axis_make(1, 0, m), down = axis_make(0, 1, m);
    EVERYWHERE(m.of)
    *at(green, x, y) = is_green(m.of, x, y) ? *at(m, x, y) : green_at(m, &across, &down, x, y);
    axis_free(&across);
    axis_free(&down);
    return green;
}

/* ---- red and blue -------------------------------------------------------------------------- */

static float high_pass(struct plane p, int x, int y)
{
    return 4 * *at(p, x, y) - (*at(p, x - 2, y) + *at(p, x + 2, y)) -
           (*at(p, x, y - 2) + *at(p, x, y + 2));
}

/* 5x5 samples of one colour. */
static float sum_of_colour(struct plane p, int x, int y)
{
    float row[5];
    for (int i = 0; i < 5; i++) {
        const int line = y + 2 * i - 4;
        row[i] = ((*at(p, x - 4, line) + *at(p, x + 4, line)) +
                     (*at(p, x - 2, line) + *at(p, x + 2, line))) +
                 *at(p, x, line);
    }
    return ((row[0] + row[4]) + (row[1] + row[3])) + row[2];
}

static struct plane find_slope(struct plane m, struct plane green)
{
    struct plane product = plane_make(m.of), power = plane_make(m.of), slope = plane_make(m.of);
    EVERYWHERE(m.of)
    {
        const float g = high_pass(green, x, y);
        *at(product, x, y) = high_pass(m, x, y) * g;
        *at(power, x, y) = g * g;
    }
    EVERYWHERE(m.of)
    *at(slope, x, y) = clamp(
        (sum_of_colour(product, x, y) + 1e-4F) / (sum_of_colour(power, x, y) + 1e-4F), 0, 1.1F);
    free(product.values);
    free(power.values);
    return slope;
}

/* Between two samples of the colour, (dx, dy) away on either side. */
static float between_two(
    struct plane m, struct plane green, struct plane slope, int x, int y, const int d[2])
{
    const int dx = d[0], dy = d[1];
    const float s = 0.5F * (*at(slope, x - dx, y - dy) + *at(slope, x + dx, y + dy));
    const float sample = 0.5F * (*at(m, x - dx, y - dy) + *at(m, x + dx, y + dy));
    const float mean = 0.5F * (*at(green, x - dx, y - dy) + *at(green, x + dx, y + dy));
    return sample + s * (*at(green, x, y) - mean);
}

static float between_four(struct plane m, struct plane green, struct plane slope, int x, int y)
{
    const float s = 0.25F * ((*at(slope, x - 1, y - 1) + *at(slope, x + 1, y - 1)) +
                                (*at(slope, x - 1, y + 1) + *at(slope, x + 1, y + 1)));
    float rest[4];
    for (int i = 0; i < 4; i++) {
        const int u = x + (i & 1) * 2 - 1, v = y + (i >> 1) * 2 - 1;
        rest[i] = *at(m, u, v) - s * *at(green, u, v);
    }
    const float falling = fabsf(rest[0] - rest[3]) + 0.03F;
    const float rising = fabsf(rest[1] - rest[2]) + 0.03F;
    const float p = rising * rising, q = falling * falling;
    return s * *at(green, x, y) +
           0.5F * ((p * (rest[0] + rest[3]) + q * (rest[1] + rest[2])) / (p + q));
}

static float colour_of(
    struct plane m, struct plane green, struct plane slope, int x, int y, char colour)
{
    if (colour == 'G')
        return *at(green, x, y);
    if (colour_at(m.of, x, y) == colour)
        return *at(m, x, y);
    if (!is_green(m.of, x, y))
        return between_four(m, green, slope, x, y);
    const int across[2] = {1, 0}, down[2] = {0, 1};
    const bool is_beside = colour_at(m.of, x + 1, y) == colour;
    return between_two(m, green, slope, x, y, is_beside ? across : down);
}

/* ---- medians ------------------------------------------------------------------------------- */

/* What the demosaic knows of a picture. */
struct known {
    struct plane m, green, slope;
};

static float value_at(const struct known *k, int x, int y, char colour)
{
    const float value = colour_of(k->m, k->green, k->slope, x, y, colour);
    return clamp(value, k->m.of->least, k->m.of->most);
}

static int compare(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

/* Of the differences of that colour and green in 3x3 pixels. */
static float median_at(const struct known *k, int x, int y, char colour)
{
    float d[9];
    for (int i = 0; i < 9; i++) {
        const int u = x + i % 3 - 1, v = y + i / 3 - 1;
        d[i] = value_at(k, u, v, colour) - value_at(k, u, v, 'G');
    }
    qsort(d, 9, sizeof *d, compare);
    return d[4];
}

static float smooth_at(const struct known *k, int x, int y, char colour)
{
    const char own = colour_at(k->m.of, x, y);
    const float sample = value_at(k, x, y, own);
    const float green = own == 'G' ? sample : sample - median_at(k, x, y, own);
    const float value = colour == 'G' ? green : green + median_at(k, x, y, colour);
    return clamp(value, k->m.of->least, k->m.of->most);
}

/* ---- the whole ----------------------------------------------------------------------------- */

static int mirror(int i, int size)
{
    while (i < 0 || i >= size)
        i = i < 0 ? -i : 2 * (size - 1) - i;
    return i;
}

void best_reference(const struct best_reference *in, float *rgb)
{
    const float offset = in->is_rooted ? 1.0F / 1024 : 0;
    const struct picture p = {sisp_cfa_name(in->cfa), in->width, in->height,
        in->is_rooted ? sqrtf(offset) : 0, in->is_rooted ? sqrtf(1 + offset) : 1};
    struct known k = {.m = plane_make(&p)};
    EVERYWHERE(&p)
    {
        const float light = in->samples[mirror(y, p.height) * p.width + mirror(x, p.width)];
        *at(k.m, x, y) =
            in->is_rooted ? sqrtf((light > -offset ? light : -offset) + offset) : light;
    }
    k.green = find_green(k.m);
    k.slope = find_slope(k.m, k.green);
    for (int i = 0; i < 3 * p.width * p.height; i++) {
        const int x = i / 3 % p.width, y = i / 3 / p.width;
        const float value = (in->is_smooth ? smooth_at : value_at)(&k, x, y, "RGB"[i % 3]);
        rgb[i] = in->is_rooted ? value * value - offset : value;
    }
    free(k.m.values);
    free(k.green.values);
    free(k.slope.values);
}
