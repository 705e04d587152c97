/* SPDX-License-Identifier: GPL-3.0-or-later */
/* EXIF 2.32 (CIPA DC-008). Only what is known is written: libexif's own way of filling in what the
 * standard asks for puts the present time in. */
#include "output/encode.h"

#if OUT_HAVE_EXIF
#include "base/base.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libexif/exif-data.h>

#define ORDER EXIF_BYTE_ORDER_INTEL

struct tags {
    ExifData *data;
    ExifMem *memory;
    int error;
};

struct field {
    ExifIfd ifd;
    int tag;
    ExifFormat format;
    const void *bytes; /* in the file's order */
    size_t count;
};

static void add(struct tags *tags, struct field field)
{
    size_t size = field.count * exif_format_get_size(field.format);
    ExifEntry *entry = exif_entry_new_mem(tags->memory);
    void *bytes = exif_mem_alloc(tags->memory, (ExifLong)size);
    if (entry && bytes) {
        entry->tag = (ExifTag)field.tag;
        entry->format = field.format;
        entry->components = field.count;
        entry->size = (unsigned)size;
        entry->data = memcpy(bytes, field.bytes, size);
        bytes = NULL;
        exif_content_add_entry(tags->data->ifd[field.ifd], entry);
    }
    if (!entry || !entry->parent)
        tags->error = -ENOMEM;
    exif_mem_free(tags->memory, bytes);
    exif_entry_unref(entry);
}

static void add_text(struct tags *tags, ExifIfd ifd, int tag, const char *text, size_t room)
{
    char ended[128] = {0};
    size_t length = strnlen(text, base_min_size(room, sizeof(ended) - 1));
    memcpy(ended, text, length);
    if (length > 0)
        add(tags, (struct field){ifd, tag, EXIF_FORMAT_ASCII, ended, length + 1});
}

static void add_short(struct tags *tags, ExifIfd ifd, int tag, unsigned value)
{
    uint8_t bytes[2];
    exif_set_short(bytes, ORDER, (ExifShort)(value < 65535 ? value : 65535));
    add(tags, (struct field){ifd, tag, EXIF_FORMAT_SHORT, bytes, 1});
}

static void add_long(struct tags *tags, int tag, uint32_t value)
{
    uint8_t bytes[4];
    exif_set_long(bytes, ORDER, value);
    add(tags, (struct field){EXIF_IFD_EXIF, tag, EXIF_FORMAT_LONG, bytes, 1});
}

static void add_rational(struct tags *tags, ExifIfd ifd, int tag, ExifRational value)
{
    uint8_t bytes[8];
    exif_set_rational(bytes, ORDER, value);
    add(tags, (struct field){ifd, tag, EXIF_FORMAT_RATIONAL, bytes, 1});
}

static void add_undefined(struct tags *tags, int tag, const char four[4])
{
    add(tags, (struct field){EXIF_IFD_EXIF, tag, EXIF_FORMAT_UNDEFINED, four, 4});
}

/* Whether a number from a file is one that the tag can hold, in steps of 1/scale. */
static bool is_known(double value, double scale)
{
    return isfinite(value) && value * scale >= 0.5 && value * scale < 4294967295.0;
}

static void add_hundredths(struct tags *tags, int tag, double value)
{
    if (is_known(value, 100))
        add_rational(tags, EXIF_IFD_EXIF, tag, (ExifRational){(ExifLong)(value * 100 + 0.5), 100});
}

/* Photographers read 1/60, not 16667/1000000. */
static void add_exposure(struct tags *tags, double exposure_us)
{
    if (!is_known(exposure_us, 1))
        return;
    double per_second = floor(1e6 / exposure_us + 0.5);
    ExifRational value = {(ExifLong)(exposure_us + 0.5), 1000000};
    if (per_second >= 3 && fabs(per_second * exposure_us - 1e6) < 5e3)
        value = (ExifRational){1, (ExifLong)per_second};
    add_rational(tags, EXIF_IFD_EXIF, EXIF_TAG_EXPOSURE_TIME, value);
}

static void add_camera(struct tags *tags, const struct sisp_exif *exif)
{
    add_text(tags, EXIF_IFD_0, EXIF_TAG_MAKE, exif->make, sizeof(exif->make));
    add_text(tags, EXIF_IFD_0, EXIF_TAG_MODEL, exif->model, sizeof(exif->model));
    add_exposure(tags, exif->exposure_us);
    add_hundredths(tags, EXIF_TAG_FNUMBER, exif->f_number);
    if (is_known(exif->iso, 1))
        add_short(tags, EXIF_IFD_EXIF, EXIF_TAG_ISO_SPEED_RATINGS, (unsigned)(exif->iso + 0.5));
    if (strnlen(exif->date_time, sizeof(exif->date_time)) == 19)
        add_text(tags, EXIF_IFD_EXIF, EXIF_TAG_DATE_TIME_ORIGINAL, exif->date_time, 19);
    add_hundredths(tags, EXIF_TAG_FOCAL_LENGTH, exif->focal_length_mm);
    add_text(tags, EXIF_IFD_EXIF, EXIF_TAG_LENS_MODEL, exif->lens, sizeof(exif->lens));
}

static void add_picture(struct tags *tags, const struct out_job *job)
{
    add_short(tags, EXIF_IFD_0, EXIF_TAG_ORIENTATION, 1);
    add_rational(tags, EXIF_IFD_0, EXIF_TAG_X_RESOLUTION, (ExifRational){72, 1});
    add_rational(tags, EXIF_IFD_0, EXIF_TAG_Y_RESOLUTION, (ExifRational){72, 1});
    add_short(tags, EXIF_IFD_0, EXIF_TAG_RESOLUTION_UNIT, 2);
    add_text(tags, EXIF_IFD_0, EXIF_TAG_SOFTWARE, "SoftISP " SISP_VERSION, 64);
    add_undefined(tags, EXIF_TAG_EXIF_VERSION, "0232");
    add_undefined(tags, EXIF_TAG_FLASH_PIX_VERSION, "0100");
    /* 1: sRGB. 65535: anything else. */
    add_short(tags, EXIF_IFD_EXIF, EXIF_TAG_COLOR_SPACE, job->params.is_srgb ? 1 : 65535);
    add_long(tags, EXIF_TAG_PIXEL_X_DIMENSION, job->rows.width);
    add_long(tags, EXIF_TAG_PIXEL_Y_DIMENSION, job->rows.height);
}

static int save(struct out_blob *exif, struct tags *tags)
{
    unsigned char *bytes = NULL;
    unsigned size = 0;
    exif_data_save_data(tags->data, &bytes, &size);
    if (!bytes)
        return -ENOMEM;
    *exif = (struct out_blob){bytes, size};
    return 0;
}

int out_exif_create(struct out_blob *exif, const struct out_job *job)
{
    *exif = (struct out_blob){0};
    if (!job->params.exif)
        return 0;
    struct tags tags = {.memory = exif_mem_new_default()};
    if (tags.memory)
        tags.data = exif_data_new_mem(tags.memory);
    if (tags.data) {
        exif_data_set_byte_order(tags.data, ORDER);
        add_camera(&tags, job->params.exif);
        add_picture(&tags, job);
        if (!tags.error)
            tags.error = save(exif, &tags);
    } else {
        tags.error = -ENOMEM;
    }
    exif_data_unref(tags.data);
    exif_mem_unref(tags.memory);
    return tags.error;
}
#else
int out_exif_create(struct out_blob *exif, const struct out_job *job)
{
    *exif = (struct out_blob){0};
    return 0;
}
#endif
