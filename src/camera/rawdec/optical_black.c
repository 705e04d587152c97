/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Black level from samples that no light reaches: MaskedAreas of DNG 1.4, else what lies outside of
 * its ActiveArea; of other files the areas that LibRaw knows. */
#include "camera/rawdec/rawdec.h"

#include "base/base.h"

#include <errno.h>
#include <sys/mman.h>

/* The mask's edge lets some light in, and the first samples of a row settle. */
#define GUARD 4

/* Fewer samples of a kind say too little, and samples that spread by more than this share of white
 * have seen light. */
#define SAMPLES_MIN  256
#define SPREAD_SHARE 0.03

static uint32_t histogram[SISP_SITE_COUNT][65536];

/* Edges are top, left, bottom, right. */
static bool is_area(const struct sisp_raw_info *info, const int *edge)
{
    return edge[0] >= 0 && edge[1] >= 0 && edge[2] <= (int)info->height &&
           edge[3] <= (int)info->width && edge[2] - edge[0] > 2 * GUARD &&
           edge[3] - edge[1] > 2 * GUARD;
}

static void count_area(const uint8_t *samples, const struct sisp_raw_info *info, const int *edge)
{
    enum sisp_cfa cfa = sisp_raw_info_format(info)->cfa;
    if (!is_area(info, edge))
        return;
    for (int y = edge[0] + GUARD; y < edge[2] - GUARD; y++) {
        const uint16_t *row = (const uint16_t *)(samples + (size_t)y * info->stride_bytes);
        for (int x = edge[1] + GUARD; x < edge[3] - GUARD; x++)
            histogram[rawdec_site(cfa, (uint32_t)x, (uint32_t)y)][row[x]]++;
    }
}

/* The code below which that share of the samples lies. */
static uint32_t quantile(const uint32_t *counts, uint64_t total, double share)
{
    uint64_t below = counts[0];
    uint32_t code = 0;
    while (code < 65535 && (double)below < share * (double)total)
        below += counts[++code];
    return code;
}

/* Without what lies three times the quartiles' distance or more from the median: hot samples, and
 * rows that the sensor uses for something else. */
static bool trimmed_mean(const uint32_t *counts, float white, float *mean)
{
    uint64_t total = 0, kept = 0, sum = 0;
    for (uint32_t code = 0; code < 65536; code++)
        total += counts[code];
    if (total < SAMPLES_MIN)
        return false;
    uint32_t middle = quantile(counts, total, 0.5);
    uint32_t reach = 3 * (quantile(counts, total, 0.75) - quantile(counts, total, 0.25)) + 1;
    if ((double)reach > 3 * SPREAD_SHARE * (double)white)
        return false;
    uint32_t first = middle > reach ? middle - reach : 0;
    for (uint32_t code = first; code < 65536 && code <= middle + reach; code++) {
        kept += counts[code];
        sum += (uint64_t)counts[code] * code;
    }
    *mean = (float)((double)sum / (double)kept);
    return *mean < white;
}

static void count_known(const libraw_data_t *raw, const struct dng *dng,
    const struct sisp_raw_info *info, const uint8_t *samples)
{
    int edges[RAWDEC_MASKED_MAX][4];
    unsigned count = dng ? dng_masked_areas(dng, info, edges) : BASE_COUNT(raw->sizes.mask);
    for (unsigned i = 0; i < count; i++)
        count_area(samples, info, dng ? edges[i] : raw->sizes.mask[i]);
}

bool rawdec_has_dark(
    const libraw_data_t *raw, const struct dng *dng, const struct sisp_raw_info *info)
{
    int edges[RAWDEC_MASKED_MAX][4];
    unsigned count = dng ? dng_masked_areas(dng, info, edges) : BASE_COUNT(raw->sizes.mask);
    bool has_dark = false;
    for (unsigned i = 0; i < count; i++)
        has_dark |= is_area(info, dng ? edges[i] : raw->sizes.mask[i]);
    return has_dark;
}

int rawdec_optical_black(
    const libraw_data_t *raw, const struct dng *dng, struct rawdec_result *result)
{
    struct sisp_raw_info *info = &result->info;
    if (!rawdec_has_dark(raw, dng, info))
        return 0;
    const size_t size_bytes = RAWDEC_SAMPLES_OFFSET + sisp_raw_info_size_bytes(info);
    const uint8_t *mapping = mmap(NULL, size_bytes, PROT_READ, MAP_SHARED, RAWDEC_RESULT_FD, 0);
    if (mapping == MAP_FAILED)
        return rawdec_say(result, -ENOMEM, "no memory to map %zu bytes of samples", size_bytes);
    float mean[SISP_SITE_COUNT];
    count_known(raw, dng, info, mapping + RAWDEC_SAMPLES_OFFSET);
    for (unsigned i = 0; i < SISP_SITE_COUNT; i++) {
        if (!trimmed_mean(histogram[i], info->white_level, &mean[i]))
            return 0;
    }
    info->has_optical_black = 1;
    for (unsigned i = 0; i < SISP_SITE_COUNT; i++)
        info->optical_black[i] = mean[i];
    return 0;
}
