/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Digital Negative Specification 1.4, chapters 4 and 5. */
#include "camera/rawdec/rawdec.h"

#include "base/base.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum {
    TAG_NEW_SUBFILE_TYPE = 254,
    TAG_IMAGE_WIDTH = 256,
    TAG_IMAGE_LENGTH = 257,
    TAG_BITS_PER_SAMPLE = 258,
    TAG_COMPRESSION = 259,
    TAG_PHOTOMETRIC = 262,
    TAG_MAKE = 271,
    TAG_MODEL = 272,
    TAG_STRIP_OFFSETS = 273,
    TAG_ORIENTATION = 274,
    TAG_SAMPLES_PER_PIXEL = 277,
    TAG_ROWS_PER_STRIP = 278,
    TAG_SOFTWARE = 305,
    TAG_DATE_TIME = 306,
    TAG_TILE_WIDTH = 322,
    TAG_TILE_LENGTH = 323,
    TAG_TILE_OFFSETS = 324,
    TAG_SUB_IFDS = 330,
    TAG_SAMPLE_FORMAT = 339,
    TAG_CFA_REPEAT_DIM = 33421,
    TAG_CFA_PATTERN = 33422,
    TAG_EXPOSURE_TIME = 33434,
    TAG_F_NUMBER = 33437,
    TAG_EXIF_IFD = 34665,
    TAG_ISO = 34855,
    TAG_DATE_TIME_ORIGINAL = 36867,
    TAG_FOCAL_LENGTH = 37386,
    TAG_LENS_MODEL = 42036,
    TAG_DNG_VERSION = 50706,
    TAG_UNIQUE_MODEL = 50708,
    TAG_CFA_LAYOUT = 50711,
    TAG_LINEARIZATION = 50712,
    TAG_BLACK_REPEAT_DIM = 50713,
    TAG_BLACK_LEVEL = 50714,
    TAG_BLACK_DELTA_H = 50715,
    TAG_BLACK_DELTA_V = 50716,
    TAG_WHITE_LEVEL = 50717,
    TAG_CROP_ORIGIN = 50719,
    TAG_CROP_SIZE = 50720,
    TAG_BASELINE_EXPOSURE = 50730,
    TAG_ACTIVE_AREA = 50829,
    TAG_MASKED_AREAS = 50830,
    TAG_NOISE_PROFILE = 51041,
};

/* Fewer columns beside the active area are left to settle. */
#define COLUMNS_MIN 16

enum { PHOTOMETRIC_CFA = 32803, PHOTOMETRIC_LINEAR = 34892 };
enum { COMPRESSION_NONE = 1, COMPRESSION_VC5 = 9 };

/** A value as a whole number from 0 to `max`; 0 also where it is absent or odd. */
static uint32_t whole_at(
    const struct dng *dng, const struct tiff_field *field, uint32_t index, uint32_t max)
{
    double value = tiff_number(&dng->tiff, field, index);
    return value >= 0 && value <= (double)max ? (uint32_t)value : 0;
}

static uint32_t whole(const struct dng *dng, size_t ifd, uint16_t tag, uint32_t max)
{
    struct tiff_field field = tiff_find(&dng->tiff, ifd, tag);
    return whole_at(dng, &field, 0, max);
}

static void consider(struct dng *dng, size_t ifd)
{
    bool is_raw = whole(dng, ifd, TAG_PHOTOMETRIC, 65535) == PHOTOMETRIC_CFA &&
                  tiff_value(&dng->tiff, ifd, TAG_NEW_SUBFILE_TYPE, 0) == 0;
    if (!is_raw || ifd == dng->raw)
        return;
    uint32_t width = whole(dng, ifd, TAG_IMAGE_WIDTH, 65535);
    uint32_t width_best = dng->raw ? whole(dng, dng->raw, TAG_IMAGE_WIDTH, 65535) : 0;
    dng->raw_count = width > width_best ? 1 : dng->raw_count + (width == width_best);
    if (width > width_best)
        dng->raw = ifd;
}

/* The raw picture lies in IFD 0, in one of its SubIFDs or (older writers) in the chain. Bounded, so
 * that a loop of IFDs ends. */
