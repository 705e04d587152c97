/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Motion to a fraction of a sample: a scene of waves, so that it is known between samples too. */
#include "burst_fixture.h"

#include "tests/harness/test.h"

#define WIDTH  264
#define HEIGHT 200
#define FRAMES 5
#define WAVES  12
#define SHOT   8e-4F
#define READ   2e-5F
#define RADIUS 34

/* Where a point of the scene lies in a frame: turned around the middle, then moved. */
struct pose {
    double x, y, angle;
};

struct thing {
    double x, y, step_x, step_y; /* in frame 0, and per frame on top of the scene's motion */
};

static double wave(uint64_t seed, double x, double y)
{
    double sum = 0;
    for (int i = 0; i < WAVES; i++) {
        double period = 7 + 50 * (double)burst_hash(seed, i, 1);
        double angle = 6.2831853 * (double)burst_hash(seed, i, 2);
        double phase = 6.2831853 * (double)burst_hash(seed, i, 3);
        sum += sin(6.2831853 / period * (x * cos(angle) + y * sin(angle)) + phase);
    }
    return 0.3 + 0.07 * sum;
}

static void to_frame(const struct pose *p, const double from[2], double out[2])
{
    double x = from[0] - WIDTH / 2.0, y = from[1] - HEIGHT / 2.0;
    out[0] = cos(p->angle) * x - sin(p->angle) * y + WIDTH / 2.0 + p->x;
    out[1] = sin(p->angle) * x + cos(p->angle) * y + HEIGHT / 2.0 + p->y;
}

static double truth(const struct pose *p, const struct thing *t, int frame, int x, int y)
{
    static const double tint[4] = {0.55, 1, 1, 0.7};
    double ox = x - WIDTH / 2.0 - p->x, oy = y - HEIGHT / 2.0 - p->y;
    double sx = cos(p->angle) * ox + sin(p->angle) * oy + WIDTH / 2.0;
    double sy = -sin(p->angle) * ox + cos(p->angle) * oy + HEIGHT / 2.0;
    double v = wave(1, sx, sy);
    if (t) {
        double tx = sx - t->x - t->step_x * frame, ty = sy - t->y - t->step_y * frame;
        if (tx * tx + ty * ty < RADIUS * RADIUS)
            v = 1.4 * wave(2, 1.5 * tx, 1.5 * ty);
    }
    return (v > 0 ? v : 0) * tint[(x & 1) + 2 * (y & 1)];
}

static uint8_t *shoot(const struct pose *p, const struct thing *t, int frame)
{
    uint16_t *raw = burst_memory((size_t)2 * WIDTH * HEIGHT);
    struct base_prng prng = {77 + (uint64_t)frame};
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        double v = truth(p, t, frame, i % WIDTH, i / WIDTH), normal = -6;
        for (int k = 0; k < 12; k++)
            normal += (double)(base_prng_next(&prng) >> 40) / (1 << 24);
        v += normal * sqrt((double)SHOT * v + (double)READ);
        v = v * BURST_RANGE + BURST_BLACK + 0.5;
        raw[i] = (uint16_t)(v < 0 ? 0 : v > BURST_WHITE ? BURST_WHITE : v);
    }
    return (uint8_t *)raw;
}

/* Share of blocks, of those that `is_wanted` says, whose vector is off by more than `limit`. */
struct error {
    uint32_t blocks, wrong;
};

static void compare(
    struct error *e, const struct isp_burst_vector *v, const double expected[2], double limit)
{
    double dx = v->x / (double)ISP_BURST_VECTOR_UNIT - expected[0];
    double dy = v->y / (double)ISP_BURST_VECTOR_UNIT - expected[1];
    e->blocks++;
    e->wrong += sqrt(dx * dx + dy * dy) > limit;
}

static struct isp_geometry geometry(void)
{
    return burst_geometry(sisp_raw_format_find("SRGGB12"), WIDTH, HEIGHT);
}

struct set {
    struct isp_geometry g;
    struct sisp_coefficients c;
    uint8_t *raws[FRAMES];
    struct isp_burst burst;
    struct isp_burst_transform t;
    struct isp_burst_vector *field;
};

static void take(struct set *s, const struct pose poses[FRAMES], const struct thing *thing)
{
    s->g = geometry();
    s->c = burst_coefficients(SHOT, READ);
    for (int i = 0; i < FRAMES; i++)
        s->raws[i] = shoot(&poses[i], thing, i);
    s->burst = burst_of(&s->g, &s->c, s->raws, FRAMES, 0);
    s->t = burst_align(&s->g, &s->c, s->raws, FRAMES, 0);
    s->field = burst_follow(&s->burst, &s->t);
}

static void give_back(struct set *s)
{
    for (int i = 0; i < FRAMES; i++)
        free(s->raws[i]);
    free(s->field);
}

