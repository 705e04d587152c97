/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The knobs' table: defaults, ranges, and what the arrays behind them can hold. */
#include "engine/config.h"
#include "engine/fixture.h"
#include "engine/session_manager.h"
#include "harness/test.h"

#include <errno.h>
#include <softisp/log.h>
#include <string.h>

static struct fixture fixture;
static struct eng_config resolved;

static int resolve(uint32_t knob, uint64_t value)
{
    fixture_init(&fixture, 1);
    fixture.config.worker_program = "none"; /* what one value of a knob asks for */
    *eng_knob_at(&fixture.config.knobs, knob) = value;
    return eng_config_resolve(&resolved, &fixture.config);
}

TEST(zero_takes_the_default_of_the_table)
{
    REQUIRE(resolve(0, 0) == 0);
    for (uint32_t i = 0; i < ENG_KNOB_COUNT; i++) {
        const struct eng_knob_row *row = &eng_knob_table[i];
        CHECK_EQ(*eng_knob_at(&resolved.knobs, i), row->value_default * row->scale);
    }
    CHECK_EQ(resolved.knobs.slots, 16);
    CHECK_EQ(resolved.knobs.drain_grace_period_ns, 100 * MS);
}

static void ignore_log(void *user, enum sisp_log_level level, const char *sentence)
{
}

TEST(ranges_are_kept)
{
    sisp_log_set(SISP_LOG_ERROR, ignore_log, NULL);
    for (uint32_t i = 0; i < ENG_KNOB_COUNT; i++) {
        const struct eng_knob_row *row = &eng_knob_table[i];
        CHECK_EQ(resolve(i, row->max * row->scale + 1), -EINVAL);
        CHECK_EQ(resolve(i, UINT64_MAX), -EINVAL);
        if (row->min > 1)
            CHECK_EQ(resolve(i, (row->min - 1) * row->scale), -EINVAL);
        if (i == ENG_KNOB_spare_slots)
            continue; /* its end depends on the slots */
        CHECK_EQ(resolve(i, row->max * row->scale), 0);
        CHECK_EQ(resolve(i, row->min * row->scale), 0);
    }
    sisp_log_set(SISP_LOG_WARNING, NULL, NULL);
}

TEST(names_are_there_once_and_arrays_are_large_enough)
{
    for (uint32_t i = 0; i < ENG_KNOB_COUNT; i++)
        for (uint32_t j = 0; j < i; j++)
            CHECK(strcmp(eng_knob_table[i].name, eng_knob_table[j].name) != 0);
    CHECK(eng_knob_table[ENG_KNOB_slots].max <= ENG_SLOTS_MAX);
    CHECK(eng_knob_table[ENG_KNOB_core_cache].max <= ENG_CORE_CACHE_MAX);
}

TEST(a_lane_without_a_capacity_has_the_knobs)
{
    fixture_init(&fixture, 1);
    fixture.config.lanes[ENG_LANE_FAST].capacity = 0;
    fixture.config.knobs.fast_lane_capacity = 3;
    fixture.config.knobs.background_lane_capacity = 7;
    REQUIRE(eng_config_resolve(&resolved, &fixture.config) == 0);
    CHECK_EQ(resolved.lanes[ENG_LANE_FAST].capacity, 3);
    CHECK_EQ(resolved.lanes[ENG_LANE_BACKGROUND].capacity, 4); /* the table's own */
}

int main(void)
{
    RUN(zero_takes_the_default_of_the_table);
    RUN(ranges_are_kept);
    RUN(names_are_there_once_and_arrays_are_large_enough);
    RUN(a_lane_without_a_capacity_has_the_knobs);
    return test_report();
}
