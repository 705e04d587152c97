/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Real raw files, cut in bands of several heights: the same picture and the same statistics. */
#include "base/base.h"
#include "harness/test.h"
#include "isp/isp.h"

#include <unistd.h>

struct trial {
    struct sisp_raw_file *file;
    struct isp_geometry geometry;
    struct sisp_coefficients coefficients;
    struct sisp_image image;
    size_t bytes;
};

static void *allocate(size_t bytes)
{
    void *memory = aligned_alloc(64, base_align(bytes ? bytes : 1, 64));
    if (!memory)
        abort();
    return memory;
}

/* A file of the shared data, unpacked to `copy` where it is packed. */
static const char *find(const char *name, char *copy, size_t size)
{
    static char path[4096];
    const char *shared = getenv("SOFTISP_SHARED");
    snprintf(path, sizeof(path), "%s/data/%s", shared ? shared : SOURCE_ROOT "/../shared", name);
    if (access(path, R_OK) != 0)
        return NULL;
    if (!strstr(name, ".xz"))
        return path;
    char command[8192];
    snprintf(copy, size, "/tmp/softisp-bands-%d.dng", (int)getpid());
    snprintf(command, sizeof(command), "xz -dc '%s' > '%s'", path, copy);
    return system(command) == 0 ? copy : NULL;
}

static bool trial_init(struct trial *t, const char *path)
{
    struct sisp_raw_open_params params = {.has_cfa = 1, .cfa = SISP_CFA_RGGB};
    struct sisp_params wishes = sisp_params_default();
    char error[256] = "";
    if (sisp_raw_file_open(&t->file, path, &params, error, sizeof(error)) != 0) {
        printf("%s: %s\n", path, error);
        return false;
    }
    const struct sisp_raw_info *info = sisp_raw_file_info(t->file);
    isp_coefficients_init(&t->coefficients, info, &wishes, NULL);
    t->geometry = (struct isp_geometry){info->fourcc, info->width, info->height, info->stride_bytes,
        info->crop, SISP_PIXEL_XRGB8888, info->crop.width, info->crop.height,
        SISP_ORIENTATION_ROTATE_0};
    size_t stride = sisp_pixel_row_bytes(SISP_PIXEL_XRGB8888, 0, info->crop.width);
    t->bytes = stride * info->crop.height;
    t->image = (struct sisp_image){
        SISP_PIXEL_XRGB8888, info->crop.width, info->crop.height, {allocate(t->bytes)}, {stride}};
    return true;
}

typedef void develop_fn(struct trial *t, uint32_t rows, struct sisp_stats *stats);

static void develop_fast(struct trial *t, uint32_t rows, struct sisp_stats *stats)
{
    void *recipe = allocate(isp_fast_recipe_size(&t->geometry));
    void *scratch = allocate(isp_fast_scratch_size(&t->geometry));
    CHECK_EQ(isp_fast_compile(
                 recipe, &t->geometry, &t->coefficients, (enum isp_isa)isp_isa_find("auto")),
        0);
    for (uint32_t y = 0; y < t->geometry.height; y += rows)
        isp_fast_band(recipe, sisp_raw_file_samples(t->file), &t->image, y,
            y + rows < t->geometry.height ? y + rows : t->geometry.height, scratch, stats);
    free(scratch);
    free(recipe);
}

static void develop_still(struct trial *t, uint32_t rows, struct sisp_stats *stats)
{
    void *recipe = allocate(isp_still_recipe_size(&t->geometry));
    void *scratch = allocate(isp_still_scratch_size(&t->geometry));
    (void)stats;
    CHECK_EQ(isp_still_compile(
                 recipe, &t->geometry, &t->coefficients, (enum isp_isa)isp_isa_find("auto")),
        0);
    void *survey = allocate(isp_still_survey_size(&t->geometry));
    const uint32_t cell = isp_still_survey_rows(&t->geometry),
                   step = (rows + cell - 1) / cell * cell;
    for (uint32_t y = 0; isp_still_has_survey(recipe) && y < t->geometry.height; y += step)
        isp_still_survey_band(recipe, sisp_raw_file_samples(t->file), y,
            y + step < t->geometry.height ? y + step : t->geometry.height, survey);
    for (unsigned part = 0; isp_still_has_survey(recipe) && part < ISP_STILL_PLAN_PARTS; part++)
        isp_still_plan(recipe, survey, part);
    for (uint32_t y = 0; y < t->geometry.height; y += rows)
        isp_still_band(recipe, sisp_raw_file_samples(t->file), &t->image, y,
            y + rows < t->geometry.height ? y + rows : t->geometry.height, scratch);
    free(survey);
    free(scratch);
    free(recipe);
}

static void check_bands(struct trial *t, develop_fn *develop)
{
    static const uint32_t heights[] = {1, 2, 7, 64};
    static struct sisp_stats whole, parts;
    uint8_t *expected = allocate(t->bytes);
    memset(&whole, 0, sizeof(whole));
    develop(t, t->geometry.height, &whole);
    memcpy(expected, t->image.planes[0], t->bytes);
    for (size_t i = 0; i < BASE_COUNT(heights); i++) {
        memset(t->image.planes[0], 0, t->bytes);
        memset(&parts, 0, sizeof(parts));
        develop(t, heights[i], &parts);
        CHECK(memcmp(expected, t->image.planes[0], t->bytes) == 0);
        CHECK(memcmp(&whole, &parts, sizeof(whole)) == 0);
    }
    free(expected);
}

TEST(any_bands_give_the_same_bits)
{
    static const char *const names[] = {"canon550d_colorchecker/colorchart.dng",
        "gopro/HERO6_GOPR0024.DNG.xz", "pi_1920x1200/wheel_b.dng.xz", "pi_1920x1200/dark_a.dng.xz",
        "pi_imx296/static_a/frame_00.dng.xz", "pi_imx296/handheld_motion/frame_00.dng.xz",
        "pi_imx296/overexposed_flat.dng.xz", "realbsr_burst/000_0023/bayer_00.pgm"};
    unsigned found = 0;
    for (size_t i = 0; i < BASE_COUNT(names); i++) {
        static struct trial t;
        char copy[4096] = "";
        const char *path = find(names[i], copy, sizeof(copy));
        if (!path)
            continue;
        found++;
        bool ok = trial_init(&t, path);
        CHECK(ok);
        if (*copy)
            unlink(copy);
        if (!ok)
            continue;
        check_bands(&t, develop_fast);
        t.coefficients.demosaic = SISP_DEMOSAIC_MHC; /* the best one: tests/isp/still */
        check_bands(&t, develop_still);
        free(t.image.planes[0]);
        sisp_raw_file_destroy(&t.file);
    }
    if (!found)
        SKIP("no shared data");
}

int main(void)
{
    RUN(any_bands_give_the_same_bits);
    return test_report();
}