bool dng_open(struct dng *dng, const uint8_t *bytes, size_t size_bytes)
{
    *dng = (struct dng){0};
    if (!tiff_open(&dng->tiff, bytes, size_bytes, TIFF_PICTURE, &dng->main) ||
        tiff_find(&dng->tiff, dng->main, TAG_DNG_VERSION).count == 0)
        return false;
    size_t ifd = dng->main;
    for (unsigned i = 0; i < 16 && ifd != 0; i++, ifd = tiff_next(&dng->tiff, ifd)) {
        consider(dng, ifd);
        struct tiff_field below = tiff_find(&dng->tiff, ifd, TAG_SUB_IFDS);
        for (uint32_t k = 0; k < below.count && k < 16; k++)
            consider(dng, whole_at(dng, &below, k, RAWDEC_FILE_BYTES_MAX));
    }
    dng->exif = whole(dng, dng->main, TAG_EXIF_IFD, RAWDEC_FILE_BYTES_MAX);
    return true;
}

/* CFAPattern is that of the active area's corner (DNG 1.4, ActiveArea). */
static int read_cfa(struct dng *dng, struct rawdec_result *result)
{
    static const uint8_t orders[4][4] = {{0, 1, 1, 2}, {1, 0, 2, 1}, {1, 2, 0, 1}, {2, 1, 1, 0}};
    struct tiff_field dim = tiff_find(&dng->tiff, dng->raw, TAG_CFA_REPEAT_DIM);
    struct tiff_field pattern = tiff_find(&dng->tiff, dng->raw, TAG_CFA_PATTERN);
    float size[2], colors[4];
    if (!tiff_floats(&dng->tiff, &dim, size, 2))
        return rawdec_say(result, -EBADMSG, "the file is corrupt: it has no CFA pattern");
    if (size[0] == 6 && size[1] == 6)
        return rawdec_say(result, -ENOTSUP, "X-Trans sensors are not supported");
    if (size[0] != 2 || size[1] != 2 || whole(dng, dng->raw, TAG_CFA_LAYOUT, 65535) > 1)
        return rawdec_say(result, -ENOTSUP, "the mosaic is not a 2x2 Bayer pattern");
    if (!tiff_floats(&dng->tiff, &pattern, colors, 4))
        return rawdec_say(result, -EBADMSG, "the file is corrupt: it has no CFA pattern");
    for (unsigned i = 0; i < BASE_COUNT(orders); i++) {
        if (colors[0] == orders[i][0] && colors[1] == orders[i][1] && colors[2] == orders[i][2] &&
            colors[3] == orders[i][3]) {
            dng->active_cfa = (enum sisp_cfa)i;
            return 0;
        }
    }
    return rawdec_say(result, -ENOTSUP, "the mosaic is not a 2x2 Bayer pattern of R, G and B");
}

/* ActiveArea: top, left, bottom, right. */
static int read_active(
    struct dng *dng, struct rawdec_result *result, uint32_t width, uint32_t height)
{
    struct tiff_field field = tiff_find(&dng->tiff, dng->raw, TAG_ACTIVE_AREA);
    float edge[4] = {0, 0, (float)height, (float)width};
    if (field.count > 0 && !tiff_floats(&dng->tiff, &field, edge, 4))
        edge[3] = -1;
    if (!(edge[0] >= 0 && edge[1] >= 0 && edge[2] <= (float)height && edge[3] <= (float)width &&
            edge[0] + 2 <= edge[2] && edge[1] + 2 <= edge[3]))
        return rawdec_say(result, -EBADMSG, "the file is corrupt: impossible ActiveArea");
    dng->active = (struct sisp_rect){(uint32_t)edge[1], (uint32_t)edge[0],
        (uint32_t)edge[3] - (uint32_t)edge[1], (uint32_t)edge[2] - (uint32_t)edge[0]};
    return 0;
}

/**
 * Uncompressed samples: LibRaw 0.20 reads them from the first offset on, whatever the other
 * offsets say, and fills up with zeros where the file ends. Refuse both cases.
 */
