/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Slot shares: minima, caps, spares and the quarantine. */
#include "base/prng.h"
#include "engine/belief.h"
#include "engine/session_manager.h"
#include "harness/test.h"

#include <errno.h>

static struct eng_arena arena;
static struct eng_session_manager manager;

static void start_manager(uint32_t slots, uint32_t spares)
{
    struct eng_knobs knobs = {.spare_slots = spares};
    REQUIRE(eng_arena_init(&arena, slots, 1) == 0);
    eng_session_manager_init(&manager, &arena, &knobs);
}

static int admit(uint32_t session, uint32_t min, uint32_t max)
{
    struct eng_session_config config = {.slots_min = min, .slots_max = max};
    return eng_session_admit(&manager, session, &config);
}

static uint32_t take_all(uint32_t session, uint32_t keep, uint32_t *slots)
{
    uint32_t count = 0;
    while (eng_session_acquire(&manager, session, keep, ENG_NONE, &slots[count]) == 0) {
        count++;
        eng_session_manager_check(&manager);
    }
    return count;
}

TEST(minima_of_others_and_spares_stay_free)
{
    uint32_t slots[16], more[16];
    start_manager(16, 2);
    REQUIRE(admit(0, 0, 0) == 0);
    REQUIRE(admit(1, 4, 0) == 0);
    CHECK_EQ(take_all(0, 0, slots), 10);
    CHECK_EQ(take_all(1, 0, more), 4);
    eng_session_return(&manager, more[0]); /* back below its minimum: still nobody else's */
    CHECK_EQ(take_all(0, 0, slots + 10), 0);
    for (uint32_t i = 0; i < 10; i++)
        eng_session_return(&manager, slots[i]);
    CHECK_EQ(take_all(1, 3, more + 3), 1 + 7); /* and keeps what it is told to */
    eng_session_manager_check(&manager);
    eng_arena_finish(&arena);
}

TEST(a_cap_is_kept)
{
    uint32_t slots[16];
    start_manager(16, 1);
    REQUIRE(admit(0, 1, 3) == 0);
    CHECK_EQ(take_all(0, 0, slots), 3);
    eng_session_return(&manager, slots[0]);
    CHECK_EQ(take_all(0, 0, slots), 1);
    eng_arena_finish(&arena);
}

TEST(what_cannot_be_promised_is_refused)
{
    uint32_t slots[16];
    start_manager(12, 2);
    CHECK_EQ(admit(0, 5, 4), -EINVAL);
    CHECK_EQ(admit(0, 13, 0), -EAGAIN);
    CHECK_EQ(admit(0, UINT32_MAX, 0), -EAGAIN);
    REQUIRE(admit(0, 7, 0) == 0);
    CHECK_EQ(admit(1, 4, 0), -EAGAIN); /* 2 + 7 + 4 */
    REQUIRE(admit(1, 3, 0) == 0);
    CHECK_EQ(admit(2, 0, 0), -EAGAIN); /* it could not get on */
    eng_session_dismiss(&manager, 0);
    REQUIRE(admit(2, 0, 0) == 0);
    CHECK_EQ(take_all(2, 0, slots), 7);
    CHECK_EQ(admit(3, 1, 0), -EAGAIN); /* the sum fits, but all is taken now */
    eng_session_return(&manager, slots[0]);
    CHECK_EQ(admit(3, 1, 0), 0);
    eng_session_manager_check(&manager);
    eng_arena_finish(&arena);
}

/* Machines have more cores than there are caches: a high core shares one, its slots are as safe. */
TEST(a_core_beyond_the_caches_shares_one)
{
    uint32_t low, high, again, slots[16];
    struct eng_knobs knobs = {.spare_slots = 1, .core_cache = 2};
    REQUIRE(eng_arena_init(&arena, 8, 1) == 0);
    eng_session_manager_init(&manager, &arena, &knobs);
    REQUIRE(admit(0, 0, 0) == 0);
    REQUIRE(eng_session_acquire(&manager, 0, 0, 5 + ENG_CORES_MAX, &high) == 0);
    REQUIRE(eng_session_acquire(&manager, 0, 0, UINT32_MAX - 1, &low) == 0);
    CHECK_EQ(manager.slots[low].home, ENG_CORES_MAX - 2);
    eng_session_return(&manager, high);
    eng_session_return(&manager, low);
    eng_session_manager_check(&manager);
    CHECK_EQ(manager.cached, 2);
    REQUIRE(eng_session_acquire(&manager, 0, 0, 5, &again) == 0);
    CHECK_EQ(again, high);
    eng_session_return(&manager, again);
    CHECK_EQ(take_all(0, 0, slots), 7); /* recalled before anybody is refused */
    CHECK_EQ(manager.cached, 0);
    eng_arena_finish(&arena);
}