static const struct isp_burst_vector *vector_of(const struct set *s, int frame, int bx, int by)
{
    return &s->field[((size_t)frame * isp_burst_blocks(HEIGHT) + (size_t)by) *
                         isp_burst_blocks(WIDTH) +
                     (size_t)bx];
}

/* Decibels that a merge is closer to the truth than its first frame, without a border. */
static double gain_of(const struct set *s, const struct pose *p, const struct thing *thing)
{
    struct isp_burst one = s->burst;
    one.count = 1;
    uint16_t *merged = burst_merge_along(&s->burst, &s->t, s->field, 32);
    uint16_t *single = burst_merge_along(&one, &s->t, s->field, 32);
    double before = 0, after = 0;
    for (int y = 24; y < HEIGHT - 24; y++) {
        for (int x = 24; x < WIDTH - 24; x++) {
            double v = truth(p, thing, 0, x, y);
            double a = burst_linear(single[y * WIDTH + x]) - v;
            double b = burst_linear(merged[y * WIDTH + x]) - v;
            before += a * a;
            after += b * b;
        }
    }
    free(merged);
    free(single);
    return 10 * log10(before / after);
}

TEST(fractions_and_turns_are_followed)
{
    static const struct pose sets[2][FRAMES] = {
        {{0, 0, 0}, {1.3, -0.6, 0}, {-2.45, 3.1, 0}, {7.75, 5.5, 0}, {-12.2, 20.9, 0}},
        {{0, 0, 0}, {0.4, 0.3, 0.004}, {1, 0.2, 0.008}, {2.2, -1, 0.02}, {3, -2.5, -0.05}}};
    for (int n = 0; n < 2; n++) {
        struct set s;
        struct error e = {0};
        take(&s, sets[n], NULL);
        CHECK_EQ(s.t.used, (1U << FRAMES) - 1);
        for (int i = 1; i < FRAMES; i++) {
            for (int by = 3; by < HEIGHT / 8 - 3; by++) {
                for (int bx = 3; bx < WIDTH / 8 - 3; bx++) {
                    const double from[2] = {bx * 8 + 3.5, by * 8 + 3.5};
                    double to[2];
                    to_frame(&sets[n][i], from, to);
                    const double expected[2] = {to[0] - from[0], to[1] - from[1]};
                    compare(&e, vector_of(&s, i, bx, by), expected, 0.1);
                }
            }
        }
        double gain = gain_of(&s, &sets[n][0], NULL), ideal = 10 * log10(FRAMES);
        printf("  %u of %u blocks are off by more than 0.1 sample; %.2f dB of %.2f\n", e.wrong,
            e.blocks, gain, ideal);
        CHECK(e.wrong * 50 < e.blocks);
        CHECK(gain > ideal);
        give_back(&s);
    }
}

/* A disc that goes its own way is followed and merged by itself; around it nothing ghosts. */
TEST(what_moves_by_itself_is_followed)
{
    static const struct pose poses[FRAMES] = {
        {0, 0, 0}, {1.2, 0.7, 0}, {2.1, -0.6, 0}, {0.3, 1.4, 0}, {-1.7, 2.2, 0}};
    static const struct thing thing = {100, 110, 8.3, -3.4};
    struct set s;
    struct error e = {0};
    take(&s, poses, &thing);
    for (int i = 1; i < FRAMES; i++) {
        for (int by = 0; by < HEIGHT / 8; by++) {
            for (int bx = 0; bx < WIDTH / 8; bx++) {
                double x = bx * 8 + 3.5 - thing.x, y = by * 8 + 3.5 - thing.y;
                const double expected[2] = {
                    poses[i].x + i * thing.step_x, poses[i].y + i * thing.step_y};
                if (x * x + y * y < (RADIUS - 12) * (RADIUS - 12))
                    compare(&e, vector_of(&s, i, bx, by), expected, 0.3);
            }
        }
    }
    double gain = gain_of(&s, &poses[0], &thing);
    printf("  %u of %u blocks of the disc are off; %.2f dB\n", e.wrong, e.blocks, gain);
    CHECK(e.blocks > 60 && e.wrong * 10 < e.blocks);
    CHECK(gain > 10 * log10(FRAMES) - 1.25);
    give_back(&s);
}

/* Vectors that lead out of the frame, by a worker in disorder or a jump, read nothing there. */
TEST(outside_a_frame_there_is_nothing)
{
    static const struct pose poses[FRAMES] = {{0}};
    struct set s;
    take(&s, poses, NULL);
    struct isp_burst one = s.burst;
    one.count = 1;
    size_t count = isp_burst_field_size(&s.g, FRAMES) / sizeof *s.field;
    for (size_t i = 0; i < count; i++)
        s.field[i] = (struct isp_burst_vector){i % 2 ? 32767 : -32768, i % 3 ? -32768 : 32767};
    uint16_t *merged = burst_merge_along(&s.burst, &s.t, s.field, HEIGHT);
    uint16_t *single = burst_merge_along(&one, &s.t, s.field, HEIGHT);
    CHECK(memcmp(merged, single, (size_t)2 * WIDTH * HEIGHT) == 0);
    free(merged);
    free(single);
    give_back(&s);
}