static int check_uncompressed(
    struct dng *dng, struct rawdec_result *result, uint32_t width, uint32_t height)
{
    uint32_t bits = whole(dng, dng->raw, TAG_BITS_PER_SAMPLE, 32);
    uint32_t tile_width = whole(dng, dng->raw, TAG_TILE_WIDTH, 65535);
    uint16_t tag = tile_width ? TAG_TILE_OFFSETS : TAG_STRIP_OFFSETS;
    struct tiff_field offsets = tiff_find(&dng->tiff, dng->raw, tag);
    double first = tiff_number(&dng->tiff, &offsets, 0);
    if (!(first > 0) || bits < 8 || bits > 16)
        return rawdec_say(result, -EBADMSG, "the file is corrupt: it has no samples");
    uint64_t row_bytes = ((uint64_t)width * bits + 7) / 8;
    uint64_t expected = row_bytes * height;
    uint64_t found =
        (double)dng->tiff.size_bytes > first ? dng->tiff.size_bytes - (uint64_t)first : 0;
    if (found < expected)
        return rawdec_say(result, -EBADMSG,
            "the file is cut short: %llu bytes of samples expected, %llu found",
            (unsigned long long)expected, (unsigned long long)found);
    if (tile_width && tile_width != width)
        return rawdec_say(result, -ENOTSUP, "uncompressed tiles side by side are not supported");
    uint32_t rows = tile_width ? whole(dng, dng->raw, TAG_TILE_LENGTH, 65535)
                               : whole(dng, dng->raw, TAG_ROWS_PER_STRIP, 65535);
    for (uint32_t i = 1; i < offsets.count; i++) {
        if (tiff_number(&dng->tiff, &offsets, i) !=
            first + (double)i * (double)rows * (double)row_bytes)
            return rawdec_say(
                result, -ENOTSUP, "uncompressed samples in scattered strips are not supported");
    }
    /* Nothing is to be decoded. */
    if (bits == 16 && tiff_find(&dng->tiff, dng->raw, TAG_LINEARIZATION).count == 0)
        dng->plain = dng->tiff.bytes + (size_t)first;
    return 0;
}

static int check_layout(
    struct dng *dng, struct rawdec_result *result, uint32_t width, uint32_t height)
{
    uint32_t compression = whole(dng, dng->raw, TAG_COMPRESSION, 65535);
    if (compression == COMPRESSION_VC5)
        return rawdec_say(result, -ENOTSUP,
            "the file uses GoPro's VC-5 compression, which is not supported; "
            "gpr_tools converts it to DNG");
    if (whole(dng, dng->raw, TAG_SAMPLES_PER_PIXEL, 65535) > 1)
        return rawdec_say(result, -ENOTSUP, "several samples per pixel are not supported");
    if (whole(dng, dng->raw, TAG_SAMPLE_FORMAT, 65535) > 1)
        return rawdec_say(result, -ENOTSUP, "floating point samples are not supported");
    if (width < 2 || height < 2)
        return rawdec_say(result, -EBADMSG, "the file is corrupt: impossible sizes");
    return compression == COMPRESSION_NONE ? check_uncompressed(dng, result, width, height) : 0;
}

int dng_check(struct dng *dng, struct rawdec_result *result)
{
    if (!dng->raw && whole(dng, dng->main, TAG_PHOTOMETRIC, 65535) == PHOTOMETRIC_LINEAR)
        return rawdec_say(
            result, -ENOTSUP, "the file holds a demosaiced (linear) picture, not a raw mosaic");
    if (!dng->raw)
        return rawdec_say(result, -ENOTSUP, "the DNG holds no raw mosaic");
    if (dng->raw_count > 1)
        return rawdec_say(result, -ENOTSUP,
            "files of several raw frames are not supported, this one has %u", dng->raw_count);
    uint32_t width = whole(dng, dng->raw, TAG_IMAGE_WIDTH, 65535);
    uint32_t height = whole(dng, dng->raw, TAG_IMAGE_LENGTH, 65535);
    int status = check_layout(dng, result, width, height);
    if (status == 0)
        status = read_active(dng, result, width, height);
    return status < 0 ? status : read_cfa(dng, result);
}

/** Mean of a tag's values; 0 if there are none. */
static double mean(const struct dng *dng, uint16_t tag)
{
    struct tiff_field field = tiff_find(&dng->tiff, dng->raw, tag);
    double sum = 0;
    for (uint32_t i = 0; i < field.count; i++)
        sum += tiff_number(&dng->tiff, &field, i);
    return field.count > 0 && isfinite(sum) ? sum / field.count : 0;
}

/* The pattern repeats from the active area's corner; a pattern larger than 2x2, like the deltas of
 * rows and columns, goes in as its mean per site. */
