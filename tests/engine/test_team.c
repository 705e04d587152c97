/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Where a team's threads run. Linked with --wrap. */
#include "engine/fixture.h"
#include "harness/test.h"

#define THREADS 3u

static struct fixture fixture;
static _Atomic uint32_t leader_core, told[3]; /* how often, by core */

uint32_t __wrap_plat_core(void);
void __wrap_plat_keep_off_core(const struct plat_thread *thread, uint32_t core);

uint32_t __wrap_plat_core(void)
{
    return leader_core;
}

void __wrap_plat_keep_off_core(const struct plat_thread *thread, uint32_t core)
{
    CHECK(thread->handle != 0);
    told[core]++;
}

static void run_frame(uint32_t core)
{
    struct eng_completion completion;
    leader_core = core;
    REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, 0) == 0);
    REQUIRE(fixture_next(&fixture, &completion) == 0);
    eng_release(fixture.runtime, &completion);
}

TEST(helpers_keep_off_their_leaders_core)
{
    fixture_init(&fixture, THREADS);
    REQUIRE(fixture_start(&fixture) == 0);
    for (uint32_t i = 0; i < 5; i++)
        run_frame(1);
    CHECK_EQ(told[1], THREADS - 1);
    run_frame(2);
    CHECK_EQ(told[2], THREADS - 1);
    run_frame(1);
    CHECK_EQ(told[1], 2 * (THREADS - 1));
    CHECK_EQ(told[0], 0);
    fixture_finish(&fixture);
}

int main(void)
{
    RUN(helpers_keep_off_their_leaders_core);
    return test_report();
}
