/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * checkkernels: every kernel on every level that this CPU has, against the naive reference.
 * In the manner of FFmpeg's and dav1d's checkasm:
 *
 *     checkkernels [--kernel=GLOB] [--isa=NAME] [--seed=N] [--list] [--self-test]
 *
 * --self-test breaks each kernel on purpose, and fails where the check does not see it.
 */
#include "broken.h"
#include "checkkernels.h"

#include "../reference/fast.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct fast_kernels fast_kernels_generic; /* of vec.h without intrinsics */

struct options {
    const char *kernel, *isa;
    uint64_t seed;
    bool is_list, is_self_test;
};

unsigned check_value(struct check *c, unsigned max)
{
    const unsigned random = (unsigned)base_prng_next(&c->prng), near = max / 128 + 1;
    switch (c->input) {
    case CHECK_MIN:
        return 0;
    case CHECK_MAX:
        return max;
    case CHECK_NEAR_MIN:
        return random & near;
    case CHECK_NEAR_MAX:
        return max - (random & near);
    case CHECK_RANDOM:
    case CHECK_INPUT_COUNT:
        break;
    }
    return random & max;
}

bool check_equal(struct check *c, const char *what, size_t where, unsigned got, unsigned expected)
{
    if (got == expected)
        return true;
    c->what = what;
    c->where = where;
    c->got = got;
    c->expected = expected;
    return false;
}

/* Recipes of a random curve, for pictures of 8-bit RGB and for others: recipe[0] and [1]. */
static struct isp_fast_recipe *make_recipes(struct base_prng *prng, int tone[FAST_LINEAR + 1])
{
    int codes[REF_TONE_KNOTS];
    static struct sisp_coefficients c;
    const struct isp_geometry g = {.raw_fourcc = sisp_raw_formats[0].fourcc,
        .raw_width = 2,
        .raw_height = 2,
        .raw_stride_bytes = 2,
        .crop = {0, 0, 2, 2},
        .width = 2,
        .height = 2};
    struct isp_fast_recipe *two = aligned_alloc(64, 2 * sizeof(*two));
    c.white_level = 255;
    c.clip_level = 1;
    for (int k = 0; k < 3; k++)
        c.wb_gains[k] = 1;
    for (int i = 0; i < SISP_TONE_KNOTS; i++)
        c.tone[i] = (float)base_prng_below(prng, 4097) / 4096; /* wild on purpose */
    ref_tone_codes(c.tone, codes);
    for (int x = 0; x <= FAST_LINEAR; x++)
        tone[x] = ref_tone(codes, x);
    for (int k = 0; k < 2; k++) {
        struct isp_geometry geometry = g;
        geometry.format = k ? SISP_PIXEL_NV12 : SISP_PIXEL_XRGB8888;
        struct isp_fast_recipe *recipe = aligned_alloc(64, isp_fast_recipe_size(&geometry));
        sisp_assert(
            isp_fast_compile(recipe, &geometry, &c, (enum isp_isa)isp_isa_find("auto")) == 0);
        memcpy(&two[k], recipe, sizeof(*recipe));
        free(recipe);
    }
    return two;
}

static bool check_kernel(
    const struct check_kernel *kernel, struct check *c, const char *level, bool is_quiet)
{
    static const uint32_t large[] = {128, 129, 511, 1000};
    static const unsigned offsets[] = {0, 1, 15};
    for (unsigned i = 0; i < 67 + BASE_COUNT(large); i++) {
        c->width = i < 67 ? i + 1 : large[i - 67];
        for (unsigned k = 0; k < BASE_COUNT(offsets) * CHECK_INPUT_COUNT; k++) {
            c->offset = offsets[k / CHECK_INPUT_COUNT];
            c->input = (enum check_input)(k % CHECK_INPUT_COUNT);
            if (kernel->run(c))
                continue;
            if (!is_quiet)
                printf("%s %s: width %u, offset %u, input %d: %s %zu is 0x%x, but should be "
                       "0x%x\n",
                    kernel->name, level, c->width, c->offset, (int)c->input, c->what, c->where,
                    c->got, c->expected);
            return false;
        }
    }
    return true;
}

static bool is_named(const struct options *o, const char *kernel)
{
    return !o->kernel || fnmatch(o->kernel, kernel, 0) == 0;
}

static unsigned check_level(const struct options *o, struct check *c, const char *level)
{
    unsigned failed = 0, passed = 0;
    for (const struct check_kernel *k = check_kernels; k->name; k++) {
        if (!is_named(o, k->name))
            continue;
        if (check_kernel(k, c, level, false))
            passed++;
        else
            failed++;
    }
    printf("%-8s %u passed, %u failed\n", level, passed, failed);
    return failed;
}

static unsigned check_levels(const struct options *o, struct check *c)
{
    unsigned failed = 0;
    for (int isa = 0; isa < ISP_ISA_COUNT; isa++) {
        const char *name = isp_isa_name((enum isp_isa)isa);
        c->kernels = isp_fast_kernels((enum isp_isa)isa);
        if (!c->kernels || isp_isa_find(name) < 0 || (o->isa && strcmp(o->isa, name) != 0))
            continue;
        failed += check_level(o, c, name);
    }
    c->kernels = &fast_kernels_generic;
    if (!o->isa || strcmp(o->isa, "generic") == 0)
        failed += check_level(o, c, "generic");
    return failed;
}

/* Every kernel with one bit wrong at its end, and every kernel that writes one byte too far. */
static unsigned self_test(struct check *c)
{
    unsigned missed = 0;
    for (int fault = 0; fault < BROKEN_COUNT; fault++) {
        c->kernels = broken_kernels((enum broken)fault);
        for (const struct check_kernel *k = check_kernels; k->name; k++) {
            if (!check_kernel(k, c, "broken", true))
                continue;
            printf("%s: fault %d is not seen\n", k->name, fault);
            missed++;
        }
    }
    printf("self-test: %u faults missed\n", missed);
    return missed;
}

static bool parse(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        const char *value = strchr(argv[i], '=');
        if (strncmp(argv[i], "--kernel=", 9) == 0)
            o->kernel = value + 1;
        else if (strncmp(argv[i], "--isa=", 6) == 0)
            o->isa = value + 1;
        else if (strncmp(argv[i], "--seed=", 7) == 0)
            o->seed = strtoull(value + 1, NULL, 0);
        else if (strcmp(argv[i], "--list") == 0)
            o->is_list = true;
        else if (strcmp(argv[i], "--self-test") == 0)
            o->is_self_test = true;
        else
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct options o = {.seed = 1};
    static int tone[FAST_LINEAR + 1];
    if (!parse(argc, argv, &o)) {
        fprintf(stderr,
            "usage: checkkernels [--kernel=GLOB] [--isa=NAME] [--seed=N] [--list] [--self-test]\n");
        return 2;
    }
    for (const struct check_kernel *k = check_kernels; k->name && o.is_list; k++)
        puts(k->name);
    if (o.is_list)
        return 0;
    struct check c = {.prng = {o.seed}, .tone = tone};
    struct isp_fast_recipe *recipes = make_recipes(&c.prng, tone);
    c.recipe = recipes;
    const unsigned failed = o.is_self_test ? self_test(&c) : check_levels(&o, &c);
    free(recipes);
    return failed ? 1 : 0;
}
