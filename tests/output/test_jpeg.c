/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A JPEG is made in strips, by threads: its pixels are those of libjpeg's own encoder in one go,
 * and its bytes do not depend on the threads. */
#include "folder.h"
#include "read_back.h"

#include <softisp/writer.h>

#include "harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if OUT_HAVE_JPEG
#include <jpeglib.h>

#define WIDTH  150u
#define HEIGHT 330u /* five strips and a part of one */

static bool write_ours(const char *name, const struct sisp_image *image,
    const struct sisp_write_params *params, struct read_back *back)
{
    const struct sisp_writer *writer = sisp_writer_find(name);
    *back = (struct read_back){0};
    return sisp_write_image(writer, folder_path(name), image, params, NULL, 0) == 0 &&
           read_back(back, folder_path(name));
}

/* The same picture by libjpeg alone; flipped: bottom row first. */
static bool write_plain(const char *name, const struct sisp_image *image,
    const struct sisp_write_params *params, struct read_back *back)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    FILE *file = fopen(folder_path(name), "wb");
    if (!file)
        return false;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, file);
    jpeg.image_width = image->width;
    jpeg.image_height = image->height;
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, params->jpeg_quality, TRUE);
    for (int i = 0; params->jpeg_quality >= 90 && i < 3; i++)
        jpeg.comp_info[i].h_samp_factor = jpeg.comp_info[i].v_samp_factor = 1;
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < jpeg.image_height) {
        const uint32_t y = jpeg.next_scanline;
        const uint32_t from = params->orientation == 4 ? image->height - 1 - y : y;
        JSAMPROW row = image->planes[0] + from * image->stride_bytes[0];
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    fclose(file);
    return read_back(back, folder_path(name));
}

static size_t slurp(const char *name, uint8_t *bytes, size_t room)
{
    FILE *file = fopen(folder_path(name), "rb");
    const size_t size = file ? fread(bytes, 1, room, file) : 0;
    if (file)
        fclose(file);
    return size;
}

static bool is_same(const struct read_back *a, const struct read_back *b)
{
    return a->width == b->width && a->height == b->height &&
           memcmp(a->samples, b->samples, (size_t)a->width * a->height * 3 * 2) == 0;
}

static void check(int quality, uint32_t orientation)
{
    static uint8_t one[400000], other[400000];
    static const struct sisp_exif exif = {.make = "Maker"};
    struct sisp_image image = image_make(SISP_PIXEL_RGB24, WIDTH, HEIGHT, 5);
    struct sisp_write_params params = {
        .jpeg_quality = quality, .orientation = orientation, .exif = &exif, .is_srgb = 1};
    struct read_back plain, back;
    REQUIRE(write_plain("plain.jpg", &image, &params, &plain));
    REQUIRE(write_ours("a.jpg", &image, &params, &back));
    CHECK(is_same(&back, &plain));
    read_back_finish(&back);
    const size_t size = slurp("a.jpg", one, sizeof(one));
    CHECK(size > 0 && size < sizeof(one));
    for (params.threads = 1; params.threads <= 9; params.threads += 4) {
        REQUIRE(write_ours("b.jpg", &image, &params, &back));
        read_back_finish(&back);
        CHECK_EQ(slurp("b.jpg", other, sizeof(other)), size);
        CHECK(memcmp(one, other, size) == 0);
    }
    read_back_finish(&plain);
    image_finish(&image);
}

TEST(threads_and_strips_change_nothing)
{
    check(92, 1);
    check(92, 4);
    check(80, 1);
}
#else
TEST(threads_and_strips_change_nothing)
{
    SKIP("built without libjpeg");
}
#endif

int main(void)
{
    RUN(threads_and_strips_change_nothing);
    folder_remove();
    return test_report();
}