static bool read_black(const struct dng *dng, struct sisp_raw_info *info)
{
    struct tiff_field dim = tiff_find(&dng->tiff, dng->raw, TAG_BLACK_REPEAT_DIM);
    struct tiff_field levels = tiff_find(&dng->tiff, dng->raw, TAG_BLACK_LEVEL);
    float size[2] = {1, 1};
    if (dim.count > 0 && !(tiff_floats(&dng->tiff, &dim, size, 2) && size[0] >= 1 && size[1] >= 1 &&
                             size[0] <= 16 && size[1] <= 16))
        return false;
    uint32_t rows = (uint32_t)size[0], cols = (uint32_t)size[1];
    if (levels.count > 0 && levels.count < rows * cols)
        return false;
    double sum[SISP_SITE_COUNT] = {0};
    for (uint32_t y = 0; y < 2 * rows; y++) {
        for (uint32_t x = 0; x < 2 * cols; x++) {
            double level =
                levels.count > 0 ? tiff_number(&dng->tiff, &levels, y % rows * cols + x % cols) : 0;
            sum[rawdec_site(dng->active_cfa, x, y)] += level;
        }
    }
    info->black_source = levels.count > 0 ? SISP_SOURCE_FILE : SISP_SOURCE_NEUTRAL;
    double delta = mean(dng, TAG_BLACK_DELTA_H) + mean(dng, TAG_BLACK_DELTA_V);
    for (unsigned i = 0; i < SISP_SITE_COUNT; i++)
        info->black_level[i] = (float)(sum[i] / (rows * cols) + delta);
    return true;
}

static int fill_levels(const struct dng *dng, struct rawdec_result *result)
{
    struct sisp_raw_info *info = &result->info;
    bool is_linearized = tiff_find(&dng->tiff, dng->raw, TAG_LINEARIZATION).count > 0;
    uint32_t bits = whole(dng, dng->raw, TAG_BITS_PER_SAMPLE, 16);
    double otherwise = is_linearized ? (double)info->white_level : (double)((1u << bits) - 1);
    double white = tiff_value(&dng->tiff, dng->raw, TAG_WHITE_LEVEL, otherwise);
    if (!(white >= 1 && white <= 65535))
        return rawdec_say(result, -EBADMSG, "the file is corrupt: white level %g", white);
    if (!read_black(dng, info))
        return rawdec_say(result, -EBADMSG, "the file is corrupt: impossible black levels");
    info->white_level = (float)white;
    for (unsigned i = 0; i < SISP_SITE_COUNT; i++) {
        if (!(info->black_level[i] >= 0 && info->black_level[i] < info->white_level))
            return rawdec_say(result, -EBADMSG,
                "the file is corrupt: black level %g, white level %g", (double)info->black_level[i],
                white);
    }
    return 0;
}

unsigned dng_masked_areas(
    const struct dng *dng, const struct sisp_raw_info *info, int edges[RAWDEC_MASKED_MAX][4])
{
    struct tiff_field field = tiff_find(&dng->tiff, dng->raw, TAG_MASKED_AREAS);
    if (field.count > 0) {
        uint32_t count = field.count / 4 < RAWDEC_MASKED_MAX ? field.count / 4 : RAWDEC_MASKED_MAX;
        for (uint32_t i = 0; i < 4 * count; i++)
            edges[i / 4][i % 4] = (int)whole_at(dng, &field, i, 65535);
        return count;
    }
    const struct sisp_rect *active = &dng->active;
    int top = (int)active->y, bottom = top + (int)active->height;
    int left = (int)active->x, right = left + (int)active->width;
    int width = (int)info->width, height = (int)info->height;
    const int columns[2][4] = {{top, 0, bottom, left}, {top, right, bottom, width}};
    const int rows[2][4] = {{0, 0, top, width}, {bottom, 0, height, width}};
    /* What lies beside the picture is read with its rows; of those above it some serve other ends.
     */
    bool has_columns = left >= COLUMNS_MIN || width - right >= COLUMNS_MIN;
    memcpy(edges, has_columns ? columns : rows, sizeof(rows));
    return 2;
}

/* DefaultCropOrigin and -Size are (x, y), relative to the active area. */
static int fill_crop(const struct dng *dng, struct rawdec_result *result)
{
    const struct sisp_rect *active = &dng->active;
    struct tiff_field origin = tiff_find(&dng->tiff, dng->raw, TAG_CROP_ORIGIN);
    struct tiff_field size = tiff_find(&dng->tiff, dng->raw, TAG_CROP_SIZE);
    float at[2] = {0, 0}, extent[2] = {(float)active->width, (float)active->height};
    if ((origin.count > 0 && !tiff_floats(&dng->tiff, &origin, at, 2)) ||
        (size.count > 0 && !tiff_floats(&dng->tiff, &size, extent, 2)))
        at[0] = -1;
    for (unsigned i = 0; i < 2; i++) {
        float limit = (float)(i == 0 ? active->width : active->height);
        at[i] = roundf(at[i]);
        extent[i] = fminf(roundf(extent[i]), limit - at[i]);
        if (!(at[i] >= 0 && extent[i] >= 2))
            return rawdec_say(result, -EBADMSG, "the file is corrupt: impossible DefaultCrop");
    }
    result->info.crop = (struct sisp_rect){active->x + (uint32_t)at[0], active->y + (uint32_t)at[1],
        (uint32_t)extent[0], (uint32_t)extent[1]};
    return 0;
}

