/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes are a tuning or one sentence with the file's name in it; all that is then said of a
 * tuning is finite. Built by -Dfuzz=true with clang; tests/tuning runs it on seeded mutations. */
#include "fuzz/fuzz.h"

#include <softisp/tuning.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void require(int condition)
{
    if (!condition)
        abort();
}

static void check_tables(const struct sisp_tuning_shading *s)
{
    require(s->cols <= SISP_LSC_KNOTS_MAX && s->rows <= SISP_LSC_KNOTS_MAX);
    require(s->count <= SISP_TUNING_TABLES_MAX);
    for (uint32_t k = 0; k < s->cols * s->rows; k++) {
        require(s->luminance[k] > 0 && s->luminance[k] <= 16);
        for (uint32_t i = 0; i < s->count; i++)
            require(isfinite(s->tables[i].red[k]) && isfinite(s->tables[i].blue[k]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
    static struct sisp_tuning tuning;
    char error[512] = "", text[1024];
    tuning.parts = 0;
    if (sisp_tuning_read(&tuning, "fuzz", bytes, size_bytes, error, sizeof(error)) != 0) {
        require(strncmp(error, "fuzz:", 5) == 0 && tuning.parts == 0);
        return 0;
    }
    require(tuning.parts != 0 && tuning.color_count <= SISP_TUNING_COLORS_MAX);
    for (uint32_t i = 0; i < tuning.white_count; i++)
        require(tuning.white[i].red_over_green > 0 && tuning.white[i].blue_over_green > 0);
    if (tuning.parts >> SISP_TUNING_SHADING & 1)
        check_tables(&tuning.shading);
    for (unsigned i = 0; sisp_tuning_finding(&tuning, i, text, sizeof(text)) >= 0; i++)
        require(*text != '\0');
    return 0;
}
