/* SPDX-License-Identifier: GPL-3.0-or-later */
/* White balance against measured light: ColorChecker RECommended (Hemrit et al. 2018), the half of
 * it that is in ../shared/data. */
#include "fixture.h"
#include "harness/test.h"

#define SIDE 64

static struct sisp_stats stats;
static uint8_t image[SIDE * SIDE * 3 * 2];

/* Pixels stand for cells; masked ones (the chart) are black. */
static void stats_of_image(void)
{
    memset(&stats, 0, sizeof(stats));
    for (int i = 0; i < SIDE * SIDE; i++) {
        struct sisp_zone *zone = &stats.zones[i / SIDE / 2 * SISP_STATS_ZONES + i % SIDE / 2];
        uint32_t rgb[3];
        for (int c = 0; c < 3; c++)
            rgb[c] = (uint32_t)(image[6 * i + 2 * c] | image[6 * i + 2 * c + 1] << 8) >> 4;
        if (rgb[0] + rgb[1] + rgb[2] == 0)
            continue;
        if (rgb[0] > 4050 || rgb[1] > 4050 || rgb[2] > 4050) {
            zone->clipped++;
            continue;
        }
        zone->count++;
        zone->sum[SISP_SITE_R] += rgb[0];
        zone->sum[SISP_SITE_GR] += rgb[1];
        zone->sum[SISP_SITE_GB] += rgb[1];
        zone->sum[SISP_SITE_B] += rgb[2];
    }
    for (int c = 0; c < 3; c++)
        stats.wb_gains[c] = 1;
}

static double angle_degrees(const struct isp_white *white, const double truth[3])
{
    double found[3] = {exp2(-white->log2_gain[0]), 1, exp2(-white->log2_gain[1])};
    double dot = 0, a = 0, b = 0;
    for (int c = 0; c < 3; c++) {
        dot += found[c] * truth[c];
        a += found[c] * found[c];
        b += truth[c] * truth[c];
    }
    return acos(fmin(1, dot / sqrt(a * b))) * 180 / M_PI;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct errors {
    double angle[600];
    unsigned count;
};

static double mean_of(struct errors *errors, const char *what)
{
    double sum = 0;
    qsort(errors->angle, errors->count, sizeof(errors->angle[0]), by_size);
    for (unsigned i = 0; i < errors->count; i++)
        sum += errors->angle[i];
    printf("white balance, %s: %u pictures, angular error mean %.2f median %.2f degrees\n", what,
        errors->count, sum / errors->count, errors->angle[errors->count / 2]);
    return sum / errors->count;
}

TEST(white_of_colorchecker_rec)
{
    FILE *images = open_shared("awb_colorchecker_rec/images_64x64x3_u16le.bin");
    FILE *table = open_shared("awb_colorchecker_rec/groundtruth.csv");
    static struct errors plain, with_profile;
    struct sisp_raw_info without = {0}, eos_5d = {0};
    /* The DNG colour matrix (D65) that raw converters carry for the Canon EOS 5D. */
    const float matrix[9] = {
        0.6347f, -0.0479f, -0.0972f, -0.8297f, 1.5954f, 0.2480f, -0.1968f, 0.2131f, 0.7649f};
    memcpy(eos_5d.profile.color_matrix[0], matrix, sizeof(matrix));
    eos_5d.profile.count = 1;
    char line[256], name[100];
    double truth[3];
    bool is_here = images && table && fgets(line, sizeof(line), table);
    while (is_here && plain.count < 600 && fread(image, sizeof(image), 1, images) == 1 &&
           fgets(line, sizeof(line), table)) {
        REQUIRE(
            sscanf(line, "%*d,%99[^,],%lf,%lf,%lf", name, &truth[0], &truth[1], &truth[2]) == 4);
        stats_of_image();
        struct isp_white white = isp_awb_measure(&without, NULL, &stats);
        plain.angle[plain.count++] = angle_degrees(&white, truth);
        if (!strstr(name, "IMG_"))
            continue;
        white = isp_awb_measure(&eos_5d, NULL, &stats);
        with_profile.angle[with_profile.count++] = angle_degrees(&white, truth);
    }
    if (images)
        fclose(images);
    if (table)
        fclose(table);
    if (!is_here)
        SKIP("the shared data are not here");
    CHECK_EQ(plain.count, 284);
    CHECK(mean_of(&plain, "no profile") < 3.6); /* plain grey world: 4.84 */
    CHECK(mean_of(&with_profile, "EOS 5D by its matrix") < 3.3);
}

int main(void)
{
    RUN(white_of_colorchecker_rec);
    return test_report();
}