/* Shot and read noise per plane (DNG 1.4, NoiseProfile); with three planes the green one's. */
static void fill_noise(const struct dng *dng, struct sisp_raw_info *info)
{
    struct tiff_field field = tiff_find(&dng->tiff, dng->raw, TAG_NOISE_PROFILE);
    if (field.count == 0)
        field = tiff_find(&dng->tiff, dng->main, TAG_NOISE_PROFILE);
    uint32_t plane = field.count >= 6 ? 1 : 0;
    double shot = tiff_number(&dng->tiff, &field, 2 * plane);
    double read = tiff_number(&dng->tiff, &field, 2 * plane + 1);
    if (shot >= 0 && shot <= 1 && read >= 0 && read <= 1) {
        info->noise_shot = (float)shot;
        info->noise_read = (float)read;
    }
}

static void text_either(
    const struct dng *dng, size_t first, size_t second, uint16_t tag, char *text, size_t size)
{
    char found[64] = "";
    tiff_text(&dng->tiff, first, tag, found, base_min_size(sizeof(found), size));
    if (!found[0])
        tiff_text(&dng->tiff, second, tag, found, base_min_size(sizeof(found), size));
    if (found[0])
        memcpy(text, found, base_min_size(sizeof(found), size));
}

/* A tag that says 0 means unknown; LibRaw makes 1 s and f/1 of it. */
static void number_either(const struct dng *dng, uint16_t tag, double scale, double *value)
{
    struct tiff_field field = tiff_find(&dng->tiff, dng->exif, tag);
    if (field.count == 0)
        field = tiff_find(&dng->tiff, dng->main, tag);
    double found = tiff_number(&dng->tiff, &field, 0);
    if (field.count > 0)
        *value = found > 0 && found < 1e6 ? found * scale : 0;
}

static void fill_exif(const struct dng *dng, struct sisp_exif *exif)
{
    text_either(dng, dng->main, dng->raw, TAG_MAKE, exif->make, sizeof(exif->make));
    text_either(dng, dng->main, dng->main, TAG_UNIQUE_MODEL, exif->model, sizeof(exif->model));
    text_either(dng, dng->main, dng->raw, TAG_MODEL, exif->model, sizeof(exif->model));
    text_either(dng, dng->main, dng->raw, TAG_SOFTWARE, exif->software, sizeof(exif->software));
    text_either(dng, dng->exif, dng->main, TAG_LENS_MODEL, exif->lens, sizeof(exif->lens));
    text_either(dng, dng->main, dng->raw, TAG_DATE_TIME, exif->date_time, sizeof(exif->date_time));
    text_either(dng, dng->exif, dng->main, TAG_DATE_TIME_ORIGINAL, exif->date_time,
        sizeof(exif->date_time));
    number_either(dng, TAG_EXPOSURE_TIME, 1e6, &exif->exposure_us);
    number_either(dng, TAG_ISO, 1, &exif->iso);
    number_either(dng, TAG_F_NUMBER, 1, &exif->f_number);
    number_either(dng, TAG_FOCAL_LENGTH, 1, &exif->focal_length_mm);
}

int dng_fill(const struct dng *dng, struct rawdec_result *result)
{
    struct sisp_raw_info *info = &result->info;
    if (info->width != whole(dng, dng->raw, TAG_IMAGE_WIDTH, 65535) ||
        info->height != whole(dng, dng->raw, TAG_IMAGE_LENGTH, 65535))
        return rawdec_say(result, -EBADMSG, "the file is corrupt: its sizes contradict each other");
    int status = fill_levels(dng, result);
    if (status == 0)
        status = fill_crop(dng, result);
    if (status < 0)
        return status;
    enum sisp_cfa cfa = sisp_cfa_shift(dng->active_cfa, dng->active.x, dng->active.y);
    info->fourcc = rawdec_format(cfa, (double)info->white_level)->fourcc;
    uint32_t orientation = whole(dng, dng->main, TAG_ORIENTATION, 8);
    info->orientation = orientation ? orientation : 1;
    double baseline = tiff_value(&dng->tiff, dng->main, TAG_BASELINE_EXPOSURE, 0);
    info->baseline_exposure_ev = (float)fmin(fmax(baseline, -16), 16);
    fill_noise(dng, info);
    fill_exif(dng, &info->exif);
    dng_fill_color(dng, info);
    dng_fill_lsc(dng, result);
    return 0;
}
