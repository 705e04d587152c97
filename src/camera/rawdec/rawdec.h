/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The parts of softisp-rawdec, the confined child that decodes raw files. */
#ifndef CAMERA_RAWDEC_RAWDEC_H
#define CAMERA_RAWDEC_RAWDEC_H

#include "base/tiff_reader.h"
#include "camera/rawdec/protocol.h"

#include <libraw/libraw.h>
#include <stdbool.h>

/** Leave a sentence for the library: why the file is refused, or, with status 0, what the user
 * should know. Returns `status`. */
__attribute__((format(printf, 3, 4))) int rawdec_say(
    struct rawdec_result *result, int status, const char *format, ...);

/** Give up all rights but memory and the two descriptors. Returns whether seccomp holds. */
bool rawdec_confine(void);

/** Write the result, and say that its info is final: the samples follow. Returns whether the former
 * could be done. */
bool rawdec_tell(const struct rawdec_result *result);

/** Decode the file; fills result->info and the samples in RAWDEC_RESULT_FD. */
int rawdec_decode(struct rawdec_result *result, const uint8_t *bytes, size_t size_bytes);

/** The IFDs of a DNG that matter. */
struct dng {
    struct tiff tiff;
    size_t main, raw, exif;   /* offsets; exif 0: none */
    unsigned raw_count;       /* mosaics as large as that one */
    struct sisp_rect active;  /* ActiveArea */
    enum sisp_cfa active_cfa; /* CFA of its top left sample */
    const uint8_t *plain;     /* whole rows of 16 bits in the file, one after another; else NULL */
};

/** Whether this is a DNG; then finds its IFDs (raw 0: it has no mosaic). */
bool dng_open(struct dng *dng, const uint8_t *bytes, size_t size_bytes);

/** Refuse what cannot be decoded or is no Bayer mosaic, with a clear sentence. */
int dng_check(struct dng *dng, struct rawdec_result *result);

/** Let the tags rule over what LibRaw made of them. */
int dng_fill(const struct dng *dng, struct rawdec_result *result);

/** White balance and colour profile. */
void dng_fill_color(const struct dng *dng, struct sisp_raw_info *info);

/** GainMap opcodes of OpcodeList2 to info->lsc. */
void dng_fill_lsc(const struct dng *dng, struct rawdec_result *result);

#define RAWDEC_MASKED_MAX 4

/** The areas that no light reaches, as top, left, bottom and right edges. Returns how many. */
unsigned dng_masked_areas(
    const struct dng *dng, const struct sisp_raw_info *info, int edges[RAWDEC_MASKED_MAX][4]);

/** Whether there may be such samples. */
bool rawdec_has_dark(
    const libraw_data_t *raw, const struct dng *dng, const struct sisp_raw_info *info);

/** Measures info.optical_black where RAWDEC_RESULT_FD has samples that no light reaches. dng: NULL
 * if it is none. */
int rawdec_optical_black(
    const libraw_data_t *raw, const struct dng *dng, struct rawdec_result *result);

/** The format that holds codes up to `white`. */
const struct sisp_raw_format *rawdec_format(enum sisp_cfa cfa, double white);

/** The kind of site at (x, y) of a mosaic of that order. */
static inline enum sisp_site rawdec_site(enum sisp_cfa cfa, uint32_t x, uint32_t y)
{
    return (enum sisp_site)((unsigned)cfa ^ (x & 1) ^ (y & 1) << 1);
}

#endif
