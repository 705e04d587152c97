/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Groups of like blocks: to each block the seven nearest to it in the first estimate, its own
 * detail many times over in other noise. What they share is concentrated in few coefficients of the
 * group, where it stands further above the noise than in any one of them.
 */
#include <isp/denoise/dct.h>

#include <string.h>

#define MEMBERS    8
#define OTHERS     (MEMBERS - 1)
#define REACH_CELL (REACH / 2)
#define SIDE       (REACH + 1) /* positions each way, two samples apart */
#define OWN        (SIDE * SIDE / 2)
#define INDEX_MASK 127
#define BLOCK_CELL (BLOCK / 2)

_Static_assert(SIDE *SIDE <= INDEX_MASK + 1, "a position fits below a distance");
_Static_assert(GROUP_FIRST % STEP == 0 && STEP == 4, "a block begins at an even cell");

/* Squared distances, by brightness, of eight blocks side by side from the cell (2 pair, row) on, to
 * the ones at a position around each. */
static inline __attribute__((always_inline)) void distance(
    const float (*plane)[2][CELL_SPAN], uint32_t row, uint32_t pair, uint32_t at, lanes *out)
{
    const uint32_t there = row + at / SIDE - REACH_CELL, column = 2 * pair + at % SIDE - REACH_CELL;
    lanes sum = {0};
    for (uint32_t j = 0; j < BLOCK_CELL; j++) {
        for (uint32_t i = 0; i < BLOCK_CELL; i++) {
            const lanes d = AT(plane[row + j][i & 1] + pair + i / 2) -
                            AT(plane[there + j][(column + i) & 1] + (column + i) / 2);
            sum += d * d;
        }
    }
    *out = sum;
}

/* The nearest positions of eight blocks, in order: their bits are those of the distance, but the
 * last ones, which say which position it is. */
static void find_alike(
    const float (*plane)[2][CELL_SPAN], uint32_t row, uint32_t pair, masks nearest[OTHERS])
{
    for (uint32_t k = 0; k < OTHERS; k++)
        nearest[k] = (masks){0} + INT32_MAX;
    for (uint32_t at = 0; at < SIDE * SIDE; at++) {
        lanes far;
        if (at == OWN)
            continue;
        distance(plane, row, pair, at, &far);
        masks key = ((masks)far & ~INDEX_MASK) | (int32_t)at;
        for (uint32_t k = 0; k < OTHERS; k++) {
            const masks is_less = key < nearest[k];
            const masks less = (key & is_less) | (nearest[k] & ~is_less);
            key = (key & ~is_less) | (nearest[k] & is_less);
            nearest[k] = less;
        }
    }
}

/* ---- a group --------------------------------------------------------------------------------- */

struct group {
    uint32_t x[MEMBERS], y[MEMBERS];
    float variance;
    lanes noisy[MEMBERS][BLOCK], pilot[MEMBERS][BLOCK];
};

