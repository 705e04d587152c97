/* SPDX-License-Identifier: GPL-3.0-or-later */
/** ResourceManager, SessionManager, lending, ring, inbox, latencies, configuration: each alone. */
#include "base/prng.h"
#include "engine/config.h"
#include "engine/fixture.h"
#include "engine/inbox.h"
#include "engine/lending.h"
#include "engine/resource_manager.h"
#include "engine/session_manager.h"
#include "engine/telemetry.h"
#include "harness/test.h"

#include <errno.h>
#include <softisp/log.h>

static const struct eng_pool_config pools[] = {
    {.name = "a", .size_bytes = 100, .count = 4}, {.name = "b", .size_bytes = 5000, .count = 2}};

TEST(pins_are_counted_per_holder)
{
    struct eng_resource_manager manager;
    REQUIRE(eng_resource_manager_init(&manager, pools, 2, 1, 0) == 0);
    struct eng_handle a;
    CHECK_EQ(eng_resource_acquire(&manager, 0, ENG_HOLDER_FRAME, &a), 0);
    CHECK_EQ(eng_resource_pin(&manager, a, ENG_HOLDER_ATTEMPT), 0);
    CHECK_EQ(manager.pins, 2);
    CHECK_EQ(manager.used_bytes, 100);
    CHECK_EQ(eng_resource_unpin(&manager, a, ENG_HOLDER_CONSUMER), -ESTALE);
    CHECK_EQ(eng_resource_unpin(&manager, a, ENG_HOLDER_FRAME), 0);
    CHECK_EQ(eng_resource_unpin(&manager, a, ENG_HOLDER_FRAME), -ESTALE);
    CHECK(eng_resource_span(&manager, a).bytes != NULL);
    CHECK_EQ(eng_resource_unpin(&manager, a, ENG_HOLDER_ATTEMPT), 0);
    CHECK_EQ(manager.pins, 0);
    CHECK_EQ(manager.used_bytes, 0);
    eng_resource_manager_check(&manager);
    eng_resource_manager_finish(&manager);
}

TEST(stale_handles_are_refused)
{
    struct eng_resource_manager manager;
    REQUIRE(eng_resource_manager_init(&manager, pools, 2, 1, 0) == 0);
    struct eng_handle a, b;
    REQUIRE(eng_resource_acquire(&manager, 0, ENG_HOLDER_FRAME, &a) == 0);
    REQUIRE(eng_resource_unpin(&manager, a, ENG_HOLDER_FRAME) == 0);
    CHECK_EQ(eng_resource_pin(&manager, a, ENG_HOLDER_FRAME), -ESTALE);
    CHECK(eng_resource_span(&manager, a).bytes == NULL);
    REQUIRE(eng_resource_acquire(&manager, 0, ENG_HOLDER_FRAME, &b) == 0);
    CHECK_EQ(a.index, b.index);
    CHECK(a.generation != b.generation);
    CHECK_EQ(eng_resource_unpin(&manager, a, ENG_HOLDER_FRAME), -ESTALE);
    struct eng_handle wild = {.index = 77, .generation = 1}, none = {0};
    CHECK_EQ(eng_resource_pin(&manager, wild, ENG_HOLDER_FRAME), -ESTALE);
    CHECK_EQ(eng_resource_pin(&manager, none, ENG_HOLDER_FRAME), -ESTALE);
    CHECK_EQ(manager.stale, 4);
    eng_resource_manager_finish(&manager);
}

TEST(quota_and_reservations_bound_use)
{
    struct eng_resource_manager manager;
    REQUIRE(eng_resource_manager_init(&manager, pools, 2, 1, 5250) == 0);
    struct eng_handle handle;
    CHECK_EQ(eng_resource_reserve(&manager, 1, 2), -EAGAIN); /* 10000 > 5250 */
    CHECK_EQ(eng_resource_reserve(&manager, 1, 1), 0);
    CHECK_EQ(manager.reserved_bytes, 5000);
    CHECK_EQ(eng_resource_acquire(&manager, 1, ENG_HOLDER_FRAME, &handle), -EAGAIN);
    CHECK_EQ(eng_resource_acquire(&manager, 0, ENG_HOLDER_FRAME, &handle), 0);
    CHECK_EQ(eng_resource_acquire(&manager, 0, ENG_HOLDER_FRAME, &handle), 0);
    CHECK_EQ(eng_resource_acquire(&manager, 0, ENG_HOLDER_FRAME, &handle), -EAGAIN);
    handle = eng_resource_allocate(&manager, 1, ENG_HOLDER_FRAME);
    CHECK_EQ(manager.reserved_bytes, 0);
    CHECK_EQ(manager.used_bytes, 5200);
    eng_resource_manager_check(&manager);
    CHECK_EQ(eng_resource_unpin(&manager, handle, ENG_HOLDER_FRAME), 0);
    CHECK_EQ(eng_resource_acquire(&manager, 1, ENG_HOLDER_FRAME, &handle), 0);
    eng_resource_manager_check(&manager);
    eng_resource_manager_finish(&manager);
}