/* Every level of instruction sets finds the same vectors and makes the same picture. */
TEST(all_levels_make_the_same_bits)
{
    static const struct pose poses[FRAMES] = {
        {0, 0, 0}, {1.2, 0.7, 0.002}, {-40.1, 8.6, 0}, {0.3, 1.4, 0}, {-1.7, 2.2, -0.004}};
    static const struct thing thing = {160, 90, -6, 4};
    struct set s;
    take(&s, poses, &thing);
    const size_t bytes = isp_burst_field_size(&s.g, FRAMES);
    uint16_t *first = burst_merge_along(&s.burst, &s.t, s.field, 16);
    for (enum isp_isa isa = 0; isa < ISP_ISA_COUNT; isa++) {
        if (isp_isa_find(isp_isa_name(isa)) < 0)
            continue;
        struct isp_burst burst = s.burst;
        burst.isa = isa;
        struct isp_burst_vector *field = burst_follow(&burst, &s.t);
        uint16_t *merged = burst_merge_along(&burst, &s.t, field, 40);
        CHECK(memcmp(field, s.field, bytes) == 0);
        CHECK(memcmp(merged, first, (size_t)2 * WIDTH * HEIGHT) == 0);
        free(field);
        free(merged);
    }
    free(first);
    give_back(&s);
}

/* The fixture runs a phase's tasks from the last on. */
TEST(aligning_runs_in_any_order)
{
    static const struct pose poses[FRAMES] = {
        {0, 0, 0}, {1.2, 0.7, 0.002}, {-40.1, 8.6, 0}, {0.3, 1.4, 0}, {-1.7, 2.2, -0.004}};
    static const struct thing thing = {160, 90, -6, 4};
    struct set s;
    take(&s, poses, &thing);
    s.c.noise_shot = s.c.noise_read = 0; /* to be found, too */
    const struct isp_burst_transform last = burst_align(&s.g, &s.c, s.raws, FRAMES, 1);
    struct isp_burst burst = s.burst;
    struct isp_burst_transform first;
    void *scratch = burst_memory(isp_burst_align_scratch_size(&s.g));
    burst.reference = 1;
    isp_burst_align_begin(&burst, &first);
    uint32_t most = 0;
    for (uint32_t phase = 0; phase < isp_burst_align_phases(&burst); phase++) {
        const uint32_t count = isp_burst_align_tasks(&burst, phase);
        most = count > most ? count : most;
        for (uint32_t i = 0; i < count; i++) {
            const struct isp_burst_task task = {phase, i};
            isp_burst_align_run(&burst, &first, scratch, &task);
        }
    }
    CHECK(most > 1);
    CHECK(memcmp(&first, &last, sizeof first) == 0);
    CHECK(first.noise_shot + first.noise_read > 0);
    CHECK_EQ(first.dx[2] - first.dx[0], s.t.dx[2]);
    free(scratch);
    give_back(&s);
}

TEST(following_runs_in_any_order)
{
    static const struct pose poses[FRAMES] = {
        {0, 0, 0}, {1.2, 0.7, 0.002}, {-40.1, 8.6, 0}, {0.3, 1.4, 0}, {-1.7, 2.2, -0.004}};
    static const struct thing thing = {160, 90, -6, 4};
    struct set s;
    take(&s, poses, &thing);
    struct isp_burst_vector *field = burst_memory(isp_burst_field_size(&s.g, FRAMES));
    void *scratch = burst_memory(isp_burst_follow_scratch_size(&s.g));
    isp_burst_follow_begin(&s.burst, &s.t, scratch, field);
    uint32_t most = 0;
    for (uint32_t phase = 0; phase < isp_burst_follow_phases(FRAMES); phase++) {
        const uint32_t count = isp_burst_follow_tasks(&s.g, phase);
        most = count > most ? count : most;
        for (uint32_t i = 0; i < count; i++) {
            const struct isp_burst_task task = {phase, i};
            isp_burst_follow_run(&s.burst, &s.t, scratch, &task, field);
        }
    }
    CHECK(most > 1);
    CHECK(memcmp(field, s.field, isp_burst_field_size(&s.g, FRAMES)) == 0);
    free(scratch);
    free(field);
    give_back(&s);
}

int main(void)
{
    RUN(fractions_and_turns_are_followed);
    RUN(what_moves_by_itself_is_followed);
    RUN(outside_a_frame_there_is_nothing);
    RUN(all_levels_make_the_same_bits);
    RUN(aligning_runs_in_any_order);
    RUN(following_runs_in_any_order);
    return test_report();
}
