/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The motion that most tiles agree on, of fields of tiles that are made up. */
#include "burst_fixture.h"

#include <isp/burst/follow.h>

#include "tests/harness/test.h"

#define WIDTH  40
#define HEIGHT 24
#define COUNT  (WIDTH * HEIGHT)

static float planes[5][COUNT];

/* Tiles that move as the first motion says, below `rows` of them as the second one; each knows as
 * much as it says, some much and some little. */
static struct follow_tiles tiles_of(
    const struct follow_affine motion[2], uint32_t rows, struct base_prng *prng)
{
    const struct follow_tiles t = {
        WIDTH, HEIGHT, WIDTH, planes[0], planes[1], planes[2], planes[3], planes[4]};
    for (uint32_t i = 0; i < COUNT; i++) {
        const float at[2] = {(float)(i % WIDTH), (float)(i / WIDTH)};
        const float knows = (float)(1 + base_prng_next(prng) % 300);
        float v[2];
        follow_affine_at(&motion[i / WIDTH >= rows], &t, at, v);
        t.x[i] = v[0] + burst_gauss(prng) / sqrtf(knows);
        t.y[i] = v[1] + burst_gauss(prng) / sqrtf(knows);
        t.xx[i] = t.yy[i] = knows;
        t.xy[i] = 0;
    }
    return t;
}

/* How far off the motion is at most, in the tiles of the first `rows`. */
static double worst_of(const struct follow_affine *found, const struct follow_affine *truth,
    const struct follow_tiles *t, uint32_t rows)
{
    double worst = 0;
    for (uint32_t i = 0; i < rows * WIDTH; i++) {
        const float at[2] = {(float)(i % WIDTH), (float)(i / WIDTH)};
        float a[2], b[2];
        follow_affine_at(found, t, at, a);
        follow_affine_at(truth, t, at, b);
        const double d = hypot((double)(a[0] - b[0]), (double)(a[1] - b[1]));
        worst = d > worst ? d : worst;
    }
    return worst;
}

static float in(struct base_prng *prng, float least, float most)
{
    return least + (most - least) * (float)(base_prng_next(prng) >> 40) / (1 << 24);
}

/* Shifted, turned and scaled as a hand does it, with the shear of a rolling shutter. */
static struct follow_affine any_motion(struct base_prng *prng, float shear)
{
    const float turn = in(prng, -12, 12), scale = in(prng, -2, 2);
    const float bend = in(prng, -shear, shear), stretch = in(prng, -shear, shear);
    return (struct follow_affine){
        {in(prng, -50, 50), scale, turn + bend, in(prng, -50, 50), -turn, scale + stretch}};
}

/* From the shift that aligning found, whole periods of it. */
static double worst_found(
    const struct follow_affine motion[2], uint32_t rows, struct base_prng *prng)
{
    const struct follow_tiles t = tiles_of(motion, rows, prng);
    struct follow_affine found = {
        {2 * roundf(motion->p[0] / 2), 0, 0, 2 * roundf(motion->p[3] / 2), 0, 0}};
    isp_follow_affine(&t, &found);
    return worst_of(&found, motion, &t, rows);
}

TEST(one_motion_is_found)
{
    struct base_prng prng = {5};
    for (int i = 0; i < 200; i++) {
        const struct follow_affine motion[2] = {any_motion(&prng, 10), {{0}}};
        CHECK(worst_found(motion, HEIGHT, &prng) < 0.05);
    }
}

/* As of a near thing and what is behind: not one motion, bent, between the two. */
TEST(most_tiles_have_their_way)
{
    struct base_prng prng = {6};
    for (int i = 0; i < 200; i++) {
        struct follow_affine motion[2] = {any_motion(&prng, 0)};
        const float angle = in(&prng, 0, 6.28F), apart = in(&prng, 1, 16);
        motion[1] = motion[0];
        motion[1].p[0] += apart * cosf(angle);
        motion[1].p[3] += apart * sinf(angle);
        CHECK(worst_found(motion, HEIGHT * 5 / 8, &prng) < 0.1);
    }
}

int main(void)
{
    RUN(one_motion_is_found);
    RUN(most_tiles_have_their_way);
    return test_report();
}