TEST(a_generation_is_never_none)
{
    struct eng_resource_manager manager;
    struct eng_handle a;
    REQUIRE(eng_resource_manager_init(&manager, pools, 2, 1, 0) == 0);
    manager.buffers[manager.pools[0].free_head].generation = UINT32_MAX;
    REQUIRE(eng_resource_acquire(&manager, 0, ENG_HOLDER_FRAME, &a) == 0);
    CHECK_EQ(a.generation, 1);
    CHECK(eng_resource_span(&manager, a).bytes != NULL);
    eng_resource_manager_finish(&manager);
}

TEST(a_pool_that_no_address_space_holds_is_refused)
{
    static const struct eng_pool_config huge[] = {{.name = "a", .size_bytes = 100, .count = 4},
        {.name = "huge", .size_bytes = SIZE_MAX / 2, .count = 4}};
    struct eng_resource_manager manager;
    CHECK_EQ(eng_resource_manager_init(&manager, huge, 2, 0, 0), -ENOMEM);
}

TEST(random_use_keeps_the_invariants)
{
    struct eng_resource_manager manager;
    REQUIRE(eng_resource_manager_init(&manager, pools, 2, 1, 0) == 0);
    struct base_prng prng = {.state = 1};
    struct eng_handle handles[8] = {0};
    uint32_t acquired = 0;
    for (int i = 0; i < 20000; i++) {
        struct eng_handle *handle = &handles[base_prng_below(&prng, 8)];
        enum eng_holder holder = base_prng_below(&prng, ENG_HOLDER_COUNT);
        uint32_t what = base_prng_below(&prng, 10);
        if (what == 0 && !eng_resource_span(&manager, *handle).bytes)
            acquired += !eng_resource_acquire(&manager, base_prng_below(&prng, 2), holder, handle);
        else if (what == 1)
            eng_resource_pin(&manager, *handle, holder);
        else
            eng_resource_unpin(&manager, *handle, holder);
        eng_resource_manager_check(&manager);
    }
    CHECK(acquired > 100);
    eng_resource_manager_finish(&manager);
}

TEST(slots_leave_in_the_order_they_were_freed)
{
    struct eng_arena arena;
    static struct eng_session_manager manager;
    REQUIRE(eng_arena_init(&arena, 6, 1) == 0);
    struct eng_knobs knobs = {.spare_slots = 1};
    eng_session_manager_init(&manager, &arena, &knobs);
    REQUIRE(eng_session_admit(&manager, 0, &(struct eng_session_config){0}) == 0);
    struct base_prng prng = {.state = 2};
    uint32_t held[6], held_count = 0, expected[6], expected_count = 6;
    for (uint32_t i = 0; i < 6; i++)
        expected[i] = i;
    for (int i = 0; i < 2000; i++) {
        uint32_t slot;
        if (base_prng_below(&prng, 2) && held_count) {
            uint32_t which = base_prng_below(&prng, held_count);
            expected[expected_count++] = held[which];
            eng_session_return(&manager, held[which]);
            held[which] = held[--held_count];
        } else if (eng_session_acquire(&manager, 0, 1, ENG_NONE, &slot) == 0) {
            CHECK_EQ(slot, expected[0]);
            memmove(expected, expected + 1, --expected_count * sizeof(expected[0]));
            held[held_count++] = slot;
        } else {
            CHECK_EQ(eng_session_free_count(&manager), 2); /* one is kept, one is a spare */
        }
        eng_session_manager_check(&manager);
    }
    eng_arena_finish(&arena);
}

TEST(lent_buffers_come_back_once)
{
    struct eng_lending lending;
    REQUIRE(eng_lending_init(&lending, 3) == 0);
    struct eng_handle handle = {.index = 2, .generation = 9}, stale = {.index = 2, .generation = 8};
    eng_lending_lend(&lending, handle, ENG_BORROWER_CONSUMER);
    CHECK_EQ(eng_lending_pass(&lending, stale, ENG_BORROWER_CONSUMER, ENG_BORROWER_NONE), -ESTALE);
    CHECK_EQ(eng_lending_pass(&lending, handle, ENG_BORROWER_PRODUCER, ENG_BORROWER_NONE), -ESTALE);
    CHECK_EQ(eng_lending_pass(&lending, handle, ENG_BORROWER_CONSUMER, ENG_BORROWER_NONE), 0);
    CHECK_EQ(eng_lending_pass(&lending, handle, ENG_BORROWER_CONSUMER, ENG_BORROWER_NONE), -ESTALE);
    eng_lending_finish(&lending);
}

