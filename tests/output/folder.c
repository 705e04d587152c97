/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "folder.h"

#include "base/prng.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];

const char *folder_path(const char *name)
{
    static char paths[8][400];
    static unsigned next;
    if (!folder[0]) {
        snprintf(folder, sizeof(folder), "/tmp/softisp-output-XXXXXX");
        if (!mkdtemp(folder))
            abort();
    }
    char *path = paths[next++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static unsigned for_each(void (*act)(const char *path))
{
    unsigned count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        count++;
        if (act)
            act(folder_path(entry->d_name));
    }
    if (dir)
        closedir(dir);
    return count;
}

unsigned folder_count(void)
{
    return for_each(NULL);
}

static void remove_path(const char *path)
{
    if (remove(path) < 0)
        perror(path);
}

void folder_clear(void)
{
    for_each(remove_path);
}

void folder_remove(void)
{
    folder_clear();
    rmdir(folder);
}

static unsigned smooth(uint32_t x, uint32_t y, unsigned channel)
{
    unsigned ramp[3] = {x * 130 + y * 60, 40000 - x * 60 - y * 50, 20000 + y * 140};
    return ramp[channel] % 65536;
}

static void set_pixel(const struct sisp_image *image, uint32_t x, uint32_t y, const unsigned rgb[3])
{
    uint8_t *row = image->planes[0] + y * image->stride_bytes[0];
    for (unsigned channel = 0; channel < 3; channel++) {
        uint16_t wide = (uint16_t)rgb[channel];
        if (image->format == SISP_PIXEL_RGBA64)
            memcpy(row + 8 * (size_t)x + 2 * (size_t)channel, &wide, 2);
        else if (image->format == SISP_PIXEL_RGB24)
            row[3 * (size_t)x + channel] = (uint8_t)(wide >> 8);
        else
            row[4 * (size_t)x + 2 - channel] = (uint8_t)(wide >> 8);
    }
}

struct sisp_image image_make(
    enum sisp_pixel_format format, uint32_t width, uint32_t height, uint64_t noise_seed)
{
    size_t stride = sisp_pixel_row_bytes(format, 0, width) + 13;
    struct sisp_image image = {.format = format, .width = width, .height = height};
    image.stride_bytes[0] = stride;
    /* The last row has no padding, so that reading it is found. */
    size_t size = stride * (height - 1) + sisp_pixel_row_bytes(format, 0, width);
    image.planes[0] = malloc(size);
    if (!image.planes[0])
        abort();
    memset(image.planes[0], 0xa5, size);
    struct base_prng prng = {noise_seed};
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            unsigned rgb[3];
            for (unsigned channel = 0; channel < 3; channel++)
                rgb[channel] = noise_seed ? base_prng_below(&prng, 65536) : smooth(x, y, channel);
            set_pixel(&image, x, y, rgb);
        }
    }
    return image;
}

void image_finish(struct sisp_image *image)
{
    free(image->planes[0]);
    image->planes[0] = NULL;
}

unsigned image_sample(const struct sisp_image *image, uint32_t x, uint32_t y, unsigned channel)
{
    const uint8_t *row = image->planes[0] + y * image->stride_bytes[0];
    if (image->format == SISP_PIXEL_RGB24)
        return row[3 * (size_t)x + channel];
    if (image->format == SISP_PIXEL_XRGB8888)
        return row[4 * (size_t)x + 2 - channel];
    uint16_t wide;
    memcpy(&wide, row + 8 * (size_t)x + 2 * (size_t)channel, 2);
    return wide;
}
