/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The bench on small frames: all cases run, in order, with one thread and with two. */
#include "../../harness/test.h"

#include <softisp/bench.h>

#include <errno.h>

static unsigned results;

static void take(void *user, const struct sisp_bench_result *r)
{
    const unsigned *first = user;
    CHECK_STR(r->name, sisp_bench_name(*first + results));
    CHECK(r->ns_per_pixel_min > 0 && r->ns_per_pixel_min <= r->ns_per_pixel_median);
    CHECK_EQ(r->width, 256);
    CHECK(strncmp(r->name, "kernel-", 7) == 0 ? r->bound_ns_per_pixel == 0
                                              : r->bound_ns_per_pixel > 0);
    results++;
}

TEST(every_case_gives_a_result)
{
    unsigned first = 0, count = 0;
    const struct sisp_bench_params params = {.width = 256, .height = 256, .rounds = 1};
    results = 0;
    CHECK_EQ(sisp_bench_run(&params, take, &first), 0);
    while (sisp_bench_name(count))
        count++;
    CHECK_EQ(results, count);
}

TEST(filter_and_threads_are_obeyed)
{
    unsigned first = 1; /* "copy" is not named */
    struct sisp_bench_params params = {
        .width = 256, .height = 256, .rounds = 1, .threads = 2, .filter = "path-a"};
    results = 0;
    CHECK_EQ(sisp_bench_run(&params, take, &first), 0);
    CHECK_EQ(results, 1);
    params.filter = "nothing";
    CHECK_EQ(sisp_bench_run(&params, take, &first), -ENOENT);
}

TEST(bad_params_are_refused)
{
    unsigned first = 0;
    CHECK_EQ(sisp_bench_run(&(struct sisp_bench_params){.isa = "v9"}, take, &first), -EINVAL);
    CHECK_EQ(sisp_bench_run(&(struct sisp_bench_params){.width = 9000}, take, &first), -EINVAL);
    CHECK_EQ(sisp_bench_run(&(struct sisp_bench_params){.threads = 65}, take, &first), -EINVAL);
}

int main(void)
{
    RUN(every_case_gives_a_result);
    RUN(filter_and_threads_are_obeyed);
    RUN(bad_params_are_refused);
    return test_report();
}