TEST(ring_and_inbox_are_bounded_and_ordered)
{
    struct eng_ring ring;
    struct eng_inbox inbox;
    uint32_t cell, item;
    eng_ring_init(&ring, 4);
    REQUIRE(eng_inbox_init(&inbox, 4, sizeof(item)) == 0);
    for (uint32_t round = 0; round < 3; round++) {
        for (item = 0; item < 4; item++) {
            CHECK(eng_ring_reserve(&ring, &cell) && cell == item);
            eng_ring_push(&ring);
            CHECK(eng_inbox_push(&inbox, &item));
        }
        CHECK(!eng_ring_reserve(&ring, &cell));
        CHECK(!eng_inbox_push(&inbox, &item));
        for (uint32_t i = 0; i < 4; i++) {
            CHECK(eng_ring_peek(&ring, &cell) && cell == i);
            eng_ring_pop(&ring);
            CHECK(eng_inbox_pop(&inbox, &item) && item == i);
        }
        CHECK(!eng_ring_peek(&ring, &cell));
        CHECK(!eng_inbox_pop(&inbox, &item));
    }
    eng_inbox_finish(&inbox);
}

TEST(latency_buckets_are_six_percent_wide)
{
    for (uint64_t ns = 0; ns < (uint64_t)1 << 62; ns += ns / 8 + 1) {
        uint64_t end_ns = eng_latency_bucket_end(eng_latency_bucket(ns));
        CHECK(end_ns >= ns && end_ns - ns <= ns / 15);
        CHECK_EQ(eng_latency_bucket(end_ns + 1), eng_latency_bucket(ns) + 1);
    }
}

static int resolve_with(struct fixture *fixture)
{
    static struct eng_config resolved;
    return eng_config_resolve(&resolved, &fixture->config);
}

static void ignore_log(void *user, enum sisp_log_level level, const char *sentence)
{
}

TEST(wrong_tables_are_refused)
{
    static struct fixture fixture;
    struct eng_config *config = &fixture.config;
    sisp_log_set(SISP_LOG_ERROR, ignore_log, NULL);
    fixture_init(&fixture, 1);
    CHECK_EQ(resolve_with(&fixture), 0);
#define REFUSES(change)                                                                            \
    do {                                                                                           \
        fixture_init(&fixture, 1);                                                                 \
        change;                                                                                    \
        CHECK_EQ(resolve_with(&fixture), -EINVAL);                                                 \
    } while (0)
    REFUSES(config->knobs.slots = 3);
    REFUSES(config->pool_count = 0);
    REFUSES(config->input_pool = POOL_COUNT);
    REFUSES(config->history_count = 17);
    REFUSES(config->pools[POOL_INPUT].count = 4);
    REFUSES(config->pools[POOL_STILL].size_bytes = 0);
    REFUSES(config->workers[WORKER_FAST].threads = 65);
    REFUSES(config->commands[RAW_ISP].worker = WORKER_COUNT);
    REFUSES(config->commands[RAW_ISP].worker = WORKER_FAST);
    REFUSES(config->commands[RAW_ISP].reads = 1u << ROLE_COEFFICIENTS);
    REFUSES(config->commands[FAST_ISP].ops = NULL);
    REFUSES(config->lanes[ENG_LANE_FAST].stages[1] = COMMAND_COUNT);
    REFUSES(config->lanes[ENG_LANE_FAST].role_pool[ROLE_PICTURE] = ENG_NONE);
    REFUSES(config->lanes[ENG_LANE_FAST].role_pool[ROLE_PICTURE] = POOL_FLOOR);
    REFUSES(config->pools[POOL_FLOOR].count = 1);
    REFUSES(config->blob_role = 5);
#undef REFUSES
    sisp_log_set(SISP_LOG_WARNING, NULL, NULL);
}

int main(void)
{
    RUN(pins_are_counted_per_holder);
    RUN(stale_handles_are_refused);
    RUN(quota_and_reservations_bound_use);
    RUN(a_generation_is_never_none);
    RUN(a_pool_that_no_address_space_holds_is_refused);
    RUN(random_use_keeps_the_invariants);
    RUN(slots_leave_in_the_order_they_were_freed);
    RUN(lent_buffers_come_back_once);
    RUN(ring_and_inbox_are_bounded_and_ordered);
    RUN(latency_buckets_are_six_percent_wide);
    RUN(wrong_tables_are_refused);
    return test_report();
}
