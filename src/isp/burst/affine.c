/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The affine motion that most tiles of a frame agree on: least squares by what each tile can know,
 * reweighted from coarse to fine so that what moves by itself loses its say (Geman-McClure). */
#include <isp/burst/follow.h>

#include <stdbool.h>

#define TERMS     6
#define TILES_MAX 1024  /* that are looked at: as good as all */
#define COARSE    32.0F /* samples: what counts as agreement at first, halved each round */
#define FINE      0.1F
#define ROUNDS    14
#define SHIFTS    2  /* rounds that look for a translation only, and */
#define TURNS     10 /* that look for no shear */
#define STRAYS    0.25F
#define HELD      1e9 /* beyond what all tiles together can know */

struct normal {
    double m[TERMS][TERMS], b[TERMS];
};

/* Gauss-Jordan with the largest pivot; false where there is none. */
static bool solve(struct normal *n)
{
    for (int i = 0; i < TERMS; i++) {
        int p = i;
        for (int j = i + 1; j < TERMS; j++) {
            double a = n->m[j][i] * n->m[j][i], b = n->m[p][i] * n->m[p][i];
            p = a > b ? j : p;
        }
        if (!(n->m[p][i] * n->m[p][i] > 1e-20))
            return false;
        for (int j = 0; j < TERMS; j++) {
            double t = n->m[i][j];
            n->m[i][j] = n->m[p][j];
            n->m[p][j] = t;
        }
        double t = n->b[i];
        n->b[i] = n->b[p];
        n->b[p] = t;
        for (int j = 0; j < TERMS; j++) {
            double f = j == i ? 0 : n->m[j][i] / n->m[i][i];
            for (int k = 0; k < TERMS; k++)
                n->m[j][k] -= f * n->m[i][k];
            n->b[j] -= f * n->b[i];
        }
    }
    for (int i = 0; i < TERMS; i++)
        n->b[i] /= n->m[i][i];
    return true;
}

/* Inverse covariance of a tile's vector, softened by what the model may be off. */
static void soften(const struct follow_tiles *t, size_t at, float spread, float out[3])
{
    float xx = t->xx[at] + 1e-4F, yy = t->yy[at] + 1e-4F, xy = t->xy[at];
    float inverse = 1 / (xx * yy - xy * xy), more = spread * spread;
    float cxx = yy * inverse + more, cyy = xx * inverse + more, cxy = -xy * inverse;
    float back = 1 / (cxx * cyy - cxy * cxy);
    out[0] = cyy * back;
    out[1] = -cxy * back;
    out[2] = cxx * back;
}

static void add_tile(struct normal *n, const float u[3], const float information[3], float weight,
    const float vector[2])
{
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++) {
            double w = (double)(weight * u[i] * u[j]);
            n->m[i][j] += w * (double)information[0];
            n->m[i][3 + j] += w * (double)information[1];
            n->m[3 + i][j] += w * (double)information[1];
            n->m[3 + i][3 + j] += w * (double)information[2];
        }
        float x = information[0] * vector[0] + information[1] * vector[1];
        float y = information[1] * vector[0] + information[2] * vector[1];
        n->b[i] += (double)(weight * u[i] * x);
        n->b[3 + i] += (double)(weight * u[i] * y);
    }
}

static void add_tiles(struct normal *n, const struct follow_tiles *t, uint32_t step, float spread,
    const struct follow_affine *affine)
{
    const float scale = 2 / (float)(t->width > t->height ? t->width : t->height);
    for (uint32_t j = 0; j < t->height; j += step) {
        for (uint32_t i = 0; i < t->width; i += step) {
            size_t at = (size_t)j * t->stride + i;
            const float place[2] = {(float)i, (float)j}, vector[2] = {t->x[at], t->y[at]};
            const float u[3] = {1, (place[0] + 0.5F) * scale - 1, (place[1] + 0.5F) * scale - 1};
            float model[2], s[3];
            follow_affine_at(affine, t, place, model);
            soften(t, at, spread, s);
            float x = vector[0] - model[0], y = vector[1] - model[1];
            float squared = s[0] * x * x + 2 * s[1] * x * y + s[2] * y * y;
            float weight = 1 / (1 + squared * STRAYS);
            add_tile(n, u, s, weight * weight, vector);
        }
    }
}

/* Hold the terms that are not looked for yet: while agreement is coarse, a shear takes a near and a
 * far thing for one, bent, between the two. */
static void hold(struct normal *n, int round)
{
    for (int i = 0; i < TERMS; i++)
        n->m[i][i] += i % 3 == 0 ? 1e-6 : round < SHIFTS ? HELD : 1e-2;
    for (int i = 1; i < 3 && round < TURNS; i++) { /* p[5] = p[1], p[4] = -p[2] */
        const int j = TERMS - i;
        const double between = i == 1 ? -HELD : HELD;
        n->m[i][i] += HELD;
        n->m[j][j] += HELD;
        n->m[i][j] += between;
        n->m[j][i] += between;
    }
}

void isp_follow_affine(const struct follow_tiles *tiles, struct follow_affine *affine)
{
    uint32_t step = 1;
    while ((uint64_t)(tiles->width / step) * (tiles->height / step) > TILES_MAX)
        step++;
    float spread = COARSE;
    for (int round = 0; round < ROUNDS; round++) {
        struct normal n = {0};
        add_tiles(&n, tiles, step, spread > FINE ? spread : FINE, affine);
        hold(&n, round);
        if (!solve(&n))
            return;
        for (int i = 0; i < TERMS; i++)
            affine->p[i] = (float)n.b[i];
        spread *= 0.5F;
    }
}