#ifdef __AVX__
static inline __attribute__((always_inline)) void transpose(lanes x[BLOCK])
{
    lanes a[BLOCK], b[BLOCK];
    for (unsigned k = 0; k < BLOCK; k += 2) {
        a[k] = __builtin_shufflevector(x[k], x[k + 1], 0, 8, 2, 10, 4, 12, 6, 14);
        a[k + 1] = __builtin_shufflevector(x[k], x[k + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    }
    for (unsigned k = 0; k < BLOCK; k += 4) {
        for (unsigned i = 0; i < 2; i++) {
            b[k + i] = __builtin_shufflevector(a[k + i], a[k + 2 + i], 0, 1, 8, 9, 4, 5, 12, 13);
            b[k + 2 + i] =
                __builtin_shufflevector(a[k + i], a[k + 2 + i], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    }
    for (unsigned k = 0; k < 4; k++) {
        x[k] = __builtin_shufflevector(b[k], b[k + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        x[k + 4] = __builtin_shufflevector(b[k], b[k + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}
#else
typedef float quad __attribute__((vector_size(4 * sizeof(float)), aligned(4), may_alias));

/* Vectors are halves here: a quarter at a time. */
static inline __attribute__((always_inline)) void quarter(
    const lanes x[4], unsigned half, quad out[4])
{
    const quad a = ((const quad *)&x[0])[half], b = ((const quad *)&x[1])[half],
               c = ((const quad *)&x[2])[half], d = ((const quad *)&x[3])[half];
    const quad ab = __builtin_shufflevector(a, b, 0, 4, 1, 5),
               cd = __builtin_shufflevector(c, d, 0, 4, 1, 5),
               ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7),
               cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    out[0] = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
    out[1] = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
    out[2] = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
    out[3] = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

static inline __attribute__((always_inline)) void transpose(lanes x[BLOCK])
{
    quad a[2][BLOCK];
    for (unsigned half = 0; half < 2; half++) {
        quarter(x, half, a[0] + 4 * half);
        quarter(x + 4, half, a[1] + 4 * half);
    }
    for (unsigned k = 0; k < BLOCK; k++) {
        ((quad *)&x[k])[0] = a[0][k];
        ((quad *)&x[k])[1] = a[1][k];
    }
}
#endif

/* Of one member: its spectrum, across before down. */
static inline __attribute__((always_inline)) void member_forward(
    const float *first, lanes out[BLOCK])
{
    for (unsigned k = 0; k < BLOCK; k++)
        out[k] = AT(first + (size_t)k * ROW_SPAN);
    dct_forward(out);
    transpose(out);
    dct_forward(out);
}

/* The same row of all members. */
static inline __attribute__((always_inline)) void across_forward(
    lanes members[MEMBERS][BLOCK], unsigned row)
{
    lanes x[MEMBERS];
    for (unsigned m = 0; m < MEMBERS; m++)
        x[m] = members[m][row];
    dct_forward(x);
    for (unsigned m = 0; m < MEMBERS; m++)
        members[m][row] = x[m];
}

static inline __attribute__((always_inline)) void across_backward(
    lanes members[MEMBERS][BLOCK], unsigned row)
{
    lanes x[MEMBERS];
    for (unsigned m = 0; m < MEMBERS; m++)
        x[m] = members[m][row];
    dct_backward(x);
    for (unsigned m = 0; m < MEMBERS; m++)
        members[m][row] = x[m];
}

/* How much noise is weighed against the first estimate, which has some of it left and so takes
 * itself for more than it is: most in fine detail, of which scenes have least. By the squares of
 * both frequencies. */
#define DOUBT      0.8F
#define DOUBT_FINE (2.0F / 49)

static const lanes squares = {0, 1, 4, 9, 16, 25, 36, 49};

/* The group's mean is always kept. Returns the sum of the squared shares. */
static float weigh(struct group *g)
{
    const float mean = g->noisy[0][0][0], first = g->pilot[0][0][0] * g->pilot[0][0][0];
    lanes energy = {0};
    for (unsigned k = 0; k < BLOCK; k++) {
        const lanes noise = (DOUBT + (squares + squares[k]) * DOUBT_FINE) * g->variance;
        for (unsigned m = 0; m < MEMBERS; m++) {
            const lanes square = g->pilot[m][k] * g->pilot[m][k];
            const lanes share = square / (square + noise);
            g->noisy[m][k] *= share;
            energy += share * share;
        }
    }
    const float share = first / (first + g->variance * DOUBT);
    g->noisy[0][0][0] = mean;
    return energy[0] + energy[1] + energy[2] + energy[3] + energy[4] + energy[5] + energy[6] +
           energy[7] + 1 - share * share;
}

/* Less towards a block's rim, which knows less of what is around it. */
static const lanes bell = {
    0.5F, 0.744897959F, 0.908163265F, 0.989795918F, 0.989795918F, 0.908163265F, 0.744897959F, 0.5F};

static void put_back(struct denoise_scratch *s, const struct group *g, float weight)
{
    for (unsigned m = 0; m < MEMBERS; m++) {
        lanes x[BLOCK];
        memcpy(x, g->noisy[m], sizeof x);
        dct_backward(x);
        transpose(x);
        dct_backward(x);
        for (unsigned k = 0; k < BLOCK; k++) {
            const lanes w = bell * (bell[k] * weight);
            *(lanes *)&s->sum.mosaic[g->y[m] + k][g->x[m]] += x[k] * w;
            *(lanes *)&s->weight.mosaic[g->y[m] + k][g->x[m]] += w;
        }
    }
}

static void filter(struct denoise_scratch *s, struct group *g)
{
    for (unsigned m = 0; m < MEMBERS; m++) {
        member_forward(&s->plain[g->y[m]][g->x[m]], g->noisy[m]);
        member_forward(&s->pilot[g->y[m]][g->x[m]], g->pilot[m]);
    }
    for (unsigned k = 0; k < BLOCK; k++) {
        across_forward(g->noisy, k);
        across_forward(g->pilot, k);
    }
    const float energy = weigh(g);
    for (unsigned k = 0; k < BLOCK; k++)
        across_backward(g->noisy, k);
    put_back(s, g, 1 / (g->variance * (energy + 0.5F)));
}

/* Where the members of lane's group are, and their mean variance. */
static void gather(const struct denoise_scratch *s, const masks nearest[OTHERS], uint32_t lane,
    uint32_t x, uint32_t y, struct group *g)
{
    float sum = 0;
    for (uint32_t m = 0; m < MEMBERS; m++) {
        const uint32_t at = m > 0 ? (uint32_t)nearest[m - 1][lane] & INDEX_MASK : OWN;
        g->x[m] = x + 2 * (at % SIDE) - REACH;
        g->y[m] = y + 2 * (at / SIDE) - REACH;
        sum += s->noise[(g->y[m] - (GROUP_FIRST - REACH) + STEP / 2) / STEP]
                       [(g->x[m] - (GROUP_FIRST - REACH) + STEP / 2) / STEP];
    }
    g->variance = sum * (1.0F / MEMBERS);
}

void denoise_match(struct denoise_scratch *s, uint32_t across, uint32_t down)
{
    for (uint32_t j = 0; j < down; j++) {
        const uint32_t y = GROUP_FIRST + j * STEP;
        for (uint32_t i = 0; i < across; i += LANES) {
            masks nearest[OTHERS];
            find_alike(s->estimate[0], y / 2, GROUP_FIRST / STEP + i, nearest);
            for (uint32_t lane = 0; lane < LANES && i + lane < across; lane++) {
                struct group g;
                gather(s, nearest, lane, GROUP_FIRST + (i + lane) * STEP, y, &g);
                filter(s, &g);
            }
        }
    }
}
