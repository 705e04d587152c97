/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "read_back.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if OUT_HAVE_JPEG
#include <jpeglib.h>
#endif
#if OUT_HAVE_PNG
#include <png.h>
#endif
#if OUT_HAVE_TIFF
#include <tiffio.h>
#endif

/* By a build without any library. */
#define MAYBE_UNUSED __attribute__((unused))

static bool allocate(struct read_back *picture, uint32_t width, uint32_t height, unsigned bits)
{
    picture->width = width;
    picture->height = height;
    picture->bits = bits;
    picture->samples = calloc((size_t)width * height * 3, 2);
    return picture->samples != NULL;
}

MAYBE_UNUSED static void keep_exif(struct read_back *picture, const void *bytes, size_t size_bytes)
{
    picture->exif = malloc(size_bytes);
    if (!picture->exif)
        abort();
    memcpy(picture->exif, bytes, size_bytes);
    picture->exif_bytes = size_bytes;
}

MAYBE_UNUSED static uint16_t *row_of(struct read_back *picture, uint32_t y)
{
    return picture->samples + (size_t)y * picture->width * 3;
}

static bool read_ppm(struct read_back *picture, FILE *file)
{
    unsigned width, height, max;
    if (fscanf(file, "P6 %u %u %u", &width, &height, &max) != 3 || fgetc(file) != '\n' ||
        (max != 255 && max != 65535) || !allocate(picture, width, height, max == 255 ? 8 : 16))
        return false;
    for (size_t i = 0; i < (size_t)width * height * 3; i++) {
        int high = max == 255 ? 0 : fgetc(file), low = fgetc(file);
        if (high == EOF || low == EOF)
            return false;
        picture->samples[i] = (uint16_t)(high << 8 | low);
    }
    return fgetc(file) == EOF;
}

#if OUT_HAVE_JPEG
static bool read_jpeg(struct read_back *picture, FILE *file)
{
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors; /* an unreadable file ends the test program */
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&jpeg);
    jpeg_stdio_src(&jpeg, file);
    jpeg_save_markers(&jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_save_markers(&jpeg, JPEG_APP0 + 2, 0xffff);
    jpeg_read_header(&jpeg, TRUE);
    jpeg.out_color_space = JCS_RGB;
    jpeg_start_decompress(&jpeg);
    bool is_read = allocate(picture, jpeg.output_width, jpeg.output_height, 8);
    uint8_t *row = malloc((size_t)jpeg.output_width * 3);
    for (uint32_t y = 0; is_read && row && y < picture->height; y++) {
        jpeg_read_scanlines(&jpeg, &row, 1);
        for (uint32_t i = 0; i < picture->width * 3; i++)
            row_of(picture, y)[i] = row[i];
    }
    free(row);
    for (jpeg_saved_marker_ptr marker = jpeg.marker_list; marker; marker = marker->next) {
        if (marker->marker == JPEG_APP0 + 1 && memcmp(marker->data, "Exif\0", 6) == 0)
            keep_exif(picture, marker->data + 6, marker->data_length - 6);
    }
    JOCTET *icc = NULL;
    unsigned icc_bytes = 0;
    jpeg_read_icc_profile(&jpeg, &icc, &icc_bytes);
    free(icc);
    picture->icc_bytes = icc_bytes;
    picture->chroma_share = (unsigned)jpeg.comp_info[0].h_samp_factor;
    jpeg_finish_decompress(&jpeg);
    is_read = is_read && errors.num_warnings == 0;
    jpeg_destroy_decompress(&jpeg);
    return is_read;
}
#endif

#if OUT_HAVE_PNG
static void read_png_chunks(struct read_back *picture, png_structp png, png_infop info)
{
    png_charp name;
    png_bytep bytes;
    png_uint_32 size;
    int intent;
    if (png_get_iCCP(png, info, &name, &intent, &bytes, &size))
        picture->icc_bytes = size;
    picture->has_srgb_chunk = png_get_sRGB(png, info, &intent) != 0;
#ifdef PNG_eXIf_SUPPORTED
    if (png_get_eXIf_1(png, info, &size, &bytes))
        keep_exif(picture, bytes, size);
#endif
}

