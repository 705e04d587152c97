/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Metering modes with a tuning's weights. */
#include "tests/harness/test.h"
#include "tests/tuning/shared.h"

#include "isp/auto/meter.h"
#include "tuning/check.h"

#include <math.h>
#include <string.h>

#define SIDE  SISP_TUNING_METERING_SIDE
#define CELLS (SIDE * SIDE)

static struct sisp_tuning tuning;
static char text[1 << 16], error[512];

/* Weights of each mode: 1 in one cell, 0 elsewhere; or as many as `count` says. */
static int read_tuning(const int cells[3], int count, bool has_channels)
{
    static const char *const modes[] = {"centre-weighted", "spot", "matrix"};
    FILE *out = fmemopen(text, sizeof(text), "w");
    if (!out)
        return -1;
    fprintf(out, "{\"rpi.black_level\": {\"black_level\": 1}, \"rpi.agc\": ");
    fprintf(out, "%s{\"metering_modes\": {", has_channels ? "{\"channels\": [" : "");
    for (int mode = 0; mode < 3; mode++) {
        fprintf(out, "\"%s\": {\"weights\": [", modes[mode]);
        for (int i = 0; i < count; i++)
            fprintf(out, "%d,", i == cells[mode]);
        fprintf(out, "]},");
    }
    fprintf(out, "}}%s}", has_channels ? "]}" : "");
    size_t size_bytes = (size_t)ftell(out);
    fclose(out);
    return sisp_tuning_read(&tuning, "t", text, size_bytes, error, sizeof(error));
}

/* Dark but for the zones whose centre lies in that cell of the grid. */
static void light_cell(struct sisp_stats *stats, int cell)
{
    memset(stats, 0, sizeof(*stats));
    for (int c = 0; c < 3; c++)
        stats->wb_gains[c] = 1;
    for (int z = 0; z < SISP_STATS_ZONES * SISP_STATS_ZONES; z++) {
        int x = (int)((z % SISP_STATS_ZONES + 0.5) / SISP_STATS_ZONES * SIDE);
        int y = (int)((z / SISP_STATS_ZONES + 0.5) / SISP_STATS_ZONES * SIDE); /* NOLINT */
        uint32_t level = y * SIDE + x == cell ? 100 * 2048 : 100 * 41;
        stats->zones[z] = (struct sisp_zone){{level, level, level, level}, 100, 0};
    }
}

static double metered_ev(int mode, const struct sisp_tuning *with, int cell)
{
    static const float gains[3] = {1, 1, 1};
    static struct sisp_stats stats;
    struct sisp_params params = sisp_params_default();
    struct sisp_raw_info info = {0};
    struct isp_auto_input input = {
        .info = &info, .params = &params, .stats = &stats, .tuning = with};
    light_cell(&stats, cell);
    params.value[SISP_PARAM_AE_METERING] = (float)mode;
    return isp_meter(&input, gains).mean_ev;
}

TEST(modes_look_where_the_tuning_says)
{
    const int cells[3] = {0, CELLS - 1, SIDE};
    double dark = metered_ev(SISP_AE_AVERAGE, NULL, -1);
    double light = dark - log2(2048.0 / 41);
    for (int has_channels = 0; has_channels < 2; has_channels++) {
        REQUIRE(read_tuning(cells, CELLS, has_channels) == 0);
        CHECK(tuning_is_sound(&tuning) && tuning.parts >> SISP_TUNING_METERING & 1);
        for (int mode = 0; mode < 3; mode++) {
            for (int i = 0; i < 3; i++)
                CHECK_NEAR(metered_ev(mode, &tuning, cells[i]), i == mode ? light : dark, 0.02);
        }
    }
    /* Average has no weights in any tuning. */
    CHECK_NEAR(metered_ev(SISP_AE_AVERAGE, &tuning, 0), metered_ev(SISP_AE_AVERAGE, NULL, 0), 0);
}

/* Regions of other hardware lie where its files do not say. */
TEST(other_counts_of_weights_change_nothing)
{
    const int cells[3] = {0, 0, 0};
    REQUIRE(read_tuning(cells, 15, false) == 0);
    CHECK_EQ(tuning.parts >> SISP_TUNING_METERING & 1, 0);
    CHECK(strstr(tuning.unused, "rpi.agc") != NULL);
    for (int mode = 0; mode < 3; mode++)
        CHECK_NEAR(metered_ev(mode, &tuning, 0), metered_ev(mode, NULL, 0), 0);
}

TEST(weights_that_cannot_be_are_refused)
{
    const int nowhere[3] = {0, -1, 0};
    CHECK(read_tuning(nowhere, CELLS, false) < 0);
    CHECK(strstr(error, "'rpi.agc.metering_modes.spot.weights' has no weight above 0") != NULL);
}

TEST(files_of_the_newer_boards_have_them)
{
    char path[PATH_MAX];
    for (unsigned i = 0; i < SHARED_TUNINGS; i++) {
        if (!shared_tuning(path, shared_tunings[i]))
            SKIP("no shared data");
        CHECK_EQ(sisp_tuning_load(&tuning, path, error, sizeof(error)), 0);
        CHECK_EQ(tuning.parts >> SISP_TUNING_METERING & 1, *shared_tunings[i] == 'p');
    }
}

int main(void)
{
    RUN(modes_look_where_the_tuning_says);
    RUN(other_counts_of_weights_change_nothing);
    RUN(weights_that_cannot_be_are_refused);
    RUN(files_of_the_newer_boards_have_them);
    return test_report();
}
