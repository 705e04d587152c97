/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lens shading from frames that lie apart: what is seen at two places of the sensor has their ratio
 * of shading. Of a fall-off of exp(-falloff r^2), r being 1 in the corners, the logarithm of that
 * ratio grows along the motion in proportion to the place, whatever the scene and however bright
 * the frames are; a line through it tells the fall-off. Each frame's answer has an error by what is
 * left beside its line, and their scatter tells what no frame alone can: light that changed.
 */
#include <isp/burst/clues.h>

#include <base/base.h>

#define ROUNDS      4
#define PAIRS_LEAST 256
#define APART_MOST  0.2 /* of two levels, difference over sum: the same thing is alike */
#define FAR         2.0 /* sigmas from which a level counts less */
#define TOGETHER    4.0 /* levels of one window are off together */
#define KNOTS_X     17
#define KNOTS_Y     13

/* ---- functions ------------------------------------------------------------------------------- */

/* log(y / x) of values that are alike. */
static double log_ratio(double part)
{
    const double square = part * part;
    return 2 * part * (1 + square * (1.0 / 3 + square * (1.0 / 5 + square / 7)));
}

static double exp_of(double x)
{
    const double t = x / 16;
    double y = 1 + t * (1 + t / 2 * (1 + t / 3 * (1 + t / 4 * (1 + t / 5 * (1 + t / 6)))));
    for (int i = 0; i < 4; i++)
        y *= y;
    return y;
}

/* Index of the knot before, and how far it is to the next. */
static uint32_t knot_of(double at, uint32_t count, double *part)
{
    const double index = at < 0 ? 0 : at < count - 1 ? at : count - 1;
    const uint32_t i = index < count - 1 ? (uint32_t)index : count - 1;
    *part = index - i;
    return i;
}

static double mesh_at(const struct sisp_lsc_mesh *mesh, uint32_t site, double x, double y)
{
    if (!mesh->cols)
        return 1;
    const double at_x = mesh->step_x > 0 ? (x - (double)mesh->origin_x) / (double)mesh->step_x : 0;
    const double at_y = mesh->step_y > 0 ? (y - (double)mesh->origin_y) / (double)mesh->step_y : 0;
    double u, v;
    const uint32_t i = knot_of(at_x, mesh->cols, &u), j = knot_of(at_y, mesh->rows, &v);
    const uint32_t right = i + 1 < mesh->cols, down = j + 1 < mesh->rows ? mesh->cols : 0;
    const float *knot = mesh->gain[site] + j * mesh->cols + i;
    const double top = (double)knot[0] + u * (double)(knot[right] - knot[0]);
    const double bottom = (double)knot[down] + u * (double)(knot[down + right] - knot[down]);
    return top + v * (bottom - top);
}

/* ---- one frame ------------------------------------------------------------------------------- */

struct sums {
    double w, g, l, gg, gl, ll;
};

/* What each pair says: the logarithm of the ratio, and by how much r^2 differs. */
static uint32_t prepare(
    const struct isp_burst *burst, const int32_t shift[2], struct clue_scratch *s)
{
    const double width = burst->geometry->crop.width, height = burst->geometry->crop.height;
    const double unit = 4 / (width * width + height * height);
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct level_pair *p = &s->pairs[i];
        const double x = p->at_x, y = p->at_y, to_x = x - shift[0], to_y = y - shift[1];
        const struct sisp_lsc_mesh *mesh = &burst->coefficients->lsc;
        const double a = (double)p->x * mesh_at(mesh, p->site, x / width + 0.5, y / height + 0.5);
        const double b =
            (double)p->y * mesh_at(mesh, p->site, to_x / width + 0.5, to_y / height + 0.5);
        const double part = (b - a) / (b + a);
        if (!(a > 0 && b > 0 && part * part < APART_MOST * APART_MOST))
            continue;
        s->logs[count] = (float)log_ratio(part);
        s->leans[count] = (float)((x * x + y * y - to_x * to_x - to_y * to_y) * unit);
        s->pairs[count++] = (struct level_pair){.x = p->x, .y = p->y};
    }
    return count;
}

/* Noise of a level's logarithm falls with the level. */
static struct sums add_up(const struct clue_scratch *s, uint32_t count, const double line[3])
{
    struct sums sums = {0};
    for (uint32_t i = 0; i < count; i++) {
        const double g = (double)s->leans[i], l = (double)s->logs[i];
        const double off = l - line[0] - line[1] * g;
        const double far = line[2] > 0 ? off * off / (FAR * FAR * line[2]) : 0;
        const double w = (double)(s->pairs[i].x + s->pairs[i].y) / (1 + far);
        sums.w += w;
        sums.g += w * g;
        sums.l += w * l;
        sums.gg += w * g * g;
        sums.gl += w * g * l;
        sums.ll += w * l * l;
    }
    return sums;
}

bool isp_clue_shading(const struct isp_burst *burst, const int32_t shift[2],
    struct clue_scratch *scratch, struct isp_burst_clue *out)
{
    const uint32_t count = prepare(burst, shift, scratch);
    double line[3] = {0}; /* at 0, slope, variance beside it */
    double spread = 0;
    if (count < PAIRS_LEAST)
        return false;
    for (unsigned round = 0; round < ROUNDS; round++) {
        const struct sums s = add_up(scratch, count, line);
        const double g = s.g / s.w, l = s.l / s.w;
        spread = s.gg / s.w - g * g;
        if (!(spread > 1e-12))
            return false;
        line[1] = (s.gl / s.w - g * l) / spread;
        line[0] = l - line[1] * g;
        line[2] = s.ll / s.w - l * l - line[1] * line[1] * spread;
        line[2] = line[2] > 1e-12 ? line[2] : 1e-12;
    }
    out->falloff = (float)line[1];
    out->falloff_error = (float)__builtin_sqrt(TOGETHER * line[2] / (spread * count));
    return true;
}

/* ---- the mesh -------------------------------------------------------------------------------- */

static void start_mesh(struct sisp_lsc_mesh *mesh)
{
    mesh->cols = KNOTS_X;
    mesh->rows = KNOTS_Y;
    mesh->origin_x = mesh->origin_y = 0;
    mesh->step_x = 1.0F / (KNOTS_X - 1);
    mesh->step_y = 1.0F / (KNOTS_Y - 1);
    for (int site = 0; site < SISP_SITE_COUNT; site++) {
        for (uint32_t i = 0; i < KNOTS_X * KNOTS_Y; i++)
            mesh->gain[site][i] = 1;
    }
}

void isp_shading_add(
    struct sisp_lsc_mesh *mesh, const struct isp_geometry *geometry, double falloff)
{
    const double width = geometry->crop.width, height = geometry->crop.height;
    const double whole = width * width + height * height;
    if (!mesh->cols)
        start_mesh(mesh);
    for (uint32_t i = 0; i < mesh->cols * mesh->rows; i++) {
        const double x = (double)mesh->origin_x + i % mesh->cols * (double)mesh->step_x - 0.5;
        const double y = (double)mesh->origin_y + i / mesh->cols * (double)mesh->step_y - 0.5;
        const double square = 4 * (x * x * width * width + y * y * height * height) / whole;
        /* Where less is corrected it is the middle that brightens: no gain falls. */
        const float gain = (float)exp_of(falloff * (falloff > 0 ? square : square - 1));
        for (int site = 0; site < SISP_SITE_COUNT; site++) {
            const float both = mesh->gain[site][i] * gain;
            mesh->gain[site][i] = both < 32 ? both : 32;
        }
    }
}