static void apply(uint32_t slot, enum eng_edge edge)
{
    struct eng_token_args args = {
        .holder = 1, .grant = eng_token_grant(eng_arena_token(&arena, slot))};
    bool ok = eng_arena_apply(&arena, slot, edge, &args);
    CHECK(ok);
}

/* The worker's edge by its own hand. */
static void start_work(uint32_t slot)
{
    apply(slot, ENG_EDGE_DISPATCH);
    struct eng_token_args args = {
        .holder = 1, .grant = eng_token_grant(eng_arena_token(&arena, slot))};
    bool ok =
        eng_token_apply(&arena.items[slot].token, ENG_EDGE_START, &args, &arena.counts->token);
    CHECK(ok);
}

TEST(quarantine_uses_the_spares_up_and_gives_them_back)
{
    uint32_t slots[16], more[16], lost[3];
    start_manager(10, 2);
    REQUIRE(admit(0, 0, 4) == 0);
    REQUIRE(admit(1, 2, 0) == 0);
    CHECK_EQ(take_all(0, 0, slots), 4);
    for (uint32_t i = 0; i < 3; i++) {
        lost[i] = slots[i];
        start_work(lost[i]);
        apply(lost[i], ENG_EDGE_STEAL);
        apply(lost[i], ENG_EDGE_ESCALATE);
        eng_session_quarantine(&manager, lost[i]);
        eng_session_manager_check(&manager);
    }
    CHECK_EQ(manager.shares[0].held, 1); /* a hung worker does not eat the session's cap */
    CHECK_EQ(take_all(0, 0, slots), 3);
    CHECK_EQ(take_all(1, 0, more), 3); /* 10 - 3 lost - 4 */
    for (uint32_t i = 0; i < 3; i++) {
        struct eng_token_args args = {
            .holder = 1, .grant = eng_token_grant(eng_arena_token(&arena, lost[i]))};
        REQUIRE(eng_token_apply(
            &arena.items[lost[i]].token, ENG_EDGE_ACKNOWLEDGE, &args, &arena.counts->token));
        apply(lost[i], ENG_EDGE_CONVERT);
        eng_session_return(&manager, lost[i]);
        eng_session_manager_check(&manager);
    }
    CHECK_EQ(take_all(1, 0, more + 3), 1); /* two are spares again */
    eng_arena_finish(&arena);
}

TEST(a_session_that_has_gone_leaves_nothing_behind)
{
    uint32_t slots[16];
    start_manager(8, 1);
    REQUIRE(admit(3, 2, 5) == 0);
    CHECK_EQ(take_all(3, 0, slots), 5);
    eng_session_dismiss(&manager, 3); /* its slots are in the Monitor's hands */
    eng_session_manager_check(&manager);
    REQUIRE(admit(3, 0, 1) == 0);
    for (uint32_t i = 0; i < 5; i++)
        eng_session_return(&manager, slots[i]);
    eng_session_manager_check(&manager);
    CHECK_EQ(take_all(3, 0, slots), 1);
    eng_arena_finish(&arena);
}

/* Sessions come and go and take what they may; no minimum is ever missed. */
TEST(any_order_keeps_the_minima)
{
    struct base_prng prng = {.state = 21};
    uint32_t slots[ENG_SESSIONS_MAX][32], counts[ENG_SESSIONS_MAX] = {0};
    start_manager(32, 2);
    for (uint32_t i = 0; i < 20000 && test_ok; i++) {
        uint32_t p = base_prng_below(&prng, ENG_SESSIONS_MAX);
        struct eng_session_share *share = &manager.shares[p];
        if (!share->is_open) {
            admit(p, base_prng_below(&prng, 6), 5 + base_prng_below(&prng, 20));
        } else if (base_prng_below(&prng, 50) == 0 && counts[p] == 0) {
            eng_session_dismiss(&manager, p);
        } else if (base_prng_below(&prng, 2) && counts[p]) {
            eng_session_return(&manager, slots[p][--counts[p]]);
        } else {
            bool is_owed = share->held < share->min;
            int error = eng_session_acquire(&manager, p, 0, ENG_NONE, &slots[p][counts[p]]);
            CHECK(!is_owed || !error);
            counts[p] += !error;
        }
        eng_session_manager_check(&manager);
    }
    eng_arena_finish(&arena);
}

int main(void)
{
    RUN(minima_of_others_and_spares_stay_free);
    RUN(a_cap_is_kept);
    RUN(what_cannot_be_promised_is_refused);
    RUN(a_core_beyond_the_caches_shares_one);
    RUN(quarantine_uses_the_spares_up_and_gives_them_back);
    RUN(a_session_that_has_gone_leaves_nothing_behind);
    RUN(any_order_keeps_the_minima);
    return test_report();
}
