/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The bench on small frames: all cases run, in order, with one thread and with two. */
#include "../../harness/test.h"

#include "isp/isp.h"
#include <softisp/bench.h>

#include <errno.h>

#define CASES_MAX 64

static struct {
    unsigned rows[CASES_MAX]; /* of each case */
    unsigned results, skipped;
    uint64_t hash; /* of path-a */
} seen;

static unsigned index_of(const char *name)
{
    unsigned index = 0;
    while (sisp_bench_name(index) && strcmp(sisp_bench_name(index), name) != 0)
        index++;
    CHECK(sisp_bench_name(index) && index < CASES_MAX);
    return index < CASES_MAX ? index : 0;
}

static void take(void *user, const struct sisp_bench_result *r)
{
    const bool is_cached = strncmp(r->name, "kernel-", 7) == 0 || strcmp(r->name, "clock") == 0;
    seen.rows[index_of(r->name)]++;
    seen.results++;
    CHECK_EQ(r->width, 256);
    if (r->skipped) {
        seen.skipped++;
        CHECK_STR(r->name, "peer-bayer2rgb");
        CHECK(r->ns_per_pixel_min == 0);
        return;
    }
    CHECK(r->ns_per_pixel_min > 0 && r->ns_per_pixel_min <= r->ns_per_pixel_median);
    CHECK(is_cached ? r->bound_ns_per_pixel == 0 : r->bound_ns_per_pixel > 0);
    CHECK(r->cycles_per_pixel > 0);
    if (strncmp(r->name, "path-", 5) == 0 || strncmp(r->name, "burst-", 6) == 0)
        CHECK(r->output_hash != 0);
    if (strcmp(r->name, "path-a") == 0) {
        CHECK(seen.hash == 0 || seen.hash == r->output_hash);
        seen.hash = r->output_hash;
    }
}

static int run(const struct sisp_bench_params *params)
{
    memset(&seen, 0, sizeof(seen));
    return sisp_bench_run(params, take, NULL);
}

TEST(every_case_gives_a_result_at_every_level)
{
    static const char *const levels[] = {"base", "v2", "v3", "v4", "neon"};
    unsigned count = 0;
    CHECK_EQ(run(&(struct sisp_bench_params){.width = 256, .height = 256, .rounds = 2}), 0);
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
        count += isp_isa_find(levels[i]) >= 0;
    CHECK_EQ(seen.rows[index_of("copy")], 1);
    CHECK_EQ(seen.rows[index_of("path-a")], count);
    CHECK_EQ(seen.rows[index_of("kernel-stats")], count);
    CHECK_EQ(seen.rows[index_of("burst-merge")], count);
    CHECK_EQ(seen.rows[index_of("still")], count);
    CHECK_EQ(seen.rows[index_of("kernel-best")], count);
    if (seen.skipped)
        SKIP("GStreamer's bayer2rgb is not installed");
}

TEST(filter_level_and_threads_are_obeyed)
{
    struct sisp_bench_params params = {
        .width = 256, .height = 256, .rounds = 1, .isa = "auto", .threads = 2, .filter = "path-a"};
    CHECK_EQ(run(&params), 0);
    CHECK_EQ(seen.results, 1);
    CHECK_EQ(seen.rows[index_of("path-a")], 1);
    params.filter = "nothing";
    CHECK_EQ(run(&params), -ENOENT);
}

TEST(bad_params_are_refused)
{
    CHECK_EQ(run(&(struct sisp_bench_params){.isa = "v9"}), -EINVAL);
    CHECK_EQ(run(&(struct sisp_bench_params){.width = 9000}), -EINVAL);
    CHECK_EQ(run(&(struct sisp_bench_params){.threads = 65}), -EINVAL);
}

int main(void)
{
    RUN(every_case_gives_a_result_at_every_level);
    RUN(filter_level_and_threads_are_obeyed);
    RUN(bad_params_are_refused);
    return test_report();
}
