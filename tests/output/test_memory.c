/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every allocation fails once: the file is there whole, or there is an error and no file. */
#include "folder.h"

#include <softisp/writer.h>

#include "harness/test.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Allocations until the one that fails; negative: none does. */
static long fail_after = -1;
static long live; /* allocated and not freed since counting began */
static bool is_counting;
/* Only what this program itself allocates fails: lcms2 2.14 and libtiff 4.5 do not survive it. */
static bool is_own_only;

/* A sanitizer has an allocator of its own, which must stay. */
#if !TEST_IS_SANITIZED
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void __libc_free(void *old);

extern const char __executable_start[], etext[];

static bool must_fail(const void *caller)
{
    uintptr_t at = (uintptr_t)caller;
    bool is_own = at >= (uintptr_t)__executable_start && at < (uintptr_t)etext;
    return fail_after >= 0 && (is_own || !is_own_only) && fail_after-- == 0;
}

__attribute__((visibility("default"))) void *malloc(size_t size)
{
    void *bytes = must_fail(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
    live += is_counting && bytes;
    return bytes;
}

__attribute__((visibility("default"))) void *calloc(size_t count, size_t size)
{
    void *bytes = must_fail(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
    live += is_counting && bytes;
    return bytes;
}

__attribute__((visibility("default"))) void *realloc(void *old, size_t size)
{
    void *bytes = must_fail(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
    live += is_counting && bytes && !old;
    return bytes;
}

__attribute__((visibility("default"))) void free(void *old)
{
    live -= is_counting && old;
    __libc_free(old);
}
#endif

/* With a thumbnail and lens shading, which take memory. */
static int write_dng(
    const char *path, const struct sisp_image *image, char *error, size_t error_size)
{
    static const uint16_t samples[16 * 16];
    static struct sisp_raw_info info = {.width = 16, .height = 16, .stride_bytes = 32};
    info.fourcc = sisp_raw_format_unpacked(SISP_CFA_RGGB, 12)->fourcc;
    info.crop = (struct sisp_rect){0, 0, 16, 16};
    info.white_level = 4095;
    info.lsc.cols = info.lsc.rows = 2;
    return sisp_write_dng(path, &info, (const uint8_t *)samples, image, error, error_size);
}

static int write_failing(const char *name, const struct sisp_image *image, long nth)
{
    static const struct sisp_exif exif = {.make = "Maker", .exposure_us = 100, .iso = 100};
    struct sisp_write_params params = {.exif = &exif, .orientation = 6, .is_srgb = is_own_only};
    char error[200] = "";
    const char *path = folder_path(name);
    live = 0;
    is_counting = true;
    fail_after = nth;
    int code = strstr(name, ".dng") ? write_dng(path, image, error, sizeof(error))
                                    : sisp_write_image(sisp_writer_find(name), path, image, &params,
                                          error, sizeof(error));
    bool has_failed = fail_after < 0;
    fail_after = -1;
    is_counting = false;
    CHECK_EQ(nth < 0 ? 0 : live, 0);
    CHECK((code == 0) == (error[0] == 0));
    CHECK_EQ(folder_count(), code == 0);
    if (nth >= 0 && !has_failed)
        return 1;
    return code;
}

static void check_each_failure(const char *name, const struct sisp_image *image)
{
    const bool is_dng = strstr(name, ".dng") != NULL;
    if (!sisp_writer_find(is_dng ? ".tif" : name)->available)
        return;
    /* Libraries keep what they set up once, so the first run does not count. */
    folder_clear();
    CHECK_EQ(write_failing(name, image, -1), 0);
    unsigned failures = 0;
    for (long nth = 0;; nth++) {
        folder_clear();
        int code = write_failing(name, image, nth);
        if (code == 1)
            break;
        CHECK(code == 0 || code == -ENOMEM);
        failures += code != 0;
        REQUIRE(nth < 10000);
    }
    CHECK(failures >= 2);
    printf("%s: %u failures\n", name, failures);
}

TEST(each_allocation_of_ours_may_fail)
{
    if (TEST_IS_SANITIZED)
        SKIP("the sanitizer's allocator cannot be made to fail");
    struct sisp_image image = image_make(SISP_PIXEL_RGB24, 30, 20, 1);
    is_own_only = true;
    check_each_failure("a.jpg", &image);
    check_each_failure("a.png", &image);
    check_each_failure("a.tif", &image);
    check_each_failure("a.dng", &image);
    check_each_failure("a.ppm", &image);
    image_finish(&image);
}

TEST(each_allocation_of_libjpeg_and_libpng_and_libexif_may_fail)
{
    if (TEST_IS_SANITIZED)
        SKIP("the sanitizer's allocator cannot be made to fail");
    struct sisp_image image = image_make(SISP_PIXEL_RGB24, 30, 20, 1);
    is_own_only = false;
    check_each_failure("a.jpg", &image);
    check_each_failure("a.png", &image);
    image_finish(&image);
}

TEST(each_allocation_of_a_video_may_fail)
{
    if (TEST_IS_SANITIZED)
        SKIP("the sanitizer's allocator cannot be made to fail");
    folder_clear();
    unsigned failures = 0;
    const char *path = folder_path("a.y4m");
    for (;; failures++) {
        struct sisp_video_writer *writer;
        fail_after = (long)failures;
        int code = sisp_video_writer_open(
            &writer, path, &(struct sisp_video_params){SISP_PIXEL_NV12, 8, 8, 30, 1}, NULL, 0);
        bool has_failed = fail_after < 0;
        fail_after = -1;
        if (code == 0)
            CHECK_EQ(sisp_video_writer_close(&writer), 0);
        if (!has_failed)
            break;
        CHECK_EQ(code, -ENOMEM);
        CHECK_EQ(folder_count(), 0);
    }
    CHECK(failures >= 3);
}

int main(void)
{
    RUN(each_allocation_of_ours_may_fail);
    RUN(each_allocation_of_libjpeg_and_libpng_and_libexif_may_fail);
    RUN(each_allocation_of_a_video_may_fail);
    folder_remove();
    return test_report();
}