static bool read_png(struct read_back *picture, FILE *file)
{
    /* Without handlers of its own libpng ends the test program at an unreadable file. */
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_init_io(png, file);
    png_read_info(png, info);
    read_png_chunks(picture, png, info);
    size_t row_bytes = png_get_rowbytes(png, info);
    bool is_read = png_get_color_type(png, info) == PNG_COLOR_TYPE_RGB &&
                   allocate(picture, png_get_image_width(png, info),
                       png_get_image_height(png, info), png_get_bit_depth(png, info));
    uint8_t *row = malloc(row_bytes);
    for (uint32_t y = 0; is_read && row && y < picture->height; y++) {
        png_read_row(png, row, NULL);
        for (uint32_t i = 0; i < picture->width * 3; i++)
            row_of(picture, y)[i] =
                picture->bits == 8 ? row[i] : (uint16_t)(row[2 * i] << 8 | row[2 * i + 1]);
    }
    free(row);
    png_read_end(png, NULL);
    png_destroy_read_struct(&png, &info, NULL);
    return is_read;
}
#endif

#if OUT_HAVE_TIFF
static bool read_tiff(struct read_back *picture, const char *path)
{
    TIFF *tiff = TIFFOpen(path, "r");
    if (!tiff)
        return false;
    uint32_t width = 0, height = 0, icc_bytes = 0;
    uint16_t bits = 0, orientation = 0;
    void *icc;
    char *make = NULL;
    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height);
    TIFFGetField(tiff, TIFFTAG_BITSPERSAMPLE, &bits);
    TIFFGetField(tiff, TIFFTAG_ORIENTATION, &orientation);
    if (TIFFGetField(tiff, TIFFTAG_ICCPROFILE, &icc_bytes, &icc))
        picture->icc_bytes = icc_bytes;
    if (TIFFGetField(tiff, TIFFTAG_MAKE, &make))
        snprintf(picture->make, sizeof(picture->make), "%s", make);
    picture->orientation = orientation;
    bool is_read = allocate(picture, width, height, bits);
    uint8_t *row = malloc((size_t)TIFFScanlineSize(tiff));
    for (uint32_t y = 0; is_read && row && y < height; y++) {
        is_read = TIFFReadScanline(tiff, row, y, 0) == 1;
        for (uint32_t i = 0; is_read && i < width * 3; i++) {
            if (bits == 8)
                row_of(picture, y)[i] = row[i];
            else
                memcpy(&row_of(picture, y)[i], row + 2 * (size_t)i, 2);
        }
    }
    free(row);
    TIFFClose(tiff);
    return is_read;
}
#endif

bool read_back(struct read_back *picture, const char *path)
{
    *picture = (struct read_back){0};
    const char *extension = strrchr(path, '.');
    FILE *file = fopen(path, "rb");
    if (!file || !extension)
        return false;
    bool is_read = false;
    if (strcmp(extension, ".ppm") == 0)
        is_read = read_ppm(picture, file);
#if OUT_HAVE_JPEG
    if (strcmp(extension, ".jpg") == 0)
        is_read = read_jpeg(picture, file);
#endif
#if OUT_HAVE_PNG
    if (strcmp(extension, ".png") == 0)
        is_read = read_png(picture, file);
#endif
#if OUT_HAVE_TIFF
    if (strcmp(extension, ".tif") == 0)
        is_read = read_tiff(picture, path);
#endif
    fclose(file);
    return is_read;
}

void read_back_finish(struct read_back *picture)
{
    free(picture->samples);
    free(picture->exif);
    *picture = (struct read_back){0};
}
